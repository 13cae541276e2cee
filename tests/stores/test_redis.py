"""The stores in Redis meet the contract, on real servers; and what they keep there, and what they send."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import ClassVar

import pytest
import redis
import redis.asyncio

from servers.proxy import Proxy
from servers.redis import RedisCluster, RedisPair, RedisServer
from servers.redis_stores import Opens, a_life, calls, user_without
from totpcore import StoreError
from totpcore.ports import AsyncStore, Store
from totpcore.stores._redis_steps import Records, Scan
from totpcore.stores.redis import AsyncRedisStore, RedisStore
from totpcore.testing import AsyncStoreContract, StoreContract

pytest_plugins = ["servers.fixtures", "servers.redis_fixtures"]

# ---- the contract ----


class OnOneServer:
    restarts: ClassVar[bool] = True
    cuts: ClassVar[bool] = True

    @pytest.fixture(autouse=True)
    def _server(self, redis_server: RedisServer) -> Iterator[None]:
        redis_server.flush()
        self.server = redis_server
        with Proxy(redis_server.address) as self.proxy:
            yield

    def restart_server(self) -> None:
        self.server.restart()

    def cutting(self) -> AbstractContextManager[None]:
        return self.proxy.cutting()


class TestRedisStore(OnOneServer, StoreContract):
    @pytest.fixture
    def store_factory(self) -> Callable[[], Store]:
        return lambda: RedisStore(f"redis://127.0.0.1:{self.proxy.port}")


class TestAsyncRedisStore(OnOneServer, AsyncStoreContract):
    @pytest.fixture
    def store_factory(self) -> Callable[[], AsyncStore]:
        return lambda: AsyncRedisStore(f"redis://127.0.0.1:{self.proxy.port}")


class OnAPair:
    rounds: ClassVar[int] = 2
    restarts: ClassVar[bool] = True
    cuts: ClassVar[bool] = True

    @pytest.fixture(autouse=True)
    def _pair(self, redis_pair: RedisPair) -> Iterator[None]:
        redis_pair.flush()
        self.pair = redis_pair
        with Proxy(redis_pair.primary.address) as self.proxy:
            yield

    def restart_server(self) -> None:
        self.pair.restart()

    def cutting(self) -> AbstractContextManager[None]:
        return self.proxy.cutting()


class TestRedisStoreWithAReplica(OnAPair, StoreContract):
    @pytest.fixture
    def store_factory(self) -> Callable[[], Store]:
        return lambda: RedisStore(f"redis://127.0.0.1:{self.proxy.port}", wait_replicas=1)


class TestAsyncRedisStoreWithAReplica(OnAPair, AsyncStoreContract):
    @pytest.fixture
    def store_factory(self) -> Callable[[], AsyncStore]:
        return lambda: AsyncRedisStore(f"redis://127.0.0.1:{self.proxy.port}", wait_replicas=1)


class OnACluster:
    """With a proxy before each node, which the cluster's client is told of: so that answers can be lost."""

    rounds: ClassVar[int] = 2
    restarts: ClassVar[bool] = True
    cuts: ClassVar[bool] = True

    @pytest.fixture(autouse=True)
    def _cluster(self, redis_cluster: RedisCluster) -> Iterator[None]:
        redis_cluster.flush()
        self.cluster = redis_cluster
        with ExitStack() as stack:
            self.proxies = {node.port: stack.enter_context(Proxy(node.address)) for node in redis_cluster.nodes}
            yield

    def remap(self, address: tuple[str, int]) -> tuple[str, int]:
        return self.proxies[address[1]].address

    def restart_server(self) -> None:
        self.cluster.restart()

    @contextmanager
    def cutting(self) -> Iterator[None]:
        with ExitStack() as stack:
            for proxy in self.proxies.values():
                stack.enter_context(proxy.cutting())
            yield


class TestRedisStoreOnACluster(OnACluster, StoreContract):
    @pytest.fixture
    def store_factory(self) -> Iterator[Callable[[], Store]]:
        client = redis.RedisCluster.from_url(self.cluster.url, address_remap=self.remap)
        yield lambda: RedisStore(client)
        client.close()


