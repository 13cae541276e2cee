"""SQLite connections that threads and forks cannot spoil.

Rules of this file:

1. SQLite keeps locks and shared memory per process and file. A child that inherits its parent's books takes no real
   lock once the parent has closed the file, and would accept a swap that was lost. So no connection is open at the
   moment of a fork: all are closed just before it, and each side opens its own when it next needs one.
2. Where a process was forked without Python's fork hooks, with a connection open, nothing is done in the child.
3. A connection is closed with the thread that has it, with the store, and at the end of the interpreter, and never
   while a thread is at work on it.
"""

import atexit
import os
import sqlite3
import sys
import threading
from operator import methodcaller
from typing import Final

from ..errors import StoreError

_ACQUIRE: Final = methodcaller("acquire")  # always true: it waits


class Connection:
    """One thread's connection: opened when it is needed, closed before each fork, never closed while it works.

    The locks can be taken again by the thread that has them: a signal handler may fork, or use the store.
    """

    __slots__ = ("file", "lock", "owner", "raw")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.raw: sqlite3.Connection | None = None
        self.owner = 0
        self.file = (0, 0)

    def close(self) -> None:
        raw, self.raw = self.raw, None
        if raw is not None:
            raw.close()


class Held:
    """What a thread has of its connection: when the thread ends, this ends, and closes it.

    The connection itself is also in `_connections`. So the garbage collector, which takes a cycle apart in any order,
    cannot end it before it was closed, and a fork that comes meanwhile waits until it is.
    """

    __slots__ = ("connection",)

    def __init__(self) -> None:
        self.connection = Connection()
        with _registering:
            _connections.add(self.connection)

    def __del__(self) -> None:
        if self.connection.lock.acquire(blocking=False):  # otherwise a fork has it, and closes it
            self.connection.close()
            self.connection.lock.release()
        _connections.discard(self.connection)


_connections: Final[set[Connection]] = set()
_registering: Final = threading.RLock()


class _Forks(threading.local):
    """The forks that a thread is in, each with the locks that it took. More than one only where a handler forks."""

    def __init__(self) -> None:
        self.taken: list[list[threading.RLock]] = []


_forks: Final = _Forks()


def _before_fork() -> None:
    """Close every connection, and let no thread open one until the fork is done.

    A signal handler that raises in here does not stop the fork. `extend` notes each lock in the same breath as `filter`
    takes it, with no byte code between, so that exactly those are released that were taken. What is still open then
    makes the child refuse to work, by rule 2.
    """
    taken: list[threading.RLock] = []
    _forks.taken.append(taken)
    taken.extend(filter(_ACQUIRE, [_registering]))
    connections = list(_connections)
    taken.extend(filter(_ACQUIRE, [connection.lock for connection in connections]))
    for connection in connections:
        connection.close()


def _after_fork() -> None:
    taken = _forks.taken.pop() if _forks.taken else []
    while taken:
        taken.pop().release()


def check_nothing_is_inherited() -> None:
    """Refuse to work in a process in which SQLite keeps the books of another one: rule 2."""
    if any(connection.raw is not None and connection.owner != os.getpid() for connection in list(_connections)):
        raise StoreError(
            "this process was forked without Python's fork hooks while a store was open, as uWSGI does without "
            "lazy-apps: open the first SQLiteStore after the fork"
        )


@atexit.register
def _at_exit() -> None:
    """Close what is not in use; a daemon thread may still be at work on the others."""
    for connection in list(_connections):
        if connection.lock.acquire(blocking=False):
            connection.close()
            connection.lock.release()


if sys.platform != "win32":
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
