"""Users over several databases: a user's record is always in the same one.

Rule 1. Which one that is depends on the user id alone, and not on the process: `hash` differs from process to process.
Rule 2. The list is never changed while anybody logs in. A user who is looked for in another database has no second
factor there: so begin with more shards than servers, such as 64 tables, and move a whole shard when a server is added.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Protocol

from totpcore import Store


class Shard(Store, Protocol):
    """A store that can list its users."""

    def users(self) -> Iterator[str]:
        """Yield every user id that has a value."""
        ...


class ShardedStore:
    """A `totpcore.Store` on several others, each with a share of the users."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._shards = tuple(shards)

    def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`."""
        return self._of(user).load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`."""
        return self._of(user).swap(user, old, new)

    def users(self) -> Iterator[str]:
        """Yield every user id that has a value, shard by shard: for lists, and for `reseal`."""
        return chain.from_iterable(shard.users() for shard in self._shards)

    def _of(self, user: str) -> Shard:
        digest = hashlib.sha256(user.encode()).digest()
        return self._shards[int.from_bytes(digest[:8], "big") % len(self._shards)]