class TestAsyncRedisStoreOnACluster(OnACluster, AsyncStoreContract):
    @pytest.fixture
    def store_factory(self) -> Callable[[], AsyncStore]:
        return lambda: AsyncRedisStore(redis.asyncio.RedisCluster.from_url(self.cluster.url, address_remap=self.remap))


# ---- keys and values ----


def test_a_record_is_the_string_at_one_key(opens: Opens, server: RedisServer, client: redis.Redis) -> None:
    """The key is the prefix and the user id in UTF-8, the value what was swapped in, without a TTL."""
    assert opens(server.url).swap("é", None, b"value")
    assert opens(server.url, prefix="").swap("7", None, b"")
    assert {key: client.get(key) for key in client.scan_iter()} == {"totpcore:é".encode(): b"value", b"7": b""}
    assert client.ttl("7") == -1


def test_a_ttl_that_somebody_gave_is_gone_after_a_swap(opens: Opens, server: RedisServer, client: redis.Redis) -> None:
    """A record that expires would turn the second factor off."""
    store = opens(server.url)
    assert store.swap("7", None, b"1")
    client.expire("totpcore:7", 1000)
    assert store.swap("7", b"1", b"2")
    assert client.ttl("totpcore:7") == -1


def test_what_changes_nothing_writes_nothing(opens: Opens, server: RedisServer, client: redis.Redis) -> None:
    """A record is read by a command that could write: neither its TTL nor the server's log of changes shows it."""
    store = opens(server.url)
    assert store.swap("7", None, b"1")
    client.expire("totpcore:7", 1000)
    before = int(server.facts("INFO", "persistence")["aof_current_size"])
    assert store.load("7") == b"1"
    assert store.load_many(["7", "6"]) == {"7": b"1"}
    assert store.swap("7", b"0", b"2") is False
    assert store.swap("6", None, None) is True
    assert client.ttl("totpcore:7") > 0
    assert client.get("totpcore:7") == b"1"
    assert int(server.facts("INFO", "persistence")["aof_current_size"]) == before
    assert store.swap("7", b"1", b"2")
    assert int(server.facts("INFO", "persistence")["aof_current_size"]) > before


def test_what_the_server_refuses_is_a_store_error_that_shows_nothing(
    opens: Opens, server: RedisServer, client: redis.Redis
) -> None:
    """A key of another kind: never `None`, never `False`, and no word of the command in the message or its cause."""
    store = opens(server.url)
    client.hset("totpcore:7", "field", "value")
    for call in (
        partial(store.load, "7"),
        partial(store.swap, "7", None, b"stored bytes"),
        partial(store.swap, "7", b"stored bytes", None),
        partial(store.load_many, ["6", "7"]),
    ):
        with pytest.raises(StoreError, match="WRONGTYPE") as caught:
            call()
        assert caught.value.__cause__ is caught.value.__context__ is None
        assert "stored" not in str(caught.value)


def test_a_command_that_the_server_does_not_have(opens: Opens) -> None:
    """Redis quotes it with all its words; they are not shown."""
    with RedisServer(config={"rename-command EVALSHA": '""'}) as server, redis.Redis.from_url(server.url) as client:
        with pytest.raises(redis.ResponseError, match="stored bytes"):
            client.evalsha("sha", 1, "totpcore:7", "stored bytes")
        with pytest.raises(StoreError, match=r"ResponseError$") as caught:
            opens(server.url).swap("7", None, b"stored bytes")
        assert caught.value.__cause__ is caught.value.__context__ is None
        opens.end()


def test_a_command_that_the_user_may_not_use(opens: Opens, server: RedisServer, client: redis.Redis) -> None:
    """It is a `StoreError`, whatever it was for."""
    with user_without(client, "evalsha", "getex", "scan") as user:
        store = opens(server.url.replace("://", f"://{user}:sesame@"))
        for call in (
            partial(store.swap, "7", None, b"stored bytes"),
            partial(store.load, "7"),
            lambda: list(store.users()),
        ):
            with pytest.raises(StoreError, match=r"NoPermissionError$"):
                call()


# ---- the script, and what is sent again ----


