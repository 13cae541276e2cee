"""What docs/how-to/redis.md says, on real servers with the very settings that stand there."""

import re
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from servers.redis import RedisCluster, RedisPair, RedisServer, Refusal
from totpcore import CodeReplayed, Gate, MemoryStore, NotEnrolled, Plaintext, RecordMissing, StoreError, TwoFactor
from totpcore.stores import DurabilityWarning, from_url
from totpcore.stores.redis import RedisStore
from totpcore.testing import HandClock, Phone

pytest_plugins = ["servers.fixtures"]

ROOT = Path(__file__).parents[2]
CONF = ROOT / "docs/examples/howto/redis.conf"
PAGE = ROOT / "docs/how-to/redis.md"
START = 1_800_000_000


def settings(*left_away: str) -> dict[str, str]:
    """The page's settings, as the servers of the tests take them; each user is one of its own."""
    found: dict[str, str] = {}
    for line in CONF.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition(" ")
            if name == "user":
                name, value = f"user {value.partition(' ')[0]}", value.partition(" ")[2]
            if name not in left_away:
                found[name] = value
    return found


ALONE = ("min-replicas-to-write", "min-replicas-max-lag")
WITH_A_DOOR = {"user default": "on nopass ~* +@all"}  # so that a test can look and turn


def url(server: RedisServer, user: str = "totpcore:CHANGE-THIS@") -> str:
    """The URL of a server, as the application has it."""
    return f"redis://{user}127.0.0.1:{server.port}/0"


class Life:
    """Alice, with a phone, on some store."""

    def __init__(self, store: RedisStore) -> None:
        self.clock = HandClock(START)
        self.store = store
        self.service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=self.clock)
        self.phone = Phone.scan(self.service.enrol("7", account="alice").uri)
        self.service.confirm("7", self.code())
        self.clock.tick(30)

    def code(self) -> str:
        """What the phone shows."""
        return self.phone.code(self.clock())

    def elsewhere(self, store: RedisStore) -> TwoFactor:
        """The same second factors, by another store."""
        return TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=self.clock)


def test_the_settings_keep_what_was_told_through_a_kill() -> None:
    """The store gives no warning, works under its user, and a code stays spent though the server was killed."""
    with RedisServer(config=settings(*ALONE) | WITH_A_DOOR) as server:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            life = Life(RedisStore(url(server)))
        assert life.service.verify("7", life.code()).user == "7"
        assert list(life.store.users()) == ["7"]
        server.restart()
        with pytest.raises(CodeReplayed):
            life.service.verify("7", life.code())
        life.store.close()


