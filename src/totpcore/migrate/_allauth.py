"""Authenticators of django-allauth, of its app `allauth.mfa`.

Rule 1. allauth keeps which code was used in Django's cache, for a while, and the code that ends set-up nowhere. A row
tells nothing of it: what can have been accepted by now counts as spent.
Rule 2. Only an authenticator app can move. Of recovery codes, security keys and passkeys it is said what becomes of
them.
"""

from collections.abc import Callable, Mapping
from typing import Final

from .._guard import Hidden, whole
from ..errors import InvalidParameters
from ..otp import TOTP
from ._moved import FARTHEST_AHEAD, Moved, decrypted, field_of, json_of, mapping_of, secret_of, text_of

_OTHERS: Final = {
    "recovery_codes": ": recovery codes cannot come along, and new ones are made here",
    "webauthn": ": a security key or passkey cannot come along, and whoever has nothing else sets up anew",
}


def from_allauth(
    row: Mapping[str, object],
    *,
    decrypt: Callable[[str], str] | None = None,
    digits: int = 6,
    period: int = 30,
    tolerance: int = 0,
) -> Moved:
    """Read a row of django-allauth's `mfa.Authenticator`, of type `totp`, by the names of its fields.

    Example:
        >>> row = {"user_id": 7, "type": "totp", "data": {"secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}}
        >>> moved = from_allauth(row, digits=8)
        >>> moved.token.code(59)
        '94287082'
        >>> moved.spent, moved.spent_by(59)
        (-1, 1)

    A code that was used is kept in Django's cache for a while, and not in the row, whose `last_used_at` is when and not
    which. So all codes up to now, and `tolerance` steps ahead, count as spent; whoever logs in at once waits for
    the next one.

    The rows of type `recovery_codes` hold a seed from which allauth makes eight digits a code. Recovery codes here are
    longer, and kept as hashes: none of theirs can be taken over. `renew_recovery_codes` makes new ones, with a code.

    Args:
        row: `type` and `data`; the latter may be the text in JSON, as some databases hand it out. Others are not looked
            at.
        decrypt: The method of that name of the application's MFA adapter, where it encrypts.
        digits: `MFA_TOTP_DIGITS` of the settings: 6, 7 or 8.
        period: `MFA_TOTP_PERIOD` of the settings: 10 to 300 seconds. The hash is always SHA1.
        tolerance: `MFA_TOTP_TOLERANCE` of the settings: 0 to 10 time steps.

    Raises:
        InvalidParameters: If the row is of another type, a field is missing, or a number is out of range.
        InvalidSecret: If the secret is not base32, shorter than 10 bytes, or all zero, or `decrypt` raises.
        TypeError: If something has another type.
    """
    hidden, opener = Hidden(row), Hidden(decrypt)
    del row, decrypt
    given = mapping_of("row", hidden)
    kind = text_of("type", field_of(given, "type"))
    if kind.value != "totp":
        raise InvalidParameters(f"type must be totp{_OTHERS.get(kind.value, '')}")
    held = field_of(given, "data")
    data = mapping_of("data", json_of("data", Hidden(held.value)) if isinstance(held.value, str) else held)
    written = text_of("secret", field_of(data, "secret"))
    if opener.value is not None:
        written = decrypted("secret", Hidden(opener.value), written)
    secret = secret_of("secret", written)
    whole("digits", digits, 6, 8)
    whole("period", period, 10, 300)
    ahead = whole("tolerance", tolerance, 0, FARTHEST_AHEAD)
    return Moved(token=TOTP(secret, digits=digits, period=period), steps_ahead=ahead)
