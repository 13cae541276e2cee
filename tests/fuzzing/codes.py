"""Fuzz target: one-time codes and recovery codes as they are typed, and the counters that they match.

Rules of this file:

1. What is a code is told a second time, by regular expressions; which counter it belongs to is told by the plain
   function of the RFC, one counter after the other; which time step it is, by fractions.
2. The keys are fixed: what is fuzzed is what is typed, and where the counter, the clock and the window stand.
"""

import math
import re
from collections.abc import Iterable
from fractions import Fraction
from struct import unpack
from typing import Final

from totpcore._guard import Hidden
from totpcore.errors import InvalidParameters
from totpcore.otp import HOTP, TOTP, Algorithm, Match, canonical_code, hotp
from totpcore.recovery import RecoveryCodes, canonical_recovery_code, find, keep
from totpcore.secret import Secret

from .inputs import LARGEST, Input, check

_SPACING: Final = (" ", "-", "\t", "\n", "\r", "\v", "\f")
_FOREIGN: Final = (
    "\u00a0", "\u2003", "\u200b", "\u2010", "\u2212", "\u0085", "\x1c", "\0", "+", "_", ".", ",", "\ud800", "\ufeff",
    "\uff11", "\u0661", "\u06f2", "\u0967", "\u00b2", "\u2460", "\U0001d7ce", "\u0131", "\u017f", "\u212a",
    "\U0001f511",
)  # fmt: skip
PIECES: Final = (
    *"0123456789",
    *_SPACING,
    *_FOREIGN,
    *"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    *"abilouz",
    "000000",
    "123456",
    " 12 ",
)

_KEY: Final = b"12345678901234567890"
_SECRETS: Final = Secret(_KEY), Secret(bytes(range(1, 129)))
_HOTPS: Final = tuple(
    HOTP(secret, digits=digits, algorithm=algorithm)
    for secret in _SECRETS
    for digits in (6, 7, 8)
    for algorithm in Algorithm
)
_TOTPS: Final = tuple(
    TOTP(token.secret, digits=token.digits, algorithm=token.algorithm, period=period, t0=t0)
    for token in _HOTPS[::2]
    for period, t0 in ((30, 0), (10, 1_000), (299, 2**63))
)
_RECOVERY: Final = RecoveryCodes(["0123-4567-89AB-CDEF-GHJK-MNPQ", "1111-1111-0000-0000-ZZZZ-ZZZZ", "Z" * 24])
_KEPT: Final = keep(_RECOVERY, b"a salt of sixteen")

_CODE_TEXT: Final = re.compile(r"[ \t\n\r\v\f]*([0-9 -]*)[ \t\n\r\v\f]*\Z")
_RECOVERY_TEXT: Final = re.compile(r"[ \t\n\r\v\f]*([0-9A-TV-Za-tv-z -]*)[ \t\n\r\v\f]*\Z")
_LOOKS_LIKE: Final = {"O": "0", "I": "1", "L": "1"}


def target(data: bytes) -> None:
    """Type something and hold every answer against the naive one."""
    source = Input(data)
    (_match_counter, _match_time, _find_pair, _find_recovery_code)[source.below(4)](source)


def naive_code(typed: str, digits: int) -> str | None:
    """The digits of a one-time code, or `None` where it is none."""
    found = _CODE_TEXT.match(typed) if len(typed) <= 64 else None
    plain = "".join(re.findall("[0-9]", found[1])) if found else ""
    return plain if len(plain) == digits else None


def naive_recovery_code(typed: str) -> str | None:
    """The characters of a recovery code, or `None` where it is none."""
    found = _RECOVERY_TEXT.match(typed) if len(typed) <= 64 else None
    plain = (
        "".join(_LOOKS_LIKE.get(letter, letter) for letter in re.findall("[0-9A-Z]", found[1].upper())) if found else ""
    )
    return plain if len(plain) == 24 else None


def _canonical(typed: str, digits: int) -> str | None:
    """The code that was typed, by both implementations."""
    found, plain = canonical_code(Hidden(typed), digits), naive_code(typed, digits)
    check((found and found.value) == plain, "a code is not read as the rule says")
    return plain


