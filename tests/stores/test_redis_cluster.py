"""The stores in Redis on several servers: a primary with a replica, and a cluster of three nodes."""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import pytest
import redis
import redis.asyncio
from redis.crc import key_slot
from redis.exceptions import AskError, MovedError

from servers import until
from servers.redis import RedisCluster, RedisPair, RedisServer
from servers.redis_stores import AnyStore, Opens, a_life
from totpcore import CodeReplayed, Plaintext, StoreError, TwoFactor
from totpcore.stores._redis_nodes import Nodes, Trip

pytest_plugins = ["servers.fixtures", "servers.redis_fixtures"]

T = TypeVar("T")

# ---- replicas ----


def test_a_change_that_no_replica_has_is_a_store_error_and_the_code_is_spent(opens: Opens, pair: RedisPair) -> None:
    """Nobody is let in on it; the change was made, and stays where the primary does."""
    _, phone, clock = a_life(opens(pair.url, wait_replicas=1))
    service = TwoFactor(
        opens(pair.url, wait_replicas=1, wait_seconds=1), issuer="ACME", sealer=Plaintext(), clock=clock
    )
    pair.replica.kill()
    started = time.monotonic()
    with pytest.raises(StoreError, match="reached 0 of the 1 replicas"):
        service.verify("7", phone.code(clock()))
    assert time.monotonic() - started >= 0.9
    pair.replica.start()
    pair.wait()
    with pytest.raises(CodeReplayed):
        service.verify("7", phone.code(clock()))


def test_what_changes_nothing_needs_no_replica(opens: Opens, pair: RedisPair) -> None:
    """A swap that is late, or of nothing by nothing, is told so also where the replica is away."""
    assert opens(pair.url, wait_replicas=1).swap("7", None, b"1")
    store = opens(pair.url, wait_replicas=1, wait_seconds=1)
    pair.replica.kill()
    assert store.swap("7", b"0", b"2") is False
    assert store.swap("6", None, None) is True


def test_a_wait_for_replicas_that_is_broken_off(opens: Opens, pair: RedisPair) -> None:
    """As it is where the primary is made a replica: an error, not an acceptance."""
    store = opens(pair.url, wait_replicas=1)
    assert store.swap("7", None, b"1")
    pair.replica.kill()
    with redis.Redis.from_url(pair.url) as client:

        def break_off() -> bool:
            waiting = [one["id"] for one in client.client_list() if one["cmd"] == "wait" and "b" in one["flags"]]
            return bool(waiting) and client.client_unblock(waiting[0], error=True)

        breaking = threading.Thread(target=lambda: until(break_off))
        breaking.start()
        with pytest.raises(StoreError, match="ResponseError UNBLOCKED"):
            store.swap("7", b"1", b"2")
        breaking.join()


def says_nothing(store: AnyStore, match: str) -> None:
    """Whatever the store is asked of user 7, whose value is b"1", it is a `StoreError`."""
    for call in (
        partial(store.load, "7"),
        partial(store.load, "6"),
        partial(store.load_many, ["7", "6"]),
        partial(store.swap, "7", b"1", b"2"),
        partial(store.swap, "7", b"1", None),
        partial(store.swap, "7", b"0", b"2"),
        partial(store.swap, "6", None, b"1"),
        partial(store.swap, "6", None, None),
    ):
        with pytest.raises(StoreError, match=match):
            call()


def test_a_replica_answers_nothing(opens: Opens, pair: RedisPair) -> None:
    """A store that was given its address is told nothing that may be old."""
    assert opens(pair.url, wait_replicas=1).swap("7", None, b"1")
    says_nothing(opens(pair.replica.url), "ReadOnlyError")


