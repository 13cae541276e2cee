"""Who reaches what, and how long: the attacker's view of sessions, without a browser and thus quick."""

from functools import partial

import pytest

from browser.codes import oath_code
from browser.site import PASSWORD, Account
from pages.live import Live, Visitor, key_in, paths

HALF_REACHES = {"/login/code", "/login/recovery"}


class Sessions:
    """Half sessions, rotation, and what ends a session."""

    def test_half_session_reaches_nothing_else(self, live: Live) -> None:
        """With the password alone every address leads back to the code page, by GET and by POST."""
        live.add_with_factor("ada", owner=True)
        for path in paths(live, "GET"):
            visitor = live.visitor()
            visitor.give_password("ada")
            answer = visitor.get(path)
            if path in HALF_REACHES:
                assert answer.status_code == 200
            else:
                assert (answer.status_code, answer.headers["Location"]) == (302, "/login/code"), path
        for path in paths(live, "POST"):
            if path in HALF_REACHES or path == "/logout":
                continue
            visitor = live.visitor()
            visitor.give_password("ada")
            answer = visitor.post(path, own_password=PASSWORD, new_password="another password", reason="x")
            assert (answer.status_code, answer.headers["Location"]) == (302, "/login/code"), path
        assert live.users.check_password("ada", PASSWORD)

    def test_half_session_ends_after_five_minutes(self, live: Live) -> None:
        """At 299 seconds a right code is accepted; at 300 the password is asked for again."""
        ada = live.add_with_factor("ada")
        slow, slower = live.visitor(), live.visitor()
        for visitor in (slow, slower):
            visitor.give_password("ada")
        live.tick(299)
        assert slow.post("/login/code", code=ada.code(live.now())).headers["Location"] == "/"
        live.tick(1)
        assert slower.post("/login/code", code=ada.code(live.now() + 30)).headers["Location"] == "/login"

    def test_full_session_ends_in_the_end(self, live: Live) -> None:
        """After eight hours one logs in again."""
        visitor = live.visitor()
        visitor.log_in(live.add("ada"))
        live.tick(8 * 3600 - 1)
        assert visitor.get("/").status_code == 200
        live.tick(1)
        assert visitor.get("/").headers["Location"] == "/login"

    def test_guest_reaches_only_the_log_in(self, live: Live) -> None:
        """Without a session every page leads to the log-in."""
        live.add("ada")
        for path in paths(live, "GET"):
            answer = live.visitor().get(path)
            assert (answer.status_code == 200) if path == "/login" else (answer.headers["Location"] == "/login"), path

    def test_cookie_changes_at_each_step(self, live: Live) -> None:
        """A word that was known before a step up is worth nothing after it: guest, password, code, change, log-out."""
        ada = live.add_with_factor("ada")
        visitor = live.visitor()
        words: list[str] = []

        def step(path: str, **fields: str) -> None:
            """Send a form, and try the words of all steps before."""
            visitor.post(path, **fields)
            assert visitor.cookie not in words
            for word in words:
                old = live.visitor()
                old.plant(word)
                assert old.get("/profile").headers["Location"] == "/login", path
            words.append(visitor.cookie)

        visitor.get("/login")
        words.append(visitor.cookie)
        step("/login", login="ada", password=PASSWORD)
        visitor.get("/login/code")
        step("/login/code", code=ada.code(live.now()))
        live.tick(60)
        visitor.get("/profile/two-factor")
        step("/profile/two-factor/disable", code=ada.code(live.now()))
        visitor.get("/profile")
        step("/logout")
        assert len(set(words)) == 5

    def test_planted_cookie_is_not_used(self, live: Live) -> None:
        """Session fixation: a word that somebody put into the browser is replaced at the log-in."""
        ada = live.add("ada")
        victim = live.visitor()
        victim.plant("planted")
        victim.log_in(ada)
        thief = live.visitor()
        thief.plant("planted")
        assert victim.get("/profile").status_code == 200
        assert thief.get("/profile").headers["Location"] == "/login"
        thief.plant(victim.cookie)
        assert thief.get("/profile").status_code == 200, "whoever has the word is in: it is what must not leak"

    def test_cookie_is_out_of_reach(self, live: Live) -> None:
        """No script reads it, no other site sends it, behind TLS it goes nowhere else, and it is not kept."""
        visitor = live.visitor()
        cookie = visitor.get("/login").headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        live.set_secure(True)
        cookie = live.visitor().get("/login").headers["Set-Cookie"]
        assert cookie.startswith("__Host-panel=")
        assert "Secure" in cookie.split("; ")
        live.set_secure(False)
        ada = live.add("ada")
        visitor.log_in(ada)
        kept = live.kept()
        assert ada.id.encode() in kept
        assert visitor.cookie.encode() not in kept
        assert PASSWORD.encode() not in kept

    def test_session_ends_when_the_factor_changes_elsewhere(self, live: Live) -> None:
        """Set-up, replacement and disabling in one browser end the session in another, not the one that did it."""
        ada = live.add("ada")

        def two() -> tuple[Visitor, Visitor]:
            pair = live.visitor(), live.visitor()
            for visitor in pair:
                visitor.log_in(account)
                live.tick(60)
            return pair

        account = ada
        first, second = two()
        first.get("/profile/two-factor")
        key = key_in(first.post("/profile/two-factor/setup"))
        assert second.get("/").status_code == 200, "a set-up that is under way ends nothing"
        first.post("/profile/two-factor/confirm", code=oath_code(key, live.now()))
        assert first.get("/").status_code == 200
        assert second.get("/").headers["Location"] == "/login"

        live.tick(60)
        account = Account(ada.id, "ada", key)
        first, second = two()
        first.get("/profile/two-factor")
        key = key_in(first.post("/profile/two-factor/replace", code=account.code(live.now())))
        first.post("/profile/two-factor/confirm", code=oath_code(key, live.now()))
        assert first.get("/").status_code == 200
        assert second.get("/").headers["Location"] == "/login"

        live.tick(60)
        account = Account(ada.id, "ada", key)
        first, second = two()
        first.get("/profile/two-factor")
        first.post("/profile/two-factor/disable", code=account.code(live.now()))
        assert first.get("/").status_code == 200
        assert second.get("/").headers["Location"] == "/login"

    def test_change_by_the_command_line_ends_sessions(self, live: Live) -> None:
        """The session hangs on the store's word, so that a change around the panel ends it too."""
        ada = live.add_with_factor("ada")
        full, half = live.visitor(), live.visitor()
        full.log_in(ada)
        half.give_password("ada")
        live.factor.reset(ada.id, actor="console", reason="test")
        assert full.get("/").headers["Location"] == "/login"
        assert half.get("/login/code").headers["Location"] == "/login"
        assert "Log-in is stopped" in live.visitor().give_password("ada").text

    def test_password_change_ends_other_sessions(self, live: Live) -> None:
        """Whoever changes the password stays in, alone."""
        ada = live.add("ada")
        first, second = live.visitor(), live.visitor()
        first.log_in(ada)
        second.log_in(ada)
        first.get("/profile/password")
        first.post("/profile/password", own_password=PASSWORD, new_password="a better password")
        assert first.get("/").status_code == 200
        assert second.get("/").headers["Location"] == "/login"

    def test_reset_between_password_and_code_is_seen(self, live: Live) -> None:
        """A log-in that a reset overtakes does not end in a session."""
        ada, grace = live.add("ada", owner=True), live.add_with_factor("grace")
        owner, other = live.visitor(), live.visitor()
        owner.log_in(ada)
        other.give_password("grace")
        owner.get(f"/setup/staff/administrators/{grace.id}")
        owner.post(f"/setup/staff/administrators/{grace.id}/reset", reason="lost", own_password=PASSWORD)
        assert other.post("/login/code", code=grace.code(live.now())).headers["Location"] == "/login"

    def test_reset_during_a_change_of_password_wins(self, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever knows the old password cannot write over the temporary one, however the requests overlap."""
        grace = live.add("grace")
        visitor = live.visitor()
        visitor.log_in(grace)
        visitor.get("/profile/password")
        given: list[str] = []
        place = f"{live.module}.generate_password_hash"
        make = live.hash

        def overtaken(password: str) -> str:
            monkeypatch.setattr(place, make)
            given.append(live.users.reset_password(grace.id))
            return make(password)

        monkeypatch.setattr(place, overtaken)
        assert (
            visitor.post("/profile/password", own_password=PASSWORD, new_password="one of the thief").status_code == 409
        )
        assert live.users.check_password("grace", given[0])
        assert visitor.get("/").headers["Location"] == "/login"

    def test_ones_own_password_is_that_of_the_session(self, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        """Names to log in with change without a password. Whoever has taken one over opens nothing by their own."""
        ada, grace = live.add("ada", owner=True), live.add("grace")
        live.users.add("mallory", "Mallory", "what mallory chose")
        mallory = list(live.users.all())[-1]
        assert mallory.login == "mallory"

        def swap() -> None:
            assert live.users.rename(ada.id, "countess", "Ada")
            assert live.users.rename(mallory.id, "ada", "Mallory")

        for path in (f"/setup/staff/administrators/{grace.id}/reset", "/profile/password"):
            thief = live.visitor()
            thief.log_in(ada)
            thief.get("/profile")
            live.after_call(monkeypatch, "gate", swap)
            answer = thief.post(path, own_password="what mallory chose", new_password="one of the thief", reason="x")
            assert answer.status_code == 422, path
            assert "not your own password" in answer.text
            assert live.users.check_password("countess", PASSWORD)
            live.users.rename(mallory.id, "mallory", "Mallory")
            live.users.rename(ada.id, "ada", "Ada")
        assert live.users.check_password("grace", PASSWORD)

    def test_a_change_goes_on_in_its_session_only_if_it_was_the_only_one(
        self, live: Live, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever confirms or disables while the password is reset has no session afterwards."""
        ada = live.add("ada")
        visitor = live.visitor()
        visitor.log_in(ada)
        visitor.get("/profile/two-factor")
        key = key_in(visitor.post("/profile/two-factor/setup"))
        live.after_call(monkeypatch, "confirm", partial(live.users.reset_password, ada.id))
        assert visitor.post("/profile/two-factor/confirm", code=oath_code(key, live.now())).status_code == 200
        assert visitor.get("/").headers["Location"] == "/login"
        grace = live.add_with_factor("grace")
        visitor.log_in(grace)
        live.tick(60)
        visitor.get("/profile/two-factor")
        live.after_call(monkeypatch, "disable", partial(live.users.reset_password, grace.id))
        visitor.post("/profile/two-factor/disable", code=grace.code(live.now()))
        assert visitor.get("/").headers["Location"] == "/login"

    def test_no_session_lasts_longer_because_the_clock_was_set_back(self, live: Live) -> None:
        """Half or full: with longer to go than such a session may last, it has ended."""
        ada = live.add_with_factor("ada")
        half, full = live.visitor(), live.visitor()
        full.log_in(ada)
        half.give_password("ada")
        assert (half.get("/login/code").status_code, full.get("/").status_code) == (200, 200)
        live.tick(-3600)
        assert half.get("/login/code").headers["Location"] == "/login"
        assert full.get("/").headers["Location"] == "/login"

    def test_a_recovery_login_ends_every_other_session(self, live: Live) -> None:
        """For a while set-up needs no code then; a session that was open before must not reach it."""
        ada = live.add_with_factor("ada")
        other, owner = live.visitor(), live.visitor()
        other.log_in(ada)
        assert other.get("/profile").status_code == 200
        owner.give_password("ada")
        assert owner.post("/login/recovery", code=ada.recovery_codes[0]).headers["Location"] == "/profile/two-factor"
        assert other.get("/profile").headers["Location"] == "/login"
        assert owner.get("/profile").status_code == 200

    def test_an_ordinary_login_leaves_other_sessions_alone(self, live: Live) -> None:
        """A second browser of the same person is no trouble."""
        ada = live.add_with_factor("ada")
        first, second = live.visitor(), live.visitor()
        first.log_in(ada)
        live.tick(30)
        second.log_in(ada)
        assert (first.get("/profile").status_code, second.get("/profile").status_code) == (200, 200)

    def test_a_reset_during_a_log_in_leaves_no_session(self, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        """The session is tied to the password that was checked, also where it was reset in the meantime."""
        ada, grace = live.add_with_factor("ada"), live.add_with_factor("grace")
        for account, call, path, code in (
            (ada, "recover", "/login/recovery", ada.recovery_codes[0]),
            (grace, "verify", "/login/code", grace.code(live.now())),
        ):
            visitor = live.visitor()
            visitor.give_password(account.login)
            live.after_call(monkeypatch, call, partial(live.users.reset_password, account.id))
            assert visitor.post(path, code=code).status_code == 302
            assert visitor.get("/profile").headers["Location"] == "/login", call

    def test_a_reset_while_the_password_is_checked_leaves_no_session(
        self, live: Live, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Checking a hash takes long. What a log-in is tied to was read before, so a reset meanwhile ends it."""
        grace = live.add("grace")

        def overtaken(kept: str, typed: str) -> bool:
            monkeypatch.undo()
            live.users.reset_password(grace.id)
            return True

        visitor = live.visitor()
        visitor.get("/login")
        monkeypatch.setattr(f"{live.module}.check_password_hash", overtaken)
        assert visitor.post("/login", login="grace", password=PASSWORD).headers["Location"] == "/"
        assert visitor.get("/").headers["Location"] == "/login"

    def test_two_tabs_share_one_log_in(self, live: Live) -> None:
        """A form from before the code was given in another tab is out of date; what is opened now goes on."""
        ada = live.add_with_factor("ada")
        visitor = live.visitor()
        visitor.give_password("ada")
        first_tab, second_tab = visitor.token, visitor.token
        live.tick(1)
        assert visitor.post_without_token("/login/code", csrf=first_tab, code=ada.code(live.now())).status_code == 302
        late = visitor.post_without_token("/login/code", csrf=second_tab, code=ada.code(live.now()))
        assert late.status_code == 400
        assert "in another tab" in late.text
        assert visitor.get("/login/code").headers["Location"] == "/"
        assert visitor.get("/profile").status_code == 200

    def test_two_tabs_of_the_log_in_page(self, live: Live) -> None:
        """A log-in page that stood open while somebody logged in next to it logs nobody else in."""
        ada, grace = live.add("ada"), live.add("grace")
        visitor = live.visitor()
        visitor.get("/login")
        stale = visitor.token
        visitor.log_in(ada)
        late = visitor.post_without_token("/login", csrf=stale, login=grace.login, password=PASSWORD)
        assert late.status_code == 400
        assert "Welcome, Ada" in visitor.get("/").text
