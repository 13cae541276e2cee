"""What totpcore gives to other people's tests: the clock, the phone, and the pieces of the contracts.

That the contracts find what is broken is in `tests/stores/test_contract_has_teeth.py`.
"""

import asyncio
import inspect
import multiprocessing
import os
import threading
import unicodedata
import warnings
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from totpcore import HOTP, TOTP, InvalidURI, KeyURI, MemoryStore, Secret, StoreError
from totpcore.stores import InThreads
from totpcore.testing import AsyncStoreContract, HandClock, Phone, StoreContract, _awaiting, _contract
from totpcore.testing._awaiting import EventLoop, Waiting
from totpcore.testing._contract import _until_told, expect
from totpcore.testing._opening import Stores
from totpcore.testing._races import _send, in_processes
from totpcore.testing._users import ODD_USERS
from trouble.processes import told_by_child

SECRET = Secret(b"12345678901234567890")


def test_the_clock_stands_still_until_it_is_moved() -> None:
    """Forward and back, by parts of a second."""
    clock = HandClock(100)
    assert (clock(), clock()) == (100, 100)
    clock.tick(0.5)
    clock.tick(-20)
    assert clock() == 80.5


def test_a_phone_shows_what_the_token_has() -> None:
    """A time-based one goes by the time it is told, and may be asked again."""
    token = TOTP(SECRET)
    phone = Phone.scan(KeyURI(token, account="alice").text)
    assert [phone.code(at) for at in (59, 59, 60)] == [token.code(59), token.code(59), token.code(60)]


def test_a_counter_based_phone_goes_on_with_each_press() -> None:
    """From the counter in the URI on, whatever the time is."""
    token = HOTP(SECRET)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        phone = Phone.scan(KeyURI(token, account="alice", counter=3).text)
    assert [phone.code(0), phone.code(0), phone.code(99)] == [token.code(3), token.code(4), token.code(5)]


def test_a_phone_scans_no_nonsense() -> None:
    """What is no URI is refused as by `KeyURI.parse`."""
    with pytest.raises(InvalidURI):
        Phone.scan("https://example.com/")


def test_the_contract_says_what_is_not_met() -> None:
    """Its checks raise an `AssertionError` with a sentence, also under `python -O`."""
    expect(True, "never raised")
    with pytest.raises(AssertionError, match="must be so"):
        expect(False, "it must be so")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_dies_is_no_answer() -> None:
    """A racing process that ends without an answer is seen as such, and does not hang the test."""
    assert in_processes([lambda: exec("raise SystemExit(3)")]) == ["no answer"]


def test_a_child_arrives_calls_and_sends() -> None:
    """What runs in each racing process, in this one."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    order: list[str] = []
    _send(sender, lambda: order.append("arrived"), lambda: [*order, "called"])
    assert receiver.recv() == ["arrived", "called"]
    receiver.close()
    sender.close()


# ---- the contracts ----


@pytest.mark.parametrize("contract", [StoreContract, AsyncStoreContract])
def test_what_is_to_be_overridden_does_nothing(contract: type[StoreContract]) -> None:
    """A store without a server has nothing to restart and nothing to cut; a call in no transaction is made."""
    called: list[str] = []
    assert (contract.processes, contract.restarts, contract.cuts) == (True, False, False)
    contract().restart_server()
    with contract().cutting():
        contract().in_rolled_back_transaction(MemoryStore, lambda: called.append("called"))
    assert called == ["called"]


def test_the_asynchronous_contract_has_all_of_the_other() -> None:
    """And one test more, for what only a task can do: be cancelled."""
    waits, awaits = (
        {name for name in dir(one) if name.startswith("test_")} for one in (StoreContract, AsyncStoreContract)
    )
    assert awaits - waits == {"test_a_cancelled_call_spends_its_code_or_not"}
    assert waits - awaits == set()
    for name in awaits:
        assert inspect.getdoc(getattr(AsyncStoreContract, name))


def test_what_cannot_be_done_is_left_out() -> None:
    """Where neither processes, nor restarts, nor cuts are possible, no store is even opened for them."""

    class Left(AsyncStoreContract):
        processes = False

    def never() -> MemoryStore:
        raise AssertionError

    for name in dir(Left):
        if name.startswith("test_") and any(word in name for word in ("process", "fork", "server", "lost_answer")):
            getattr(Left(), name)(never)


def test_odd_users_are_user_ids_and_are_all_different() -> None:
    """1 to 255 characters, no NUL, no half character; some differ only in what a database may fold."""
    assert len(ODD_USERS) == len(set(ODD_USERS))
    for user in ODD_USERS:
        assert 1 <= len(user) <= 255
        assert "\0" not in user
        user.encode()
    for fold in (str.casefold, str.strip, lambda user: unicodedata.normalize("NFKC", user), lambda user: user[:254]):
        assert len({fold(user) for user in ODD_USERS}) < len(ODD_USERS)
    assert len({user for user in ODD_USERS if len(user) == 255}) > 30


def test_a_racer_asks_again_until_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """For as long as the server may be away, and no longer."""
    answers = iter(["store error", "store error", "replayed", "never asked for"])
    assert _until_told(lambda: next(answers)) == "replayed"
    monkeypatch.setattr(_contract, "_PATIENCE", 0.05)
    assert _until_told(lambda: "store error") == "store error"


class Closing(MemoryStore):
    """A store that notes that it is closed, and may fail in it."""

    closed: list[str]

    def __init__(self, name: str, closed: list[str], *, fails: bool = False) -> None:
        super().__init__()
        self.name, self.closed, self.fails = name, closed, fails

    def close(self) -> None:
        """Close."""
        self.closed.append(self.name)
        if self.fails:
            raise OSError(self.name)


def test_stores_are_closed_in_the_end() -> None:
    """Those of `open` when the test is over, the last one first; one of `one` after its use; each once."""
    closed: list[str] = []
    names = iter("abcd")
    with Stores(lambda: Closing(next(names), closed)) as stores:
        stores.open()
        with stores.one():
            assert closed == []
        assert closed == ["b"]
        stores.open()
        with pytest.raises(KeyError), stores.one():
            raise KeyError
        assert closed == ["b", "d"]
    assert closed == ["b", "d", "c", "a"]


def test_all_stores_are_closed_though_one_cannot_be() -> None:
    """A store that fails to close keeps no other open; and what has no `close` needs none."""
    closed: list[str] = []
    numbers = iter(range(3))

    def another() -> MemoryStore:
        number = next(numbers)
        return Closing(str(number), closed, fails=number == 2) if number else MemoryStore()

    with pytest.raises(OSError, match="2"), Stores(another) as stores:  # noqa: PT012  # it raises at its end
        for _ in range(3):
            stores.open()
    assert closed == ["2", "1"]


# ---- an event loop behind calls that wait ----


class Awaiting:
    """Something that awaits."""

    def __init__(self) -> None:
        self.left: list[str] = []

    async def twice(self, number: int, *, plus: int = 0) -> int:
        """Await something, and answer."""
        await asyncio.sleep(0)
        return 2 * number + plus

    async def count(self, to: int) -> AsyncIterator[int]:
        """Count."""
        for number in range(to):
            await asyncio.sleep(0)
            yield number

    async def fail(self) -> None:
        """Raise."""
        raise StoreError("as it is")

    async def hang(self) -> None:
        """Never end, and note where it is ended."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.left.append("ended")


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    """An event loop, which is stopped."""
    loop = EventLoop()
    yield loop
    loop.stop()


