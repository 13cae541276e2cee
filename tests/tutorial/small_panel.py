"""The small panel of a step, in the process of the test, and visitors to it.

Rule 1. A panel is what a reader has after its step; what the step does not have yet is not there.
"""

import base64
import importlib.util
import re
import sys
import zlib
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from browser.codes import oath_code
from totpcore import TwoFactor
from totpcore.sealing import Keyring
from totpcore.stores import SQLiteStore
from totpcore.testing import HandClock
from tutorial.reading import state

LAST = 8


class Panel:
    """The panel with Ada in it, who has a password, on a clock that is set by hand."""

    def __init__(self, folder: Path, clock: HandClock, patch: pytest.MonkeyPatch, step: int = LAST) -> None:
        for name, text in state(step).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        (folder / "session.key").write_text("a key for a test", "utf-8")
        (folder / "totp.keys").touch(mode=0o600)
        (folder / "totp.keys").write_text(Keyring.generate_key("test"), "utf-8")
        SQLiteStore(folder / "second-factors.db", create=True)
        self.folder = folder
        self.clock = clock
        self.module = _load(folder / "panel.py", patch)
        self.app: Flask = self.module.app
        self.password = self.command("add", "ada")
        self.key = ""
        self.recovery_codes: list[str] = []

    @property
    def factor(self) -> TwoFactor:
        """Where the second factors are, from step 2 on."""
        factor: TwoFactor = self.module.factor
        return factor

    @property
    def ada(self) -> str:
        """Her user id."""
        return str(self.module.one("SELECT id FROM users")["id"])

    def command(self, *words: str) -> str:
        """Run a command of the panel, and return what it prints."""
        done = self.app.test_cli_runner().invoke(args=list(words))
        assert done.exit_code == 0, done.output
        return done.output.strip()

    def set_up(self) -> None:
        """Give Ada a second factor, through the pages; the code of that is a minute old."""
        visitor = Visitor(self)
        visitor.give_password()
        self.key = key_on(visitor.post("/setup").text)
        shown = visitor.post("/confirm", code=self.code()).text
        self.recovery_codes = re.findall(r"<li><code>([\w-]+)</code>", shown)
        self.clock.tick(60)

    def code(self) -> str:
        """What Ada's phone shows."""
        return oath_code(self.key, self.clock())


class Visitor:
    """A browser: it keeps cookies, and sends forms with the token of the last page."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.client = panel.app.test_client()
        self.token = ""

    def get(self, path: str) -> TestResponse:
        """Open a page."""
        return self._look(self.client.get(path))

    def head(self, path: str, **fields: str) -> TestResponse:
        """Ask for no more than what would be said above a page, with a form that has no token."""
        return self.client.head(path, data=fields)

    def post(self, path: str, **fields: str) -> TestResponse:
        """Send a form."""
        return self._look(self.client.post(path, data={"csrf": self.token, **fields}))

    def give_password(self) -> TestResponse:
        """The first step of the log-in."""
        self.get("/login")
        answer = self.post("/login", login="ada", password=self.panel.password)
        self._look(self.client.get(answer.location, follow_redirects=True))
        return answer

    def log_in(self) -> None:
        """Both steps."""
        self.give_password()
        assert self.post("/code", code=self.panel.code()).location == "/"
        assert self.get("/").status_code == 200

    @property
    def cookie(self) -> str:
        """What the browser keeps."""
        found = self.client.get_cookie("session")
        return found.value if found else ""

    def take(self, cookie: str) -> None:
        """Come with a cookie from somewhere else."""
        self.client.set_cookie("session", cookie)

    def _look(self, answer: TestResponse) -> TestResponse:
        found = re.search(r'name="csrf" value="([^"]+)"', answer.get_data(as_text=True))
        self.token = found[1] if found else self.token
        return answer


def _load(file: Path, patch: pytest.MonkeyPatch) -> ModuleType:
    found = importlib.util.spec_from_file_location("small_panel", file)
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    patch.setitem(sys.modules, "small_panel", module)  # where Flask looks for the folder of the templates
    found.loader.exec_module(module)
    return module


def key_on(page: str) -> str:
    """The key that a page of a set-up shows."""
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert found, "the page shows a key"
    return found[1].replace(" ", "")


def in_cookie(cookie: str) -> str:
    """What is in a cookie of Flask's: it is signed, not encrypted."""
    packed = cookie.startswith(".")
    payload = cookie.lstrip(".").partition(".")[0]
    content = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    return (zlib.decompress(content) if packed else content).decode()
