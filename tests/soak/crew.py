"""Racers that live long and are released at once.

Rules of this file:

1. Each worker has one store object and one service, which it keeps; it stands for one racer, or for several tasks.
2. All workers first hear what to ask, and then wait at a gate in shared memory until the last of them is there.
"""

import mmap
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Final, NamedTuple, TypeAlias

from trouble.processes import FORK

from .clients import Ask, Client, Told

PATIENCE: Final = 120.0  # seconds: a round takes milliseconds, and a server that is down comes back


class Answered(NamedTuple):
    """What all racers were told in a round, and how many swaps came too late."""

    told: list[Told]
    lost: int


OpenClient = Callable[[], Client]
Ours: TypeAlias = "Connection[Ask, Answered]"
Theirs: TypeAlias = "Connection[Answered, Ask]"


class Crew:
    """Workers that race."""

    def __init__(self, pipes: list[Ours]) -> None:
        self._pipes = pipes

    def race(self, ask: Ask) -> Answered:
        """Release all racers, and return what they were told.

        Raises:
            AssertionError: If one of them does not answer.
        """
        for pipe in self._pipes:
            pipe.send(ask)
        answers = [_heard(pipe) for pipe in self._pipes]
        return Answered([told for answer in answers for told in answer.told], sum(answer.lost for answer in answers))


@contextmanager
def crew(open_client: OpenClient, *, workers: int, racers: int = 1, threads: bool = False) -> Iterator[Crew]:
    """Start `workers` in processes, or in threads of this one, each of them with as many `racers`."""
    gate = _Gate(workers)
    pipes: list[Ours] = []
    ending = list[Callable[[], None]]()
    try:
        for place in range(workers):
            ours, theirs = FORK.Pipe()
            pipes.append(ours)
            work = (open_client, theirs, gate, place, racers)
            if threads:
                thread = threading.Thread(target=_work, args=work, daemon=True)
                thread.start()
                ending.append(thread.join)
            else:
                process = FORK.Process(target=_work_alone, args=(list(pipes), work), daemon=True)
                process.start()
                theirs.close()
                ending.append(process.join)
        for pipe in pipes:
            _heard(pipe)  # it has opened its store
        yield Crew(pipes)
    finally:
        gate.open()
        for pipe in pipes:
            pipe.close()  # which ends the worker
        for end in ending:
            end()


class _Gate:
    """A barrier in shared memory, without a lock that a process could be killed with."""

    def __init__(self, workers: int) -> None:
        self._arrived, self._open = mmap.mmap(-1, workers), mmap.mmap(-1, 1)

    def wait(self, place: int, number: int) -> None:
        """Say that this one is here for the round, and wait for the others."""
        mark = number & 0xFF
        self._arrived[place] = mark
        everybody, deadline = bytes([mark]) * len(self._arrived), time.monotonic() + PATIENCE
        while self._arrived[:] != everybody and not self._open[0] and time.monotonic() < deadline:
            os.sched_yield()

    def open(self) -> None:
        """Let nobody wait any more: who is waited for may not come."""
        self._open[0] = 1


def _heard(pipe: Ours) -> Answered:
    try:
        if pipe.poll(PATIENCE):
            return pipe.recv()
    except (EOFError, ConnectionError):
        pass
    raise AssertionError("a racer does not answer")


_Work: TypeAlias = "tuple[OpenClient, Theirs, _Gate, int, int]"


def _work(open_client: OpenClient, pipe: Theirs, gate: _Gate, place: int, racers: int) -> None:
    client, number = open_client(), 0
    pipe.send(Answered([], 0))
    while True:
        try:
            ask = pipe.recv()
        except (EOFError, ConnectionError):
            break
        number, before = number + 1, client.lost
        gate.wait(place, number)
        answered = Answered(client.answer(ask, racers), client.lost - before)
        with suppress(ConnectionError):
            pipe.send(answered)
    client.close()
    pipe.close()


def _work_alone(inherited: list[Ours], work: _Work) -> None:
    """Work in a process, to its end: a child never returns into who forked it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        for pipe in inherited:
            pipe.close()
        _work(*work)
    except BaseException:  # noqa: BLE001  # it is the end of the child
        sys.stderr.write(traceback.format_exc())
        os._exit(1)
    os._exit(0)
