"""Records in a Django application's database, on Django's ORM. Needs `totpcore[django]`.

Rules of this file:

1. Not on the application's connection: under `ATOMIC_REQUESTS` the exception for a wrong code would roll the attempt
   back, and guesses would be free. The store has an alias of its own, beside the application's.
2. One statement per load and one per swap, in autocommit: one round trip each.
3. A load that a broken connection cut short is tried once more, on a fresh one. A swap never is: it may have been done.
4. A table or a file that is missing is an error unless its making was asked for: a wrong setting would turn the second
   factor off.
5. No message shows what is stored. No exception of Django's or the driver's is the cause or the context of ours, since
   PostgreSQL quotes a whole row in its details.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from itertools import islice
from typing import Final, TypeVar

try:
    import django as _django  # noqa: F401  # asked for by name, so that what is missing in Django itself is told as it is
except ImportError as _missing:
    raise ImportError('DjangoStore needs Django: pip install "totpcore[django]"') from _missing

from django.db import Error, IntegrityError, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .._guard import exact, text
from ..errors import StoreError
from . import _django_connection as own
from . import _django_table as table
from ._django_alias import register
from ._postgres_words import check_commit, quotes_a_row

T = TypeVar("T")

_PAGE: Final = 1000  # users of one query
_MOST_PARAMETERS: Final = 500  # of one statement: SQLite before 3.32 allows 999


class _ConstraintError(StoreError):
    """A constraint of the table refused a change."""


class DjangoStore:
    """A store in the database of a Django application.

    Example:
        In a module that is imported when the application starts::

            two_factor = TwoFactor(DjangoStore(), issuer="ACME", sealer=Keyring.from_env("TOTPCORE_KEYS"))

        And once, in a migration::

            def make(apps, schema_editor):
                DjangoStore().create_table()

            operations = [migrations.RunPython(make, migrations.RunPython.noop)]

    For PostgreSQL, and for SQLite, where the records are in a file of their own beside the application's:
    `db.totpcore.sqlite3` beside `db.sqlite3`. A request that has written locks its whole file, and would wait for
    itself. Back both up. MySQL and MariaDB are meant to work and are not tested.

    Each thread that uses it has one connection more, `totpcore.default` in `django.db.connections`, and keeps it open.
    Give an alias that is the primary, no replica. It needs a direct connection, or a pooler of sessions: behind
    PgBouncer in transaction mode, what it sets would be set for the application too. On PostgreSQL a statement may take
    60 seconds; a server that takes it and never answers is waited for without end, where `PostgresStore`
    gives up. With `DEBUG`, Django keeps the statements with what is in them.

    In tests: a `TestCase` that names the alias, `databases = {"default", "totpcore.default"}`, rolls it back; one that
    does not is refused by Django, which says what to add. A `TransactionTestCase` commits, and its `flush` leaves the
    records. Or give a test a `MemoryStore`. A test database in memory gets its table by itself, and is each process's
    own.

    In an asynchronous view, `AsyncTwoFactor(InThreads(DjangoStore()), ...)`; called from it directly, Django raises
    `SynchronousOnlyOperation`.
    """

    __slots__ = ("_alias", "_base")

    def __init__(self, alias: str = "default", *, create: bool = False) -> None:
        """Take the settings of the application's database. It is not connected to before it is needed.

        It can be made once `django.setup()` has run.

        Args:
            alias: The key in `settings.DATABASES`.
            create: Whether a table, or on SQLite a file, that is missing is made, now.

        Raises:
            InvalidParameters: If there is no such alias, or it has no engine.
            TypeError: If an argument has another type.
            StoreError: If the table cannot be made.
            ImproperlyConfigured: If Django has no settings.
        """
        text("alias", alias, 1, 255)
        exact("create", create, bool)
        self._base = alias
        self._alias = register(alias)
        table.record()  # it is made now, so that what is not ready says so now
        if create:
            self.create_table()

    def create_table(self) -> None:
        """Make the table where there is none, and on SQLite the file, readable by its owner alone.

        It leaves no connection open: it may be called before a server forks its workers.

        Raises:
            StoreError: If the database refuses.
        """
        own.make_file(self._alias)
        self._do(table.create)
        self.close()

    def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`.

        Raises:
            StoreError: If the database fails.
        """
        found = self._read(self._rows(key=table.key_of(user)).values_list("value", flat=True))
        return bytes(found[0]) if found else None

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`; `True` once it is committed.

        Raises:
            StoreError: If the database fails, or the connection breaks: whether it was done is not known then. If
                PostgreSQL warns: it was, and maybe not on the standby that was to have it too.
            RuntimeError: If the application has opened a transaction on the store's own alias.
        """
        if old is None and new is None:
            return self.load(user) is None
        if old is None:
            return self._insert(user, new)
        held = self._rows(key=table.key_of(user), value=old)
        if new is None:
            # Not `delete`, which loads the rows and deletes by key where the application listens to signals.
            return self._changed(lambda: held._raw_delete(self._alias)) == 1  # noqa: SLF001
        return self._changed(lambda: held.update(value=new)) == 1

    def users(self) -> Iterator[str]:
        """Yield every user id that has a value. A page at a time: no read stays open while the caller thinks."""
        last = ""
        while page := self._read(self._rows(key__gt=last).order_by("key").values_list("key", "user")[:_PAGE]):
            yield from (user for _, user in page)
            last, _ = page[-1]

    def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Return the values of those of the users that have one."""
        found: dict[str, bytes] = {}
        wanted = iter(users)
        while keys := {table.key_of(user): user for user in islice(wanted, _MOST_PARAMETERS)}:
            held = self._read(self._rows(key__in=list(keys)).values_list("key", "value"))
            found.update((keys[key], bytes(value)) for key, value in held)
        return found

    def close(self) -> None:
        """Close this thread's connection; the others close with their threads. The store can be used again."""
        own.close(self._alias)

    def _insert(self, user: str, new: bytes | None) -> bool:
        row = table.record()(key=table.key_of(user), user=user, value=new)
        try:
            self._changed(lambda: row.save(using=self._alias, force_insert=True))
        except _ConstraintError:
            if self.load(user) is None:  # another constraint than the key's: trouble, and no lost race
                raise
            return False
        return True

    def _changed(self, change: Callable[[], T]) -> T:
        """Make the change, in autocommit. Only in the transaction of a `TestCase` does it take a savepoint."""

        def work(connection: BaseDatabaseWrapper) -> T:
            # "durable": Django refuses where the application, and not a test case, has opened the transaction.
            inside = (
                transaction.atomic(using=self._alias, durable=True) if connection.in_atomic_block else nullcontext()
            )
            warned = own.warnings_of(self._alias)
            warned.clear()
            with inside:
                changed = change()
            check_commit(warned)
            return changed

        return self._do(work)

    def _rows(self, **conditions: object) -> "models.QuerySet[models.Model]":
        return models.QuerySet(table.record(), using=self._alias).filter(**conditions)

    def _read(self, query: "models.QuerySet[models.Model, T]") -> list[T]:
        return self._do(lambda _: list(query), again=True)

    def _do(self, work: Callable[[BaseDatabaseWrapper], T], *, again: bool = False) -> T:
        """Do the work on this thread's connection; `again` on a fresh one where that breaks."""
        try:
            return own.use(self._alias, work)
        except Error as error:
            trouble = None if own.drop_if_lost(self._alias) and again else self._trouble(error)
        if trouble is not None:
            raise trouble  # outside of the handler: rule 5
        return self._do(work)

    def _trouble(self, error: Error) -> StoreError:
        if own.lacks_table(self._alias):
            return StoreError(f"the table {table.TABLE} is missing: create_table() of {self!r} makes it, once")
        said = str(error).partition("\n")[0]  # PostgreSQL quotes the statement and the row in the lines that follow
        state = str(getattr(error.__cause__, "sqlstate", ""))
        if quotes_a_row(state):
            said = f"{type(error).__name__}, SQLSTATE {state}"
        kind = _ConstraintError if isinstance(error, IntegrityError) else StoreError
        return kind(f"{connections[self._alias].display_name} failed: {said}")

    def __repr__(self) -> str:
        return f"<DjangoStore: {getattr(self, '_base', '')}>"
