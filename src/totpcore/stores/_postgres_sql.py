"""What the two PostgreSQL stores send, and what an answer or an error means.

Rules of this file:

1. Nothing here talks to a server.
2. Whatever the role, the database, the environment or the conninfo say, a connection of a store is in UTF-8, commits
   each statement on its own, as read committed, to the disk, and waits for nothing without an end. Rows that row-level
   security hides from the role are an error, and not rows that are not there: who has none needs no code.
3. No message shows a conninfo, a parameter or a stored value. No exception of the driver's is the cause or the context
   of ours, since PostgreSQL quotes a whole row in its details.
"""

import math
import select
import sys
import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg.sql import Identifier

from .._guard import Hidden, exact, number, text, whole
from ..errors import InvalidParameters, StoreError
from ._durability import DurabilityWarning
from ._postgres_words import quotes_a_row

Parameter = str | bytes | int | list[str] | None

PAGE: Final = 1000  # users in one statement

_CREATE: Final = 'CREATE TABLE IF NOT EXISTS {} (user_id text COLLATE "C" PRIMARY KEY, value bytea NOT NULL)'
# The lock, since `IF NOT EXISTS` fails where another process makes the table at the same moment.
_ALONE: Final = b"SELECT pg_advisory_xact_lock(7301672840919671); "
_LOAD: Final = "SELECT value FROM {} WHERE user_id = %s"
_INSERT: Final = "INSERT INTO {} (user_id, value) VALUES (%s, %b) ON CONFLICT DO NOTHING"
_UPDATE: Final = "UPDATE {} SET value = %b WHERE user_id = %s AND value = %b"
_DELETE: Final = "DELETE FROM {} WHERE user_id = %s AND value = %b"
_USERS: Final = 'SELECT user_id FROM {} WHERE user_id COLLATE "C" > %s ORDER BY user_id COLLATE "C" LIMIT %s'
_LOAD_MANY: Final = "SELECT user_id, value FROM {} WHERE user_id = ANY(%s)"

FIND: Final = b"SELECT current_setting('server_encoding'), to_regclass(%s) IS NOT NULL"

_SET: Final = b"""
SELECT set_config('default_transaction_isolation', 'read committed', false),
       set_config('default_transaction_read_only', 'off', false),
       CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END,
       current_setting('fsync'), current_setting('full_page_writes'),
       set_config('row_security', 'off', false), set_config('statement_timeout', %s, false)
"""
_LOOK: Final = b"""
SELECT current_setting('default_transaction_isolation'), current_setting('default_transaction_read_only'),
       current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes'),
       CASE WHEN row_security_active(to_regclass(%s)) THEN current_setting('row_security') ELSE 'off' END
"""


class Statements(NamedTuple):
    """The statements on one table, as psycopg takes them, and its name, quoted."""

    table: str
    create: bytes
    load: bytes
    insert: bytes
    update: bytes
    delete: bytes
    users: bytes
    load_many: bytes

    def swap(self, user: str, old: bytes | None, new: bytes | None) -> tuple[bytes, tuple[Parameter, ...]]:
        """Return the one statement that replaces `old` by `new`, and its parameters. One of the two is a value."""
        if old is None:
            return self.insert, (user, new)
        if new is None:
            return self.delete, (user, old)
        return self.update, (new, user, old)


def statements_on(schema: str | None, table: str) -> Statements:
    """Return the statements, once the names are checked."""
    names = [_name("table", table)] if schema is None else [_name("schema", schema), _name("table", table)]
    name = Identifier(*names).as_string()
    doubled = name.replace("%", "%%")  # where there are parameters, psycopg reads one per cent sign as one
    with_parameters = (_LOAD, _INSERT, _UPDATE, _DELETE, _USERS, _LOAD_MANY)
    filled = (statement.format(doubled).encode() for statement in with_parameters)
    return Statements(name, _CREATE.format(name).encode(), *filled)


def _name(argument: str, name: str) -> str:
    text(argument, name, 1, 63)
    if len(name.encode()) > 63:  # PostgreSQL would cut it off, and may find another table
        raise InvalidParameters(f"{argument} must have at most 63 bytes in UTF-8")
    return name