def test_a_server_that_was_made_a_replica_answers_nothing_from_then_on(opens: Opens) -> None:
    """On the connections that stand; once it is a primary again, the store goes on."""
    with RedisServer() as server:
        store = opens(server.url)
        assert store.swap("7", None, b"1")
        server.ask("REPLICAOF", "127.0.0.1", 1)
        says_nothing(store, "ReadOnlyError")
        server.ask("REPLICAOF", "NO", "ONE")
        assert store.swap("7", b"1", b"2")
        opens.end()


def test_a_primary_without_the_replicas_that_it_must_have_answers_nothing(opens: Opens) -> None:
    """By its own `min-replicas-to-write`: it may be one that was cut off."""
    with RedisServer() as server:
        store = opens(server.url)
        assert store.swap("7", None, b"1")
        server.ask("CONFIG", "SET", "min-replicas-to-write", 1)
        says_nothing(store, "NOREPLICAS")
        opens.end()


# ---- the cluster ----


def slot_of(user: str) -> int:
    """Return the slot of a user's key."""
    return key_slot(f"totpcore:{user}".encode())


def owner(cluster: RedisCluster, slot: int) -> RedisServer:
    """Return the node that has a slot."""
    return next(node for node in cluster.nodes if any(low <= slot <= high for low, high in slots_of(node)))


def slots_of(node: RedisServer) -> list[tuple[int, int]]:
    """Return which slots a node says that it has."""
    own = next(line for line in node.ask("CLUSTER", "NODES").splitlines() if "myself" in line).split()[8:]
    ranges = [part.partition("-")[::2] for part in own if not part.startswith("[")]
    return [(int(low), int(high or low)) for low, high in ranges]


def other_than(cluster: RedisCluster, node: RedisServer) -> RedisServer:
    """Return another node."""
    return next(other for other in cluster.nodes if other is not node)


@contextmanager
def migrating(cluster: RedisCluster, source: RedisServer, target: RedisServer, slot: int) -> Iterator[None]:
    """A slot on its way from one node to the other, where it is at the end, as all nodes agree."""
    source_id, target_id = (node.ask("CLUSTER", "MYID") for node in (source, target))
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    yield
    for node in (target, source, *cluster.nodes):
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", target_id)
    until(lambda: len({view(node) for node in cluster.nodes}) == 1)


def view(node: RedisServer) -> frozenset[tuple[str, ...]]:
    """Return what a node knows of all: their ids, epochs and slots."""
    told = [line.split() for line in node.ask("CLUSTER", "NODES").splitlines()]
    return frozenset((one[0], one[6], *(slots for slots in one[8:] if not slots.startswith("["))) for one in told)


def move(source: RedisServer, target: RedisServer, *users: str) -> None:
    """Move the keys of users from one node to another."""
    for user in users:
        source.ask("MIGRATE", "127.0.0.1", target.port, f"totpcore:{user}", 0, 5000)


def test_a_slot_that_moves_between_load_and_swap(opens: Opens, cluster: RedisCluster) -> None:
    """The swap follows the key: to a node that has it for now (ASK), and to the one that has it from now on (MOVED)."""
    store = opens(cluster.url, cluster=True)
    slot = slot_of("7")
    source = owner(cluster, slot)
    target = other_than(cluster, source)
    assert store.swap("7", None, b"1")
    with migrating(cluster, source, target, slot):
        assert store.load("7") == b"1"
        move(source, target, "7")
        assert store.swap("7", b"0", b"2") is False  # ASK
        assert store.swap("7", b"1", b"2") is True
        assert store.load("7") == b"2"
        assert store.load_many(["7", "6", "5"]) == {"7": b"2"}
        assert list(store.users()) == ["7"]
    assert store.swap("7", b"2", b"3") is True  # MOVED
    assert store.load("7") == b"3"
    with migrating(cluster, target, source, slot):
        move(target, source, "7")
    assert store.load_many(["7"]) == {"7": b"3"}  # MOVED
    assert list(store.users()) == ["7"]


