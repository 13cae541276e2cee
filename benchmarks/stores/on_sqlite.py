"""SQLite: a file in a temporary folder.

The raw driver is `sqlite3` with the statements and the pragmas of the store, a connection for each client. It has
nothing to await: for tasks the raw statements too are sent to threads, to as many as the store has.
"""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from totpcore.stores import InThreads, SQLiteStore

from .grounds import AsyncOpened, Ground, Opened, Place

T = TypeVar("T")

_THREADS: Final = 8  # as `InThreads` has
_LOAD: Final = "SELECT value FROM totpcore WHERE user = ?"
_SWAP: Final = "UPDATE totpcore SET value = ? WHERE user = ? AND value = ?"
_FILL: Final = "insert INTO totpcore (user, value) VALUES (?, ?)"


class SQLite(Ground):
    """SQLite."""

    key, name, target = "sqlite", "SQLite", 0.8
    with_django = True
    every_size = True

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        return f"{sqlite3.sqlite_version}, WAL, synchronous=FULL"

    def start(self) -> None:
        self._folder = Path(self.open.enter_context(tempfile.TemporaryDirectory(prefix="totpcore-benchmark-")))
        self._places = 0

    def place(self, size: int, value: bytes) -> Place:
        self._places += 1
        return _File(self._folder / f"{self._places}.db", size, value)

    def django(self) -> dict[str, object]:
        pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"
        options = {"init_command": pragmas, "transaction_mode": "IMMEDIATE", "timeout": 60}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": self._folder / "django.db", "OPTIONS": options}


class _File(Place):
    def __init__(self, path: Path, size: int, value: bytes) -> None:
        super().__init__(size)
        self._path = path
        SQLiteStore(path, create=True).close()
        raw = sqlite3.connect(path, isolation_level=None)
        # Filled in order and without a log, in a file that nothing depends on yet.
        raw.execute("PRAGMA journal_mode = OFF")
        raw.execute("PRAGMA synchronous = OFF")
        raw.execute("BEGIN")
        raw.executemany(_FILL, ((user, value) for user in sorted(self.users)))
        raw.execute("COMMIT")
        raw.close()
        os.sync()  # so that nothing is written down later, while something is measured

    def store(self, clients: int) -> Opened:  # noqa: ARG002  # one connection a thread
        return SQLiteStore(self._path)

    def raw(self) -> Opened:
        return _Raw(self._path)

    async def async_store(self, clients: int) -> AsyncOpened:  # noqa: ARG002
        return InThreads(SQLiteStore(self._path), threads=_THREADS)

    async def async_raw(self, clients: int) -> Sequence[AsyncOpened]:
        threads = ThreadPoolExecutor(_THREADS)
        return [_AsyncRaw(_Raw(self._path), threads) for _ in range(clients)]


class _Raw:
    def __init__(self, path: Path) -> None:
        self._raw = sqlite3.connect(path, isolation_level=None, timeout=60, check_same_thread=False)
        self._raw.execute("PRAGMA journal_mode = WAL")
        self._raw.execute("PRAGMA synchronous = FULL")

    def load(self, user: str, /) -> bytes | None:
        row: tuple[bytes] = self._raw.execute(_LOAD, (user,)).fetchone()
        return row[0]

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        return self._raw.execute(_SWAP, (new, user, old)).rowcount == 1

    def close(self) -> None:
        self._raw.close()


class _AsyncRaw:
    def __init__(self, raw: _Raw, threads: ThreadPoolExecutor) -> None:
        self._raw = raw
        self._threads = threads

    async def load(self, user: str, /) -> bytes | None:
        return await self._do(partial(self._raw.load, user))

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        return await self._do(partial(self._raw.swap, user, old, new))

    async def close(self) -> None:
        self._raw.close()
        self._threads.shutdown(wait=False)

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