@pytest.mark.parametrize("loses", [lambda server: server.ask("SCRIPT", "FLUSH"), RedisServer.restart])
def test_the_script_is_sent_again_where_the_server_lost_it(
    opens: Opens, server: RedisServer, loses: Callable[[RedisServer], object]
) -> None:
    """After `SCRIPT FLUSH` and after a restart the first swap sends it, and others only name it."""
    store = opens(server.url)
    assert store.swap("7", None, b"0")
    loses(server)
    with redis.Redis.from_url(server.url) as client:
        client.config_resetstat()
        for number in range(3):
            assert store.swap("7", b"%d" % number, b"%d" % (number + 1))
        seen = calls(client)
        assert (seen["evalsha"], seen["eval"]) == (3, 1)


def test_a_log_in_is_two_round_trips(opens: Opens, server: RedisServer) -> None:
    """One for `load`, one for `swap`; a store that is made asks for the settings in one more."""
    with Proxy(server.address) as proxy:
        store = opens(f"redis://127.0.0.1:{proxy.port}")
        service, phone, clock = a_life(store)
        before = proxy.round_trips
        service.verify("7", phone.code(clock()))
        assert proxy.round_trips == before + 2


def test_a_log_in_that_waits_for_a_replica_is_two_round_trips(opens: Opens, pair: RedisPair) -> None:
    """The replica is waited for in the round trip of the swap, on the same connection."""
    with Proxy(pair.primary.address) as proxy:
        service, phone, clock = a_life(opens(f"redis://127.0.0.1:{proxy.port}", wait_replicas=1))
        before = proxy.round_trips
        service.verify("7", phone.code(clock()))
        assert proxy.round_trips == before + 2


@pytest.mark.parametrize("of_its_own", [True, False])
def test_a_swap_without_an_answer_is_not_sent_again(
    opens: Opens, server: RedisServer, client: redis.Redis, of_its_own: bool
) -> None:
    """It is a `StoreError`, also with a client that by default sends again what was not answered."""
    with Proxy(server.address) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        store = opens(url if of_its_own else opens.client(url))
        assert store.swap("7", None, b"1")
        client.config_resetstat()
        with proxy.cutting(), pytest.raises(StoreError, match="cannot be reached, or does not answer"):
            store.swap("7", b"1", b"2")
        assert calls(client)["evalsha"] == 1
        assert store.load("7") == b"2"
        opens.end()


def test_what_only_reads_is_asked_once_more(opens: Opens, server: RedisServer, client: redis.Redis) -> None:
    """On a connection that ended `load`, `load_many` and `users` are asked again, once, on another one."""
    with Proxy(server.address) as proxy:
        store = opens(f"redis://127.0.0.1:{proxy.port}")
        assert store.swap("7", None, b"1")
        for call, command in (
            (partial(store.load, "7"), "getex"),
            (partial(store.load_many, ["7"]), "getex"),
            (lambda: list(store.users()), "scan"),
        ):
            call()  # on a connection that stands
            client.config_resetstat()
            with once(proxy):
                assert call() in (b"1", {"7": b"1"}, ["7"])
            assert calls(client)[command] == 2
            with proxy.cutting(), pytest.raises(StoreError, match="cannot be reached, or does not answer"):
                call()
        opens.end()


class Once:
    """True when it is asked first, and false from then on."""

    def __init__(self) -> None:
        self._answers = iter([True])

    def __bool__(self) -> bool:
        return next(self._answers, False)


@contextmanager
def once(proxy: Proxy) -> Iterator[None]:
    """Lose one answer."""
    proxy._cutting = Once()  # type: ignore[assignment]  # the proxy only asks whether it is true
    yield
    proxy._cutting = 0


