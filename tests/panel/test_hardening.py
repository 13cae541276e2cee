"""The attacker's view of the Flask panel: every address, every form and every cookie, without a browser."""

import pytest
from flask.typing import ResponseReturnValue

from admin_panel import login, session
from need import need
from pages.forms import Forms
from pages.sessions import Sessions
from pages.setups import Setups
from pages.trouble import Trouble
from panel.live import Live

need("oathtool")


class TestSessions(Sessions):
    """Half sessions, rotation, and what ends a session."""


class TestSetups(Setups):
    """Two sessions, one password, and whose secret is confirmed."""


class TestForms(Forms):
    """What is sent, and what comes back."""


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
    monkeypatch.setattr(session, "GUEST_REACHES", {*session.GUEST_REACHES, "door.by_mail"})
    assert guest.get("/by-mail").headers["Location"] == "/login/code"
    assert guest.get("/profile").headers["Location"] == "/login/code"
    guest.get("/login/code")
    assert guest.post("/login/code", code=ada.code(live.now())).headers["Location"] == "/"


def test_files_are_for_their_owner_alone(live: Live) -> None:
    """Nobody else on the machine reads the users or the second factors."""
    live.add_with_factor("ada")
    assert {"users.db", "second-factors.db"} <= {path.name for path in live.folder.iterdir()}
    for path in live.folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name
