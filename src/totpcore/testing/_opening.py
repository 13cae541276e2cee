"""Stores that are opened for a test, and closed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

from ..ports import Store
from ..sealing import Plaintext
from ..service import TwoFactor
from ._stand_ins import HandClock

StoreFactory = Callable[[], Store]


class Stores:
    """What opens stores on the same records: those of `open` are closed at the end, one of `one` after its use."""

    def __init__(self, store_factory: StoreFactory) -> None:
        self._store_factory = store_factory
        self._closing = ExitStack()

    def open(self) -> Store:
        """Return another store object."""
        return self._closing.enter_context(self.one())

    @contextmanager
    def one(self) -> Iterator[Store]:
        store = self._store_factory()
        try:
            yield store
        finally:
            close = getattr(store, "close", None)
            if close is not None:
                close()

    def serve(self, store: Store, clock: HandClock) -> TwoFactor:
        return TwoFactor(store, issuer="Contract", sealer=Plaintext(), clock=clock, audit=lambda _event: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.close()
