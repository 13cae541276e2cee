"""`DjangoStore`: on the ORM, beside the application's own connection, on SQLite and on PostgreSQL."""

import builtins
import importlib
import os
import sqlite3 as raw
import stat
import subprocess
import sys
import threading
import time
import traceback
import unittest
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.core.exceptions import SynchronousOnlyOperation
from django.core.signals import request_finished, request_started
from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.test import Client, SimpleTestCase, TestCase, TransactionTestCase
from django.test.utils import CaptureQueriesContext, setup_databases, teardown_databases
from psycopg import IsolationLevel

from servers import free_port, until
from servers.postgres import PostgresServer
from servers.proxy import Proxy
from servers.quoting import check_that_nothing_is_quoted
from stores.django_project import application, on_postgres, on_sqlite
from stores.django_project.models import Note
from stores.watched import Watched
from totpcore import CodeReplayed, InvalidCode, InvalidParameters, Plaintext, StoreError, Throttled, TwoFactor
from totpcore.stores import _connections, _django_connection, _django_table
from totpcore.stores._django_alias import Beside
from totpcore.stores._django_table import record
from totpcore.stores.django import DjangoStore
from totpcore.stores.threaded import InThreads
from totpcore.testing import AsyncStoreContract, AsyncStoreFactory, Phone, StoreContract, StoreFactory
from totpcore.testing._races import in_processes, in_threads

pytest_plugins = ["servers.fixtures"]
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


class RolledBackError(Exception):
    """What ends a transaction of the application's."""


def roll_back(call: Callable[[], None]) -> None:
    """Call inside of a transaction of the application's that has written, and that an exception rolls back."""
    with suppress(RolledBackError), transaction.atomic():
        Note.objects.create(text="written before")
        call()
        raise RolledBackError
    assert not Note.objects.exists()


class TestOnSQLite(StoreContract):
    """In a file of its own beside the application's."""

    @pytest.fixture
    def store_factory(self, tmp_path: Path) -> Iterator[StoreFactory]:
        """Another object each time, on one file."""
        with application(default=on_sqlite(tmp_path / "db.sqlite3")):
            yield lambda: DjangoStore(create=True)

    def in_rolled_back_transaction(self, store_factory: StoreFactory, call: Callable[[], None]) -> None:
        """The application has written: it holds the lock of its file."""
        roll_back(call)


class TestOnPostgreSQL(StoreContract):
    """In the application's database, on connections of its own."""

    restarts = True
    cuts = True

    @pytest.fixture
    def store_factory(self, postgres_server: PostgresServer, postgres_database: str) -> Iterator[StoreFactory]:
        """Another object each time, on one table."""
        self.server = postgres_server
        with Proxy(("127.0.0.1", postgres_server.port)) as self.proxy:
            settings = on_postgres(postgres_database, PORT=str(self.proxy.port), ATOMIC_REQUESTS=True)
            with application(default=settings):
                yield lambda: DjangoStore(create=True)

    def in_rolled_back_transaction(self, store_factory: StoreFactory, call: Callable[[], None]) -> None:
        """The application has written on its own connection."""
        roll_back(call)

    def restart_server(self) -> None:
        """SIGKILL, and start again."""
        self.server.restart()

    def cutting(self) -> AbstractContextManager[None]:
        """Cut on the way."""
        return self.proxy.cutting()


class TestInThreads(AsyncStoreContract):
    """From asynchronous views, each of its threads with a connection of its own."""

    rounds = 2

    @pytest.fixture
    def store_factory(self, tmp_path: Path) -> Iterator[AsyncStoreFactory]:
        """Another object each time, on one file."""
        with application(default=on_sqlite(tmp_path / "db.sqlite3")):
            DjangoStore(create=True)
            yield lambda: InThreads(DjangoStore())


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Path]:
    """An application on SQLite whose requests are transactions; the path of its file."""
    with application(default=on_sqlite(tmp_path / "db.sqlite3", ATOMIC_REQUESTS=True)):
        yield tmp_path / "db.sqlite3"


@pytest.fixture
def postgres(postgres_database: str) -> Iterator[str]:
    """An application on PostgreSQL whose requests are transactions; how to connect to it."""
    with application(default=on_postgres(postgres_database, ATOMIC_REQUESTS=True)):
        yield postgres_database


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> DjangoStore:
    """A store in either application."""
    request.getfixturevalue(request.param)
    return DjangoStore(create=True)


def ours() -> BaseDatabaseWrapper:
    """Return this thread's connection of the store."""
    return connections["totpcore.default"]


def enrolled(store: DjangoStore) -> Phone:
    """Return the phone of the user 7, who has not logged in yet."""
    service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=lambda: time.time() - 90, audit=ignore)
    phone = Phone.scan(service.enrol("7", account="alice").uri)
    service.confirm("7", phone.code(time.time() - 90))
    return phone


