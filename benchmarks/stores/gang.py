"""Worker processes that are started once, and do jobs together.

Rules of this file:

1. They are forked off a server that has imported everything and has opened nothing: that is quick, and nothing of this
   process is in them. They are sent the place, so it must be one that can be pickled.
2. Whoever fails, dies or does not answer in time ends the measurement, with an error that says so. No worker waits for
   another: nothing hangs.
3. None outlives the `with`: they end by themselves where all went well, and are killed where it did not.
"""

import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Final, Self, TypeVar, cast

from . import worker
from .grounds import Place
from .worker import READY, Failure, Job

T = TypeVar("T")

_PATIENCE: Final = 120.0  # seconds: none works that long
_FAREWELL: Final = 10.0  # seconds
_LEAD: Final = 0.002, 0.000_2  # seconds from the word to the release: at least, and for each worker


class Gang:
    """Worker processes, each with some of a place's users as its own."""

    def __init__(self, size: int, place: Place) -> None:
        self._size = size
        self._place = place
        self._started: list[tuple[ForkServerProcess, Connection]] = []

    def do(self, job: Job[T], workers: int) -> list[T]:
        """Let so many of them do a job, all from the same moment on; return what each came to."""
        for number in range(workers):
            self._send(number, job)
        for number in range(workers):
            if (answer := self._answer(number)) != READY:
                raise RuntimeError(f"worker {number} answered {answer!r} before it was told to begin")
        least, each = _LEAD
        began = time.perf_counter() + least + each * workers
        for number in range(workers):
            self._send(number, began)
        return [cast(T, self._answer(number)) for number in range(workers)]  # what its job returns

    def _send(self, number: int, message: object) -> None:
        try:
            self._started[number][1].send(message)
        except OSError:
            raise self._gone(number) from None

    def _answer(self, number: int) -> object:
        pipe = self._started[number][1]
        if not pipe.poll(_PATIENCE):
            raise TimeoutError(f"worker {number} has not answered in {_PATIENCE:.0f} s")
        try:
            answer: object = pipe.recv()
        except (EOFError, OSError):
            raise self._gone(number) from None
        if isinstance(answer, Failure):
            raise RuntimeError(f"worker {number} failed:\n{answer.text}")
        return answer

    def _gone(self, number: int) -> RuntimeError:
        process = self._started[number][0]
        process.join(_FAREWELL)
        return RuntimeError(f"worker {number} has ended, with exit code {process.exitcode}")

    def _start(self, number: int) -> None:
        ours, theirs = _CONTEXT.Pipe()
        users = self._place.users[number :: self._size]
        process = _CONTEXT.Process(target=worker.main, args=(self._place, users, theirs), daemon=True)
        try:
            process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()  # so that its end is seen, here and there
        self._started.append((process, ours))

    def _end(self, seconds: float) -> None:
        """Let them end, and kill who does not in so many seconds, all in all."""
        for _, pipe in self._started:
            pipe.close()
        until = time.monotonic() + seconds
        for process, _ in self._started if seconds else ():
            process.join(max(0.0, until - time.monotonic()))
        for process, _ in self._started:  # all of them before any is waited for: Ctrl-C may come twice
            process.kill()
        for process, _ in self._started:
            process.join()
            process.close()
        self._started.clear()

    def __enter__(self) -> Self:
        _CONTEXT.set_forkserver_preload([worker.__name__])
        try:
            for number in range(self._size):
                self._start(number)
        except BaseException:
            self._end(0)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._end(_FAREWELL if kind is None else 0)


_CONTEXT: Final = get_context("forkserver")