class Plan:
    """The arguments of a store, checked, and what follows from them."""

    def __init__(
        self,
        conninfo: Hidden[str],
        *,
        schema: str | None,
        table: str,
        connections: int,
        wait_seconds: float,
        behind_pooler: bool,
    ) -> None:
        self.statements = statements_on(schema, table)
        self.connections = whole("connections", connections, 1, 1000)
        self.wait_seconds = number("wait_seconds", wait_seconds, low=0.1, high=3600)
        self.conninfo = Hidden(_complete(conninfo, math.ceil(wait_seconds)))
        self.prepare_threshold = None if exact("behind_pooler", behind_pooler, bool) else 5  # psycopg's own default
        timeout = f"{math.ceil(wait_seconds * 1000)}ms"
        # Seconds for an answer: more than a statement is given, so that the server is the first to give up.
        self.patience = wait_seconds + 1
        self.set_up = (_LOOK, (self.statements.table,)) if behind_pooler else (_SET, (timeout,))
        self.create_alone = _ALONE + self.statements.create
        self._warned = False

    def check(self, found: TupleRow | None) -> None:
        """Judge what `set_up`, the first statement on each connection, found.

        Raises:
            StoreError: If a setting is wrong that was not to be set.

        Warns:
            DurabilityWarning: If the server may lose what it committed; once for a plan.
        """
        isolation, read_only, commit, fsync, full_page_writes, row_security, *_ = found or ("",) * 6
        for name, value, is_good in (
            ("default_transaction_isolation", isolation, isolation == "read committed"),
            ("default_transaction_read_only", read_only, read_only == "off"),
            ("synchronous_commit", commit, commit != "off"),
            ("row_security", row_security, row_security == "off"),
        ):
            if not is_good:
                raise StoreError(f"{name} is {value} for this role behind the pooler: ALTER ROLE ... SET {name}")
        lossy = [name for name, value in (("fsync", fsync), ("full_page_writes", full_page_writes)) if value == "off"]
        if lossy and not self._warned:
            self._warned = True
            warnings.warn(
                f"the PostgreSQL server has {' and '.join(lossy)} off: where its machine crashes, spent counters are "
                "lost, and a code opens twice. Turn it on.",
                DurabilityWarning,
                stacklevel=7,
            )

    def needs_table(self, found: list[TupleRow]) -> bool:
        """Judge what `FIND` found.

        Raises:
            StoreError: If the database cannot hold every user id.
        """
        ((encoding, exists),) = found
        if encoding != "UTF8":
            raise StoreError(f"the encoding of the database is {encoding}: user ids of any alphabet need UTF8")
        return not exists

    def value_in(self, found: list[TupleRow]) -> bytes | None:
        """Return the value in the one row that there is, or is not."""
        return found[0][0] if found else None

    def trouble(self, error: psycopg.Error, *, lost: bool = False) -> StoreError:
        """Return what is raised in the place of an error of the driver's."""
        if lost:
            return StoreError("the connection was lost before PostgreSQL answered: a swap was made, or was not")
        if isinstance(error, psycopg.errors.UndefinedTable):
            return StoreError(f"there is no table {self.statements.table}: create_table() makes it")
        if isinstance(error, psycopg.errors.QueryCanceled):
            return StoreError(f"PostgreSQL was not done within {self.wait_seconds} seconds")
        said = error.diag.message_primary or str(error).partition("\n")[0]
        if quotes_a_row(error.sqlstate) or not said:
            said = f"{type(error).__name__}, SQLSTATE {error.sqlstate}"
        return StoreError(f"PostgreSQL failed: {said}")

    def no_connection(self) -> StoreError:
        """Return what is raised where no connection was to be had."""
        return StoreError(
            f"no connection to PostgreSQL within {self.wait_seconds} seconds: the server does not answer, or all "
            f"{self.connections} are in use; the logger psycopg.pool says which"
        )


def pages(users: Iterable[str]) -> Iterator[list[str]]:
    """Yield the users, as many at once as go into one statement."""
    wanted = iter(users)
    while page := list(islice(wanted, PAGE)):
        yield page


def is_lost(error: psycopg.Error, connection: pq.abc.PGconn) -> bool:
    """Whether an error was the end of its connection."""
    return connection.status != pq.ConnStatus.OK or error.diag.severity_nonlocalized in ("FATAL", "PANIC")


def is_usable(connection: pq.abc.PGconn) -> bool:
    """Whether the server has not let go of an idle connection. Where it has, its farewell waits to be read."""
    heard: list[tuple[int, int]] = []
    if sys.platform != "win32":
        ear = select.poll()
        ear.register(connection.socket, select.POLLIN)
        heard = ear.poll(0)
    return connection.status == pq.ConnStatus.OK and not heard


def _complete(conninfo: Hidden[str], seconds: int) -> str:
    """Return the conninfo with what a store needs."""
    text("conninfo", conninfo.value, 0, 4096)
    try:
        given = Hidden(conninfo_to_dict(conninfo.value))
    except psycopg.Error:
        given = Hidden({"port": "unreadable"})
    # Raised here, outside of the handler: libpq's message shows what it could not read.
    if not _is_as_meant(given):
        raise InvalidParameters(
            "conninfo must be as libpq reads it, with parameters that libpq knows; in a URL, special characters are "
            "percent-encoded"
        )
    defaults: dict[str, str | int] = {
        "target_session_attrs": "primary",  # not read-write, which would refuse a role that is read-only by default
        "fallback_application_name": "totpcore",
        "connect_timeout": max(2, seconds),
        "keepalives_idle": seconds,
        "tcp_user_timeout": seconds * 1000,
    }
    return make_conninfo("", **{**defaults, **given.value, "client_encoding": "UTF8"})


def _is_as_meant(given: Hidden[dict[str, str | int | None]]) -> bool:
    """Whether no part of a password came to stand where libpq's messages show it, as `:p@ss@` and `:p/ss@` do."""
    host, name, ports = (str(given.value.get(key) or "") for key in ("host", "dbname", "port"))
    return "@" not in host.lstrip("@") + name and not ports.strip("0123456789,")
