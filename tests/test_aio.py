"""`AsyncTwoFactor`: what `TwoFactor` is, awaited; and what a task that is cancelled leaves behind.

Rules of this file:

1. The scenes are those of `tests/trouble`: every call in every state. The same scene on `TwoFactor` is the measure.
2. Whoever is cancelled was told nothing. What was begun is whole when `CancelledError` comes out: stored and told to
   the audit log, or neither.
"""

import asyncio
import contextvars
import gc
import inspect
import sys
import weakref
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from awaited import CALLS, AwaitedStore, awaited, awaited_store
from records.life import USER, Life, reason_of
from silence.surface import deep, reports, surface
from totpcore import (
    AsyncTwoFactor,
    CompatibilityWarning,
    Confirmed,
    Event,
    MemoryStore,
    Plaintext,
    Policy,
    RecordUnreadable,
    Refused,
    SQLiteStore,
    State,
    Status,
    TotpcoreError,
    TwoFactor,
)
from totpcore.stores import InThreads
from totpcore.testing import HandClock, Phone
from trouble.clean import Clean, clean, each, each_of_few, run
from trouble.faults import Fault, World, WorldOfMany
from trouble.scenes import POLICY, STATES, repeatable, scene

pytest_plugins = ["records.fixtures"]

T = TypeVar("T")

START: Final = 1_800_000_000


# ---- the same names ----


def public(kind: type) -> dict[str, Callable[..., object]]:
    """The calls of a shell."""
    return {name: call for name, call in vars(kind).items() if not name.startswith("_")}


def test_both_shells_have_the_same_calls_in_the_same_order() -> None:
    """No call more, none less; and nothing public comes from their base."""
    assert list(public(AsyncTwoFactor)) == list(public(TwoFactor)) == list(CALLS)
    bases = {base for kind in (TwoFactor, AsyncTwoFactor) for base in kind.__mro__[1:]}
    assert set[str]().union(*map(public, bases - {object})) == set()
    assert len(CALLS) == 15


@pytest.mark.parametrize("name", CALLS)
def test_a_call_has_the_same_signature_and_documentation(name: str) -> None:
    """Parameters, their kinds, defaults and types, and what comes back once it is awaited; word for word."""
    waits, awaits = public(TwoFactor)[name], public(AsyncTwoFactor)[name]
    assert inspect.signature(waits) == inspect.signature(awaits)
    assert inspect.signature(waits).return_annotation is not inspect.Signature.empty
    assert awaits.__doc__ == waits.__doc__
    assert (waits.__name__, awaits.__name__) == (name, name)
    if sys.flags.optimize < 2:
        assert awaits.__doc__


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_a_coroutine_function(name: str) -> None:
    """What is called without `await` is no answer: frameworks see that they have to await it."""
    assert inspect.iscoroutinefunction(public(AsyncTwoFactor)[name])
    assert not inspect.iscoroutinefunction(public(TwoFactor)[name])


def test_both_are_made_alike() -> None:
    """The same parts with the same defaults, but for the kind of store."""
    waits, awaits = (dict(inspect.signature(kind.__init__).parameters) for kind in (TwoFactor, AsyncTwoFactor))
    assert waits.pop("store").annotation.__name__ == "Store"
    assert awaits.pop("store").annotation.__name__ == "AsyncStore"
    assert waits == awaits
    assert AsyncTwoFactor.__init__.__doc__ == TwoFactor.__init__.__doc__
    assert not hasattr(AsyncTwoFactor(awaited_store(MemoryStore()), issuer="ACME", sealer=Plaintext()), "__dict__")


# ---- the same behaviour ----


def came_to(call: Callable[[], object]) -> tuple[object, ...]:
    """An answer or an exception, as something that can be compared."""
    try:
        with repeatable(1):
            answer = call()
    except TotpcoreError as error:
        return type(error), str(error), vars(error)
    if isinstance(answer, Confirmed):
        return type(answer), answer.counter, list(answer.recovery_codes)
    if isinstance(answer, dict):  # of `statuses`; an exception is equal to no other
        return type(answer), {user: one if isinstance(one, Status) else str(one) for user, one in answer.items()}
    return type(answer), list(answer) if isinstance(answer, Iterable) else answer


