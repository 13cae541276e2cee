"""The connections of `PostgresStore`, in pools of psycopg's.

Rules of this file, and of `_postgres_pool_async`, which is the same, awaited:

1. A statement that reads is tried once more where its connection was lost. One that changes is not: it may have been
   done.
2. An idle connection that the server has let go of is found out before it is used, so that this hardly ever matters.
3. A forked child never touches a connection of its parent, nor an event loop one of another loop.
4. No exception of psycopg's leaves.
5. Nothing is waited for without an end. A server may take what is sent, and never answer: the connection is ended then.
6. An exception from a signal handler strikes anywhere, also between the taking of a connection and the note of it. So
   where one leaves that is not of this package, everything is opened anew at the next call. (In threads alone.)
"""

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from ..errors import StoreError
from ._postgres_sql import Parameter, Plan, is_lost, is_usable
from ._postgres_words import check_commit, note_warning

L = TypeVar("L")
P = TypeVar("P")
S = TypeVar("S")
T = TypeVar("T")

# Seconds. A pool that cannot connect pauses for longer and longer, up to minutes. So it is kept from trying by itself
# (`reconnect_timeout=0`), and whoever waits asks it again.
ASK_AGAIN: Final = 0.5

# Pools of the process that this one was forked from: their sockets are the parent's, and nobody may close them here.
inherited: Final[list[object]] = []
_used: Final[weakref.WeakSet["Connections"]] = weakref.WeakSet()


class Opened(Generic[L, S, P]):
    """A pool, once it is open; the lock under which that is done; and a slot for each connection.

    Who waits for a slot waits for less: the pool would hand each connection to the one who waits longest, which is
    another thread each time.
    """

    def __init__(self, lock: L, slots: S) -> None:
        self.lock = lock
        self.slots = slots
        self.pool: P | None = None


class Connection(psycopg.Connection[TupleRow]):
    """A connection that keeps a cursor for each statement: making one takes nearly as long as a statement.

    Attributes:
        patience: How many seconds an answer is waited for, before the connection is ended.
        warned: The SQLSTATEs of the warnings that the server gave.
    """

    patience: float | None = None

    def __init__(self, pgconn: PGconn) -> None:
        super().__init__(pgconn)
        self._cursors: dict[bytes, psycopg.Cursor[TupleRow]] = {}
        self.warned: list[str] = []
        self.add_notice_handler(partial(note_warning, self.warned))

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if error.sqlstate is None:  # not the server's words: it did not answer
                self.pgconn.finish()
            raise

    def ask(self, query: bytes, parameters: tuple[Parameter, ...]) -> psycopg.Cursor[TupleRow]:
        """Run a statement; the cursor has what came of it until the next one."""
        cursor = self._cursors.get(query)
        if cursor is None:
            cursor = self._cursors[query] = self.cursor(binary=True)
        return cursor.execute(query, parameters)


