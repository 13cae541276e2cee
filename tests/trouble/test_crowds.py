"""Threads, forks and interpreters that share a second factor, beyond what every store's contract asks.

Rules of this file:

1. However many ask, by whatever way they came to be many, a code is accepted once, and the tally counts all of them.
2. A fork before the swap makes two of one call: one of them is accepted. What is forked after the swap, in the store
   or in the sink, has its answer twice, and no library can tell: that is the caller's to avoid.
"""

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Literal

import pytest

from records.life import USER, reason_of
from totpcore import MemoryStore, Plaintext, SQLiteStore, StoreError, TwoFactor
from totpcore.ports import Store
from totpcore.testing import HandClock, Phone
from trouble.processes import ignore, told_by_child

START = 1_800_000_000
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


class Shared:
    """One service that many use, with a user on it."""

    def __init__(self, store: Store) -> None:
        self.clock = HandClock(START)
        self.service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=self.clock, audit=ignore)
        self.phone = Phone.scan(self.service.enrol(USER, account="alice").uri)
        self.codes = list(self.service.confirm(USER, self.phone.code(START)).recovery_codes)
        self.clock.tick(30)

    def code(self) -> str:
        """The code of now."""
        return self.phone.code(self.clock())

    def wrong(self) -> str:
        """A code that is wrong now."""
        near = {self.phone.code(self.clock() + 30 * step) for step in range(-3, 4)}
        return next(code for code in (f"{number:06d}" for number in range(10)) if code not in near)


