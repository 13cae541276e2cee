"""The connections of a `DjangoStore`: one for each thread, by an alias of its own.

Rules of this file:

1. A connection is brought into its state before it is used, by whomever Django opens it for: read committed, and a
   commit has reached the disk. On PostgreSQL also: no lock is waited for without an end, and rows that row-level
   security hides are an error, and not rows that are not there.
2. A forked child leaves its parent's connections alone, and keeps them: to close one would end the parent's session.
   An SQLite file is not open at the moment of a fork, as `_connections` explains.
3. A connection is closed with its thread.
4. Nothing is answered from an SQLite file that is not at the path any more, since another was put there.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from django.db import Error, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from ..errors import StoreError
from . import _django_table as table
from ._connections import Connection, Held, check_nothing_is_inherited
from ._django_alias import WAIT_SECONDS, Beside
from ._postgres_words import note_warning

T = TypeVar("T")

_POSTGRESQL_SESSION: Final = f"""\
SELECT set_config('default_transaction_isolation', 'read committed', false), set_config('synchronous_commit',
    CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,
    false), set_config('row_security', 'off', false), set_config('statement_timeout', '{WAIT_SECONDS}s', false)"""


class _Held:
    """What a thread has of its connection. `file_lock` is for an SQLite file: a fork takes it, and closes."""

    __slots__ = ("connection", "file", "file_lock", "name", "owner", "warned")

    def __init__(self, file_lock: Connection) -> None:
        self.file_lock = file_lock
        self.connection: BaseDatabaseWrapper | None = None
        self.name: object = None
        self.file = (0, 0)
        self.owner = 0
        self.warned: list[str] = []

    def note(self, connection: BaseDatabaseWrapper, ours: Beside) -> None:
        """Take down what was opened, where, and by which process; what is in memory may be any process's."""
        self.connection, self.name = connection, ours["NAME"]
        self.owner = 0 if ours.vendor == "sqlite" and ours.path is None else os.getpid()
        if ours.path is not None:
            self.file = _file_at(ours.path)
            self.file_lock.owner, self.file_lock.raw = self.owner, connection.connection  # in this order

    def check(self, connection: BaseDatabaseWrapper, path: Path, file: tuple[int, int]) -> None:
        """Refuse where another file was put at the path: rule 4."""
        if file != self.file:
            connection.close()  # the next call opens what is there now
            raise StoreError(f"{path.name} was replaced while it was open")

    def leave_the_parents(self, alias: str) -> None:
        """Leave a connection that was opened before a fork, and keep it: rule 2."""
        if self.connection is None or self.owner in (0, os.getpid()):
            return
        _inherited.append(self.connection)
        self.connection = None
        with suppress(AttributeError):  # in an asynchronous context, Django may have it elsewhere
            del connections[alias]

    def end(self) -> None:
        if self.connection is None or self.connection.vendor == "sqlite":
            return
        if self.owner != os.getpid():  # a thread of the parent's, which the child has not got
            _inherited.append(self.connection)
            return
        with suppress(Exception):  # the interpreter may be at its end
            self.connection.close()


class _End:
    """What only a thread's storage has, and no traceback keeps alive: it ends with the thread, and closes."""

    __slots__ = ("files", "held")

    def __init__(self) -> None:
        self.held: dict[str, _Held] = {}
        self.files: list[Held] = []  # each closes its own

    def __del__(self) -> None:
        for held in self.held.values():
            held.end()


class _Local(threading.local):
    def __init__(self) -> None:
        self.end = _End()


_local: Final = _Local()
_inherited: Final[list[BaseDatabaseWrapper]] = []


def _held(alias: str) -> _Held:
    if alias not in _local.end.held:
        _local.end.files.append(Held())
        _local.end.held[alias] = _Held(_local.end.files[-1].connection)
    return _local.end.held[alias]


