"""The asynchronous shell: neither its frames nor what asyncio itself reports of its tasks shows anything.

Rules of this file:

1. The scenes are those of `tests/trouble`, and the records are sealed, as for `TwoFactor`.
2. A call that was made and has not begun is not searched. What it was called with is still all that there is of it.
"""

import asyncio
import contextlib
import gc
import inspect
import io
import re
import warnings
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final

import pytest

from awaited import AwaitedStore, awaited
from silence.finder import Finder
from silence.listening import listening
from silence.surface import deep, frames, is_ours, reports, surface, taken_apart
from totpcore import AsyncTwoFactor, Confirmed, RecoveryCodes, TotpcoreError, TwoFactor
from totpcore.ports import AsyncStore
from totpcore.stores import InThreads
from trouble.faults import Fault, World
from trouble.scenes import CALLS, POLICY, STATES, repeatable, scene

SPENDING: Final = (
    ("on", "verify"), ("on", "recover"), ("on", "replace"), ("replacing", "confirm"), ("on", "renew_recovery_codes"),
    ("on", "disable"), ("hotp", "resync"), ("pending", "adopt"), ("failed", "verify, wrong"),
)  # fmt: skip
MEASURED: Final = re.compile(r"\d+\.\d+(e-\d+)?")  # seconds: six digits turn up in them by chance
each_spending = pytest.mark.parametrize(("state", "name"), SPENDING)


def service_of(world: World) -> TwoFactor:
    """An `AsyncTwoFactor` in a world, called as one that waits."""
    return awaited(world, issuer="ACME", sealer=world, policy=POLICY, clock=world.clock, audit=world.heard.append)


def service_on(store: AsyncStore, world: World) -> AsyncTwoFactor:
    """The same, to be awaited."""
    return AsyncTwoFactor(
        store, issuer="ACME", sealer=world, policy=POLICY, clock=world.clock, audit=world.heard.append
    )


def called(service: AsyncTwoFactor, state: str, name: str) -> Coroutine[object, object, object]:
    """The coroutine of a call."""
    call: Callable[[Any], Coroutine[object, object, object]] = scene(state).calls[name]  # type: ignore[assignment]
    return call(service)


# ---- what is raised ----


@pytest.mark.parametrize("state", STATES)
def test_no_report_of_a_refusal_shows_a_secret(state: str) -> None:
    """`traceback` with locals, `inspect`'s frames, and a serializer that goes into containers."""
    looked_at: list[str] = []
    for name in CALLS:
        try:
            scene(state).calls[name](service_of(World(scene(state))))
        except TotpcoreError as error:
            looked_at += [frame.f_code.co_qualname for frame in frames(error)]
            scene(state).finder.check(f"{name} in {state}", *surface(error), *reports(error), *deep(error))
    assert looked_at.count("AsyncTwoFactor._run") > 3


@pytest.mark.parametrize("state", STATES)
def test_no_report_of_trouble_shows_a_secret(state: str) -> None:
    """The same where clock, sealer or store raise, at each call of theirs."""
    for name in CALLS:
        honest = World(scene(state))
        with contextlib.suppress(TotpcoreError), repeatable(1):
            scene(state).calls[name](service_of(honest))
        for number, step in enumerate(honest.steps):
            world = World(scene(state), (Fault(number, RuntimeError, after=step == "swap"),))
            try:
                with repeatable(1):
                    scene(state).calls[name](service_of(world))
            except (RuntimeError, TotpcoreError) as error:
                scene(state).finder.check(f"{name} in {state}, {step}", *reports(error), *deep(error))


@pytest.mark.parametrize("look", [surface, reports, deep])
@pytest.mark.parametrize(
    ("state", "name"), [("on", "renew_recovery_codes"), ("replacing", "confirm"), ("pending", "adopt")]
)
def test_new_recovery_codes_are_in_no_frame(
    state: str, name: str, look: Callable[[BaseException], Iterator[str]]
) -> None:
    """Where a port raises around a new set, no reporter finds one of its codes in totpcore's frames."""
    honest = World(scene(state))
    with repeatable(1):
        answer = scene(state).calls[name](service_of(honest))
    issued = answer.recovery_codes if isinstance(answer, Confirmed) else answer
    assert isinstance(issued, RecoveryCodes)
    finder = Finder({f"new recovery code {number}": code for number, code in enumerate(issued)})
    assert finder.find(*taken_apart(issued, 2)) != []
    for number, step in enumerate(honest.steps):
        world = World(scene(state), (Fault(number, RuntimeError, after=True),))
        with repeatable(1), pytest.raises((RuntimeError, TotpcoreError)) as raised:
            scene(state).calls[name](service_of(world))
        finder.check(f"{name} in {state}, {step}", *look(raised.value))


# ---- what is under way ----


