"""What a store is measured on: a server of its own, and on it places that are filled with records.

Rules of this file:

1. A place opens the store, and the raw driver with one connection for each client, on the same records, with the same
   settings for durability.
2. The raw driver does the two statements of a log-in and nothing else, prepared where the driver can.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Protocol, Self

from totpcore.ports import AsyncStore, Store


class Opened(Store, Protocol):
    """A store that holds connections."""

    def close(self) -> None: ...


class AsyncOpened(AsyncStore, Protocol):
    """The same, awaited."""

    async def close(self) -> None: ...


class Place(ABC):
    """Where some records are.

    Attributes:
        users: The ids that it was filled with, in no order.
    """

    def __init__(self, size: int) -> None:
        self.users: Sequence[str] = [secrets.token_hex(8) for _ in range(size)]

    @abstractmethod
    def store(self, clients: int) -> Opened:
        """Open the store."""

    @abstractmethod
    def raw(self) -> Opened:
        """Open the raw driver: one connection."""

    @abstractmethod
    async def async_store(self, clients: int) -> AsyncOpened:
        """Open the store that is awaited."""

    @abstractmethod
    async def async_raw(self, clients: int) -> Sequence[AsyncOpened]:
        """Open the raw driver that is awaited, for so many clients."""


class Ground(ABC):
    """A server, or what stands for one; to be entered before it is used.

    Attributes:
        key: Its name on the command line.
        name: Its name.
        target: The least ratio of the store's throughput to the raw driver's.
        with_django: Whether Django can use it.
        every_size: Whether the latency is measured with every number of users, or with the fewest and the most alone.
    """

    key: str
    name: str
    target: float
    with_django = False
    every_size = False

    def __init__(self) -> None:
        self.open = ExitStack()

    @abstractmethod
    def missing(self) -> str | None:
        """Return what the machine lacks for it."""

    @abstractmethod
    def version(self) -> str:
        """Return what is measured, once it is started: the version, and how safe it keeps what it is given."""

    @abstractmethod
    def start(self) -> None:
        """Start it; what has to be ended is put on `open`."""

    @abstractmethod
    def place(self, size: int, value: bytes) -> Place:
        """Return a new place, with so many users who all have this value."""

    def django(self) -> dict[str, object]:
        """Return the settings with which Django uses a new database of it."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.open.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.open.close()