def service_of(world: World, audit: Callable[[Event], None] | None = None) -> TwoFactor:
    """An `AsyncTwoFactor` in a world, called as one that waits."""
    heard = audit or world.heard.append
    return awaited(world, issuer="ACME", sealer=world, policy=POLICY, clock=world.clock, audit=heard)


@each
def test_every_call_comes_to_the_same_in_every_state(state: str, name: str) -> None:
    """The same answer or refusal, the same event, the same bytes in the store, the same steps that lead there."""
    call, one, other = scene(state).calls[name], World(scene(state)), World(scene(state))
    expected = came_to(lambda: call(one.service()))
    assert came_to(lambda: call(service_of(other))) == expected
    assert other.heard == one.heard
    assert other.raw == one.raw
    assert other.steps == one.steps
    assert came_to(lambda: call(service_of(other))) == came_to(lambda: call(one.service()))


@each_of_few
def test_trouble_comes_out_the_same(state: str, name: str) -> None:
    """Where a port raises: the same exception, or `RecordUnreadable`; the same record; no event; nothing is shown."""
    check_trouble(state, name, RuntimeError, asyncio.CancelledError)


@pytest.mark.parametrize(("state", "name"), [("on", "verify"), ("failed", "verify, wrong"), ("replacing", "confirm")])
def test_an_interrupt_comes_out_the_same(state: str, name: str) -> None:
    """From the keyboard, or the end of the program: it stops the event loop, and leaves whole records."""
    check_trouble(state, name, KeyboardInterrupt, SystemExit)
    gc.collect()  # asyncio logs the tasks that ended by it


def check_trouble(state: str, name: str, *kinds: type[BaseException]) -> None:
    """At every call of a port, before its work, and for the swap after it."""
    for number, step in enumerate(clean(state, name).steps):
        for kind in kinds:
            for after in (False, True) if step == "swap" else (False,):
                one, other = (World(scene(state), (Fault(number, kind, after=after),)) for _ in range(2))
                where = f"{name} in {state}, {step} (call {number}), {kind.__name__}, {after=}"
                expected = raised_by(partial(scene(state).calls[name], one.service()))
                found = raised_by(partial(scene(state).calls[name], service_of(other)))
                assert type(found) is type(expected), where
                assert (other.heard, other.raw, other.steps) == (one.heard, one.raw, one.steps), where
                if found is not None:
                    scene(state).finder.check(where, *surface(found))


def raised_by(call: Callable[[], object]) -> BaseException | None:
    """What it raises, whatever it is."""
    try:
        with repeatable(1):
            call()
    except BaseException as error:  # noqa: BLE001  # whatever it is
        return error
    return None


@pytest.mark.parametrize("state", STATES)
def test_statuses_of_an_async_store_that_loads_many(state: str) -> None:
    """One round trip; what it raises is passed on, and one bad record hides nobody."""
    world = WorldOfMany(scene(state))
    found = service_of(world).statuses([USER, "nobody"])
    assert world.steps.count("load_many") == 1
    assert "load" not in world.steps
    assert found == WorldOfMany(scene(state)).service().statuses([USER, "nobody"])
    assert type(raised_by(lambda: service_of(WorldOfMany(scene(state), (Fault(0, OSError),))).statuses([USER]))) is (
        OSError
    )
    if scene(state).held is not None:
        broken = service_of(WorldOfMany(scene(state), (Fault(2, ValueError),))).statuses([USER, "nobody"])
        assert isinstance(broken[USER], RecordUnreadable)
        assert isinstance(broken["nobody"], Status)


def test_statuses_of_an_async_store_that_loads_one_by_one(life: Life) -> None:
    """In the order asked, each at the time after its load."""
    life.service.enrol("first", account="alice")
    life.service.enrol("second", account="alice")

    class Slow:
        async def load(self, user: str, /) -> bytes | None:
            life.clock.tick(400)
            return life.store.load(user)

        async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            raise AssertionError

    service = AsyncTwoFactor(Slow(), issuer="ACME", sealer=Plaintext(), clock=life.clock)
    found = asyncio.run(service.statuses(user for user in ("second", "first")))
    assert list(found) == ["second", "first"]
    assert [one.state for one in found.values() if isinstance(one, Status)] == [State.PENDING, State.OFF]


