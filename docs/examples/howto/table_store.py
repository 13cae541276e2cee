"""A store on a table of a database server, to show how a server is tested. For PostgreSQL take `PostgresStore`.

Rule 1. One statement a swap, which names the value that it replaces, and commits itself.
Rule 2. A connection of its own for each call: nothing is shared with the application's transaction, and nothing with a
forked child. A pool would save time, and has to see to forks and to connections that have died.
Rule 3. What the driver raises may quote a row, so its type is told and nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from totpcore import StoreError

CREATE = 'CREATE TABLE factors (user_id text COLLATE "C" PRIMARY KEY, value bytea NOT NULL)'
LOAD = "SELECT value FROM factors WHERE user_id = %s"


class TableStore:
    """A `totpcore.Store` on that table."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo

    def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`."""
        with _told(), psycopg.connect(self._conninfo, autocommit=True) as connection:
            row = connection.execute(LOAD, [user]).fetchone()
        return row[0] if row else None

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`."""
        if old is None and new is None:
            return self.load(user) is None
        statement, values = change(user, old, new)
        with _told(), psycopg.connect(self._conninfo, autocommit=True) as connection:
            return connection.execute(statement, values).rowcount == 1


class AsyncTableStore:
    """The same as a `totpcore.AsyncStore`."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo

    async def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`."""
        with _told():
            async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                row = await (await connection.execute(LOAD, [user])).fetchone()
        return row[0] if row else None

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`."""
        if old is None and new is None:
            return await self.load(user) is None
        statement, values = change(user, old, new)
        with _told():
            async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                return (await connection.execute(statement, values)).rowcount == 1


def change(user: str, old: bytes | None, new: bytes | None) -> tuple[bytes, list[str | bytes | None]]:
    """Return the one statement that replaces `old` by `new`, of which one is a value, and what goes into it."""
    if old is None:
        return b"INSERT INTO factors (user_id, value) VALUES (%s, %s) ON CONFLICT DO NOTHING", [user, new]
    if new is None:
        return b"DELETE FROM factors WHERE user_id = %s AND value = %s", [user, old]
    return b"UPDATE factors SET value = %s WHERE user_id = %s AND value = %s", [new, user, old]


@contextmanager
def _told() -> Iterator[None]:
    trouble = None
    try:
        yield
    except psycopg.Error as error:
        trouble = type(error).__name__
    if trouble is not None:
        raise StoreError(f"PostgreSQL failed: {trouble}")  # outside of the handler: the error is not its context
