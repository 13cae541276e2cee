"""Where users are kept, and how much room they take there: a dictionary, and an SQLite file.

Rules of this file:

1. A shelf fills its store's own table or keys, as the store makes them, and a plain one; each in a place of its own.
2. The store must find what was filled in: otherwise it is not its form that was measured.
"""

import sqlite3
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol, Self

from totpcore import MemoryStore
from totpcore.ports import Store
from totpcore.stores import SQLiteStore

from ..report import Row
from . import writes
from .effort import Effort

Filling = Callable[[], Iterator[tuple[str, bytes]]]  # the ids and the values, made anew in each call


class Shelf(Protocol):
    """A database; to be entered before it is used.

    Attributes:
        name: Its name.
    """

    name: str

    def missing(self) -> str | None:
        """Return what the machine lacks for it."""
        ...

    def version(self) -> str:
        """Return what is measured, once it is entered."""
        ...

    def plain(self, filling: Filling, /) -> float:
        """Return how many bytes the ids and the values take in a plain table of two columns, or what is like it."""
        ...

    def ours(self, filling: Filling, /) -> float:
        """Return how many bytes they take in totpcore's."""
        ...

    def written(self, effort: Effort, /) -> Iterator[Row]:
        """Show what a log-in writes, by the rules of `writes`."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


def check(store: Store, filling: Filling) -> None:
    """Let the store find the first user. A value may have another nonce than before, so the size is compared."""
    user, value = next(filling())
    held = store.load(user)
    if held is None or len(held) != len(value):
        raise RuntimeError(f"{store!r} does not find what was filled in")


class Dictionary:
    """The memory of this process: what Python allocates for a `MemoryStore`, and for a dictionary."""

    name = "Memory"

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        return "as tracemalloc counts it, with the ids and the values"

    def plain(self, filling: Filling, /) -> float:
        return _allocated(lambda: dict(filling()))

    def ours(self, filling: Filling, /) -> float:
        def filled() -> MemoryStore:
            store = MemoryStore()
            for user, value in filling():
                store.swap(user, None, value)
            check(store, filling)
            return store

        return _allocated(filled)

    def written(self, _effort: Effort, /) -> Iterator[Row]:
        yield from ()  # there is no log

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def _allocated(make: Callable[[], object]) -> float:
    tracemalloc.start()
    try:
        made = make()
        held, _ = tracemalloc.get_traced_memory()
        del made  # not sooner
    finally:
        tracemalloc.stop()
    return held


class File:
    """SQLite: the size of the file, once the log is in it and empty."""

    name = "SQLite"

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        return f"{sqlite3.sqlite_version}, the file after a checkpoint"

    def plain(self, filling: Filling, /) -> float:
        path = self._new()
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("PRAGMA journal_mode = WAL")
            raw.execute("CREATE TABLE row (user TEXT PRIMARY KEY, value BLOB)")
        return _filled(path, "row", filling)

    def ours(self, filling: Filling, /) -> float:
        path = self._new()
        with closing(SQLiteStore(path, create=True)) as store:
            size = _filled(path, "totpcore", filling)
            check(store, filling)
        return size

    def written(self, effort: Effort, /) -> Iterator[Row]:
        path = self._new()
        with (
            closing(SQLiteStore(path, create=True)) as store,
            closing(sqlite3.connect(path, isolation_level=None)) as reader,
        ):
            # As long as somebody reads what there was before, the log is not begun anew at its head.
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM totpcore").fetchone()
            log = Path(f"{path}-wal")
            yield writes.by_the_same("SQLite, write-ahead log", store, lambda: log.stat().st_size, effort)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="totpcore-benchmark-")
        return self

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()

    def _new(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folder.name), "db")


def _filled(path: Path, table: str, filling: Filling) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA synchronous = OFF")  # nothing depends on this file
        raw.execute("BEGIN")
        raw.executemany(f"insert INTO {table} (user, value) VALUES (?, ?)", filling())
        raw.execute("COMMIT")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.stat().st_size