def wrong_code(phone: Phone) -> str:
    """Return a code that no time step in or near the window has."""
    near = {phone.code(time.time() + 30 * step) for step in range(-4, 5)}
    return next(code for code in (f"{number:06d}" for number in range(10)) if code not in near)


def ignore(_event: object) -> None:
    """An audit sink that keeps the tests quiet."""


# ---- beside the application's requests ----


@pytest.mark.parametrize("path", ["/verify", "/on-commit", "/async"])
def test_a_request_that_raises_keeps_the_tally(store: DjangoStore, path: str) -> None:
    """A view that has written verifies a wrong code and lets the refusal escape as a page 500: the code is charged."""
    phone = enrolled(store)
    client = Client(raise_request_exception=False)
    for _ in range(2):
        assert client.get(path, {"code": wrong_code(phone)}).status_code == 500
    assert Note.objects.count() == (2 if path == "/on-commit" else 0)
    right = phone.code(time.time())
    assert client.get(path, {"code": right}).content == b"2"
    with pytest.raises(CodeReplayed):
        Client().get(path, {"code": right})


def test_wrong_codes_of_requests_end_in_a_wait(store: DjangoStore) -> None:
    """Of six requests, each of which is rolled back, the sixth is not answered."""
    phone = enrolled(store)
    for _ in range(5):
        with pytest.raises(InvalidCode):
            Client().get("/verify", {"code": wrong_code(phone)})
    with pytest.raises(Throttled):
        Client().get("/verify", {"code": phone.code(time.time())})


def test_a_call_in_an_event_loop_is_forbidden(store: DjangoStore) -> None:
    """Without threads, Django's own words tell the developer what to do; nothing is accepted."""
    phone = enrolled(store)
    with pytest.raises(SynchronousOnlyOperation, match="thread"):
        Client().get("/blocking", {"code": phone.code(time.time())})
    assert Client().get("/async", {"code": phone.code(time.time())}).status_code == 200


def test_a_login_is_two_statements(store: DjangoStore) -> None:
    """One to load, one to swap, and neither BEGIN nor COMMIT."""
    phone = enrolled(store)
    service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), audit=ignore)
    service.status("7")
    with CaptureQueriesContext(ours()) as captured, CaptureQueriesContext(connections["default"]) as theirs:
        service.verify("7", phone.code(time.time()))
    assert [query["sql"].split()[0] for query in captured.captured_queries] == ["SELECT", "UPDATE"]
    assert len(theirs) == 0
    for old, new, statement in ((None, b"1", "INSERT"), (b"1", b"2", "UPDATE"), (b"2", None, "DELETE")):
        with CaptureQueriesContext(ours()) as captured:
            assert store.swap("8", old, new)
        assert [query["sql"].split()[0] for query in captured.captured_queries] == [statement]


def test_a_login_is_two_round_trips(postgres_server: PostgresServer, postgres_database: str) -> None:
    """Counted on the way to the server, also from one request to the next."""
    with (
        Proxy(("127.0.0.1", postgres_server.port)) as proxy,
        application(default=on_postgres(postgres_database, PORT=str(proxy.port))),
    ):
        phone = enrolled(DjangoStore(create=True))
        service = TwoFactor(DjangoStore(), issuer="ACME", sealer=Plaintext(), audit=ignore)
        service.status("7")
        request_finished.send(None)
        request_started.send(None)
        until(lambda: len(proxy._pairs) == 1)  # the application's own connection takes its leave
        before = proxy.round_trips
        service.verify("7", phone.code(time.time()))
        assert proxy.round_trips - before == 2


def test_no_signal_shows_the_bytes(store: DjangoStore) -> None:
    """An application that listens to every model hears nothing of a record; a removal still goes by the value."""
    heard: list[object] = []

    def listen(sender: object, **_: object) -> None:
        if getattr(sender, "__name__", "") == "Record":
            heard.append(sender)

    signals = (pre_save, post_save, pre_delete, post_delete)
    for signal in signals:
        signal.connect(listen)
    try:
        assert store.swap("7", None, b"1")
        assert not store.swap("7", b"0", None)
        assert store.swap("7", b"1", b"2")
        assert store.swap("7", b"2", None)
    finally:
        for signal in signals:
            signal.disconnect(listen)
    assert heard == []


def test_django_knows_no_model_of_it(store: DjangoStore) -> None:
    """No migration of the application's sees the table."""
    assert store.load("7") is None
    assert "totpcore" not in apps.all_models


# ---- the alias ----


def test_it_does_not_connect_before_it_is_needed(sqlite: Path) -> None:
    """Made in a module that is imported at the start, it touches no database."""
    DjangoStore()
    assert ours().connection is None
    assert not sqlite.with_name("db.totpcore.sqlite3").exists()


