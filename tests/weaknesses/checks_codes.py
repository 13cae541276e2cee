"""V29, V30 and V31: what is taken for a code, and what for none.

Rules of this file:

1. The codes that look like nothing (`000000`, `000001`, `000152`) are those that the secret of the RFCs has at the
   counters in `LOOKS_LIKE_LITTLE`; `oathtool` shows the same.
2. Surrounding white space, and spaces and hyphens inside, are no part of a code: so says the contract. A spelling with
   them is the same code, and is tried by V06.
3. A code that is malformed costs no try: so says the contract, where the published advice would charge it.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Final, cast

from totpcore import TOTP, Accepted, InvalidSecret, Match, Secret, TwoFactor, _record
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_code
from totpcore._states import Moment
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import (
    KEY,
    Agreeable,
    AgreeableText,
    Spent,
    adopted,
    altered_record,
    every_door,
    faulty,
    spent_of,
    stored,
    verifies_by,
)

LOOKS_LIKE_LITTLE: Final = ((44, "000152"), (855_553, "000001"), (349_495, "000000"), (14_684, "123456"))

OF_THE_EMPTY_KEY: Final = "812658"  # HOTP of the key b"" and of 20 zero bytes, counter 1: HMAC pads with NUL

NO_CODES: Final = ("", " ", "\0", "\n", "-", "\0" * 6, " " * 6)


# ---- V29: empty code, empty secret ----


def takes_nothing_for_right() -> Library:
    """A code that was not sent is one that need not be checked."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        right = Hidden(active.token.code(int(moment.now))) if not typed.value.strip(" \0") else typed
        return spend_code(record, active, moment, right)

    return verifies_by(spend)


@weakness("V29", twin=takes_nothing_for_right)
def an_empty_code_is_no_code(lib: Library) -> None:
    """Nothing, blanks and NULs are malformed at every door, also where the right code is 000000; `None` is an error.

    A missing code is a `TypeError` too: `code` has no default.
    """
    counter = next(counter for counter, code in LOOKS_LIKE_LITTLE if code == "000000")
    for at in (NOW, counter * 30):
        user = adopted(lib, at=at)
        before = stored(user)
        for name, door in every_door(user).items():
            wanted = "expired" if name == "confirm" else "malformed"
            for code in NO_CODES:
                holds(outcome(partial(door, code)) == wanted, f"an empty code is refused by {name}")
            holds(refuses(partial(door, cast("str", None)), TypeError), f"None is refused by {name}")
            holds(refuses(cast("Callable[[], object]", door), TypeError), f"{name} does not go without a code")
        holds(stored(user) == before, "nothing was spent")
    user = User(lib).enrol()
    for code in NO_CODES:
        holds(outcome(partial(user.service.confirm, user.user, code)) == "malformed", "an empty code confirms nothing")


def makes_codes_of_nothing() -> Library:
    """A secret of no bytes is a secret."""

    class Anything(Secret):
        __slots__ = ()

        def __init__(self, raw: bytes) -> None:
            object.__setattr__(self, "_raw", raw)

    return replace(TOTPCORE, secret=Anything, two_factor=faulty((_record, "Secret", Anything)))


@weakness("V29", twin=makes_codes_of_nothing)
def an_empty_secret_makes_no_codes(lib: Library) -> None:
    """An empty, undecodable, all-zero or missing secret is refused, in a call and in a record, whatever code comes."""
    holds(lib.hotp(b"", 1) == lib.hotp(bytes(20), 1) == OF_THE_EMPTY_KEY, "a key of zeros is the empty key")
    for raw in (b"", *(bytes(length) for length in (1, 9, 10, 20, 64, 128))):
        holds(refuses(partial(lib.secret, raw), InvalidSecret), "no secret is empty")
    for text in ("", " ", "\0", "=", "====", "018!", "A" * 32):
        holds(refuses(partial(lib.secret.from_base32, text), InvalidSecret), "no base32 says an empty secret")
    for make in (lib.secret, lib.secret.from_base32, lib.totp_token, lib.hotp_token):
        holds(refuses(partial(cast("Callable[[object], object]", make), None), TypeError), "None is no secret")
    for kept in ("", " ", "!!!", "AA==", "A" * 27 + "=", None, 0):
        user = adopted(lib)
        altered_record(user, partial(with_secret, kept))
        for code in (*NO_CODES, user.code(), lib.totp(b"", NOW), lib.totp(bytes(20), NOW)):
            holds(user.verify(code) == "RecordUnreadable", "a record without a secret is not compared with anything")


def with_secret(kept: object, record: dict[str, dict[str, object]]) -> None:
    """Put this where the secret belongs."""
    record["active"]["secret"] = kept


# ---- V30: something else than a string ----


