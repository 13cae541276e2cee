"""What comes out of another system: a token and its spent counter, or the reason why not; and reading of plain data.

Rules of this file:

1. What was spent there stays spent here. Where that is not known, it says so, and whoever calls passes the time of now.
2. A message names the field and what is allowed, never what stands in it.
3. What others raise on a value is told by its type, and is in no traceback of ours: it may hold the value.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from .._guard import Hidden, type_error, whole
from .._transitions import CLOCK_SEARCH
from ..errors import InvalidInput, InvalidParameters, InvalidSecret
from ..otp import HOTP, TOTP, Algorithm
from ..secret import Secret

T = TypeVar("T")
R = TypeVar("R")

FARTHEST_AHEAD: Final = CLOCK_SEARCH  # time steps: `adopt` takes no counter that lies further in the future

_LONGEST_JSON: Final = 16_384  # characters; what is written there has a few hundred


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A token of another system.

    Attributes:
        token: The token.
        spent: The highest counter that was accepted there; -1 where none was, or that is not known. For `TOTP`, 0 is
            not known either: it was a moment of long ago, and is what columns begin with.
        drift: How many time steps the phone was ahead of the server there; negative where it was behind. Here nothing
            learns drift: beyond `Policy.window` its codes are refused until its clock is set.
        steps_ahead: How many time steps ahead of its clock that system accepted codes; of use where `spent` is not
            known.
        account: Whose it is, where the source says so.
        issuer: Which service it is for, where the source says so.
    """

    token: TOTP | HOTP
    spent: int = -1
    drift: int = 0
    steps_ahead: int = 0
    account: str | None = field(default=None, repr=False)
    issuer: str | None = None

    def spent_by(self, now: float, *, beside: Iterable["Moved"] = ()) -> int:
        """Return the counter to adopt it with: `spent`, or where that is not known, the last that can have been.

        That is the time step of now, and `steps_ahead` more. A counter is only known to whoever counted.

        Args:
            now: Unix seconds.
            beside: Other rows of the same user. Where the same secret stands in several, the highest counter holds.
        """
        alike = (one for one in beside if _count_alike(one.token, self.token))
        return max(one._spent_by(now) for one in (self, *alike))  # noqa: SLF001  # of this class

    def _spent_by(self, now: float) -> int:
        if self.spent > 0 or isinstance(self.token, HOTP):
            return self.spent
        return self.token.counter(now) + self.steps_ahead


def _count_alike(one: TOTP | HOTP, other: TOTP | HOTP) -> bool:
    """Whether two tokens have the same secret and count the same. `Secret` compares in constant time."""
    return replace(one, digits=6) == replace(other, digits=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that cannot be moved.

    Attributes:
        number: Which one it is, from 1.
        reason: Why; it shows nothing of the row.
    """

    number: int
    reason: str


def read_each(read: Callable[[T], Moved], rows: Iterable[T]) -> Iterator[Moved | BadRow]:
    """Read row after row; one that cannot be read is named, and the next ones are read all the same.

    Args:
        read: One of the functions of this package, or one of your own.
        rows: What it reads.
    """
    hidden = Hidden(rows)
    del rows
    for number, row in enumerate(map(Hidden, hidden.value), 1):
        try:
            yield read(row.value)
        except (InvalidInput, TypeError) as error:
            yield BadRow(number=number, reason=str(error))


# ---- fields ----


def mapping_of(name: str, given: Hidden[T]) -> Hidden[Mapping[str, object]]:
    """Return what was given, which has to be a mapping of names to values."""
    if not isinstance(given.value, Mapping):
        raise type_error(name, "a mapping of the names of fields to values", given.value)
    return Hidden(given.value)


def field_of(row: Hidden[Mapping[str, object]], name: str) -> Hidden[object]:
    """Return a field that has to be there."""
    if name not in row.value:
        raise InvalidParameters(f"row must have the field {name}")
    return Hidden(row.value[name])


def number_of(row: Hidden[Mapping[str, object]], name: str, low: int, high: int) -> int:
    """Return a field that has to be a whole number from `low` to `high`."""
    held = field_of(row, name)
    if type(held.value) is not int:
        raise type_error(name, "an int", held.value)
    return whole(name, held.value, low, high)


def text_of(name: str, given: Hidden[T]) -> Hidden[str]:
    """Return what was given, which has to be text."""
    if not isinstance(given.value, str) or type(given.value) is not str:
        raise type_error(name, "a str", given.value)
    return Hidden(given.value)


def secret_of(name: str, given: Hidden[T]) -> Secret:
    """Return the secret that was given in base32."""
    try:
        return Secret.from_base32(text_of(name, given).value)
    except InvalidSecret as error:
        why, position = str(error), error.position
    raise InvalidSecret(f"{name} must be a secret in base32: {why}", position=position)


def algorithm_of(name: str, given: Hidden[T]) -> Algorithm:
    """Return the hash that was named, in any case."""
    try:
        return Algorithm(text_of(name, given).value)
    except InvalidParameters:
        pass
    raise InvalidParameters(f"{name} must be one of {', '.join(Algorithm)}")


def json_of(name: str, given: Hidden[str]) -> Hidden[object]:
    """Return what a text in JSON says. A name that stands twice is refused: which of the two is meant?"""
    if len(given.value) <= _LONGEST_JSON:
        try:
            return Hidden(json.loads(given.value, object_pairs_hook=_once_each))
        except (ValueError, RecursionError):
            pass  # and raised below: `JSONDecodeError.doc` is the text
    raise InvalidParameters(f"{name} must be JSON of at most {_LONGEST_JSON} characters, with each name once")


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError
    return dict(pairs)


def decrypted(name: str, decrypt: Hidden[Callable[[T], R]], sealed: Hidden[T]) -> Hidden[R]:
    """Return what the caller's own function makes of a field. It is hidden: a `partial` shows the key that it has."""
    if not callable(decrypt.value):
        raise type_error("decrypt", "a function", decrypt.value)
    try:
        return Hidden(decrypt.value(sealed.value))
    except Exception as error:  # noqa: BLE001  # rule 3: whatever it raises, this field is not to be read
        why = type(error).__name__
    raise InvalidSecret(f"{name} could not be decrypted: decrypt raised {why}")