def test_a_store_that_raises_stop_iteration(life: Life) -> None:
    """As in every coroutine it becomes a `RuntimeError`; nobody is let in, and nobody waits for ever."""
    life.on()

    class Exhausted(AwaitedStore):
        async def load(self, user: str, /) -> bytes | None:
            return next(iter(list[bytes]()))

    service = AsyncTwoFactor(Exhausted(life.store), issuer="ACME", sealer=Plaintext(), clock=life.clock)
    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(service.verify(USER, life.code()))


def test_the_warning_of_a_policy_names_the_line_of_the_program(life: Life) -> None:
    """As with `TwoFactor`: the line that awaits."""
    policy = Policy(digits=8, algorithm="SHA256")
    service = AsyncTwoFactor(awaited_store(life.store), issuer="ACME", sealer=Plaintext(), policy=policy)

    async def program() -> None:
        await service.enrol(USER, account="alice")

    with pytest.warns(CompatibilityWarning, match="Duo") as warned:
        asyncio.run(program())
    assert [warning.filename for warning in warned] == [__file__]


def test_the_sink_sees_the_caller_s_context(life: Life) -> None:
    """What an application keeps in context variables, such as the number of a request, is there for its audit log."""
    request = contextvars.ContextVar("request", default="none")
    seen: list[str] = []
    life.on()
    service = AsyncTwoFactor(
        awaited_store(life.store), issuer="ACME", sealer=Plaintext(), clock=life.clock,
        audit=lambda _event: seen.append(request.get()),
    )  # fmt: skip

    async def handled(number: str, code: str) -> None:
        request.set(number)
        with suppress(Refused):
            await service.verify(USER, code)

    async def program() -> None:
        await asyncio.gather(handled("first", life.wrong()), handled("second", "malformed"))

    asyncio.run(program())
    assert sorted(seen) == ["first", "second"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs asyncio.eager_task_factory of Python 3.12")
def test_eager_tasks_do_as_well(life: Life) -> None:
    """Where a task begins as soon as it is made, and may be over by then."""
    life.on()

    class AtOnce:
        async def load(self, user: str, /) -> bytes | None:
            return life.store.load(user)

        async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            return life.store.swap(user, old, new)

    async def program() -> list[str]:
        asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009  # in 3.12
        service = AsyncTwoFactor(AtOnce(), issuer="ACME", sealer=Plaintext(), clock=life.clock)
        return [await told(service.verify(USER, life.code())) for _ in range(2)]

    assert asyncio.run(program()) == ["ok", "replayed"]


# ---- the right kind of store ----


class HalfAwaited:
    """A store of which one method waits, and the other awaits."""

    def load(self, user: str, /) -> bytes | None:
        """Load."""
        return None

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap."""
        return True


class HalfAwaitedToo:
    """The other way round."""

    async def load(self, user: str, /) -> bytes | None:
        """Load."""
        return None

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap."""
        return True


HALVES = [HalfAwaited(), HalfAwaitedToo()]


@pytest.mark.parametrize("store", [InThreads(MemoryStore()), AwaitedStore(MemoryStore()), *HALVES])
def test_two_factor_takes_no_store_that_awaits(store: Any) -> None:
    """It is refused when the service is made, and the message names the service that takes it."""
    with pytest.raises(TypeError, match=r"store must be a Store: an AsyncStore is for AsyncTwoFactor, not \w+$"):
        TwoFactor(store, issuer="ACME", sealer=Plaintext())


@pytest.mark.parametrize("store", [MemoryStore(), *HALVES])
def test_async_two_factor_takes_no_store_that_waits(store: Any) -> None:
    """It would hold up the whole event loop: it is refused when the service is made, and the message helps."""
    with pytest.raises(TypeError, match=r"wrap a Store in totpcore\.stores\.InThreads, not \w+$"):
        AsyncTwoFactor(store, issuer="ACME", sealer=Plaintext())


def test_a_sink_that_would_have_to_be_awaited_is_refused(life: Life) -> None:
    """Nobody awaits it, so that every event would be lost: the message names the argument."""

    async def hear(_event: Event) -> None:
        raise AssertionError

    parts: dict[str, Any] = {"issuer": "ACME", "sealer": Plaintext(), "audit": hear}
    with pytest.raises(TypeError, match="audit must be a plain function"):
        TwoFactor(life.store, **parts)
    with pytest.raises(TypeError, match="audit must be a plain function"):
        AsyncTwoFactor(awaited_store(life.store), **parts)


# ---- cancelled ----


class Halting(AwaitedStore):
    """A store that halts at one point of its work until it is let go, and may raise then."""

    def __init__(self, inner: World, at: str, raises: Exception | None = None) -> None:
        super().__init__(inner)
        self.world, self.at, self.raises = inner, at, raises
        self.arrived, self.go = asyncio.Event(), asyncio.Event()

    async def load(self, user: str, /) -> bytes | None:
        """Load."""
        await self._pass("before load")
        held = self.inner.load(user)
        await self._pass("after load")
        return held

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap."""
        await self._pass("before swap")
        swapped = self.inner.swap(user, old, new)
        await self._pass("after swap")
        return swapped

    async def _pass(self, point: str) -> None:
        if point == self.at and not self.arrived.is_set():
            self.arrived.set()
            await self.go.wait()
            if self.raises is not None:
                raise self.raises


POINTS: Final = ("before load", "after load", "before swap", "after swap")


def on_halting(state: str, at: str, raises: Exception | None = None) -> tuple[Halting, AsyncTwoFactor]:
    """A service on a store that halts."""
    world = World(scene(state))
    store = Halting(world, at, raises)
    parts: dict[str, Any] = {"sealer": world, "policy": POLICY, "clock": world.clock, "audit": world.heard.append}
    return store, AsyncTwoFactor(store, issuer="ACME", **parts)


def begun(service: AsyncTwoFactor, state: str, name: str) -> asyncio.Task[object]:
    """The call, in a task."""
    call: Callable[[Any], Any] = scene(state).calls[name]
    return asyncio.create_task(as_coroutine(call(service)))


def as_coroutine(call: Any) -> Coroutine[object, object, object]:
    """What a call of a scene gives where the service is one that awaits."""
    assert inspect.iscoroutine(call)
    return call


async def rounds(number: int = 10) -> None:
    """Let the event loop go round."""
    for _ in range(number):
        await asyncio.sleep(0)


async def others() -> set[asyncio.Task[Any]]:
    """The tasks that are still under way, beside this one."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


async def told(call: Awaitable[object]) -> str:
    """`ok`, the word of a refusal, `cancelled`, or the name of another exception."""
    try:
        await call
    except asyncio.CancelledError:
        return "cancelled"
    except TotpcoreError as error:
        return str(getattr(error, "reason", type(error).__name__))
    return "ok"


def check_whole(world: World, expected: Clean, name: str, where: str, *, stored: bool) -> None:
    """The record and the events are those of before, or those of after; and so is what the same call comes to now."""
    assert world.raw == (expected.left if stored else world.scene.held), where
    assert len(world.heard) == (expected.events if stored else 0), where
    healed = world.healed()
    assert run(healed, name) == (expected.again if stored else expected.outcome), where


@each
def test_cancelled_at_any_point_a_call_is_whole(state: str, name: str) -> None:
    """Before the swap nothing has happened; a swap that was begun is finished, and its event told, before it ends."""
    expected = clean(state, name)
    for at in POINTS:
        if at.endswith("swap") and "swap" not in expected.steps:
            continue

        async def cancelled(at: str = at) -> World:
            store, service = on_halting(state, at)
            task = begun(service, state, name)
            await store.arrived.wait()
            task.cancel()
            await rounds()
            assert task.done() is at.endswith("load")
            store.go.set()
            assert await told(task) == "cancelled"
            assert task.cancelled()
            assert await others() == set()
            return store.world

        with repeatable(1):
            world = asyncio.run(cancelled())
        check_whole(world, expected, name, f"{name} in {state}, {at}", stored=at.endswith("swap"))


@pytest.mark.parametrize(("state", "name"), [("on", "verify"), ("failed", "verify, wrong"), ("replacing", "confirm")])
def test_cancelled_in_any_round_of_the_loop_a_call_is_whole(state: str, name: str) -> None:
    """From before it begins on: when `CancelledError` comes out, nothing goes on behind it."""
    expected, outcomes = clean(state, name), list[str]()
    for moment in range(25):

        async def cancelled(moment: int = moment) -> tuple[str, World]:
            world = World(scene(state))
            parts: dict[str, Any] = {"sealer": world, "policy": POLICY, "clock": world.clock}
            service = AsyncTwoFactor(AwaitedStore(world), issuer="ACME", audit=world.heard.append, **parts)
            task = begun(service, state, name)
            await rounds(moment)
            task.cancel()
            outcome = await told(task)
            assert await others() == set()
            return outcome, world

        with repeatable(1):
            outcome, world = asyncio.run(cancelled())
        outcomes.append(outcome)
        check_whole(world, expected, name, f"round {moment}", stored=world.raw != scene(state).held)
        assert outcome in ("cancelled", expected.outcome)
        assert outcome == "cancelled" or world.raw == expected.left
    assert (outcomes[0], outcomes[-1]) == ("cancelled", expected.outcome)


@pytest.mark.parametrize("at", ["before swap", "after swap"])
def test_cancelled_twice_it_leaves_at_once_and_the_swap_goes_on(at: str) -> None:
    """A scope that insists is obeyed; what was begun is finished in a task of its own, and told."""

    async def cancelled() -> World:
        store, service = on_halting("on", at)
        task = begun(service, "on", "verify")
        await store.arrived.wait()
        task.cancel()
        await rounds()
        assert not task.done()
        task.cancel()
        assert await told(task) == "cancelled"
        assert len(await others()) == 1
        assert store.world.heard == []
        store.go.set()
        await rounds()
        assert await others() == set()
        return store.world

    with repeatable(1):
        world = asyncio.run(cancelled())
    check_whole(world, clean("on", "verify"), "verify", at, stored=True)


def test_a_swap_that_goes_on_is_held(life: Life) -> None:
    """The event loop holds a task only weakly: the garbage collector must not end one that nobody awaits any more."""
    life.on()
    code = life.code()
    waits: list[weakref.ref[asyncio.Future[None]]] = []

    class Lonely(AwaitedStore):
        async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            future = asyncio.get_running_loop().create_future()
            waits.append(weakref.ref(future))
            await future
            return await super().swap(user, old, new)

    async def leave() -> None:
        store = Lonely(life.store)
        service = AsyncTwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=life.clock, audit=life.events.append)
        task = asyncio.create_task(service.verify(USER, code))
        for _ in range(2):
            await rounds()
            task.cancel()
        assert await told(task) == "cancelled"

    async def program() -> None:
        await leave()
        await rounds()
        gc.collect()
        future = waits[0]()
        assert future is not None, "the garbage collector ended the swap"
        future.set_result(None)
        await rounds()

    asyncio.run(program())
    assert len(life.events) == 1
    assert reason_of(lambda: life.service.verify(USER, code)) == "replayed"


