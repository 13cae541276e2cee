"""Clients at work side by side: threads, or tasks of one event loop.

Rules of this file:

1. Each client does its step again and again until the time is over, and at least once. One step before that is not
   counted: it opens the connection.
2. The time runs from the release of all clients to the end of the last step that was begun in time.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, Self, TypeVar

Step = Callable[[], object]
AsyncStep = Callable[[], Awaitable[object]]
S_contra = TypeVar("S_contra", contravariant=True)
T = TypeVar("T")


class Crew(Protocol[S_contra]):
    """Clients that do steps."""

    def rate(self, steps: Sequence[S_contra], seconds: float) -> float:
        """Let each client do its step for so long; return how many were done in a second, by all of them together."""
        ...

    def at_once(self, steps: Sequence[S_contra]) -> list[float]:
        """Let all clients do their step once, at the same moment; return how long each took, in seconds."""
        ...


class Threads:
    """Each client is a thread, the same one from round to round: what belongs to a thread stays open."""

    def __init__(self, clients: int) -> None:
        self._pool = ThreadPoolExecutor(clients)
        self._barrier = threading.Barrier(clients, timeout=120)

    def rate(self, steps: Sequence[Step], seconds: float) -> float:
        def work(step: Step) -> tuple[float, int, float]:
            step()
            self._barrier.wait()
            began = time.perf_counter()
            done, until = 0, began + seconds
            while not done or time.perf_counter() < until:
                step()
                done += 1
            return began, done, time.perf_counter()

        return _rate(self._all(work, steps))

    def at_once(self, steps: Sequence[Step]) -> list[float]:
        def work(step: Step) -> float:
            self._barrier.wait()
            began = time.perf_counter()
            step()
            return time.perf_counter() - began

        return self._all(work, steps)

    def each(self, work: Step) -> None:
        """Have every thread do something, such as closing what is its own."""
        self.at_once([work] * self._barrier.parties)

    def _all(self, work: Callable[[Step], T], steps: Sequence[Step]) -> list[T]:
        """Do the work in all threads. Where one fails, the others do not wait for it, and its own error is raised."""

        def told(step: Step) -> T:
            try:
                return work(step)
            except BaseException:
                self._barrier.abort()
                raise

        all_of_them = [self._pool.submit(told, step) for step in steps]
        errors = [error for each in all_of_them if (error := each.exception()) is not None]
        if errors:
            raise next((error for error in errors if not isinstance(error, threading.BrokenBarrierError)), errors[0])
        return [each.result() for each in all_of_them]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()


class Tasks:
    """Each client is a task; between the rounds the event loop stands still."""

    def __init__(self, clients: int) -> None:
        self._clients = clients
        self._runner = asyncio.Runner()

    def run(self, work: Awaitable[T]) -> T:
        """Do something in the event loop."""

        async def wait() -> T:
            return await work

        return self._runner.run(wait())

    def rate(self, steps: Sequence[AsyncStep], seconds: float) -> float:
        barrier = asyncio.Barrier(self._clients)

        async def work(step: AsyncStep) -> tuple[float, int, float]:
            await step()
            await barrier.wait()
            began = time.perf_counter()
            done, until = 0, began + seconds
            while not done or time.perf_counter() < until:
                await step()
                done += 1
            return began, done, time.perf_counter()

        async def together() -> list[tuple[float, int, float]]:
            return await asyncio.gather(*map(work, steps))

        return _rate(self.run(together()))

    def at_once(self, steps: Sequence[AsyncStep]) -> list[float]:
        barrier = asyncio.Barrier(self._clients)

        async def work(step: AsyncStep) -> float:
            await barrier.wait()
            began = time.perf_counter()
            await step()
            return time.perf_counter() - began

        async def together() -> list[float]:
            return await asyncio.gather(*map(work, steps))

        return self.run(together())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._runner.close()


def crew_of(clients: int, mode: str) -> str:
    """Return what a crew is called: "1 thread", "8 threads"."""
    return f"{clients} {mode if clients > 1 else mode[:-1]}"


def _rate(clients: Sequence[tuple[float, int, float]]) -> float:
    began = min(client[0] for client in clients)
    ended = max(client[2] for client in clients)
    return sum(client[1] for client in clients) / (ended - began)


def take_turns(contenders: Sequence[Callable[[], float]], rounds: int) -> list[list[float]]:
    """Measure all contenders in each round, every other round backwards; return what each came to, round by round."""
    found: list[list[float]] = [[] for _ in contenders]
    for number in range(rounds):
        order = range(len(contenders)) if number % 2 == 0 else reversed(range(len(contenders)))
        for index in order:
            found[index].append(contenders[index]())
    return found
