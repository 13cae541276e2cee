"""What docs/how-to/lost-phone.md says the desk can do, and cannot."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from howto.support_desk import NotAllowed, reset_lost_phone
from totpcore import (
    Enforcement,
    Event,
    Gate,
    InvalidCode,
    MemoryStore,
    NotEnrolled,
    Plaintext,
    Rule,
    SQLiteStore,
    State,
    TwoFactor,
)
from totpcore.sealing import Keyring
from totpcore.testing import HandClock, Phone

SCRIPT = Path(__file__).parents[2] / "docs/examples/howto/operator_reset.py"
REQUIRED = Enforcement(Rule.REQUIRE)


class Office:
    """Alice, whose phone is lost, and Carol; what is done to whom is written down in order."""

    def __init__(self) -> None:
        self.clock = HandClock(1_800_000_000)
        self.done: list[str] = []
        self.events: list[Event] = []
        self.service = TwoFactor(
            MemoryStore(), issuer="ACME", sealer=Plaintext(), clock=self.clock, audit=self.events.append
        )
        self.phones = {user: self.set_up(user) for user in ("alice", "carol")}

    def set_up(self, user: str) -> Phone:
        """Give somebody a phone."""
        phone = Phone.scan(self.service.enrol(user, account=user).uri)
        self.codes = self.service.confirm(user, phone.code(self.clock())).recovery_codes
        self.clock.tick(60)
        return phone

    def code(self, user: str) -> str:
        """What their phone shows."""
        return self.phones[user].code(self.clock())

    def reset_password(self, user: str, /) -> str:
        """As a user table would."""
        self.done.append(f"password of {user}, {self.service.status(user).state}")
        return "temporary"

    def expect_factor(self, user: str, expected: bool, /) -> None:
        """As a user table would."""
        self.done.append(f"flag of {user} {expected}, {self.service.status(user).state}")


@pytest.fixture
def office() -> Office:
    """The office."""
    return Office()


def test_the_reset_goes_password_factor_flag(office: Office) -> None:
    """In this order, told in the log with actor and reason; the old phone opens nothing, and set-up comes next."""
    password = reset_lost_phone(
        office.service, office, owner="alice", administrator="carol", code=office.code("carol"), proof="in person"
    )
    assert password == "temporary"
    assert office.done == ["password of alice, on", "flag of alice False, off"]
    assert [(event.actor, event.reason) for event in office.events if event.kind == "reset"] == [("carol", "in person")]
    with pytest.raises(NotEnrolled):
        office.service.verify("alice", office.code("alice"))
    assert office.service.gate("alice", REQUIRED, expected=False) is Gate.MUST_ENROL
    office.phones["alice"] = office.set_up("alice")
    office.service.verify("alice", office.code("alice"))


def test_nobody_resets_themselves_and_a_wrong_code_resets_nobody(office: Office) -> None:
    """Neither changes anything."""
    with pytest.raises(NotAllowed):
        reset_lost_phone(
            office.service, office, owner="alice", administrator="alice", code=office.code("alice"), proof="urgent"
        )
    with pytest.raises(InvalidCode):
        reset_lost_phone(
            office.service, office, owner="alice", administrator="carol", code="no code", proof="in person"
        )
    assert office.done == []
    assert office.service.status("alice").state is State.ON


def test_a_recovery_code_is_enough_for_a_new_phone(office: Office) -> None:
    """Within ten minutes without another code; then the lost phone and the old codes open nothing."""
    codes = office.service.renew_recovery_codes("alice", office.code("alice"))
    office.clock.tick(60)
    office.service.recover("alice", codes[0])
    office.clock.tick(599)
    new = Phone.scan(office.service.enrol("alice", account="alice").uri)
    office.service.confirm("alice", new.code(office.clock()))
    office.clock.tick(60)
    for call, code in ((office.service.verify, office.code("alice")), (office.service.recover, codes[1])):
        with pytest.raises(InvalidCode):
            call("alice", code)


def test_the_last_administrator_is_reset_from_the_shell(tmp_path: Path) -> None:
    """By the page's program, with the settings of the application; it says what it did."""
    entry = Keyring.generate_key("2026")
    environment = {"TOTPCORE_STORE": f"sqlite:///{tmp_path / '2fa.db'}", "TOTPCORE_KEYS": entry}
    (tmp_path / "keys").touch(mode=0o600)
    (tmp_path / "keys").write_text(entry)
    store = SQLiteStore(tmp_path / "2fa.db", create=True)
    service = TwoFactor(store, issuer="ACME", sealer=Keyring.from_file(tmp_path / "keys"))
    service.enrol("7", account="root")
    done = subprocess.run(
        [sys.executable, SCRIPT, "7", "carol", "locked out; Dave looked on"],
        env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "7: pending -> off\n"
    assert service.status("7").state is State.OFF
