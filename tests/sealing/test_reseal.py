"""Sealing everything anew: all of it, beside traffic, stopped and started again, and nothing that does not open."""

import dataclasses
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import pytest

from sealing.people import FIRST, SECOND, THIRD, Person, caught, plain_record
from silence.finder import Finder
from silence.surface import deep, reports, surface
from totpcore import (
    MemoryStore,
    Plaintext,
    RecordUnreadable,
    Sealer,
    SQLiteStore,
    Store,
    StoreContended,
    StoreError,
    TwoFactor,
)
from totpcore.sealing import Keyring, Progress, reseal
from totpcore.testing import HandClock

OLD: Final = Keyring({"one": FIRST})
BOTH: Final = Keyring({"two": SECOND, "one": FIRST})
NEW: Final = Keyring({"two": SECOND})
PLAIN: Final = Plaintext()


def people(store: Store, sealer: Sealer, count: int) -> list[Person]:
    """Users who have set up under that sealer, by one clock."""
    clock = HandClock(1_800_000_000)
    found = [Person(store, sealer, f"user {number:04}", clock) for number in range(count)]
    clock.tick(60)  # two steps: one in a million has the same code in the next, and spends both
    return found


def fill(store: MemoryStore, count: int, value: bytes) -> None:
    """Put one and the same value in for many users."""
    for number in range(count):
        store.swap(f"filler {number:04}", None, value)


