"""Records in a PostgreSQL table: for many machines. Needs `totpcore[postgres]`.

Rules of this file:

1. One statement per load and one per swap, in autocommit: PostgreSQL itself makes a swap atomic, and `True` is
   returned only once it is committed.
2. On connections of its own, which `_postgres_pool` keeps: the application's transaction does not matter.
3. The two stores differ in `await` and in nothing else. What is sent, and what an answer means, is in `_postgres_sql`.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

from .._guard import Hidden

try:
    import psycopg as _psycopg  # noqa: F401  # by name, so that what is wrong in our own modules is told as it is
    import psycopg_pool as _psycopg_pool  # noqa: F401
except ImportError as _missing:
    raise ImportError(
        'the PostgreSQL stores need psycopg and libpq: pip install "totpcore[postgres]" "psycopg[binary]"'
    ) from _missing

from ._postgres_pool import Connections
from ._postgres_pool_async import AsyncConnections
from ._postgres_sql import FIND, PAGE, Plan, pages, statements_on


def create_table_sql(*, schema: str | None = None, table: str = "totpcore") -> str:
    """Return the statement that makes the table, for migrations.

    Example:
        >>> create_table_sql(schema="app")
        'CREATE TABLE IF NOT EXISTS "app"."totpcore" (user_id text COLLATE "C" PRIMARY KEY, value bytea NOT NULL)'

    Raises:
        InvalidParameters: If a name is empty, has more than 63 bytes in UTF-8, or holds NUL.
        TypeError: If a name is no `str`.
    """
    return statements_on(schema, table).create.decode()


class _PostgresStore:
    """What the two stores have in common: their arguments."""

    __slots__ = ("__weakref__", "_plan")

    def __init__(
        self,
        conninfo: str,
        *,
        schema: str | None = None,
        table: str = "totpcore",
        connections: int = 10,
        wait_seconds: float = 30,
        behind_pooler: bool = False,
    ) -> None:
        """Take the address of the database; `PostgresStore` connects to it at once.

        Args:
            conninfo: A URL or a connection string, as libpq reads it; what it does not say, the environment does.
                `target_session_attrs` is `primary` unless it says otherwise.
            schema: Where the table is; `None` is the first schema of the search path that has it.
            table: The table.
            connections: How many connections are kept at most, 1 to 1 000, per process and per event loop.
            wait_seconds: How long a connection, a lock and an answer are waited for, 0.1 to 3 600, before it is a
                `StoreError`.
            behind_pooler: Whether a pooler gives each transaction another connection, as PgBouncer does in transaction
                mode. Then no statement is prepared, and nothing is set on a connection; it is checked instead.

        Raises:
            InvalidParameters: If an argument is out of range, or `conninfo` cannot be read.
            TypeError: If an argument has another type.
            StoreError: If the server does not answer, or does not let this role in.

        Warns:
            DurabilityWarning: If the server has `fsync` or `full_page_writes` off.
        """
        given = Hidden(conninfo)
        del conninfo
        self._plan = Plan(
            given,
            schema=schema,
            table=table,
            connections=connections,
            wait_seconds=wait_seconds,
            behind_pooler=behind_pooler,
        )
        self._begin()

    def _begin(self) -> None:
        """Make what keeps the connections."""

    def __repr__(self) -> str:
        plan: Plan | None = getattr(self, "_plan", None)  # not before the arguments were checked
        return f"<{type(self).__name__}: {plan.statements.table if plan else 'not opened'}>"


class PostgresStore(_PostgresStore):
    """A store in a PostgreSQL table.

    Example:
        ::

            store = PostgresStore("postgresql://app@db.example.com/app")
            store.create_table()

    It connects when it is made. `create_table`, or the statement that `create_table_sql` returns, makes the table once;
    from then on its role needs SELECT, INSERT, UPDATE and DELETE on it. Whatever isolation level, timeout or encoding
    the role, the database or the environment has: it sets on its connections what it needs. A server that is restarted
    is found again, and `load` waits for it.

    Behind PgBouncer in transaction mode pass `behind_pooler=True`: what is set or prepared there would be another
    client's. How long a lock is waited for is then up to the role's `lock_timeout`. Where the table has row-level
    security, `ALTER ROLE ... SET row_security = off`: then rows that are hidden from the role are an error.
    """

    __slots__ = ("_connections",)
    _connections: Connections

    def _begin(self) -> None:
        self._connections = Connections(self._plan)
        self._connections.open()

    def create_table(self) -> None:
        """Make the table where it is missing. Any number of processes may do so at once.

        Raises:
            StoreError: If the database is not in UTF-8, or the role may not make a table.
        """
        if self._plan.needs_table(self._connections.rows(FIND, self._plan.statements.table)):
            self._connections.run(self._plan.create_alone)

    def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`.

        Raises:
            StoreError: If PostgreSQL fails; twice, where the connection was lost.
        """
        return self._plan.value_in(self._connections.rows(self._plan.statements.load, user))

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`; `True` once it is committed.

        Raises:
            StoreError: If PostgreSQL fails. Where the connection was lost, or no answer came, the value was replaced,
                or was not. Where the server warns, it was, and maybe not on the standby that was to have it too.
        """
        if old is None and new is None:
            return self.load(user) is None
        return self._connections.changed(*self._plan.statements.swap(user, old, new)) == 1

    def users(self) -> Iterator[str]:
        """Yield every user id that has a value. A page at a time: no transaction stays open while the caller thinks."""
        last = ""
        while page := self._connections.rows(self._plan.statements.users, last, PAGE):
            for (last,) in page:
                yield last

    def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Return the values of those of the users that have one."""
        statement = self._plan.statements.load_many
        return dict(row for page in pages(users) for row in self._connections.rows(statement, page))

    def close(self) -> None:
        """Close the connections of this process; the store can be used again."""
        self._connections.close()


class AsyncPostgresStore(_PostgresStore):
    """The same as `PostgresStore`, awaited.

    Example:
        ::

            store = AsyncPostgresStore("postgresql://app@db.example.com/app")
            await store.create_table()

    It connects when it is first used. Event loops, one after another or side by side, have each their own connections.
    """

    __slots__ = ("_connections",)
    _connections: AsyncConnections

    def _begin(self) -> None:
        self._connections = AsyncConnections(self._plan)

    async def create_table(self) -> None:
        """Make the table where it is missing. Any number of processes may do so at once.

        Raises:
            StoreError: If the database is not in UTF-8, or the role may not make a table.
        """
        if self._plan.needs_table(await self._connections.rows(FIND, self._plan.statements.table)):
            await self._connections.run(self._plan.create_alone)

    async def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`.

        Raises:
            StoreError: If PostgreSQL fails; twice, where the connection was lost.
        """
        return self._plan.value_in(await self._connections.rows(self._plan.statements.load, user))

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`; `True` once it is committed.

        Raises:
            StoreError: If PostgreSQL fails. Where the connection was lost, or no answer came, the value was replaced,
                or was not. Where the server warns, it was, and maybe not on the standby that was to have it too.
        """
        if old is None and new is None:
            return await self.load(user) is None
        return await self._connections.changed(*self._plan.statements.swap(user, old, new)) == 1

    async def users(self) -> AsyncIterator[str]:
        """Yield every user id that has a value. A page at a time: no transaction stays open while the caller thinks."""
        last = ""
        while page := await self._connections.rows(self._plan.statements.users, last, PAGE):
            for (last,) in page:
                yield last

    async def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Return the values of those of the users that have one."""
        statement = self._plan.statements.load_many
        return dict([row for page in pages(users) for row in await self._connections.rows(statement, page)])

    async def close(self) -> None:
        """Close the connections of this event loop; the store can be used again."""
        await self._connections.close()
