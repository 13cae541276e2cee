"""`InThreads`: a store that waits, in threads of its own; across forks, ends and cancelled callers.

That it meets the contract of an asynchronous store is in `test_contract.py`.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from awaited import AwaitedStore
from totpcore import InvalidParameters, MemoryStore, SQLiteStore, StoreError
from totpcore.ports import AsyncListsUsers, AsyncLoadsMany
from totpcore.stores import InThreads
from trouble.processes import told_by_child

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


class TwoMethods:
    """A store that offers nothing but what it has to."""

    def __init__(self) -> None:
        self.values: dict[str, bytes | None] = {}

    def load(self, user: str, /) -> bytes | None:
        """Load."""
        return self.values.get(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap. No test here races."""
        swapped = self.values.get(user) == old
        self.values[user] = new if swapped else self.values.get(user)
        return swapped


class Slow(TwoMethods):
    """A store whose every call waits until it may go on, and counts who is in it."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.lock = threading.Event(), threading.Lock()
        self.inside = self.most = self.done = 0
        self.threads: set[str] = set()
        self.closed: list[int] = []

    def load(self, user: str, /) -> bytes | None:
        """Wait, then load."""
        self.wait()
        return super().load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Wait, then swap."""
        self.wait()
        return super().swap(user, old, new)

    def wait(self) -> None:
        """Be counted, and wait."""
        with self.lock:
            self.threads.add(threading.current_thread().name)
            self.inside += 1
            self.most = max(self.most, self.inside)
        assert self.go.wait(60)
        with self.lock:
            self.inside -= 1
            self.done += 1

    def close(self) -> None:
        """Note how many calls were done by then."""
        self.closed.append(self.done)


