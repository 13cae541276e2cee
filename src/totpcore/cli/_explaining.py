"""`totpcore explain`: how a code comes about, step by step, as RFC 4226 section 5.4 shows it.

Rules of this file:

1. Every number is computed here, as the RFCs say it and by nothing of totpcore's. The end compares it with the code
   that the library makes.
2. The HMAC is shown: it tells nothing of the key. Of the key, its length is.
3. It is ASCII of at most 80 columns, to be printed, mailed, or pasted into a report.
"""

import argparse
import hmac
import math
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from ._parsing import DONE, REFUSED, Commands
from ._tokens import add_moment, add_token, chosen, now

if TYPE_CHECKING:
    from ..otp import HOTP, TOTP

_ROW: Final = 20  # bytes: all of SHA1's; and wherever the four bytes begin, they end in the first row


class _Step(NamedTuple):
    """What is done, and the lines that show it with these very numbers."""

    says: str
    shows: list[str]


class _Working:
    """All the numbers on the way to the code. Without a `repr` that shows them."""

    def __init__(self, token: "HOTP | TOTP", counter: int) -> None:
        self.counter = counter.to_bytes(8, "big")
        self.hmac = hmac.digest(token.secret.reveal(), self.counter, token.algorithm.lower())
        self.offset = self.hmac[-1] & 0xF
        self.four = self.hmac[self.offset : self.offset + 4]
        self.number = int.from_bytes(self.four, "big") & 0x7FFF_FFFF
        self.rest = self.number % 10**token.digits
        self.code = str(self.rest).zfill(token.digits)


def add(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add(
        "explain",
        _run,
        "show how a code is computed, step by step",
        more="As RFC 4226 section 5.4 does: the counter, the HMAC, the four bytes, the code. Of the secret it shows "
        "the length. Exit code 1 if the library computes another code.",
        example="totpcore explain < secret.txt\n"
        "totpcore explain --at 2026-11-28T12:00:00Z < secret.txt\n"
        "echo GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ | totpcore explain --counter 1",
    )
    add_moment(command)
    add_token(command)


def _run(given: argparse.Namespace) -> int:
    from .._guard import Hidden  # noqa: PLC0415  # once it is to be computed
    from ..otp import HOTP  # noqa: PLC0415

    token, counter, _ = chosen(given)
    if isinstance(token, HOTP):
        kind, first, made = "HOTP (RFC 4226)", list[_Step](), Hidden(token.code(counter))
    else:
        at = math.floor(now() if given.at is None else given.at)
        counter = (at - token.t0) // token.period
        kind, first, made = "TOTP (RFC 6238)", [_time_step(token, at, counter)], Hidden(token.code(at))
    size = len(token.secret.reveal())
    sys.stdout.write(f"{kind}, {token.algorithm}, {token.digits} digits. The key has {size} bytes; it is not shown.\n")
    working = _Working(token, counter)
    for number, step in enumerate([*first, *_steps(token, counter, working)], 1):
        shown = "".join(f"     {line}".rstrip() + "\n" for line in step.shows)
        sys.stdout.write(f"\n{number}. {step.says}\n\n{shown}")
    if hmac.compare_digest(working.code, made.value):
        sys.stdout.write(f"\nThe code is {working.code}. The library computes the same.\n")
        return DONE
    sys.stdout.write(f"\nMISMATCH: the code is {working.code}, and the library computes {made.value}.\n")
    return REFUSED


def _time_step(token: "TOTP", at: int, counter: int) -> _Step:
    from .._operators import utc  # noqa: PLC0415  # as above

    return _Step(
        "The counter is the number of the time step (RFC 6238, section 4.2).",
        [
            f"time = {at}, which is {utc(at)}",
            f"T0   = {token.t0}, where the time steps begin",
            f"X    = {token.period}, the period in seconds",
            f"T    = floor((time - T0) / X) = floor(({at} - {token.t0}) / {token.period}) = {counter}",
        ],
    )


def _steps(token: "HOTP | TOTP", counter: int, working: _Working) -> list[_Step]:
    """Return what RFC 4226 sections 5.2 to 5.4 do with a counter."""
    word, number, digits = f"0x{working.four.hex()}", working.number, token.digits
    return [
        _Step(
            "The counter as 8 bytes, the high-order byte first (RFC 4226, section 5.2).",
            [f"{counter} = {working.counter.hex(' ')}"],
        ),
        _Step(f"HMAC-{token.algorithm} of these 8 bytes, under the key (section 5.3, step 1).", [*_table(working)]),
        _Step(
            "The low four bits of the last byte (++) are the offset (step 2).",
            [f"0x{working.hmac[-1]:02x} & 0xf = 0x{working.offset:x} = {working.offset}"],
        ),
        _Step(f"The four bytes from byte {working.offset} on (**) are a number.", [word]),
        _Step(
            "Its highest bit is cleared, so that nobody takes it for a sign.",
            [f"{word} & 0x7fffffff = 0x{number:08x} = {number}"],
        ),
        _Step(
            f"Modulo 10^{digits}, its last {digits} decimal digits are left (step 3).",
            [f"{number} mod 10^{digits} = {working.rest}"],
        ),
        _Step(f"The code is that number, with zeros in front up to {digits} digits.", [working.code]),
    ]


def _table(working: _Working) -> Iterator[str]:
    """Yield the bytes of the HMAC under their numbers, and what marks the ones that matter."""
    end = len(working.hmac) - 1
    marks = dict.fromkeys(range(working.offset, working.offset + 4), "**") | {end: "++"}
    for start in range(0, end + 1, _ROW):
        row = range(start, min(start + _ROW, end + 1))
        if start:
            yield ""
        yield "byte   " + " ".join(f"{place:2}" for place in row)
        yield "value  " + " ".join(f"{working.hmac[place]:02x}" for place in row)
        if not marks.keys().isdisjoint(row):
            yield "       " + " ".join(marks.get(place, "  ") for place in row)
