"""Which sessions of the panel live on, told by requests alone: no browser is needed to see it."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from admin_panel import create_app
from totpcore.testing import HandClock, Phone

PASSWORD = "p" * 12


class Door:
    """The panel, its owner Ada with a second factor, and browsers that stand before it."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock(1_800_000_000)
        self.app = create_app(folder, clock=self.clock)
        panel = self.app.extensions["panel"]
        panel.users.add("ada", "Ada", PASSWORD, owner=True)
        (ada,) = panel.users.all()
        self.phone = Phone.scan(panel.factor.enrol(ada.id, account="ada").uri)
        self.codes = panel.factor.confirm(ada.id, self.phone.code(self.clock())).recovery_codes
        panel.users.expect_factor(ada.id, expected=True)
        self.clock.tick(30)

    def after_password(self) -> FlaskClient:
        """A browser that gave the password."""
        browser = self.app.test_client()
        post(browser, "/login", "/login", login="ada", password=PASSWORD)
        return browser

    def logged_in(self) -> FlaskClient:
        """A browser that gave the code too; the next one needs another."""
        browser = self.after_password()
        post(browser, "/login/code", "/login/code", code=self.phone.code(self.clock()))
        self.clock.tick(30)
        return browser


def post(browser: FlaskClient, page: str, url: str, **fields: str) -> str:
    """Send a form from a page, and return where that leads."""
    token = re.search(r'name="csrf" value="([^"]+)"', browser.get(page).text)
    return browser.post(url, data={"csrf": token[1] if token else "", **fields}).headers.get("Location", "")


@pytest.fixture
def door(tmp_path: Path) -> Door:
    """The panel in a folder of its own."""
    return Door(tmp_path)


def test_a_recovery_login_ends_every_other_session(door: Door) -> None:
    """For a while set-up needs no code then; a session that was open before must not reach it."""
    other = door.logged_in()
    assert other.get("/profile").status_code == 200
    owner = door.after_password()
    assert post(owner, "/login/recovery", "/login/recovery", code=door.codes[0]).endswith("/profile/two-factor")
    assert other.get("/profile").headers["Location"].endswith("/login")
    assert owner.get("/profile").status_code == 200


def test_an_ordinary_login_leaves_other_sessions_alone(door: Door) -> None:
    """A second browser of the same person is no trouble."""
    first, second = door.logged_in(), door.logged_in()
    assert (first.get("/profile").status_code, second.get("/profile").status_code) == (200, 200)


def test_a_reset_during_a_recovery_login_leaves_no_session(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session is tied to the password that was checked, also where it was reset in the meantime."""
    panel = door.app.extensions["panel"]
    (ada,) = panel.users.all()
    owner = door.after_password()
    recover = panel.factor.recover

    def recover_while_somebody_resets(user: str, code: str) -> object:
        answer = recover(user, code)
        panel.users.reset_password(ada.id)
        return answer

    monkeypatch.setattr(
        type(panel.factor), "recover", lambda _self, user, code: recover_while_somebody_resets(user, code)
    )
    post(owner, "/login/recovery", "/login/recovery", code=door.codes[0])
    assert owner.get("/profile").headers["Location"].endswith("/login")
