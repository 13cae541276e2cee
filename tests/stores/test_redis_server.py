"""What the stores in Redis are made with, what they say of the server's settings, and their connections."""

import asyncio
import builtins
import gc
import importlib
import os
import re
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import cast

import pytest
import redis
import redis.asyncio
from redis.asyncio.sentinel import SentinelConnectionPool as AsyncSentinelConnectionPool
from redis.sentinel import SentinelConnectionPool

from servers import until
from servers.redis import RedisCluster, RedisPair, RedisServer
from servers.redis_stores import Opens, user_without
from totpcore import InvalidParameters, StoreError
from totpcore.stores import DurabilityWarning
from totpcore.stores._redis_nodes import Trip
from totpcore.stores.redis import AsyncRedisStore, RedisStore
from totpcore.testing._races import in_processes, in_threads

pytest_plugins = ["servers.fixtures", "servers.redis_fixtures"]


def shown(word: str, error: BaseException) -> list[str]:
    """Return where a traceback with locals shows a word, in frames of totpcore's."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [
        f"{frame.name}: {name}"
        for frame in report.stack
        if f"{os.sep}totpcore{os.sep}" in frame.filename
        for name, value in (frame.locals or {}).items()
        if word in value
    ]
    told = "".join(report.format_exception_only())
    return frames + ([told] if word in told else [])


# ---- what it is made with ----


@pytest.mark.parametrize(
    "url",
    [
        "", "redis:", "http://host", "postgresql://host", "redis://:open/sesame@host", "redis://user:1/sesame@host",
        "redis://user:1?sesame@host", "redis://user:1#sesame@host", "redis://host:port", "redis://host/name",
        "redis://host?unknown=sesame", "redis://host?db=sesame", "redis://host?decode_responses=True", "redis://host#sesame",
        "x" * 5000, "redis://host\0",
    ],
)  # fmt: skip
def test_a_url_that_is_none_is_refused_and_not_shown(opens: Opens, url: str) -> None:
    """Neither in the message, nor in its causes, nor in a traceback that prints locals."""
    with pytest.raises(InvalidParameters, match=r"^server must") as caught:
        opens(url)
    assert not shown("sesame", caught.value)


def test_a_password_is_never_shown(opens: Opens, server: RedisServer, client: redis.Redis) -> None:
    """Of a server that refuses it, or that is not there; nor by the store's `repr`."""
    with user_without(client) as user:
        good = f"redis://{user}:sesame@127.0.0.1:{server.port}"
        assert "sesame" not in repr(opens(good))
        for url in (good.replace("sesame", "no sesame"), f"redis://{user}:sesame@127.0.0.1:1"):
            with pytest.raises(StoreError) as caught:
                opens(url).load("7")
            assert "sesame" not in f"{caught.value} {caught.value.__cause__!r} {caught.value.__cause__}"
            assert not shown("sesame", caught.value)
        opens.end()


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ({"prefix": "x" * 256}, InvalidParameters),
        ({"prefix": b"x"}, TypeError),
        ({"prefix": "\0"}, InvalidParameters),
        ({"cluster": 1}, TypeError),
        ({"wait_replicas": -1}, InvalidParameters),
        ({"wait_replicas": True}, TypeError),
        ({"wait_replicas": 101}, InvalidParameters),
        ({"wait_seconds": 0}, InvalidParameters),
        ({"wait_seconds": float("nan")}, InvalidParameters),
        ({"wait_seconds": 3601}, InvalidParameters),
        ({"wait_seconds": "1"}, TypeError),
    ],
)
def test_arguments_out_of_range_are_refused(opens: Opens, named: dict[str, object], error: type[Exception]) -> None:
    """Before anything is connected; the message names the argument."""
    with pytest.raises(error, match=f"^{next(iter(named))} must"):
        opens("redis://127.0.0.1:1", **named)


