"""`PostgresStore` and `AsyncPostgresStore`, on a real server. What is tested by name of a `Make` is tested on both."""

import asyncio
import builtins
import importlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import Protocol, cast

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier
from psycopg_pool._acompat import AQueue
from psycopg_pool.base import AttemptWithBackoff
from psycopg_pool.pool_async import MaintenanceTask

from servers import until
from servers.postgres import PostgresServer, as_url
from servers.proxy import Proxy
from servers.quoting import check_that_nothing_is_quoted
from totpcore import AsyncTwoFactor, InvalidCode, InvalidParameters, Plaintext, StoreError, TwoFactor
from totpcore._guard import Hidden
from totpcore.ports import Store
from totpcore.stores import DurabilityWarning, _postgres_pool, _postgres_pool_async
from totpcore.stores.postgres import AsyncPostgresStore, PostgresStore, create_table_sql
from totpcore.testing import AsyncStoreContract, HandClock, Phone, StoreContract, StoreFactory
from totpcore.testing._awaiting import EventLoop, Waiting
from totpcore.testing._races import in_processes, in_threads

pytest_plugins = ["servers.fixtures"]

FORKS_BESIDE_THREADS = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


class Stored(Store, Protocol):
    """What both stores are to a test, once one of them is put behind an event loop."""

    def create_table(self) -> None: ...
    def users(self) -> Iterator[str]: ...
    def load_many(self, users: list[str], /) -> dict[str, bytes]: ...
    def close(self) -> None: ...


class Make(Protocol):
    """Makes a store, sync or async; what it made is closed at the end of the test."""

    def __call__(
        self,
        conninfo: str,
        *,
        schema: str | None = None,
        table: str = "totpcore",
        connections: int = 10,
        wait_seconds: float = 30,
        behind_pooler: bool = False,
    ) -> Stored: ...


@pytest.fixture(params=[PostgresStore, AsyncPostgresStore])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Either store, called alike."""
    loop, made = EventLoop(), list[Stored]()

    def make(conninfo: str, **named: object) -> Stored:
        store = request.param(conninfo, **named)
        made.append(cast("Stored", store if isinstance(store, PostgresStore) else Waiting(store, loop)))
        return made[-1]

    yield cast("Make", make)
    for store in made:
        store.close()
    loop.stop()


@pytest.fixture
def table(postgres_database: str) -> str:
    """A database with the table in it, made as the documentation says."""
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(create_table_sql().encode())
    return postgres_database


class _OnPostgres:
    """How the contract's server is treated."""

    restarts = True
    cuts = True

    @pytest.fixture(autouse=True)
    def _a_server(self, postgres_server: PostgresServer, table: str, request: pytest.FixtureRequest) -> Iterator[None]:
        self.server, self.database = postgres_server, table
        with Proxy(("127.0.0.1", postgres_server.port)) as self.proxy:
            through = self.proxy.port if "lost_answer" in request.node.name else postgres_server.port
            self.conninfo = make_conninfo(table, port=through)
            yield

    def in_rolled_back_transaction(self, store_factory: StoreFactory, call: Callable[[], None]) -> None:
        with psycopg.connect(self.database) as connection:
            connection.execute("CREATE TABLE application (name text)")
            call()
            connection.rollback()

    def restart_server(self) -> None:
        self.server.restart()

    def cutting(self) -> AbstractContextManager[None]:
        return self.proxy.cutting()


class TestPostgresStore(_OnPostgres, StoreContract):
    """The contract."""

    @pytest.fixture
    def store_factory(self) -> StoreFactory:
        return lambda: PostgresStore(self.conninfo)


class TestAsyncPostgresStore(_OnPostgres, AsyncStoreContract):
    """The contract, awaited."""

    @pytest.fixture
    def store_factory(self) -> Callable[[], AsyncPostgresStore]:
        return lambda: AsyncPostgresStore(self.conninfo)


# ---- one statement, on a connection of its own ----


@pytest.mark.parametrize("behind_pooler", [False, True])
def test_a_load_and_a_swap_are_one_round_trip_each(
    postgres_server: PostgresServer, table: str, make: Make, behind_pooler: bool
) -> None:
    """No BEGIN, no COMMIT, nothing before or after. Where statements are prepared, that is one more, once for each."""
    with Proxy(("127.0.0.1", postgres_server.port)) as proxy:
        store = make(make_conninfo(table, port=proxy.port), connections=1, behind_pooler=behind_pooler)
        store.load("7")

        def count(call: Callable[[], object]) -> int:
            before = proxy.round_trips
            call()
            return proxy.round_trips - before

        assert count(lambda: store.swap("7", None, b"1")) == 1
        uses = []
        for _ in range(9):
            uses.append(count(lambda: store.load("7")))
            uses.append(count(lambda: store.swap("7", b"1", b"1")))
        assert Counter(uses) == ({1: 18} if behind_pooler else {1: 16, 2: 2})
        assert count(lambda: store.swap("7", b"1", None)) == 1
        assert count(lambda: store.load_many([str(number) for number in range(1000)])) == 1
        store.close()


