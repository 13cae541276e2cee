"""Start the panel on this machine, with a few administrators to look at.

Rule 1. It listens on 127.0.0.1 only, and without `--data` it lives in a new temporary folder.
Rule 2. The owner's password is random and printed once. Nothing else of worth is printed, and no request is logged.
Rule 3. Where second factors are kept, and under which keys, are settings of the environment, as both may hold secrets:
`TOTPCORE_STORE` is a URL, `TOTPCORE_KEYS` what `Keyring.generate_key()` made.
"""

import argparse
import os
import secrets
import socket
import sys
import tempfile
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from admin_panel import create_app, make_store
from admin_panel.session import Panel
from totpcore import TOTP, InvalidInput, Plaintext, Secret, StoreError
from totpcore.sealing import Keyring

PORT = 5000


class Quiet(WSGIRequestHandler):
    """Requests are not logged; errors are."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def seed(panel: Panel) -> str:
    """Add an owner and three colleagues, two of them with a second factor. Returns the owner's password."""
    password = secrets.token_urlsafe(12)
    panel.users.add("ada", "Ada Lovelace", password, owner=True)
    for login, name in (("grace", "Grace Hopper"), ("katherine", "Katherine Johnson"), ("alan", "Alan Turing")):
        panel.users.add(login, name, secrets.token_urlsafe(12), temporary=True)
    users = {user.login: user.id for user in panel.users.all()}
    panel.factor.adopt(users["grace"], TOTP(Secret.generate()), spent=-1)
    panel.users.expect_factor(users["grace"], expected=True)
    panel.factor.enrol(users["katherine"], account="katherine")
    return password


def listen(port: int | None) -> socket.socket:
    """A socket on `port`; without one on 5000, or whatever is free."""
    try:
        return socket.create_server(("127.0.0.1", PORT if port is None else port))
    except OSError:
        if port is not None:
            raise
        return socket.create_server(("127.0.0.1", 0))


def main() -> None:
    """Read the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m admin_panel", description="An example admin panel.")
    parser.add_argument("--port", type=int, help=f"default: {PORT}, or a free one if that is taken")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where its files are; default: a new folder")
    chosen = parser.parse_args()
    folder = chosen.data or Path(tempfile.mkdtemp(prefix="admin-panel-"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        sealer = Keyring.from_env("TOTPCORE_KEYS") if os.environ.get("TOTPCORE_KEYS") else Plaintext()
        store = os.environ.get("TOTPCORE_STORE")
        if not (folder / "users.db").exists():  # where there are users, a store that is missing is lost
            make_store(folder, store)
        app = create_app(folder, store=store, sealer=sealer)
    except (InvalidInput, StoreError, ImportError, OSError) as error:
        parser.exit(1, f"{error}\n")
    panel: Panel = app.extensions["panel"]
    try:
        door = listen(chosen.port)
    except (OSError, OverflowError) as error:
        parser.exit(1, f"Port {chosen.port}: {error}\n")
    with door:
        port = door.getsockname()[1]
        lines = [f"http://127.0.0.1:{port}/"]
        if panel.users.all():
            lines.append(f"Users:     those that {folder} holds")
        else:
            lines += ["User name: ada", f"Password:  {seed(panel)}", f"Data:      {folder}"]
        sys.stdout.write("\n".join([*lines, "Ctrl-C stops it.", ""]))
        sys.stdout.flush()
        server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet, fd=door.fileno())
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.stdout.write("\n")
        finally:
            server.server_close()


if __name__ == "__main__":
    main()
