"""What docs/how-to/postgresql.md says, on real servers: roles, connections, standbys, failover, row-level security."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from need import miss, need
from servers import until
from servers.postgres import PostgresServer, as_url, binaries
from servers.standby import Standby, let_replication_in
from totpcore import CodeReplayed, Plaintext, StoreError, TwoFactor
from totpcore.stores import from_url
from totpcore.stores.postgres import PostgresStore, create_table_sql
from totpcore.testing import HandClock, Phone

pytest_plugins = ["servers.fixtures"]

PAGE = Path(__file__).parents[2] / "docs/how-to/postgresql.md"
EXAMPLES = Path(__file__).parents[2] / "docs/examples/howto"


def psql(conninfo: str, file: str) -> None:
    """Run one of the page's files."""
    need("psql")
    program = shutil.which("psql") or "psql"
    command = [program, conninfo, "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--file={EXAMPLES / file}"]
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def roles(conninfo: str) -> Iterator[str]:
    """The roles and the table that the page makes; the URL of the application."""
    psql(conninfo, "postgres_role.sql")
    try:
        yield as_url(make_conninfo(conninfo, user="totpcore_app")) + "?schema=second_factors"
    finally:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("DROP OWNED BY totpcore_app, totpcore_owner CASCADE")
            connection.execute("DROP ROLE totpcore_app, totpcore_owner")


class Life:
    """Alice, with a phone, on some store."""

    def __init__(self, store: PostgresStore) -> None:
        self.clock = HandClock(1_800_000_000)
        self.service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=self.clock)
        self.phone = Phone.scan(self.service.enrol("7", account="alice").uri)
        self.service.confirm("7", self.code())
        self.clock.tick(30)

    def code(self) -> str:
        """What the phone shows."""
        return self.phone.code(self.clock())


def test_the_file_makes_what_the_store_would() -> None:
    """The statement in the file is that of `create_table_sql`, as the page says."""
    plain = create_table_sql(schema="second_factors").replace('"second_factors"."totpcore"', "second_factors.totpcore")
    assert f"{plain};" in " ".join((EXAMPLES / "postgres_role.sql").read_text("utf-8").split())


