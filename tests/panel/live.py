"""The panel, running, and the ways to visit it: with a browser, or without for speed.

Rule 1. Time is set by hand, unless a test needs the real clock.
Rule 2. What knows no panel is in `browser`.
"""

import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from admin_panel import create_app
from admin_panel.app import UNSEALED
from admin_panel.session import Panel
from browser.codes import oath_code, wrong_code
from totpcore import InvalidCode, Sealer, TwoFactor
from totpcore.testing import HandClock

PASSWORD = "a password to test with"
START = 1_800_000_000.0


@dataclass(frozen=True)
class Account:
    """An administrator as a test needs them."""

    id: str
    login: str
    key: str = ""
    recovery_codes: tuple[str, ...] = ()

    def code(self, at: float) -> str:
        """What their app shows."""
        return oath_code(self.key, at)


class Live:
    """A panel with its files in `folder`, on a clock that is moved by hand."""

    def __init__(
        self, folder: Path, clock: Callable[[], float], *, store: str | None = None, sealer: Sealer = UNSEALED
    ) -> None:
        self.app = create_app(folder, store=store, sealer=sealer, clock=clock)
        self.folder = folder
        self.clock = clock
        self.panel: Panel = self.app.extensions["panel"]
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

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        assert isinstance(self.clock, HandClock)
        self.clock.tick(seconds)

    def add(self, login: str, *, owner: bool = False) -> Account:
        """An administrator with a password only."""
        self.panel.users.add(login, login.capitalize(), PASSWORD, owner=owner)
        return Account(next(user.id for user in self.panel.users.all() if user.login == login), login)

    def add_with_factor(self, login: str, *, owner: bool = False) -> Account:
        """An administrator with a confirmed second factor; the code it was confirmed with is a minute old."""
        account = self.add(login, owner=owner)
        enrolment = self.factor.enrol(account.id, account=login)
        key = enrolment.secret.base32
        confirmed = self.factor.confirm(account.id, oath_code(key, self.clock()))
        self.panel.users.expect_factor(account.id, expected=True)
        self.tick(60)
        return Account(account.id, login, key, tuple(confirmed.recovery_codes))

    def fail(self, account: Account, times: int) -> None:
        """Let somebody who knows the password type this many wrong codes, waiting as long as needed."""
        for _ in range(times):
            self.tick(3600)
            with contextlib.suppress(InvalidCode):
                self.factor.verify(account.id, self.wrong_code(account))

    def wrong_code(self, account: Account) -> str:
        """A code that is wrong now and for some minutes."""
        return wrong_code(account.key, self.clock())

    def visitor(self) -> "Visitor":
        """A visitor without a browser."""
        return Visitor(self)


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class Visitor:
    """Somebody who sends forms as a browser would, with the token of the last page."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.client = live.app.test_client()
        self.token = ""

    def get(self, path: str) -> TestResponse:
        """Open a page."""
        return self._look(self.client.get(path, buffered=True))

    def post(self, path: str, **fields: str) -> TestResponse:
        """Send a form."""
        return self._look(self.client.post(path, data={"csrf": self.token, **fields}, buffered=True))

    def give_password(self, login: str, password: str = PASSWORD) -> TestResponse:
        """The first step of the log-in."""
        self.get("/login")
        answer = self.post("/login", login=login, password=password)
        if answer.status_code == 302:
            self.get(answer.headers["Location"])
        return answer

    def log_in(self, account: Account) -> TestResponse:
        """Both steps of the log-in."""
        answer = self.give_password(account.login)
        if account.key:
            answer = self.post("/login/code", code=account.code(self.live.clock()))
            assert answer.status_code == 302, answer.text
            self.get(answer.headers["Location"])
        return answer

    @property
    def cookie(self) -> str:
        """The session's word."""
        found = self.client.get_cookie("panel")
        return found.value if found else ""

    def _look(self, answer: TestResponse) -> TestResponse:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', answer.get_data(as_text=True))
        self.token = found[1] if found else self.token
        return answer


def give_password(page: Page, live: Live, login: str, password: str = PASSWORD) -> None:
    """The first step of the log-in, in a browser."""
    page.goto(f"{live.url}/login")
    page.get_by_label("User name").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def log_in(page: Page, live: Live, account: Account) -> None:
    """Both steps of the log-in, in a browser."""
    give_password(page, live, account.login)
    if account.key:
        give_code(page, account.code(live.clock()))
    page.get_by_role("heading", name="Access granted").wait_for()


def give_code(page: Page, code: str) -> None:
    """The second step of the log-in, in a browser."""
    page.get_by_label("Token Code").fill(code)
    page.get_by_role("button", name="Continue").click()
