"""`otpauth` URIs, of whatever system.

Rule 1. A URI says what the token is, and not what was spent. Of a counter-based one it says which counter is next, as
of the day on which it was written.
"""

import re
from typing import Final

from .._guard import Hidden, whole
from ..errors import InvalidURI
from ..keyuri import KeyURI
from ..otp import HOTP
from ._moved import FARTHEST_AHEAD, Moved

_COUNTER: Final = re.compile("[?&]counter=", re.IGNORECASE)


def from_uri(text: str, *, steps_ahead: int = 1) -> Moved:
    """Read an `otpauth` URI, whoever made it.

    Example:
        >>> uri = "otpauth://totp/ACME:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=8"
        >>> moved = from_uri(uri)
        >>> moved.token.code(59), moved.account, moved.issuer
        ('94287082', 'alice', 'ACME')
        >>> moved.spent, moved.spent_by(59)
        (-1, 2)

    A time-based token's URI does not tell which codes were used: all that can have been accepted by now count as spent,
    so whoever logs in at once waits for the next one. Of a counter-based token, `counter` is the next one that is
    expected: let the URI be written on the day of the move, not taken from the day of set-up.

    Args:
        text: The URI; see `KeyURI.parse`.
        steps_ahead: How many time steps ahead of its clock the other system accepted codes, 0 to 10. Most accept one.

    Raises:
        InvalidURI: If it is not a URI that `KeyURI.parse` reads, or of a counter-based token and has no `counter`.
        InvalidParameters: If `steps_ahead` is out of range.
        TypeError: If something has another type.
    """
    hidden = Hidden(text)
    del text
    whole("steps_ahead", steps_ahead, 0, FARTHEST_AHEAD)
    uri = KeyURI.parse(hidden.value)
    if isinstance(uri.token, HOTP) and not _COUNTER.search(hidden.value):
        raise InvalidURI("counter must stand in the URI: without it, all codes that were spent would be accepted")
    spent = uri.counter - 1 if isinstance(uri.token, HOTP) else -1
    return moved_of(uri, spent=spent, steps_ahead=steps_ahead)


def moved_of(uri: KeyURI, *, spent: int, steps_ahead: int) -> Moved:
    """Return what a URI says, with what else is known."""
    ahead = 0 if isinstance(uri.token, HOTP) else steps_ahead
    return Moved(token=uri.token, spent=spent, steps_ahead=ahead, account=uri.account or None, issuer=uri.issuer)
