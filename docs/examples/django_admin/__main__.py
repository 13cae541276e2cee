"""Start the project on this machine, with an owner to log in as.

Rule 1. It listens on 127.0.0.1 only, and without `--data` it lives in a new temporary folder.
Rule 2. The owner's password is random and printed once. Nothing else of worth is printed, and no request is logged.
Rule 3. Keys are made at the first run, and kept beside the database, as this is an example. Keep yours elsewhere.
"""

import argparse
import os
import secrets
import socket
import sys
import tempfile
from pathlib import Path

import django
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

from totpcore.sealing import Keyring

PORT = 8000


class Quiet(WSGIRequestHandler):
    """Requests are not logged."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the base class has it
        """Say nothing."""


def kept(path: Path, made: str) -> str:
    """Return what a file of the owner's alone holds; `made` goes into one that is missing."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(made, "utf-8")
    return path.read_text("utf-8")


def prepare(folder: Path) -> str:
    """Make what is missing in the folder; returns the password of the owner, where that was."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["DJANGO_ADMIN_DATA"] = str(folder)
    os.environ["DJANGO_SECRET_KEY"] = kept(folder / "django.key", secrets.token_urlsafe(50))
    os.environ["TOTPCORE_KEYS"] = kept(folder / "totp.keys", Keyring.generate_key())
    os.environ["DJANGO_SETTINGS_MODULE"] = "django_admin.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User  # noqa: PLC0415  # once Django is set up

    if User.objects.exists():
        return ""
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser("ada", "ada@example.com", password, first_name="Ada", last_name="Lovelace")
    for login, first, last in (("grace", "Grace", "Hopper"), ("alan", "Alan", "Turing")):
        User.objects.create_user(login, password=secrets.token_urlsafe(12), first_name=first, last_name=last)
    User.objects.update(is_staff=True)
    return password


def listen(port: int | None) -> socket.socket:
    """A socket on `port`; without one on 8000, or whatever is free."""
    try:
        return socket.create_server(("127.0.0.1", PORT if port is None else port))
    except OSError:
        if port is not None:
            raise
        return socket.create_server(("127.0.0.1", 0))


def main() -> None:
    """Read the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m django_admin", description="An example of Django's admin.")
    parser.add_argument("--port", type=int, help=f"default: {PORT}, or a free one if that is taken")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where its files are; default: a new folder")
    chosen = parser.parse_args()
    folder = chosen.data or Path(tempfile.mkdtemp(prefix="django-admin-"))
    try:
        door = listen(chosen.port)
    except (OSError, OverflowError) as error:
        parser.exit(1, f"Port {chosen.port}: {error}\n")
    with door:
        password = prepare(folder)
        port = door.getsockname()[1]
        lines = [f"http://127.0.0.1:{port}/admin/"]
        if password:
            lines += ["User name: ada", f"Password:  {password}", f"Data:      {folder}"]
        else:
            lines.append(f"Users:     those that {folder} holds")
        server = ThreadedWSGIServer(("127.0.0.1", port), Quiet, bind_and_activate=False)
        server.socket.close()
        server.socket = door
        server.server_name, server.server_port = "127.0.0.1", port
        server.setup_environ()
        server.set_app(StaticFilesHandler(get_wsgi_application()))
        sys.stdout.write("\n".join([*lines, "Ctrl-C stops it.", ""]))
        sys.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.stdout.write("\n")
        finally:
            server.server_close()


if __name__ == "__main__":
    main()
