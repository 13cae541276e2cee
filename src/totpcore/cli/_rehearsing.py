"""A store that reads what is there, and keeps to itself what is written: for a dry run.

Rules of this file:

1. Nothing is ever written to the real store, and none is made: where it is still to be made, it counts as empty.
2. What was written in the rehearsal is there in the rehearsal, so that all goes as it will go.
"""

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from . import _stores
from ._parsing import Mistake

if TYPE_CHECKING:
    from ..ports import Store

_TO_BE_MADE: Final = re.compile(r"\bno (such )?(file|table)\b")  # as the stores say of what is missing


class Rehearsal:
    """A store over another one, which is only read."""

    def __init__(self, real: "Store") -> None:
        self._real = real
        self._written: dict[str, bytes | None] = {}

    def load(self, user: str, /) -> bytes | None:
        """Return the user's value."""
        return self._written[user] if user in self._written else self._real.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` here, if and only if the value is still exactly `old`."""
        if self.load(user) != old:
            return False
        self._written[user] = new
        return True

    def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Return the values of those of the users that have one."""
        from ..ports import LoadsMany  # noqa: PLC0415

        wanted = list(users)
        if isinstance(self._real, LoadsMany):
            found: dict[str, bytes | None] = dict(self._real.load_many(wanted))
        else:
            found = {user: self._real.load(user) for user in wanted}
        found |= {user: self._written[user] for user in wanted if user in self._written}
        return {user: value for user, value in found.items() if value is not None}


@contextmanager
def rehearsed(given: argparse.Namespace) -> Iterator[_stores.Opened]:
    """Open what was named, for reading only."""
    from ..errors import StoreError  # noqa: PLC0415
    from ..sealing import Plaintext  # noqa: PLC0415
    from ..stores import MemoryStore  # noqa: PLC0415

    makes, given.create = given.create, False
    with ExitStack() as stack:
        try:
            real = stack.enter_context(_stores.opened(given))
            if makes:
                real.store.load("nobody")  # a server is asked for its table no earlier
        except (Mistake, StoreError) as error:
            if not makes or not _TO_BE_MADE.search(str(error)):
                raise
            real = _stores.Opened(MemoryStore(), Plaintext())
        yield real._replace(store=Rehearsal(real.store))