def test_what_is_neither_a_url_nor_a_client_is_refused(opens: Opens, server: RedisServer) -> None:
    """A client of the other kind too: the store could not use it."""
    for wrong in (None, b"redis://host", 6379, Opens):
        with pytest.raises(TypeError, match=r"^server must be a URL or a client"):
            opens(wrong)
    with pytest.raises(TypeError, match=r"^server must be a URL or a client"):
        AsyncRedisStore(redis.Redis())  # type: ignore[arg-type]  # the slip itself
    with pytest.raises(InvalidParameters, match="cluster"):
        opens(opens.client(server.url), cluster=True)
    with pytest.raises(InvalidParameters, match="cluster"):
        opens("unix:///socket", cluster=True)


def test_a_client_that_decodes_is_refused(opens: Opens, server: RedisServer, cluster: RedisCluster) -> None:
    """A record is bytes, and not text."""
    with pytest.raises(InvalidParameters, match="decode_responses"):
        opens(opens.client(server.url, decode_responses=True))
    if opens.kind == "threads":
        of_cluster = redis.RedisCluster.from_url(cluster.url, decode_responses=True)
        with closing(of_cluster), pytest.raises(InvalidParameters, match="decode_responses"):
            opens(of_cluster)
    else:
        with pytest.raises(InvalidParameters, match="decode_responses"):
            opens(redis.asyncio.RedisCluster.from_url(cluster.url, decode_responses=True))