def test_a_server_that_does_not_answer_is_given_up(
    opens: Opens, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `wait_seconds` it is a `StoreError`; a read is not asked again, which would take twice as long."""
    kind: type = RedisStore if opens.kind == "threads" else AsyncRedisStore
    travel, trips = kind._travel, list[object]()  # type: ignore[attr-defined]  # of either kind
    store = opens(server.url, wait_seconds=1)
    assert store.swap("7", None, b"1")

    def counted(self: object, trip: object) -> object:
        trips.append(trip)
        return travel(self, trip)

    monkeypatch.setattr(kind, "_travel", counted)
    with server.paused():
        for call in (partial(store.load, "7"), partial(store.swap, "7", b"1", b"2")):
            trips.clear()
            started = time.monotonic()
            with pytest.raises(StoreError, match="Timeout"):
                call()
            assert 0.9 < time.monotonic() - started < 25  # and not the 30 of a store that is told nothing
            assert len(trips) == 1
    assert store.load("7") in (b"1", b"2")


def test_a_server_that_is_away(opens: Opens) -> None:
    """It is a `StoreError` that says where it should be, and the store goes on once it is there."""
    gone = RedisServer()
    with gone:
        store = opens(gone.url)
        assert store.swap("7", None, b"1")
        gone.kill()
        for call in (partial(store.load, "7"), partial(store.swap, "7", b"1", b"2"), lambda: list(store.users())):
            with pytest.raises(StoreError, match=rf"127\.0\.0\.1:{gone.port}") as caught:
                call()
            assert isinstance(caught.value.__cause__, redis.ConnectionError)
        gone.start()
        assert store.load("7") == b"1"
    with pytest.raises(StoreError, match="Error 111"):
        opens(gone.url).load("7")


# ---- listing and loading many ----


def test_users_are_those_whose_keys_begin_with_the_prefix(
    opens: Opens, server: RedisServer, client: redis.Redis
) -> None:
    """Whatever a pattern would make of the prefix; and what no store can have made is nobody."""
    prefix = r"a*b?[c-d]^\e\\{f}:"
    store, other = opens(server.url, prefix=prefix), opens(server.url, prefix="aXbYc^e{f}:")
    for user in ("*", "[x]", "\\", "é", "x" * 255):
        assert store.swap(user, None, b"1")
        assert other.swap(f"o{user}"[:255], None, b"1")
    for odd in (b"\xff", b"", b"\0", b"y" * 256):
        client.set(prefix.encode() + odd, b"not ours")
    assert sorted(store.users()) == sorted(["*", "[x]", "\\", "é", "x" * 255])
    everybody = opens(server.url, prefix="")
    assert prefix + "é" in set(everybody.users())


def test_many_users_are_listed_once_while_others_write(opens: Opens, server: RedisServer) -> None:
    """Everybody who is there all the time is listed once, though the server moves its keys meanwhile."""
    store = opens(server.url)
    with redis.Redis.from_url(server.url) as client:
        client.mset({f"totpcore:{number}": b"1" for number in range(3000)})
        seen: Counter[str] = Counter()
        for number, user in enumerate(store.users()):
            seen[user] += 1
            if number % 100 == 0:
                client.mset({f"more:{number}:{other}": b"1" for other in range(500)})
    assert seen == Counter(str(number) for number in range(3000))


def test_keys_that_are_named_again_are_listed_once() -> None:
    """By the same page, by another one, and by another node."""
    records, scan = Records("", 0, 30, (), lambda address: address), Scan([("a", 1), ("b", 2)])
    pages: list[list[object]] = [[b"9", [b"1", b"1"]], [b"0", [b"2", b"1"]], [b"0", [b"2", b"3"]]]
    listed = []
    for page in pages:
        steps = records.page(scan)
        next(steps)
        with pytest.raises(StopIteration) as done:
            steps.send([page])
        listed.append(done.value.value)
    assert listed == [["1"], ["2"], ["3"]]
    assert not scan.nodes


def test_many_are_loaded(opens: Opens, server: RedisServer, client: redis.Redis) -> None:
    """Any number, from any iterable, also where somebody is named twice or nobody at all."""
    store = opens(server.url)
    client.mset({f"totpcore:{number}": b"%d" % number for number in range(1200)})
    wanted = [str(number) for number in (*range(1300), *range(10))]
    assert store.load_many(iter(wanted)) == {str(number): b"%d" % number for number in range(1200)}
    assert store.load_many([]) == {}


def test_many_are_loaded_in_few_round_trips() -> None:
    """500 at a time, and each once."""
    steps = Records("", 0, 30, (), lambda address: address).load_many(iter([*map(str, range(1200)), "0"]))
    asked: list[int] = []

    def made() -> Mapping[str, bytes]:
        trip = next(steps)
        while True:
            asked.append(len(trip.commands))
            try:
                trip = steps.send([b"value"] * len(trip.commands))
            except StopIteration as done:
                found: Mapping[str, bytes] = done.value
                return found

    assert made() == dict.fromkeys(map(str, range(1200)), b"value")
    assert asked == [500, 500, 200]
