"""Any `Store` as an `AsyncStore`: its calls wait in threads, and the event loop does not.

Rules of this file:

1. The threads are the store's own: whatever else an application does in threads does not hold up its log-ins.
2. A forked child has none of them, and starts its own.
3. What was begun in a thread goes on to its end, whoever stops waiting for it.
"""

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Final, TypeVar

from .._guard import has_methods, type_error, whole
from ..errors import StoreError
from ..ports import ListsUsers, LoadsMany, Store

T = TypeVar("T")

_PAGE: Final = 1000  # users, of each trip to a thread


class InThreads:
    """An `AsyncStore` over a `Store`.

    Example:
        >>> from totpcore import MemoryStore
        >>> async def keep():
        ...     store = InThreads(MemoryStore())
        ...     await store.swap("7", None, b"value")
        ...     held = await store.load("7")
        ...     await store.close()
        ...     return held
        >>> asyncio.run(keep())
        b'value'

    Each thread that a store keeps a connection for keeps one: `threads` bounds them. For PostgreSQL and Redis there
    are stores that need no threads.
    """

    __slots__ = ("_owner", "_store", "_threads", "_workers")

    def __init__(self, store: Store, *, threads: int = 8) -> None:
        """Take the store.

        Args:
            store: The store; it has to be one that threads can share, as every store of totpcore's is.
            threads: How many of its calls may wait at once, 1 to 100.

        Raises:
            InvalidParameters: If `threads` is out of range.
            TypeError: If an argument has another type.
        """
        has_methods("store", store, "load", "swap")
        if inspect.iscoroutinefunction(store.load):
            raise type_error("store", "a Store: an AsyncStore needs no threads", store)
        self._store = store
        self._threads = whole("threads", threads, 1, 100)
        self._workers: ThreadPoolExecutor | None = None
        self._owner = 0

    async def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`."""
        return await self._do(partial(self._store.load, user))

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`."""
        return await self._do(partial(self._store.swap, user, old, new))

    async def users(self) -> AsyncIterator[str]:
        """Yield every user id that has a value.

        Raises:
            TypeError: If the store does not list its users.
        """
        if not isinstance(self._store, ListsUsers):
            raise type_error("store", "one that lists its users", self._store)
        store = self._store
        listed = await self._do(lambda: iter(store.users()))
        while page := await self._do(lambda: list(islice(listed, _PAGE))):
            for user in page:
                yield user

    async def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Return the values of those of the users that have one, one by one where the store cannot do better."""
        wanted = list(users)
        if isinstance(self._store, LoadsMany):
            return await self._do(partial(self._store.load_many, wanted))
        return await self._do(lambda: {user: held for user in wanted if (held := self._store.load(user)) is not None})

    async def close(self) -> None:
        """Wait for what is under way, end the threads, and close the store where it can be; it can be used again."""
        workers, self._workers = self._workers, None
        if workers is not None and self._owner == os.getpid():
            await asyncio.to_thread(workers.shutdown)
        close = getattr(self._store, "close", None)
        if close is not None:
            await asyncio.to_thread(close)

    async def _do(self, work: Callable[[], T]) -> T:
        if self._workers is None or self._owner != os.getpid():
            self._workers = ThreadPoolExecutor(self._threads, "totpcore")
            self._owner = os.getpid()
        return await asyncio.get_running_loop().run_in_executor(self._workers, partial(_done, work))

    def __repr__(self) -> str:
        return f"<InThreads: {self._store!r}>"


def _done(work: Callable[[], T]) -> T:
    """Do the work. No future takes a `StopIteration`: before Python 3.12 whoever awaits it would wait without end."""
    try:
        return work()
    except StopIteration as error:
        raise StoreError("the store raised StopIteration") from error
