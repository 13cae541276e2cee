"""PostgreSQL: a server of its own, with `fsync` on, and a new database for each place.

The raw driver is psycopg, in autocommit, with prepared statements and binary results.
"""

from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from servers.postgres import PostgresServer, binaries
from totpcore.stores.postgres import AsyncPostgresStore, PostgresStore

from .grounds import AsyncOpened, Ground, Opened, Place

_LOAD: Final = "SELECT value FROM totpcore WHERE user_id = %s"
_SWAP: Final = "UPDATE totpcore SET value = %b WHERE user_id = %s AND value = %b"

Row = tuple[bytes]


class Postgres(Ground):
    """PostgreSQL."""

    key, name, target = "postgres", "PostgreSQL", 0.7
    with_django = True

    def missing(self) -> str | None:
        return "no initdb" if binaries() is None else None

    def version(self) -> str:
        names = ("server_version", "fsync", "synchronous_commit")
        with psycopg.connect(self._server.conninfo()) as connection:
            rows = [connection.execute(f"SELECT '{name}', current_setting('{name}')").fetchone() for name in names]
        settings = ", ".join("=".join(row) for row in rows if row is not None)
        return f"{settings}; psycopg's {psycopg.pq.__impl__} implementation"

    def start(self) -> None:
        self._server = self.open.enter_context(PostgresServer())

    def place(self, size: int, value: bytes) -> Place:
        return _Database(self._server.create_database(), size, value)

    def django(self) -> dict[str, object]:
        named = conninfo_to_dict(self._server.create_database())
        keys = {"NAME": "dbname", "HOST": "host", "PORT": "port", "USER": "user"}
        return {"ENGINE": "django.db.backends.postgresql", **{key: named[name] for key, name in keys.items()}}


class _Database(Place):
    def __init__(self, conninfo: str, size: int, value: bytes) -> None:
        super().__init__(size)
        self._conninfo = conninfo
        store = PostgresStore(conninfo)
        store.create_table()
        store.close()
        with psycopg.connect(conninfo, autocommit=True) as raw:
            with raw.cursor() as cursor, cursor.copy("COPY totpcore FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(["text", "bytea"])
                for user in self.users:
                    copy.write_row((user, value))
            raw.execute("VACUUM ANALYZE totpcore")
            raw.execute("CHECKPOINT")  # so that nothing is written down later, while something is measured

    def store(self, clients: int) -> Opened:
        return PostgresStore(self._conninfo, connections=clients)

    def raw(self) -> Opened:
        return _Raw(psycopg.connect(self._conninfo, autocommit=True))

    async def async_store(self, clients: int) -> AsyncOpened:
        return AsyncPostgresStore(self._conninfo, connections=clients)

    async def async_raw(self, clients: int) -> Sequence[AsyncOpened]:
        opened = [await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) for _ in range(clients)]
        return [_AsyncRaw(raw) for raw in opened]


class _Raw:
    def __init__(self, raw: "psycopg.Connection[Row]") -> None:
        self._raw = raw
        self._cursor = raw.cursor(binary=True)

    def load(self, user: str, /) -> bytes | None:
        row = self._cursor.execute(_LOAD, (user,), prepare=True).fetchone()
        return row and row[0]

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        return self._cursor.execute(_SWAP, (new, user, old), prepare=True).rowcount == 1

    def close(self) -> None:
        self._raw.close()


class _AsyncRaw:
    def __init__(self, raw: "psycopg.AsyncConnection[Row]") -> None:
        self._raw = raw
        self._cursor = raw.cursor(binary=True)

    async def load(self, user: str, /) -> bytes | None:
        await self._cursor.execute(_LOAD, (user,), prepare=True)
        row = await self._cursor.fetchone()
        return row and row[0]

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        await self._cursor.execute(_SWAP, (new, user, old), prepare=True)
        return self._cursor.rowcount == 1

    async def close(self) -> None:
        await self._raw.close()