def test_a_log_in_is_two_round_trips(postgres_server: PostgresServer, table: str) -> None:
    """A load and a swap: for the right code, and for a wrong one, which is charged."""
    clock = HandClock(1_800_000_000)
    with Proxy(("127.0.0.1", postgres_server.port)) as proxy:
        store = PostgresStore(make_conninfo(table, port=proxy.port), connections=1)
        service = TwoFactor(store, issuer="Trips", sealer=Plaintext(), clock=clock, audit=lambda _event: None)
        phone = Phone.scan(service.enrol("7", account="alice").uri)
        service.confirm("7", phone.code(clock()))
        before = 0
        for _ in range(8):
            clock.tick(30)
            before = proxy.round_trips
            service.verify("7", phone.code(clock()))
        assert proxy.round_trips - before == 2
        before = proxy.round_trips
        window = {phone.code(clock() + 30 * step) for step in (-1, 0, 1)}
        wrong = next(code for code in ("000000", "111111", "222222", "333333") if code not in window)
        with pytest.raises(InvalidCode):
            service.verify("7", wrong)
        assert proxy.round_trips - before == 2
        store.close()


def test_no_transaction_stays_open_while_users_are_read(table: str, make: Make) -> None:
    """Between two pages nothing is held up at the server; they come in the order of their code points."""
    store = make(table)
    users = sorted([f"{number:04}" for number in range(2100)] + ["a", "B", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
    with psycopg.connect(table, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO totpcore VALUES (%s, 'x')", [(user,) for user in reversed(users)])
        listing = iter(store.users())
        assert next(listing) == "0000"
        states = connection.execute("SELECT DISTINCT state FROM pg_stat_activity WHERE application_name = 'totpcore'")
        assert states.fetchall() == [("idle",)]
    assert ["0000", *listing] == users


def test_thirty_two_tasks_log_in_one_user(table: str) -> None:
    """With one code, on ten connections: one is accepted, all others are told that it is spent."""

    async def race() -> Counter[str]:
        clock = HandClock(1_800_000_000)
        store = AsyncPostgresStore(table)
        service = AsyncTwoFactor(store, issuer="Race", sealer=Plaintext(), clock=clock, audit=lambda _event: None)
        phone = Phone.scan((await service.enrol("7", account="alice")).uri)
        await service.confirm("7", phone.code(clock()))
        clock.tick(30)
        told = await asyncio.gather(
            *(service.verify("7", phone.code(clock())) for _ in range(32)), return_exceptions=True
        )
        await store.close()
        return Counter(type(answer).__name__ for answer in told)

    assert asyncio.run(race()) == {"Accepted": 1, "CodeReplayed": 31}


# ---- what the surroundings set does not matter ----


@contextmanager
def role_with(conninfo: str, **settings: str) -> Iterator[str]:
    """A role with settings of its own, as a conninfo."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("CREATE ROLE app LOGIN")
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app")
        for name, value in settings.items():
            connection.execute(SQL("ALTER ROLE app SET {} = {}").format(Identifier(name), value))
        yield make_conninfo(conninfo, user="app")
        connection.execute("DROP OWNED BY app")
        connection.execute("DROP ROLE app")


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
def test_the_isolation_level_of_the_role_does_not_matter(table: str, make: Make, level: str) -> None:
    """A swap that lost a race is `False`; under a stricter level PostgreSQL would raise."""
    with role_with(table, default_transaction_isolation=level) as conninfo:
        store, held = make(conninfo), None
        for number in range(20):
            values = [f"{number} {racer}".encode() for racer in range(8)]
            won = in_threads([partial(store.swap, "7", held, value) for value in values])
            assert Counter(won) == {True: 1, False: 7}
            held = values[won.index(True)]
        store.close()


@pytest.mark.parametrize("where", ["ROLE app", "DATABASE"])
def test_settings_of_the_role_or_the_database_do_not_matter(
    table: str, make: Make, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Neither read-only, nor a commit that does not wait for the disk, nor another encoding, nor an endless wait."""
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    monkeypatch.setenv("PGOPTIONS", "-c default_transaction_isolation=serializable")
    database = str(conninfo_to_dict(table)["dbname"])
    user = "\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL X}"
    with role_with(table) as conninfo:
        store = make(conninfo)
        assert store.swap(user, None, b"1") is True
        with psycopg.connect(table, autocommit=True) as connection:
            whose = SQL("ROLE app") if where == "ROLE app" else SQL("DATABASE {}").format(Identifier(database))
            for setting in ("default_transaction_read_only = on", "synchronous_commit = off",
                            "statement_timeout = 0", "client_encoding = LATIN1"):  # fmt: skip
                connection.execute(SQL("ALTER {} SET {}").format(whose, SQL(setting)))
        store.close()
        store = make(make_conninfo(conninfo, client_encoding="LATIN1"), wait_seconds=7)
        assert store.load(user) == b"1"
        assert store.swap(user, b"1", b"2") is True
        assert settings_of(store) == ["read committed", "off", "on", "7s", "UTF8"]
        store.close()


def test_a_commit_that_waits_for_more_than_the_disk_stays_so(table: str, make: Make) -> None:
    """Only `synchronous_commit=off` is raised; what a role asks for beyond is kept."""
    with role_with(table, synchronous_commit="remote_apply") as conninfo:
        store = make(conninfo)
        assert settings_of(store)[2] == "remote_apply"
        store.close()


def settings_of(store: Stored) -> list[object]:
    """What holds on a connection of the store's."""
    names = ("default_transaction_isolation", "default_transaction_read_only", "synchronous_commit",
             "statement_timeout", "client_encoding")  # fmt: skip
    query = "SELECT " + ", ".join(f"current_setting('{name}')" for name in names)
    return list(rows_of(store, query)[0])


def rows_of(store: Stored, query: str) -> list[tuple[object, ...]]:
    """What a connection of the store's answers."""
    if isinstance(store, Waiting):
        inner = cast("AsyncPostgresStore", store.inner)
        return store._loop.run(inner._connections.rows(query.encode()))
    return cast("PostgresStore", store)._connections.rows(query.encode())


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_may_forget_is_warned_of_once(
    postgres_server: PostgresServer, table: str, make: Make, setting: str
) -> None:
    """The warning names the setting and what it costs; the store works."""

    def turn(value: str) -> None:
        with psycopg.connect(table, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET {setting} = {value}".encode())
            connection.execute("SELECT pg_reload_conf()")
        while True:
            with psycopg.connect(table) as connection:
                if connection.execute(f"SHOW {setting}".encode()).fetchone() == (value,):
                    return

    # The fixture server's own command line would prevail over ALTER SYSTEM, so it sets neither there.
    turn("off")
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            store = make(table)
            assert store.swap("7", None, b"1") is True
            store.close()
            assert store.load("7") == b"1"
        (warning,) = warned
        assert warning.category is DurabilityWarning
        assert re.search(f"{setting} off: .* a code opens twice", str(warning.message))
    finally:
        turn("on")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert make(table).load("7") == b"1"


def test_behind_a_pooler_nothing_is_prepared_or_set(table: str, make: Make) -> None:
    """Otherwise each statement is prepared once it was used a few times."""
    prepared = {}
    for behind_pooler in (True, False):
        store = make(table, connections=1, behind_pooler=behind_pooler)
        for _ in range(10):
            store.load("7")
        prepared[behind_pooler] = rows_of(store, "SELECT count(*) FROM pg_prepared_statements")[0][0]
        changed = rows_of(store, "SELECT count(*) FROM pg_settings WHERE source = 'session'")[0][0]
        assert bool(changed) is not behind_pooler
    assert prepared == {True: 0, False: 1}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("default_transaction_isolation", "serializable"),
        ("default_transaction_read_only", "on"),
        ("synchronous_commit", "off"),
    ],
)
def test_behind_a_pooler_what_is_set_wrong_is_told(table: str, make: Make, setting: str, value: str) -> None:
    """It is not set there, for it would be set for others; so the store says what to set, and does not work."""
    with role_with(table, **{setting: value}) as conninfo, pytest.raises(StoreError, match=f"{setting} is {value}"):
        make(conninfo, behind_pooler=True).load("7")


# ---- the table ----


def test_a_missing_table_is_told_of(postgres_database: str, make: Make) -> None:
    """The message says how it is made; then it is."""
    store = make(postgres_database)
    for call in (lambda: store.load("7"), lambda: store.swap("7", None, b"1"), lambda: list(store.users())):
        with pytest.raises(StoreError, match=r'no table "totpcore": create_table\(\) makes it'):
            call()
    store.create_table()
    store.create_table()
    assert store.swap("7", None, b"1") is True


def test_many_make_the_table_at_once(postgres_database: str, make: Make) -> None:
    """All of them get a working store."""
    for number in range(10):
        table = f"table {number}"
        stores = [make(postgres_database, table=table, connections=1) for _ in range(4)]
        in_threads([store.create_table for store in stores])
        assert Counter(in_threads([partial(store.swap, "7", None, b"1") for store in stores])) == {True: 1, False: 3}
        for store in stores:
            store.close()


@pytest.mark.parametrize("schema", [None, 'we"ird', "a%s.b", "\N{LATIN SMALL LETTER E WITH ACUTE}" * 31])
@pytest.mark.parametrize("table", ["totpcore", 'x"; DROP TABLE totpcore; --', "%s%%", "Two Words", "x" * 63])
def test_the_documented_statement_makes_the_table(
    postgres_database: str, make: Make, schema: str | None, table: str
) -> None:
    """Under any name, which is quoted; and it makes what `create_table` makes."""
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        if schema is not None:
            connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
        connection.execute(create_table_sql(schema=schema, table=table).encode())
        store = make(postgres_database, schema=schema, table=table)
        store.create_table()
        assert store.swap("7", None, b"1") is True
        assert store.swap("7", b"1", b"2") is True
        assert list(store.users()) == ["7"]
        assert store.load_many(["7", "8"]) == {"7": b"2"}
        name = Identifier(*([schema] if schema else []), table)
        columns = connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation::text"
            " FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0",
            (name.as_string(),),
        )
        assert columns.fetchall() == [("user_id", "text", True, '"C"'), ("value", "bytea", True, "-")]
        assert store.swap("7", b"2", None) is True


@pytest.mark.parametrize("argument", ["schema", "table"])
@pytest.mark.parametrize("name", ["", "x" * 64, "\N{LATIN SMALL LETTER E WITH ACUTE}" * 32, "a\0b", 7])
def test_names_that_postgresql_would_not_take_are_refused(argument: str, name: object) -> None:
    """It would cut a long one off, and may then find another table."""
    with pytest.raises((InvalidParameters, TypeError), match=argument):
        create_table_sql(**{argument: name})  # type: ignore[arg-type]  # what a developer may pass


def test_a_database_in_another_encoding_is_refused(postgres_server: PostgresServer, make: Make) -> None:
    """It could not hold every user id."""
    conninfo = postgres_server.create_database(encoding="LATIN1")
    store = make(conninfo)
    with pytest.raises(StoreError, match="LATIN1: user ids of any alphabet need UTF8"):
        store.create_table()
    store.close()
    postgres_server.drop_database(conninfo)


def test_a_role_without_the_right_to_make_tables(table: str, make: Make) -> None:
    """It can use the one that is there, and is told where there is none."""
    with role_with(table) as conninfo:
        store = make(conninfo)
        store.create_table()
        assert store.swap("7", None, b"1") is True
        another = make(conninfo, table="another")
        with pytest.raises(StoreError, match="permission denied"):
            another.create_table()
        store.close()
        another.close()


# ---- trouble ----


@contextmanager
def locked(conninfo: str) -> Iterator[psycopg.Connection]:
    """Inside, nobody can read or change the table."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("LOCK TABLE totpcore IN ACCESS EXCLUSIVE MODE")
        yield connection
        connection.rollback()


def end_connections(conninfo: str, *, waiting: bool = False) -> None:
    """Have the server end the store's connections: all of them, or as soon as there is one that waits for a lock.

    Returns once they are gone: one that has yet to end has not said farewell, and would be counted a second time.
    """
    query = SQL(
        "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'totpcore' AND datname = current_database() {}"
    ).format(SQL("AND wait_event_type = 'Lock'" if waiting else ""))
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while not (ended := connection.execute(query).fetchall()):
            time.sleep(0.01)
        left, pids = "SELECT FROM pg_stat_activity WHERE pid = ANY(%s)", [pid for pid, _ in ended]
        until(lambda: not connection.execute(left, (pids,)).fetchall())


def until_one_waits(conninfo: str) -> None:
    """Return once a connection of the store's waits for a lock."""
    query = "SELECT FROM pg_stat_activity WHERE application_name = 'totpcore' AND wait_event_type = 'Lock'"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        until(lambda: bool(connection.execute(query).fetchall()))


def let_wait(store: Stored, seconds: float) -> None:
    """Let a store that is open wait so long from now on: to open one may take a busy machine longer than that."""
    inner = store.inner if isinstance(store, Waiting) else store
    cast("PostgresStore", inner)._plan.wait_seconds = seconds


def in_thread(call: Callable[[], object]) -> "Future[object]":
    """Call in another thread, and return what will come of it."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(call)
    pool.shutdown(wait=False)
    return future


def test_connections_that_the_server_ended_are_not_used(table: str, make: Make) -> None:
    """Ended between a load and a swap, or all of several: that is found out before anything is sent."""
    store = make(table)
    assert store.swap("7", None, b"0") is True
    for number in range(5):
        in_threads([partial(store.load, "7")] * 8)
        end_connections(table)
        assert store.swap("7", b"%d" % number, b"%d" % (number + 1)) is True


def test_a_load_whose_connection_is_lost_is_tried_once_more(table: str, make: Make) -> None:
    """Lost while PostgreSQL was at work on it. A second time it is a `StoreError`."""
    store = make(table)
    store.swap("7", None, b"1")
    with locked(table) as lock:
        told = in_thread(lambda: store.load("7"))
        end_connections(table, waiting=True)
        lock.rollback()
        assert told.result(30) == b"1"
    with locked(table):
        told = in_thread(lambda: store.load("7"))
        end_connections(table, waiting=True)
        end_connections(table, waiting=True)
        with pytest.raises(StoreError, match=r"lost before PostgreSQL answered"):
            told.result(30)


def test_where_one_connection_is_lost_all_are_replaced(table: str, make: Make) -> None:
    """The others may be as dead, as behind a firewall that forgot them, where nothing tells of it."""
    store = make(table)
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'totpcore' AND datname = current_database()"

    def pids() -> set[tuple[int]]:
        with psycopg.connect(table) as connection:
            return set(connection.execute(query).fetchall())

    while len(before := pids()) < 3:
        in_threads([partial(store.load, "7")] * 8)
    with locked(table) as lock:
        told = in_thread(lambda: store.load("7"))
        end_connections(table, waiting=True)
        lock.rollback()
        assert told.result(30) is None
    deadline = time.monotonic() + 30
    while before & pids() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not before & pids()


def test_a_swap_whose_connection_is_lost_is_not_repeated(
    postgres_server: PostgresServer, table: str, make: Make
) -> None:
    """Whether it was done is not known, so it is a `StoreError`; afterwards the store goes on."""
    with Proxy(("127.0.0.1", postgres_server.port)) as proxy:
        store = make(make_conninfo(table, port=proxy.port))
        store.swap("7", None, b"1")
        with proxy.cutting(), pytest.raises(StoreError, match="a swap was made, or was not"):
            store.swap("7", b"1", b"2")
        assert store.load("7") == b"2"
        with locked(table):
            told = in_thread(lambda: store.swap("7", b"2", b"3"))
            end_connections(table, waiting=True)
            with pytest.raises(StoreError, match="a swap was made, or was not"):
                told.result(30)
        assert store.load("7") == b"2"
        store.close()


def test_a_server_that_comes_back_is_waited_for(
    postgres_server: PostgresServer, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a load, and by a swap that has not been sent; and it is found at once, however long it was away."""
    monkeypatch.setattr(AttemptWithBackoff, "INITIAL_DELAY", 300.0)  # as long as a pool pauses after minutes
    store = PostgresStore(table, wait_seconds=120)
    store.swap("7", None, b"1")

    async def awaited() -> tuple[bytes | None, bool]:
        another = AsyncPostgresStore(table, wait_seconds=120)
        await another.load("7")
        ready.set()
        await asyncio.to_thread(away.wait)
        loaded, swapped = await asyncio.gather(another.load("7"), another.swap("8", None, b"1"))
        await another.close()
        return loaded, swapped

    ready, away = threading.Event(), threading.Event()
    calls = [in_thread(lambda: asyncio.run(awaited()))]
    ready.wait()
    postgres_server.kill()
    away.set()
    calls += [in_thread(lambda: store.load("7")), in_thread(lambda: store.swap("9", None, b"1"))]
    time.sleep(2)
    assert not any(call.done() for call in calls)
    postgres_server.start()
    assert [call.result(60) for call in calls] == [(b"1", True), b"1", True]
    store.close()


def test_a_server_that_stays_away_is_an_error(postgres_server: PostgresServer, table: str, make: Make) -> None:
    """After `wait_seconds`; and for a new store at once, with the reason."""
    store = make(table)
    store.swap("7", None, b"1")
    let_wait(store, 0.6)
    postgres_server.kill()
    try:
        for call in (lambda: store.load("7"), lambda: store.swap("7", b"1", b"2")):
            began = time.monotonic()
            with pytest.raises(StoreError, match=r"no connection to PostgreSQL within 0\.6 seconds"):
                call()
            assert 0.5 < time.monotonic() - began < 25  # and not the 30 that it was made with
        # Nobody listens, but what the kernel keeps of a dead server's connections may answer in place of a refusal:
        # 69 of 1,180,000 attempts, with no listener there.
        with pytest.raises(StoreError, match=r"refused|server closed the connection"):
            make(table).load("7")
    finally:
        postgres_server.start()
    let_wait(store, 30)
    assert store.load("7") == b"1"


def test_a_lock_is_waited_for_only_so_long(table: str, make: Make) -> None:
    """As long as `wait_seconds` says; nothing was changed then."""
    store = make(table, wait_seconds=2)
    store.swap("7", None, b"1")
    with locked(table), pytest.raises(StoreError, match="not done within 2 seconds"):
        store.swap("7", b"1", b"2")
    assert store.load("7") == b"1"


def test_a_free_connection_is_waited_for_only_so_long(table: str, make: Make) -> None:
    """Where all are in use; the store goes on once one is free."""
    store = make(table, connections=1)
    store.swap("7", None, b"1")
    with locked(table) as lock:
        told = in_thread(lambda: store.swap("7", b"1", b"2"))
        until_one_waits(table)
        patient = in_thread(lambda: store.load("7"))
        time.sleep(0.2)
        lock.rollback()
        assert (told.result(30), patient.result(30)) == (True, b"2")
    store.close()
    store = make(table, connections=1, wait_seconds=1)
    assert store.load("7") == b"2"
    with locked(table):
        outcomes = in_threads([partial(failure, partial(store.load, "7")) for _ in range(3)])
    assert sum("all 1 are in use" in str(outcome) for outcome in outcomes) >= 1
    assert all("within 1 seconds" in str(outcome) for outcome in outcomes)
    assert store.load("7") == b"2"


def failure(call: Callable[[], object]) -> str:
    """The text of the `StoreError` that the call raises."""
    with pytest.raises(StoreError) as raised:
        call()
    return str(raised.value)


def test_no_exception_of_the_driver_leaves(table: str, make: Make) -> None:
    """What psycopg refuses by itself is a `StoreError` too, without the driver's as its cause."""
    store = make(table)
    with pytest.raises(StoreError, match=r"PostgreSQL failed: .*NUL") as raised:
        store.load("a\0b")
    assert raised.value.__cause__ is raised.value.__context__ is None


def test_no_password_is_shown(postgres_server: PostgresServer, table: str, make: Make) -> None:
    """Neither in messages nor in a `repr`, whatever is wrong; with the right one, it works."""
    with psycopg.connect(table, autocommit=True) as connection:
        connection.execute("CREATE ROLE with_password LOGIN PASSWORD 'right canary'")
        connection.execute("GRANT SELECT ON totpcore TO with_password")
        right = make_conninfo(table, user="with_password", password="right canary")
        assert make(right).load("7") is None
        assert repr(PostgresStore(right, table="t")) == '<PostgresStore: "t">'
        assert repr(PostgresStore.__new__(PostgresStore)) == "<PostgresStore: not opened>"  # as a debugger may ask
        unreachable = {"port": "1", "host": "no.such.host.invalid", "sslmode": "require", "dbname": "nowhere"}
        for wrong in ({"password": "canary"}, *({name: value} for name, value in unreachable.items())):
            with pytest.raises(StoreError) as raised:
                make(make_conninfo(right, **wrong)).load("7")
            assert "canary" not in f"{raised.value} {raised.value.__cause__}"
        connection.execute("DROP OWNED BY with_password")
        connection.execute("DROP ROLE with_password")


@pytest.mark.parametrize(
    "conninfo",
    [
        "postgresql://app:can@ary@127.0.0.1/db",
        "postgresql://app:can/ary@127.0.0.1/db",
        "host=127.0.0.1 password=a canary",
        "postgresql://127.0.0.1/db?canary=1",
    ],
)
def test_a_conninfo_that_is_not_read_as_meant_is_not_shown(conninfo: str) -> None:
    """A password that is not percent-encoded would stand as a host or a port in libpq's messages."""
    for kind in (PostgresStore, AsyncPostgresStore):
        with pytest.raises(InvalidParameters, match="percent-encoded") as raised:
            kind(conninfo)
        assert "ary" not in str(raised.value)
        assert raised.value.__context__ is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"conninfo": 7},
        {"conninfo": "x" * 4097},
        {"connections": 0},
        {"connections": 1001},
        {"connections": True},
        {"wait_seconds": 0},
        {"wait_seconds": 3601},
        {"wait_seconds": "1"},
        {"behind_pooler": 1},
    ],
)
def test_arguments_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    """The message names the argument."""
    for kind in (PostgresStore, AsyncPostgresStore):
        with pytest.raises((InvalidParameters, TypeError), match=next(iter(wrong))):
            kind(**{"conninfo": "", **wrong})  # type: ignore[arg-type]  # what a developer may pass


