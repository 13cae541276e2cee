"""What other systems keep of a second factor, read for `TwoFactor.adopt`.

Rules of this file:

1. Plain data in, a token and its spent counter out: no other library is imported, no clock is read, nothing is stored.
2. What was spent there stays spent here. Where that is not known, it says so, and whoever calls passes the time of now.
3. A message names the field and what is allowed, never what stands in it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ._guard import Hidden, type_error, whole
from .errors import InvalidParameters, InvalidSecret
from .otp import HOTP, LARGEST_COUNTER, TOTP
from .secret import Secret

_FARTHEST_DRIFT: Final = 32_767  # of a small integer, as databases have it
_HEXADECIMAL: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A token of another system.

    Attributes:
        token: The token.
        spent: The highest counter that was accepted there; -1 where none was, or that is not known.
        drift: How many time steps the phone was ahead of the server there; negative where it was behind. Here nothing
            learns drift: beyond `Policy.window` its codes are refused until its clock is set.
    """

    token: TOTP | HOTP
    spent: int
    drift: int = 0

    def spent_by(self, now: float) -> int:
        """Return the counter to adopt it with: `spent`, or where that is not known, the time step of now."""
        if self.spent >= 0 or isinstance(self.token, HOTP):
            return self.spent
        return self.token.counter(now)


def from_django_otp(row: Mapping[str, object]) -> Moved:
    """Read a device of django-otp: a row of `TOTPDevice` or of `HOTPDevice`, by the names of its fields.

    Example:
        >>> row = {"key": "3132333435363738393031323334353637383930", "step": 30, "t0": 0, "digits": 6, "drift": 1}
        >>> moved = from_django_otp({**row, "last_t": 37037036, "confirmed": True})
        >>> moved.spent, moved.drift
        (37037036, 1)
        >>> moved.token.code(1_111_111_109)
        '081804'

    `last_t` is the very time step that was accepted, drift and all. `counter` is the next one that is expected.
    `tolerance` and the throttle do not come along: here they are `Policy`'s.

    Args:
        row: `key` (hexadecimal), `digits` and `confirmed` of both; `step`, `t0`, `drift` and `last_t` of a
            `TOTPDevice`; `counter` of an `HOTPDevice`. Others are not looked at.

    Raises:
        InvalidParameters: If the device was not confirmed, a field is missing, or a number is out of range.
        InvalidSecret: If the key is not hexadecimal, shorter than 10 bytes, or all zero.
        TypeError: If something has another type.
    """
    given = Hidden(row)
    del row
    if not isinstance(given.value, Mapping):
        raise type_error("row", "a mapping of the names of fields to values", given.value)
    if _field(given, "confirmed").value is not True:
        raise InvalidParameters("confirmed must be true: nobody has shown that they can make its codes")
    secret, digits = Secret(_bytes_of(_field(given, "key")).value), _number(given, "digits", 6, 8)
    if "step" not in given.value:
        token = HOTP(secret, digits=digits)
        return Moved(token=token, spent=_number(given, "counter", 0, LARGEST_COUNTER) - 1)
    return Moved(
        token=TOTP(
            secret, digits=digits, period=_number(given, "step", 10, 300), t0=_number(given, "t0", 0, LARGEST_COUNTER)
        ),
        spent=_number(given, "last_t", -1, LARGEST_COUNTER),
        drift=_number(given, "drift", -_FARTHEST_DRIFT - 1, _FARTHEST_DRIFT),
    )


def _field(row: Hidden[Mapping[str, object]], name: str) -> Hidden[object]:
    if name not in row.value:
        raise InvalidParameters(f"row must have the field {name}")
    return Hidden(row.value[name])


def _number(row: Hidden[Mapping[str, object]], name: str, low: int, high: int) -> int:
    held = _field(row, name)
    if type(held.value) is not int:
        raise type_error(name, "an int", held.value)
    return whole(name, held.value, low, high)


def _bytes_of(key: Hidden[object]) -> Hidden[bytes]:
    """Read hexadecimal strictly: `bytes.fromhex` would skip spaces, and its error may hold what it stumbled over."""
    if type(key.value) is not str:
        raise type_error("key", "a str", key.value)
    if not _HEXADECIMAL.fullmatch(key.value):
        raise InvalidSecret("key must be hexadecimal, two digits a byte")
    return Hidden(bytes.fromhex(key.value))
