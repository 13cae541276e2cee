"""`kill -9` while a process verifies, recovers and fails on SQLite, at random moments and at each step of the swap.

What has to be true afterwards is in `victims`. The soak does the same to every store, and to the servers.
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

from records.life import USER, reason_of
from totpcore import SQLiteStore, TwoFactor
from totpcore.testing import HandClock
from trouble.processes import Tell, service_on, told_by_child
from trouble.victims import START, WORDS, Told, Victim

KILLS = int(os.environ.get("TOTPCORE_TEST_KILLS", "12"))
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def victim_on(path: Path) -> Victim:
    """A user on a file, whom processes that are killed verify."""
    service_on(path, HandClock(START), create=True)
    return Victim(partial(service_on, path))


def test_what_was_told_before_death_is_true_after_it(tmp_path: Path) -> None:
    """Killed at random moments: no acceptance that was told can be repeated, no refusal that was told was free."""
    path, words = tmp_path / "factors.db", set[str]()
    victim = victim_on(path)
    for number in range(KILLS):
        now = victim.clock.now
        told = told_by_child(partial(victim.work, number), kill_after=(6, Random(number).uniform(0, 0.02)))
        said = cast("list[Told]", told)
        words |= {word for word, _, _ in said}
        victim.clock.now = now
        victim.check(said)
        victim.go_on(said)
    assert words >= set(WORDS)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


KILLED_CALLS: dict[str, Callable[[Victim, TwoFactor], object]] = {
    "verify": lambda victim, service: service.verify(USER, victim.code()),
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
        path = tmp_path / f"{number}.db"
        victim = victim_on(path)
        victim.clock.tick(30)
        before = SQLiteStore(path).load(USER)

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
        after = SQLiteStore(path, wait_seconds=1).load(USER)
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