def run(program: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run it within a minute."""
    asyncio.run(asyncio.wait_for(program(), 60))


async def until(met: Callable[[], bool]) -> None:
    """Wait for what a thread does."""
    async with asyncio.timeout(60):
        while not met():
            await asyncio.sleep(0.001)


# ---- calls ----


def test_calls_do_what_those_of_the_store_do() -> None:
    """Load and swap, and what else there is; by the protocols of asynchronous stores."""

    async def program() -> None:
        store = InThreads(MemoryStore())
        assert isinstance(store, AsyncListsUsers)
        assert isinstance(store, AsyncLoadsMany)
        assert await store.load("7") is None
        assert await store.swap("7", None, b"value") is True
        assert await store.swap("7", None, b"another") is False
        assert await store.load("7") == b"value"
        assert await store.load_many(user for user in ("7", "8")) == {"7": b"value"}
        assert [user async for user in store.users()] == ["7"]
        await store.close()

    run(program)


def test_the_event_loop_goes_on_meanwhile() -> None:
    """A call that waits holds up nothing else; it is in a thread that says whose it is."""

    async def program() -> None:
        inner = Slow()
        store = InThreads(inner)
        call = asyncio.create_task(store.load("7"))
        await until(lambda: inner.inside == 1)
        assert not call.done()
        inner.go.set()
        assert await call is None
        assert {name.rstrip("0123456789") for name in inner.threads} == {"totpcore_"}
        await store.close()

    run(program)


def test_the_threads_are_the_store_s_own() -> None:
    """Where all the threads of the event loop are taken, log-ins go on."""

    async def program() -> None:
        release, store = threading.Event(), InThreads(MemoryStore())
        taken = [asyncio.create_task(asyncio.to_thread(release.wait, 60)) for _ in range(2 * (os.cpu_count() or 1) + 8)]
        assert await store.swap("7", None, b"value")
        release.set()
        await asyncio.gather(*taken)
        await store.close()

    run(program)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_bounded(threads: int) -> None:
    """So many calls wait at once and no more; the others wait for those."""

    async def program() -> None:
        inner = Slow()
        store = InThreads(inner, threads=threads)
        calls = [asyncio.create_task(store.swap(str(number), None, b"x")) for number in range(10)]
        await until(lambda: inner.inside == threads)
        await asyncio.sleep(0.05)
        assert inner.most == threads
        inner.go.set()
        assert await asyncio.gather(*calls) == [True] * 10
        assert inner.most == threads
        await store.close()

    run(program)


def test_there_are_eight_threads_if_nothing_is_said() -> None:
    """As the documentation says."""

    async def program() -> None:
        inner = Slow()
        store = InThreads(inner)
        calls = [asyncio.create_task(store.load("7")) for _ in range(20)]
        await until(lambda: inner.inside == 8)
        inner.go.set()
        await asyncio.gather(*calls)
        assert inner.most == 8
        await store.close()

    run(program)


@pytest.mark.parametrize(("threads", "error"), [
    (0, InvalidParameters), (101, InvalidParameters), (-1, InvalidParameters), (True, TypeError), (1.0, TypeError),
    (None, TypeError), ("8", TypeError),
])  # fmt: skip
def test_the_number_of_threads_is_checked(threads: Any, error: type[Exception]) -> None:
    """1 to 100; the message names the argument."""
    with pytest.raises(error, match="threads must be"):
        InThreads(MemoryStore(), threads=threads)


@pytest.mark.parametrize("store", [None, {}, MemoryStore, "memory:"])
def test_the_store_is_checked(store: Any) -> None:
    """It has to be one."""
    with pytest.raises(TypeError, match="store must be an object with the methods load and swap"):
        InThreads(store)


@pytest.mark.parametrize("store", [InThreads(MemoryStore()), AwaitedStore(MemoryStore())])
def test_a_store_that_awaits_needs_no_threads(store: Any) -> None:
    """It is refused at once, and not at somebody's log-in."""
    with pytest.raises(TypeError, match=r"store must be a Store: an AsyncStore needs no threads, not \w+$"):
        InThreads(store)


def test_its_repr_names_the_store() -> None:
    """And shows what that shows."""
    assert repr(InThreads(MemoryStore())) == "<InThreads: <MemoryStore: 0 users>>"


# ---- exceptions ----


@pytest.mark.parametrize("error", [StoreError("down"), OSError(28, "full"), KeyError("x"), MemoryError()], ids=repr)
def test_exceptions_pass_through(error: Exception) -> None:
    """The very object that the store raised, from each of the calls."""

    class Broken:
        def load(self, user: str, /) -> bytes | None:
            raise error

        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            raise error

        def users(self) -> Iterator[str]:
            raise error

        def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
            raise error

    async def program() -> None:
        store = InThreads(Broken())

        async def listing() -> None:
            async for _ in store.users():
                raise AssertionError

        for call in (store.load("7"), store.swap("7", None, b"x"), store.load_many(["7"]), listing()):
            with pytest.raises(type(error)) as raised:
                await call
            assert raised.value is error
        await store.close()

    run(program)


def test_a_store_that_raises_stop_iteration_hangs_nobody() -> None:
    """No future takes a `StopIteration`: it is a `StoreError`, and the caller does not wait for ever."""

    class Exhausted(TwoMethods):
        def load(self, user: str, /) -> bytes | None:
            return next(iter(list[bytes]()))

    async def program() -> None:
        store = InThreads(Exhausted())
        with pytest.raises(StoreError, match="StopIteration") as raised:
            await store.load("7")
        assert isinstance(raised.value.__cause__, StopIteration)
        await store.close()

    run(program)


# ---- users, load_many ----


def test_users_come_in_pages_while_others_write(tmp_path: Path) -> None:
    """Everybody who stays is listed once, though others come and go between two pages."""

    async def program() -> None:
        inner = SQLiteStore(tmp_path / "factors.db", create=True)
        store = InThreads(inner)
        stay = [f"{number:05d}" for number in range(0, 5000, 2)]
        for user in stay:
            inner.swap(user, None, b"value")
        found: list[str] = []
        async for user in store.users():
            found.append(user)
            if len(found) % 500 == 0:
                number = len(found)
                assert await store.swap(f"{number:05d} between", None, b"value")
                assert await store.swap(f"{number - 100:05d}", b"value", None)
        assert len(found) == len(set(found))
        assert set(stay) - set(found) == set()
        await store.close()

    run(program)


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2000])
def test_pages_of_any_number_of_users(count: int) -> None:
    """Also where the last page is full."""

    async def program() -> None:
        inner = MemoryStore()
        for number in range(count):
            inner.swap(str(number), None, b"x")
        store = InThreads(inner)
        assert sorted([user async for user in store.users()]) == sorted(map(str, range(count)))
        await store.close()

    run(program)


def test_a_store_that_lists_its_users_at_once() -> None:
    """A list in the place of an iterator is gone through once, and not over and over."""

    class Lists(TwoMethods):
        def users(self) -> Any:
            return ["7", "8"]

    async def program() -> None:
        store = InThreads(Lists())
        assert [user async for user in store.users()] == ["7", "8"]
        await store.close()

    run(program)


def test_a_store_that_lists_no_users() -> None:
    """`users` says so, with the name of its type; nothing that looks like an empty store."""

    async def program() -> None:
        with pytest.raises(TypeError, match="store must be one that lists its users, not TwoMethods"):
            [user async for user in InThreads(TwoMethods()).users()]

    run(program)


def test_a_store_that_cannot_load_many() -> None:
    """Its users are loaded one by one, in one trip to a thread; who has no value is left out, an empty one counts."""

    async def program() -> None:
        inner = TwoMethods()
        inner.swap("7", None, b"value")
        inner.swap("8", None, b"")
        store = InThreads(inner, threads=1)
        assert await store.load_many(iter(["8", "9", "7"])) == {"8": b"", "7": b"value"}
        await store.close()

    run(program)


