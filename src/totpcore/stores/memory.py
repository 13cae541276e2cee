"""For one process only: records in a dictionary, gone when it ends. For tests and for trying things out."""

import os
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock

from ..errors import StoreError


class MemoryStore:
    """For one process only: a store that forgets everything when the process ends.

    A forked child would have a copy in which every spent code is unspent, so it refuses to work there.
    """

    __slots__ = ("_lock", "_owner", "_values")

    def __init__(self) -> None:
        self._lock = Lock()
        self._owner = os.getpid()
        self._values: dict[str, bytes] = {}

    def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`.

        Raises:
            StoreError: If the process was forked since the store was made.
        """
        self._check_owner()
        return self._values.get(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`.

        Raises:
            StoreError: If the process was forked since the store was made.
        """
        self._check_owner()
        with self._lock:
            if self._values.get(user) != old:
                return False
            if new is None:
                self._values.pop(user, None)
            else:
                self._values[user] = new
            return True

    def users(self) -> Iterator[str]:
        """Yield every user id that has a value."""
        self._check_owner()
        return iter(sorted(self._values))

    def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Return the values of those of the users that have one."""
        self._check_owner()
        found = ((user, self._values.get(user)) for user in users)
        return {user: value for user, value in found if value is not None}

    def _check_owner(self) -> None:
        if os.getpid() != self._owner:
            raise StoreError("a MemoryStore is for one process, and this one was forked: use SQLiteStore or another")

    def __repr__(self) -> str:
        return f"<MemoryStore: {len(self._values)} users>"