def test_what_the_conninfo_says_holds() -> None:
    """Only what it leaves open is filled in."""
    filled = conninfo_to_dict(AsyncPostgresStore("postgresql://h1,h2/db", wait_seconds=2.5)._plan.conninfo.value)
    assert filled["target_session_attrs"] == "primary"
    assert (filled["connect_timeout"], filled["tcp_user_timeout"], filled["host"]) == ("3", "3000", "h1,h2")
    given = "host=@abstract target_session_attrs=any connect_timeout=9 fallback_application_name=mine"
    kept = conninfo_to_dict(AsyncPostgresStore(given)._plan.conninfo.value)
    assert {**kept, **conninfo_to_dict(given)} == kept


def test_what_row_level_security_hides_is_not_absent(table: str, make: Make) -> None:
    """A role that cannot see the records is an error: who has none would be let in without a code."""
    assert make(table).swap("7", None, b"1") is True
    with role_with(table) as conninfo:
        with psycopg.connect(table, autocommit=True) as connection:
            connection.execute("ALTER TABLE totpcore ENABLE ROW LEVEL SECURITY")
        store = make(conninfo)
        for call in (lambda: store.load("7"), lambda: store.swap("7", b"1", b"2"), lambda: store.load_many(["7"])):
            with pytest.raises(StoreError, match="row-level security"):
                call()
        store.close()


