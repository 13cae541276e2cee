"""`pytest_plugins = ["servers.fixtures"]` gives a test module these fixtures.

Each server is started once in a run, by the first test that asks for it, and is gone at the end.
"""

from collections.abc import Iterator

import pytest

from need import miss

from .postgres import PostgresServer, binaries
from .redis import RedisCluster, RedisPair, RedisServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server."""
    if binaries() is None:
        miss("needs the binaries of PostgreSQL")
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database, as a conninfo."""
    conninfo = postgres_server.create_database()
    yield conninfo
    postgres_server.drop_database(conninfo)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_pair() -> Iterator[RedisPair]:
    """A Redis primary with one replica."""
    with RedisPair() as pair:
        yield pair


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """A Redis cluster of three nodes."""
    with RedisCluster() as cluster:
        yield cluster
