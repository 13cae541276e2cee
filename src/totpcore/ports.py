"""What totpcore asks of the world: a place for one value per user, and a seal around it.

Rules of this file:

1. A store keeps bytes it does not understand, one value per user, and replaces a value only by compare-and-swap.
2. A store commits for itself. Inside the caller's transaction, the exception for a wrong code would roll the
   attempt back, and guesses would be free.
3. `True` from `swap` means durable. Whoever gets it may speak.
4. `load` reads from the primary. A replica that lags may show a value that is gone: the swap then fails.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Protocol, runtime_checkable


class Store(Protocol):
    """Keeps one opaque value per user.

    Example:
        A store over any table that has a key and a blob::

            class TableStore:
                def load(self, user):
                    return self.db.value("SELECT value FROM factors WHERE user = ?", user)

                def swap(self, user, old, new):
                    if old is None:
                        return self.db.changed("insert into factors values (?, ?) on conflict do nothing", user, new)
                    if new is None:
                        return self.db.changed("delete from factors where user = ? and value = ?", user, old)
                    return self.db.changed("update factors set value = ? where user = ? and value = ?", new, user, old)

    A user id is a `str` of 1 to 255 characters, compared code point by code point. The contract that a store has to
    meet is `totpcore.testing.StoreContract`, a test class to inherit.
    """

    def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None` where there is none."""
        ...

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`; `None` stands for no value.

        Returns `True` only once the change is durable, `False` where the value was another.
        """
        ...


class AsyncStore(Protocol):
    """The same as `Store`, awaited."""

    async def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None` where there is none."""
        ...

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`."""
        ...


class Sealer(Protocol):
    """Encrypts and authenticates the whole record.

    `context` names the user: `open` raises where the context or any bit of the sealed bytes differs, so that a record
    cannot be moved to another user.
    """

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Return the plaintext sealed, bound to the context."""
        ...

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Return the plaintext. Raises anything if the seal does not hold."""
        ...


@runtime_checkable
class ListsUsers(Protocol):
    """A store that can also list its users; `reseal` needs it, and so does `raise_floor` for everybody."""

    def users(self) -> Iterator[str]:
        """Yield every user id that has a value."""
        ...


@runtime_checkable
class LoadsMany(Protocol):
    """A store that can load many values in one round trip; `TwoFactor.statuses` uses it."""

    def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Return the values of those of the users that have one."""
        ...


@runtime_checkable
class AsyncListsUsers(Protocol):
    """The same as `ListsUsers`, awaited."""

    def users(self) -> AsyncIterator[str]:
        """Yield every user id that has a value."""
        ...


@runtime_checkable
class AsyncLoadsMany(Protocol):
    """The same as `LoadsMany`, awaited."""

    async def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Return the values of those of the users that have one."""
        ...
