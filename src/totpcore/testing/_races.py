"""Calls let loose at once, in threads or in processes."""

import multiprocessing
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection

Race = Callable[[list[Callable[[], object]]], list[object]]


def in_threads(calls: list[Callable[[], object]]) -> list[object]:
    """Release all calls at once, each in a thread of its own, and return what they return."""
    barrier = threading.Barrier(len(calls), timeout=60)
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(partial(_released, barrier.wait), calls))


def in_processes(calls: list[Callable[[], object]]) -> list[object]:
    """Release all calls at once, each in a forked process of its own, and return what they return."""
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(len(calls), timeout=60)
    pipes = [fork.Pipe(duplex=False) for _ in calls]
    children = [
        fork.Process(target=_send, args=(sender, barrier.wait, call))
        for call, (_, sender) in zip(calls, pipes, strict=True)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside idle threads of the test runner
        for child in children:
            child.start()
    for _, sender in pipes:
        sender.close()  # so that a child that dies is the end of its pipe
    answered = [_answer(receiver) for receiver, _ in pipes]
    for child in children:
        child.join(60)
    return answered


def _released(arrive: Callable[[], object], call: Callable[[], object]) -> object:
    arrive()
    return call()


def _send(sender: "Connection[object, object]", arrive: Callable[[], object], call: Callable[[], object]) -> None:
    sender.send(_released(arrive, call))


def _answer(receiver: "Connection[object, object]") -> object:
    with receiver:
        try:
            return receiver.recv() if receiver.poll(120) else "no answer"
        except EOFError:
            return "no answer"