class Connections:
    """The connections of a `PostgresStore`: a pool in each process."""

    def __init__(self, plan: Plan) -> None:
        _used.add(self)
        self._plan = plan
        self._opened: dict[int, Opened[threading.Lock, SimpleQueue[None], ConnectionPool[Connection]]] = {}

    def rows(self, query: bytes, *parameters: Parameter) -> list[TupleRow]:
        """Return what a statement reads."""
        return self._do(lambda connection: connection.ask(query, parameters).fetchall(), tries=2)

    def changed(self, query: bytes, parameters: tuple[Parameter, ...]) -> int:
        """Return how many rows a statement changed."""

        def change(connection: Connection) -> int:
            connection.warned.clear()
            changed = connection.ask(query, parameters).rowcount
            check_commit(connection.warned)
            return changed

        return self._do(change)

    def run(self, script: bytes) -> None:
        """Run statements without parameters."""
        self._do(lambda connection: connection.execute(script))

    def close(self) -> None:
        """Close those of this process."""
        opened = self._here()
        with opened.lock:
            pool, opened.pool = opened.pool, None
        if pool is not None:
            pool.close()

    def open(self) -> ConnectionPool[Connection]:
        """Return the pool of this process."""
        return self._open(time.monotonic() + self._plan.wait_seconds)

    def _open(self, ends: float) -> ConnectionPool[Connection]:
        opened = self._here()
        pool = opened.pool
        if pool is None:
            if not opened.lock.acquire(timeout=max(0, ends - time.monotonic())):
                raise self._plan.no_connection()
            try:
                pool = opened.pool = opened.pool or self._connect()
            finally:
                opened.lock.release()
        return pool

    def _here(self) -> Opened[threading.Lock, SimpleQueue[None], ConnectionPool[Connection]]:
        opened = self._opened.get(os.getpid())
        if opened is None:
            inherited.extend(self._opened.values())
            fresh = Opened[threading.Lock, SimpleQueue[None], ConnectionPool[Connection]](
                threading.Lock(), SimpleQueue()
            )
            for _ in range(self._plan.connections):
                fresh.slots.put(None)
            opened = self._opened.setdefault(os.getpid(), fresh)
        return opened

    def _do(self, work: Callable[[Connection], T], *, tries: int = 1) -> T:
        try:
            return self._on_one(work, tries)
        except StoreError:
            raise
        except BaseException:  # rule 6
            opened = self._opened.pop(os.getpid(), None)
            if opened is not None and opened.pool is not None:
                opened.pool.close()
            raise

    def _on_one(self, work: Callable[[Connection], T], tries: int) -> T:
        ends = time.monotonic() + self._plan.wait_seconds
        slots = self._here().slots
        try:
            slots.get(timeout=self._plan.wait_seconds)
        except Empty as error:
            raise self._plan.no_connection() from error
        trouble: StoreError | None = None
        try:
            pool, connection = self._take(ends)
            try:
                return work(connection)
            except psycopg.Error as error:
                lost = is_lost(error, connection.pgconn)
                if lost:
                    connection.close()
                    pool.drain()  # the others are as old, and may be as dead
                if not lost or tries == 1:
                    trouble = self._plan.trouble(error, lost=lost)
            except BaseException:
                connection.close()  # it may be in the midst of a statement
                raise
            finally:
                pool.putconn(connection)
        finally:
            slots.put(None)
        if trouble is not None:
            raise trouble  # outside of the handler, so that the error is not its context
        return self._on_one(work, tries - 1)

    def _take(self, ends: float) -> tuple[ConnectionPool[Connection], Connection]:
        """Return a connection, and the pool to put it back into."""
        while True:
            pool = self._open(ends)
            with suppress(PoolTimeout, PoolClosed):
                connection = pool.getconn(ASK_AGAIN)
                if is_usable(connection.pgconn):
                    return pool, connection
                connection.close()
                pool.putconn(connection)
            if time.monotonic() > ends:
                raise self._plan.no_connection()

    def _connect(self) -> ConnectionPool[Connection]:
        """Open a pool, after a connection by itself: a pool would not say why it has none."""
        plan = self._plan
        pool = ConnectionPool(
            plan.conninfo.value,
            connection_class=Connection,
            kwargs={"autocommit": True, "prepare_threshold": plan.prepare_threshold},
            configure=partial(_set_up, plan),
            min_size=1,
            max_size=plan.connections,
            reconnect_timeout=0,
            open=False,
        )
        try:
            with Connection.connect(plan.conninfo.value, autocommit=True, prepare_threshold=None) as connection:
                _set_up(plan, connection)
            pool.open(wait=True, timeout=plan.wait_seconds)
        except psycopg.Error as error:
            trouble = plan.trouble(error)
        except BaseException:
            pool.close()
            raise
        else:
            return pool
        raise trouble


def _set_up(plan: Plan, connection: Connection) -> None:
    connection.patience = plan.patience
    plan.check(connection.execute(*plan.set_up).fetchone())


@atexit.register
def _at_exit() -> None:
    """Close what a program left open: on Python 3.13, a pool cannot end its threads once the interpreter ends."""
    for connections in list(_used):
        connections.close()
