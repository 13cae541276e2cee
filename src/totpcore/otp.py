"""One-time codes: RFC 4226 (HOTP) and RFC 6238 (TOTP). An auditor's first page.

Rules of this file:

1. HMAC and the hashes are the standard library's. What stands here is truncation, division and comparison.
2. `hotp` and `totp` are the RFCs as they are written. `HOTP` and `TOTP` compute the same from a prepared key; a test
   holds both equal on every vector and on random input.
3. A code is matched by computing every candidate of the window and comparing each in constant time. The scan never
   stops early and does not know what has been spent, so that hit, miss and replay cost the same.
4. The counter that has been spent is an argument without a default: there is no way to forget replay protection.
"""

import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import Final

from ._guard import Hidden, number, type_error, whole
from .errors import InvalidParameters
from .secret import MadeOfSecret, Secret

LARGEST_COUNTER: Final = 2**64 - 1  # an 8-byte counter: RFC 4226 section 5.1
WIDEST_WINDOW: Final = 2  # time steps each way: RFC 6238 section 6
FARTHEST_LOOK_AHEAD: Final = 100  # counters: RFC 4226 section 7.4 wants it as low as possible
LONGEST_CODE_TEXT: Final = 64  # room for any spacing; longer text is refused unread


class Algorithm(StrEnum):
    """The hash under HMAC, named as in the Key URI format. Names are read in any case."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA512 = "SHA512"

    @classmethod
    def _missing_(cls, value: object) -> "Algorithm":
        if not isinstance(value, str):
            raise type_error("algorithm", "an Algorithm or its name", value)
        if not value.isascii() or value.upper() not in cls.__members__:  # U+017F is no S, though its upper case is
            raise InvalidParameters(f"algorithm must be one of {', '.join(cls)}")
        return cls[value.upper()]


_SHA1: Final = Algorithm.SHA1
HASHES: Final = {Algorithm.SHA1: hashlib.sha1, Algorithm.SHA256: hashlib.sha256, Algorithm.SHA512: hashlib.sha512}


def hotp(key: bytes, counter: int, *, digits: int = 6, algorithm: Algorithm | str = _SHA1) -> str:
    """Return the code for a counter (RFC 4226 section 5.3).

    Example:
        >>> hotp(b"12345678901234567890", 0)
        '755224'

    Args:
        key: The shared secret, of any length.
        counter: 0 to 2**64 - 1.
        digits: 6, 7 or 8.
        algorithm: RFC 4226 is SHA-1; RFC 6238 section 1.2 adds SHA-256 and SHA-512.

    Raises:
        InvalidParameters: If a number is out of range, or the algorithm is unknown.
        TypeError: If an argument has another type; `True` is no counter.
    """
    hidden = Hidden(key)
    del key
    if type(hidden.value) is not bytes:
        raise type_error("key", "bytes", hidden.value)
    whole("digits", digits, 6, 8)
    message = whole("counter", counter, 0, LARGEST_COUNTER).to_bytes(8, "big")  # section 5.2: high-order byte first
    mac = hmac.digest(hidden.value, message, Algorithm(algorithm).lower())  # section 5.3, step 1
    return _truncate(mac, digits)  # steps 2 and 3


def totp(
    key: bytes, at: float, *, period: int = 30, t0: int = 0, digits: int = 6, algorithm: Algorithm | str = _SHA1
) -> str:
    """Return the code for a moment (RFC 6238 section 4.2): the HOTP value of the time step.

    Example:
        >>> totp(b"12345678901234567890", 59, digits=8)
        '94287082'

    Args:
        key: The shared secret, of any length.
        at: Unix seconds, not before `t0`.
        period: Seconds in a time step, 10 to 300.
        t0: Unix seconds at which steps begin to count.
        digits: 6, 7 or 8.
        algorithm: SHA1, SHA256 or SHA512.

    Raises:
        InvalidParameters: If a number is out of range, or the algorithm is unknown.
        TypeError: If an argument has another type; a `datetime` is no time here.
    """
    hidden = Hidden(key)
    del key
    step = _time_step(at, whole("period", period, 10, 300), whole("t0", t0, 0, LARGEST_COUNTER))
    return hotp(hidden.value, step, digits=digits, algorithm=algorithm)


def _time_step(at: float, period: int, t0: int) -> int:
    """T = floor((at - T0) / X), RFC 6238 section 4.2, for a period and a T0 that were checked.

    Flooring `at` first keeps the division in whole numbers, so that it is exact: T0 and X are integers, and for these
    floor((at - T0) / X) = floor((floor(at) - T0) / X). As X is positive, it is negative where `at` lies before T0.
    """
    step = (math.floor(number("at", at)) - t0) // period
    if step < 0:
        raise InvalidParameters("at must not lie before t0")
    return whole("the time step", step, 0, LARGEST_COUNTER)


def _truncate(mac: bytes, digits: int) -> str:
    """Dynamic truncation, RFC 4226 sections 5.3 and 5.4."""
    offset = mac[-1] & 0x0F  # the low four bits of the last byte
    word = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF  # without the sign bit
    return str(word % 10**digits).zfill(digits)


_IPAD, _OPAD = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))  # what XOR makes of each byte


class _PreparedKey:
    """HMAC's two hash states after the key (RFC 2104 section 4): made once, copied for each code."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: Hidden[bytes], algorithm: Algorithm) -> None:
        new = HASHES[algorithm]
        size = new().block_size
        block = Hidden((key.value if len(key.value) <= size else new(key.value).digest()).ljust(size, b"\0"))
        self._inner = new(block.value.translate(_IPAD))
        self._outer = new(block.value.translate(_OPAD))

    def code(self, counter: int, digits: int) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(counter.to_bytes(8, "big"))
        outer.update(inner.digest())
        return _truncate(outer.digest(), digits)