class Odd:
    """A store over another, with only the two methods and `users`; each can be replaced in a test."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.swaps: list[str] = []

    def load(self, user: str, /) -> bytes | None:
        return self.store.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        self.swaps.append(user)
        return self.store.swap(user, old, new)

    def users(self) -> Iterator[str]:
        return self.store.users()


# ---- what is resealed ----


def test_every_record_comes_under_the_newest_key() -> None:
    """After it the old key can go: everybody logs in with the new key alone."""
    store = MemoryStore()
    some = people(store, OLD, 5)
    assert reseal(store, BOTH) == Progress(done=5, resealed=5)
    for person in some:
        assert NEW.is_newest(person.raw)
        person.sealer = NEW
        assert person.log_in() == "ok"


def test_what_is_in_a_record_stays_as_it_is() -> None:
    """The same bytes are sealed anew, to the last one."""
    store = MemoryStore()
    (person,) = people(store, OLD, 1)
    context = b"\x00\x0atotpcore/1\x00\x09user 0000"
    before, sealed = OLD.open(person.raw, context), person.raw
    reseal(store, BOTH)
    assert NEW.open(person.raw, context) == before
    assert person.raw != sealed


def test_what_the_newest_key_sealed_is_left() -> None:
    """A second run changes nothing, and of a mixture only what is old."""
    store = Odd(MemoryStore())
    some = people(store, OLD, 4)
    some[1].sealer = BOTH
    some[1].log_in()
    store.swaps.clear()
    assert reseal(store, BOTH) == Progress(done=4, resealed=3)
    assert store.swaps == ["user 0000", "user 0002", "user 0003"]
    held = [person.raw for person in some]
    assert reseal(store, BOTH) == Progress(done=4)
    assert [person.raw for person in some] == held


def test_a_store_without_anybody() -> None:
    """Nothing to do is done."""
    assert reseal(MemoryStore(), BOTH) == Progress()


def test_from_records_in_clear_to_a_keyring_and_back() -> None:
    """By naming what opened them before; a second run passes over what is done."""
    store = MemoryStore()
    some = people(store, PLAIN, 3)
    held = [person.raw for person in some]
    assert reseal(store, OLD, previous=PLAIN) == Progress(done=3, resealed=3)
    assert all(OLD.is_newest(person.raw) for person in some)
    assert reseal(store, OLD, previous=PLAIN) == Progress(done=3)
    assert reseal(store, PLAIN, previous=OLD) == Progress(done=3, resealed=3)
    assert [person.raw for person in some] == held
    assert reseal(store, PLAIN, previous=OLD) == Progress(done=3)
    assert reseal(store, PLAIN) == Progress(done=3)


def test_from_one_keyring_to_another() -> None:
    """A keyring that shares no key with the one before."""
    store = MemoryStore()
    (person,) = people(store, OLD, 1)
    assert reseal(store, NEW, previous=OLD) == Progress(done=1, resealed=1)
    assert NEW.is_newest(person.raw)


def test_a_sealer_that_does_not_know_its_newest_key() -> None:
    """A sealer of two methods has everything sealed anew each time."""

    class Two:
        def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
            return BOTH.seal(plaintext, context)

        def open(self, sealed: bytes, context: bytes, /) -> bytes:
            return BOTH.open(sealed, context)

    store = MemoryStore()
    people(store, OLD, 2)
    assert reseal(store, Two()) == Progress(done=2, resealed=2)
    assert reseal(store, Two()) == Progress(done=2, resealed=2)


# ---- what does not open ----


def unreadable() -> dict[str, bytes]:
    """What does not open, by a user id that says why."""
    sealed = OLD.seal(plain_record(), b"\x00\x0atotpcore/1\x00\x05moved")
    return {
        "changed": sealed[:-1] + bytes([sealed[-1] ^ 1]), "another's": sealed, "cut": sealed[:40],
        "garbage": b"\xff" * 90,
        "by a removed key": Keyring({"zero": THIRD}).seal(plain_record(), b""), "empty": b"",
        "the newest key's head alone": BOTH.seal(b"", b"")[:17] + b"x" * 40, "in clear": plain_record(),
        "no record": OLD.seal(b"{}", b"\x00\x0atotpcore/1\x00\x09no record"),
        "newer": OLD.seal(plain_record().replace(b'"v":1', b'"v":9'), b"\x00\x0atotpcore/1\x00\x05newer"),
    }  # fmt: skip


def test_what_does_not_open_is_named_and_left() -> None:
    """Nothing is overwritten, everybody else is served, and the report says who they are."""
    store = MemoryStore()
    people(store, OLD, 3)
    bad = unreadable()
    for user, value in bad.items():
        store.swap(user, None, value)
    report = reseal(store, BOTH)
    assert report == Progress(done=13, resealed=3, unreadable=10, unreadable_users=tuple(sorted(bad)))
    assert {user: store.load(user) for user in bad} == bad


def test_garbage_is_not_sealed_on_the_way_from_records_in_clear() -> None:
    """`Plaintext` opens anything; what is no record is not sealed all the same."""
    store = MemoryStore()
    bad = unreadable()
    del bad["in clear"]
    for user, value in bad.items():
        store.swap(user, None, value)
    report = reseal(store, BOTH, previous=PLAIN)
    assert report == Progress(done=9, unreadable=9, unreadable_users=tuple(sorted(bad)))
    assert {user: store.load(user) for user in bad} == bad


def test_the_report_names_a_thousand() -> None:
    """With the wrong keys, everything is counted, and the report does not grow with the number of users."""
    store = MemoryStore()
    fill(store, 1003, b"garbage")
    report = reseal(store, BOTH)
    assert (report.done, report.unreadable, len(report.unreadable_users)) == (1003, 1003, 1000)
    assert report.unreadable_users[-1] == "filler 0999"


@pytest.mark.parametrize("kind", [ValueError, KeyError, MemoryError, OSError])
def test_whatever_a_sealer_raises_it_does_not_open(kind: type[Exception]) -> None:
    """A sealer is asked for one record after the other, and each that raises is unreadable."""

    class Raises:
        seal = staticmethod(PLAIN.seal)

        def open(self, sealed: bytes, context: bytes, /) -> bytes:
            raise kind

    store = MemoryStore()
    fill(store, 2, b"value")
    assert reseal(store, Raises()).unreadable == 2
    assert store.load("filler 0000") == b"value"


# ---- progress, stopping and starting again ----


def test_progress_is_told_after_each_user() -> None:
    """In figures that only grow, the last of which is what is returned."""
    store = MemoryStore()
    people(store, OLD, 3)
    store.swap("user 0001", store.load("user 0001"), b"garbage")
    told: list[Progress] = []
    assert reseal(store, BOTH, progress=told.append) == told[-1]
    assert told == [
        Progress(done=1, resealed=1),
        Progress(done=2, resealed=1, unreadable=1, unreadable_users=("user 0001",)),
        Progress(done=3, resealed=2, unreadable=1, unreadable_users=("user 0001",)),
    ]


def test_progress_is_a_value() -> None:
    """It cannot be changed, takes its fields by keyword, and has no dictionary."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Progress().done = 5  # type: ignore[misc]  # what is tested
    with pytest.raises(TypeError):
        Progress(1)  # type: ignore[call-arg]  # what is tested
    assert not hasattr(Progress(), "__dict__")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError, GeneratorExit])