def test_the_script_is_sent_to_a_node_that_does_not_have_it(opens: Opens, cluster: RedisCluster) -> None:
    """Also where a node sent the swap on to it."""
    store = opens(cluster.url, cluster=True)
    slot = slot_of("7")
    source = owner(cluster, slot)
    target = other_than(cluster, source)
    assert store.swap("7", None, b"1")
    with migrating(cluster, source, target, slot):
        move(source, target, "7")
        target.ask("SCRIPT", "FLUSH")
        assert store.swap("7", b"1", b"2") is True
    with migrating(cluster, target, source, slot):
        move(target, source, "7")


def test_users_of_all_nodes_are_listed_and_loaded_in_a_trip_to_each(opens: Opens, cluster: RedisCluster) -> None:
    """Whatever braces in the id or in the prefix make of its slot."""
    users = [f"{number}{{{number % 7}}}" for number in range(200)] + ["{}", "{", "}", "{}{a}", "{{a}}", "a}{"]
    for prefix in ("totpcore:", "{all in one}:", "open{:"):
        store = opens(cluster.url, cluster=True, prefix=prefix)
        for user in users:
            assert store.swap(user, None, user.encode()), user
        assert sorted(store.users()) == sorted(users)
        assert store.load_many([*users, "nobody"]) == {user: user.encode() for user in users}


def test_a_node_that_is_away_and_back(opens: Opens, cluster: RedisCluster) -> None:
    """What it has is a `StoreError` meanwhile; afterwards everything is as it was."""
    store = opens(cluster.url, cluster=True)
    users = [str(number) for number in range(20)]
    for user in users:
        assert store.swap(user, None, b"1")
    cluster.nodes[0].kill()
    lost = [user for user in users if owner_before(user) == 0]
    with pytest.raises(StoreError):
        store.swap(lost[0], b"1", b"2")
    with pytest.raises(StoreError):
        store.load_many(users)
    with pytest.raises(StoreError):
        list(store.users())
    cluster.nodes[0].start()
    cluster.wait()
    assert store.load_many(users) == dict.fromkeys(users, b"1")
    assert store.swap(lost[0], b"1", b"2")


def owner_before(user: str) -> int:
    """Return which node has a user's key in a cluster in which nothing was moved."""
    return slot_of(user) * 3 // 16384


def test_a_cluster_none_of_whose_nodes_answers(opens: Opens) -> None:
    """It is a `StoreError`, when the store is made or when it is first used."""
    with RedisServer(config={"cluster-enabled": "yes"}) as node, pytest.raises(StoreError, match=r"CLUSTERDOWN|slot"):
        opens(node.url, cluster=True).load("7")
    with pytest.raises(StoreError, match="Error 111"):
        opens(node.url, cluster=True).load("7")


def test_a_cluster_that_is_none_and_one_that_is_not_said(
    opens: Opens, server: RedisServer, cluster: RedisCluster
) -> None:
    """The message says what to pass."""
    with pytest.raises(StoreError, match=r"^this Redis server is no node of a cluster: leave out cluster=True"):
        opens(server.url, cluster=True).load("7")
    store = opens(cluster.url)
    elsewhere = next(user for user in map(str, range(20)) if owner_before(user) != 0)
    for call in (store.load, lambda user: store.swap(user, None, b"1"), lambda user: store.load_many([user])):
        with pytest.raises(StoreError, match="cluster=True"):
            call(elsewhere)


def play(steps: Generator[Trip, Sequence[object], T], *answers: object) -> tuple[list[Trip], T]:
    """Make the steps with these answers, or failures; return what was asked, and what it came to."""
    asked = [next(steps)]
    for answer in answers:
        answered = [None, answer] if asked[-1].commands[0] == ("ASKING",) else [answer]
        try:
            asked.append(steps.throw(answer) if isinstance(answer, OSError) else steps.send(answered))
        except StopIteration as made:
            return asked, made.value
    raise AssertionError("there are steps left")


A, B = ("a", 1), ("b", 2)
SLOTS = [[0, 8191, [b"a", 1, b"id"]], [8192, 16383, [b"b", 2, b"id"], [b"c", 3, b"id"]]]


