"""Calls let loose at once, in threads or in processes."""

import multiprocessing
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

Race = Callable[[list[Callable[[], object]]], list[object]]


def in_threads(calls: list[Callable[[], object]]) -> list[object]:
    """Release all calls at once, each in a thread of its own, and return what they return."""
    barrier = threading.Barrier(len(calls))

    def released(call: Callable[[], object]) -> object:
        barrier.wait(timeout=60)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(released, calls))


def in_processes(calls: list[Callable[[], object]]) -> list[object]:
    """Release all calls at once, each in a forked process of its own, and return what they return."""
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(len(calls))

    def released(call: Callable[[], object], result: "Connection[object, object]") -> None:
        barrier.wait(timeout=60)
        result.send(call())

    pipes = [fork.Pipe(duplex=False) for _ in calls]
    children = [
        fork.Process(target=released, args=(call, sender)) for call, (_, sender) in zip(calls, pipes, strict=True)
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


def _answer(receiver: "Connection[object, object]") -> object:
    with receiver:
        try:
            return receiver.recv() if receiver.poll(120) else "no answer"
        except EOFError:
            return "no answer"
