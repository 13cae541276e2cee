"""Stores on PostgreSQL, without a framework."""

from collections.abc import Iterator
from contextlib import contextmanager

from . import Missing, Server, Site, versions


@contextmanager
def database(*libraries: str) -> Iterator[tuple[str, str, Server]]:
    """Start a server; give how to connect to an empty database of it, what it is, and the server.

    Raises:
        Missing: If it, or a library, is not installed.
    """
    about = versions("psycopg", *libraries)
    from servers.postgres import PostgresServer, binaries

    found = binaries()
    if found is None:
        raise Missing("needs the binaries of PostgreSQL")
    with PostgresServer() as running:
        server = Server(lambda _part: running.kill(), lambda _part: running.start())
        yield running.create_database(), ", ".join([f"PostgreSQL {found.parent.name}", *about]), server


@contextmanager
def postgres() -> Iterator[Site]:
    """Processes on a table."""
    with _table() as (conninfo, about, server):
        from totpcore.stores.postgres import PostgresStore

        yield Site(lambda: PostgresStore(conninfo), about, server=server)


@contextmanager
def async_postgres() -> Iterator[Site]:
    """Tasks on a table."""
    with _table() as (conninfo, about, server):
        from totpcore.stores.postgres import AsyncPostgresStore

        yield Site(lambda: AsyncPostgresStore(conninfo), about, server=server, awaits=True)


@contextmanager
def _table() -> Iterator[tuple[str, str, Server]]:
    with database("psycopg_pool") as (conninfo, about, server):
        from totpcore.stores.postgres import PostgresStore

        store = PostgresStore(conninfo)
        store.create_table()
        store.close()
        yield conninfo, about, server
