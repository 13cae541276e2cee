"""What goes wrong on the server, races and clocks, without a browser and thus quick."""

import threading

import pytest

from browser.site import START
from pages.live import Live, Visitor
from totpcore import EventKind, StoreError


class Trouble:
    """Nobody is let in who should not be, whatever is out of order."""

    def test_missing_record_stops_the_log_in(self, live: Live) -> None:
        """A flag without a record is not an open door: the page says whom to call, and no session is made."""
        ada = live.add("ada")
        visitor = live.visitor()
        visitor.log_in(ada)
        live.users.expect_factor(ada.id, expected=True)
        other = live.visitor()
        answer = other.give_password("ada")
        assert answer.status_code == 503
        assert "Log-in is stopped" in answer.text
        assert "Call an owner" in answer.text
        for each in (visitor, other):
            assert each.get("/").headers["Location"] == "/login"

    def test_store_that_does_not_answer_lets_nobody_in(self, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        """Open sessions stand still while the store is out of order, and go on when it is back."""
        ada = live.add_with_factor("ada")
        visitor = live.visitor()
        visitor.log_in(ada)

        def broken(*_: object) -> None:
            raise StoreError

        with monkeypatch.context() as patch:
            patch.setattr(live.service, "status", broken)
            assert visitor.get("/").status_code == 503
        assert visitor.get("/").status_code == 200

    def test_one_code_and_many_browsers(self, live: Live) -> None:
        """Eight half sessions send the same right code at once: one gets in."""
        ada = live.add_with_factor("ada")
        visitors = [live.visitor() for _ in range(8)]
        for visitor in visitors:
            visitor.give_password("ada")
        code, start, answers = ada.code(live.now()), threading.Barrier(8), []

        def send(visitor: Visitor) -> None:
            start.wait()
            answers.append(visitor.post("/login/code", code=code).status_code)

        threads = [threading.Thread(target=send, args=(visitor,)) for visitor in visitors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [302] + [422] * 7

    def test_wrong_codes_of_all_sessions_are_one_tally(self, live: Live) -> None:
        """Five sessions, a wrong code each, and the sixth has to wait, with the right one too."""
        ada = live.add_with_factor("ada")
        for code, status in [(live.wrong_code(ada), 422)] * 5 + [(ada.code(live.now()), 429)]:
            visitor = live.visitor()
            visitor.give_password("ada")
            assert visitor.post("/login/code", code=code).status_code == status

    def test_clock_of_the_server_set_back(self, live: Live) -> None:
        """The page says that the server's clock is behind and that a recovery code works; and it does."""
        ada = live.add_with_factor("ada")
        live.visitor().log_in(ada)
        live.tick(-3600)
        visitor = live.visitor()
        visitor.give_password("ada")
        assert "clock of this server" in visitor.post("/login/code", code=ada.code(live.now())).text
        assert visitor.post("/login/recovery", code=ada.recovery_codes[0]).status_code == 302

    def test_unknown_name_costs_as_much_as_a_wrong_password(self, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        """A hash is compared either way, and the page is the same."""
        live.add("ada")
        compared: list[str] = []

        def compare(kept: str, _: str) -> bool:
            compared.append(kept.partition("$")[0])
            return False

        monkeypatch.setattr(f"{live.module}.check_password_hash", compare)
        pages = []
        for login in ("ada", "nobody"):
            visitor = live.visitor()
            visitor.get("/login")
            pages.append(visitor.post("/login", login=login, password="x").text.replace(visitor.token, ""))
        assert pages[0] == pages[1]
        assert len(compared) == 2
        assert compared[0] == compared[1]

    def test_audit_is_kept_with_stable_ids(self, live: Live) -> None:
        """The trail holds ids and words; names are looked up when it is shown."""
        ada = live.add_with_factor("ada")
        kinds = {row["kind"] for row in live.users.events(10)}
        assert kinds == {EventKind.ENROL.value, EventKind.CONFIRM.value}
        assert {row["user"] for row in live.users.events(10)} == {ada.id}
        assert all(START <= float(str(row["at"])) <= live.now() for row in live.users.events(10))

    def test_record_that_cannot_be_read_lets_nobody_in(self, live: Live, caplog: pytest.LogCaptureFixture) -> None:
        """The visitor reads whom to call, the log says why, and the page does not."""
        ada = live.add_with_factor("ada")
        live.spoil(ada.id)
        answer = live.visitor().give_password("ada")
        assert answer.status_code == 503
        assert "Call an owner" in answer.text
        assert "second factors are in trouble" in caplog.text