def test_behind_a_pooler_row_level_security_is_told(table: str, make: Make) -> None:
    """Nothing is set there; the role itself is to be an error then, or to see everything."""
    with role_with(table) as conninfo:
        assert make(conninfo, behind_pooler=True).load("7") is None
        with psycopg.connect(table, autocommit=True) as connection:
            connection.execute("ALTER TABLE totpcore ENABLE ROW LEVEL SECURITY")
            with pytest.raises(StoreError, match=r"row_security is on .* ALTER ROLE \.\.\. SET row_security"):
                make(conninfo, behind_pooler=True).load("7")
            connection.execute("ALTER ROLE app SET row_security = off")
        with pytest.raises(StoreError, match="row-level security"):
            make(conninfo, behind_pooler=True).load("7")
        assert make(table, behind_pooler=True).load("7") is None


@contextmanager
def halted(conninfo: str) -> Iterator[None]:
    """Inside, the processes of the server that serve the store do not run; the kernel takes what they are sent."""
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'totpcore' AND datname = current_database()"
    with psycopg.connect(conninfo) as connection:
        pids = [pid for (pid,) in connection.execute(query).fetchall()]
    for pid in pids:
        with suppress(ProcessLookupError):  # of a connection that has just been closed
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def test_an_answer_is_waited_for_only_so_long(table: str, make: Make) -> None:
    """From a server that takes what is sent, and never answers. A load is tried again on another connection."""
    store = make(table, wait_seconds=2, connections=1)
    assert store.swap("7", None, b"1") is True
    began = time.monotonic()
    with halted(table):
        assert store.load("7") == b"1"
    with halted(table), pytest.raises(StoreError, match="a swap was made, or was not"):
        store.swap("7", b"1", b"1")
    assert time.monotonic() - began < 50  # and not twice the 31 of a store that is told nothing
    assert store.load("7") == b"1"