def test_making_the_table_leaves_no_connection_open(store: DjangoStore) -> None:
    """Neither a test runner nor a fork finds one."""
    assert ours().connection is None
    store.create_table()
    assert ours().connection is None
    assert store.load("7") is None


@pytest.mark.parametrize("alias", ["", "another", "\0"])
def test_an_alias_that_is_not_there_is_refused(sqlite: Path, alias: str) -> None:
    """At once, by the name of the argument."""
    with pytest.raises(InvalidParameters, match="alias"):
        DjangoStore(alias)


def test_the_refusal_names_the_aliases_of_the_application(sqlite: Path) -> None:
    """And not the store's own."""
    DjangoStore()
    with pytest.raises(InvalidParameters, match=r"with an ENGINE: 'default'$"):
        DjangoStore("another")


def test_an_alias_without_an_engine_is_refused() -> None:
    """What Django puts in the place of no database at all."""
    with application(tables=False, default={}), pytest.raises(InvalidParameters, match="alias"):
        DjangoStore()


@pytest.mark.parametrize("given", [{"alias": 7}, {"create": "yes"}])
def test_arguments_of_another_type_are_refused(sqlite: Path, given: dict[str, Any]) -> None:
    """The message names the argument."""
    with pytest.raises(TypeError, match=next(iter(given))):
        DjangoStore(**given)


def test_its_repr_names_the_alias(sqlite: Path) -> None:
    """And nothing else."""
    assert repr(DjangoStore()) == "<DjangoStore: default>"
    assert repr(DjangoStore.__new__(DjangoStore)) == "<DjangoStore: >"


def test_the_settings_of_the_alias(postgres_database: str) -> None:
    """Autocommit and a lasting connection, whatever the application's alias has; its own is left as it is."""
    options = {"isolation_level": IsolationLevel.SERIALIZABLE, "pool": True, "options": "-c synchronous_commit=off"}
    with application(tables=False, default=on_postgres(postgres_database, OPTIONS=options, ATOMIC_REQUESTS=True)):
        before = repr(connections.settings["default"])
        store = DjangoStore(create=True)
        assert store.swap("7", None, b"1")
        settings = ours().settings_dict
        assert (settings["ATOMIC_REQUESTS"], settings["AUTOCOMMIT"], settings["CONN_MAX_AGE"]) == (False, True, None)
        with ours().cursor() as cursor:
            cursor.execute("SHOW default_transaction_isolation")
            assert cursor.fetchone() == ("read committed",)
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("on",)
        assert repr(connections.settings["default"]) == before
        connections["default"].close_pool()  # type: ignore[attr-defined]  # PostgreSQL's


def test_another_database_is_left_as_django_sets_it_up(postgres: str) -> None:
    """As MySQL: on an alias of its own, in Django's own level of isolation, which is read committed."""
    DjangoStore()
    settings = Beside(
        "default", {**connections.settings["default"], "OPTIONS": {"isolation_level": "serializable"}}, ""
    )
    assert settings["NAME"] == connections.settings["default"]["NAME"]
    assert settings["OPTIONS"] == {}
    connections.settings["totpcore.default"].vendor = ""
    with ours().cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)


def test_a_stronger_commit_is_left_as_it_is(postgres_database: str) -> None:
    """Only one that does not wait for the disk is changed."""
    options = {"options": "-c synchronous_commit=remote_apply"}
    with application(tables=False, default=on_postgres(postgres_database, OPTIONS=options)):
        assert DjangoStore(create=True).load("7") is None
        with ours().cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("remote_apply",)


def test_two_aliases_are_two_stores(tmp_path: Path) -> None:
    """Each has its own records."""
    with application(default=on_sqlite(tmp_path / "default.db"), another=on_sqlite(tmp_path / "another.db")):
        one, another = DjangoStore(create=True), DjangoStore("another", create=True)
        assert one.swap("7", None, b"1")
        assert another.load("7") is None
        assert sorted(path.name for path in tmp_path.glob("*.totpcore.db")) == [
            "another.totpcore.db",
            "default.totpcore.db",
        ]


def test_a_transaction_on_its_own_alias_is_refused(store: DjangoStore) -> None:
    """Whoever opens one there would roll the tally back: Django's own words, before anything is written."""
    with transaction.atomic(using="totpcore.default"), pytest.raises(RuntimeError, match="durable"):
        store.swap("7", None, b"1")
    assert store.load("7") is None


# ---- SQLite ----


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("db.sqlite3", "db.totpcore.sqlite3"), (Path("db.sqlite3"), "db.totpcore.sqlite3"), ("db", "db.totpcore"),
        ("file:db.sqlite3?mode=rwc", "db.totpcore.sqlite3"), ("a ?b#50%25 é.db", "a ?b#50%25 é.totpcore.db"),
    ],
)  # fmt: skip
def test_the_records_are_in_a_file_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | Path, beside: str
) -> None:
    """Named after the application's, whatever is in that name, and readable by its owner alone."""
    monkeypatch.chdir(tmp_path)
    with application(tables=False, default=on_sqlite(name)):
        store = DjangoStore(create=True)
        assert store.swap("7", None, b"1")
        made = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        assert made == dict.fromkeys([beside, f"{beside}-wal", f"{beside}-shm"], 0o600)


