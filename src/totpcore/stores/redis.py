"""Records in Redis or Valkey: for many machines. Needs `totpcore[redis]`.

Rules of this file:

1. What is asked stands in `_redis_steps`; here is how a round trip is made, and on which connection.
2. A connection on which a round trip did not come to its end is closed: the next one would read its answers.
3. A forked child opens its own connections.
"""

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from .._guard import Hidden
from ._durability import DurabilityWarning
from ._redis_async import AsyncRedisStore
from ._redis_driver import FAILED, Address, Connection, Pool, ResponseError, trouble
from ._redis_nodes import Steps, Trip
from ._redis_server import THREADS, server_of
from ._redis_steps import Records, check

if TYPE_CHECKING:
    import redis

__all__ = ["AsyncRedisStore", "RedisStore"]

T = TypeVar("T")


class RedisStore:
    """A store in Redis or Valkey: one server, a primary with replicas, or a cluster.

    Example:
        ::

            store = RedisStore("rediss://totpcore:password@redis.example.com:6379/0", wait_replicas=1)

    Each record is the string at one key, the prefix and the user id in UTF-8, without a TTL. A spent code stays spent
    as long as the server keeps what it wrote: set `appendonly yes`, `appendfsync always` and
    `maxmemory-policy noeviction`. Other settings are told by a `DurabilityWarning` when the store is made.

    A replica may lag behind its primary, so records are read from the primary alone; and where it takes the primary's
    place, changes that had not reached it are gone. With `wait_replicas` a change is true only once so many of them
    have it. Even so a primary that was cut off, and does not know that it was replaced, can accept a code once more
    as long as it reaches that many replicas.

    It needs Redis 6.2 or Valkey, and `+getex` in an ACL: records are read by GETEX, which changes nothing, and which a
    server refuses that was made a replica.
    """

    __slots__ = ("_owner", "_pools", "_records", "_server")

    def __init__(
        self,
        server: "str | redis.Redis | redis.RedisCluster",
        *,
        prefix: str = "totpcore:",
        cluster: bool = False,
        wait_replicas: int = 0,
        wait_seconds: float = 30,
    ) -> None:
        """Connect.

        Args:
            server: A URL that begins with `redis://`, `rediss://` (TLS), `unix://`, `valkey://` or `valkeys://`; or a
                client of redis-py's, for Sentinel or what a URL cannot say. Only a client's settings are used: the
                store has connections of its own, to the primary, and the client's stay as they are.
            prefix: What all keys begin with, up to 255 characters. Two stores with one prefix share their records.
            cluster: Whether the URL is that of a node of a cluster.
            wait_replicas: How many replicas must have a change before it is true, 0 to 100. Where they do not have it
                in time it is a `StoreError`, and the code that was to be spent counts as spent.
            wait_seconds: How long an answer of the server, or of replicas, is waited for, 0.001 to 3 600. The time
                limits that a client was made with stay as they are.

        Raises:
            InvalidParameters: If the URL is none of Redis's, the client decodes what it reads, or a number is out of
                range.
            TypeError: If an argument, or the client's pool of connections, has another type.
            StoreError: If the server cannot be reached, or refuses.
        """
        given = Hidden[object](server)
        del server
        check(prefix, cluster, wait_replicas, wait_seconds)
        self._server = server_of(given, THREADS, cluster=cluster, wait_seconds=wait_seconds, waits=wait_replicas > 0)
        self._records = Records(prefix, wait_replicas, wait_seconds, self._server.startup, self._server.remap)
        self._pools: dict[Address | None, Pool] = {}
        self._owner = os.getpid()
        try:
            for concern in self._make(self._records.concerns()):
                warnings.warn(concern, DurabilityWarning, stacklevel=2)
        except BaseException:
            self.close()
            raise

    def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`.

        Raises:
            StoreError: If the server cannot be reached, or refuses.
        """
        return self._make(self._records.load(user))

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`.

        Raises:
            StoreError: If the server cannot be reached, or refuses; if its answer did not come, so that the change may
                have been made; or if it was made, and too few replicas have it.
        """
        return self._make(self._records.swap(user, old, new))

    def users(self) -> Iterator[str]:
        """Yield every user id that has a value. A page at a time: others are served meanwhile.

        Raises:
            StoreError: If the server cannot be reached, or refuses.
        """
        scan = self._make(self._records.scan())
        while scan.nodes:
            yield from self._make(self._records.page(scan))

    def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Return the values of those of the users that have one.

        Raises:
            StoreError: If the server cannot be reached, or refuses.
        """
        return self._make(self._records.load_many(users))

    def close(self) -> None:
        """Close the connections that are not in use, and each of the others after it was.

        The store can be used again.
        """
        pools, self._pools = self._pools, {}
        if self._owner == os.getpid():
            for pool in pools.values():
                pool.disconnect(False)

    def _make(self, steps: Steps[T]) -> T:
        """Make the round trips of a call, and return what it comes to."""
        answers: Sequence[object] = ()
        failed: Exception | None = None
        try:
            trip = next(steps)
            while True:
                try:
                    answers, failed = self._travel(trip), None
                except FAILED as error:
                    failed = error
                trip = steps.send(answers) if failed is None else steps.throw(failed)
        except StopIteration as made:
            value: T = made.value
            return value
        except FAILED as error:
            failed = error
        raise trouble(failed)

    def _travel(self, trip: Trip) -> Sequence[object]:
        pool = self._pool(trip.node)
        connection = pool.get_connection()
        try:
            if trip.fresh:
                connection.disconnect()
                connection.connect()  # as the pool does it: by Sentinel, where the primary is now
            connection.send_packed_command(connection.pack_commands(trip.commands))
            return [_answer(connection) for _ in trip.commands]
        except BaseException:
            connection.disconnect()
            raise
        finally:
            pool.release(connection)

    def _pool(self, node: Address | None) -> Pool:
        if self._owner != os.getpid():  # not left to redis-py, which asks for a lock that the parent may have had
            self._pools, self._owner = {}, os.getpid()
        pool = self._pools.get(node)
        return self._pools.setdefault(node, self._server.open(node)) if pool is None else pool

    def __repr__(self) -> str:
        return f"<RedisStore: {getattr(self, '_records', '')}>"


def _answer(connection: Connection) -> object:
    try:
        return connection.read_response()
    except ResponseError as refusal:
        return refusal
