"""`pytest_plugins = ["servers.fixtures", "servers.redis_fixtures"]` gives a test module these fixtures."""

from collections.abc import Iterator

import pytest
import redis

from .redis import RedisCluster, RedisPair, RedisServer
from .redis_stores import Opens


@pytest.fixture(params=["threads", "tasks"])
def opens(request: pytest.FixtureRequest) -> Iterator[Opens]:
    """What opens stores, once of each kind."""
    opening = Opens(request.param)
    yield opening
    opening.end()


@pytest.fixture
def server(redis_server: RedisServer) -> RedisServer:
    """A server without records, set up so that it loses none."""
    redis_server.flush()
    for name, value in (("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction")):
        redis_server.ask("CONFIG", "SET", name, value)
    return redis_server


@pytest.fixture
def cluster(redis_cluster: RedisCluster) -> RedisCluster:
    """A cluster without records."""
    redis_cluster.flush()
    return redis_cluster


@pytest.fixture
def pair(redis_pair: RedisPair) -> RedisPair:
    """A primary without records, and its replica."""
    redis_pair.start()
    redis_pair.flush()
    return redis_pair


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    """A client of the server's, to look and to meddle."""
    with redis.Redis.from_url(server.url) as direct:
        yield direct
