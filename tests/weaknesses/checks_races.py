"""V04, V05, V19 and V63: requests that come at the same time.

Rules of this file:

1. Racers start from one record: their first loads wait for each other, or one acts in the middle of another's call.
2. What counts is how many got in, or an answer, and what is stored in the end.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from totpcore import MemoryStore, Refused, SQLiteStore, StoreContended, TwoFactor, ports
from totpcore._core import Change
from totpcore._guard import Hidden
from totpcore._shell import spoken
from totpcore.testing._races import in_processes, in_threads
from weaknesses.frame import TOTPCORE, Library, User, holds, outcome, weakness
from weaknesses.twins import (
    FREE,
    STEP,
    FirstLoadsTogether,
    InTheMiddle,
    WritesWhatItDecided,
    adopted,
    failures,
    spent_of,
    stored,
    switching_often,
)

T = TypeVar("T")

RACERS: Final = 8


# ---- V04: replay by concurrent requests ----


def writes_what_it_decided() -> Library:
    """A service that checks, and then sets."""
    return replace(TOTPCORE, two_factor=WritesWhatItDecided)


@weakness("V04", twin=writes_what_it_decided)
def one_of_many_threads_gets_in(lib: Library) -> None:
    """Of threads that send one code at once, and all read it as unspent, one is accepted, on every shipped store."""
    with TemporaryDirectory() as folder, switching_often():
        file = lib.sqlite_store(Path(folder) / "records.db", create=True)
        for store in (lib.memory_store(), file):
            user = adopted(lib, store=store)
            for _ in range(3):
                user.store = FirstLoadsTogether(store, RACERS)
                user.service, code = user.another(), user.code()
                said = Counter(in_threads([partial(user.verify, code)] * RACERS))
                holds(said == {"ok": 1, "replayed": RACERS - 1}, "one code opens once")
                user.clock.tick(30)
        file.close()


def compares_before_it_writes() -> Library:
    """Stores whose comparison and writing are two steps."""

    class Memory(MemoryStore):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            if self.load(user) != old:
                return False
            time.sleep(0.02)
            return super().swap(user, self.load(user), new)

    class File(SQLiteStore):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            if self.load(user) != old:
                return False
            time.sleep(0.02)
            return super().swap(user, self.load(user), new)

    return replace(TOTPCORE, memory_store=Memory, sqlite_store=File)


@weakness("V04", twin=compares_before_it_writes)
def a_store_compares_and_writes_in_one(lib: Library) -> None:
    """Of equal swaps at once one wins, among threads and, in a file, among processes; and nothing else can write.

    The whole contract is shipped as `totpcore.testing.StoreContract`; tests/stores runs it on every store.
    """
    offered = {name for name in vars(ports.Store) if not name.startswith("_")}
    holds(offered == {"load", "swap"}, "a store is read by load and written by swap, and by nothing else")
    shipped = {name for kind in (lib.memory_store, lib.sqlite_store) for name in dir(kind) if not name.startswith("_")}
    holds(
        shipped <= {"load", "swap", "users", "load_many", "close", "path"}, "no shipped store has another way to write"
    )
    with TemporaryDirectory() as folder:
        file = lib.sqlite_store(Path(folder) / "records.db", create=True)
        for store, race in ((lib.memory_store(), in_threads), (file, in_threads), (file, in_processes)):
            held = store.load("alice")
            values = [f"{race.__name__} {number}".encode() for number in range(RACERS)]
            won = race([partial(store.swap, "alice", held, value) for value in values])
            holds(Counter(won) == {True: 1, False: RACERS - 1}, "one swap of many wins")
            holds(store.load("alice") == values[won.index(True)], "and its value stays")
        file.close()


# ---- V05: the spent counter moves backwards ----


def last_writer_wins() -> Library:
    """A store that takes whatever comes last."""

    class LastWriterWins(MemoryStore):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            return super().swap(user, self.load(user), new)

    return replace(TOTPCORE, memory_store=LastWriterWins)


@weakness("V05", twin=last_writer_wins)
def a_slow_request_stores_no_lower_step(lib: Library) -> None:
    """Where n and n + 1 were matched and are written in reverse order, n + 1 stays, and n is refused.

    A store is not told of steps: what stands for `advance(5)` after `advance(7)` is the swap of a record that is gone.
    """
    user = adopted(lib)
    before, code, newer = stored(user), user.code(), user.code(1)
    fast = user.another()
    user.store = InTheMiddle(user.store, lambda: fast.verify(user.user, newer))
    user.service = user.another()
    holds(user.verify(code) == "replayed", "the slow request is decided again, and refused")
    holds(spent_of(user) == STEP + 1, "the newer step stays")
    slow = adopted(lib)
    slow.verify(slow.code())
    kept = stored(user)
    holds(user.store.swap(user.user, before, stored(slow)) is False, "a write on what is gone is refused")
    holds(stored(user) == kept, "and changes nothing")


# ---- V19: parallel guesses ----


class SpeaksFirst(TwoFactor):
    """A refusal is spoken, stored or not: somebody else will have counted."""

    def _run(self, user: str, change: Change[T]) -> T:
        for _ in range(128):
            old = Hidden(self._store.load(user))
            step = self._core.step(change, user, old, self._now())
            swapped = not step.swaps or self._store.swap(user, old.value, step.new.value)
            if swapped or isinstance(step.answer.value, Refused):
                return spoken(step.answer)
        raise StoreContended


def speaks_first() -> Library:
    """A service that answers before the failure is stored."""
    return replace(TOTPCORE, two_factor=SpeaksFirst)


@weakness("V19", twin=speaks_first)
def parallel_guesses_get_no_more_answers(lib: Library) -> None:
    """Of a hundred threads that guess at once on one record, five get an answer that depends on the code.

    More of them may have computed an HMAC: what is reserved is the answer, by the swap that stores it.
    """
    with switching_often():
        user = adopted(lib)
        wrong = user.wrong()
        user.store = FirstLoadsTogether(user.store, 100)
        user.service = user.another()
        said = Counter(in_threads([partial(user.verify, wrong)] * 100))
    holds(said == {"wrong": FREE, "throttled": 95}, "five guesses are answered")
    holds(failures(user) == FREE, "and each of them is stored")
    holds(user.verify(user.code()) == "throttled", "the right code waits too")


# ---- V63: race ----


def swaps_blindly() -> Library:
    """A store that writes without looking at what is there."""

    class Blind(MemoryStore):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            if new is not None:
                self._values[user] = new
            return True

    return replace(TOTPCORE, memory_store=Blind)


def raced(lib: Library, codes: Callable[[User], Sequence[str]]) -> tuple[User, list[object]]:
    """Let one racer for each code loose, all on the same record."""
    user = User(lib).on()
    typed, switch = codes(user), sys.getswitchinterval()
    user.store = FirstLoadsTogether(user.store, len(typed))
    services = [user.another() for _ in typed]
    sys.setswitchinterval(1e-6)
    try:
        told = in_threads(
            [
                partial(outcome, partial(service.recover, user.user, code))
                for service, code in zip(services, typed, strict=True)
            ]
        )
    finally:
        sys.setswitchinterval(switch)
    return user, told


@weakness("V63", twin=swaps_blindly)
def one_recovery_code_opens_once_in_a_race(lib: Library) -> None:
    """Of 32 threads with one code, all on the same record, one gets in; processes race in the contract of stores."""
    user, told = raced(lib, lambda user: [user.codes[0]] * 32)
    holds(sorted(map(str, told)) == ["ok"] + ["replayed"] * 31, "exactly one racer gets in")
    holds(user.service.status(user.user).codes_left == 9, "one code is gone")


@weakness("V63", twin=swaps_blindly)
def two_recovery_codes_in_a_race_are_both_spent(lib: Library) -> None:
    """Two different codes at once both open, and both end spent: no update is lost."""
    user, told = raced(lib, lambda user: user.codes[:2])
    holds(told == ["ok", "ok"], "both codes open")
    holds([user.recover(code) for code in user.codes[:2]] == ["replayed"] * 2, "both codes are spent")
    holds(user.service.status(user.user).codes_left == 8, "two codes are gone")
