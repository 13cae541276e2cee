"""The Flask panel, running, and its visitors."""

import sqlite3
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from werkzeug.security import generate_password_hash
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from admin_panel import create_app, make_store
from admin_panel.app import UNSEALED
from admin_panel.session import Panel
from browser.site import PASSWORD, START, Account
from pages import live as pages
from totpcore import Sealer, TwoFactor

__all__ = ["PASSWORD", "START", "Account", "Live", "Visitor"]


class Live(pages.Live):
    """A panel with its files in `folder`."""

    module = "admin_panel.users"
    service = TwoFactor

    def __init__(
        self, folder: Path, clock: Callable[[], float], *, store: str | None = None, sealer: Sealer = UNSEALED
    ) -> None:
        make_store(folder, store)
        self.app = create_app(folder, store=store, sealer=sealer, clock=clock)
        self.folder = folder
        self.clock = clock
        self.panel: Panel = self.app.extensions["panel"]
        self.users = self.panel.users
        self.factor: TwoFactor = self.panel.factor
        self._server: BaseWSGIServer | None = None
        self.url = ""

    def serve(self) -> None:
        """Listen on a free port."""
        self._server = make_server("127.0.0.1", 0, self.app, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def visitor(self) -> "Visitor":
        return Visitor(self)

    def addresses(self, method: str) -> list[tuple[str, set[str]]]:
        return [
            (rule.rule.replace("<user>", "{user}"), rule.methods or set())
            for rule in self.app.url_map.iter_rules()
            if method in (rule.methods or ()) and rule.endpoint != "static"
        ]

    @staticmethod
    def hash(password: str) -> str:
        return generate_password_hash(password, method="pbkdf2:sha256:10")

    def after_call(self, patch: pytest.MonkeyPatch, name: str, action: Callable[[], object]) -> None:
        asked: Callable[..., object] = getattr(TwoFactor, name)

        def overtaken(*given: object, **named: object) -> object:
            patch.setattr(TwoFactor, name, asked)
            answer = asked(*given, **named)
            with ThreadPoolExecutor(1) as elsewhere:  # in this thread, a request of its would share this one's `g`
                elsewhere.submit(action).result()
            return answer

        patch.setattr(TwoFactor, name, overtaken)

    def spoil(self, user: str) -> None:
        with closing(sqlite3.connect(self.folder / "second-factors.db", isolation_level=None)) as db:
            table = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()[0]
            keys = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            done = db.execute(f"UPDATE {table} SET {keys[1]} = x'00ff' WHERE {keys[0]} = ?", (user,)).rowcount
            assert done == 1

    def kept(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.folder.iterdir())

    def set_secure(self, secure: bool) -> None:
        self.app.config["SECURE_COOKIE"] = secure


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class Visitor(pages.Visitor):
    """Somebody who visits it."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.client = live.app.test_client()

    @property
    def cookie(self) -> str:
        found = self.client.get_cookie("panel")
        return found.value if found else ""

    def plant(self, word: str) -> None:
        self.client.set_cookie("panel", word)

    def _ask(self, method: str, path: str, fields: Mapping[str, str]) -> TestResponse:
        return self.client.open(path, method=method, data=dict(fields) if method != "GET" else None, buffered=True)
