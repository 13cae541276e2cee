"""Start the panel on this machine, with a few administrators to look at.

Rule 1. It listens on 127.0.0.1 only.
Rule 2. The owner's password is random and printed once. Nothing else of worth is printed, and no request is logged.
Rule 3. URLs and keys may hold secrets, so they are settings of the environment: `TOTPCORE_STORE` says where second
factors are kept, `TOTPCORE_KEYS` is what `Keyring.generate_key()` made. `--database` is for a URL without a password.
"""

import argparse
import asyncio
import contextlib
import os
import secrets
import socket
import sys

import psycopg
import uvicorn
from fastapi import FastAPI

from fastapi_panel import create_app, make_store
from fastapi_panel.session import Panel
from totpcore import TOTP, InvalidInput, Plaintext, Secret, StoreError
from totpcore.sealing import Keyring

PORT = 5001
POSTGRES = ("postgresql://", "postgres://")
MISSING = "A PostgreSQL database is missing: --database postgresql://user@host/name, or the same in TOTPCORE_STORE.\n"


async def seed(app: FastAPI, database: str, store: str | None) -> str:
    """If there are no users, make the store, an owner and three colleagues, two with a second factor.

    Returns the owner's password, or nothing if there are users.
    """
    panel: Panel = app.state.panel
    password = secrets.token_urlsafe(12)
    async with app.router.lifespan_context(app):
        if await panel.users.all():  # where there are users, a store that is missing is lost
            return ""
        await make_store(database, store)
        await panel.users.add("ada", "Ada Lovelace", password, owner=True)
        for login, name in (("grace", "Grace Hopper"), ("katherine", "Katherine Johnson"), ("alan", "Alan Turing")):
            await panel.users.add(login, name, secrets.token_urlsafe(12), temporary=True)
        users = {user.login: user.id for user in await panel.users.all()}
        await panel.factor.adopt(users["grace"], TOTP(Secret.generate()), spent=-1)
        await panel.users.expect_factor(users["grace"], expected=True)
        await panel.factor.enrol(users["katherine"], account="katherine")
    return password


def listen(port: int | None) -> socket.socket:
    """A socket on `port`; without one on 5001, or whatever is free."""
    try:
        return socket.create_server(("127.0.0.1", PORT if port is None else port))
    except OSError:
        if port is not None:
            raise
        return socket.create_server(("127.0.0.1", 0))


def main() -> None:
    """Read the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m fastapi_panel", description="An example admin panel.")
    parser.add_argument("--port", type=int, help=f"default: {PORT}, or a free one if that is taken")
    parser.add_argument("--database", metavar="URL", help="PostgreSQL; default: that of TOTPCORE_STORE")
    chosen = parser.parse_args()
    store = os.environ.get("TOTPCORE_STORE")
    database = chosen.database or (store if store and store.startswith(POSTGRES) else "")
    if not database:
        parser.exit(2, MISSING)
    try:
        sealer = Keyring.from_env("TOTPCORE_KEYS") if os.environ.get("TOTPCORE_KEYS") else Plaintext()
        app = create_app(database, store=store, sealer=sealer)
        password = asyncio.run(seed(app, database, store))
        door = listen(chosen.port)
    except (InvalidInput, StoreError, ImportError, OSError, OverflowError, psycopg.Error) as error:
        parser.exit(1, f"{' '.join(str(error).split()) or type(error).__name__}\n")
    with door:
        lines = [f"http://127.0.0.1:{door.getsockname()[1]}/"]
        lines += ["User name: ada", f"Password:  {password}"] if password else ["Users:     those of the database"]
        sys.stdout.write("\n".join([*lines, "Ctrl-C stops it.", ""]))
        sys.stdout.flush()
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[door])
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
