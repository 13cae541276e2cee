"""What a store stands on while it is soaked.

Rules of this package:

1. `open` makes another store object on the same records, in whatever process it is called.
2. Servers write down what they answered before they answer it, as in production: `appendfsync always`, `fsync`.
3. The records of every store are sealed by a `Keyring`, but for those of the memory and of `InThreads`: `Plaintext`.
4. What is not on this machine is `Missing`, before anything is started.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Final, TypeAlias

from totpcore.ports import AsyncStore, Sealer, Store
from totpcore.sealing import Keyring
from totpcore.testing import HandClock

from ..clients import Awaiting, Client, Waiting

OpenStore: TypeAlias = Callable[[], Store] | Callable[[], AsyncStore]

KEYRING: Final = Keyring({"soak": bytes(range(32))})


class Missing(Exception):
    """What a store needs is not on this machine."""


def _only_part(_user: str) -> int:
    return 0


@dataclass(frozen=True)
class Server:
    """A server that can be killed, whole or in parts.

    Attributes:
        kill: Kills a part of it, at once.
        revive: Starts that part again.
        parts: How many parts it has, each with users of its own.
        part_of: Which part a user's record is in.
        survivor: Inside it, another server has taken over, and this opens a store on it; `None` where there is none.
    """

    kill: Callable[[int], None]
    revive: Callable[[int], None]
    parts: int = 1
    part_of: Callable[[str], int] = _only_part
    survivor: Callable[[], AbstractContextManager[OpenStore | None]] = nullcontext


@dataclass(frozen=True)
class Site:
    """A store's surroundings.

    Attributes:
        open: Opens a store.
        about: What it runs on, with versions.
        sealer: What its records are sealed with.
        server: Its server, where it has one of its own.
        awaits: Whether it is an asynchronous store. Then its racers are tasks, in pairs in four processes.
        threads: Whether its racers are threads of one process.
    """

    open: OpenStore
    about: str
    sealer: Sealer = KEYRING
    server: Server | None = None
    awaits: bool = False
    threads: bool = False

    @property
    def racers(self) -> tuple[int, int]:
        """How many processes or threads race, and how many racers each stands for."""
        return (4, 2) if self.awaits else (8, 1)

    def client(self, clock: HandClock | None = None, open_store: OpenStore | None = None) -> Client:
        """Open a client, with a store of its own."""
        opening = open_store or self.open
        if self.awaits:
            return Awaiting(opening, self.sealer, clock)  # type: ignore[arg-type]  # `awaits` says which it is
        pause = 0.0001 if self.threads else 0.0
        return Waiting(opening(), self.sealer, clock, pause=pause)  # type: ignore[arg-type]  # as above


def versions(*libraries: str) -> list[str]:
    """Return each library with its version.

    Raises:
        Missing: If one is not installed.
    """
    for library in libraries:
        if find_spec(library) is None:
            raise Missing(f"needs {library}")
    return [f"{library} {version(library)}" for library in libraries]