# ---- cancelled, closed ----


def test_a_cancelled_caller_does_not_stop_the_work() -> None:
    """The caller leaves at once; what was begun in the thread is done."""

    async def program() -> None:
        inner = Slow()
        store = InThreads(inner)
        call = asyncio.create_task(store.swap("7", None, b"value"))
        await until(lambda: inner.inside == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert inner.values == {}
        inner.go.set()
        await until(lambda: inner.done == 1)
        await store.close()
        assert inner.values == {"7": b"value"}

    run(program)


def test_close_waits_for_what_is_under_way() -> None:
    """Then it closes the store; and the store can be used again, with new threads."""

    async def program() -> None:
        inner = Slow()
        store = InThreads(inner)
        calls = [asyncio.create_task(store.swap(str(number), None, b"x")) for number in range(3)]
        await until(lambda: inner.inside == 3)
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0.05)
        assert not closing.done()
        assert inner.closed == []
        inner.go.set()
        await closing
        assert inner.closed == [3]
        assert await asyncio.gather(*calls) == [True] * 3
        assert ours() == set()
        assert await store.load("0") == b"x"
        await store.close()
        assert (inner.closed, ours()) == ([3, 4], set())

    run(program)


def ours() -> set[threading.Thread]:
    """The threads of stores that are alive."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("totpcore_")}


def test_close_before_any_use_and_twice() -> None:
    """Closes the store each time; one without a `close` has nothing to close."""

    async def program() -> None:
        inner = Slow()
        store = InThreads(inner)
        await store.close()
        await store.close()
        assert inner.closed == [0, 0]
        await InThreads(MemoryStore()).close()

    run(program)


def test_a_store_that_nobody_uses_any_more_ends_its_threads() -> None:
    """Also where it was not closed."""

    async def program() -> None:
        store = InThreads(MemoryStore())
        await store.load("7")
        assert len(ours()) == 1
        del store
        await until(lambda: ours() == set())

    run(program)


def test_one_store_serves_one_event_loop_after_another() -> None:
    """It belongs to no event loop, so that each `asyncio.run` of a program may use it."""
    store = InThreads(MemoryStore())
    assert asyncio.run(store.swap("7", None, b"value")) is True
    assert asyncio.run(store.load("7")) == b"value"
    asyncio.run(store.close())


# ---- forks ----


def test_a_forked_child_starts_its_own_threads(tmp_path: Path) -> None:
    """The child has none of its parent's threads and does not wait for them; the parent goes on with its own."""
    store = InThreads(SQLiteStore(tmp_path / "factors.db", create=True))
    assert asyncio.run(store.swap("7", None, b"1")) is True
    workers = store._workers
    assert len(ours()) == 1

    def work(tell: Callable[[object], None]) -> None:
        tell(asyncio.run(store.load("7")))
        tell(asyncio.run(store.swap("7", b"1", b"2")))
        tell(store._workers is not workers)
        asyncio.run(store.close())
        tell(asyncio.run(store.load("7")))
        asyncio.run(store.close())

    assert told_by_child(work) == [b"1", True, True, b"2"]
    assert store._workers is workers
    assert asyncio.run(store.load("7")) == b"2"
    assert len(ours()) == 1
    asyncio.run(store.close())


def test_a_child_closes_nothing_of_its_parent_s(tmp_path: Path) -> None:
    """A child that closes first waits for no thread that it does not have."""
    store = InThreads(SQLiteStore(tmp_path / "factors.db", create=True))
    assert asyncio.run(store.swap("7", None, b"1")) is True

    def work(tell: Callable[[object], None]) -> None:
        asyncio.run(store.close())
        tell("closed")
        tell(asyncio.run(store.load("7")))

    assert told_by_child(work) == ["closed", b"1"]
    assert asyncio.run(store.load("7")) == b"1"
    asyncio.run(store.close())


def test_whose_threads_they_are_is_known_by_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a child does, in this process: other threads are started, and those of the parent are left alone."""
    store = InThreads(TwoMethods())
    asyncio.run(store.swap("7", None, b"value"))
    parents = store._workers
    there = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: there)
    assert asyncio.run(store.load("7")) == b"value"
    assert store._workers is not parents
    assert parents is not None
    assert parents.submit(int).result() == 0
    asyncio.run(store.close())
    asyncio.run(store.load("7"))
    monkeypatch.undo()
    childs = store._workers
    asyncio.run(store.close())
    assert childs is not None
    assert childs.submit(int).result() == 0
    for workers in (parents, childs):
        workers.shutdown()
