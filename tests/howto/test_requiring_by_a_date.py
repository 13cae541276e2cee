"""What docs/how-to/requiring-by-a-date.md says beside its examples, which are run as they stand."""

from howto.rollout import DEADLINE, User, enforcement_for, may_log_in_by_password, missing
from totpcore import Enforcement, Gate, MemoryStore, Plaintext, Rule, TwoFactor
from totpcore.testing import HandClock, Phone

ADA = User("1", "ada", staff=True)


def test_moving_the_day_touches_nobodys_factor() -> None:
    """Back at `ENCOURAGE`: who has none is let in, who has one is asked, and its generation is what it was."""
    clock = HandClock(DEADLINE.timestamp() + 1)
    service = TwoFactor(MemoryStore(), issuer="ACME", sealer=Plaintext(), clock=clock)
    phone = Phone.scan(service.enrol(ADA.id, account="ada").uri)
    service.confirm(ADA.id, phone.code(clock()))
    before = service.status(ADA.id)
    assert service.gate("2", enforcement_for(User("2", "bob", staff=True))) is Gate.MUST_ENROL
    assert service.gate("2", Enforcement(Rule.ENCOURAGE)) is Gate.NUDGE
    assert service.gate(ADA.id, Enforcement(Rule.ENCOURAGE)) is Gate.CHALLENGE
    assert service.status(ADA.id) == before


def test_the_list_tells_of_a_record_that_does_not_open() -> None:
    """It hides nobody else, and a service account is not asked for one, as no password opens it."""
    store = MemoryStore()
    store.swap("1", None, b"no record")
    service = TwoFactor(store, issuer="ACME", sealer=Plaintext())
    job = User("3", "backup-job", staff=True, service=True)
    assert not may_log_in_by_password(job)
    assert missing(service, [ADA, User("2", "bob", staff=True), job]) == {
        "ada": "unreadable: see to it before the day",
        "bob": "off",
    }
    assert DEADLINE.weekday() < 5
    assert DEADLINE.hour == 9
