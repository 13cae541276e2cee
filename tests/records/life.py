"""A user with a second factor on a `MemoryStore`, and everything that a test has to be able to reach."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import pytest

from totpcore import HOTP, TOTP, Enrolment, MemoryStore, Plaintext, Policy, Secret, TotpcoreError, TwoFactor
from totpcore._guard import Hidden
from totpcore._record import EMPTY, Record, decode, encode
from totpcore.events import Event
from totpcore.ports import Sealer
from totpcore.testing import HandClock

NOW = 1_800_000_000
STEP = NOW // 30
USER = "7"
RAW = b"12345678901234567890"


class Life:
    """One user, one clock that is set by hand, one store.

    The token is the confirmed one, or the pending one where nothing was confirmed yet; `codes` are the recovery codes.
    """

    def __init__(self, policy: Policy | None = None, *, sealer: Sealer | None = None) -> None:
        self.clock = HandClock(NOW)
        self.store = MemoryStore()
        self.events: list[Event] = []
        self.policy = policy or Policy()
        self.service = TwoFactor(
            self.store,
            issuer="ACME",
            sealer=sealer or Plaintext(),
            policy=self.policy,
            clock=self.clock,
            audit=self.events.append,
        )
        self.token: TOTP | HOTP
        self.codes: list[str] = []

    # What there is.

    @property
    def raw(self) -> bytes | None:
        """What the store holds."""
        return self.store.load(USER)

    @property
    def record(self) -> Record:
        """What that means, under `Plaintext`."""
        found = EMPTY if self.raw is None else decode(Hidden(self.raw))
        assert isinstance(found, Record)
        return found

    @property
    def spent(self) -> int:
        """The spent counter."""
        assert self.record.active is not None
        return self.record.active.spent

    def put(self, record: Record) -> None:
        """Put another record into the store, as somebody who writes to the database could."""
        swapped = self.store.swap(USER, self.raw, encode(record).value)
        assert swapped

    # What is typed.

    def code(self, offset: int = 0) -> str:
        """The code of a time step, counted from now, or of a counter, counted from the next one."""
        if isinstance(self.token, TOTP):
            return self.token.code(self.clock() + offset * self.token.period)
        return self.token.code(self.spent + 1 + offset)

    def wrong(self, number: int = 0) -> str:
        """A well-formed code that no counter in reach has; `number` tells several apart."""
        centre = self.token.counter(self.clock()) if isinstance(self.token, TOTP) else self.spent + 1
        token = HOTP(self.token.secret, digits=self.token.digits, algorithm=self.token.algorithm)
        reach = {token.code(counter) for counter in range(max(0, centre - 110), min(centre + 110, 2**64 - 1) + 1)}
        spare = (f"{value:0{token.digits}d}" for value in range(873_000, 874_000))
        return [code for code in spare if code not in reach][number]

    # What happens.

    def enrol(self) -> Enrolment:
        """Begin set-up."""
        enrolment = self.service.enrol(USER, account="alice@example.com")
        self.token = TOTP(enrolment.secret, digits=self.policy.digits, period=self.policy.period)
        return enrolment

    def on(self) -> "Life":
        """Set up, and let one time step pass: the code of now has not been used."""
        self.enrol()
        self.codes = list(self.service.confirm(USER, self.code()).recovery_codes)
        self.clock.tick(self.policy.period)
        self.events.clear()
        return self

    def adopt(self, token: TOTP | HOTP | None = None, *, spent: int = -1) -> "Life":
        """Take over a token from elsewhere, by default the TOTP token of the RFCs' key."""
        self.token = token or TOTP(Secret(RAW))
        self.codes = list(self.service.adopt(USER, self.token, spent=spent).recovery_codes)
        self.events.clear()
        return self

    def fail(self, times: int) -> "Life":
        """Type wrong one-time codes, each as soon as it is answered."""
        for _ in range(times):
            self.wait_over()
            assert reason_of(lambda: self.service.verify(USER, self.wrong())) == "wrong"
        return self

    def fail_recovery(self, times: int) -> "Life":
        """Type wrong recovery codes, each as soon as it is answered."""
        for number in range(times):
            self.clock.now = max(self.clock.now, self.record.recovery_tally.until)
            code = wrong_recovery_code(number)
            assert reason_of(partial(self.service.recover, USER, code)) == "wrong"
        return self

    def wait_over(self) -> None:
        """Let the wait before the next one-time code pass."""
        self.clock.now = max(self.clock.now, self.record.code_tally.until)

    def lock(self) -> "Life":
        """Type wrong codes until the secret is locked, and let the wait pass."""
        self.fail(self.policy.lock_after)
        self.wait_over()
        self.events.clear()
        return self


class NewLife(Protocol):
    """How a test makes a `Life` of its own."""

    def __call__(self, policy: Policy | None = None, *, sealer: Sealer | None = None) -> Life:
        """Make one."""
        ...


def wrong_recovery_code(number: int = 0) -> str:
    """A well-formed recovery code that is in no set; `number` tells several apart."""
    return f"{number:024d}"


def caught(call: Callable[[], object]) -> TotpcoreError:
    """The exception of totpcore's that a call raises."""
    with pytest.raises(TotpcoreError) as found:
        call()
    return found.value


def reason_of(call: Callable[[], object]) -> str:
    """`ok`, or the word of the refusal, or the name of another exception of totpcore's."""
    try:
        call()
    except TotpcoreError as error:
        return str(getattr(error, "reason", type(error).__name__))
    return "ok"