def test_a_cancelled_task_does_not_wait_for_an_answer_without_end(table: str) -> None:
    """It ends, although the server stays silent."""

    async def work() -> float:
        store = AsyncPostgresStore(table, wait_seconds=2, connections=1)
        await store.load("7")
        with halted(table):
            task = asyncio.ensure_future(store.swap("7", None, b"1"))
            await asyncio.sleep(0.1)
            began = time.monotonic()
            task.cancel()
            await asyncio.wait([task])
        await store.close()
        return time.monotonic() - began

    assert asyncio.run(work()) < 25


@contextmanager
def without_its_standby(conninfo: str) -> Iterator[psycopg.Connection]:
    """Inside, a commit waits for a standby that is not there."""
    query = "ALTER SYSTEM SET synchronous_standby_names = {}"
    with psycopg.connect(conninfo, autocommit=True, options="-c synchronous_commit=local") as connection:
        for name in ("nobody", ""):
            connection.execute(SQL(query).format(name))
            connection.execute("SELECT pg_reload_conf()")
            while connection.execute("SHOW synchronous_standby_names").fetchone() != (name,):
                time.sleep(0.01)
            if name:
                until_a_commit_waits(conninfo, connection)
                try:
                    yield connection
                except BaseException:
                    connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
                    connection.execute("SELECT pg_reload_conf()")
                    raise


