"""Bytes read as choices, numbers and text.

Rules of this file:

1. Reading is total: where the bytes have ended, every answer is the first or smallest one.
2. A choice takes one byte, so that a mutation of one byte changes one choice and leaves the others where they were.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

LARGEST: Final = 2**64 - 1
EDGES: Final = (0, 1, 2, 59, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63, LARGEST - 3, LARGEST - 1, LARGEST)


class Fault(AssertionError):
    """Totpcore did what it must not do."""


def check(holds: bool, what: str) -> None:
    """Raise `Fault` unless it holds."""
    if not holds:
        raise Fault(what)


class Input:
    """The bytes of one run, read from the front."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        """The next byte, 0 after the end."""
        at = self._at
        self._at = at + 1
        return self._data[at] if at < len(self._data) else 0

    def take(self, most: int) -> bytes:
        """The next bytes, up to so many."""
        at = self._at
        self._at = at + most
        return self._data[at : at + most]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))

    def below(self, count: int) -> int:
        """A number from 0 to `count - 1`, of at most 256."""
        return self.byte() % count

    def pick(self, options: Sequence[T]) -> T:
        """One of at most 256 options."""
        return options[self.byte() % len(options)]

    def whole(self) -> int:
        """A number from 0 to 2**64 - 1: an edge, something near zero, or any."""
        kind = self.byte()
        if kind < 128:
            return EDGES[kind % len(EDGES)]
        return self.byte() if kind < 192 else int.from_bytes(self.take(8), "big")

    def text(self, pieces: Sequence[str], most: int = 1 << 20) -> str:
        """Text of at most so many bytes: pieces, Latin-1, UTF-16 or UTF-8; lone surrogates among it."""
        kind = self.byte() % 8
        raw = self.take(most)
        if kind == 0:
            return raw.decode("utf-8", "surrogateescape")
        if kind == 1:
            return raw[: len(raw) & ~1].decode("utf-16-le", "surrogatepass")
        if kind == 2:
            return raw.decode("latin-1")
        count = len(pieces)
        return "".join([pieces[byte % count] for byte in raw])

    def decorated(self, plain: str, pieces: Sequence[str]) -> str:
        """The text with pieces at either end and at some places inside, which may replace a character."""
        around = self.text(pieces, self.below(8)), self.text(pieces, self.below(8))
        for _ in range(self.below(4)):
            place, cut = self.byte() % (len(plain) + 1), self.byte() & 1
            plain = plain[:place] + self.pick(pieces) + plain[place + cut :]
        return around[0] + plain + around[1]
