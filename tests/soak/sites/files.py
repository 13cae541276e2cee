"""Stores without a server: in memory, and in a file."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from totpcore import MemoryStore, Plaintext, SQLiteStore
from totpcore.stores import InThreads

from . import Site


@contextmanager
def memory() -> Iterator[Site]:
    """Threads on one object."""
    store = MemoryStore()
    yield Site(lambda: store, "threads", Plaintext(), threads=True)


@contextmanager
def sqlite() -> Iterator[Site]:
    """Processes on a file."""
    with _file() as (path, about):
        yield Site(lambda: SQLiteStore(path), about)


@contextmanager
def in_threads() -> Iterator[Site]:
    """Tasks on a file."""
    with _file() as (path, about):
        yield Site(lambda: InThreads(SQLiteStore(path)), about, Plaintext(), awaits=True)


@contextmanager
def _file() -> Iterator[tuple[Path, str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "factors.db")
        SQLiteStore(path, create=True).close()
        yield path, f"SQLite {sqlite3.sqlite_version}"
