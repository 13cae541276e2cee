"""An event loop behind calls that wait, so that one contract serves both kinds of store.

Rules of this file:

1. What a thread calls is a task of the one event loop of its process: threads that race are tasks that race.
2. A forked child has no thread but its own, and starts an event loop anew.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Final, TypeVar

T = TypeVar("T")

_PATIENCE: Final = 300.0  # seconds: no single call of a test takes as long


class EventLoop:
    """An event loop in a thread of its own."""

    _loop: asyncio.AbstractEventLoop
    _ended: asyncio.Event
    _thread: threading.Thread

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._owner = 0

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Return what comes of it, or raise."""
        with self._starting:
            if self._owner != os.getpid():
                self._start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    def stop(self) -> None:
        """End it, with all that is still under way. A forked child ends without."""
        if self._owner == os.getpid():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()
            self._owner = 0

    def _start(self) -> None:
        started = threading.Event()

        async def serve() -> None:
            self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
            started.set()
            await self._ended.wait()

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        self._thread.start()
        started.wait()
        self._owner = os.getpid()


class Waiting:
    """An object whose methods await, as one whose methods wait."""

    def __init__(self, inner: object, loop: EventLoop) -> None:
        self.inner = inner
        self._loop = loop

    def __getattr__(self, name: str) -> Callable[..., object]:
        method: Callable[..., Awaitable[object] | AsyncIterator[object]] = getattr(self.inner, name)

        def call(*given: object, **named: object) -> object:
            return self._loop.run(_awaited(method, given, named))

        return call


async def _awaited(
    method: Callable[..., Awaitable[object] | AsyncIterator[object]],
    given: tuple[object, ...],
    named: dict[str, object],
) -> object:
    begun = method(*given, **named)
    if isinstance(begun, AsyncIterator):
        return [one async for one in begun]
    return await begun
