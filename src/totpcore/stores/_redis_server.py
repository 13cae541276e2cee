"""What a Redis store is given as its server: a URL, or a client of redis-py's.

Rules of this file:

1. All connections are the store's own, without retries. They speak RESP2: with RESP3, redis-py does not look whether
   a connection has ended, or holds an answer that nobody read, before it uses it again.
2. Of a client only the addresses and the settings are used, and of Sentinel's, who says where the primary is: on a
   connection of the application's there may be an answer that it did not read.
3. No message shows a URL, nor anything that was read from it: it may hold a password.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Generic, NamedTuple, Protocol, TypeVar, cast

import redis

from .._guard import Hidden, text, type_error
from ..errors import InvalidParameters
from ._redis_driver import FAILED, Address, AsyncPool, Pool

P = TypeVar("P")

_SCHEMES: Final = {"redis": "redis", "rediss": "rediss", "unix": "unix", "valkey": "redis", "valkeys": "rediss"}
_NETWORK: Final = re.compile(r"[^/?#]*(/[0-9]*)?/?(\?[^@#]*)?")  # what follows `redis://`
_UNLIMITED: Final = 2**31  # connections: threads are few
_FOR_TASKS: Final = 64  # connections, for any number of tasks: Redis does one thing after the other anyway
_THE_CLIENTS: Final = ("retry", "connection_pool", "cache", "cache_config")  # settings that serve the client alone
_SPARE_SECONDS: Final = 1.0  # for the answer of a WAIT that took its full time


def _as_it_is(address: Address) -> Address:
    return address


class Server(NamedTuple, Generic[P]):
    """Where the records are.

    Attributes:
        open: Makes a pool of connections to a node of a cluster, or with `None` to the one server.
        connections: How many there may be to a node at once.
        startup: The nodes of a cluster that are known at first; empty where there is only one server.
        remap: Where a node is reached, by the address that it has for the other nodes.
    """

    open: Callable[[Address | None], P]
    connections: int = _UNLIMITED
    startup: Sequence[Address] = ()
    remap: Callable[[Address], Address] = _as_it_is


class _Connecting(Protocol):
    """How a pool, or the node of a cluster, makes a connection."""

    connection_class: type
    connection_kwargs: Mapping[str, object]
    max_connections: int


class _Sentinel(_Connecting, Protocol):
    service_name: str
    sentinel_manager: object


class _Client(Protocol):
    connection_pool: _Connecting


class _Node(Protocol):
    host: str
    port: int
    redis_connection: _Client  # for threads; for event loops it connects itself


class _Nodes(Protocol):
    startup_nodes: Mapping[str, _Node]
    nodes_cache: Mapping[str, _Node]
    address_remap: Callable[[Address], Address] | None


class _Cluster(Protocol):
    nodes_manager: _Nodes


class _Whole(redis.connection.AbstractConnection):
    """A connection that is closed where it was not opened wholly.

    The pool takes it back, and would give it out again as it is: without the password, or to another database.
    """

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[no-untyped-call]  # of redis-py
        except BaseException:
            self.disconnect()  # type: ignore[no-untyped-call]  # too
            raise


class _AsyncWhole(redis.asyncio.connection.AbstractConnection):
    """The same for event loops; a task may be cancelled at any time."""

    async def connect(self) -> None:
        if getattr(self._reader, "_buffer", None):  # an answer that nobody read: before redis-py 8 the pool misses it
            await self.disconnect(nowait=True)
        try:
            await super().connect()  # type: ignore[no-untyped-call]  # of redis-py
        except BaseException:
            await self.disconnect(nowait=True)  # at once
            raise


class Kind(NamedTuple, Generic[P]):
    """The classes of redis-py, for threads or for event loops."""

    client: type
    cluster: type
    connecting: Callable[[_Nodes], _Connecting]
    read: Callable[..., object]
    pool: Callable[..., P]
    ordinary: tuple[type, ...]  # pools of which the settings say it all
    sentinel: Callable[..., P]
    whole: type
    connections: int


THREADS: Final = Kind(
    client=redis.Redis,
    cluster=redis.RedisCluster,
    connecting=lambda nodes: next(iter(nodes.nodes_cache.values())).redis_connection.connection_pool,
    read=redis.ConnectionPool.from_url,
    pool=cast("Callable[..., Pool]", redis.ConnectionPool),
    ordinary=(redis.ConnectionPool, redis.BlockingConnectionPool),
    sentinel=cast("Callable[..., Pool]", redis.sentinel.SentinelConnectionPool),
    whole=_Whole,
    connections=_UNLIMITED,
)
TASKS: Final = Kind(
    client=redis.asyncio.Redis,
    cluster=redis.asyncio.RedisCluster,
    connecting=lambda nodes: cast("_Connecting", next(iter(nodes.startup_nodes.values()))),
    read=redis.asyncio.ConnectionPool.from_url,
    pool=cast("Callable[..., AsyncPool]", redis.asyncio.ConnectionPool),
    ordinary=(redis.asyncio.ConnectionPool, redis.asyncio.BlockingConnectionPool),
    sentinel=cast("Callable[..., AsyncPool]", redis.asyncio.sentinel.SentinelConnectionPool),
    whole=_AsyncWhole,
    connections=_FOR_TASKS,
)


def server_of(given: Hidden[object], kind: Kind[P], *, cluster: bool, wait_seconds: float, waits: bool) -> Server[P]:
    """Return what was given as the server. Nothing is connected yet.

    Raises:
        InvalidParameters: If it is a URL of another kind, or makes no connection that gives bytes.
        TypeError: If it is no URL and no client.
    """
    limits = {"socket_timeout": wait_seconds + _SPARE_SECONDS * waits, "socket_connect_timeout": wait_seconds}
    if isinstance(given.value, str):
        read = _read(cast("Hidden[str]", given), kind, cluster=cluster)
        host, port = read.connection_kwargs.get("host", "localhost"), read.connection_kwargs.get("port", 6379)
        startup = [(cast("str", host), cast("int", port))] if cluster else ()
        return Server(_opening(read, kind, limits), connections=read.max_connections, startup=startup)
    if isinstance(given.value, kind.cluster):
        nodes = cast("_Cluster", given.value).nodes_manager
        return Server(
            _opening(kind.connecting(nodes), kind, limits),
            connections=kind.connections,
            startup=[(node.host, node.port) for node in nodes.startup_nodes.values()],
            remap=nodes.address_remap or _as_it_is,
        )
    if isinstance(given.value, kind.client):
        if cluster:
            raise InvalidParameters("server must be a URL or the client of a cluster where cluster is true")
        pool = cast("_Client", given.value).connection_pool
        if type(pool) is not kind.sentinel and type(pool) not in kind.ordinary:
            raise TypeError(
                "server must be a client with a ConnectionPool, a BlockingConnectionPool or a SentinelConnectionPool "
                f"of redis-py's, not {type(pool).__name__}"
            )
        return Server(_opening(pool, kind, limits), connections=kind.connections)
    raise type_error("server", f"a URL or a client ({kind.client.__name__} or {kind.cluster.__name__})", given.value)


def _read(url: Hidden[str], kind: Kind[P], *, cluster: bool) -> _Connecting:
    """Return how the URL says to connect."""
    text("server", url.value, 1, 4096)
    scheme, _, rest = map(Hidden, url.value.partition("://"))
    known = _SCHEMES.get(scheme.value.lower())
    if known is None:
        raise InvalidParameters("server must begin with redis://, rediss://, unix://, valkey:// or valkeys://")
    if cluster and known == "unix":
        raise InvalidParameters("server must be a network address where cluster is true")
    fits = known == "unix" or _NETWORK.fullmatch(rest.value) is not None
    read = _tried(Hidden(f"{known}://{rest.value}"), kind) if fits else None
    if read is None:
        raise InvalidParameters(
            "server must be a URL such as redis://user:password@host:6379/0, with options that redis-py knows after a "
            "?; what is neither a letter nor a digit in the user and the password must be percent-encoded"
        )
    return read


def _tried(url: Hidden[str], kind: Kind[P]) -> _Connecting | None:
    """Return how redis-py reads the URL, or `None` where it makes nothing of it. What it says may quote a password."""
    with suppress(TypeError, ValueError, *FAILED):
        read = cast("_Connecting", kind.read(url.value, max_connections=kind.connections))
        read.connection_class(**read.connection_kwargs)  # so that an unknown option is found out now
        return read
    return None


def _opening(read: _Connecting, kind: Kind[P], limits: Mapping[str, object]) -> Callable[[Address | None], P]:
    """Return what opens connections: with RESP2, as the settings say, and where they say nothing, with time limits."""
    _check_bytes(read)
    given = Hidden(
        {
            name: value
            for name, value in read.connection_kwargs.items()
            if value is not None and name not in _THE_CLIENTS and "maint_notifications" not in name
        }
    )
    whole = type(read.connection_class.__name__, (kind.whole, read.connection_class), {})
    fixed = {"protocol": 2, "connection_class": whole, "max_connections": _UNLIMITED}
    settings = Hidden({**limits, **given.value, **fixed})
    if type(read) is kind.sentinel:
        sentinel = cast("_Sentinel", read)
        return lambda _: kind.sentinel(sentinel.service_name, sentinel.sentinel_manager, **settings.value)

    def open_pool(node: Address | None) -> P:
        return kind.pool(**settings.value | ({"host": node[0], "port": node[1]} if node else {}))

    return open_pool


def _check_bytes(read: _Connecting) -> None:
    if read.connection_kwargs.get("decode_responses"):
        raise InvalidParameters("server must give bytes: without decode_responses")
