"""What a log-in writes: by how much the log of a database grows before the log-in is answered.

Rules of this file:

1. Whole log-ins are counted, through the store, of records that a `Keyring` has sealed: one swap each.
2. Nothing else writes meanwhile. No checkpoint comes between, and no vacuum, and no log is begun anew or written anew:
   a shelf sees to that.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from totpcore.ports import Store

from ..report import Row, Table
from ..steps import Hand, keyring, put, records, reserve, service_on
from .effort import Effort

Size = Callable[[], int]  # of the log, in bytes

_SAME: Final = tuple(f"user {number}" for number in range(20))
_FIRST: Final = 1  # log-in of each that is not counted: it finds its page cold, and makes room in it


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="What a log-in writes",
        about="By how many bytes the log of the database grows with each log-in that changes a record sealed with a "
        f"`Keyring`: where {len(_SAME)} users log in again and again; and in PostgreSQL where none has logged in since "
        "the last checkpoint who lies on the same page, so that the whole page is written to the log too. To be added "
        "is what the database later writes to its own files.",
        base="",
    )


def by_the_same(name: str, store: Store, size: Size, effort: Effort) -> Row:
    """Let few users log in again and again."""
    put(store, sealed(_SAME))
    hand = Hand()
    by_log_in(store, _SAME * _FIRST, hand, size)
    return row(name, store, _SAME * (effort.log_ins // len(_SAME)), hand, size)


def row(name: str, store: Store, users: Sequence[str], hand: Hand, size: Size) -> Row:
    """Let these users log in, one after another, and show what that wrote."""
    written = by_log_in(store, users, hand, size)
    held = len(store.load(users[0]) or b"")
    return Row(name=name, our_bytes=written, note=f"{len(users):,} log-ins; the record itself has {held:,} bytes")


def by_log_in(store: Store, users: Sequence[str], hand: Hand, size: Size) -> float:
    """Let these users log in, one after another, and return by how much the log grew for each."""
    service = service_on(store, keyring(), hand)
    reserve(hand.index + len(users) + 1)
    before = size()
    for user in users:
        service.verify(user, hand.fresh())
    return (size() - before) / len(users)


def sealed(users: Iterable[str]) -> dict[str, bytes]:
    """Return a record for each user, as it is after the first log-in."""
    return records(users, keyring())
