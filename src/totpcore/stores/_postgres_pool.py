"""The connections of `PostgresStore`, in pools of psycopg's.

Rules of this file, and of `_postgres_pool_async`, which is the same, awaited:

1. A statement that reads is tried once more where its connection was lost. One that changes is not: it may have been
   done.
2. An idle connection that the server has let go of is found out before it is used, so that this hardly ever matters.
3. A forked child never touches a connection of its parent, nor an event loop one of another loop.
4. No exception of psycopg's leaves.
"""

import os
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

import psycopg
from psycopg.pq.abc import PGconn
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from ._postgres_sql import Parameter, Plan, is_lost, is_usable

L = TypeVar("L")
P = TypeVar("P")
S = TypeVar("S")
T = TypeVar("T")

# Seconds. A pool that cannot connect pauses for longer and longer, up to minutes. So it is kept from trying by itself
# (`reconnect_timeout=0`), and whoever waits asks it again.
ASK_AGAIN: Final = 0.5

# Pools of the process that this one was forked from: their sockets are the parent's, and nobody may close them here.
inherited: Final[list[object]] = []


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
    """A connection that keeps a cursor for each statement: making one takes nearly as long as a statement."""

    def __init__(self, pgconn: PGconn) -> None:
        super().__init__(pgconn)
        self._cursors: dict[bytes, psycopg.Cursor[TupleRow]] = {}

    def ask(self, query: bytes, parameters: tuple[Parameter, ...]) -> psycopg.Cursor[TupleRow]:
        """Run a statement; the cursor has what came of it until the next one."""
        cursor = self._cursors.get(query)
        if cursor is None:
            cursor = self._cursors[query] = self.cursor(binary=True)
        return cursor.execute(query, parameters)


class Connections:
    """The connections of a `PostgresStore`: a pool in each process."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._opened: dict[int, Opened[threading.Lock, SimpleQueue[None], ConnectionPool[Connection]]] = {}

    def rows(self, query: bytes, *parameters: Parameter) -> list[TupleRow]:
        """Return what a statement reads."""
        return self._do(lambda connection: connection.ask(query, parameters).fetchall(), tries=2)

    def changed(self, query: bytes, parameters: tuple[Parameter, ...]) -> int:
        """Return how many rows a statement changed."""
        return self._do(lambda connection: connection.ask(query, parameters).rowcount)

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
        opened = self._here()
        pool = opened.pool
        if pool is None:
            with opened.lock:
                pool = opened.pool = opened.pool or self._connect()
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
        ends = time.monotonic() + self._plan.wait_seconds
        slots = self._here().slots
        try:
            slots.get(timeout=self._plan.wait_seconds)
        except Empty as error:
            raise self._plan.no_connection() from error
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
                    raise self._plan.trouble(error, lost=lost) from error.with_traceback(None)
            finally:
                pool.putconn(connection)
        finally:
            slots.put(None)
        return self._do(work, tries=tries - 1)

    def _take(self, ends: float) -> tuple[ConnectionPool[Connection], Connection]:
        """Return a connection, and the pool to put it back into."""
        while True:
            pool = self.open()
            try:
                connection = pool.getconn(ASK_AGAIN)
            except (PoolTimeout, PoolClosed) as error:
                if time.monotonic() > ends:
                    raise self._plan.no_connection() from error
                continue
            if is_usable(connection.pgconn):
                return pool, connection
            connection.close()
            pool.putconn(connection)

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
            raise plan.trouble(error) from error.with_traceback(None)
        return pool


def _set_up(plan: Plan, connection: Connection) -> None:
    plan.check(connection.execute(*plan.set_up).fetchone())