def test_urls_of_every_kind(opens: Opens, server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Valkey's are read as those of Redis; a Unix socket, and the number of a database, as redis-py reads them."""
    assert opens(server.url.replace("redis://", "valkey://")).swap("7", None, b"1")
    assert opens(server.url.replace("/0", "/1")).load("7") is None
    assert opens(f"REDIS://127.0.0.1:{server.port}/?db=0").load("7") == b"1"
    socket = tmp_path_factory.mktemp("s") / "socket"
    with RedisServer(config={"unixsocket": str(socket)}):
        assert opens(f"unix://{socket}").swap("7", None, b"1")
        opens.end()


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
def test_tls_is_asked_for_by_the_scheme(scheme: str) -> None:
    """The connections are those of redis-py for TLS."""
    store = AsyncRedisStore(f"{scheme}://:sesame@127.0.0.1:1?ssl_check_hostname=false")
    pool: object = store._server.open(None)
    assert isinstance(pool, redis.asyncio.ConnectionPool)
    assert issubclass(pool.connection_class, redis.asyncio.SSLConnection)


@pytest.mark.parametrize("protocol", [2, 3])
def test_only_the_settings_of_a_client_are_used(opens: Opens, server: RedisServer, protocol: int) -> None:
    """Its connections are left alone: those that it has, and those that it will need."""
    client = opens.client(server.url, protocol=protocol)
    store = opens(client)
    assert store.swap("7", None, b"1")
    assert not client.connection_pool._available_connections  # type: ignore[attr-defined]  # of either kind
    store.close()
    assert store.load("7") == b"1"
    assert list(store.users()) == ["7"]
    got = client.get("totpcore:7")  # type: ignore[attr-defined]  # of either kind
    assert (got if opens.kind == "threads" else opens.loop.run(got)) == b"1"


def test_a_pool_of_another_class_is_refused(opens: Opens) -> None:
    """What it does for the client, settings do not tell; the blocking one of redis-py is a plain one to the store."""
    module = redis if opens.kind == "threads" else redis.asyncio

    class Pool(module.ConnectionPool):  # type: ignore[name-defined,misc]  # of either kind
        pass

    with pytest.raises(TypeError, match=r"^server must be a client with a ConnectionPool, .* not Pool$"):
        opens(module.Redis(connection_pool=Pool()))
    with RedisServer() as server:
        for pool in (module.BlockingConnectionPool, module.ConnectionPool):
            assert opens(module.Redis(connection_pool=pool(port=server.port, db=3))).load("7") is None
        opens.end()


class Manager:
    """What `Sentinel` is to its pool."""

    def __init__(self, at: tuple[str, int]) -> None:
        self.at = at

    def discover_master(self, _name: str) -> tuple[str, int]:
        return self.at


class AsyncManager(Manager):
    """The same for event loops."""

    async def discover_master(self, _name: str) -> tuple[str, int]:  # type: ignore[override]  # as redis-py has it
        return self.at


@pytest.mark.parametrize("of_primary", [True, False])
def test_sentinel_tells_where_the_primary_is(opens: Opens, pair: RedisPair, of_primary: bool) -> None:
    """The store goes there on connections of its own, also with a client that reads from replicas."""
    if opens.kind == "threads":
        manager = Manager(pair.replica.address)
        pool = SentinelConnectionPool("primary", manager, is_master=of_primary)  # type: ignore[no-untyped-call]  # of redis-py
        store = opens(redis.Redis(connection_pool=pool))
    else:
        manager = AsyncManager(pair.replica.address)
        other = AsyncSentinelConnectionPool("primary", manager, is_master=of_primary)  # type: ignore[no-untyped-call]  # too
        store = opens(redis.asyncio.Redis(connection_pool=other))
    for call in (partial(store.load, "7"), partial(store.swap, "7", None, b"1")):
        with pytest.raises(StoreError, match="previous master"):
            call()
    manager.at = pair.primary.address
    assert store.swap("7", None, b"1")
    assert store.load("7") == b"1"
    pair.wait()
    manager.at = pair.replica.address
    port: object = getattr(store, "_travel")(Trip(None, [("CONFIG", "GET", "port")], fresh=True))  # noqa: B009  # of either kind
    assert port == [[b"port", b"%d" % pair.replica.port]]
    pair.replica.ask("REPLICAOF", "NO", "ONE")
    pair.primary.ask("REPLICAOF", "127.0.0.1", pair.replica.port)
    try:
        assert store.load("7") == b"1"  # refused by the one, and asked once more of the other
        assert store.swap("7", b"1", b"2")
        assert pair.replica.ask("GET", "totpcore:7") == "2"
    finally:
        pair.primary.ask("REPLICAOF", "NO", "ONE")
        pair.replica.ask("REPLICAOF", "127.0.0.1", pair.primary.port)
        pair.wait()


# ---- settings that lose records ----


@contextmanager
def set_to(server: RedisServer, **settings: str) -> Iterator[None]:
    """A server with these settings; `server` takes them back."""
    for name, value in settings.items():
        server.ask("CONFIG", "SET", name.replace("_", "-"), value)
    yield


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"appendfsync": "everysec"}, ["appendfsync everysec.*second or two"]),
        ({"appendfsync": "no"}, ["appendfsync no.*half a minute"]),
        ({"appendonly": "no", "appendfsync": "no"}, ["appendonly no.*snapshot"]),
        ({"maxmemory_policy": "allkeys-lru"}, ["maxmemory-policy allkeys-lru"]),
        ({"maxmemory_policy": "volatile-lru"}, []),
        ({"appendonly": "no", "maxmemory_policy": "allkeys-random"}, ["appendonly no", "allkeys-random"]),
        ({}, []),
    ],
)
@pytest.mark.parametrize("protocol", [2, 3])
def test_settings_that_lose_records_are_told_once(
    opens: Opens, server: RedisServer, settings: dict[str, str], told: list[str], protocol: int
) -> None:
    """Each with what it costs and what to set; only once per store, and nothing where nothing is lost."""
    with set_to(server, **settings), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store = opens(f"{server.url}?protocol={protocol}")
        for _ in range(2):
            store.load("7")
            store.swap("7", None, None)
    assert len(caught) == len(told)
    for warning, pattern in zip(caught, told, strict=True):
        assert warning.category is DurabilityWarning
        assert re.search(pattern, str(warning.message))


def test_settings_of_all_nodes_are_looked_at_and_told_once(opens: Opens, cluster: RedisCluster) -> None:
    """Two nodes with the same fault are told of in one sentence."""
    for node in cluster.nodes[1:]:
        node.ask("CONFIG", "SET", "appendfsync", "everysec")
    with pytest.warns(DurabilityWarning, match="everysec") as caught:
        opens(cluster.url, cluster=True).load("7")
    for node in cluster.nodes:
        node.ask("CONFIG", "SET", "appendfsync", "always")
    assert len(caught) == 1