def test_nothing_is_held_for_longer_than_it_takes(life: Life) -> None:
    """Once a swap is over, nothing of it is kept."""
    from totpcore import aio

    life.on()
    service = AsyncTwoFactor(awaited_store(life.store), issuer="ACME", sealer=Plaintext(), clock=life.clock)

    async def program() -> None:
        await service.verify(USER, life.code())
        await rounds(1)
        assert aio._unfinished == set()

    asyncio.run(program())


def test_a_timeout_waits_for_the_swap() -> None:
    """`asyncio.timeout` cancels: the caller gets `TimeoutError` once the record is settled, and the code is spent."""

    async def late() -> World:
        store, service = on_halting("on", "before swap")
        with pytest.raises(TimeoutError):  # noqa: PT012  # the timeout is what is tested
            async with asyncio.timeout(0.01):
                asyncio.get_running_loop().call_later(0.1, store.go.set)  # armed after the time limit is
                await service.verify(USER, scene("on").code())
        current = asyncio.current_task()
        assert current is not None
        assert current.cancelling() == 0
        return store.world

    with repeatable(1):
        world = asyncio.run(late())
    check_whole(world, clean("on", "verify"), "verify", "timeout", stored=True)


def test_wait_for_waits_for_the_swap() -> None:
    """And so does `asyncio.wait_for`."""

    async def late() -> World:
        store, service = on_halting("on", "after swap")
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_later, 0.1, store.go.set)  # armed after the time limit is
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(begun(service, "on", "verify"), 0.01)
        return store.world

    with repeatable(1):
        world = asyncio.run(late())
    check_whole(world, clean("on", "verify"), "verify", "wait_for", stored=True)


