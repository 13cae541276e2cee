"""What a user takes in a store, beside a row of a user id and 1 KiB in the same database.

Rules of this file:

1. Every user has a record as it is after the first log-in, with ten recovery codes, in bytes of their own: nothing is
   shared. Many are copies of a few, which no database here makes use of at that size. The 1 KiB is random.
2. Both are filled with the same ids in the same order, which is none: neither has the advantage of sorted keys.
"""

import os
import random
from collections.abc import Callable, Iterator
from typing import Final

from totpcore import Plaintext
from totpcore.ports import Sealer

from ..report import Ratio, Row, Table
from ..steps import keyring, records
from .effort import Effort
from .shelves import Filling, Shelf

TARGET: Final = 1.3
ROW_BYTES: Final = 1024
SEALERS: Final[dict[str, Callable[[], Sealer]]] = {"Plaintext": Plaintext, "Keyring": keyring}
_DIFFERENT: Final = 200  # records; each takes as long to make as it takes to enrol and to log in


def table(effort: Effort) -> Table:
    """Return the table, without rows."""
    return Table(
        title="A user in each store",
        about=f"What the store takes for each of {effort.users:,} users after the first log-in, with ten recovery "
        f"codes each; beside a plain table, or keys, or a dictionary, of the same ids with {ROW_BYTES:,} random bytes.",
        base="plain",
    )


def name_of(name: str, sealer: str) -> str:
    """Return the name of a row."""
    return f"{name}, {sealer}"


def rows(shelf: Shelf, effort: Effort) -> Iterator[Row]:
    """Measure a store."""
    base = shelf.plain(_filling(effort, lambda _: os.urandom(ROW_BYTES))) / effort.users
    made = list(records((f"user {number}" for number in range(_DIFFERENT)), Plaintext()).values())
    for name, new_sealer in SEALERS.items():
        sealer = new_sealer()

        def record(number: int, sealer: Sealer = sealer) -> bytes:
            plain = bytearray(made[number % _DIFFERENT])  # so that it is a copy, where it is not sealed
            return sealer.seal(bytes(plain), b"user %d" % number)

        ours = shelf.ours(_filling(effort, record)) / effort.users
        yield Row(
            name=name_of(shelf.name, name),
            ratio=Ratio.of([ours], [base]),
            at_most=TARGET,
            base_bytes=base,
            our_bytes=ours,
            note=f"the record itself has {len(record(0)):,} bytes",
        )


def _filling(effort: Effort, value: Callable[[int], bytes]) -> Filling:
    def rows_of_users() -> Iterator[tuple[str, bytes]]:
        drawn = random.Random(1)  # always the same ids, made anew: what a dictionary holds of them is counted too
        return ((drawn.randbytes(8).hex(), value(number)) for number in range(effort.users))

    return rows_of_users