def test_settings_that_may_not_be_read_are_told(opens: Opens, server: RedisServer, client: redis.Redis) -> None:
    """Where CONFIG is forbidden, as managed servers do."""
    with user_without(client, "config") as user:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            store = opens(server.url.replace("://", f"://{user}:sesame@"))
            assert store.swap("7", None, b"1")
        assert [str(warning.message).partition(" (")[0] for warning in caught] == ["Redis does not tell its settings"]
        opens.end()


def test_a_warning_that_is_an_error_leaves_nothing_open(server: RedisServer, client: redis.Redis) -> None:
    """With `-W error` the store is not made, and its connections are closed."""
    with set_to(server, appendfsync="no"):
        before = len(client.client_list())
        with pytest.raises(DurabilityWarning) as caught:
            RedisStore(server.url)
        until(lambda: len(client.client_list()) == before)
        assert caught.type is DurabilityWarning  # `caught` holds the store


def test_an_asynchronous_store_tells_what_it_could_not_at_first(server: RedisServer) -> None:
    """Where its first use failed, the next one looks at the settings."""
    gone = RedisServer(config={"appendfsync": "no"})
    store = AsyncRedisStore(gone.url)

    async def use() -> None:
        with pytest.raises(StoreError):
            await store.load("7")
        with gone:
            with pytest.warns(DurabilityWarning):
                await store.load("7")
            await store.load("7")

    asyncio.run(use())


# ---- connections ----


def test_closing_ends_the_connections_and_the_store_goes_on(
    opens: Opens, server: RedisServer, client: redis.Redis
) -> None:
    """After `close` the server has none of them; the next call opens new ones."""
    before = len(client.client_list())
    store = opens(server.url)
    assert store.swap("7", None, b"1")
    assert len(client.client_list()) > before
    store.close()
    until(lambda: len(client.client_list()) == before)
    assert store.load("7") == b"1"


def test_a_store_that_nobody_closes_says_nothing(server: RedisServer) -> None:
    """Neither a thread's nor a task's, at the end of its event loop or while that runs."""

    async def use() -> None:
        kept = AsyncRedisStore(server.url)
        await kept.load("7")
        dropped = AsyncRedisStore(server.url)
        await dropped.load("7")
        del dropped
        gc.collect()
        await asyncio.sleep(0.05)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        RedisStore(server.url).load("7")
        asyncio.run(use())
        gc.collect()


def test_an_asynchronous_store_is_used_in_one_event_loop_after_the_other(
    server: RedisServer, client: redis.Redis
) -> None:
    """It is made outside of any; each has connections of its own, which end with it."""
    store = AsyncRedisStore(server.url)
    before = len(client.client_list())
    for number in range(3):
        held = b"%d" % number if number else None
        assert asyncio.run(store.swap("7", held, b"%d" % (number + 1))) is True
        assert asyncio.run(store.load("7")) == b"%d" % (number + 1)
        until(lambda: len(client.client_list()) == before)
    assert len(store._loops) == 1


def test_an_asynchronous_store_is_used_in_several_event_loops_at_once(server: RedisServer) -> None:
    """Each in a thread of its own."""
    store = AsyncRedisStore(server.url)

    async def many() -> Counter[bool]:
        return Counter(await asyncio.gather(*(store.swap("7", None, b"1") for _ in range(20))))

    won = in_threads([lambda: asyncio.run(many())] * 4)
    assert sum(cast("list[Counter[bool]]", won), Counter[bool]()) == {True: 1, False: 79}


def test_a_thousand_tasks_share_few_connections(server: RedisServer, client: redis.Redis) -> None:
    """At most 64, or as many as the URL says; the others wait for one."""

    async def many(store: AsyncRedisStore) -> int:
        await asyncio.gather(*(store.load(str(number)) for number in range(1000)))
        return sum(one["name"] == "counted" for one in client.client_list())

    assert asyncio.run(many(AsyncRedisStore(f"{server.url}?client_name=counted"))) <= 64
    assert asyncio.run(many(AsyncRedisStore(f"{server.url}?client_name=counted&max_connections=3"))) <= 3