def test_what_awaits_can_be_waited_for(loop: EventLoop) -> None:
    """Answers, exceptions and what is generated come out; what is not there is not there."""
    waiting = Waiting(Awaiting(), loop)
    assert waiting.twice(4, plus=1) == 9
    assert waiting.count(3) == [0, 1, 2]
    with pytest.raises(StoreError, match="as it is"):
        waiting.fail()
    assert not hasattr(waiting, "close")


def test_threads_share_one_event_loop(loop: EventLoop) -> None:
    """What they call at once is a task each, of the same loop: they meet there, however they begin."""
    barrier = asyncio.Barrier(8)

    class Meeting:
        async def meet(self) -> object:
            await barrier.wait()
            return asyncio.get_running_loop()

    waiting, found = Waiting(Meeting(), loop), list[object]()
    threads = [threading.Thread(target=lambda: found.append(waiting.meet())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_an_event_loop_ends_with_all_that_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread and no task is left; and what takes too long is not waited for without end."""
    threads, loop, awaiting = set(threading.enumerate()), EventLoop(), Awaiting()  # some of other tests may yet end
    loop.stop()  # it was never started
    with monkeypatch.context() as patch:
        patch.setattr(_awaiting, "_PATIENCE", 0.05)
        with pytest.raises(TimeoutError):
            Waiting(awaiting, loop).hang()
    assert set(threading.enumerate()) - threads
    loop.stop()
    assert awaiting.left == ["ended"]
    assert not set(threading.enumerate()) - threads
    loop.stop()
    assert Waiting(awaiting, loop).twice(1) == 2  # and it can be used again
    loop.stop()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_an_event_loop_of_its_own(loop: EventLoop) -> None:
    """It waits for no thread of its parent's, and the parent's goes on."""
    waiting = Waiting(Awaiting(), loop)
    assert waiting.twice(1) == 2

    def work(tell: Callable[[object], None]) -> None:
        loop.stop()  # the parent's, which is not there
        tell(waiting.twice(2))
        loop.stop()
        tell("ended")

    assert told_by_child(work) == [4, "ended"]
    assert waiting.twice(3) == 6


def test_whose_event_loop_it_is_is_known_by_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a child does, in this process: it stops no loop but its own, and starts one."""
    loop = EventLoop()
    waiting = Waiting(InThreads(MemoryStore()), loop)
    assert waiting.load("7") is None
    parents = loop._loop, loop._ended, loop._thread
    there = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: there)
    loop.stop()
    assert Waiting(Awaiting(), loop).twice(1) == 2
    loop.stop()
    monkeypatch.undo()
    assert parents[2].is_alive()
    parents[0].call_soon_threadsafe(parents[1].set)
    parents[2].join(60)