def test_the_role_can_do_what_a_log_in_needs_and_nothing_else(postgres_database: str) -> None:
    """A whole life works under it; to empty, change or drop the table, or to make another, it is not allowed."""
    with roles(postgres_database) as url:
        store = from_url(url)
        assert isinstance(store, PostgresStore)
        life = Life(store)
        assert life.service.verify("7", life.code()).user == "7"
        assert list(store.users()) == ["7"]
        life.service.reset("7", actor="root", reason="leaves")
        assert store.load("7") is None
        store.close()
        with psycopg.connect(make_conninfo(postgres_database, user="totpcore_app"), autocommit=True) as connection:
            for refused in (
                "TRUNCATE second_factors.totpcore",
                "DROP TABLE second_factors.totpcore",
                "ALTER TABLE second_factors.totpcore ADD extra text",
                "CREATE TABLE second_factors.another (name text)",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(refused)


def test_nobody_else_may_read_the_table(postgres_database: str) -> None:
    """The role that the rest of the application has does not see that there are records."""
    with roles(postgres_database):
        with psycopg.connect(postgres_database, autocommit=True) as connection:
            connection.execute("DROP ROLE IF EXISTS web")
            connection.execute("CREATE ROLE web LOGIN")
        try:
            web = make_conninfo(postgres_database, user="web")
            with psycopg.connect(web) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT count(*) FROM second_factors.totpcore")
        finally:
            with psycopg.connect(postgres_database, autocommit=True) as connection:
                connection.execute("DROP ROLE web")


def test_two_connections_serve_thirty_two_threads(postgres_database: str) -> None:
    """More do not open, and everybody gets in: each connection is taken for one statement."""
    store = PostgresStore(postgres_database, connections=2)
    store.create_table()
    clock = HandClock(1_800_000_000)
    service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=clock)
    phones = {f"{n}": Phone.scan(service.enrol(f"{n}", account=f"user {n}").uri) for n in range(32)}
    for user, phone in phones.items():
        service.confirm(user, phone.code(clock()))
    clock.tick(60)  # two steps: one in a million has the same code in the next, and spends both
    done: list[str] = []

    def log_in(user: str, phone: Phone) -> None:
        done.append(service.verify(user, phone.code(clock())).user)

    threads = [threading.Thread(target=log_in, args=item) for item in phones.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == sorted(phones)
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'totpcore' AND datname = current_database()"
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        until(lambda: connection.execute(query).fetchall() == [(2,)])  # the second may still be on its way
    store.close()


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    """A server of the test's own, that standbys may follow."""
    if binaries() is None:
        miss("needs the binaries of PostgreSQL")
    with PostgresServer() as server:
        let_replication_in(server)
        PostgresStore(server.conninfo()).create_table()
        yield server


def several(*servers: PostgresServer, wait_seconds: int = 30) -> PostgresStore:
    """A store by a URL with several hosts, as in the page."""
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    store = from_url(f"postgresql://postgres@{hosts}/postgres?wait_seconds={wait_seconds}")
    assert isinstance(store, PostgresStore)
    return store


def waits_for(server: PostgresServer, states: set[str]) -> bool:
    """Whether the primary sees standbys in these states."""
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        return {state for (state,) in connection.execute("SELECT sync_state FROM pg_stat_replication")} == states


def test_the_primary_of_several_hosts_is_found(primary: PostgresServer) -> None:
    """Whatever their order: a standby is read-only, and may lag."""
    with Standby(primary, "standby_1") as standby:
        for hosts in ((primary, standby), (standby, primary)):
            store = several(*hosts)
            assert store.swap("7", store.load("7"), b"1") is True
            store.close()


def test_a_failover_to_a_synchronous_standby_loses_nothing(primary: PostgresServer) -> None:
    """The primary dies after a log-in, the standby is promoted: the same store goes on, and the code stays spent."""
    with Standby(primary, "standby_1") as standby:
        psql(primary.conninfo(), "postgres_standby.sql")
        until(lambda: waits_for(primary, {"quorum"}))
        store = several(primary, standby)
        life = Life(store)
        assert life.service.verify("7", life.code()).user == "7"
        primary.kill()
        standby.promote()
        with pytest.raises(CodeReplayed):
            life.service.verify("7", life.code())
        life.clock.tick(30)
        assert life.service.verify("7", life.code()).user == "7"
        store.close()


def test_without_any_synchronous_standby_nobody_gets_in(primary: PostgresServer) -> None:
    """The swap waits for `wait_seconds`, and is an error; the code counts as spent. Then the standby is back.

    Meanwhile each user who tried keeps a process of the server busy.
    """
    with Standby(primary, "standby_1") as standby:
        psql(primary.conninfo(), "postgres_standby.sql")
        until(lambda: waits_for(primary, {"quorum"}))
        store, impatient = several(primary, standby), several(primary, standby, wait_seconds=1)
        life = Life(store)
        hasty = TwoFactor(impatient, issuer="ACME", sealer=Plaintext(), clock=life.clock)
        standby.kill()
        for _ in range(2):
            with pytest.raises(StoreError, match=r"a swap was made, or was not|not done within 1 seconds"):
                hasty.verify("7", life.code())
        assert _waiting_for_a_standby(primary) == 1
        standby.start()
        until(lambda: waits_for(primary, {"quorum"}))
        with pytest.raises(CodeReplayed):
            life.service.verify("7", life.code())
        impatient.close()
        store.close()


def test_a_failover_to_a_standby_that_lagged_needs_raised_floors(primary: PostgresServer) -> None:
    """A code that was spent opens once more, unless `raise_floor` was called for each user."""
    with Standby(primary, "standby_1") as standby:
        store = several(primary, standby)
        life = Life(store)
        until(lambda: _has(standby, life.service))
        standby.kill()
        code = life.code()
        assert life.service.verify("7", code).user == "7"
        primary.kill()
        standby.start()
        standby.promote()
        held = store.load("7")
        assert life.service.verify("7", code).user == "7"
        now = store.load("7")
        assert store.swap("7", now, held) is True
        for user in store.users():
            life.service.raise_floor(user)
        with pytest.raises(CodeReplayed):
            life.service.verify("7", code)
        store.close()


def _waiting_for_a_standby(primary: PostgresServer) -> int:
    """How many processes of the primary have committed, and wait until a standby says so too."""
    with psycopg.connect(primary.conninfo(), autocommit=True) as connection:
        found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").fetchone()
    return found[0] if found else 0


def test_behind_a_pooler_the_role_has_what_the_store_asks_for(postgres_database: str) -> None:
    """With the page's file the store works though it sets nothing; it checks that all of it holds."""
    with roles(postgres_database) as url:
        with psycopg.connect(postgres_database, autocommit=True) as connection:
            connection.execute("ALTER ROLE totpcore_app SET default_transaction_isolation = 'serializable'")
        with pytest.raises(StoreError, match="default_transaction_isolation is serializable"):
            from_url(f"{url}&behind_pooler=1")
        psql(postgres_database, "postgres_pooler.sql")
        store = from_url(f"{url}&behind_pooler=1")
        assert isinstance(store, PostgresStore)
        assert store.swap("7", None, b"1") is True
        store.close()


def test_the_log_of_the_server_can_be_kept_free_of_records(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    """By the page's own statement; without it a logged statement has its parameters in full."""
    keep_out = re.findall(r"`(ALTER ROLE totpcore_app SET log_\w+ = 0)`", PAGE.read_text("utf-8"))
    assert len(keep_out) == 1
    log = postgres_server.folder / "log"
    with roles(postgres_database) as url:
        for statement, value in (
            ("ALTER ROLE totpcore_app SET log_statement = 'all'", b"seen"),
            (keep_out[0], b"kept"),
        ):
            with psycopg.connect(postgres_database, autocommit=True) as connection:
                connection.execute(statement.encode())
            store = from_url(url)
            assert isinstance(store, PostgresStore)
            assert store.swap("7", store.load("7"), value) is True
            store.close()
    assert rf"\x{b'seen'.hex()}" in log.read_text("utf-8")
    assert rf"\x{b'kept'.hex()}" not in log.read_text("utf-8")


def _has(standby: PostgresServer, service: TwoFactor) -> bool:
    """Whether the standby has what the primary has."""
    with psycopg.connect(standby.conninfo(), autocommit=True) as connection:
        found = connection.execute("SELECT value FROM totpcore WHERE user_id = '7'").fetchone()
    return found is not None and found[0] == service._store.load("7")