class Looking(AwaitedStore):
    """A store that looks around while its caller waits: at every task, its coroutines and their frames."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.seen: list[str] = []

    async def load(self, user: str, /) -> bytes | None:
        """Look before and after."""
        self.look()
        held = await super().load(user)
        self.look()
        return held

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Look before and after."""
        self.look()
        swapped = await super().swap(user, old, new)
        self.look()
        return swapped

    def look(self) -> None:
        """Write down what debuggers and monitors show of the tasks of a loop."""
        for task in asyncio.all_tasks():
            stack = io.StringIO()
            task.print_stack(file=stack)
            self.seen += [repr(task), stack.getvalue()]
            awaited_by_it: Any = task.get_coro()
            while inspect.iscoroutine(awaited_by_it):
                self.seen.append(repr(awaited_by_it))
                frame = awaited_by_it.cr_frame
                if frame is not None and is_ours(frame):
                    for name, value in frame.f_locals.items():
                        self.seen += [f"{frame.f_code.co_qualname} {name}: {part}" for part in taken_apart(value, 5)]
                awaited_by_it = awaited_by_it.cr_await


@each_spending
def test_a_call_that_waits_shows_nothing(state: str, name: str) -> None:
    """While it waits for the store, no frame of its coroutines holds a secret, and no `repr` of its tasks does."""
    world = World(scene(state))
    store = Looking(world)

    async def program() -> None:
        with contextlib.suppress(TotpcoreError):
            await asyncio.create_task(called(service_on(store, world), state, name))

    asyncio.run(program())
    assert any("AsyncTwoFactor._run" in one for one in store.seen)
    assert any("AsyncTwoFactor._swap" in one for one in store.seen)
    scene(state).finder.check(f"{name} in {state}", *store.seen)


@each_spending
def test_what_a_cancelled_call_raises_shows_nothing(state: str, name: str) -> None:
    """`CancelledError` comes with the frames that were cancelled; in each round of the loop."""
    for moment in range(1, 20):
        world = World(scene(state))

        async def program(world: World = world, moment: int = moment) -> BaseException | None:
            task = asyncio.create_task(called(service_on(AwaitedStore(world), world), state, name))
            for _ in range(moment):
                await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except (asyncio.CancelledError, TotpcoreError) as raised:
                return raised
            return None

        error = asyncio.run(program())
        if error is not None:
            scene(state).finder.check(f"round {moment}", *surface(error), *reports(error), *deep(error))


# ---- what asyncio reports ----


@pytest.mark.parametrize("threads", [False, True], ids=["awaited", "in threads"])
@each_spending
def test_asyncio_in_debug_mode_shows_nothing(state: str, name: str, threads: bool) -> None:
    """Every callback is one that took too long, and is logged with all that asyncio knows of it."""
    world = World(scene(state))
    store = InThreads(world) if threads else AwaitedStore(world)

    async def program() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0
        with contextlib.suppress(TotpcoreError):
            await asyncio.create_task(called(service_on(store, world), state, name))
        if isinstance(store, InThreads):
            await store.close()

    with listening() as everything:
        asyncio.run(program(), debug=True)
    assert any("AsyncTwoFactor" in one for one in everything.kept)
    scene(state).finder.check(f"{name} in {state}", *(MEASURED.sub("", one) for one in everything.kept))


@pytest.mark.parametrize("debug", [False, True])
@each_spending
def test_what_is_left_behind_shows_nothing(state: str, name: str, debug: bool) -> None:
    """A call that is never awaited, one that nobody asks for its outcome, one whose event loop is closed under it."""

    class Hanging(AwaitedStore):
        async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

    async def program() -> list[asyncio.Task[object]]:
        world = World(scene(state), (Fault(0, RuntimeError),))
        failed = asyncio.create_task(called(service_on(AwaitedStore(world), world), state, name))
        world = World(scene(state))
        hanging = asyncio.create_task(called(service_on(Hanging(world), world), state, name))
        called(service_on(AwaitedStore(world), world), state, name)  # type: ignore[unused-coroutine]  # the mistake
        for _ in range(10):
            await asyncio.sleep(0)
        assert failed.done()
        return [hanging]

    with listening() as everything, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        loop = asyncio.new_event_loop()
        loop.set_debug(debug)
        tasks = loop.run_until_complete(program())
        gc.collect()
        scene(state).finder.check(f"{name} in {state}", *map(repr, tasks))
        for task in asyncio.all_tasks(loop):
            task.cancel()
        tasks.clear()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        gc.collect()
    assert any("never awaited" in str(one.message) for one in warned)
    assert any("never retrieved" in one for one in everything.kept)
    written = (*everything.kept, *(str(one.message) for one in warned))
    scene(state).finder.check(f"{name} in {state}", *(MEASURED.sub("", one) for one in written))
