"""People whose second factors are used while processes or servers are killed, and what has to be true of them then.

Rules of this file:

1. What was told is true from then on: a counter whose acceptance was told is spent, and so is a recovery code; a wrong
   code whose refusal was told is charged.
2. What was not told may have been done or not, and nothing between.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

from records.life import USER, reason_of, wrong_recovery_code
from totpcore import TwoFactor
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore.testing import HandClock, Phone
from totpcore.testing._contract import expect
from trouble.processes import Tell

Told = tuple[str, float, int]  # what was done, when, and how many recovery codes were used until then

START: Final = 1_800_000_000
WORDS: Final = ("verify", "wrong", "recover", "wrong", "wrong recovery code", "verify")


class Person:
    """A user with a second factor, and what they could type.

    Attributes:
        user: The user id.
        codes: The recovery codes.
    """

    def __init__(self, service: TwoFactor, at: float, user: str = USER) -> None:
        """Set up the second factor at that moment."""
        self.user = user
        self.phone = Phone.scan(service.enrol(user, account="alice").uri)
        self.codes = list(service.confirm(user, self.phone.code(at)).recovery_codes)

    def wrong(self, at: float) -> str:
        """Return a code that is wrong for some minutes."""
        near = {self.phone.code(at + 30 * step) for step in range(-4, 5)}
        return next(code for code in (f"{number:06d}" for number in range(10)) if code not in near)


@dataclass
class Ledger:
    """What was told of one user.

    Attributes:
        counter: The highest counter that has to be spent.
        failures: Wrong one-time codes since the last acceptance.
        failed_recoveries: Wrong recovery codes since the last acceptance of one.
        used: Which recovery codes have to be spent.
        at: When something was told last.
    """

    counter: int = -1
    failures: int = 0
    failed_recoveries: int = 0
    used: set[int] = field(default_factory=set)
    at: float = 0.0

    def note(self, word: str, at: float, place: int = -1) -> None:
        """Write down what was told; of a recovery code, which of them it was."""
        self.at = at
        if word == "verify":
            self.counter, self.failures = int(at // 30), 0
        elif word == "recover":
            self.counter, self.failed_recoveries = int(at // 30) + 1, 0  # what is valid at that moment is spent with it
            self.used.add(place)
        self.failures += word == "wrong"
        self.failed_recoveries += word == "wrong recovery code"

    def check(self, record: Record) -> None:
        """Fail where something that was told is not true."""
        active = active_of(record)
        expect(active.spent >= self.counter, "a counter was told as accepted, and is not spent")
        lost = [place for place in self.used if not active.recovery.is_spent(place)]
        expect(not lost, "a recovery code was told as accepted, and is not spent")
        # One more acceptance may have been stored and not told; it is later than all that was told, and clears a tally.
        unspoken = (active.last_used_at or 0) > self.at
        expect(record.code_tally.failures >= self.failures or unspoken, "a wrong code was told, and is not charged")
        charged = record.recovery_tally.failures >= self.failed_recoveries
        expect(charged or unspoken, "a wrong recovery code was told, and is not charged")

    def adopt(self, record: Record) -> None:
        """Take what is stored, and was perhaps not told, for what has to be true from now on."""
        active = active_of(record)
        self.counter, self.at = active.spent, max(self.at, active.last_used_at or 0)
        self.failures, self.failed_recoveries = record.code_tally.failures, record.recovery_tally.failures
        self.used = {place for place in range(active.recovery.spent.bit_length()) if active.recovery.is_spent(place)}


def active_of(record: Record) -> Active:
    """Return the active credential, which has to be there."""
    if record.active is None:
        raise AssertionError("the second factor is gone")
    return record.active


def record_in(service: TwoFactor, user: str) -> Record:
    """Return what a service's store holds, opened."""
    return service._core._open(user, Hidden(service._store.load(user)))


class Victim:
    """A user whom processes that are killed verify, each by a service of its own.

    Attributes:
        used: How many recovery codes were used; the next one is the one of that place.
    """

    def __init__(
        self, serve: Callable[[HandClock], TwoFactor], user: str = USER, clock: HandClock | None = None
    ) -> None:
        """Set up a user. `serve` opens a service, as a restarted process does; the clock is the one it goes by."""
        self._serve = serve
        self.clock = clock or HandClock(START)
        self.person = Person(self.service(), self.clock(), user)
        self.used = 0

    @property
    def user(self) -> str:
        """The user id."""
        return self.person.user

    @property
    def codes(self) -> list[str]:
        """The recovery codes."""
        return self.person.codes

    def service(self) -> TwoFactor:
        """Return a service."""
        return self._serve(self.clock)

    def record(self) -> Record:
        """Return what the store holds."""
        return record_in(self.service(), self.user)

    def code(self) -> str:
        """Return the code of now."""
        return self.person.phone.code(self.clock())

    def wrong(self) -> str:
        """Return a code that is wrong now."""
        return self.person.wrong(self.clock())

    def work(self, seed: int, tell: Tell) -> None:
        """Verify, recover and fail for ever, and tell of each answer."""
        random, service, used, order = Random(seed), self.service(), self.used, list[str]()
        tell(("begun", self.clock(), used))
        while True:
            self.clock.tick(90)
            order = order or random.sample(WORDS, len(WORDS))
            choice = order.pop()
            if choice == "verify":
                service.verify(self.user, self.code())
                tell((choice, self.clock(), used))
            elif choice == "recover" and used < len(self.codes):
                used += 1
                service.recover(self.user, self.codes[used - 1])
                tell((choice, self.clock(), used))
            elif "wrong" in choice:
                self.clock.now += 3600
                self._fail(service, choice)
                tell((choice, self.clock(), used))

    def _fail(self, service: TwoFactor, choice: str) -> None:
        call, code = (service.verify, self.wrong()) if choice == "wrong" else (service.recover, wrong_recovery_code())
        expect(reason_of(partial(call, self.user, code)) == "wrong", "a wrong code must be refused")

    def check(self, told: list[Told], *, late: int = 0) -> None:
        """All that was told is still true.

        So many swaps may still be done after the death of who sent them, where a server does them.
        """
        before, ledger, service = self.record(), Ledger(), self.service()
        for word, at, used in told:
            self.used, self.clock.now = used, at
            ledger.note(word, at, used - 1)
            if word == "verify":
                again = reason_of(partial(service.verify, self.user, self.code()))
                expect(again != "ok", "a code was told as accepted, and is accepted again")
        after = self.record()  # once: between two looks such a swap could be done
        if late and after != before:
            self.check(told, late=late - 1)
            return
        expect(after == before, "what was told of must not even be charged again")
        ledger.used = set(range(self.used))  # by the processes before this one too
        ledger.check(before)

    def go_on(self, told: list[Told]) -> None:
        """Log in, a while after all that was told: whoever was killed stands in nobody's way."""
        self.clock.now = told[-1][1] + 7200
        self.service().verify(self.user, self.code())
        self.used = active_of(self.record()).recovery.spent.bit_count()  # a swap that came late is in, or never will be
        self.clock.tick(90)