def nodes(remap: Callable[[tuple[str, int]], tuple[str, int]] = lambda address: address) -> Nodes:
    """Return those of a cluster of which one is known."""
    return Nodes([A], remap)


def test_nodes_that_send_on_without_end() -> None:
    """It is given up."""
    on = [MovedError("1 b:2"), AskError("1 a:1")] * 20
    with pytest.raises(StoreError, match="without end"):
        play(nodes().at(b"key", [("GET", b"key")]), SLOTS, *on)


@pytest.mark.parametrize(("said", "asked"), [("8 b:7", ("b", 7)), ("8 :7", ("a", 7)), ("8 ?:7", ("a", 7))])
@pytest.mark.parametrize("kind", [MovedError, AskError])
def test_where_a_node_sends_on_to(said: str, asked: tuple[str, int], kind: type[AskError]) -> None:
    """To another host and port; where no host is said, to another port of its own host."""
    trips, answers = play(nodes().at(b"{a}", [("GET", b"{a}")]), [[0, 16383, [b"a", 1]]], kind(said), b"1")
    assert (trips[-1].node, answers) == (asked, [b"1"])
    assert trips[-1].commands == (*([("ASKING",)] if kind is AskError else []), ("GET", b"{a}"))


@pytest.mark.parametrize("changed", [MovedError("1 b:2"), OSError("away")])
def test_where_the_slots_are_is_asked_anew(changed: Exception) -> None:
    """Once a node said that another one has a slot, or failed; and not otherwise."""
    one, get = nodes(), [("GET", b"{a}")]
    play(one.at(b"{a}", get), SLOTS, b"1")
    assert [trip.commands for trip in play(one.at(b"{a}", get), b"1")[0]] == [(*get,)]
    if isinstance(changed, OSError):
        with pytest.raises(OSError, match="away"):
            play(one.at(b"{a}", get), changed)
    else:
        play(one.at(b"{a}", get), changed, b"1")
    assert [trip.commands[0][0] for trip in play(one.at(b"{a}", get), SLOTS, b"1")[0]] == ["CLUSTER", "GET"]


def test_addresses_that_are_reached_elsewhere() -> None:
    """What a node says goes through `address_remap`; a node without a host is where it was asked."""
    remap: Callable[[tuple[str, int]], tuple[str, int]] = lambda address: ("proxy", address[1])  # noqa: E731
    trips, _ = play(nodes(remap).at(b"{a}", [("GET", b"{a}")]), [[0, 16383, [b"x", 5]]], MovedError("1 y:6"), b"1")
    assert [trip.node for trip in trips] == [A, ("proxy", 5), ("proxy", 6)]
    for nowhere in (b"", b"?", None):
        trips, _ = play(nodes().at(b"{a}", [("GET", b"{a}")]), [[0, 16383, [nowhere, 5]]], b"1")
        assert trips[-1].node == ("a", 5)


def test_a_slot_that_no_node_has() -> None:
    """It is a `StoreError`, and the next call asks anew."""
    one = nodes()
    for _ in range(2):
        with pytest.raises(StoreError, match="no node"):
            play(one.at(b"{a}", [("GET", b"{a}")]), [[0, 1, [b"a", 1]]])


def test_the_next_node_is_asked_where_one_is_away() -> None:
    """Of those that were named, and of those that were found since; where none answers, that is told."""
    one = nodes()
    play(one.all(), SLOTS)
    trips, found = play(one.all(), OSError("away"), SLOTS)
    assert [trip.node for trip in trips] == [A, B]
    assert list(found) == [A, B]
    with pytest.raises(StoreError, match="away too"):
        play(one.all(), OSError("away"), OSError("away too"))
    with pytest.raises(StoreError, match="refused"):
        play(one.all(), redis.ResponseError("ERR unknown command 'CLUSTER'"))