@pytest.fixture(params=["memory", "sqlite"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Shared:
    """A service on each store."""
    return Shared(MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "factors.db", create=True))


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_threads_share_one_service(shared: Shared) -> None:
    """In each of many rounds six threads, on the very same object, verify one code: one is accepted."""
    barrier, results = threading.Barrier(6, timeout=30), list[list[str]]()
    rounds = 100 if isinstance(shared.service._store, MemoryStore) else 30

    def work() -> list[str]:
        outcomes = []
        for number in range(rounds):
            if barrier.wait() == 0:
                shared.clock.now = START + 60 + 60 * number  # one in a million spends two steps at once
            barrier.wait()
            outcomes.append(reason_of(lambda: shared.service.verify(USER, shared.code())))
        return outcomes

    with ThreadPoolExecutor(6) as pool:
        results = [future.result() for future in [pool.submit(work) for _ in range(6)]]
    for outcomes in zip(*results, strict=True):
        assert Counter(outcomes) == {"ok": 1, "replayed": 5}


@pytest.mark.usefixtures("hasty")
def test_threads_mix_every_kind_of_call(shared: Shared) -> None:
    """Right, wrong and recovery codes, and replacements, at once: what was accepted adds up with what is left."""
    barrier = threading.Barrier(8, timeout=30)
    right, wrong = shared.code(), shared.wrong()
    calls: list[Callable[[], object]] = [
        *[lambda: shared.service.verify(USER, right)] * 2,
        *[lambda: shared.service.verify(USER, wrong)] * 2,
        *[lambda: shared.service.recover(USER, shared.codes[0])] * 2,
        *[lambda: shared.service.replace(USER, shared.codes[1], account="alice")] * 2,
    ]

    def one(call: Callable[[], object]) -> str:
        barrier.wait()
        return reason_of(call)

    with ThreadPoolExecutor(8) as pool:
        verified, again, *_, recovered, late, replaced, later = pool.map(one, calls)
    assert sorted([recovered, late]) == sorted([replaced, later]) == ["ok", "replayed"]
    assert sorted([verified, again]) in (["ok", "replayed"], ["clock_behind"] * 2, ["replayed"] * 2)
    status = shared.service.status(USER)
    assert (status.codes_left, status.replacing) == (8, True)
    assert reason_of(lambda: shared.service.verify(USER, right)) == "replayed"


def test_a_memory_store_is_refused_in_the_child(tmp_path: Path) -> None:
    """A fork in the midst of its life: each call is refused in the child, and goes on in the parent."""
    shared = Shared(MemoryStore())

    def work(tell: Callable[[object], None]) -> None:
        for call in (
            lambda: shared.service.verify(USER, shared.code()), lambda: shared.service.recover(USER, shared.codes[0]),
            lambda: shared.service.gate(USER), lambda: shared.service.status(USER),
            lambda: shared.service.statuses([USER]), lambda: shared.service.pending(USER),
            lambda: shared.service.reset(USER, actor="bob", reason="x"), lambda: shared.service.raise_floor(USER),
            lambda: shared.service.enrol(USER, account="alice"),
        ):  # fmt: skip
            tell(reason_of(call))

    assert told_by_child(work) == [StoreError.__name__] * 9
    assert reason_of(lambda: shared.service.verify(USER, shared.code())) == "ok"


def test_threads_of_a_child_and_of_its_parent(tmp_path: Path) -> None:
    """A pool before the fork, pools in children after it, and the parent's own: one acceptance among all."""
    shared = Shared(SQLiteStore(tmp_path / "factors.db", create=True, wait_seconds=20))

    def pool_of_three(_: object = None) -> list[str]:
        with ThreadPoolExecutor(3) as pool:
            calls = [partial(shared.service.verify, USER, shared.code())] * 3
            return list(pool.map(reason_of, calls))

    for _ in range(4):
        shared.clock.tick(30)
        with ThreadPoolExecutor(2) as pool:
            before = list(pool.map(lambda _: shared.service.status(USER).state.value, range(2)))
            assert before == ["on", "on"]
            children = [pool.submit(told_by_child, lambda tell: tell(pool_of_three())) for _ in range(2)]
            ours = pool_of_three()
            theirs = [one for child in children for told in child.result() if isinstance(told, list) for one in told]
        assert Counter([*ours, *theirs]) == {"ok": 1, "replayed": 8}
    assert reason_of(lambda: shared.service.verify(USER, shared.code())) == "replayed"
    assert told_by_child(lambda tell: tell(reason_of(lambda: shared.service.verify(USER, shared.code())))) == [
        "replayed"
    ]


Moment = Literal["load", "clock", "open", "seal", "swap"]


class Forks:
    """A store, a sealer and a clock of which one call forks the process, before its work."""

    def __init__(self, inner: SQLiteStore, clock: HandClock, moment: Moment) -> None:
        self.inner, self.time, self.moment, self.child = inner, clock, moment, -1

    def at(self, moment: Moment) -> None:
        """Fork, once, where it is the moment."""
        if moment == self.moment and self.child == -1:
            self.child = os.fork()

    def load(self, user: str, /) -> bytes | None:
        """Load."""
        self.at("load")
        return self.inner.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap."""
        self.at("swap")
        return self.inner.swap(user, old, new)

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Seal."""
        self.at("seal")
        return plaintext

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Open."""
        self.at("open")
        return sealed

    def __call__(self) -> float:
        """The time."""
        self.at("clock")
        return self.time()


@pytest.mark.parametrize("kind", ["code", "recovery code"])
@pytest.mark.parametrize("moment", ["load", "clock", "open", "seal", "swap"])
def test_a_fork_in_the_midst_of_a_call(tmp_path: Path, moment: Moment, kind: str) -> None:
    """Before the load, between load and swap, wherever: of the two processes that go on, one is accepted."""
    shared = Shared(SQLiteStore(tmp_path / "factors.db", create=True))
    for _ in range(3):
        shared.clock.tick(90)
        parts = Forks(SQLiteStore(tmp_path / "factors.db", wait_seconds=20), shared.clock, moment)
        service = TwoFactor(parts, issuer="ACME", sealer=parts, clock=parts, audit=ignore)
        recovery = shared.codes.pop()
        code = shared.code()
        reader, writer = os.pipe()
        call, typed = (service.verify, code) if kind == "code" else (service.recover, recovery)
        came_to = "raised"
        with suppress(Exception):  # the child must not come back into the test
            came_to = reason_of(partial(call, USER, typed))
        if parts.child == 0:
            os.write(writer, came_to.encode())
            os._exit(0)
        os.close(writer)
        os.waitpid(parts.child, 0)
        theirs = os.read(reader, 100).decode()
        os.close(reader)
        assert sorted([came_to, theirs]) == ["ok", "replayed"]


def test_another_interpreter_in_the_same_process(tmp_path: Path) -> None:
    """On one file, a code that one interpreter accepted is replayed in the other."""
    shared = Shared(SQLiteStore(tmp_path / "factors.db", create=True))
    answer = tmp_path / "answer"
    program = f"""
import sys
sys.path[:] = {sys.path!r}
from pathlib import Path
from totpcore import Plaintext, Refused, SQLiteStore, TwoFactor
store = SQLiteStore({str(tmp_path / "factors.db")!r})
service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=lambda: {START + 60}, audit=lambda event: None)
told = []
for code in ({shared.phone.code(START + 30)!r}, {shared.phone.code(START + 60)!r}):
    try:
        told.append(service.verify({USER!r}, code).counter)
    except Refused as refused:
        told.append(refused.reason)
store.close()
Path({str(answer)!r}).write_text(repr(told))
"""
    shared.service.verify(USER, shared.code())
    shared.clock.tick(30)
    in_another_interpreter(program)
    assert answer.read_text() == repr(["replayed", (START + 60) // 30])
    assert reason_of(lambda: shared.service.verify(USER, shared.code())) == "replayed"


def in_another_interpreter(program: str) -> None:
    """Run the program in an interpreter of its own, in this process."""
    name = "_xxsubinterpreters" if sys.version_info < (3, 13) else "_interpreters"
    interpreters = import_module(name)
    made = interpreters.create()
    try:
        interpreters.run_string(made, program)
    finally:
        interpreters.destroy(made)