def test_commits_are_on_the_disk(tmp_path: Path) -> None:
    """WAL with `synchronous=FULL` (2), whatever the application has for itself."""
    options = {"init_command": "PRAGMA synchronous = OFF", "timeout": 1, "transaction_mode": "EXCLUSIVE"}
    with application(default=on_sqlite(tmp_path / "db.sqlite3", OPTIONS=options)):
        assert DjangoStore(create=True).load("7") is None
        with ours().cursor() as cursor:
            asked = [
                cursor.execute(f"PRAGMA {what}").fetchone() for what in ("synchronous", "journal_mode", "busy_timeout")
            ]
    assert asked == [(2,), ("wal",), (60_000,)]


def test_a_file_that_others_hold_is_opened_without_wal(sqlite: Path) -> None:
    """Turning to WAL does not wait for a lock; what is opened meanwhile works as well."""
    store = DjangoStore()
    file = sqlite.with_name("db.totpcore.sqlite3")
    file.touch(mode=0o600)
    with closing(raw.connect(file, isolation_level=None)) as other:
        other.execute("CREATE TABLE other (value)")
        other.execute("BEGIN")
        other.execute("SELECT * FROM other").fetchall()
        started = time.monotonic()
        with ours().cursor() as cursor:
            assert cursor.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert time.monotonic() - started < 30
    store.create_table()
    assert store.swap("7", None, b"1")


def test_a_missing_file_is_an_error_unless_asked_for(sqlite: Path) -> None:
    """It is not made by the way, which would turn everybody's second factor off."""
    store = DjangoStore()
    for call in (partial(store.load, "7"), partial(store.swap, "7", None, b"1")):
        with pytest.raises(StoreError, match=r"^db\.totpcore\.sqlite3 is missing: create_table\(\)"):
            call()
    with pytest.raises(OperationalError):  # nor where it is Django that opens it
        ours().ensure_connection()
    assert not sqlite.with_name("db.totpcore.sqlite3").exists()
    store.create_table()
    store.create_table()
    assert store.load("7") is None


def test_a_folder_that_is_missing_is_a_store_error(tmp_path: Path) -> None:
    """Neither read nor made."""
    with application(tables=False, default=on_sqlite(tmp_path / "none" / "db.sqlite3")):
        with pytest.raises(StoreError, match="cannot be made"):
            DjangoStore(create=True)
        (tmp_path / "none").touch()
        with pytest.raises(StoreError, match="cannot be found"):
            DjangoStore().load("7")


def test_a_missing_table_is_an_error_that_names_what_makes_it(store: DjangoStore) -> None:
    """On either database, for a load and for a swap."""
    with ours().schema_editor() as editor:
        editor.delete_model(record())
    for call in (partial(store.load, "7"), partial(store.swap, "7", b"canary", b"canary")):
        with pytest.raises(StoreError, match=r"^the table totpcore is missing: create_table\(\)") as trouble:
            call()
        assert "canary" not in "".join(traceback.format_exception(trouble.value))
        assert b"canary".hex() not in "".join(traceback.format_exception(trouble.value))
    store.create_table()
    assert store.load("7") is None


def test_a_file_that_is_replaced_is_a_store_error(sqlite: Path) -> None:
    """Before the work and in the midst of it; the next call goes on with what is there."""
    store = DjangoStore(create=True)
    file = sqlite.with_name("db.totpcore.sqlite3")

    def replace() -> None:
        with closing(raw.connect(file)) as reads, closing(raw.connect(file.with_suffix(".copy"))) as writes:
            reads.backup(writes)
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink()
        file.with_suffix(".copy").replace(file)

    assert store.swap("7", None, b"1")
    replace()
    with pytest.raises(StoreError, match=r"db\.totpcore\.sqlite3 was replaced while it was open"):
        store.swap("7", b"1", b"2")
    assert store.load("7") == b"1"

    def meanwhile(execute: Callable[..., object], *given: object) -> object:
        replace()
        return execute(*given)

    with ours().execute_wrapper(meanwhile), pytest.raises(StoreError, match="was replaced"):
        store.load("7")
    assert store.swap("7", b"1", b"2")


