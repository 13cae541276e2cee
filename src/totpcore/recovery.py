"""Recovery codes: what opens the door when the phone is lost.

Rules of this file:

1. A code is 24 characters of Crockford's base32, 120 random bits. At 112 bits and more a slow hash adds nothing
   (SP 800-63B-4 section 3.1.2.2; ASVS 5.0, 6.5.2), so each is kept as HMAC-SHA-256 under one random salt per set,
   and an attempt costs microseconds whatever their number.
2. Every entry is compared, in constant time.
3. A used code stays, marked spent: whoever sends a form twice is told so, and is charged nothing.
4. They exist in clear once, in the `RecoveryCodes` that the caller shows.
"""

import hmac
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple, overload

from ._guard import Guarded, Hidden, whole

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: without I, L, O and U
CODE_CHARACTERS: Final = 24  # 5 bits each
CODE_BYTES: Final = CODE_CHARACTERS * 5 // 8
SALT_BYTES: Final = 16
DIGEST_BYTES: Final = 32
MOST_CODES: Final = 100

_LONGEST_TEXT: Final = 64  # room for any grouping; longer text is refused unread
_FORGIVEN: Final = str.maketrans("OIL", "011", " -")


class RecoveryCodes(Guarded, Sequence[str]):
    """A set of recovery codes, in clear, to be shown once.

    Example:
        >>> codes = RecoveryCodes.generate(10)
        >>> codes
        <RecoveryCodes: 10, hidden>
        >>> len(codes[0]), codes[0].count("-")
        (29, 5)
    """

    __slots__ = ("_codes",)
    _codes: tuple[str, ...]

    def __init__(self, codes: Sequence[str]) -> None:
        object.__setattr__(self, "_codes", tuple(codes))

    @classmethod
    def generate(cls, count: int) -> "RecoveryCodes":
        """Make `count` codes, 1 to 100, from the operating system's random source.

        Raises:
            InvalidParameters: If `count` is out of range.
        """
        return cls([_written(secrets.token_bytes(CODE_BYTES)) for _ in range(whole("count", count, 1, MOST_CODES))])

    def __len__(self) -> int:
        return len(self._codes)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return RecoveryCodes(self._codes[index]) if isinstance(index, slice) else self._codes[index]

    def __repr__(self) -> str:
        return f"<RecoveryCodes: {len(getattr(self, '_codes', ()))}, hidden>"


class RecoverySet(NamedTuple):
    """What is kept of a set of recovery codes.

    Attributes:
        salt: 128 random bits, one salt for the set.
        digests: The HMAC-SHA-256 of each code under the salt, joined.
        spent: Bit n is set where code n was used.
    """

    salt: bytes
    digests: bytes
    spent: int

    @property
    def left(self) -> int:
        """How many codes have not been used."""
        return len(self.digests) // DIGEST_BYTES - self.spent.bit_count()

    def is_spent(self, number: int) -> bool:
        """Whether the code of that number was used."""
        return bool(self.spent >> number & 1)

    def spend(self, number: int) -> "RecoverySet":
        """Return the set with the code of that number spent."""
        return self._replace(spent=self.spent | 1 << number)

    def void(self) -> "RecoverySet":
        """Return the set with every code spent."""
        return self._replace(spent=(1 << len(self.digests) // DIGEST_BYTES) - 1)

    def __repr__(self) -> str:
        return f"<RecoverySet: {self.left} left>"


def keep(codes: RecoveryCodes, salt: bytes) -> RecoverySet:
    """Return what to store of the codes; the salt comes from `secrets`."""
    return RecoverySet(salt, b"".join(hmac.digest(salt, code.replace("-", "").encode(), "sha256") for code in codes), 0)


def find(kept: RecoverySet, canonical: Hidden[str]) -> int | None:
    """Return the number of the code in the set, spent or not; `None` where it is not in it.

    Two codes of a set are never equal but by a chance of 2**-120 for each pair.
    """
    wanted = hmac.digest(kept.salt, canonical.value.encode(), "sha256")
    starts = range(0, len(kept.digests), DIGEST_BYTES)
    found = [hmac.compare_digest(kept.digests[start : start + DIGEST_BYTES], wanted) for start in starts]
    return found.index(True) if any(found) else None


def canonical_recovery_code(typed: Hidden[str]) -> Hidden[str] | None:
    """Return the 24 characters that were typed, or `None` where that is no recovery code.

    Case, spaces and hyphens do not count; the letters O, I and L are read as the digits they look like. The length is
    looked at first, so that text of any size costs the same.
    """
    if len(typed.value) > _LONGEST_TEXT or not typed.value.isascii():
        return None
    plain = Hidden(typed.value.strip(" \t\n\r\v\f").upper().translate(_FORGIVEN))
    return plain if len(plain.value) == CODE_CHARACTERS and not plain.value.strip(ALPHABET) else None


def _written(raw: bytes) -> str:
    """Return 120 bits as Crockford base32 in groups of four."""
    number = int.from_bytes(raw, "big")
    plain = "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (CODE_CHARACTERS - 1), -1, -5))
    return "-".join(plain[start : start + 4] for start in range(0, CODE_CHARACTERS, 4))
