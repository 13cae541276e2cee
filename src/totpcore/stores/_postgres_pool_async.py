"""The connections of `AsyncPostgresStore`: the rules of `_postgres_pool`, awaited.

What is a process there is an event loop of a process here: the sockets of one loop are of no use to another.
"""

import asyncio
import os
import time
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

import psycopg
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from ..errors import StoreError
from ._postgres_pool import ASK_AGAIN, Opened, inherited
from ._postgres_sql import Parameter, Plan, is_lost, is_usable
from ._postgres_words import check_commit, note_warning

if TYPE_CHECKING:
    from psycopg_pool._acompat import AQueue
    from psycopg_pool.pool_async import MaintenanceTask

T = TypeVar("T")


class AsyncConnection(psycopg.AsyncConnection[TupleRow]):
    """A connection that keeps a cursor for each statement, and waits for an answer only so long."""

    patience: float | None = None

    def __init__(self, pgconn: PGconn) -> None:
        super().__init__(pgconn)
        self._cursors: dict[bytes, psycopg.AsyncCursor[TupleRow]] = {}
        self.warned: list[str] = []
        self.add_notice_handler(partial(note_warning, self.warned))

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        try:
            return await super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if error.sqlstate is None:  # not the server's words: it did not answer
                self.pgconn.finish()
            raise

    async def ask(self, query: bytes, parameters: tuple[Parameter, ...]) -> psycopg.AsyncCursor[TupleRow]:
        """Run a statement; the cursor has what came of it until the next one."""
        cursor = self._cursors.get(query)
        if cursor is None:
            cursor = self._cursors[query] = self.cursor(binary=True)
        return await cursor.execute(query, parameters)


class _AsyncPool(AsyncConnectionPool[AsyncConnection]):
    """A pool that ends with its event loop.

    A worker of psycopg's that is cancelled while it connects goes on, and `asyncio.run` waits for it without an end.
    """

    @classmethod
    async def worker(cls, q: "AQueue[MaintenanceTask]") -> None:
        """Do the tasks in the queue."""
        await super().worker(cast("AQueue[MaintenanceTask]", _UntilCancelled(q)))


class _UntilCancelled:
    """A queue that gives nothing more to a task that was cancelled."""

    def __init__(self, queue: "AQueue[MaintenanceTask]") -> None:
        self._queue = queue

    async def get(self) -> "MaintenanceTask":
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
        return await self._queue.get()


class AsyncConnections:
    """The connections of an `AsyncPostgresStore`: a pool in each event loop of each process."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._opened: dict[
            tuple[int, AbstractEventLoop], Opened[asyncio.Lock, asyncio.Semaphore, AsyncConnectionPool[AsyncConnection]]
        ] = {}

    async def rows(self, query: bytes, *parameters: Parameter) -> list[TupleRow]:
        """Return what a statement reads."""

        async def work(connection: AsyncConnection) -> list[TupleRow]:
            return await (await connection.ask(query, parameters)).fetchall()

        return await self._do(work, tries=2)

    async def changed(self, query: bytes, parameters: tuple[Parameter, ...]) -> int:
        """Return how many rows a statement changed."""

        async def change(connection: AsyncConnection) -> int:
            connection.warned.clear()
            changed = (await connection.ask(query, parameters)).rowcount
            check_commit(connection.warned)
            return changed

        return await self._do(change)

    async def run(self, script: bytes) -> None:
        """Run statements without parameters."""
        await self._do(lambda connection: connection.execute(script))

    async def close(self) -> None:
        """Close those of this event loop."""
        opened = self._here()
        async with opened.lock:
            pool, opened.pool = opened.pool, None
        if pool is not None:
            await pool.close()

    async def _open(self, ends: float) -> AsyncConnectionPool[AsyncConnection]:
        opened = self._here()
        pool = opened.pool
        if pool is None:
            try:
                async with asyncio.timeout(ends - time.monotonic()):
                    await opened.lock.acquire()
            except TimeoutError as error:
                raise self._plan.no_connection() from error
            try:
                pool = opened.pool = opened.pool or await self._connect()
            finally:
                opened.lock.release()
        return pool

    def _here(self) -> Opened[asyncio.Lock, asyncio.Semaphore, AsyncConnectionPool[AsyncConnection]]:
        here = (os.getpid(), asyncio.get_running_loop())
        opened = self._opened.get(here)
        if opened is None:
            inherited.extend(opened for (process, _), opened in self._opened.items() if process != here[0])
            for ended in [key for key in self._opened if key[1].is_closed()]:
                del self._opened[ended]
            fresh = Opened[asyncio.Lock, asyncio.Semaphore, AsyncConnectionPool[AsyncConnection]](
                asyncio.Lock(), asyncio.Semaphore(self._plan.connections)
            )
            opened = self._opened.setdefault(here, fresh)
        return opened

    async def _do(self, work: Callable[[AsyncConnection], Awaitable[T]], *, tries: int = 1) -> T:
        ends = time.monotonic() + self._plan.wait_seconds
        slots = self._here().slots
        await self._acquire(slots)
        trouble: StoreError | None = None
        try:
            pool, connection = await self._take(ends)
            try:
                return await work(connection)
            except psycopg.Error as error:
                lost = is_lost(error, connection.pgconn)
                if lost:
                    await connection.close()
                    await pool.drain()  # the others are as old, and may be as dead
                if not lost or tries == 1:
                    trouble = self._plan.trouble(error, lost=lost)
            finally:
                await pool.putconn(connection)
        finally:
            slots.release()
        if trouble is not None:
            raise trouble
        return await self._do(work, tries=tries - 1)

    async def _acquire(self, slots: asyncio.Semaphore) -> None:
        if slots.locked():
            try:
                async with asyncio.timeout(self._plan.wait_seconds):
                    await slots.acquire()
            except TimeoutError as error:
                raise self._plan.no_connection() from error
        else:
            await slots.acquire()  # which waits for nothing

    async def _take(self, ends: float) -> tuple[AsyncConnectionPool[AsyncConnection], AsyncConnection]:
        """Return a connection, and the pool to put it back into."""
        while True:
            pool = await self._open(ends)
            with suppress(PoolTimeout, PoolClosed):
                connection = await pool.getconn(ASK_AGAIN)
                if is_usable(connection.pgconn):
                    return pool, connection
                await connection.close()
                await pool.putconn(connection)
            if time.monotonic() > ends:
                raise self._plan.no_connection()

    async def _connect(self) -> AsyncConnectionPool[AsyncConnection]:
        """Open a pool, after a connection by itself: a pool would not say why it has none."""
        plan = self._plan
        pool = _AsyncPool(
            plan.conninfo.value,
            connection_class=AsyncConnection,
            kwargs={"autocommit": True, "prepare_threshold": plan.prepare_threshold},
            configure=partial(_set_up, plan),
            min_size=1,
            max_size=plan.connections,
            reconnect_timeout=0,
            open=False,
        )
        connecting = AsyncConnection.connect(plan.conninfo.value, autocommit=True, prepare_threshold=None)
        try:
            async with await connecting as connection:
                await _set_up(plan, connection)
            await pool.open(wait=True, timeout=plan.wait_seconds)
        except psycopg.Error as error:
            trouble = plan.trouble(error)
        except BaseException:  # cancelled: its workers would stay
            await pool.close()
            raise
        else:
            return pool
        raise trouble


async def _set_up(plan: Plan, connection: AsyncConnection) -> None:
    connection.patience = plan.patience
    plan.check(await (await connection.execute(*plan.set_up)).fetchone())