def test_a_connection_is_waited_for_so_long(server: RedisServer) -> None:
    """Where all are in use for `wait_seconds`, it is a `StoreError`."""

    async def two() -> Sequence[object]:
        store = AsyncRedisStore(f"{server.url}?max_connections=1&socket_timeout=0.6", wait_seconds=0.2)
        await store.load("7")
        with server.paused():
            return await asyncio.gather(store.load("7"), store.load("7"), return_exceptions=True)

    first, second = map(str, asyncio.run(two()))
    assert "Timeout" in first
    assert "in use for too long" in second


def test_threads_have_as_many_connections_as_they_need(server: RedisServer) -> None:
    """No thread is refused for want of one, and none is left with the answer of another."""
    with closing(RedisStore(server.url)) as store:
        for number in range(150):
            store.swap(str(number), None, b"%d" % number)
        loaded = in_threads([partial(store.load, str(number)) for number in range(150)])
    assert loaded == [b"%d" % number for number in range(150)]


@pytest.mark.parametrize("protocol", [2, 3])
def test_an_interrupted_trip_leaves_no_answer_behind(
    opens: Opens, server: RedisServer, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    """What is raised between question and answer, as a signal handler may: the next call does not read that answer."""
    store = opens(opens.client(server.url, protocol=protocol))
    assert store.swap("7", None, b"7")
    kind = redis.Connection if opens.kind == "threads" else redis.asyncio.Connection

    class Interrupted(BaseException):
        pass

    def interrupted(*_given: object, **_named: object) -> object:
        raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr(kind, "read_response", interrupted)
        with pytest.raises(Interrupted):
            store.load("7")
    assert store.load("6") is None


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize(("unread", "told"), [(("INCR", "hits"), b":1"), (("GET", "absent"), b"$-1")])
def test_an_answer_that_the_application_did_not_read_is_not_the_stores(
    opens: Opens, server: RedisServer, protocol: int, unread: tuple[str, ...], told: bytes
) -> None:
    """Also where redis-py gives the client's connection out again as it is."""
    client = opens.client(server.url, protocol=protocol)
    store = opens(client)
    assert store.swap("9", None, b"held")
    leave_unread(opens, client.connection_pool, unread)  # type: ignore[attr-defined]  # of either kind
    assert store.load("9") == b"held", told
    leave_unread(opens, client.connection_pool, unread)  # type: ignore[attr-defined]  # of either kind
    assert store.swap("9", b"stale", b"mine") is False


@pytest.mark.parametrize("protocol", [2, 3])
def test_an_answer_that_was_left_on_a_connection_of_the_store_is_not_read(
    opens: Opens, server: RedisServer, protocol: int
) -> None:
    """The connection is closed, and opened anew."""
    store = opens(f"{server.url}?protocol={protocol}")
    assert store.swap("9", None, b"held")
    pool = store._pool(None) if opens.kind == "threads" else store._place(None).pool  # type: ignore[attr-defined]  # of either kind
    leave_unread(opens, pool, ("INCR", "hits"))
    assert store.swap("9", b"stale", b"mine") is False
    leave_unread(opens, pool, ("GET", "absent"))
    assert store.load("9") == b"held"


def leave_unread(opens: Opens, pool: object, command: tuple[str, ...]) -> None:
    """Send a command on a connection of the pool, and give it back once the answer is there."""
    if isinstance(pool, redis.ConnectionPool):
        connection = pool.get_connection()
        connection.send_command(*command)  # type: ignore[no-untyped-call]  # of redis-py
        until(partial(connection.can_read, 1))
        pool.release(connection)
        return

    async def leave(pool: redis.asyncio.ConnectionPool) -> None:
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]  # of redis-py
        await connection.send_command(*command)
        while not connection._reader._buffer:
            await asyncio.sleep(0.01)
        await pool.release(connection)

    opens.loop.run(leave(cast("redis.asyncio.ConnectionPool", pool)))


