"""The store in Redis for event loops; see `redis` for the one for threads.

Rules of this file:

1. What is asked stands in `_redis_steps`; here is how a round trip is made, and on which connection.
2. A connection on which a round trip did not come to its end is closed: the next one would read its answers.
3. A connection is for the event loop that it was opened in, and is closed before that ends. A forked child has an
   event loop of its own, and so its own connections.
"""

import asyncio
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .._guard import Hidden
from ..errors import StoreError
from ._durability import DurabilityWarning
from ._redis_driver import FAILED, Address, AsyncConnection, AsyncPool, ResponseError, trouble
from ._redis_nodes import Steps, Trip
from ._redis_server import TASKS, server_of
from ._redis_steps import Records, check

if TYPE_CHECKING:
    import redis

T = TypeVar("T")


class AsyncRedisStore:
    """The same as `RedisStore`, awaited. It connects when it is first used, and warns then.

    Example:
        ::

            store = AsyncRedisStore("rediss://totpcore:password@redis.example.com:6379/0", wait_replicas=1)

    It may be made outside of an event loop and be used in several. Each has its own connections, at most 64 to a
    server, and closes them when it ends as `asyncio.run` ends it. With a client of Sentinel's the store is for the
    event loop of that client, which is asked where the primary is.
    """

    __slots__ = ("_loops", "_records", "_server", "_told", "_wait_seconds")

    def __init__(
        self,
        server: "str | redis.asyncio.Redis | redis.asyncio.RedisCluster",
        *,
        prefix: str = "totpcore:",
        cluster: bool = False,
        wait_replicas: int = 0,
        wait_seconds: float = 30,
    ) -> None:
        """Take what `RedisStore` takes, and connect to nothing yet.

        Args:
            server: A URL, or a client of redis-py's, of `redis.asyncio`; only its settings are used.
            prefix: What all keys begin with, up to 255 characters.
            cluster: Whether the URL is that of a node of a cluster.
            wait_replicas: How many replicas must have a change before it is true, 0 to 100.
            wait_seconds: How long an answer, or a free connection, is waited for, 0.001 to 3 600.

        Raises:
            InvalidParameters: If the URL is none of Redis's, the client decodes what it reads, or a number is out of
                range.
            TypeError: If an argument, or the client's pool of connections, has another type.
        """
        given = Hidden[object](server)
        del server
        check(prefix, cluster, wait_replicas, wait_seconds)
        self._server = server_of(given, TASKS, cluster=cluster, wait_seconds=wait_seconds, waits=wait_replicas > 0)
        self._records = Records(prefix, wait_replicas, wait_seconds, self._server.startup, self._server.remap)
        self._wait_seconds = wait_seconds
        self._loops: dict[asyncio.AbstractEventLoop, _Loop] = {}
        self._told = False

    async def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`.

        Raises:
            StoreError: If the server cannot be reached, or refuses.
        """
        return await self._make(self._records.load(user))

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`.

        Raises:
            StoreError: If the server cannot be reached, or refuses; if its answer did not come, so that the change may
                have been made; or if it was made, and too few replicas have it.
        """
        return await self._make(self._records.swap(user, old, new))

    async def users(self) -> AsyncIterator[str]:
        """Yield every user id that has a value. A page at a time: others are served meanwhile.

        Raises:
            StoreError: If the server cannot be reached, or refuses.
        """
        scan = await self._make(self._records.scan())
        while scan.nodes:
            for user in await self._make(self._records.page(scan)):
                yield user

    async def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Return the values of those of the users that have one.

        Raises:
            StoreError: If the server cannot be reached, or refuses.
        """
        return await self._make(self._records.load_many(users))

    async def close(self) -> None:
        """Close the connections of this event loop, also those in use; the store can be used again."""
        here = self._loops.pop(asyncio.get_running_loop(), None)
        if here is not None:
            await here.closing.aclose()

    async def _make(self, steps: Steps[T]) -> T:
        """Make the round trips of a call, and return what it comes to."""
        if not self._told:
            await self._tell()
        answers: Sequence[object] = ()
        failed: Exception | None = None
        try:
            trip = next(steps)
            while True:
                try:
                    answers, failed = await self._travel(trip), None
                except FAILED as error:
                    failed = error
                trip = steps.send(answers) if failed is None else steps.throw(failed)
        except StopIteration as made:
            value: T = made.value
            return value
        except FAILED as error:
            failed = error
        raise trouble(failed)

    async def _tell(self) -> None:
        """Warn of what in the server's settings can lose records; once, and again only where that failed."""
        self._told = True
        try:
            for concern in await self._make(self._records.concerns()):
                warnings.warn(concern, DurabilityWarning, stacklevel=4)
        except BaseException:
            self._told = False
            raise

    async def _travel(self, trip: Trip) -> Sequence[object]:
        pool, free = await self._place(trip.node)
        if free.locked():
            try:
                async with asyncio.timeout(self._wait_seconds):
                    await free.acquire()
            except TimeoutError:
                raise StoreError("all connections to Redis were in use for too long") from None
        else:
            await free.acquire()  # at once
        try:
            connection = await pool.get_connection()
            try:
                if trip.fresh:
                    await connection.disconnect()
                    await connection.connect()
                await connection.send_packed_command(connection.pack_commands(trip.commands))
                return [await _answer(connection) for _ in trip.commands]
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
            finally:
                await pool.release(connection)
        finally:
            free.release()

    async def _place(self, node: Address | None) -> "_Place":
        loop = asyncio.get_running_loop()
        here = self._loops.get(loop)
        if here is None:
            for ended in [other for other in list(self._loops) if other.is_closed()]:
                self._loops.pop(ended, None)
            places: dict[Address | None, _Place] = {}
            closing = _closing(places)
            await anext(closing)  # from here on the loop ends it when it ends itself
            here = self._loops[loop] = _Loop(places, closing)
        place = here.places.get(node)
        if place is None:
            place = _Place(self._server.open(node), asyncio.Semaphore(self._server.connections))
            here.places[node] = place
        return place

    def __repr__(self) -> str:
        return f"<AsyncRedisStore: {getattr(self, '_records', '')}>"


class _Place(NamedTuple):
    """The connections of one event loop to one node, and how many more may be in use."""

    pool: AsyncPool
    free: asyncio.Semaphore


class _Loop(NamedTuple):
    """What an event loop has of a store."""

    places: dict[Address | None, _Place]
    closing: AsyncGenerator[None, None]


async def _closing(places: dict[Address | None, _Place]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        for place in list(places.values()):
            await place.pool.disconnect()


async def _answer(connection: AsyncConnection) -> object:
    try:
        return await connection.read_response()
    except ResponseError as refusal:
        return refusal
