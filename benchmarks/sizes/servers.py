"""Where users are kept, and how much room they take there: PostgreSQL and Redis, by the rules of `shelves`."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Final

import psycopg
import redis
from psycopg.sql import SQL, Identifier
from redis.client import Pipeline

from totpcore.stores._redis_steps import SCRIPT
from totpcore.stores.postgres import PostgresStore
from totpcore.stores.redis import RedisStore

from ..report import Row
from ..steps import Hand
from ..stores.on_postgres import Postgres
from ..stores.on_redis import Redis
from . import writes
from .effort import Effort
from .shelves import Filling, check

_PREFIX: Final = "totpcore:"  # as `RedisStore` has it
_AT_ONCE: Final = 1_000  # users in one round trip


class PostgresShelf(Postgres):
    """PostgreSQL: the table, its index, and whatever else is kept for it, after VACUUM."""

    def plain(self, filling: Filling, /) -> float:
        conninfo = self._server.create_database()
        with psycopg.connect(conninfo, autocommit=True) as raw:
            raw.execute('CREATE TABLE plain ("user" text PRIMARY KEY, value bytea)')
        return _copied(conninfo, "plain", filling)

    def ours(self, filling: Filling, /) -> float:
        conninfo = self._server.create_database()
        with closing(PostgresStore(conninfo)) as store:
            store.create_table()
            size = _copied(conninfo, "totpcore", filling)
            check(store, filling)
        return size

    def written(self, effort: Effort, /) -> Iterator[Row]:
        conninfo = self._server.create_database()
        with closing(PostgresStore(conninfo)) as store, psycopg.connect(conninfo, autocommit=True) as raw:
            store.create_table()
            raw.execute("ALTER TABLE totpcore SET (autovacuum_enabled = off)")

            def size() -> int:
                (written,) = raw.execute("SELECT pg_current_wal_lsn() - '0/0'").fetchone() or (0,)
                return int(written)

            raw.execute("CHECKPOINT")  # the next one is five minutes later
            yield writes.by_the_same("PostgreSQL, log-ins of the same users", store, size, effort)
            users = _scattered(conninfo, raw, effort)
            raw.execute("CHECKPOINT")
            yield writes.row(
                "PostgreSQL, each user on a page of its own, after a checkpoint", store, users, Hand(), size
            )


def _scattered(conninfo: str, raw: psycopg.Connection, effort: Effort) -> list[str]:
    """Fill the table anew, and return one user of each page, in no order."""
    drawn = random.Random(1)
    made = writes.sealed(drawn.randbytes(8).hex() for _ in range(effort.scattered))
    raw.execute("TRUNCATE totpcore")
    _copied(conninfo, "totpcore", lambda: iter(made.items()))
    users = list(made)
    # A page that is just filled has no room, so that the first log-in goes elsewhere. None is like that for long: all
    # are changed two times, to what they are.
    raw.execute("SET synchronous_commit = off")
    for _ in range(2):
        drawn.shuffle(users)
        for user in users:
            raw.execute("UPDATE totpcore SET value = value WHERE user_id = %s", (user,))
    rows = raw.execute("SELECT DISTINCT ON ((ctid::text::point)[0]) user_id FROM totpcore").fetchall()
    found = [str(user) for (user,) in rows]
    drawn.shuffle(found)
    return found


def _copied(conninfo: str, table: str, filling: Filling) -> float:
    with psycopg.connect(conninfo, autocommit=True) as raw:
        into = SQL("COPY {} FROM STDIN (FORMAT binary)").format(Identifier(table))
        with raw.cursor() as cursor, cursor.copy(into) as copy:
            copy.set_types(["text", "bytea"])
            for row in filling():
                copy.write_row(row)
        raw.execute(SQL("VACUUM ANALYZE {}").format(Identifier(table)))
        (size,) = raw.execute("SELECT pg_total_relation_size(%s::regclass)", (table,)).fetchone() or (0,)
    return float(size)


class RedisShelf(Redis):
    """Redis: by how much the memory grows that the server uses."""

    def plain(self, filling: Filling, /) -> float:
        def put(pipeline: "Pipeline", user: str, value: bytes) -> None:
            pipeline.set(user, value)

        return self._grown(filling, put)

    def ours(self, filling: Filling, /) -> float:
        def put(pipeline: "Pipeline", user: str, value: bytes) -> None:
            pipeline.eval(SCRIPT, 1, _PREFIX + user, b"-", b"+" + value)  # as a swap does it

        size = self._grown(filling, put)
        with closing(RedisStore(self._server.url)) as store:
            check(store, filling)
        return size

    def written(self, effort: Effort, /) -> Iterator[Row]:
        def size() -> int:
            return int(self._server.facts("INFO", "persistence")["aof_current_size"])

        with closing(RedisStore(self._server.url)) as store:
            yield writes.by_the_same("Redis, append-only file", store, size, effort)

    def _grown(self, filling: Filling, put: "Callable[[Pipeline, str, bytes], None]") -> float:
        self._server.ask("FLUSHALL", "SYNC")
        with redis.Redis.from_url(self._server.url) as raw:
            raw.script_load(SCRIPT)  # before the first reading, so that it is no user's
            before = self._used()
            rows = filling()
            while some := list(islice(rows, _AT_ONCE)):
                pipeline = raw.pipeline(transaction=False)
                for user, value in some:
                    put(pipeline, user, value)
                pipeline.execute()
        return self._used() - before

    def _used(self) -> int:
        """Return what the server uses, without what it sets aside for those who are connected."""
        memory = self._server.facts("INFO", "memory")
        return int(memory["used_memory"]) - int(memory["mem_clients_normal"])
