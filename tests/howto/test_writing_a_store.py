"""The stores of docs/how-to/writing-a-store.md meet the contract, and what the page says of them is true."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from howto import table_store
from howto.folder_store import FolderStore
from howto.table_store import CREATE, AsyncTableStore, TableStore
from servers.postgres import PostgresServer
from servers.proxy import Proxy
from totpcore import Plaintext, StoreError, TwoFactor
from totpcore.sealing import Keyring, reseal
from totpcore.stores import InThreads
from totpcore.testing import AsyncStoreContract, StoreContract, StoreFactory

pytest_plugins = ["servers.fixtures"]

PAGE = Path(__file__).parents[2] / "docs/how-to/writing-a-store.md"


# page: folder
class TestFolderStore(StoreContract):
    """The contract."""

    @pytest.fixture
    def store_factory(self, tmp_path: Path) -> StoreFactory:
        return lambda: FolderStore(tmp_path / "records", create=True)


class TestFolderStoreAwaited(AsyncStoreContract):
    """The contract, awaited."""

    @pytest.fixture
    def store_factory(self, tmp_path: Path) -> Callable[[], InThreads]:
        return lambda: InThreads(FolderStore(tmp_path / "records", create=True))


# page: end


# page: server
class OnTheServer:
    """How the contract kills the server, and cuts its answers off."""

    restarts = cuts = True

    @pytest.fixture(autouse=True)
    def _a_server(self, postgres_server: PostgresServer, postgres_database: str) -> Iterator[None]:
        self.server = postgres_server
        with psycopg.connect(postgres_database, autocommit=True) as connection:
            connection.execute(CREATE)
        with Proxy(("127.0.0.1", postgres_server.port)) as self.proxy:
            self.conninfo = make_conninfo(postgres_database, port=self.proxy.port)
            yield

    def restart_server(self) -> None:
        self.server.restart()  # SIGKILL, start; returns once it answers

    def cutting(self) -> AbstractContextManager[None]:
        return self.proxy.cutting()  # inside: what is sent is done, and the answer is lost


class TestTableStore(OnTheServer, StoreContract):
    """The contract."""

    @pytest.fixture
    def store_factory(self) -> StoreFactory:
        return lambda: TableStore(self.conninfo)


class TestAsyncTableStore(OnTheServer, AsyncStoreContract):
    """The contract, awaited."""

    @pytest.fixture
    def store_factory(self) -> Callable[[], AsyncTableStore]:
        return lambda: AsyncTableStore(self.conninfo)


# page: end


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """At the start and later: nobody seems to have no second factor because a disk is not mounted."""
    with pytest.raises(FileNotFoundError):
        FolderStore(tmp_path / "records")
    store = FolderStore(tmp_path / "records", create=True)
    assert store.load("7") is None
    (tmp_path / "records").rename(tmp_path / "elsewhere")
    for call in (lambda: store.load("7"), lambda: store.swap("7", None, b"1")):
        with pytest.raises(StoreError, match="No such file"):
            call()


def test_records_can_be_sealed_anew(tmp_path: Path) -> None:
    """`users` is what `reseal` needs; whoever was removed meanwhile is left out."""
    store = FolderStore(tmp_path / "records", create=True)
    for user in ("7", "8"):
        TwoFactor(store, issuer="ACME", sealer=Plaintext()).enrol(user, account="alice")
    assert reseal(store, Keyring({"2026": bytes(range(1, 33))}), previous=Plaintext()).resealed == 2
    listed = store.users()
    first = next(listed)
    other = {"7": "8", "8": "7"}[first]
    store.swap(other, store.load(other), None)
    assert list(listed) == []


def _unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FolderStore, "_locked", lambda _self: nullcontext())


def _uncompared(monkeypatch: pytest.MonkeyPatch) -> None:
    def swap(self: FolderStore, user: str, _old: bytes | None, new: bytes | None) -> bool:
        self._write(user, new)
        return True

    monkeypatch.setattr(FolderStore, "swap", swap)


def _unhashed(monkeypatch: pytest.MonkeyPatch) -> None:
    def path(self: FolderStore, user: str) -> Path:
        name = user.casefold().encode()[:100].hex()
        return self._folder / f"{name}.record"

    monkeypatch.setattr(FolderStore, "_path", path)


@pytest.mark.parametrize(
    ("take_away", "test"),
    [
        (_unlocked, "test_threads_race_a_swap"),
        (_uncompared, "test_swap_goes_by_value"),
        (_unhashed, "test_odd_users_are_kept_apart"),
    ],
)
def test_what_is_taken_away_is_noticed(
    take_away: Callable[[pytest.MonkeyPatch], None], test: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of the page: the contract's test of that name fails."""
    assert f"| `{test}`" in PAGE.read_text("utf-8")
    take_away(monkeypatch)
    contract = StoreContract()
    contract.rounds = 20  # type: ignore[misc]  # of this one alone
    with pytest.raises((AssertionError, StoreError, OSError)):
        getattr(contract, test)(lambda: FolderStore(tmp_path / "records", create=True))


class TestWithoutExcept(OnTheServer):
    """The last row of that table."""

    def test_an_error_of_the_driver_is_noticed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A store that lets it through does not pass."""
        assert "`test_a_lost_answer_is_never_a_second_acceptance`" in PAGE.read_text("utf-8")
        monkeypatch.setattr(table_store, "_told", nullcontext)
        contract = TestTableStore()
        contract.cutting = self.proxy.cutting  # type: ignore[method-assign]  # of this one alone
        with pytest.raises(psycopg.OperationalError):
            contract.test_a_lost_answer_is_never_a_second_acceptance(lambda: TableStore(self.conninfo))
