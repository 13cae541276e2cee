"""`AsyncTwoFactor` behind the face of `TwoFactor`, so that one test holds for both.

Rules of this file:

1. Each call runs on an event loop of its own. What it raises, and what it warns of, comes out as from `TwoFactor`.
2. The store is one that waits, and gives way to the event loop before its work and after it.
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Final, cast

from totpcore import AsyncStore, AsyncTwoFactor, Event, Policy, Sealer, Store, TwoFactor
from totpcore.ports import LoadsMany

CALLS: Final = tuple(name for name in vars(TwoFactor) if not name.startswith("_"))


class AwaitedStore:
    """An `AsyncStore` over a `Store`, in the thread of the event loop."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    async def load(self, user: str, /) -> bytes | None:
        """Load."""
        await asyncio.sleep(0)
        held = self.inner.load(user)
        await asyncio.sleep(0)
        return held

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap."""
        await asyncio.sleep(0)
        swapped = self.inner.swap(user, old, new)
        await asyncio.sleep(0)
        return swapped


class AwaitedStoreOfMany(AwaitedStore):
    """The same, over a store that can load many at once."""

    async def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Load many."""
        await asyncio.sleep(0)
        return cast("LoadsMany", self.inner).load_many(users)


def awaited_store(store: Store) -> AsyncStore:
    """The store, awaited; it offers `load_many` where the store does."""
    return AwaitedStoreOfMany(store) if isinstance(store, LoadsMany) else AwaitedStore(store)


def awaited(
    store: Store,
    *,
    issuer: str,
    sealer: Sealer,
    policy: Policy | None = None,
    clock: Callable[[], float] | None = None,
    audit: Callable[[Event], None] | None = None,
) -> TwoFactor:
    """An `AsyncTwoFactor`, called as a `TwoFactor` is."""
    awaits = awaited_store(store)
    numbers = policy or Policy()
    service = AsyncTwoFactor(awaits, issuer=issuer, sealer=sealer, policy=numbers, clock=clock, audit=audit)
    return cast("TwoFactor", _Waiting(service))


class _Waiting:
    """Runs each call to its end."""

    def __init__(self, service: AsyncTwoFactor) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Callable[..., object]:
        if name not in CALLS:
            raise AttributeError(name)
        method: Callable[..., Coroutine[object, object, object]] = getattr(self._service, name)
        return partial(_run, method)


def _run(method: Callable[..., Coroutine[object, object, object]], *given: object, **named: object) -> object:
    return asyncio.run(inspected(method(*given, **named)))


async def inspected(call: Coroutine[object, object, object]) -> object:
    """Await it, and see that it is over then: no task goes on behind its answer."""
    if not inspect.iscoroutine(call):
        raise AssertionError("a call must be a coroutine")
    try:
        return await call
    finally:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            raise AssertionError(f"{others} go on behind the answer")
