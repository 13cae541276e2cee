"""`DjangoStore`, in the surroundings of an application, on SQLite and on PostgreSQL."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import Server, Site, versions
from .postgres import database


@contextmanager
def on_sqlite() -> Iterator[Site]:
    """Processes on a file beside the application's."""
    about = versions("django")
    from stores import django_project

    with tempfile.TemporaryDirectory() as folder:
        settings = django_project.on_sqlite(Path(folder, "db.sqlite3"))
        with _application(settings, ", ".join([f"SQLite {sqlite3.sqlite_version}", *about])) as site:
            yield site


@contextmanager
def on_postgres() -> Iterator[Site]:
    """Processes on a table."""
    with database("django") as (conninfo, about, server):
        from stores import django_project

        with _application(django_project.on_postgres(conninfo), about, server) as site:
            yield site


@contextmanager
def _application(settings: dict[str, object], about: str, server: Server | None = None) -> Iterator[Site]:
    from stores.django_project import application

    with application(tables=False, default=settings):
        from totpcore.stores.django import DjangoStore

        DjangoStore(create=True)
        yield Site(DjangoStore, about, server=server)
