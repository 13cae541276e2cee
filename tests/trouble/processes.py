"""Forked processes for these tests: what one told before it ended, however it ended.

Rule 1. A child never returns into the test that forked it: it ends with `os._exit`, so that no fixture runs twice.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from totpcore import Plaintext, Policy, SQLiteStore, TwoFactor
from totpcore.testing import HandClock

FORK = multiprocessing.get_context("fork")
POLICY = Policy(lock_after=100, recovery_codes=100)

Tell = Callable[[object], None]


def service_on(path: Path, clock: HandClock, *, create: bool = False) -> TwoFactor:
    """A service on a file."""
    store = SQLiteStore(path, create=create, wait_seconds=20)
    return TwoFactor(store, issuer="ACME", sealer=Plaintext(), policy=POLICY, clock=clock, audit=ignore)


def ignore(_event: object) -> None:
    """An audit sink that keeps the tests quiet."""


def told_by_child(work: Callable[[Tell], None], *, kill_after: tuple[int, float] | None = None) -> list[object]:
    """Run the work in a child, and return all that it told before it ended or was killed.

    It is killed so many seconds after it has told so many things, and one more; it must not have ended by itself then.
    """
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_work, args=(work, sender))
    child.start()
    sender.close()
    told: list[object] = []
    try:
        while True:
            told.append(_heard(receiver))
            if kill_after is not None and len(told) == kill_after[0] + 1:
                time.sleep(kill_after[1])
                os.kill(child.pid or 0, signal.SIGKILL)
    except (EOFError, OSError, pickle.UnpicklingError):  # the last word may be cut off
        receiver.close()
    child.join()
    if kill_after is not None and child.exitcode != -signal.SIGKILL:
        raise AssertionError("the child ended before it was killed")
    return told


def _heard(receiver: "Connection[object, object]") -> object:
    if not receiver.poll(60):
        raise TimeoutError("the child tells nothing")
    return receiver.recv()


def _work(work: Callable[[Tell], None], sender: "Connection[object, object]") -> None:
    try:
        work(sender.send)
    except BaseException:  # noqa: BLE001  # it is the end of the child
        sys.stderr.write(traceback.format_exc())
        os._exit(1)
    os._exit(0)