def test_the_user_reaches_its_own_keys_alone() -> None:
    """Not those of others, not the whole database, and nobody gets in without a password."""
    with RedisServer(config=settings(*ALONE)) as server:
        with redis.Redis.from_url(url(server)) as client:
            for refused in (("GET", "session:1"), ("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "SET", "appendonly", "no")):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    client.execute_command(*refused)
        with pytest.raises(StoreError):
            RedisStore(url(server, ""))


@pytest.fixture
def followed() -> Iterator[tuple[RedisServer, RedisServer]]:
    """A primary with the page's settings, and a replica with the same."""
    with RedisServer(config=settings() | WITH_A_DOOR) as primary:
        replica = RedisServer(replica_of=primary, config=settings() | WITH_A_DOOR)
        with replica:
            ends = time.monotonic() + 60
            while primary.facts("INFO", "replication")["connected_slaves"] != "1" or "state=online" not in str(
                primary.facts("INFO", "replication")
            ):
                assert time.monotonic() < ends
                time.sleep(0.05)
            yield primary, replica


def test_a_replica_takes_over_and_nothing_is_lost(followed: tuple[RedisServer, RedisServer]) -> None:
    """With `wait_replicas=1`, which the page's URL has, a code that was accepted is spent on the replica as well."""
    (parameters,) = set(re.findall(r"redis\.example\.com:6379/0\?(\S+)", PAGE.read_text("utf-8")))
    primary, replica = followed
    store = from_url(f"{url(primary)}?{parameters}")
    assert isinstance(store, RedisStore)
    life = Life(store)
    assert life.service.verify("7", life.code()).user == "7"
    primary.kill()
    replica.ask("REPLICAOF", "NO", "ONE")
    replica.ask("CONFIG", "SET", "min-replicas-to-write", "0")
    there = RedisStore(url(replica))
    with pytest.raises(CodeReplayed):
        life.elsewhere(there).verify("7", life.code())
    life.clock.tick(30)
    assert life.elsewhere(there).verify("7", life.code()).user == "7"
    there.close()
    store.close()


def test_without_its_replica_nobody_gets_in(followed: tuple[RedisServer, RedisServer]) -> None:
    """Each log-in is a `StoreError`: it waits for the replica, or the server takes no change without one."""
    primary, replica = followed
    life = Life(RedisStore(url(primary), wait_replicas=1))
    impatient = RedisStore(url(primary), wait_replicas=1, wait_seconds=0.5)
    replica.kill()
    with pytest.raises(StoreError):
        life.elsewhere(impatient).verify("7", life.code())
    impatient.close()
    life.store.close()


def fill(server: RedisServer) -> None:
    """Write more than the memory holds, as the cache of an application does."""
    server.ask("CONFIG", "SET", "maxmemory", "3mb")
    with redis.Redis.from_url(f"redis://127.0.0.1:{server.port}/0") as client:
        for number in range(3000):
            try:
                client.set(f"cache:{number}", b"x" * 2000)
            except redis.exceptions.OutOfMemoryError:
                server.ask("CONFIG", "SET", "maxmemory", "1mb")
                return


def test_a_full_memory_removes_nothing() -> None:
    """With `noeviction` what others write is refused, and log-ins go on."""
    with RedisServer(config=settings(*ALONE) | WITH_A_DOOR) as server:
        life = Life(RedisStore(url(server)))
        fill(server)
        with pytest.raises(Refusal, match="OOM"):
            server.ask("SET", "another", "value")
        assert life.service.gate("7", expected=True) is Gate.CHALLENGE
        assert life.service.verify("7", life.code()).user == "7"
        life.store.close()


def test_an_evicted_record_lets_nobody_in_where_it_is_expected() -> None:
    """With `allkeys-lru` the store warns; a record goes; `gate` without `expected` would ask for no code."""
    with RedisServer(config=settings(*ALONE) | WITH_A_DOOR | {"maxmemory-policy": "allkeys-lru"}) as server:
        with pytest.warns(DurabilityWarning, match="allkeys-lru"):
            store = RedisStore(url(server))
        life = Life(store)
        for _ in range(50):  # Redis looks at a few keys at random, and lets the one go that was asked for last
            fill(server)
            if store.load("7") is None:
                break
        assert life.service.gate("7") is Gate.ALLOW
        with pytest.raises(RecordMissing):
            life.service.gate("7", expected=True)
        store.close()


def test_a_flushed_server_lets_nobody_in_where_it_is_expected() -> None:
    """Without the flag the password alone opens everything; with it nobody with a second factor gets in."""
    with RedisServer(config=settings(*ALONE) | WITH_A_DOOR) as server:
        life = Life(RedisStore(url(server)))
        with redis.Redis(port=server.port, username="totpcore", password="CHANGE-THIS") as itself:
            for flush in (itself.flushall, itself.flushdb):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    flush()
        with redis.Redis(port=server.port) as operator:
            operator.flushall()
        with pytest.raises(NotEnrolled):
            life.service.verify("7", life.code())
        with pytest.raises(RecordMissing):
            life.service.gate("7", expected=True)
        assert life.service.gate("7") is Gate.ALLOW
        assert life.service.status("7").generation is None
        life.service.reset("7", actor="grace", reason="Redis was flushed")
        assert life.service.enrol("7", account="alice").uri
        life.store.close()


def test_a_cluster_is_a_url(redis_cluster: RedisCluster) -> None:
    """Any node of it, under the page's user with one command more; users lie on different nodes."""
    (more,) = re.findall(r"`(\+cluster\|\w+ \+asking)`", PAGE.read_text("utf-8"))
    for node in redis_cluster.nodes:
        node.ask("ACL", "SETUSER", "totpcore", *settings()["user totpcore"].split(), *more.split())
    store = from_url(url(redis_cluster.nodes[0]).replace("redis://", "redis+cluster://"))
    clock = HandClock(START)
    service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=clock)
    for number in range(20):
        service.enrol(f"{number}", account="alice")
    keys = [sum(node.ask("DBSIZE") != "0" for node in redis_cluster.nodes)]
    assert keys == [3]
    assert isinstance(store, RedisStore)
    assert sorted(store.users(), key=int) == [f"{number}" for number in range(20)]
    store.close()
    redis_cluster.flush()
    for node in redis_cluster.nodes:
        node.ask("ACL", "DELUSER", "totpcore")


def test_records_move_to_another_store_as_they_are(redis_server: RedisServer) -> None:
    """The last note: the values do not depend on the store, and a spent code stays spent."""
    life = Life(RedisStore(redis_server.url))
    life.service.verify("7", life.code())
    other = MemoryStore()
    for user in life.store.users():
        assert other.swap(user, None, life.store.load(user)) is True
    with pytest.raises(CodeReplayed):
        TwoFactor(other, issuer="ACME", sealer=Plaintext(), clock=life.clock).verify("7", life.code())
    life.store.close()
    redis_server.flush()


def test_sentinels_client_is_a_server(redis_pair: RedisPair) -> None:
    """What `master_for` returns is taken in the place of a URL; nothing is asked of it before it connects."""
    sentinel = redis.Sentinel([("127.0.0.1", redis_pair.primary.port)])  # type: ignore[no-untyped-call]  # of redis-py
    client = sentinel.master_for("second-factors")  # type: ignore[no-untyped-call]  # too
    with pytest.raises(StoreError):  # this one is no sentinel, and says so
        RedisStore(client)