@dataclass(frozen=True, slots=True)
class Match:
    """Which counter a code belongs to.

    Attributes:
        counter: Store it as spent before you act on the match.
        offset: Steps from now (TOTP), or from the next counter expected (HOTP).
    """

    counter: int
    offset: int


@dataclass(frozen=True, slots=True)
class HOTP(MadeOfSecret):
    """A counter-based token (RFC 4226).

    Example:
        >>> token = HOTP(Secret(b"12345678901234567890"))
        >>> token.code(0)
        '755224'
        >>> token.match("287 082", after=0)
        Match(counter=1, offset=0)

    Attributes:
        secret: The shared secret.
        digits: 6, 7 or 8.
        algorithm: An `Algorithm` or its name, in any case.
    """

    secret: Secret = field(repr=False)
    _: KW_ONLY
    digits: int = 6
    algorithm: Algorithm | str = _SHA1
    _key: _PreparedKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises:
            InvalidParameters: If `digits` is not 6, 7 or 8, or the algorithm is unknown.
            TypeError: If an argument has another type.
        """
        _prepare(self)

    def code(self, counter: int) -> str:
        """Return the code for `counter`, 0 to 2**64 - 1; raises `InvalidParameters` if it is out of range."""
        return self._key.code(whole("counter", counter, 0, LARGEST_COUNTER), self.digits)

    def match(self, code: str, *, after: int, look_ahead: int = 10) -> Match | None:
        """Return the counter that `code` belongs to, among the next one and `look_ahead` more (RFC 4226 section 7.4).

        Args:
            code: As typed. Surrounding white space, and spaces and hyphens inside, do not count.
            after: The highest counter that has been spent, -1 for none.
            look_ahead: 0 to 100.

        Raises:
            InvalidParameters: If a number is out of range.
            TypeError: If an argument has another type.
        """
        typed = Hidden(code)
        del code
        first = whole("after", after, -1, LARGEST_COUNTER) + 1
        found = scan(self, typed, first, first + whole("look_ahead", look_ahead, 0, FARTHEST_LOOK_AHEAD))
        return Match(found[-1], found[-1] - first) if found else None

    def resync(self, codes: Sequence[str], *, after: int, look_ahead: int = 100) -> Match | None:
        """Find a token that ran away by 2 to 10 consecutive codes (RFC 4226 section 7.4).

        The match names the counter of the last code: all of them are spent.

        Raises:
            InvalidParameters: If there are not 2 to 10 codes, or a number is out of range.
            TypeError: If an argument has another type.
        """
        given = Hidden(codes)
        del codes
        if isinstance(given.value, str) or not isinstance(given.value, Sequence):
            raise type_error("codes", "a sequence of str", given.value)
        typed = [Hidden(code) for code in given.value]
        count = whole("the number of codes", len(typed), 2, 10)
        first = whole("after", after, -1, LARGEST_COUNTER) + 1
        last = first + whole("look_ahead", look_ahead, 0, FARTHEST_LOOK_AHEAD) + count - 1
        hits = [scan(self, code, first, last) for code in typed]
        ends = [end for end in hits[-1] if all(end - count + 1 + place in hits[place] for place in range(count))]
        return Match(ends[-1], ends[-1] - first) if ends else None


@dataclass(frozen=True, slots=True)
class TOTP(MadeOfSecret):
    """A time-based token (RFC 6238): an HOTP token whose counter is the time.

    Example:
        >>> token = TOTP(Secret(b"12345678901234567890"), digits=8)
        >>> token.code(59)
        '94287082'
        >>> token.match("94287082", 75, after=-1)
        Match(counter=1, offset=-1)
        >>> token.match("94287082", 75, after=1) is None
        True

    Attributes:
        secret: The shared secret.
        digits: 6, 7 or 8.
        period: Seconds in a time step, 10 to 300.
        t0: Unix seconds at which steps begin to count.
        algorithm: An `Algorithm` or its name, in any case.
    """

    secret: Secret = field(repr=False)
    _: KW_ONLY
    digits: int = 6
    period: int = 30
    t0: int = 0
    algorithm: Algorithm | str = _SHA1
    _key: _PreparedKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises:
            InvalidParameters: If `digits` is not 6 to 8, `period` not 10 to 300 seconds, `t0` negative, or the
                algorithm unknown.
            TypeError: If an argument has another type.
        """
        whole("period", self.period, 10, 300)
        whole("t0", self.t0, 0, LARGEST_COUNTER)
        _prepare(self)

    def code(self, at: float) -> str:
        """Return the code at a moment, in Unix seconds; raises `InvalidParameters` if it lies before `t0`."""
        return self._key.code(_time_step(at, self.period, self.t0), self.digits)

    def counter(self, at: float) -> int:
        """Return the time step of a moment: floor((at - t0) / period)."""
        return _time_step(at, self.period, self.t0)

    def seconds_left(self, at: float) -> float:
        """Return for how many seconds the code at that moment stays the same: above 0, up to `period`."""
        return self.t0 + (self.counter(at) + 1) * self.period - at

    def match(self, code: str, at: float, *, after: int, window: tuple[int, int] = (1, 1)) -> Match | None:
        """Return the newest counter in the window that `code` belongs to and that has not been spent.

        Args:
            code: As typed. Surrounding white space, and spaces and hyphens inside, do not count.
            at: The server's time, in Unix seconds.
            after: The highest counter that has been spent, -1 for none (RFC 6238 section 5.2).
            window: Time steps accepted before and after the current one, 0 to 2 each (RFC 6238 sections 5.2 and 6).

        Raises:
            InvalidParameters: If a number is out of range.
            TypeError: If an argument has another type.
        """
        typed = Hidden(code)
        del code
        past, future = check_window(window)
        whole("after", after, -1, LARGEST_COUNTER)
        now = _time_step(at, self.period, self.t0)
        found = [counter for counter in scan(self, typed, now - past, now + future) if counter > after]
        return Match(found[-1], found[-1] - now) if found else None


