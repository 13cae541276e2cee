"""The contract fails on stores that are broken: each of these would lose a spent code, an attempt or a user."""

import pickle
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest

from totpcore import MemoryStore, SQLiteStore
from totpcore.testing import StoreContract, StoreFactory


class Broken:
    """A store over a dictionary that does one thing wrong."""

    values: ClassVar[dict[str, bytes]] = {}

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def load(self, user: str, /) -> bytes | None:
        return self.values.get(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        with self.lock:
            return self.put(user, old, new)

    def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
        if self.values.get(user) != old:
            return False
        if new is None:
            self.values.pop(user, None)
        else:
            self.values[user] = new
        return True


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


class FoldsCase(Broken):
    def load(self, user: str, /) -> bytes | None:
        return super().load(user.casefold())

    def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
        return super().put(user.casefold(), old, new)


class TrimsSpaces(Broken):
    def load(self, user: str, /) -> bytes | None:
        return super().load(user.strip())

    def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
        return super().put(user.strip(), old, new)


class CutsLongUsers(Broken):
    def load(self, user: str, /) -> bytes | None:
        return super().load(user[:254])

    def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
        return super().put(user[:254], old, new)


class DropsTrailingNul(Broken):
    def load(self, user: str, /) -> bytes | None:
        value = super().load(user)
        return value and value.rstrip(b"\0")


class CutsAt4KiB(Broken):
    def put(self, user: str, old: bytes | None, new: bytes | None) -> bool:
        return super().put(user, old and old[:4096], new and new[:4096])


class ForgetsOthers(Broken):
    def __init__(self) -> None:
        super().__init__()
        self.values = {}  # type: ignore[misc]  # the fault: each object has its own


class ListsTwice(Broken):
    def users(self) -> Iterator[str]:
        yield from [*self.values, *self.values]


class LoadsTooFew(Broken):
    def load_many(self, users: list[str], /) -> dict[str, bytes]:
        return {user: self.values[user] for user in users[:999] if user in self.values}


TESTS = [name for name in dir(StoreContract) if name.startswith("test_")]


def failures(store_factory: StoreFactory, contract: type[StoreContract]) -> set[str]:
    """Return the names of the tests of the contract that a store fails."""
    failed = set()
    for name in TESTS:
        Broken.values.clear()
        try:
            getattr(contract(), name)(store_factory)
        except Exception:  # noqa: BLE001  # how it fails does not matter here
            failed.add(name)
    return failed


class WithinOneProcess(StoreContract):
    """The contract without its process tests."""

    processes = False
    rounds = 2


def test_a_right_store_fails_nothing() -> None:
    """The stand-in itself, without its fault, passes: what the others fail on is their fault."""
    assert failures(Broken, WithinOneProcess) == set()


@pytest.mark.parametrize(
    "store",
    [
        ChecksThenWrites,
        OverwritesAlways,
        InsertsOver,
        NeverRemoves,
        AnswersTruthy,
        FoldsCase,
        TrimsSpaces,
        CutsLongUsers,
        DropsTrailingNul,
        CutsAt4KiB,
        ForgetsOthers,
        ListsTwice,
        LoadsTooFew,
    ],
)
def test_a_broken_store_fails(store: type[Broken]) -> None:
    """Each fault is found by at least one test."""
    assert failures(store, WithinOneProcess)


def test_a_store_inside_the_callers_transaction_fails() -> None:
    """A store that writes on the caller's connection loses the tally when the caller rolls back."""

    class RolledBack(WithinOneProcess):
        def in_rolled_back_transaction(self, store_factory: StoreFactory, call: Callable[[], None]) -> None:
            before = dict(Broken.values)
            call()
            Broken.values.clear()
            Broken.values.update(before)

    assert failures(Broken, RolledBack) == {"test_a_rolled_back_transaction_keeps_the_tally"}


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

    memory = MemoryStore()
    assert "test_processes_race_one_code" in failures(Pickled, AmongProcesses)
    assert "test_a_store_object_survives_a_fork" in failures(lambda: memory, AmongProcesses)


def test_the_contract_passes_on_sqlite_when_called_by_hand(tmp_path: Path) -> None:
    """The runner used above sees no failure on a store that is right, processes included."""
    numbers = iter(range(1000))
    for name in TESTS:
        path = tmp_path / f"{next(numbers)}.db"
        getattr(StoreContract(), name)(lambda path=path: SQLiteStore(path, create=True))