def makes_text_of_anything() -> Library:
    """Whatever came is made a string first."""

    class Obliging(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            return super().verify(user, str(code))

    return replace(TOTPCORE, two_factor=Obliging)


@weakness("V30", twin=makes_text_of_anything)
def a_code_is_a_str_and_nothing_else(lib: Library) -> None:
    """At every door whatever is not exactly a `str`, subclasses included, is a `TypeError`: no other, no acceptance."""
    user = adopted(lib)
    right, before = user.code(), stored(user)
    given: list[object] = [
        None, True, False, 0, 1, 1.0, int(right), float(right), [], {}, (), [right], (right,), {right}, {"$ne": ""},
        {right: right}, right.encode(), bytearray(right.encode()), memoryview(right.encode()), list(right), object(),
        Agreeable(), AgreeableText(right), AgreeableText("000000"), type("Text", (str,), {})(right),
    ]  # fmt: skip
    token, hotp = lib.totp_token(lib.secret(KEY)), lib.hotp_token(lib.secret(KEY))
    for code in cast("list[str]", given):
        for name, door in every_door(user).items():
            holds(refuses(partial(door, code), TypeError), f"what is no str is a TypeError in {name}")
        holds(refuses(partial(token.match, code, NOW, after=-1), TypeError), "and for a TOTP token")
        holds(refuses(partial(hotp.match, code, after=-1), TypeError), "and for an HOTP token")
        holds(refuses(partial(user.service.resync, "alice", right, code), TypeError), "and for resync")
    holds(stored(user) == before and user.verify(right) == "ok", "nothing was spent, and the right code opens")


# ---- V31: compared as numbers, truncated, padded ----


def compares_as_numbers() -> Library:
    """A code is a number."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        text = typed.value.strip()
        number = int(text) if text.lstrip("+-").replace("_", "").isdecimal() else 10**6
        return spend_code(record, active, moment, Hidden(f"{abs(number):06d}"))

    return verifies_by(spend)


@weakness("V31", twin=compares_as_numbers)
def a_code_is_its_digits_all_of_them(lib: Library) -> None:
    """Codes with leading zeros open only as they are written: not cut, padded, signed, grouped by `_` or as a number.

    Such a spelling is malformed. A right code that looks like none, 000000 or 123456, is accepted.
    """
    for counter, code in LOOKS_LIKE_LITTLE:
        short = code.lstrip("0") or "0"
        user = adopted(lib, at=counter * 30)
        holds(user.code() == code, "the vector is the one that oathtool shows")
        for text in {
            short, "", "0" + code, "00" + code, "0000" + code, code + "0", code + code, code[:5], code[1:], code[-1:],
            short.zfill(5), short.zfill(7), f"+{code[1:]}", f"-{code[1:]}", f"+{code}", f"{code}.0", f"{code[:4]}.0",
            f"{code[0]}_{code[2:]}", f"{code[:1]}_{code[1:]}", "1e0", "0x0098", f"0o{code[2:]}", f"{code[:5]}e",
            f"{code},", f"'{code}'", f"{code}\0", f"{code}x", f"x{code}",
        } - {code}:  # fmt: skip
            holds(user.verify(text) == "malformed", "a spelling that is not these digits is no code")
        for number in cast("list[str]", [int(code), float(code), bool(int(code))]):
            holds(refuses(partial(user.service.verify, "alice", number), TypeError), "a number is no code")
        holds(user.verify(code) == "ok" and spent_of(user) == counter, "the digits themselves open")


def looks_at_the_first_digits() -> Library:
    """What is too long is cut."""

    class Cuts(TOTP):
        __slots__ = ()

        def match(self, code: str, at: float, *, after: int, window: tuple[int, int] = (1, 1)) -> Match | None:
            return super().match(code[: self.digits], at, after=after, window=window)

    return replace(TOTPCORE, totp_token=Cuts)


@weakness("V31", twin=looks_at_the_first_digits)
def what_matches_is_one_of_the_codes(lib: Library) -> None:
    """Whatever text matches is, without spaces and hyphens, one of the window's codes, digit for digit."""
    source, matched = Random(31), 0
    for digits in (6, 7, 8):
        token = lib.totp_token(lib.secret(KEY), digits=digits)
        for counter, _ in LOOKS_LIKE_LITTLE:
            codes = [token.code(30 * (counter + step)) for step in (-1, 0, 1)]
            for _ in range(250):
                letters = list(source.choice(codes))
                for _ in range(source.choice((0, 0, 1, 1, 2))):
                    place = source.randrange(len(letters) + 1)
                    letters[place : place + source.randrange(2)] = source.choice((*"0123456789 -+_.eEx,", ""))
                text = "".join(letters)
                found = token.match(text, 30 * counter, after=-1)
                matched += found is not None
                holds((found is not None) == (re.sub("[ -]", "", text) in codes), "only the digits themselves match")
    holds(matched > 500, "many match")
