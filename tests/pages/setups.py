"""Whose set-up it is: two sessions with one password, without a browser and thus quick.

Whoever knows the password of somebody without a factor can begin a set-up, and scan the QR code. If its owner is shown
the same one and confirms it, both have the secret.
"""

import pytest

from browser.codes import oath_code, wrong_code
from browser.site import Account
from pages.live import Answer, Live, Visitor, codes_in, key_in
from totpcore import TOTP, RecoveryCodes, Secret

OWN = "/profile/two-factor"
GO_ON = "Go on with set-up"
UNSEEN = "Nobody has seen your recovery codes yet"


def begun(live: Live, account: Account) -> tuple[Visitor, str]:
    """Somebody in a new session who begins a set-up, and the key that they are shown."""
    visitor = live.visitor()
    visitor.log_in(account)
    visitor.get(OWN)
    return visitor, key_in(visitor.post(f"{OWN}/setup"))


def shows_no_key(answer: Answer) -> bool:
    """Whether a page tells that a set-up has ended, and shows none."""
    assert "start again" in answer.text
    return answer.status_code == 422 and "otpauth" not in answer.text and 'id="key"' not in answer.text


class Setups:
    """A secret is shown again to the session in which it was made, and to no other."""

    def test_a_secret_that_somebody_else_has_seen_is_not_shown_to_its_owner(self, live: Live) -> None:
        """The owner begins anew and gets another secret, also after a wrong code; that one is confirmed."""
        ada = live.add("ada")
        thief, stolen = begun(live, ada)
        assert GO_ON in thief.get(OWN).text
        owner = live.visitor()
        owner.log_in(ada)
        page = owner.get(OWN).text
        assert GO_ON not in page
        assert "Get started" in page
        key = key_in(owner.post(f"{OWN}/setup"))
        assert key != stolen
        assert key_in(owner.post(f"{OWN}/confirm", code=wrong_code(key, live.now()))) == key
        assert GO_ON in owner.get(OWN).text
        assert GO_ON not in thief.get(OWN).text
        assert shows_no_key(thief.post(f"{OWN}/confirm", code=oath_code(stolen, live.now())))
        assert len(codes_in(owner.post(f"{OWN}/confirm", code=oath_code(key, live.now())))) == 10
        assert thief.get(OWN).headers["Location"] == "/login"
        live.tick(60)
        live.visitor().log_in(Account(ada.id, "ada", key))
        thief.give_password("ada")
        assert thief.post("/login/code", code=oath_code(stolen, live.now())).status_code == 422

    def test_a_set_up_that_somebody_else_began_anew_has_ended(self, live: Live) -> None:
        """Whatever the owner types, no key of the thief's is shown, and no code is counted against their set-up."""
        ada = live.add("ada")
        owner, key = begun(live, ada)
        thief, stolen = begun(live, ada)
        for code in [wrong_code(key, live.now()), oath_code(key, live.now()), oath_code(stolen, live.now())] * 8:
            assert shows_no_key(owner.post(f"{OWN}/confirm", code=code))
        assert key_in(thief.post(f"{OWN}/setup")) == stolen, "twenty tries would have ended it"
        assert key_in(owner.post(f"{OWN}/setup")) not in {key, stolen}
        assert shows_no_key(thief.post(f"{OWN}/confirm", code=oath_code(stolen, live.now())))

    def test_one_that_is_begun_anew_while_a_code_is_checked_has_ended_too(
        self, live: Live, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The thief comes in between: the page after the refusal shows the owner nothing of theirs."""
        ada = live.add("ada")
        owner, key = begun(live, ada)
        thief = live.visitor()
        thief.log_in(ada)
        thief.get(OWN)
        stolen: list[str] = []
        live.after_call(monkeypatch, "pending", lambda: stolen.append(key_in(thief.post(f"{OWN}/setup"))))
        assert shows_no_key(owner.post(f"{OWN}/confirm", code=oath_code(key, live.now())))
        assert stolen
        assert key_in(thief.post(f"{OWN}/setup")) == stolen[0]

    def test_another_device_is_of_the_session_that_gave_the_code(self, live: Live) -> None:
        """A replacement that is under way elsewhere is told, and neither shown nor confirmed."""
        ada = live.add_with_factor("ada")
        one, other = live.visitor(), live.visitor()
        for visitor in (one, other):
            visitor.log_in(ada)
            live.tick(30)
        one.get(OWN)
        key = key_in(one.post(f"{OWN}/replace", code=ada.code(live.now())))
        page = other.get(OWN).text
        assert "set-up of another device under way" in page
        assert GO_ON not in page
        assert other.post(f"{OWN}/setup").status_code == 302
        assert shows_no_key(other.post(f"{OWN}/confirm", code=oath_code(key, live.now())))
        assert GO_ON in one.get(OWN).text
        assert key_in(one.post(f"{OWN}/setup")) == key
        assert key_in(one.post(f"{OWN}/confirm", code=wrong_code(key, live.now()))) == key

    def test_a_recovery_code_of_somebody_else_shares_no_secret(self, live: Live) -> None:
        """The thief recovers and begins a set-up; whoever then comes in with the device is not led into it."""
        ada = live.add_with_factor("ada")
        thief = live.visitor()
        thief.give_password("ada")
        thief.post("/login/recovery", code=ada.recovery_codes[0])
        thief.get(OWN)
        stolen = key_in(thief.post(f"{OWN}/setup"))
        live.tick(60)
        owner = live.visitor()
        owner.log_in(ada)
        assert GO_ON not in owner.get(OWN).text
        assert owner.post(f"{OWN}/setup").status_code == 302, "without a code it is for the session that recovered"
        live.tick(30)
        owner.get(OWN)
        key = key_in(owner.post(f"{OWN}/replace", code=ada.code(live.now())))
        assert key != stolen
        assert key_in(owner.post(f"{OWN}/confirm", code=wrong_code(key, live.now()))) == key
        assert shows_no_key(thief.post(f"{OWN}/confirm", code=oath_code(stolen, live.now())))
        assert len(codes_in(owner.post(f"{OWN}/confirm", code=oath_code(key, live.now())))) == 10

    def test_a_second_recovery_begins_a_set_up_of_its_own(self, live: Live) -> None:
        """Each of two sessions that recovered has a secret of its own, and the first one is out."""
        ada = live.add_with_factor("ada")
        thief, owner = live.visitor(), live.visitor()
        keys = []
        for visitor, code in ((thief, ada.recovery_codes[0]), (owner, ada.recovery_codes[1])):
            visitor.give_password("ada")
            visitor.post("/login/recovery", code=code)
            page = visitor.get(OWN).text
            assert GO_ON not in page
            assert "Set up another device" in page
            keys.append(key_in(visitor.post(f"{OWN}/setup")))
        assert keys[0] != keys[1]
        assert key_in(owner.post(f"{OWN}/confirm", code=wrong_code(keys[1], live.now()))) == keys[1]
        assert thief.get(OWN).headers["Location"] == "/login"

    def test_recovery_codes_that_nobody_saw_are_told(self, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        """The panel stops after the confirmation and before the page: nobody has the codes, and pages say so."""
        ada = live.add("ada", owner=True)
        visitor, key = begun(live, ada)

        def stop() -> None:
            raise OSError("the panel stops")

        live.after_call(monkeypatch, "confirm", stop)
        assert visitor.post(f"{OWN}/confirm", code=oath_code(key, live.now())).status_code == 500
        live.tick(60)
        visitor.log_in(Account(ada.id, "ada", key))
        own = ("/", "/profile", OWN)
        for path in own:
            assert UNSEEN in visitor.get(path).text, path
        assert '<span class="badge warn">unseen</span>' in visitor.get("/setup/staff/administrators").text
        live.tick(60)
        assert len(codes_in(visitor.post(f"{OWN}/recovery-codes", code=oath_code(key, live.now())))) == 10
        for path in own:
            page = visitor.get(path).text
            assert UNSEEN not in page
            assert "10 recovery codes left" in page, path
        assert "unseen</span>" not in visitor.get("/setup/staff/administrators").text

    def test_new_recovery_codes_that_nobody_saw_are_told(self, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        """The old ones have ended, and the page of the new ones was never made."""
        ada = live.add_with_factor("ada")
        visitor = live.visitor()
        visitor.log_in(ada)
        live.tick(60)
        assert UNSEEN not in visitor.get(OWN).text

        def break_the_page() -> None:
            monkeypatch.setattr(RecoveryCodes, "__getitem__", None)

        live.after_call(monkeypatch, "renew_recovery_codes", break_the_page)
        assert visitor.post(f"{OWN}/recovery-codes", code=ada.code(live.now())).status_code == 500
        assert UNSEEN in visitor.get(OWN).text

    def test_recovery_codes_of_a_set_up_have_been_seen(self, live: Live) -> None:
        """Where the page was made, nothing is told; of a device that was brought along afterwards, it is."""
        ada = live.add("ada")
        visitor, key = begun(live, ada)
        assert len(codes_in(visitor.post(f"{OWN}/confirm", code=oath_code(key, live.now())))) == 10
        assert UNSEEN not in visitor.get(OWN).text
        live.factor.reset(ada.id, actor="console", reason="test")
        token = TOTP(Secret.generate())
        live.factor.adopt(ada.id, token, spent=-1)
        live.users.expect_factor(ada.id, expected=True)
        other = live.visitor()
        other.log_in(Account(ada.id, "ada", token.secret.base32))
        assert UNSEEN in other.get(OWN).text

    def test_two_tabs_of_one_session_show_one_key(self, live: Live) -> None:
        """Either may confirm it, and the overview leads back to it."""
        visitor, key = begun(live, live.add("ada"))
        assert key_in(visitor.post(f"{OWN}/setup")) == key
        assert GO_ON in visitor.get(OWN).text
        assert key_in(visitor.post(f"{OWN}/setup")) == key
        assert len(codes_in(visitor.post(f"{OWN}/confirm", code=oath_code(key, live.now())))) == 10