@pytest.mark.parametrize("at", range(1, 6))
def test_it_is_stopped_and_started_again(kind: type[BaseException], at: int) -> None:
    """What was done stays done; the next run does the rest, and nothing twice."""
    store = Odd(MemoryStore())
    some = people(store, OLD, 5)
    store.swaps.clear()

    def stop(progress: Progress) -> None:
        if progress.done == at:
            raise kind

    with pytest.raises(kind):
        reseal(store, BOTH, progress=stop)
    assert [BOTH.is_newest(person.raw) for person in some] == [True] * at + [False] * (5 - at)
    assert reseal(store, BOTH) == Progress(done=5, resealed=5 - at)
    assert store.swaps == [person.user for person in some]
    for person in some:
        person.sealer = NEW
        assert person.log_in() == "ok"


class Breaking:
    """A sealer and a store in one that raises at the call of a given number, before or after its work."""

    def __init__(self, at: int, kind: type[BaseException], *, after: bool) -> None:
        self.at, self.kind, self.after, self.calls, self.store = at, kind, after, 0, MemoryStore()
        self.is_newest = BOTH.is_newest
        self.users = self.store.users

    def _do(self, work: Callable[[], Any]) -> Any:
        self.calls += 1
        breaks = self.calls == self.at
        if breaks and not self.after:
            raise self.kind
        done = work()
        if breaks:
            raise self.kind
        return done

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        return cast("bytes", self._do(lambda: BOTH.seal(plaintext, context)))

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        return cast("bytes", self._do(lambda: BOTH.open(sealed, context)))

    def load(self, user: str, /) -> bytes | None:
        return cast("bytes | None", self._do(lambda: self.store.load(user)))

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        return cast("bool", self._do(lambda: self.store.swap(user, old, new)))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("at", range(1, 13))
def test_trouble_at_any_call_loses_nothing(at: int, kind: type[BaseException], after: bool) -> None:
    """Wherever sealer or store raise, every record is whole, under one key or the other, and a new run ends it."""
    world = Breaking(at, kind, after=after)
    some = people(world.store, OLD, 3)
    opening = at % 4 == 2
    if opening and kind is RuntimeError:  # a record that does not open is counted, and left for the next run
        assert reseal(world, world) == Progress(
            done=3, resealed=2, unreadable=1, unreadable_users=(some[at // 4].user,)
        )
    else:
        with pytest.raises(kind):
            reseal(world, world)
    assert reseal(world.store, BOTH).unreadable == 0
    for person in some:
        person.sealer = NEW
        assert person.log_in() == "ok"
        assert person.log_in() == "replayed"


def test_the_listing_is_closed_where_it_is_stopped() -> None:
    """A store may have a connection open for its listing: it is given back at once, not when a traceback ends."""
    closed: list[bool] = []

    class Listing(Odd):
        def users(self) -> Iterator[str]:
            try:
                yield from self.store.users()
            finally:
                closed.append(True)

    store = Listing(MemoryStore())
    fill(store.store, 1100, b"garbage")

    def stop(progress: Progress) -> None:
        if progress.done == 600:
            raise RuntimeError

    error = caught(partial(reseal, store, BOTH, progress=stop))
    assert closed == [True]
    assert isinstance(error, RuntimeError), "and its traceback was there meanwhile"
    assert reseal(store, BOTH).done == 1100
    assert closed == [True, True]


# ---- beside traffic ----


def test_a_record_that_is_changed_meanwhile_is_loaded_again() -> None:
    """By a process with the old keys it is sealed again from what it is now; by one with the new keys it is done."""
    for traffic, resealed in ((OLD, 1), (BOTH, 0)):
        store = MemoryStore()
        (person,) = people(store, OLD, 1)
        person.sealer = traffic

        class Late(Odd):
            def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
                if not self.swaps:
                    assert person.log_in() == "ok"  # noqa: B023  # it is used up in the same round
                return super().swap(user, old, new)

        assert reseal(Late(store), BOTH) == Progress(done=1, resealed=resealed)
        assert BOTH.is_newest(person.raw)
        person.sealer = NEW
        assert person.log_in() == "replayed"


def test_a_record_that_vanished_is_fine() -> None:
    """Before it is loaded, or between the load and the swap."""
    store = MemoryStore()
    people(store, OLD, 3)

    class Vanishing(Odd):
        def load(self, user: str, /) -> bytes | None:
            return None if user == "user 0001" else super().load(user)

        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            if user == "user 0002":
                self.store.swap(user, old, None)
            return super().swap(user, old, new)

    assert reseal(Vanishing(store), BOTH) == Progress(done=3, resealed=1)
    assert store.load("user 0002") is None


def test_it_gives_up_after_128_rounds() -> None:
    """A store that loses every swap does not hold it for ever."""

    class Losing(Odd):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            self.swaps.append(user)
            return False

    store = Losing(MemoryStore())
    people(store.store, OLD, 1)
    with pytest.raises(StoreContended, match="128 rounds"):
        reseal(store, BOTH)
    assert len(store.swaps) == 128


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_beside_log_ins_no_code_opens_twice(kind: str, tmp_path: Path) -> None:
    """While records go from key to key and back, each code is accepted once, and stays spent."""
    store = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "factors.db", create=True)
    rings = [Keyring({"one": FIRST, "two": SECOND}), Keyring({"two": SECOND, "one": FIRST})]
    some, stopped, runs = people(store, rings[0], 3), threading.Event(), list[Progress]()
    for number, person in enumerate(some):
        person.sealer = rings[number % 2]

    def turn() -> None:
        while not stopped.is_set():
            runs.append(reseal(store, rings[len(runs) % 2]))

    with ThreadPoolExecutor(9) as pool:
        turning = [pool.submit(turn)]
        try:
            for _ in range(15):
                outcomes = [list(pool.map(Person.log_in, [person] * 6)) for person in some]
                assert [sorted(one) for one in outcomes] == [["ok"] + ["replayed"] * 5] * 3
                assert [person.log_in() for person in some] == ["replayed"] * 3
                some[0].clock.tick(60)  # as in `people`
        finally:
            stopped.set()
        turning[0].result()
    assert len(runs) > 1
    assert sum(run.resealed for run in runs) > 3
    assert not any(run.unreadable for run in runs)
    if isinstance(store, SQLiteStore):
        store.close()


def test_two_at_once_end_alike() -> None:
    """Two runs beside each other do each record once between them."""
    store = MemoryStore()
    some = people(store, OLD, 60)
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: reseal(store, BOTH), range(2)))
    assert sum(report.resealed for report in reports) == 60
    assert all(report.done == 60 and not report.unreadable for report in reports)
    assert all(NEW.is_newest(person.raw) for person in some)


