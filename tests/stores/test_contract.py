"""Every store meets the one contract. A third-party store does it like this."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from totpcore import MemoryStore, SQLiteStore, Store
from totpcore.stores import InThreads
from totpcore.testing import AsyncStoreContract, AsyncStoreFactory, StoreContract, StoreFactory


class TestMemoryStore(StoreContract):
    """`MemoryStore` meets it within one process."""

    processes = False

    @pytest.fixture
    def store_factory(self) -> StoreFactory:
        """The same object each time: it is the only way to the same records."""
        store = MemoryStore()
        return lambda: store


class TestSQLiteStore(StoreContract):
    """`SQLiteStore` meets it among threads and processes."""

    @pytest.fixture
    def store_factory(self, tmp_path: Path) -> StoreFactory:
        """Another object each time, on one file."""
        self.folder = tmp_path
        return lambda: SQLiteStore(tmp_path / "factors.db", create=True)

    def in_rolled_back_transaction(self, store_factory: StoreFactory, call: Callable[[], None]) -> None:
        """The application has its tables in the same file, reads in a transaction, and rolls it back."""
        application = sqlite3.connect(self.folder / "factors.db", isolation_level=None)
        application.execute("CREATE TABLE application (value)")
        application.execute("BEGIN")
        application.execute("SELECT * FROM application").fetchall()
        call()
        application.execute("ROLLBACK")
        application.close()


class TestAStoreOfTwoMethods(StoreContract):
    """A store that offers neither `users` nor `load_many` meets it all the same."""

    processes = False

    @pytest.fixture
    def store_factory(self) -> StoreFactory:
        """`load` and `swap` over another store, and nothing else."""
        store: Store = MemoryStore()

        class TwoMethods:
            def load(self, user: str, /) -> bytes | None:
                return store.load(user)

            def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
                return store.swap(user, old, new)

        return TwoMethods


def test_a_store_may_list_without_loading_many_and_load_many_without_listing() -> None:
    """What a store offers of the two is tried, and the other is not asked for."""

    class OnlyLists:
        def __init__(self) -> None:
            self._store = MemoryStore()
            self.load, self.swap, self.users = self._store.load, self._store.swap, self._store.users

    class OnlyLoadsMany:
        def __init__(self) -> None:
            self._store = MemoryStore()
            self.load, self.swap, self.load_many = self._store.load, self._store.swap, self._store.load_many

    for half in (OnlyLists, OnlyLoadsMany):
        StoreContract().test_lists_and_loads_many_where_it_offers_to(half)

    class ListsTheRemoved(OnlyLists):
        def __init__(self) -> None:
            super().__init__()
            self.users = lambda: iter([*self._store.users(), "user 7"])

    class LoadsNobody(OnlyLoadsMany):
        def __init__(self) -> None:
            super().__init__()
            self.load_many = lambda _users, /: {}

    with pytest.raises(AssertionError, match="users must"):
        StoreContract().test_lists_and_loads_many_where_it_offers_to(ListsTheRemoved)
    with pytest.raises(AssertionError, match="load_many must"):
        StoreContract().test_lists_and_loads_many_where_it_offers_to(LoadsNobody)


class TestMemoryStoreInThreads(AsyncStoreContract):
    """`InThreads` makes an asynchronous store of one that is none."""

    processes = False

    @pytest.fixture
    def store_factory(self) -> AsyncStoreFactory:
        """Other threads each time, on the same store."""
        store = MemoryStore()
        return lambda: InThreads(store)


class TestSQLiteStoreInThreads(AsyncStoreContract):
    """Among processes too: each has its own threads, and each thread its own connection."""

    @pytest.fixture
    def store_factory(self, tmp_path: Path) -> AsyncStoreFactory:
        """Another object each time, on one file."""
        return lambda: InThreads(SQLiteStore(tmp_path / "factors.db", create=True))


class TestAnAsyncStoreOfTwoMethods(AsyncStoreContract):
    """An asynchronous store that offers neither `users` nor `load_many` meets it all the same."""

    processes = False

    @pytest.fixture
    def store_factory(self) -> AsyncStoreFactory:
        """`load` and `swap`, awaited, and nothing else."""
        store = MemoryStore()

        class TwoMethods:
            async def load(self, user: str, /) -> bytes | None:
                return store.load(user)

            async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
                return store.swap(user, old, new)

        return TwoMethods