def test_a_task_group_that_fails_leaves_whole_records() -> None:
    """Where another task of the group raises, the call is cancelled: the group ends once the record is settled."""

    async def failing(store: Halting) -> None:
        await store.arrived.wait()
        asyncio.get_running_loop().call_later(0.05, store.go.set)
        raise OSError("of another task")

    async def grouped() -> World:
        store, service = on_halting("on", "before swap")
        with pytest.raises(ExceptionGroup) as group:  # noqa: PT012  # the group is what is tested
            async with asyncio.TaskGroup() as tasks:
                call = tasks.create_task(service.verify(USER, scene("on").code()))
                tasks.create_task(failing(store))
        assert [type(error) for error in group.value.exceptions] == [OSError]
        assert call.cancelled()
        return store.world

    with repeatable(1):
        world = asyncio.run(grouped())
    check_whole(world, clean("on", "verify"), "verify", "group", stored=True)


@pytest.mark.parametrize("at", POINTS)
def test_a_loop_that_ends_in_the_midst_does_not_hang(at: str) -> None:
    """`asyncio.run` cancels every task, that of the swap too: nobody was told anything, and no record is half done."""
    tasks = []

    async def ended() -> World:
        store, service = on_halting("on", at)
        tasks.append(begun(service, "on", "verify"))
        await store.arrived.wait()
        return store.world

    with repeatable(1):
        world = asyncio.run(ended())
    assert world.heard == []
    stored = at == "after swap"
    assert world.raw == (clean("on", "verify").left if stored else scene("on").held)
    assert run(world.healed(), "verify") == ("replayed" if stored else "ok")


