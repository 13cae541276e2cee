"""The contracts fail on stores that are broken: each of these would lose a spent code, an attempt or a user.

Rules of this file:

1. A broken store does one thing wrong. What it is made from is right, and passes.
2. What waits is tried under both contracts, under the asynchronous one in threads.
"""

import asyncio
import pickle
import threading
import time
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

import pytest

from totpcore import MemoryStore, SQLiteStore, StoreError
from totpcore.ports import AsyncStore, Store
from totpcore.stores import InThreads
from totpcore.testing import AsyncStoreContract, StoreContract, StoreFactory, _awaiting, _contract

LOCK = threading.Lock()


class Broken:
    """A store over a dictionary, in which one thing can be broken."""

    values: ClassVar[dict[str, bytes]] = {}

    def load(self, user: str, /) -> bytes | None:
        return self.values.get(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        with LOCK:
            return self.put(user, old, new)

    def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
        if self.values.get(user) != old:
            return False
        if new is None:
            self.values.pop(user, None)
        else:
            self.values[user] = new
        return True

    def users(self) -> Iterator[str]:
        yield from list(self.values)

    def load_many(self, users: Iterable[str], /) -> dict[str, bytes]:
        return {user: self.values[user] for user in users if user in self.values}


class ChecksThenWrites(Broken):
    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        if self.values.get(user) != old:
            return False
        time.sleep(0.001)
        return self.put(user, self.values.get(user), new)


class OverwritesAlways(Broken):
    def put(self, user: str, _old: bytes | None, new: bytes | None) -> bool:
        return super().put(user, self.values.get(user), new)


class InsertsOver(Broken):
    def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
        return super().put(user, self.values.get(user) if old is None else old, new)


class NeverRemoves(Broken):
    def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
        return self.values.get(user) == old if new is None else super().put(user, old, new)


class AnswersTruthy(Broken):
    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        return 1 if super().swap(user, old, new) else False  # type: ignore[return-value]  # the fault


class TakesEmptyForAbsent(Broken):
    def load(self, user: str, /) -> bytes | None:
        return super().load(user) or None

    def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
        return super().put(user, old or None, new or None)


class AltersUsers(Broken):
    """A store that takes some users for others."""

    def altered(self, user: str) -> str:
        return user

    def load(self, user: str, /) -> bytes | None:
        return super().load(self.altered(user))

    def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
        return super().put(self.altered(user), old, new)


class FoldsCase(AltersUsers):
    def altered(self, user: str) -> str:
        return user.casefold()


class FoldsTheLastOf255(AltersUsers):
    def altered(self, user: str) -> str:
        return user[:254] + user[254:].casefold()


class ComposesTheLastOf255(AltersUsers):
    def altered(self, user: str) -> str:
        return user if len(user) < 255 else unicodedata.normalize("NFC", user)


class CutsUsersAt1019Bytes(AltersUsers):
    def altered(self, user: str) -> str:
        return user.encode()[:1019].decode("latin-1")


class TrimsSpaces(AltersUsers):
    def altered(self, user: str) -> str:
        return user.strip()


class CutsLongUsers(AltersUsers):
    def altered(self, user: str) -> str:
        return user[:254]


class DropsTrailingNul(Broken):
    def load(self, user: str, /) -> bytes | None:
        value = super().load(user)
        return value and value.rstrip(b"\0")


class CutsAt4KiB(Broken):
    def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
        return super().put(user, old and old[:4096], new and new[:4096])


class ForgetsOthers(Broken):
    def __init__(self) -> None:
        self.values = {}  # type: ignore[misc]  # the fault: each object has its own


class ListsTwice(Broken):
    def users(self) -> Iterator[str]:
        yield from [*self.values, *self.values]


class RemembersTheRemoved(Broken):
    """A store that marks what was removed, in the place of removing it."""

    removed: ClassVar[dict[str, bytes]] = {}

    def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
        if new is None and old is not None:
            self.removed[user] = old
        return super().put(user, old, new)


class ListsTheRemoved(RemembersTheRemoved):
    def users(self) -> Iterator[str]:
        yield from self.values | self.removed


class LoadsTheRemoved(RemembersTheRemoved):
    def load_many(self, users: Iterable[str], /) -> dict[str, bytes]:
        found = self.removed | self.values
        return {user: found[user] for user in users if user in found}


class LoadsTooFew(Broken):
    def load_many(self, users: Iterable[str], /) -> dict[str, bytes]:
        return {user: self.values[user] for user in list(users)[:999] if user in self.values}


class LoadsSomebodyElse(Broken):
    def load_many(self, users: Iterable[str], /) -> dict[str, bytes]:
        return {user: self.values.get(user, b"") for user in users}


# ---- a server that fails ----


class Connected(Broken):
    """A store whose server can be away, and whose answers can be lost."""

    generation, down, cut = 0, False, False

    def __init__(self) -> None:
        self.made = Connected.generation

    def load(self, user: str, /) -> bytes | None:
        self.reach()
        return super().load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        self.reach()
        swapped = super().swap(user, old, new)
        if Connected.cut:
            raise StoreError("the answer was lost")
        return swapped

    def reach(self) -> None:
        if Connected.down:
            raise StoreError("the server does not answer")


class LosesWhatItTold(Connected):
    def reach(self) -> None:
        super().reach()
        if self.made != Connected.generation:
            self.made = Connected.generation
            self.values.clear()


class StaysBroken(Connected):
    def reach(self) -> None:
        super().reach()
        if self.made != Connected.generation:
            raise StoreError("the connection is closed")


class SaysTrueWhereNothingWasDone(Connected):
    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        return True if Connected.cut else super().swap(user, old, new)


class SaysTrueOnAnyError(Connected):
    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        try:
            return super().swap(user, old, new)
        except StoreError:
            return True


class RaisesTheDriversError(Connected):
    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        try:
            return super().swap(user, old, new)
        except StoreError as error:
            raise ConnectionResetError from error


# ---- what awaits ----


class AwaitsAndIsRight:
    """An asynchronous store that gives way in the midst of everything, and is right."""

    values = Broken.values

    async def load(self, user: str, /) -> bytes | None:
        await asyncio.sleep(0)
        return self.values.get(user)

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        await asyncio.sleep(0)
        swapped = Broken().swap(user, old, new)
        await asyncio.sleep(0)
        return swapped

    async def users(self) -> AsyncIterator[str]:
        for user in list(self.values):
            await asyncio.sleep(0)
            yield user

    async def load_many(self, users: Iterable[str], /) -> dict[str, bytes]:
        await asyncio.sleep(0)
        return {user: self.values[user] for user in users if user in self.values}


class ChecksAwaitsAndWrites(AwaitsAndIsRight):
    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        if self.values.get(user) != old:
            return False
        await asyncio.sleep(0)
        return Broken().swap(user, self.values.get(user), new)


class GivesTheAnswerToTheNext(AwaitsAndIsRight):
    """A connection from which a cancelled call does not take its answer."""

    def __init__(self) -> None:
        self.answers: list[bytes | None] = []

    async def load(self, user: str, /) -> bytes | None:
        self.answers.append(self.values.get(user))
        await asyncio.sleep(0)
        return self.answers.pop(0)


class TakesCancellingForAnAnswer(AwaitsAndIsRight):
    async def load(self, user: str, /) -> bytes | None:
        try:
            return await super().load(user)
        except asyncio.CancelledError:
            return None


class IsStuckOnceCancelled(AwaitsAndIsRight):
    """A lock that a cancelled call does not release."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()

    async def load(self, user: str, /) -> bytes | None:
        await self.lock.acquire()
        held = await super().load(user)
        self.lock.release()
        return held


class ListsTwiceToo(AwaitsAndIsRight):
    async def users(self) -> AsyncIterator[str]:
        for user in [*self.values, *self.values]:
            yield user


class CannotBeClosed(AwaitsAndIsRight):
    async def close(self) -> None:
        raise OSError


# ---- the contracts, shortened ----


class WithinOneProcess(StoreContract):
    """The contract without its process tests."""

    processes = False
    rounds = 2
    racers = 4


class OnAServer(WithinOneProcess):
    """With a server that can be restarted and cut off."""

    restarts = cuts = True

    def restart_server(self) -> None:
        Connected.down = True
        time.sleep(0.03)
        Connected.generation += 1
        Connected.down = False

    @contextmanager
    def cutting(self) -> Iterator[None]:
        Connected.cut = True
        try:
            yield
        finally:
            Connected.cut = False


class AsyncWithinOneProcess(WithinOneProcess, AsyncStoreContract):
    """The asynchronous contract, shortened in the same way."""


class AsyncOnAServer(OnAServer, AsyncStoreContract):
    """And on a server."""


def checks_of(contract: type[StoreContract]) -> list[str]:
    """The names of the tests of a contract."""
    return [name for name in dir(contract) if name.startswith("test_")]


def is_met(name: str, store_factory: Callable[[], object], contract: type[StoreContract]) -> bool:
    """Whether a store passes one test."""
    Broken.values.clear()
    RemembersTheRemoved.removed.clear()
    try:
        getattr(contract(), name)(store_factory)
    except Exception:  # noqa: BLE001  # how it fails does not matter here
        return False
    return True


def failures(store_factory: Callable[[], object], contract: type[StoreContract]) -> set[str]:
    """Return the names of the tests of the contract that a store fails."""
    return {name for name in checks_of(contract) if not is_met(name, store_factory, contract)}


def fails(store_factory: Callable[[], object], contract: type[StoreContract]) -> bool:
    """Whether a store fails any test; where it does the others are left out."""
    return not all(is_met(name, store_factory, contract) for name in checks_of(contract))


def in_threads(store: Callable[[], Store]) -> Callable[[], AsyncStore]:
    """The same store, awaited."""
    return lambda: InThreads(store())


# ---- what is right ----


@pytest.mark.parametrize("store", [Broken, AltersUsers, RemembersTheRemoved, Connected])
def test_a_right_store_fails_nothing(store: type[Broken]) -> None:
    """The stand-ins themselves, without their faults, pass: what the others fail on is their fault."""
    assert failures(store, OnAServer) == set()
    assert failures(in_threads(store), AsyncOnAServer) == set()


def test_a_right_store_that_awaits_fails_nothing() -> None:
    """The same for what is asynchronous by nature."""
    assert failures(AwaitsAndIsRight, AsyncWithinOneProcess) == set()


# ---- what is wrong ----


@pytest.mark.parametrize(
    "store",
    [
        ChecksThenWrites,
        OverwritesAlways,
        InsertsOver,
        NeverRemoves,
        AnswersTruthy,
        TakesEmptyForAbsent,
        FoldsCase,
        FoldsTheLastOf255,
        ComposesTheLastOf255,
        CutsUsersAt1019Bytes,
        TrimsSpaces,
        CutsLongUsers,
        DropsTrailingNul,
        CutsAt4KiB,
        ForgetsOthers,
        ListsTwice,
        ListsTheRemoved,
        LoadsTheRemoved,
        LoadsTooFew,
        LoadsSomebodyElse,
    ],
)
def test_a_broken_store_fails(store: type[Broken]) -> None:
    """Each fault is found by at least one test of either contract."""
    assert fails(store, WithinOneProcess)
    assert fails(in_threads(store), AsyncWithinOneProcess)


@pytest.mark.parametrize(
    ("store", "found_by"),
    [
        (LosesWhatItTold, "test_a_restarted_server_is_found_again"),
        (StaysBroken, "test_a_restarted_server_is_found_again"),
        (SaysTrueWhereNothingWasDone, "test_a_lost_answer_is_never_a_second_acceptance"),
        (SaysTrueOnAnyError, "test_a_lost_answer_is_never_a_second_acceptance"),
        (RaisesTheDriversError, "test_a_lost_answer_is_never_a_second_acceptance"),
    ],
)
def test_a_store_that_fails_with_its_server_fails(
    store: type[Connected], found_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server is restarted, or an answer is lost; the rest of the contract cannot see it."""
    monkeypatch.setattr(_contract, "_PATIENCE", 0.3)
    assert found_by in failures(store, OnAServer)
    assert not is_met(found_by, in_threads(store), AsyncOnAServer)
    assert failures(store, WithinOneProcess) == set()


@pytest.mark.parametrize(
    "store", [ChecksAwaitsAndWrites, GivesTheAnswerToTheNext, TakesCancellingForAnAnswer, ListsTwiceToo, CannotBeClosed]
)
def test_a_broken_store_that_awaits_fails(store: type[AwaitsAndIsRight]) -> None:
    """Faults that only what awaits can have."""
    assert fails(store, AsyncWithinOneProcess)


@pytest.mark.parametrize("store", [GivesTheAnswerToTheNext, TakesCancellingForAnAnswer])
def test_only_cancelling_finds_some_faults(store: type[AwaitsAndIsRight]) -> None:
    """What the asynchronous contract has beyond the other is needed."""
    assert failures(store, AsyncWithinOneProcess) == {"test_a_cancelled_call_spends_its_code_or_not"}


def test_a_store_that_is_stuck_once_it_was_cancelled_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract does not wait for it without end."""
    monkeypatch.setattr(_awaiting, "_PATIENCE", 2.0)
    assert not is_met("test_a_cancelled_call_spends_its_code_or_not", IsStuckOnceCancelled, AsyncWithinOneProcess)


@pytest.mark.parametrize(
    ("contract", "store"), [(WithinOneProcess, Broken), (AsyncWithinOneProcess, in_threads(Broken))]
)
def test_a_store_inside_the_callers_transaction_fails(
    contract: type[StoreContract], store: Callable[[], object]
) -> None:
    """A store that writes on the caller's connection loses the tally when the caller rolls back."""

    class RolledBack(contract):  # type: ignore[valid-type, misc]  # either of the two
        def in_rolled_back_transaction(self, store_factory: StoreFactory, call: Callable[[], None]) -> None:
            before = dict(Broken.values)
            call()
            Broken.values.clear()
            Broken.values.update(before)

    assert failures(store, RolledBack) == {"test_a_rolled_back_transaction_keeps_the_tally"}


def test_a_store_of_one_process_fails_where_processes_race(tmp_path: Path) -> None:
    """A store that each process has for itself, or that reads and writes a file in two steps, fails."""

    class Pickled(Broken):
        path = tmp_path / "values"

        def load(self, user: str, /) -> bytes | None:
            with suppress(OSError, EOFError, pickle.UnpicklingError):
                return self.read().get(user)
            return None

        def read(self) -> dict[str, bytes]:
            values: dict[str, bytes] = pickle.loads(self.path.read_bytes())
            return values

        def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
            values = self.read() if self.path.exists() else {}
            if values.get(user) != old:
                return False
            time.sleep(0.002)
            self.path.write_bytes(pickle.dumps({**values, user: new}))
            return True

    class AmongProcesses(StoreContract):
        rounds = 3

    class AsyncAmongProcesses(AmongProcesses, AsyncStoreContract):
        pass

    memory = MemoryStore()
    assert not is_met("test_processes_race_one_code", Pickled, AmongProcesses)
    assert not is_met("test_a_store_object_survives_a_fork", lambda: memory, AmongProcesses)
    assert not is_met("test_processes_race_one_code", in_threads(Pickled), AsyncAmongProcesses)
    assert not is_met("test_a_store_object_survives_a_fork", in_threads(lambda: memory), AsyncAmongProcesses)


# ---- the contracts themselves ----


class Counted(Connected):
    """Counts which of its objects are open."""

    open: ClassVar[list[int]] = []
    made_so_far: ClassVar[list[int]] = []

    def __init__(self) -> None:
        super().__init__()
        self.open.append(id(self))
        self.made_so_far.append(id(self))

    def close(self) -> None:
        self.open.remove(id(self))


class AsyncCounted(AwaitsAndIsRight):
    """The same, awaited."""

    def __init__(self) -> None:
        Counted.open.append(id(self))
        Counted.made_so_far.append(id(self))

    async def close(self) -> None:
        await asyncio.sleep(0)
        Counted.open.remove(id(self))


@pytest.mark.parametrize(
    ("contract", "store"),
    [(OnAServer, Counted), (AsyncOnAServer, in_threads(Counted)), (AsyncWithinOneProcess, AsyncCounted)],
)
def test_every_store_that_is_opened_is_closed(contract: type[StoreContract], store: Callable[[], object]) -> None:
    """Each object once, by each test, whether it passes or fails, and no thread of the contract's own is left."""
    for name in checks_of(contract):
        Counted.made_so_far.clear()
        threads = threading.active_count()
        assert is_met(name, store, contract)
        assert Counted.open == []
        skipped = "process" in name or "fork" in name or ("server" in name and not contract.restarts)
        assert bool(Counted.made_so_far) is not (skipped or ("lost_answer" in name and not contract.cuts)), name
        assert threading.active_count() <= threads


@pytest.mark.parametrize("store", [StaysBroken, SaysTrueOnAnyError])
def test_stores_are_closed_where_a_test_fails(store: type[Connected], monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that fails is not left open."""
    monkeypatch.setattr(_contract, "_PATIENCE", 0.3)

    class CountedToo(store, Counted):  # type: ignore[valid-type, misc]  # either of the two
        pass

    threads = threading.active_count()
    assert failures(CountedToo, OnAServer) != set()
    assert failures(in_threads(CountedToo), AsyncOnAServer) != set()
    assert Counted.open == []
    assert threading.active_count() <= threads


def test_the_contract_passes_on_sqlite_when_called_by_hand(tmp_path: Path) -> None:
    """The runner used above sees no failure on a store that is right, processes included."""
    numbers = iter(range(1000))
    for name in checks_of(StoreContract):
        path = tmp_path / f"{next(numbers)}.db"
        getattr(StoreContract(), name)(lambda path=path: SQLiteStore(path, create=True))


class SwitchedOn(StoreContract):
    """Both switches, and neither hook."""

    processes = False
    restarts = cuts = True


@pytest.mark.parametrize(
    "name",
    [
        "test_a_restarted_server_is_found_again",
        "test_a_server_that_is_restarted_in_mid_race",
        "test_a_lost_answer_is_never_a_second_acceptance",
    ],
)
def test_a_switch_without_its_hook_is_found(name: str) -> None:
    """Nothing would be restarted or cut, and the test would be green."""
    with pytest.raises(AssertionError, match=r"is set, so .* must be overridden"):
        getattr(SwitchedOn(), name)(MemoryStore)