# ---- stores of all kinds ----


def test_many_records_are_loaded_by_batches() -> None:
    """Where the store can, and never more than 500 at once; a store that cannot is asked one by one."""
    batches: list[int] = []

    class Counting(MemoryStore):
        def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
            wanted = list(users)
            batches.append(len(wanted))
            return super().load_many(wanted)

        def load(self, user: str, /) -> bytes | None:
            raise AssertionError("what is loaded with others is not loaded again")

    store = Counting()
    fill(store, 1100, plain_record())
    assert reseal(store, NEW, previous=PLAIN) == Progress(done=1100, resealed=1100)
    assert batches == [500, 500, 100]
    one_by_one = Odd(MemoryStore())
    fill(one_by_one.store, 1100, plain_record())
    assert reseal(one_by_one, NEW, previous=PLAIN) == Progress(done=1100, resealed=1100)


def test_a_store_on_disk_is_resealed(tmp_path: Path) -> None:
    """In an SQLite file, seen by the next store that is opened on it."""
    store = SQLiteStore(tmp_path / "factors.db", create=True)
    some = people(store, OLD, 3)
    assert reseal(store, BOTH) == Progress(done=3, resealed=3)
    store.close()
    again = SQLiteStore(tmp_path / "factors.db")
    for person in some:
        assert NEW.is_newest(again.load(person.user) or b"")
    again.close()


class Asynchronous:
    async def load(self, user: str, /) -> bytes | None:
        return None

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        return False

    async def users(self) -> AsyncIterator[str]:
        yield "alice"


class NoListing:
    load, swap = MemoryStore.load, MemoryStore.swap