@pytest.mark.parametrize("at", ["before swap", "after swap"])
def test_a_swap_that_fails_while_it_is_cancelled(at: str) -> None:
    """The caller gets `CancelledError`; nothing was accepted or told, and what asyncio reports of it shows nothing."""
    reported: list[dict[str, Any]] = []

    async def cancelled() -> World:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
        store, service = on_halting("on", at, OSError("the connection is gone"))
        task = begun(service, "on", "verify")
        await store.arrived.wait()
        task.cancel()
        await rounds()
        store.go.set()
        assert await told(task) == "cancelled"
        del task
        await rounds()
        gc.collect()
        return store.world

    with repeatable(1):
        world = asyncio.run(cancelled())
    assert world.heard == []
    assert run(world.healed(), "verify") == ("replayed" if at == "after swap" else "ok")
    assert [str(context["exception"]) for context in reported] == ["the connection is gone"]
    for context in reported:
        error = context["exception"]
        shown = (str(context), *surface(error), *reports(error), *deep(error))
        scene("on").finder.check(at, *shown)


def test_a_swap_that_was_lost_while_it_is_cancelled_is_not_tried_again() -> None:
    """Whoever is cancelled in a round that somebody else won begins no other."""

    async def cancelled() -> World:
        store, service = on_halting("failed", "before swap")
        task = begun(service, "failed", "verify, wrong")
        await store.arrived.wait()
        store.world.store.swap(USER, store.world.raw, b"of somebody else")
        task.cancel()
        store.go.set()
        assert await told(task) == "cancelled"
        assert await others() == set()
        return store.world

    world = asyncio.run(cancelled())
    assert (world.raw, world.heard, world.steps.count("swap")) == (b"of somebody else", [], 1)


# ---- crowds ----