def _prepare(token: HOTP | TOTP) -> None:
    """Check what both kinds of token have, and prepare the key, while one is made."""
    whole("digits", token.digits, 6, 8)
    object.__setattr__(token, "algorithm", Algorithm(token.algorithm))  # the field may have come as a name
    object.__setattr__(token, "_key", _PreparedKey(Hidden(token.secret.reveal()), Algorithm(token.algorithm)))


def scan(token: HOTP | TOTP, typed: Hidden[str], first: int, last: int) -> list[int]:
    """Return every counter from `first` to `last` whose code is the one typed, in rising order, spent or not.

    Internal: what calls it has to look at the spent counter. It is the one place where codes are compared.
    """
    canonical, code = canonical_code(typed, token.digits), token._key.code  # noqa: SLF001  # of this module
    if canonical is None:
        return []
    counters = range(max(first, 0), min(last, LARGEST_COUNTER) + 1)
    return [counter for counter in counters if hmac.compare_digest(code(counter, token.digits), canonical.value)]


def check_window(window: tuple[int, int]) -> tuple[int, int]:
    """Return a window of time steps before and after the current one, 0 to 2 each."""
    if type(window) is not tuple or len(window) != 2:
        raise type_error("window", "a tuple of two ints", window)
    return whole("window", window[0], 0, WIDEST_WINDOW), whole("window", window[1], 0, WIDEST_WINDOW)


def canonical_code(typed: Hidden[str], digits: int) -> Hidden[str] | None:
    """Return the ASCII digits that were typed, or `None` where that is no code of `digits` digits.

    The length is looked at first, so that text of any size costs the same. What is left after spaces and hyphens
    must be ASCII digits: `str.isdigit` and `int` would take other scripts' digits, signs and underscores.
    """
    if type(typed.value) is not str:
        raise type_error("code", "a str", typed.value)
    if len(typed.value) > LONGEST_CODE_TEXT:
        return None
    if len(typed.value) == digits and not typed.value.strip("0123456789"):  # as nearly all are typed
        return typed
    plain = Hidden(typed.value.strip(" \t\n\r\v\f").replace(" ", "").replace("-", ""))
    return plain if len(plain.value) == digits and not plain.value.strip("0123456789") else None
