"""Secrets of pyotp.

Rule 1. pyotp keeps nothing of the codes that were used: what it can have accepted by now counts as spent.
Rule 2. What is passed and what a URI says must not differ: a wrong number of digits would be a wrong code later.
"""

from .._guard import Hidden, whole
from ..errors import InvalidParameters
from ..keyuri import KeyURI
from ..otp import HOTP, LARGEST_COUNTER, TOTP, Algorithm
from ._moved import FARTHEST_AHEAD, Moved, algorithm_of, secret_of, text_of
from ._uris import moved_of


def from_pyotp(
    text: str,
    *,
    digits: int = 6,
    interval: int = 30,
    digest: str = "SHA1",
    counter: int | None = None,
    valid_window: int = 0,
) -> Moved:
    """Read a secret as applications with pyotp keep it: in base32, or as the URI of `provisioning_uri`.

    Example:
        >>> moved = from_pyotp("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", digits=8, valid_window=1)
        >>> moved.token.code(59)
        '94287082'
        >>> moved.spent, moved.spent_by(59)
        (-1, 2)

    pyotp's `verify` accepts a code as often as it is typed, and keeps no trace of it. So all codes up to now, and
    `valid_window` steps ahead, count as spent; whoever logs in at once waits for the next one. An application that kept
    the answers of `verify_and_get_timecode` has the spent counter itself: pass the last one to `adopt`.

    It does as well for the base32 of any other library, and for secrets of your own.

    Args:
        text: The secret in base32, or the URI.
        digits: As they were passed to pyotp, where `text` is base32: 6, 7 or 8. A URI says its own.
        interval: Likewise, of a `pyotp.TOTP`: 10 to 300 seconds.
        digest: Likewise, the name of the hash: SHA1, SHA256 or SHA512.
        counter: Of a `pyotp.HOTP`, the next counter that is expected, `initial_count` included. It has to be given: the
            one in a URI is that of the day of set-up.
        valid_window: The largest that was passed to `verify`, 0 to 10. Where it was larger, let nobody log in for as
            many steps as it is more.

    Raises:
        InvalidSecret: If the secret is not base32, shorter than 10 bytes, or all zero.
        InvalidURI: If it is not a URI that `KeyURI.parse` reads.
        InvalidParameters: If a number is out of range, the hash another, the URI says another number or hash than was
            passed, or `counter` is missing, or given for a time-based token.
        TypeError: If something has another type.
    """
    hidden = Hidden(text)
    del text
    whole("digits", digits, 6, 8)
    whole("interval", interval, 10, 300)
    whole("valid_window", valid_window, 0, FARTHEST_AHEAD)
    algorithm = algorithm_of("digest", Hidden(digest))
    if ":" in text_of("text", hidden).value:  # which is in no base32
        uri = KeyURI.parse(hidden.value)
        _agree("digits", digits, 6, uri.token.digits)
        _agree("digest", algorithm, Algorithm.SHA1, uri.token.algorithm)
        if isinstance(uri.token, TOTP):
            _agree("interval", interval, 30, uri.token.period)
        spent = _spent(counter, uri.counter if isinstance(uri.token, HOTP) else None)
        return moved_of(uri, spent=spent, steps_ahead=valid_window)
    secret = secret_of("text", hidden)
    if counter is None:
        return Moved(token=TOTP(secret, digits=digits, period=interval, algorithm=algorithm), steps_ahead=valid_window)
    return Moved(token=HOTP(secret, digits=digits, algorithm=algorithm), spent=_spent(counter, 0))


def _agree(name: str, passed: object, default: object, said: object) -> None:
    if passed not in (default, said):
        raise InvalidParameters(f"{name} must be left out, or be what the URI says")


def _spent(counter: int | None, first: int | None) -> int:
    """Return the counter before the next one, which is `first` or later; of a time-based token there is none."""
    if first is None:
        if counter is not None:
            raise InvalidParameters("counter must be left out: the token is time-based")
        return -1
    if counter is None:
        raise InvalidParameters("counter must be given: the URI has the one of the day of set-up")
    return whole("counter", counter, first, LARGEST_COUNTER) - 1
