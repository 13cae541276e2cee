"""Records in an SQLite file: for one machine, any number of threads and processes.

Rules of this file:

1. One statement per swap, in autocommit: SQLite itself makes it atomic among threads and processes.
2. WAL with `synchronous=FULL`: a commit has reached the disk before `swap` returns `True`. A process that is killed,
   or a machine that loses power, loses no swap that returned `True`.
3. A lock is waited for, not failed on. The threads of a process write one after another; processes try again, after
   pauses of up to five milliseconds. SQLite itself has them all sleep up to a tenth of a second: at half the
   throughput, and with some that come last each time and wait for seconds.
4. One connection per thread, and none at the moment of a `fork`: `_connections` sees to that.
5. A file that is missing is an error unless its making was asked for: a wrong path would turn the second factor off.
   For the same reason a file without the table is left exactly as it is.
6. Nothing is answered from a file that is not at the path any more, since another was put there: a process that holds
   the old one, and one that opens the new one, would each accept a code.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from .._guard import exact, number, type_error
from ..errors import InvalidParameters, StoreError
from ._connections import Connection, Held, check_nothing_is_inherited

T = TypeVar("T")

# With row ids: without them SQLite gives every value over a quarter of a page four kilobytes of its own.
_CREATE: Final = "CREATE TABLE IF NOT EXISTS totpcore (user TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL)"
_LOAD: Final = "SELECT value FROM totpcore WHERE user = ?"
# In lower case: Python 3.11 compares the first word by the locale, and counts no row of an INSERT in Turkish.
_INSERT: Final = "insert INTO totpcore (user, value) VALUES (?, ?) ON CONFLICT DO NOTHING"
_UPDATE: Final = "UPDATE totpcore SET value = ? WHERE user = ? AND value = ?"
_DELETE: Final = "DELETE FROM totpcore WHERE user = ? AND value = ?"
_USERS_AFTER: Final = "SELECT user, x'' FROM totpcore WHERE user > ? ORDER BY user LIMIT 1000"
_MOST_PARAMETERS: Final = 500  # SQLite before 3.32 allows 999 in one statement

_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.005  # seconds


class SQLiteStore:
    """A store in an SQLite file.

    Example:
        >>> store = SQLiteStore(folder / "second-factors.db", create=True)
        >>> store.swap("7", None, b"value"), store.swap("7", None, b"another"), store.load("7")
        (True, False, b'value')

    A file that it makes is readable by its owner alone. It must be on a local disk: WAL does not work across a network.
    It has one name: by a hard link SQLite would keep a second log beside it. Restore a backup while nothing runs, and
    take the `-wal` and `-shm` files away with the old file. A fork waits until no thread is at work on a store. A
    server that forks without Python's fork hooks (uWSGI without `lazy-apps`) must open its first store in the child.
    """

    __slots__ = ("_local", "_name", "_uri", "_wait_seconds", "_writing", "path")
    path: Path

    def __init__(self, path: str | os.PathLike[str], *, create: bool = False, wait_seconds: float = 60) -> None:
        """Open the file.

        Args:
            path: The file, on a local disk.
            create: Whether a file, or the table in it, that is missing is made.
            wait_seconds: How long a lock is waited for, 0 to 3 600, before it is a `StoreError`.

        Raises:
            FileNotFoundError: If the file is missing and `create` is false.
            TypeError: If an argument has another type.
            StoreError: If it is no SQLite file, has no table of totpcore's and `create` is false, or cannot do WAL.
            InvalidParameters: If the path is `:memory:`, which each thread would have to itself; or the wait is out
                of range.
        """
        if not isinstance(path, str | os.PathLike):
            raise type_error("path", "a str or a path", path)
        exact("create", create, bool)
        if os.fspath(path) in ("", ":memory:"):
            raise InvalidParameters("path must be a file: for a store in memory there is MemoryStore")
        self.path = Path(path).absolute()
        self._name = os.fspath(self.path)
        self._uri = f"{self.path.as_uri()}?mode=rw"  # never make a file by the way: rule 5
        self._wait_seconds = number("wait_seconds", wait_seconds, high=3600)
        self._local = threading.local()
        self._writing = os.getpid(), threading.RLock()
        if create:
            # Made here and not by SQLite, so that nobody else can read it at any moment; -wal and -shm follow its mode.
            self.path.touch(mode=0o600)
        elif not self.path.exists():
            raise FileNotFoundError(
                f"{self.path}: no such file. Where second factors were kept before, the path is wrong;"
                " create=True makes an empty one"
            )
        self._do(lambda connection: connection.execute(_CREATE) if create else None, create=create)

    def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`.

        Raises:
            StoreError: If SQLite fails.
        """
        row: tuple[bytes] | None = self._do(lambda connection: connection.execute(_LOAD, (user,)).fetchone())
        return None if row is None else row[0]

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`; `True` once it is on the disk.

        Raises:
            StoreError: If SQLite fails: the disk is full, or a lock was not released in `wait_seconds`.
        """
        if old is None and new is None:
            return self.load(user) is None
        if old is None:
            return self._changed(_INSERT, user, new)
        if new is None:
            return self._changed(_DELETE, user, old)
        return self._changed(_UPDATE, new, user, old)

    def users(self) -> Iterator[str]:
        """Yield every user id that has a value. A page at a time: no read stays open while the caller thinks."""
        last = ""
        while page := self._rows(_USERS_AFTER, last):
            yield from (user for user, _ in page)
            last, _ = page[-1]

    def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Return the values of those of the users that have one."""
        wanted, found = list(users), dict[str, bytes]()
        for start in range(0, len(wanted), _MOST_PARAMETERS):
            some = wanted[start : start + _MOST_PARAMETERS]
            marks = ",".join("?" * len(some))
            found.update(self._rows(f"SELECT user, value FROM totpcore WHERE user IN ({marks})", *some))  # noqa: S608
        return found

    def close(self) -> None:
        """Close the connections of all threads, each once it is not in use; the store can be used again."""
        self._local = threading.local()

    def _changed(self, statement: str, *parameters: str | bytes | None) -> bool:
        with self._turn():
            return self._do(lambda connection: connection.execute(statement, parameters).rowcount == 1)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until no other thread of this process writes: rule 3.

        The lock is taken before the connection's, so that a fork in a signal handler does not wait for who waits for
        it. A child takes another one: the thread that had this one may not be there any more.
        """
        owner, lock = self._writing
        if owner != os.getpid():
            lock = threading.RLock()
            self._writing = os.getpid(), lock
        if not lock.acquire(timeout=self._wait_seconds):
            raise StoreError(f"other threads wrote to {self.path.name} for {self._wait_seconds} seconds")
        try:
            yield
        finally:
            lock.release()

    def _rows(self, query: str, *parameters: str) -> list[tuple[str, bytes]]:
        return self._do(lambda connection: connection.execute(query, parameters).fetchall())

    def _do(self, work: Callable[[sqlite3.Connection], T], *, create: bool = False) -> T:
        """Do the work on this thread's connection, again and again while another process has the lock: rule 3."""
        held: Held | None = getattr(self._local, "held", None)
        if held is None:
            held = self._local.held = Held()
        waited = 0.0
        try:
            with held.connection.lock:
                while True:
                    try:
                        return self._once(work, held.connection, create=create)
                    except sqlite3.OperationalError as error:  # where it is a lock, nothing was done
                        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _BUSY or waited >= self._wait_seconds:
                            raise
                    pause = min(_FIRST_PAUSE + waited / 4, _LONGEST_PAUSE)
                    time.sleep(pause)
                    waited += pause
        except sqlite3.Error as error:
            raise StoreError(f"SQLite failed on {self.path.name}: {error}") from error

    def _once(self, work: Callable[[sqlite3.Connection], T], connection: Connection, *, create: bool) -> T:
        raw = connection.raw
        if raw is None or connection.owner != os.getpid():
            check_nothing_is_inherited()
            connection.file, connection.owner = self._file(), os.getpid()
            raw = connection.raw = self._connect(create=create)  # last: who looks sees whose it is
        self._check_file(connection)
        done = work(raw)  # not `connection.raw`, which a handler that forks has closed meanwhile
        self._check_file(connection)
        return done

    def _check_file(self, connection: Connection) -> None:
        """Refuse where another file was put at the path: rule 6. Before the work, and for what came meanwhile after."""
        if self._file() != connection.file:
            connection.close()  # the next call opens what is there now
            raise StoreError(f"{self.path.name} was replaced while it was open")

    def _file(self) -> tuple[int, int]:
        """Return which file is at the path, as the operating system tells files apart."""
        try:
            found = os.stat(self._name)  # noqa: PTH116  # in each call, and half the time of `Path.stat`
        except OSError as error:
            raise StoreError(f"{self.path.name} cannot be found: {error.strerror}") from error
        return found.st_dev, found.st_ino

    def _connect(self, *, create: bool) -> sqlite3.Connection:
        """Open the file, in WAL and with full synchronization. Nothing is left open where that fails."""
        raw = sqlite3.connect(self._uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            if not create:
                raw.execute(_LOAD, ("",))  # before anything is changed: rule 5
            if raw.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
                raise StoreError(f"{self.path.name} cannot do WAL: put it on a local disk")
            raw.execute("PRAGMA synchronous = FULL")
        except BaseException:
            raw.close()
            raise
        return raw

    def __repr__(self) -> str:
        return f"<SQLiteStore: {getattr(self, 'path', Path()).name}>"