def test_a_locked_file_is_a_store_error(sqlite: Path) -> None:
    """In SQLite's words."""
    store = DjangoStore(create=True)
    assert store.load("7") is None
    ours().connection.execute("PRAGMA busy_timeout = 10")
    with closing(raw.connect(sqlite.with_name("db.totpcore.sqlite3"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="SQLite failed: database is locked"):
            store.swap("7", None, b"1")
    assert store.swap("7", None, b"1")


# ---- what can go wrong ----


def test_another_constraint_than_the_keys_is_trouble(store: DjangoStore) -> None:
    """An integrity error is a lost race only where the user has a value."""
    with ours().cursor() as cursor:
        cursor.execute("DROP TABLE totpcore")
        cursor.execute(
            'CREATE TABLE totpcore (key varchar(64) PRIMARY KEY, "user" text, value '
            f"{'bytea' if ours().vendor == 'postgresql' else 'blob'}, CHECK (\"user\" <> '7'))"
        )
    with pytest.raises(StoreError, match="failed"):
        store.swap("7", None, b"1")
    assert store.swap("8", None, b"1")
    assert store.swap("8", None, b"2") is False


def test_what_row_level_security_hides_is_not_absent(postgres_database: str) -> None:
    """A role that cannot see the records is an error: who has none would be let in without a code."""
    with application(default=on_postgres(postgres_database)):
        assert DjangoStore(create=True).swap("7", None, b"1")
        ours().close()
    with psycopg.connect(postgres_database, autocommit=True) as other:
        other.execute("CREATE ROLE limited LOGIN")
        other.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON totpcore TO limited")
        other.execute("ALTER TABLE totpcore ENABLE ROW LEVEL SECURITY")
        with application(tables=False, default=on_postgres(postgres_database, USER="limited")):
            for call in (lambda: DjangoStore().load("7"), lambda: DjangoStore().swap("7", b"1", b"2")):
                with pytest.raises(StoreError, match="row-level security"):
                    call()
            ours().close()
        other.execute("DROP OWNED BY limited")
        other.execute("DROP ROLE limited")


def test_a_lock_is_waited_for_only_so_long(postgres: str) -> None:
    """A statement on PostgreSQL may take as long as one on SQLite."""
    store = DjangoStore(create=True)
    assert store.load("7") is None
    with ours().cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("1min",)
        cursor.execute("SET statement_timeout = '200ms'")
    with psycopg.connect(postgres) as other:
        other.execute("LOCK TABLE totpcore IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError, match="statement timeout"):
            store.load("7")
    assert store.load("7") is None


def test_a_commit_with_a_warning_is_an_error(postgres: str) -> None:
    """So PostgreSQL tells of a standby that it has not waited for. A notice is none, nor is one of before."""
    store = DjangoStore(create=True)
    for severity in ("NOTICE", "WARNING"):
        with ours().cursor() as cursor:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN RAISE {severity} '%', NEW.value; RETURN NEW; END $$;"
                "CREATE OR REPLACE TRIGGER tell BEFORE INSERT ON totpcore FOR EACH ROW EXECUTE FUNCTION tell()"
            )
        if severity == "NOTICE":
            assert store.swap("7", None, b"1")
        else:
            with pytest.raises(StoreError, match=r"not on the standby .* \(SQLSTATE 01000\)$"):
                store.swap("8", None, b"1")
    assert store.swap("7", b"1", b"2")
    assert store.load("8") == b"1"


def test_no_traceback_shows_what_is_stored(postgres: str) -> None:
    """PostgreSQL quotes the whole row where a constraint fails, and a trigger or a cast may quote it in its words."""
    check_that_nothing_is_quoted(DjangoStore(create=True), postgres, users="user")


def test_only_the_first_line_of_an_error_is_told(store: DjangoStore) -> None:
    """PostgreSQL quotes the row below it; nor does it matter that the question for the table fails as well."""
    assert store.load("7") is None

    def fail(*_: object) -> None:
        raise OperationalError("too bad\nDETAIL: canary")

    with ours().execute_wrapper(fail), pytest.raises(StoreError, match="failed: too bad") as trouble:
        store.load("7")
    assert "canary" not in str(trouble.value)
    assert store.load("7") is None


def test_a_table_made_by_another_process_meanwhile(store: DjangoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes that start at once: the one that comes late finds what it wanted."""
    looks = iter([False, True])
    monkeypatch.setattr(_django_table, "exists", lambda _: next(looks))
    store.create_table()
    assert store.load("7") is None


def test_a_table_that_cannot_be_made_is_a_store_error(store: DjangoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not taken for one that is there."""
    monkeypatch.setattr(_django_table, "exists", lambda _: False)
    with pytest.raises(StoreError):
        store.create_table()


def test_processes_that_start_at_once(store: DjangoStore) -> None:
    """Each makes the table, and each goes on."""
    with ours().schema_editor() as editor:
        editor.delete_model(record())
    ours().close()

    def start(number: int) -> bool:
        one = DjangoStore(create=True)
        return one.swap(str(number), None, b"1")

    assert in_processes([partial(start, number) for number in range(6)]) == [True] * 6
    assert sorted(store.users()) == [str(number) for number in range(6)]


def end_connections_of(conninfo: str) -> None:
    """End them from the server's side, as a restart does."""
    with psycopg.connect(conninfo) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


def test_a_connection_that_ended_is_found_again(postgres: str) -> None:
    """A load is tried again; a swap is not, and the next call is on a fresh connection."""
    store = DjangoStore(create=True)
    assert store.swap("7", None, b"1")
    end_connections_of(postgres)
    assert store.load("7") == b"1"
    end_connections_of(postgres)
    with pytest.raises(StoreError, match="PostgreSQL failed: "):
        store.swap("7", b"1", b"2")
    assert store.swap("7", b"1", b"2")
    end_connections_of(postgres)
    assert list(store.users()) == ["7"]
    end_connections_of(postgres)
    assert store.load_many(["7", "8"]) == {"7": b"2"}
    connections["default"].close()


def test_a_first_value_whose_answer_is_lost_is_trouble(store: DjangoStore) -> None:
    """It is not taken for a lost race, though there is a value afterwards: the caller's own."""
    assert store.load("7") is None

    def lose(execute: Callable[..., object], statement: str, *given: object) -> object:
        done = execute(statement, *given)
        if statement.startswith("INSERT"):
            raise OperationalError("the answer was lost")
        return done

    with ours().execute_wrapper(lose), pytest.raises(StoreError, match="the answer was lost"):
        store.swap("7", None, b"1")
    assert store.load("7") == b"1"


def test_a_server_that_is_away_is_a_store_error() -> None:
    """It is told once, in the driver's words without a password."""
    away = {"ENGINE": "django.db.backends.postgresql", "NAME": "none", "HOST": "127.0.0.1", "PORT": str(free_port())}
    with application(tables=False, default={**away, "PASSWORD": "canary"}):
        with pytest.raises(StoreError, match="PostgreSQL failed: ") as trouble:
            DjangoStore().load("7")
        assert "canary" not in "".join(traceback.format_exception(trouble.value))


def test_a_connection_that_cannot_be_prepared_is_not_used(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed, so that the next call does not take it for one that is read committed."""
    store = DjangoStore(create=True)
    with monkeypatch.context() as patched:
        patched.setattr(_django_connection, "_POSTGRESQL_SESSION", "SELECT nonsense")
        with pytest.raises(StoreError):
            store.load("7")
        assert ours().connection is None
    assert store.load("7") is None


# ---- threads and forks ----


def backends_of(conninfo: str) -> list[int]:
    """Return the server's processes that serve a store."""
    with psycopg.connect(conninfo) as other:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return [pid for (pid,) in other.execute(query).fetchall()]


def until_alone(conninfo: str, backend: int) -> None:
    """Of those this one is left; what was closed is there for a moment more."""
    until(lambda: backends_of(conninfo) == [backend])


def test_a_thread_closes_its_connection(postgres: str) -> None:
    """Prompt, also where it met an exception, whose traceback keeps frames alive."""
    store = DjangoStore(create=True)
    connections["default"].close()
    assert store.swap("7", None, b"1")
    mine = ours().connection.info.backend_pid
    assert in_threads([partial(store.swap, "7", None, b"2")] * 4) == [False] * 4
    until_alone(postgres, mine)


def test_a_child_leaves_its_parents_connection(postgres: str) -> None:
    """Also where the application closes all that it has: the parent's session goes on."""
    store = DjangoStore(create=True)
    connections["default"].close()
    assert store.swap("7", None, b"1")
    mine = ours().connection.info.backend_pid

    def child() -> object:
        connections.close_all()
        return store.load("7"), store.swap("7", b"1", b"2")

    assert in_processes([child]) == [(b"1", True)]
    assert store.load("7") == b"2"
    until_alone(postgres, mine)


@pytest.mark.parametrize("hooks", [False, True])
def test_what_was_opened_before_a_fork_is_left(postgres: str, monkeypatch: pytest.MonkeyPatch, hooks: bool) -> None:
    """It is kept, and never used nor closed, whether or not Python's fork hooks were run."""
    store = DjangoStore(create=True)
    assert store.swap("7", None, b"1")
    parents, there = ours(), os.getpid() + 1
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: there)
        if hooks:
            _django_connection._after_fork_in_child()
            assert ours() is not parents
        assert store.load("7") == b"1"
        assert ours() is not parents
        assert parents in _django_connection._inherited
        assert parents.connection.closed is False
        store.close()
    _django_connection._inherited.remove(parents)
    parents.close()


def test_a_dead_thread_of_the_parents_keeps_its_connection(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child clears up the threads it has not got, and leaves what they had open."""
    store, there = DjangoStore(create=True), os.getpid() + 1
    seen: list[BaseDatabaseWrapper] = []

    def work() -> None:
        store.load("7")
        ours().inc_thread_sharing()
        seen.append(ours())
        monkeypatch.setattr(os, "getpid", lambda: there)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    monkeypatch.undo()
    assert seen[0] in _django_connection._inherited
    assert seen[0].connection.closed is False
    _django_connection._inherited.remove(seen[0])
    seen[0].close()


def test_a_child_without_fork_hooks_is_refused_on_sqlite(sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite keeps the books of the parent there, and would accept a swap that was lost."""
    store = DjangoStore(create=True)
    assert store.swap("7", None, b"1")
    parents, there = ours(), os.getpid() + 1
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: there)
        for _ in range(2):
            with pytest.raises(StoreError, match="after the fork"):
                store.load("7")
    _django_connection._inherited.remove(parents)
    parents.close()
    _django_connection._local.end.held.clear()
    _django_connection._local.end.files.clear()


def test_a_child_without_fork_hooks_opens_what_was_closed(sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a server's workers do, where the table was made before they were forked."""
    store, there = DjangoStore(create=True), os.getpid() + 1
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: there)
        assert store.load("7") is None
        store.close()


def test_a_child_keeps_its_copy_of_what_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the workers of Django's parallel tests have it, with the transaction of a test case on it."""
    with application(default=on_sqlite(":memory:")):
        store, there = DjangoStore(), os.getpid() + 1
        assert store.swap("7", None, b"1")
        kept = ours()
        with monkeypatch.context() as forked:
            forked.setattr(os, "getpid", lambda: there)
            assert store.load("7") == b"1"
            assert ours() is kept


def test_no_sqlite_file_is_open_at_a_fork(sqlite: Path) -> None:
    """Of no thread, and each goes on afterwards."""
    store = DjangoStore(create=True)
    assert store.swap("7", None, b"1")
    arrived, forked = threading.Event(), threading.Event()
    told: list[object] = []

    def work() -> None:
        told.append(store.load("7"))
        arrived.set()
        forked.wait()
        told.append(store.swap("7", b"2", b"3"))

    def child() -> object:
        return open_files(sqlite), store.load("7"), store.swap("7", b"1", b"2")

    thread = threading.Thread(target=work)
    thread.start()
    arrived.wait()
    assert in_processes([child]) == [(0, b"1", True)]
    forked.set()
    thread.join()
    assert told == [b"1", True]
    assert store.load("7") == b"3"


def test_a_fork_waits_for_a_thread_at_work(sqlite: Path) -> None:
    """Its connection is not closed in the midst of a statement."""
    store = DjangoStore(create=True)
    working, done = threading.Event(), threading.Event()

    def slowly(execute: Callable[..., object], *given: object) -> object:
        working.set()
        done.wait()
        return execute(*given)

    def work() -> bool:
        assert store.load("7") is None
        with ours().execute_wrapper(slowly):
            return store.swap("7", None, b"1")

    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(work)
        working.wait()
        threading.Timer(0.3, done.set).start()
        assert in_processes([partial(store.load, "7")]) == [b"1"]
        assert told.result() is True


def open_files(database: Path) -> int:
    """Return how many descriptors of this process are on the store's file beside a database."""
    there = str(database.with_name("db.totpcore.sqlite3"))
    return sum(str(link.resolve()).startswith(there) for link in Path("/proc/self/fd").iterdir())


def test_a_store_that_was_closed_opens_again(store: DjangoStore) -> None:
    """And nothing is open meanwhile."""
    assert store.swap("7", None, b"1")
    store.close()
    store.close()
    assert ours().connection is None
    assert store.load("7") == b"1"


# ---- Django's test cases ----


def outcome(case: type[SimpleTestCase]) -> list[str]:
    """Run a test case's class, and return the text of what fails."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    assert result.testsRun
    return [text for _, text in [*result.errors, *result.failures]]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def in_test_databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DjangoStore]:
    """A store that was in use before the test databases were made, as by an import, with the table in those."""
    if request.param == "postgres":
        settings = on_postgres(request.getfixturevalue("postgres_database"))
    else:
        name = str(tmp_path / "tests.sqlite3") if request.param == "sqlite" else None
        settings = on_sqlite(tmp_path / "db.sqlite3", TEST={"NAME": name})
    with application(tables=False, default=settings):
        store = DjangoStore(create=True)
        assert store.swap("7", None, b"of production")
        aliases = {"default": True, "totpcore.default": True}  # those that the test cases name
        made = setup_databases(verbosity=0, interactive=False, aliases=aliases)
        try:
            store.create_table()
            yield store
        finally:
            store.close()  # as a test case does at its end
            teardown_databases(made, verbosity=0)
        assert store.load("7") == b"of production"
        assert list(store.users()) == ["7"]


def test_a_test_case_that_names_the_alias_rolls_it_back(in_test_databases: DjangoStore) -> None:
    """Each test finds an empty store, and a lost swap does not end its transaction; production is not touched."""

    class Rolls(TestCase):
        databases = {"default", "totpcore.default"}  # noqa: RUF012  # as Django has it

        def test_one(self) -> None:
            assert in_test_databases.swap("7", None, b"1")
            assert not in_test_databases.swap("7", None, b"2")
            assert in_test_databases.swap("7", b"1", b"2")
            in_test_databases.close()
            assert in_test_databases.load("7") == b"2"

        test_another = test_one

    assert outcome(Rolls) == []
    assert in_test_databases.load("7") is None


def test_a_test_case_that_does_not_name_it_is_refused(in_test_databases: DjangoStore) -> None:
    """By Django, in words that say what to do."""

    class Forgets(TestCase):
        def test_one(self) -> None:
            in_test_databases.load("7")

    (text,) = outcome(Forgets)
    assert "Add 'totpcore.default' to" in text


def test_a_transaction_test_case_commits(in_test_databases: DjangoStore) -> None:
    """What it leaves stays until it is removed, and no connection does: it would keep the database from its end."""

    class Commits(TransactionTestCase):
        databases = {"default", "totpcore.default"}  # noqa: RUF012  # as Django has it

        def test_one(self) -> None:
            assert in_test_databases.swap("7", None, b"1")
            with transaction.atomic(durable=True):
                assert in_test_databases.swap("7", b"1", b"2")

    assert outcome(Commits) == []
    assert ours().connection is None or "mode=memory" in ours().settings_dict["NAME"]
    assert in_test_databases.load("7") == b"2"


def test_a_store_that_is_made_in_the_midst_of_a_test(tmp_path: Path) -> None:
    """Django finds no alias at the end of a class that it had not at its start; the next class has to name it."""

    class First(TestCase):
        def test_one(self) -> None:
            assert DjangoStore().swap("7", None, b"1")
            assert "totpcore.default" not in connections

    class Second(TestCase):
        def test_one(self) -> None:
            DjangoStore().load("7")

    # Without migrations: that of totpcore.django makes a store.
    with application(tables=False, default=on_sqlite(tmp_path / "db.sqlite3", TEST={"MIGRATE": False})):
        made = setup_databases(verbosity=0, interactive=False, aliases={"default": True})
        try:
            assert outcome(First) == []
            (text,) = outcome(Second)
        finally:
            teardown_databases(made, verbosity=0)
    assert "Add 'totpcore.default' to" in text


def test_a_connection_in_memory_can_be_shared_with_a_thread() -> None:
    """As Django's live server does: what one thread keeps, the other finds, and its end closes nothing."""
    with application(default=on_sqlite(":memory:")):
        store = DjangoStore()
        assert store.swap("7", None, b"1")
        shared = ours()
        shared.inc_thread_sharing()

        def work() -> bytes | None:
            connections["totpcore.default"] = shared
            return store.load("7")

        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(work).result() == b"1"
        assert store.swap("7", b"1", b"2")


# ---- before Django is there ----


def run(code: str) -> str:
    """Return what a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_without_django_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Django is not installed, the module says what to install; the rest works without."""
    import_module = builtins.__import__

    def without_django(name: str, *given: Any, **named: Any) -> object:
        if name.partition(".")[0] == "django":
            raise ImportError(name)
        return import_module(name, *given, **named)

    monkeypatch.delitem(sys.modules, "totpcore.stores.django")
    monkeypatch.setattr(builtins, "__import__", without_django)
    with pytest.raises(ImportError, match=r"totpcore\[django\]"):
        importlib.import_module("totpcore.stores.django")


def test_the_package_does_not_import_it() -> None:
    """`import totpcore.stores` costs no Django."""
    assert run("import sys, totpcore.stores; print('django' in sys.modules)") == "False\n"


@pytest.mark.parametrize(
    ("before", "error"),
    [
        ("", "ImproperlyConfigured"),
        (
            f"from django.conf import settings\nsettings.configure(DATABASES={{'default': {on_sqlite('none')}}})",
            "AppRegistryNotReady",
        ),
    ],
)
def test_what_comes_too_early_is_told_at_once(before: str, error: str) -> None:
    """The module can be imported before Django is set up; a store cannot be made, and says why in Django's words."""
    attempt = "try: DjangoStore()\nexcept Exception as error: print(type(error).__name__)"
    code = f"from totpcore.stores.django import DjangoStore\n{before}\n{attempt}"
    assert run(code) == f"{error}\n"


def test_a_connection_is_nobody_elses_at_any_moment(sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that opens one while another is just opening its own does not take that for one of a parent's."""
    monkeypatch.setattr(_connections, "Connection", Watched)
    monkeypatch.setattr(_django_connection, "_local", _django_connection._Local())
    store = DjangoStore(create=True)
    assert store.swap("7", None, b"1")
    assert any(type(connection) is Watched for connection in _connections._connections)
