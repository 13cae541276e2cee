"""`kill -9` while a process verifies, recovers and fails on SQLite, at random moments and at each step of the swap.

Rules of this file:

1. What was told before death was true: a code whose acceptance was told is refused afterwards, and so is a recovery
   code; a wrong code whose refusal was told stays charged.
2. What was not told may have been done or not, and nothing between.
"""

import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import cast

import pytest

from records.life import USER, reason_of, wrong_recovery_code
from totpcore import Refused, SQLiteStore, TwoFactor
from totpcore._guard import Hidden
from totpcore._record import Active, Record, decode
from totpcore.testing import HandClock, Phone
from trouble.processes import Tell, service_on, told_by_child

Told = tuple[str, float, int]  # what was done, when, and how many recovery codes were used until then

START = 1_800_000_000
WORDS = ("verify", "wrong", "recover", "wrong", "wrong recovery code", "verify")
KILLS = int(os.environ.get("TOTPCORE_TEST_KILLS", "12"))
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


class Victim:
    """A user on a file, whom processes that are killed verify."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, HandClock(START)
        service = service_on(path, self.clock, create=True)
        self.phone = Phone.scan(service.enrol(USER, account="alice").uri)
        self.codes = list(service.confirm(USER, self.phone.code(START)).recovery_codes)
        self.used = 0

    def service(self) -> TwoFactor:
        """A service of its own, as a restarted process has it."""
        return service_on(self.path, self.clock)

    def record(self) -> tuple[Record, Active]:
        """What the file holds."""
        found = decode(Hidden(SQLiteStore(self.path).load(USER) or b""))
        assert isinstance(found, Record)
        assert found.active is not None
        return found, found.active

    def wrong(self) -> str:
        """A code that is wrong for some minutes."""
        near = {self.phone.code(self.clock() + 30 * step) for step in range(-4, 5)}
        return next(code for code in (f"{number:06d}" for number in range(10)) if code not in near)

    def work(self, seed: int, tell: Tell) -> None:
        """Verify, recover and fail for ever, and tell of each answer."""
        random, service, used, order = Random(seed), self.service(), self.used, list[str]()
        tell(("begun", self.clock(), used))
        while True:
            self.clock.tick(90)
            order = order or random.sample(WORDS, len(WORDS))
            choice = order.pop()
            if choice == "verify":
                service.verify(USER, self.phone.code(self.clock()))
                tell((choice, self.clock(), used))
            elif choice == "recover" and used < len(self.codes):
                used += 1
                service.recover(USER, self.codes[used - 1])
                tell((choice, self.clock(), used))
            elif "wrong" in choice:
                self.clock.now += 3600
                self.fail(service, choice)
                tell((choice, self.clock(), used))

    def fail(self, service: TwoFactor, choice: str) -> None:
        """Be refused."""
        call, code = (service.verify, self.wrong()) if choice == "wrong" else (service.recover, wrong_recovery_code())
        with pytest.raises(Refused):
            call(USER, code)

    def check(self, told: list[Told]) -> None:
        """All that was told is still true."""
        before, failures, failed_recoveries = self.record(), 0, 0
        service = self.service()
        for word, at, used in told:
            self.used, self.clock.now = used, at
            if word == "verify":
                failures = 0
                assert reason_of(partial(service.verify, USER, self.phone.code(at))) != "ok"
            failures += word == "wrong"
            failed_recoveries = 0 if word == "recover" else failed_recoveries + (word == "wrong recovery code")
        assert self.record() == before, "what was told of is not even charged again"
        record, active = before
        assert all(active.recovery.is_spent(number) for number in range(self.used))
        # One more acceptance may have been stored and not told; it is later than all that was told, and clears a tally.
        unspoken = (active.last_used_at or 0) > told[-1][1]
        assert record.code_tally.failures >= failures or unspoken
        assert record.recovery_tally.failures >= failed_recoveries or unspoken


def test_what_was_told_before_death_is_true_after_it(tmp_path: Path) -> None:
    """Killed at random moments: no acceptance that was told can be repeated, no refusal that was told was free."""
    victim, words = Victim(tmp_path / "factors.db"), set[str]()
    for number in range(KILLS):
        now = victim.clock.now
        told = told_by_child(partial(victim.work, number), kill_after=(6, Random(number).uniform(0, 0.02)))
        said = cast("list[Told]", told)
        words |= {word for word, _, _ in said}
        victim.clock.now = now
        victim.check(said)
        victim.clock.now = said[-1][1] + 7200
        victim.used = sum(victim.record()[1].recovery.is_spent(place) for place in range(len(victim.codes)))
        victim.service().verify(USER, victim.phone.code(victim.clock()))
        victim.clock.tick(90)
    assert words >= set(WORDS)
    with closing(sqlite3.connect(victim.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


KILLED_CALLS: dict[str, Callable[[Victim, TwoFactor], object]] = {
    "verify": lambda victim, service: service.verify(USER, victim.phone.code(victim.clock())),
    "wrong": lambda victim, service: service.verify(USER, victim.wrong()),
    "recover": lambda victim, service: service.recover(USER, victim.codes[0]),
    "disable": lambda victim, service: service.disable(USER, victim.codes[0]),
    "replace": lambda victim, service: service.replace(USER, victim.codes[0], account="alice"),
}


@pytest.mark.parametrize("name", KILLED_CALLS)
def test_death_in_the_midst_of_the_swap(tmp_path: Path, name: str) -> None:
    """Killed after one or more instructions of SQLite's machine: the record is old or new, and no lock stays."""
    call, outcomes = KILLED_CALLS[name], set[bool]()
    for number, steps in enumerate((1, 4, 8, 12, 16, 20, 1_000_000)):
        victim = Victim(tmp_path / f"{number}.db")
        victim.clock.tick(30)
        before = SQLiteStore(victim.path).load(USER)

        def die(tell: Tell, victim: Victim = victim, steps: int = steps) -> None:
            service = victim.service()
            store = cast("SQLiteStore", service._store)
            store.load(USER)
            tell("begun")
            swap = SQLiteStore.swap
            arm = kill_in(store, steps)

            def dying(self: SQLiteStore, user: str, old: bytes | None, new: bytes | None) -> bool:
                arm()
                return swap(self, user, old, new)

            SQLiteStore.swap = dying  # type: ignore[method-assign]  # of the child alone
            tell(reason_of(lambda: call(victim, service)))

        told = told_by_child(die)
        after = SQLiteStore(victim.path, wait_seconds=1).load(USER)
        outcomes.add(len(told) > 1)
        if len(told) > 1:
            assert after != before
        service = victim.service()
        assert service.gate(USER).value == ("challenge" if after is not None else "allow")
        again = reason_of(partial(call, victim, service))
        expected = {"disable": "not_enrolled", "wrong": "wrong"}.get(name, "replayed")
        assert again == ("wrong" if name == "wrong" else "ok" if after == before else expected)
    assert outcomes == {False, True}, "some died in the swap, and one did not"


def kill_in(store: SQLiteStore, steps: int) -> Callable[[], None]:
    """From when the result is called on: after so many instructions of SQLite's the process kills itself."""

    def die() -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    return lambda: store._do(lambda connection: connection.set_progress_handler(die, steps))