def _hits(token: HOTP | TOTP, plain: str | None, counters: Iterable[int]) -> list[int]:
    """The counters that a code belongs to, by the plain function."""
    if plain is None:
        return []
    key, digits, algorithm = token.secret.reveal(), token.digits, token.algorithm
    return [counter for counter in counters if hotp(key, counter, digits=digits, algorithm=algorithm) == plain]


def _typed(source: Input, token: HOTP | TOTP, counter: int) -> str:
    """Something typed: the code of a counter, more or less, or anything."""
    if source.byte() & 1:
        return source.text(PIECES)
    counter = min(max(counter, 0), LARGEST)
    return source.decorated(
        hotp(token.secret.reveal(), counter, digits=token.digits, algorithm=token.algorithm), PIECES
    )


def _match_counter(source: Input) -> None:
    """`HOTP.match`."""
    token, after, ahead = source.pick(_HOTPS), source.whole() - source.below(2), source.below(6)
    after = min(max(after, -1), LARGEST)
    typed = _typed(source, token, after + source.below(8))
    plain = _canonical(typed, token.digits)
    hits = _hits(token, plain, range(after + 1, min(after + 1 + ahead, LARGEST) + 1))
    expect = Match(hits[-1], hits[-1] - after - 1) if hits else None
    check(token.match(typed, after=after, look_ahead=ahead) == expect, "HOTP.match is not the newest counter in reach")


def _match_time(source: Input) -> None:
    """`TOTP.match`, at any time that a number can be."""
    token, after = source.pick(_TOTPS), min(max(source.whole() - source.below(2), -1), LARGEST)
    past, future = source.below(3), source.below(3)
    at: float = source.whole() if source.byte() & 1 else unpack("<d", source.take(8).ljust(8, b"\x41"))[0]
    step = math.floor((Fraction(at) - token.t0) / token.period) if math.isfinite(at) else -1
    typed = _typed(source, token, step + source.below(6) - 2)
    plain = _canonical(typed, token.digits)
    try:
        found = token.match(typed, at, after=after, window=(past, future))
    except InvalidParameters:
        check(not 0 <= step <= LARGEST or at < 0, "TOTP.match refuses a time that it should take")
        return
    check(0 <= step <= LARGEST, "TOTP.match takes a time that it should refuse")
    hits = _hits(token, plain, range(max(step - past, 0), min(step + future, LARGEST) + 1))
    newest = max((counter for counter in hits if counter > after), default=None)
    expect = None if newest is None else Match(newest, newest - step)
    check(found == expect, "TOTP.match is not the newest unspent counter in the window")


def _find_pair(source: Input) -> None:
    """`HOTP.resync`."""
    token, after, ahead = source.pick(_HOTPS), source.whole() - 1, source.below(6)
    start = after + source.below(8)
    typed = [_typed(source, token, start + place) for place in range(2 + source.below(2))]
    reach = range(after + 1, min(after + ahead + len(typed), LARGEST) + 1)
    hits = [_hits(token, _canonical(code, token.digits), reach) for code in typed]
    runs = [first for first in hits[0] if all(first + place in found for place, found in enumerate(hits))]
    last = runs[-1] + len(typed) - 1 if runs else None
    found = token.resync(typed, after=after, look_ahead=ahead)
    check((found and found.counter) == last, "HOTP.resync is not the newest run of codes in reach")


def _find_recovery_code(source: Input) -> None:
    """Recovery codes: what is one, and which of the set."""
    number = source.below(len(_RECOVERY))
    anything = source.byte() & 1
    typed = source.text(PIECES) if anything else source.decorated(_RECOVERY[number], PIECES)
    plain, found = naive_recovery_code(typed), canonical_recovery_code(Hidden(typed))
    check((found and found.value) == plain, "a recovery code is not read as the rule says")
    if found is not None:
        known = [code.replace("-", "") for code in _RECOVERY]
        expect = known.index(plain) if plain in known else None
        check(find(_KEPT, found) == expect, "a recovery code is not found in its set, or another is")