WRONG: Final[dict[str, tuple[tuple[Any, ...], dict[str, Any], str]]] = {
    "no store": ((None, BOTH), {}, "store must be an object with the methods load and swap"),
    "a class": ((MemoryStore, BOTH), {}, "store must be an object with the methods load and swap, not type"),
    "no listing": ((NoListing(), BOTH), {}, "store must be a store that lists its users, by a method users, not"),
    "asynchronous": ((Asynchronous(), BOTH), {}, r"store must be a Store: open the one that waits"),
    "no sealer": ((MemoryStore(), None), {}, "sealer must be an object with the methods seal and open"),
    "a sealer's class": ((MemoryStore(), Plaintext), {}, "sealer must be an object with the methods seal and open"),
    "a wrong previous": ((MemoryStore(), BOTH), {"previous": FIRST}, "previous must be an object with the methods"),
    "no function": ((MemoryStore(), BOTH), {"progress": 5}, "progress must be callable, not int"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_a_developer_passes_wrong_is_named(case: str) -> None:
    """A `TypeError`, before anything is done."""
    positional, named, message = WRONG[case]
    error = caught(partial(reseal, *positional, **named))
    assert type(error) is TypeError
    assert re.match(message, str(error)), str(error)


@pytest.mark.parametrize("wrong", [None, 1, "yes"])
def test_anything_but_true_or_false_from_a_store_is_trouble(wrong: object) -> None:
    """No progress is claimed where a store does not say whether it swapped."""

    class Vague(Odd):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            return cast("bool", wrong)

    store = Vague(MemoryStore())
    people(store.store, OLD, 1)
    with pytest.raises(StoreError, match=f"swap must return True or False, not {type(wrong).__name__}"):
        reseal(store, BOTH)


def test_anything_but_bytes_from_a_store_or_a_sealer_is_trouble() -> None:
    """A text in the place of a value, and nothing in the place of a seal, are not stored."""

    class Texts(Odd):
        def load(self, user: str, /) -> bytes | None:
            return cast("bytes", "text")

    class Seals:
        def __init__(self, answer: object) -> None:
            self.answer = answer

        def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
            return cast("bytes", self.answer)

        open = staticmethod(PLAIN.open)

    store = MemoryStore()
    fill(store, 1, plain_record())
    with pytest.raises(StoreError, match="load must return bytes or None, not str"):
        reseal(Texts(store), BOTH)
    for answer in (None, "text", b""):
        with pytest.raises(StoreError, match="seal must return bytes, not"):
            reseal(store, Seals(answer))
    odd = Odd(store)
    odd.users = lambda: iter(["a\0b"])  # type: ignore[method-assign]  # what is tested
    with pytest.raises(ValueError, match="user must not hold NUL"):
        reseal(odd, BOTH)


# ---- silence ----


@pytest.mark.parametrize("look", [surface, reports, deep])
def test_no_frame_shows_a_record(look: Callable[[BaseException], Iterator[str]]) -> None:
    """On the way from records in clear, where store, sealer and progress raise: no secret is in totpcore's frames."""
    store = MemoryStore()
    (person,) = people(store, PLAIN, 1)
    finder = Finder({"secret": person.phone.uri.token.secret.reveal(), "one": FIRST, "two": SECOND})
    assert finder.find(json.loads(person.raw)["active"]["secret"])

    class Broken(Odd):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            del old, new
            raise RuntimeError

    class Sealing:
        def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
            del plaintext
            raise RuntimeError

        def open(self, sealed: bytes, context: bytes, /) -> bytes:
            return sealed

    def stop(progress: Progress) -> None:
        raise RuntimeError

    class Listing(MemoryStore):
        def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
            return {user: cast("bytes", bytearray(store.load(user) or b"")) for user in users}

        def users(self) -> Iterator[str]:
            return store.users()

    raised = [
        caught(partial(reseal, Broken(store), BOTH, previous=PLAIN)),
        caught(partial(reseal, store, Sealing())),
        caught(partial(reseal, Listing(), BOTH, previous=PLAIN)),
        caught(partial(reseal, store, BOTH, previous=PLAIN, progress=stop)),
    ]
    for error in raised:
        finder.check(repr(error), *look(error))
    assert [type(error) for error in raised] == [RuntimeError, RuntimeError, StoreError, RuntimeError]


def test_a_service_with_the_old_keys_refuses_and_harms_nothing() -> None:
    """Where a process was forgotten that has only the old key, it lets nobody in, and the record stays whole."""
    store = MemoryStore()
    (person,) = people(store, OLD, 1)
    reseal(store, BOTH)
    held = person.raw
    service = TwoFactor(store, issuer="ACME", sealer=OLD, clock=person.clock, audit=lambda _event: None)
    with pytest.raises(RecordUnreadable):
        service.verify(person.user, person.code())
    assert person.raw == held
    person.sealer = NEW
    assert person.log_in() == "ok"