class Crowd:
    """A user who is on, on a store that awaits."""

    def __init__(self, store: Any) -> None:
        self.clock, self.events = HandClock(START), list[Event]()
        self.service = AsyncTwoFactor(
            store, issuer="ACME", sealer=Plaintext(), clock=self.clock, audit=self.events.append
        )

    async def set_up(self) -> "Crowd":
        """Set up, and let one time step pass."""
        self.phone = Phone.scan((await self.service.enrol(USER, account="alice")).uri)
        self.codes = list((await self.service.confirm(USER, self.code())).recovery_codes)
        self.clock.tick(30)
        self.events.clear()
        return self

    def code(self) -> str:
        """The code of now."""
        return self.phone.code(self.clock())

    def wrong(self) -> str:
        """A code that is wrong now."""
        near = {self.phone.code(self.clock() + 30 * step) for step in range(-3, 4)}
        return next(code for code in (f"{number:06d}" for number in range(10)) if code not in near)


@pytest.fixture(params=["awaited", "memory", "sqlite"])
def crowded(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[Crowd], Awaitable[None]]], None]:
    """Runs a test on each store, and closes it."""

    async def program(test: Callable[[Crowd], Awaitable[None]]) -> None:
        if request.param == "awaited":
            await test(await Crowd(AwaitedStore(MemoryStore())).set_up())
            return
        sqlite = request.param == "sqlite"
        store = InThreads(SQLiteStore(tmp_path / "factors.db", create=True) if sqlite else MemoryStore())
        await test(await Crowd(store).set_up())
        await store.close()

    return lambda test: asyncio.run(program(test))


Crowded = Callable[[Callable[[Crowd], Awaitable[None]]], None]


def test_a_hundred_tasks_verify_one_code(crowded: Crowded) -> None:
    """One is accepted, the others are told that it is spent; so it is in the audit log."""

    async def test(crowd: Crowd) -> None:
        code = crowd.code()
        found = Counter(await asyncio.gather(*(told(crowd.service.verify(USER, code)) for _ in range(100))))
        assert found == {"ok": 1, "replayed": 99}
        assert Counter(event.reason for event in crowd.events) == found

    crowded(test)


def test_forty_tasks_guess(crowded: Crowded) -> None:
    """Five get an answer that depends on the code, and the right one has to wait too."""

    async def test(crowd: Crowd) -> None:
        wrong = crowd.wrong()
        found = Counter(await asyncio.gather(*(told(crowd.service.verify(USER, wrong)) for _ in range(40))))
        assert found == {"wrong": 5, "throttled": 35}
        assert await told(crowd.service.verify(USER, crowd.code())) == "throttled"

    crowded(test)


def test_tasks_that_are_cancelled_among_others_spend_no_code_twice(crowded: Crowded) -> None:
    """Of 40 tasks with one code, every other one is cancelled at some moment: at most one was accepted."""

    async def test(crowd: Crowd) -> None:
        for number in range(5):
            code = crowd.code()
            tasks = [asyncio.create_task(crowd.service.verify(USER, code)) for _ in range(40)]
            for moment, task in enumerate(tasks[::2]):
                await rounds(moment % (3 + number))
                task.cancel()
            found = Counter([await told(task) for task in tasks])
            assert found["ok"] <= 1
            assert found.keys() <= {"ok", "replayed", "cancelled"}
            assert [event.reason for event in crowd.events].count("ok") <= number + 1
            assert await told(crowd.service.verify(USER, code)) == "replayed"
            crowd.clock.tick(30)

    crowded(test)


def test_calls_about_different_users_do_not_wait_for_each_other() -> None:
    """While one user's swap hangs, another logs in."""
    store = MemoryStore()

    async def program() -> None:
        crowd = await Crowd(AwaitedStore(store)).set_up()
        phone = Phone.scan((await crowd.service.enrol("8", account="bob")).uri)
        hanging = asyncio.Event()

        class Hangs(AwaitedStore):
            async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
                if user == USER:
                    await hanging.wait()
                return await super().swap(user, old, new)

        service = AsyncTwoFactor(Hangs(store), issuer="ACME", sealer=Plaintext(), clock=crowd.clock)
        first = asyncio.create_task(told(service.verify(USER, crowd.code())))
        await rounds()
        async with asyncio.timeout(30):
            await service.confirm("8", phone.code(crowd.clock()))
        assert not first.done()
        hanging.set()
        assert await first == "ok"

    asyncio.run(program())