def test_a_connection_that_was_not_opened_wholly_is_not_used(server: RedisServer, client: redis.Redis) -> None:
    """As by a signal handler while the password is asked for: the next call opens it anew, with the password."""

    class Interrupted(BaseException):
        pass

    class Provider(redis.CredentialProvider):
        interrupts = True

        def get_credentials(self) -> tuple[str, str]:
            if self.interrupts:
                raise Interrupted
            return "limited", "sesame"

    provider = Provider()
    with user_without(client, "config") as user, redis.Redis(port=server.port, credential_provider=provider) as given:
        with pytest.raises(Interrupted):
            RedisStore(given)
        provider.interrupts = False
        with pytest.warns(DurabilityWarning):
            store = RedisStore(given)
        with closing(store):
            store.close()
            provider.interrupts = True
            with pytest.raises(Interrupted):
                store.load("7")
            provider.interrupts = False
            assert store._travel(Trip(None, [("ACL", "WHOAMI")])) == [user.encode()]


def test_a_connection_whose_task_was_cancelled_is_not_used(server: RedisServer, client: redis.Redis) -> None:
    """While the password is awaited."""

    class Provider(redis.CredentialProvider):
        waits = True

        async def get_credentials_async(self) -> tuple[str, str]:
            if self.waits:
                await asyncio.sleep(60)
            return "limited", "sesame"

    async def use() -> object:
        provider = Provider()
        store = AsyncRedisStore(redis.asyncio.Redis(port=server.port, credential_provider=provider))
        asked = asyncio.create_task(store._travel(Trip(None, [("PING",)])))
        while not store._loops or not next(iter(store._loops.values())).places[None].pool._in_use_connections:  # type: ignore[attr-defined]  # of redis-py's pools
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        provider.waits = False
        return await store._travel(Trip(None, [("ACL", "WHOAMI")]))

    with user_without(client) as user:
        assert asyncio.run(use()) == [user.encode()]


def test_a_second_try_is_made_on_a_connection_that_is_opened_for_it(opens: Opens, server: RedisServer) -> None:
    """The next one of the pool may have ended as well."""
    store = opens(server.url)
    travel = getattr(store, "_travel")  # noqa: B009  # of either kind
    ids = [travel(Trip(None, [("CLIENT", "ID")], fresh)) for fresh in (False, False, True)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("on_cluster", [False, True])
def test_a_child_never_touches_its_parents_connections(
    server: RedisServer, cluster: RedisCluster, client: redis.Redis, on_cluster: bool
) -> None:
    """It opens its own, also while a thread of its parent has the lock of the pool; the parent's stay as they are."""
    with closing(RedisStore(cluster.url if on_cluster else server.url, cluster=on_cluster)) as store:
        assert store.swap("7", None, b"1")
        parents = {one["id"] for one in client.client_list()}
        pools = list(store._pools.values())
        with ExitStack() as stack:
            for pool in pools:
                stack.enter_context(pool._lock)  # type: ignore[attr-defined]  # of redis-py's pools
            seen = in_processes([lambda: (store.load("7"), store.swap("7", b"1", b"2"))])
        assert seen == [(b"1", True)]
        assert {one["id"] for one in client.client_list()} == parents
        assert store.load("7") == b"2"
        assert {one["id"] for one in client.client_list()} == parents
        assert in_processes([store.close]) == [None]
        assert store.load("7") == b"2"
        store._owner = 0  # as it is in a child
        assert store.load("7") == b"2"
        assert not set(map(id, pools)) & set(map(id, store._pools.values()))
        here = {one["id"] for one in client.client_list()}
        pools = list(store._pools.values())
        store._owner = 0
        store.close()
        assert {one["id"] for one in client.client_list()} == here
        for pool in pools:
            pool.disconnect()


# ---- without redis-py ----


def test_without_redis_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where redis-py is not installed, the import says what to install."""
    real = builtins.__import__

    def without_redis(name: str, *given: object, **named: object) -> object:
        if name.partition(".")[0] == "redis" and given[3] == 0:
            raise ImportError(name)
        return real(name, *given, **named)  # type: ignore[arg-type]  # handed through

    for module in [
        name for name in sys.modules if name.startswith(("totpcore.stores._redis", "totpcore.stores.redis"))
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without_redis)
    with pytest.raises(ImportError, match=r'^the Redis stores need redis: pip install "totpcore\[redis\]"$'):
        importlib.import_module("totpcore.stores.redis")
