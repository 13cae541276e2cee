"""The SQLAlchemy recipe meets the contract, beside a session of the application's."""

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, NullPool, create_engine, event, insert, inspect
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from servers.postgres import PostgresServer, as_url
from servers.proxy import Proxy
from sqlalchemy_store import Base, ColumnStore, User, make_engine
from totpcore import CodeReplayed, Plaintext, StoreError, TwoFactor
from totpcore.testing import HandClock, Phone, StoreContract, StoreFactory
from totpcore.testing._races import in_processes

pytest_plugins = ["servers.fixtures"]
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


class Registered(ColumnStore):
    """The recipe, for users whom the application has registered before their first swap."""

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        if old is None and new is not None:
            with suppress(IntegrityError), self._engine.begin() as connection:
                connection.execute(insert(User).values(id=user))
        try:
            return super().swap(user, old, new)
        except DBAPIError as error:
            raise StoreError("the contract's word") from error


def driven(url: str) -> str:
    """Return the URL with the driver's name."""
    return url.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def engines(url: str) -> Iterator[tuple[Engine, Engine]]:
    """The store's and the application's, on its tables."""
    store, application = make_engine(url), create_engine(url, poolclass=NullPool)
    Base.metadata.create_all(application)
    yield store, application
    store.dispose()


class TestOnSQLite(StoreContract):
    """Where the application reads; what it has written is not to be waited for."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        """A file."""
        return f"sqlite:///{tmp_path / 'application.db'}"

    @pytest.fixture
    def store_factory(self, engines: tuple[Engine, Engine]) -> StoreFactory:
        """Another object each time, on one table."""
        self.application = engines[1]
        return lambda: Registered(engines[0])

    def in_rolled_back_transaction(self, store_factory: StoreFactory, call: Callable[[], None]) -> None:
        """The application's session has read, and rolls back."""
        with Session(self.application) as session:
            assert session.get(User, "user")
            call()
            session.rollback()


class TestOnPostgreSQL(TestOnSQLite):
    """Where the application may have written to other rows."""

    cuts = True

    @pytest.fixture
    def url(self, postgres_server: PostgresServer, postgres_database: str) -> Iterator[str]:
        """A database, by a proxy that can cut."""
        with Proxy(("127.0.0.1", postgres_server.port)) as self.proxy:
            there = psycopg.conninfo.make_conninfo(postgres_database, port=self.proxy.port)
            yield driven(as_url(there))

    def cutting(self) -> AbstractContextManager[None]:
        """Cut on the way."""
        return self.proxy.cutting()

    def in_rolled_back_transaction(self, store_factory: StoreFactory, call: Callable[[], None]) -> None:
        """The application's session has written, and rolls back."""
        with Session(self.application) as session:
            session.add(User(id="another"))
            session.flush()
            call()
            session.rollback()
            assert session.get(User, "another") is None


class TestTheRecipeAsItStands:
    """Without a stand-in for the application, on PostgreSQL."""

    @pytest.fixture
    def url(self, postgres_database: str) -> str:
        """A database."""
        return driven(as_url(postgres_database))

    @pytest.fixture
    def store(self, engines: tuple[Engine, Engine]) -> ColumnStore:
        """The recipe, with one user."""
        with Session(engines[1]) as session:
            session.add(User(id="7"))
            session.commit()
        return ColumnStore(engines[0])

    def test_a_user_without_a_row_has_nothing_and_gets_nothing(self, store: ColumnStore) -> None:
        """Only nothing can be replaced by nothing."""
        assert store.load("nobody") is None
        assert store.swap("nobody", None, b"1") is False
        assert store.swap("nobody", None, None) is True
        assert store.load("nobody") is None

    def test_a_login_is_two_statements(self, store: ColumnStore, engines: tuple[Engine, Engine]) -> None:
        """And no transaction is begun for them."""
        clock, told = HandClock(1_800_000_000), list[str]()
        service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=clock, audit=lambda _event: None)
        phone = Phone.scan(service.enrol("7", account="alice").uri)
        service.confirm("7", phone.code(clock()))
        clock.tick(30)
        event.listen(engines[0], "before_cursor_execute", lambda *given: told.append(given[2].split()[0]))
        assert service.verify("7", phone.code(clock())).user == "7"
        assert told == ["SELECT", "UPDATE"]
        with pytest.raises(CodeReplayed):
            service.verify("7", phone.code(clock()))

    def test_a_user_is_loaded_without_the_record(self, store: ColumnStore, engines: tuple[Engine, Engine]) -> None:
        """The application's session does not carry it about, nor write it back."""
        assert store.swap("7", None, b"1")
        with Session(engines[1]) as session:
            user = session.get_one(User, "7")
            assert "second_factor" in inspect(user).unloaded

    def test_no_error_shows_what_is_stored(self, store: ColumnStore, engines: tuple[Engine, Engine]) -> None:
        """Neither the statement's parameters nor anything of them."""
        Base.metadata.drop_all(engines[1])
        swap = partial(store.swap, "7", b"canary", b"canary")
        with pytest.raises(DBAPIError) as trouble:
            swap()
        text = "".join(traceback.format_exception(trouble.value))
        assert "canary" not in text
        assert b"canary".hex() not in text

    def test_what_row_level_security_hides_is_not_absent(self, store: ColumnStore, postgres_database: str) -> None:
        """A role that cannot see the row is an error: who has none would be let in without a code."""
        with psycopg.connect(postgres_database, autocommit=True) as other:
            other.execute("CREATE ROLE limited LOGIN")
            other.execute("GRANT SELECT, UPDATE ON users TO limited")
            other.execute("ALTER TABLE users ENABLE ROW LEVEL SECURITY")
            limited = make_engine(driven(as_url(psycopg.conninfo.make_conninfo(postgres_database, user="limited"))))
            with pytest.raises(DBAPIError, match="row-level security"):
                ColumnStore(limited).load("7")
            limited.dispose()
            other.execute("DROP OWNED BY limited")
            other.execute("DROP ROLE limited")

    def test_a_connection_that_ended_costs_one_error(self, store: ColumnStore, postgres_database: str) -> None:
        """SQLAlchemy drops its pool then, and goes on with fresh connections."""
        assert store.swap("7", None, b"1")
        with psycopg.connect(postgres_database) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        with pytest.raises(DBAPIError):
            store.load("7")
        assert store.load("7") == b"1"

    def test_a_child_leaves_its_parents_connections(self, store: ColumnStore, postgres_database: str) -> None:
        """The parent's session goes on."""
        assert store.swap("7", None, b"1")
        sessions = partial(self.sessions_of, postgres_database)
        before = sessions()
        assert before
        assert in_processes([lambda: (store.load("7"), store.swap("7", b"1", b"2"))]) == [(b"1", True)]
        assert store.load("7") == b"2"
        deadline = time.monotonic() + 10
        while sessions() != before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sessions() == before

    def sessions_of(self, conninfo: str) -> list[int]:
        """Return the server's processes that serve others."""
        # What serves no client comes and goes, as autovacuum does.
        clients = "datname = current_database() AND backend_type = 'client backend'"
        query = f"SELECT pid FROM pg_stat_activity WHERE {clients} AND pid <> pg_backend_pid()"
        with psycopg.connect(conninfo) as other:
            return [pid for (pid,) in other.execute(query).fetchall()]
