"""Devices of django-otp."""

import re
from collections.abc import Mapping
from typing import Final

from .._guard import Hidden, type_error
from ..errors import InvalidParameters, InvalidSecret
from ..otp import HOTP, LARGEST_COUNTER, TOTP
from ..secret import Secret
from ._moved import Moved, field_of, mapping_of, number_of

_FARTHEST_DRIFT: Final = 32_767  # of a small integer, as databases have it
_HEXADECIMAL: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")


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
    `tolerance` and the throttle do not come along: here they are `Policy`'s. Tokens of a `StaticDevice` cannot either:
    they are shorter than what a recovery code has to be here. `renew_recovery_codes` makes new ones, with a code.

    Args:
        row: `key` (hexadecimal), `digits` and `confirmed` of both; `step`, `t0`, `drift` and `last_t` of a
            `TOTPDevice`; `counter` of an `HOTPDevice`. Others are not looked at.

    Raises:
        InvalidParameters: If the device was not confirmed, a field is missing, or a number is out of range.
        InvalidSecret: If the key is not hexadecimal, shorter than 10 bytes, or all zero.
        TypeError: If something has another type.
    """
    hidden = Hidden(row)
    del row
    given = mapping_of("row", hidden)
    if field_of(given, "confirmed").value is not True:
        raise InvalidParameters("confirmed must be true: nobody has shown that they can make its codes")
    secret, digits = Secret(_bytes_of(field_of(given, "key")).value), number_of(given, "digits", 6, 8)
    if "step" not in given.value:
        token = HOTP(secret, digits=digits)
        return Moved(token=token, spent=number_of(given, "counter", 0, LARGEST_COUNTER) - 1)
    spent = number_of(given, "last_t", -1, LARGEST_COUNTER)
    drift = number_of(given, "drift", -_FARTHEST_DRIFT - 1, _FARTHEST_DRIFT)
    return Moved(
        token=TOTP(
            secret,
            digits=digits,
            period=number_of(given, "step", 10, 300),
            t0=number_of(given, "t0", 0, LARGEST_COUNTER),
        ),
        spent=spent,
        drift=drift,
        # Set-up has forms of its own, which learn the drift from a code and write no `last_t`.
        steps_ahead=max(drift, 0) if spent < 0 else 0,
    )


def _bytes_of(key: Hidden[object]) -> Hidden[bytes]:
    """Read hexadecimal strictly: `bytes.fromhex` would skip spaces, and its error may hold what it stumbled over."""
    if type(key.value) is not str:
        raise type_error("key", "a str", key.value)
    if not _HEXADECIMAL.fullmatch(key.value):
        raise InvalidSecret("key must be hexadecimal, two digits a byte")
    return Hidden(bytes.fromhex(key.value))
