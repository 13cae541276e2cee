"""Stores on Redis or Valkey: one server, a cluster, a primary with a replica."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from . import Missing, OpenStore, Server, Site, versions


def _installed() -> str:
    about = versions("redis")
    from servers.redis import installed

    found = installed()
    if found is None:
        raise Missing("needs redis-server or valkey-server")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.split()
    return ", ".join([f"{said[0]} {said[2].removeprefix('v=')}", *about])


@contextmanager
def redis(config: Mapping[str, str] | None = None) -> Iterator[Site]:
    """Processes on one server."""
    about = _installed()
    from servers.redis import RedisServer
    from totpcore.stores.redis import RedisStore

    with RedisServer(config=config) as running:
        server = Server(lambda _part: running.kill(), lambda _part: running.start())
        yield Site(lambda: RedisStore(running.url), about, server=server)


@contextmanager
def async_redis() -> Iterator[Site]:
    """Tasks on one server."""
    about = _installed()
    from servers.redis import RedisServer
    from totpcore.stores.redis import AsyncRedisStore

    with RedisServer() as running:
        server = Server(lambda _part: running.kill(), lambda _part: running.start())
        yield Site(lambda: AsyncRedisStore(running.url), about, server=server, awaits=True)


@contextmanager
def cluster() -> Iterator[Site]:
    """Processes on three nodes, of which one after the other is killed."""
    about = _installed()
    from redis.crc import key_slot

    from servers.redis import RedisCluster
    from totpcore.stores.redis import RedisStore

    with RedisCluster() as running:
        nodes = running.nodes

        def part_of(user: str) -> int:
            slot = key_slot(f"totpcore:{user}".encode())
            return next(part for part in range(len(nodes)) if slot < (part + 1) * 16384 // len(nodes))

        server = Server(lambda part: nodes[part].kill(), lambda part: nodes[part].start(), len(nodes), part_of)
        yield Site(lambda: RedisStore(running.url, cluster=True), f"three nodes, {about}", server=server)


@contextmanager
def replicated() -> Iterator[Site]:
    """Processes on a primary, that is killed, and whose replica is asked then."""
    about = _installed()
    from servers.redis import HOST, RedisPair
    from totpcore.stores.redis import RedisStore

    with RedisPair() as running:

        @contextmanager
        def survivor() -> Iterator[OpenStore]:
            running.replica.ask("REPLICAOF", "NO", "ONE")
            yield lambda: RedisStore(running.replica.url)
            running.replica.ask("REPLICAOF", HOST, running.primary.port)
            running.wait()

        server = Server(lambda _part: running.primary.kill(), lambda _part: running.primary.start(), survivor=survivor)
        yield Site(lambda: RedisStore(running.url, wait_replicas=1), f"with a replica, {about}", server=server)
