"""A worker: a process with a store of its own, that does what it is told through a pipe.

Rules of this file:

1. A job is got ready first, and that is answered. What is measured begins at the moment that all workers are then
   told: `perf_counter` is one clock for all processes.
2. What fails is answered as a `Failure`. A pipe that is closed is the end of the worker.
3. Ctrl-C is left to the process that started it, which closes the pipe.
"""

import logging
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import cycle
from multiprocessing.connection import Connection
from typing import Final, Protocol, TypeVar, cast

from totpcore import Plaintext, TotpcoreError
from totpcore.audit import LOGGER_NAME
from totpcore.ports import Store

from ..steps import Hand, LogIn, reserve, service_on
from .crowds import USER, answer_of
from .grounds import Place

T_co = TypeVar("T_co", covariant=True)

READY: Final = "ready"
_FASTEST: Final = 10_000  # log-ins in a second: for so many the codes are made beforehand


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong in a worker, as text: not every exception can be sent."""

    text: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What a worker has: its store, its users, and one clock for all of these."""

    store: Store
    users: Sequence[str]
    hand: Hand


class Job(Protocol[T_co]):
    """What a worker can be told to do; it is sent, and so is its result."""

    def ready(self, desk: Desk) -> Callable[[float], T_co]:
        """Do what is not measured; return what is, which is called at the moment that it is given."""
        ...


@dataclass(frozen=True, slots=True)
class LogInAll:
    """Log the worker's own users in, one after another; the result is how many, and in how many seconds."""

    seconds: float

    def ready(self, desk: Desk) -> Callable[[float], tuple[int, float]]:
        reserve(desk.hand.index + round(_FASTEST * self.seconds))
        steps = cycle([LogIn(desk.store, user, Plaintext(), desk.hand) for user in desk.users])
        next(steps)()  # the connection is open

        def run(began: float) -> tuple[int, float]:
            done, until = 0, began + self.seconds
            while not done or time.perf_counter() < until:
                next(steps)()
                done += 1
            return done, time.perf_counter() - began

        return run


@dataclass(frozen=True, slots=True)
class LogInOne:
    """Log the one user in whom all have, in this time step; the result is after how many seconds, and what was said."""

    index: int

    def ready(self, desk: Desk) -> Callable[[float], tuple[float, str]]:
        hand = Hand(self.index - 1)
        service, code = service_on(desk.store, Plaintext(), hand), hand.fresh()
        service.status(USER)

        def run(began: float) -> tuple[float, str]:
            answer = "accepted"
            try:
                service.verify(USER, code)
            except TotpcoreError as error:
                answer = answer_of(error)
            return time.perf_counter() - began, answer

        return run


def main(place: Place, users: Sequence[str], pipe: Connection) -> None:
    """Be a worker, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger(LOGGER_NAME).setLevel(logging.ERROR)  # as in the process that started it
    try:
        with closing(place.store(1)) as store:
            desk = Desk(store, users, Hand())
            while True:
                job = cast(Job[object], _told(pipe))
                run = job.ready(desk)
                pipe.send(READY)
                began = cast(float, _told(pipe))
                time.sleep(max(0.0, began - time.perf_counter()))
                pipe.send(run(began))
    except Exception:  # noqa: BLE001  # whatever it is, it is answered, if there is still anybody to answer
        with suppress(OSError):
            pipe.send(Failure(traceback.format_exc()))


def _told(pipe: Connection) -> object:
    """Return what is told; end where there is nobody any more who could tell."""
    try:
        return pipe.recv()
    except (EOFError, OSError):
        sys.exit()
