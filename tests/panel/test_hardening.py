"""The attacker's view of the Flask panel: every address, every form and every cookie, without a browser."""

import logging
import sqlite3
from contextlib import closing

import pytest
from flask.typing import ResponseReturnValue

from admin_panel import login
from need import need
from pages.forms import Forms
from pages.sessions import Sessions
from pages.setups import Setups
from pages.slow import Slow
from pages.trouble import Trouble
from panel.live import PASSWORD, Live
from panel_pages import access

need("oathtool")


class TestSessions(Sessions):
    """Half sessions, rotation, and what ends a session."""


class TestSetups(Setups):
    """Two sessions, one password, and whose secret is confirmed."""


class TestForms(Forms):
    """What is sent, and what comes back."""


class TestSlow(Slow):
    """Forms that are finished later than they were begun."""


class TestTrouble(Trouble):
    """Nobody is let in who should not be, whatever is out of order."""


def test_a_new_door_is_closed_until_a_table_opens_it(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """A view that somebody adds is for full sessions; one that begins them, once in the table, begins a half one."""
    ada = live.add_with_factor("ada")

    def by_mail() -> ResponseReturnValue:
        user = live.panel.users.by_id(ada.id)
        assert user
        return login.let_in(user)

    live.app.add_url_rule("/by-mail", "door.by_mail", by_mail)
    guest, half = live.visitor(), live.visitor()
    half.give_password(ada.login)
    assert guest.get("/by-mail").headers["Location"] == "/login"
    assert half.get("/by-mail").headers["Location"] == "/login/code"
    monkeypatch.setattr(access, "GUEST_REACHES", {*access.GUEST_REACHES, "door.by_mail"})
    assert guest.get("/by-mail").headers["Location"] == "/login/code"
    assert guest.get("/profile").headers["Location"] == "/login/code"
    guest.get("/login/code")
    assert guest.post("/login/code", code=ada.code(live.now())).headers["Location"] == "/"


@pytest.mark.parametrize("host", ["a..b", ".x", "x" * 300, "x" * 64 + ".y"])
@pytest.mark.parametrize("path", ["/login", "/", "/static/panel.css", "/nowhere"])
def test_a_host_that_is_none_is_refused(live: Live, host: str, path: str) -> None:
    """Where no address can be made there is no page: a line of text, hardened like every other answer."""
    for method in ("GET", "POST", "HEAD"):
        answer = live.app.test_client().open(path, method=method, headers={"Host": host})
        assert (answer.status_code, answer.mimetype) == (400, "text/plain"), method
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert method == "HEAD" or "Host header" in answer.text


def test_an_event_that_cannot_be_kept_is_logged(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    """The answer stands, and what the trail would have held is in the log: who, whom and why."""
    ada, grace = live.add("ada", owner=True), live.add_with_factor("grace")
    visitor = live.visitor()
    visitor.log_in(ada)
    with closing(sqlite3.connect(live.folder / "users.db")) as db:
        db.execute("ALTER TABLE audit RENAME TO away")
    visitor.get("/profile")
    reset = f"/setup/staff/administrators/{grace.id}/reset"
    assert visitor.post(reset, own_password=PASSWORD, reason="phone lost").status_code == 200
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert all(part in line for part in ("audit trail", "RESET", grace.id, ada.id, "phone lost"))


def test_files_are_for_their_owner_alone(live: Live) -> None:
    """Nobody else on the machine reads the users or the second factors."""
    live.add_with_factor("ada")
    assert {"users.db", "second-factors.db"} <= {path.name for path in live.folder.iterdir()}
    for path in live.folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name