def until_a_commit_waits(conninfo: str, connection: psycopg.Connection) -> None:
    """Return once commits do wait for a standby: the server's checkpointer, which sees to that, reads settings late."""
    waited = list[object]()
    with psycopg.connect(conninfo, autocommit=True) as probe:
        probe.add_notice_handler(waited.append)  # that its wait was cancelled

        def commit() -> None:
            while not waited:
                probe.execute("SELECT pg_logical_emit_message(true, 'probe', '')")

        committing = in_thread(commit)
        cancel_the_wait(connection)
        committing.result(60)


def cancel_the_wait(connection: psycopg.Connection) -> None:
    """Cancel what waits for a standby, as an operator does."""
    while connection.execute(
        "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    ).fetchone() == (0,):
        time.sleep(0.01)


def test_a_commit_that_did_not_reach_its_standby_is_an_error(table: str, make: Make) -> None:
    """An operator ends the wait: PostgreSQL calls it done, and only warns."""
    store = make(table)
    store.load("7")
    with without_its_standby(table) as connection:
        told = in_thread(lambda: store.swap("7", None, b"1"))
        cancel_the_wait(connection)
        with pytest.raises(StoreError, match="not on the standby"):
            told.result(30)
        told = in_thread(lambda: failure(lambda: make(table, wait_seconds=2).swap("7", b"1", b"2")))
        assert "a swap was made, or was not" in str(told.result(30))  # no timeout of the server's ends that wait
        cancel_the_wait(connection)
    assert store.swap("7", b"2", b"3") is True


def test_a_notice_is_no_trouble(table: str, make: Make) -> None:
    """Of a trigger of the application's, below a warning."""
    with psycopg.connect(table, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'x'; RETURN NEW; END $$;"
            "CREATE TRIGGER tell BEFORE INSERT ON totpcore FOR EACH ROW EXECUTE FUNCTION tell()"
        )
    assert make(table).swap("7", None, b"1") is True


def test_an_opening_is_waited_for_only_so_long() -> None:
    """By each caller for its own time, and not for that of all who came before."""

    async def several(port: int) -> list[object]:
        store = AsyncPostgresStore(f"host=127.0.0.1 port={port}", wait_seconds=1)
        return await asyncio.gather(*(store.load("7") for _ in range(5)), return_exceptions=True)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        told = asyncio.run(several(silent.getsockname()[1]))
    assert sum("no connection to PostgreSQL within 1 seconds" in str(error) for error in told) == 4


def test_an_opening_is_waited_for_only_so_long_in_threads(table: str) -> None:
    """The same: one after another, each would wait for all who came before."""
    store = PostgresStore(table, wait_seconds=1)
    store.close()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store._plan.conninfo = Hidden(make_conninfo(store._plan.conninfo.value, port=silent.getsockname()[1]))
        told = in_threads([partial(failure, partial(store.load, "7"))] * 5)
    assert sum("no connection to PostgreSQL within 1 seconds" in str(text) for text in told) == 4


def test_connections_of_no_use_are_not_tried_without_end(
    table: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each that is made is let go of at once."""
    store = make(table)
    store.load("7")
    let_wait(store, 0.3)
    for module in (_postgres_pool, _postgres_pool_async):
        monkeypatch.setattr(module, "is_usable", lambda _: False)
    assert "no connection to PostgreSQL within 0.3 seconds" in failure(lambda: store.load("7"))


class Interruption(Exception):
    """What a signal handler raises, as Celery's for a task that takes too long."""


def test_an_exception_of_a_signal_handler_between_taking_and_noting(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost to its pool, which is replaced; so is an opening that was interrupted."""
    store = PostgresStore(table, connections=1)

    def strike(*_: object) -> None:
        raise Interruption

    for name in ("is_usable", "_set_up"):
        with monkeypatch.context() as patch:
            patch.setattr(_postgres_pool, name, strike)
            if name == "_set_up":
                store.close()
            with pytest.raises(Interruption):
                store.load("7")
        assert store.load("7") is None
    store.close()


def test_no_traceback_shows_what_is_stored(table: str, make: Make) -> None:
    """PostgreSQL quotes the whole row where a constraint fails, and a trigger or a cast may quote it in its words."""
    check_that_nothing_is_quoted(make(table), table, users="user_id")


# ---- processes, event loops, the end ----


@FORKS_BESIDE_THREADS
def test_what_a_child_closes_stays_open_in_the_parent(table: str, make: Make) -> None:
    """A child has connections of its own, and closes those alone; it may also never use the store."""
    store = make(table)
    assert store.swap("7", None, b"1") is True

    def child() -> object:
        loaded = store.load("7")
        store.close()
        return loaded, len(_postgres_pool.inherited)

    assert in_processes([child, store.close, lambda: None]) == [(b"1", 1), None, None]
    with psycopg.connect(table) as connection:
        open_ones = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'totpcore'")
        assert (open_ones.fetchone() or (0,))[0] >= 1
    assert store.swap("7", b"1", b"2") is True


def test_a_closed_store_can_be_used_again(table: str, make: Make) -> None:
    """Closing ends its connections, also twice, also while it is in use."""
    store = make(table)
    store.close()
    store.close()
    assert store.swap("7", None, b"1") is True
    working = in_thread(lambda: [store.load("7") for _ in range(300)])
    while not working.done():
        store.close()
        time.sleep(0.01)
    assert working.result() == [b"1"] * 300
    store.close()
    with psycopg.connect(table) as connection:
        deadline = time.monotonic() + 60
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'totpcore'"
        while connection.execute(query).fetchone() != (0,) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert connection.execute(query).fetchone() == (0,)


def test_one_event_loop_after_another(table: str) -> None:
    """Each has its own connections; those of a loop that has ended are let go of."""
    store = AsyncPostgresStore(table)
    assert asyncio.run(store.swap("7", None, b"1")) is True
    for _ in range(3):
        assert asyncio.run(store.load("7")) == b"1"
    assert len(store._connections._opened) == 1

    async def end() -> None:
        await store.load("7")
        await store.close()

    asyncio.run(end())


def test_a_worker_that_is_cancelled_while_it_connects(table: str) -> None:
    """It ends where its task swallowed that, as a connection that is on its way does; what waits is left undone."""
    done = []

    class Connecting(MaintenanceTask):
        async def run(self) -> None:
            done.append(self)
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)

        async def _run(self, pool: object) -> None:
            raise NotImplementedError

    async def end() -> None:
        pool = _postgres_pool_async._AsyncPool(table, open=False)
        queue: AQueue[MaintenanceTask] = AQueue()
        for _ in range(2):
            queue.put_nowait(Connecting(pool))
        worker = asyncio.create_task(pool.worker(queue))
        await asyncio.sleep(0)
        worker.cancel()
        await asyncio.wait([worker], timeout=5)
        for _ in iter(worker.done, True):  # else `asyncio.run` waits without an end, here too
            worker.cancel()
            await asyncio.sleep(0)

    asyncio.run(end())
    assert len(done) == 1


def test_an_event_loop_that_ends_while_connections_are_made(table: str) -> None:
    """It ends, although nobody closed the store; the next one works."""
    store = AsyncPostgresStore(table)

    async def begin(moments: int) -> None:
        tasks = [asyncio.ensure_future(store.load("7")) for _ in range(8)]
        for _ in range(moments):
            await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    def several() -> None:
        for moments in range(0, 40, 2):
            asyncio.run(begin(moments))
        asyncio.run(store.load("7"))

    assert in_thread(several).result(60) is None


def test_event_loops_side_by_side(table: str) -> None:
    """In threads of their own, on one store object."""
    store = AsyncPostgresStore(table)
    together = threading.Barrier(4)

    async def work() -> bytes | None:
        for _ in range(20):
            await asyncio.gather(*(store.load("7") for _ in range(5)))
        together.wait()  # no loop has ended yet
        held = await store.load("7")
        await store.close()
        return held

    assert in_threads([lambda: asyncio.run(work())] * 4) == [None] * 4


def test_a_cancelled_opening_does_not_stop_others(table: str) -> None:
    """The task that opens the connections is cancelled: one that waits for it opens them. Nothing is left behind."""

    async def work(moment: int) -> None:
        store = AsyncPostgresStore(table)
        first, second = asyncio.ensure_future(store.load("7")), asyncio.ensure_future(store.load("7"))
        await asyncio.sleep(moment / 2000)
        first.cancel()
        assert await second is None
        with suppress(asyncio.CancelledError):
            await first
        await store.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    for moment in range(40):
        asyncio.run(work(moment))


def test_a_program_that_closes_nothing_ends_quietly(table: str) -> None:
    """No warning, no waiting."""
    program = """
import asyncio, sys
from totpcore.stores.postgres import AsyncPostgresStore, PostgresStore
store = PostgresStore(sys.argv[1])
store.load("7")
later = AsyncPostgresStore(sys.argv[1])
asyncio.run(later.load("7"))
asyncio.run(later.load("7"))
"""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program, as_url(table)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 25  # and not the 30 that a pool may wait


def test_what_is_open_at_the_end_is_closed(table: str) -> None:
    """By the interpreter's own list of what to do at its end, while threads can still be ended."""
    store = PostgresStore(table)
    pool = store._connections.open()
    _postgres_pool._at_exit()
    assert pool.closed
    assert store.load("7") is None
    store.close()


def test_without_psycopg_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where psycopg, or its pool, is not installed, importing the stores says what to install."""
    real = builtins.__import__
    for missing in ("psycopg", "psycopg_pool"):

        def without(name: str, *given: object, missing: str = missing, **named: object) -> object:
            if name == missing:
                raise ImportError(name)
            return real(name, *given, **named)  # type: ignore[arg-type]  # handed through

        with monkeypatch.context() as patch:
            for module in ("postgres", "_postgres_pool_async", "_postgres_pool", "_postgres_sql"):
                patch.delitem(sys.modules, f"totpcore.stores.{module}")
            patch.setattr(builtins, "__import__", without)
            with pytest.raises(
                ImportError, match=r"the PostgreSQL stores need psycopg and libpq: .*totpcore\[postgres\]"
            ):
                importlib.import_module("totpcore.stores.postgres")