def _prepare(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Bring a connection of ours that Django has just opened into the state of rule 1."""
    ours: object = connection.settings_dict
    if not isinstance(ours, Beside):
        return
    try:
        if ours.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(_POSTGRESQL_SESSION)
            with suppress(AttributeError):  # of psycopg 2, which tells of no warning
                connection.connection.add_notice_handler(partial(note_warning, _held(connection.alias).warned))
        elif ours.path is not None:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA synchronous = FULL")
                cursor.execute("PRAGMA busy_timeout = 0")
                with suppress(OperationalError):  # others are at work: it is as right without, and turned by the next
                    cursor.execute("PRAGMA journal_mode = WAL")
                cursor.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000}")
        elif ours.vendor == "sqlite":
            table.create(connection)  # in memory it cannot be missing by mistake
        _held(connection.alias).note(connection, ours)
    except BaseException:
        BaseDatabaseWrapper.close(connection)
        raise


def warnings_of(alias: str) -> list[str]:
    """Return the SQLSTATEs of the warnings that this thread's connection was given; it goes on to grow."""
    return _held(alias).warned


def use(alias: str, work: Callable[[BaseDatabaseWrapper], T]) -> T:
    """Do the work on this thread's connection, which is opened where it is not.

    Raises:
        StoreError: If an SQLite file is missing, or was replaced.
        Error: If the database fails.
    """
    held = _held(alias)
    held.leave_the_parents(alias)
    ours = connections.settings[alias]
    path: Path | None = ours.path
    if path is None:
        return work(_opened(alias, held, ours))
    with held.file_lock.lock:
        file = _file_at(path)
        connection = _opened(alias, held, ours)
        held.check(connection, path, file)
        done = work(connection)
        held.check(connection, path, _file_at(path))
        return done


def _opened(alias: str, held: _Held, ours: Beside) -> BaseDatabaseWrapper:
    connection = connections[alias]
    if connection is held.connection and held.name != ours["NAME"]:  # a test runner has given it another database
        del connections[alias]
        BaseDatabaseWrapper.close(connection)  # that of SQLite would ask by the new name whether to
        connection = connections[alias]
    if ours.path is not None and (held.file_lock.raw is None or connection.connection is None):
        check_nothing_is_inherited()
        connection.close()  # what a fork has closed, and Django holds for open
    connection.ensure_connection()
    return connection


def close(alias: str) -> None:
    """Close this thread's connection, unless a `TestCase` has its transaction on it."""
    held, connection = _held(alias), connections[alias]
    held.leave_the_parents(alias)
    if not connection.in_atomic_block:
        with held.file_lock.lock:
            connections[alias].close()
            held.file_lock.raw = None


def drop_if_lost(alias: str) -> bool:
    """Whether the connection is not there any more, as after a restart of the server; it is closed then."""
    connection = connections[alias]
    if connection.connection is None or connection.is_usable():
        return False
    with suppress(Error):
        connection.close()
    return True


def lacks_table(alias: str) -> bool:
    """Whether the table is known to be missing."""
    connection = connections[alias]
    with suppress(Error):
        return connection.connection is not None and not table.exists(connection)
    return False


def make_file(alias: str) -> None:
    """Make the SQLite file where there is none.

    Here and not by SQLite, so that nobody else can read it at any moment; what WAL puts beside it follows its mode.
    """
    path: Path | None = connections.settings[alias].path
    if path is not None:
        try:
            path.touch(mode=0o600)
        except OSError as error:
            raise StoreError(f"{path.name} cannot be made: {error.strerror}") from error


def _file_at(path: Path) -> tuple[int, int]:
    """Return which file is at the path, as the operating system tells files apart."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise StoreError(f"{path.name} is missing: create_table() makes it, once") from error
    except OSError as error:
        raise StoreError(f"{path.name} cannot be found: {error.strerror}") from error
    return found.st_dev, found.st_ino


def _after_fork_in_child() -> None:
    """Leave the parent's connections at once, before an application closes all that Django has."""
    for alias, held in _local.end.held.items():
        held.leave_the_parents(alias)


connection_created.connect(_prepare, dispatch_uid="totpcore")
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork_in_child)
