"""The laws of codes: both ways to compute them, the window, the scan, and what is a code at all.

The vectors of the RFCs and of other libraries are in `test_vectors.py` and `test_peers.py`.
"""

import copy
import hmac
import pickle
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import counters, hotps, secrets, totps
from records.pretender import Pretender
from totpcore import otp
from totpcore._guard import Hidden
from totpcore.errors import InvalidParameters
from totpcore.otp import HOTP, LARGEST_COUNTER, TOTP, Algorithm, Match, hotp, totp
from totpcore.secret import Secret

KEY = b"12345678901234567890"
TOKEN = HOTP(Secret(KEY))
CLOCK = TOTP(Secret(KEY))
NOW = 1_800_000_000
STEP = NOW // 30
EQUAL = (910737, 910738), "911617"  # two adjacent counters that share a code

windows = st.tuples(st.integers(0, 2), st.integers(0, 2))
algorithms = st.sampled_from(Algorithm)


def in_reach(token: HOTP | TOTP, first: int, last: int) -> dict[int, str]:
    """The codes of counters by the plain function, independent of the prepared key and of the scan."""
    key = token.secret.reveal()
    numbers: dict[str, Any] = {"digits": token.digits, "algorithm": token.algorithm}
    return {counter: hotp(key, counter, **numbers) for counter in range(max(0, first), min(last, LARGEST_COUNTER) + 1)}


# ---- both ways to compute a code ----


@given(secrets, counters, st.integers(6, 8), algorithms)
def test_the_prepared_key_computes_what_the_rfc_says(
    secret: Secret, counter: int, digits: int, algorithm: Algorithm
) -> None:
    """`HOTP.code` is `hotp`, for keys shorter and longer than a block of the hash."""
    expect = hotp(secret.reveal(), counter, digits=digits, algorithm=algorithm)
    assert HOTP(secret, digits=digits, algorithm=algorithm).code(counter) == expect


@pytest.mark.parametrize("algorithm", Algorithm)
def test_the_prepared_key_for_every_length(algorithm: Algorithm) -> None:
    """No length of a key is special: 63, 64 and 65 bytes of a block of 64, 127 and 128 of one of 128."""
    for length in range(10, 129):
        key = bytes(range(1, length + 1))
        token = HOTP(Secret(key), algorithm=algorithm)
        assert token.code(length) == hotp(key, length, algorithm=algorithm)


@pytest.mark.requirement("R4226-4-R1", "R6238-3-R3")
@given(totps, st.integers(0, 2**40), st.floats(0, 0.999))
def test_totp_is_hotp_of_the_time_step(token: TOTP, elapsed: int, fraction: float) -> None:
    """`TOTP.code` is `totp`, and both are the code of the counter of that moment."""
    at = token.t0 + elapsed + (fraction if token.t0 < 2**40 else 0)
    if (at - token.t0) // token.period > LARGEST_COUNTER:
        return
    numbers: dict[str, Any] = {"digits": token.digits, "algorithm": token.algorithm}
    expect = hotp(token.secret.reveal(), token.counter(at), **numbers)
    assert token.code(at) == expect == totp(token.secret.reveal(), at, period=token.period, t0=token.t0, **numbers)


@pytest.mark.requirement("R6238-4.2-1", "R6238-4.2-2")
@given(st.one_of(st.integers(0, 2**62), st.floats(0, 2**62)), st.integers(10, 300), st.integers(0, 2**40))
def test_the_counter_is_exact(at: float, period: int, t0: int) -> None:
    """The time step is the floor of the exact quotient, however large or fractional the time."""
    if at < t0:
        return
    expect = int((Fraction(at) - t0) / period)
    assert TOTP(Secret(KEY), period=period, t0=t0).counter(at) == expect


@given(st.integers(0, 2**33), st.floats(0, 0.999), st.integers(10, 300), st.integers(0, 2**20))
def test_seconds_left(at: int, fraction: float, period: int, t0: int) -> None:
    """More than 0 and at most `period` seconds are left; then the next counter begins, and not a moment before."""
    token, moment = TOTP(Secret(KEY), period=period, t0=t0), t0 + at + fraction
    left = token.seconds_left(moment)
    assert 0 < left <= period
    assert token.counter(int(moment) + int(left) + 1) == token.counter(moment) + 1
    assert token.seconds_left(t0 + period * 7) == period


# ---- what a match is ----


@given(totps, windows, st.integers(0, 10**12), st.integers(-5, 5), st.integers(-6, 6))
def test_exactly_the_window_is_accepted(
    token: TOTP, window: tuple[int, int], elapsed: int, offset: int, margin: int
) -> None:
    """A code is accepted for the newest counter from `past` before to `future` after now that is not spent yet."""
    at = token.t0 + elapsed
    now, (past, future) = token.counter(at), window
    after = max(-1, now + margin)
    place = max(0, now + offset)
    code = in_reach(token, place, place)[place]
    fitting = [
        counter
        for counter, other in in_reach(token, now - past, now + future).items()
        if other == code and counter > after
    ]
    expect = Match(fitting[-1], fitting[-1] - now) if fitting else None
    assert token.match(code, at, after=after, window=window) == expect


@pytest.mark.requirement("R6238-5.2-2", "R6238-6-2")
@pytest.mark.parametrize("window", [(past, future) for past in range(3) for future in range(3)])
def test_the_window_step_by_step(window: tuple[int, int]) -> None:
    """Of the codes around now exactly `past + 1 + future` are accepted, each with its offset."""
    past, future = window
    accepted = {
        offset: CLOCK.match(CLOCK.code(NOW + 30 * offset), NOW, after=-1, window=window) for offset in range(-10, 11)
    }
    expect = {offset: Match(STEP + offset, offset) for offset in range(-past, future + 1)}
    assert {offset: match for offset, match in accepted.items() if match} == expect


@pytest.mark.parametrize("second", [0, 0.001, 15, 29, 29.999])
def test_the_window_is_the_same_within_a_step(second: float) -> None:
    """Whether a step has just begun or is about to end makes no difference to what is accepted."""
    for offset in range(-3, 4):
        match = CLOCK.match(CLOCK.code(NOW + 30 * offset), NOW + second, after=-1)
        assert match == (Match(STEP + offset, offset) if -1 <= offset <= 1 else None)


@pytest.mark.requirement("R4226-4-R5", "R4226-7.4-1")
@given(
    hotps, st.one_of(st.integers(-1, 1000), st.integers(-1, LARGEST_COUNTER)), st.integers(0, 20), st.integers(-3, 24)
)
def test_exactly_the_look_ahead_is_accepted(token: HOTP, after: int, look_ahead: int, offset: int) -> None:
    """An HOTP code is accepted for the newest of the next counter and `look_ahead` more."""
    first = after + 1
    place = min(max(0, first + offset), LARGEST_COUNTER)
    code = in_reach(token, place, place)[place]
    fitting = [counter for counter, other in in_reach(token, first, first + look_ahead).items() if other == code]
    expect = Match(fitting[-1], fitting[-1] - first) if fitting else None
    assert token.match(code, after=after, look_ahead=look_ahead) == expect


@given(totps, st.integers(0, 10**12), windows, st.integers(-2, 2))
def test_what_was_accepted_is_never_accepted_again(
    token: TOTP, elapsed: int, window: tuple[int, int], offset: int
) -> None:
    """With the matched counter as `after`, the same code gives nothing, and neither do those before it."""
    at = token.t0 + elapsed
    code = in_reach(token, token.counter(at), token.counter(at) + 2)[token.counter(at) + max(0, offset)]
    match = token.match(code, at, after=-1, window=window)
    if match is not None:
        again = [token.match(other, at, after=match.counter, window=window) for other in (code, token.code(at))]
        assert all(found is None or found.counter > match.counter for found in again)
        assert again[0] is None


def test_of_two_equal_codes_the_newest_is_matched() -> None:
    """Where two counters of the look-ahead share a code, the newer one is spent, so that it works once."""
    (first, last), code = EQUAL
    assert TOKEN.match(code, after=first - 1) == Match(last, 1)
    assert TOKEN.match(code, after=first) == Match(last, 0)
    assert TOKEN.match(code, after=last) is None


def test_the_scan_names_every_counter() -> None:
    """`scan` knows nothing of what was spent, and gives all counters in rising order."""
    (first, last), code = EQUAL
    assert otp.scan(TOKEN, Hidden(code), first - 5, last + 5) == [first, last]


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The counters for which codes are computed."""
    seen: list[int] = []
    code: Callable[[Any, int, int], str] = otp._PreparedKey.code

    def spy(self: Any, counter: int, digits: int) -> str:
        seen.append(counter)
        return code(self, counter, digits)

    monkeypatch.setattr(otp._PreparedKey, "code", spy)
    return seen


@pytest.mark.requirement("A5-11.2.4")
@pytest.mark.parametrize("case", ["first", "now", "last", "miss", "replayed", "all spent"])
def test_hit_miss_and_replay_cost_the_same(computed: list[int], case: str) -> None:
    """Whatever the code is, and whatever was spent, the same codes are computed: time tells nothing."""
    codes = {"first": hotp(KEY, STEP - 1), "last": hotp(KEY, STEP + 1), "miss": "000000"}
    after = {"replayed": STEP, "all spent": STEP + 1}.get(case, -1)
    CLOCK.match(codes.get(case, hotp(KEY, STEP)), NOW, after=after)
    assert computed == [STEP - 1, STEP, STEP + 1]


@pytest.mark.parametrize("code", ["755224", "338314", "000000", hotp(KEY, 20)])
def test_an_hotp_match_computes_the_whole_look_ahead(computed: list[int], code: str) -> None:
    """The scan does not stop at a hit."""
    TOKEN.match(code, after=-1)
    assert computed == list(range(11))


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "1" * 10**6, "\u0661" * 6])
def test_what_is_no_code_computes_nothing(computed: list[int], code: str) -> None:
    """Malformed text is refused before any HMAC."""
    assert CLOCK.match(code, NOW, after=-1) is None
    assert computed == []


@pytest.mark.requirement("A5-11.2.4")
def test_candidates_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each candidate goes through `hmac.compare_digest`, as ASCII text of the same length on both sides."""
    compared: list[tuple[str, str]] = []

    def spy(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", spy)
    assert CLOCK.match(hotp(KEY, STEP - 1), NOW, after=-1)
    assert compared == [(hotp(KEY, STEP + offset), hotp(KEY, STEP - 1)) for offset in (-1, 0, 1)]


@pytest.mark.parametrize("at", [0, 29, 30, 59])
def test_the_beginning_of_time(at: int) -> None:
    """Before the first step there is nothing: the window is cut off, and no counter is negative."""
    for counter in range(4):
        match = CLOCK.match(hotp(KEY, counter), at, after=-1, window=(2, 2))
        assert (match is not None) is (abs(counter - at // 30) <= 2)


@pytest.mark.requirement("R4226-5.1-1", "R6238-4.2-2", "N63B4-3.1.4.1-2")
def test_the_end_of_counters() -> None:
    """At 2**64 - 1 the look-ahead and the window are cut off: nothing wraps around to 0."""
    last, zero = hotp(KEY, LARGEST_COUNTER), hotp(KEY, 0)
    assert TOKEN.match(last, after=LARGEST_COUNTER - 1) == Match(LARGEST_COUNTER, 0)
    assert TOKEN.match(zero, after=LARGEST_COUNTER - 1) is None
    assert TOKEN.match(last, after=LARGEST_COUNTER) is None
    at = LARGEST_COUNTER * 30
    assert CLOCK.match(last, at, after=-1) == Match(LARGEST_COUNTER, 0)
    assert CLOCK.match(zero, at, after=-1) is None


# ---- resynchronization ----


@given(hotps, st.integers(-1, 10**9), st.integers(0, 12), st.integers(2, 4), st.integers(0, 10))
def test_resync_finds_consecutive_codes(token: HOTP, after: int, ahead: int, count: int, look_ahead: int) -> None:
    """Consecutive codes are found where the first is the next counter or one of `look_ahead` more."""
    first = after + 1 + ahead
    codes = list(in_reach(token, first, first + count - 1).values())
    match = token.resync(codes, after=after, look_ahead=look_ahead)
    if ahead <= look_ahead:
        assert match is not None
        assert match.counter >= first + count - 1
        assert match.offset == match.counter - after - 1
    else:
        assert match is None or in_reach(token, match.counter, match.counter)[match.counter] == codes[-1]


@pytest.mark.parametrize("places", [(5, 5), (6, 5), (5, 7), (5, 6, 8), (5, 7, 8), (4, 6, 8)])
def test_resync_takes_no_other_codes(places: tuple[int, ...]) -> None:
    """Twice the same, the wrong order and gaps are no consecutive codes."""
    assert TOKEN.resync([hotp(KEY, place) for place in places], after=-1) is None


def test_resync_spends_the_newest() -> None:
    """All codes have to be consecutive, and the match is the counter of the last."""
    codes = [hotp(KEY, counter) for counter in range(7, 11)]
    assert TOKEN.resync(codes, after=2) == Match(10, 7)
    assert TOKEN.resync(codes, after=6, look_ahead=0) == Match(10, 3)
    assert TOKEN.resync(codes, after=7, look_ahead=0) is None
    assert TOKEN.resync([*codes, "12345"], after=2) is None


def test_resync_reaches_a_hundred_counters_and_takes_ten_codes() -> None:
    """Without another number, the first code may be the next counter or one of 100 more."""
    for count in (2, 10):
        for first, found in ((105, Match(104 + count, 99 + count)), (106, None)):
            codes = [hotp(KEY, counter) for counter in range(first, first + count)]
            assert TOKEN.resync(codes, after=4) == found


def test_resync_takes_the_last_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where codes recur, the highest counter is spent: no code before it is good again."""
    monkeypatch.setattr(type(TOKEN._key), "code", lambda *_: "123456")
    assert TOKEN.resync(["123456"] * 2, after=6, look_ahead=5) == Match(13, 6)


# ---- what is a code ----


@pytest.mark.parametrize("written", [
    "755224", " 755224", "755224\n", "\t755224\r\n", "\v\f755224", "755 224", "755-224", "7 5 5 2 2 4", "75-52-24",
    "- 755224 -", "755224" + " " * 58,
])  # fmt: skip
def test_spellings_that_are_forgiven(written: str) -> None:
    """Surrounding white space, and spaces and hyphens inside, do not count."""
    assert TOKEN.match(written, after=-1) == Match(0, 0)


@pytest.mark.requirement("A5-11.2.5")
@pytest.mark.parametrize("written", [
    "", " ", "-", "\0", "75522", "55224", "7552244", "0755224", "755224755224", "75522a", "+755224", "-0755224",
    "755_224",
    "755\t224", "755\n224", "755.224", "755,224", "755224.0", "0x75522", "7e5522", "755\u00a0224", "\u00a0755224",
    "755\u2007224", "755\u200b224", "755\u2010224", "755\u00ad224", "\ufeff755224", "755224\0", "755224\x1c",
    "\x85755224",
    "755224" + " " * 59, "\ud800755224", "75522\udfff", "\N{FULLWIDTH DIGIT SEVEN}55224", "\N{GRINNING FACE}", "None",
    "755224; --", "0" * 10**6, " " * 10**6 + "755224",
], ids=lambda text: ascii(text[:20]))  # fmt: skip
def test_what_is_not_a_code(written: str) -> None:
    """Anything else is an ordinary non-match: no exception, and no guess at what was meant."""
    assert TOKEN.match(written, after=-1) is None
    assert CLOCK.match(written, 0, after=-1) is None


OTHER_DIGITS = [
    chr(point)
    for point in range(sys.maxunicode + 1)
    if unicodedata.numeric(chr(point), None) is not None and not chr(point).isascii()
]


def test_digits_of_other_scripts_are_no_digits() -> None:
    """For each of Unicode's numeric characters: in the place of the digit it looks like, it makes no code."""
    assert len(OTHER_DIGITS) > 1000
    for character in OTHER_DIGITS:
        value = unicodedata.numeric(character)
        for place, digit in enumerate("755224"):
            if value == int(digit):
                assert TOKEN.match("755224"[:place] + character + "755224"[place + 1 :], after=-1) is None


@given(st.text(st.characters()))
def test_any_text_is_a_match_or_none(written: str) -> None:
    """Whatever is typed, surrogates and all, gives a match or nothing."""
    fits = written.strip(" \t\n\r\v\f").replace(" ", "").replace("-", "") in in_reach(TOKEN, 0, 10).values()
    assert (TOKEN.match(written, after=-1) is not None) is fits


@pytest.mark.requirement("R4226-4-R4")
@pytest.mark.parametrize("code", ["000152", "000001", "000000", "123456"])
def test_leading_zeros_belong_to_the_code(code: str) -> None:
    """Codes are text: without its zeros, or with one more, a code is none."""
    counter = {"000152": 44, "000001": 855553, "000000": 349495, "123456": 14684}[code]
    assert TOKEN.match(code, after=counter - 1) == Match(counter, 0)
    for other in (code.lstrip("0"), f"0{code}", code[:-1], f"+{code[1:]}", f"{int(code)}", f"{int(code)}.0"):
        assert other == code or TOKEN.match(other, after=counter - 1) is None


class Text(str):
    """A string that is equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


NOT_STR = [None, True, 0, 755224, 755224.0, b"755224", bytearray(b"755224"), ["755224"], {"$ne": ""}, Text("755224"),
           Pretender()]  # fmt: skip


@pytest.mark.parametrize("code", NOT_STR, ids=lambda code: type(code).__name__)
def test_a_code_is_a_str(code: Any) -> None:
    """Whatever else a form parser may give, also a subclass of `str`, is a `TypeError` that names the argument."""
    with pytest.raises(TypeError, match="code must be a str"):
        TOKEN.match(code, after=-1)
    with pytest.raises(TypeError, match="code must be a str"):
        CLOCK.match(code, NOW, after=-1)
    with pytest.raises(TypeError, match="code must be a str"):
        TOKEN.resync(["755224", code], after=-1)


# ---- arguments ----

SECRET = Secret(KEY)
Call = Callable[[], object]

BAD_VALUES: dict[str, list[tuple[str, Call]]] = {
    "digits": [
        *((f"hotp {n}", partial(hotp, KEY, 0, digits=n)) for n in (-1, 0, 5, 9, 40)),
        ("HOTP", lambda: HOTP(SECRET, digits=9)),
        ("TOTP", lambda: TOTP(SECRET, digits=5)),
    ],
    "counter": [
        *((f"hotp {n}", partial(hotp, KEY, n)) for n in (-1, 2**64, 2**70)),
        ("HOTP.code", lambda: TOKEN.code(-1)),
        ("HOTP.code", lambda: TOKEN.code(2**64)),
    ],
    "period": [
        *((f"totp {n}", partial(totp, KEY, 0, period=n)) for n in (-30, 0, 9, 301)),
        ("TOTP", lambda: TOTP(SECRET, period=301)),
    ],
    "t0": [("totp", lambda: totp(KEY, 0, t0=-1)), ("TOTP", lambda: TOTP(SECRET, t0=2**64))],
    "at": [
        *(
            (f"totp {n}", partial(totp, KEY, n))
            for n in (-1, -0.5, float("nan"), float("inf"), float("-inf"))
        ),
        ("before t0", lambda: totp(KEY, 5, t0=6)),
        ("TOTP.code", lambda: CLOCK.code(-1)),
        ("TOTP.counter", lambda: CLOCK.counter(float("nan"))),
        ("TOTP.seconds_left", lambda: CLOCK.seconds_left(-1)),
        ("TOTP.match", lambda: CLOCK.match("123456", -1, after=-1)),
    ],
    "time step": [("2**64 steps", lambda: totp(KEY, 30 * 2**64)), ("1e300", lambda: CLOCK.counter(1e300))],
    "algorithm": [
        *((f"hotp {n}", partial(hotp, KEY, 0, algorithm=n)) for n in ("", "MD5", "SHA-1", "sha3", "__class__")),
        ("HOTP", lambda: HOTP(SECRET, algorithm="SHA224")),
        ("Algorithm", lambda: Algorithm("SHA384")),
    ],
    "after": [
        ("HOTP -2", lambda: TOKEN.match("123456", after=-2)),
        ("HOTP 2**64", lambda: TOKEN.match("123456", after=2**64)),
        ("TOTP -2", lambda: CLOCK.match("123456", NOW, after=-2)),
        ("TOTP 2**64", lambda: CLOCK.match("123456", NOW, after=2**64)),
        ("resync", lambda: TOKEN.resync(["123456"] * 2, after=-2)),
    ],
    "look_ahead": [
        *((f"match {n}", partial(TOKEN.match, "123456", after=-1, look_ahead=n)) for n in (-1, 101)),
        ("resync", lambda: TOKEN.resync(["123456"] * 2, after=-1, look_ahead=101)),
    ],
    "window": [
        *((f"{w}", partial(CLOCK.match, "123456", NOW, after=-1, window=w)) for w in ((-1, 0), (0, 3), (3, 0))),
    ],
    "number of codes": [
        *((f"{n}", partial(TOKEN.resync, ["123456"] * n, after=-1)) for n in (0, 1, 11)),
    ],
}  # fmt: skip


@pytest.mark.requirement("R4226-4-R4", "R4226-5.1-1", "R4226-7.4-3", "R6238-5.2-6", "N63B4-2.2.2-1", "N63B4-3.1.4.1-4")
@pytest.mark.parametrize(
    ("name", "call"), [(name, call) for name, calls in BAD_VALUES.items() for _, call in calls], ids=str
)
def test_values_out_of_range(name: str, call: Call) -> None:
    """A value out of range is an `InvalidParameters`, which is a `ValueError`, and its text names the argument."""
    with pytest.raises(InvalidParameters, match=name):
        call()


MOMENT = datetime(2027, 1, 15, tzinfo=UTC)
BAD_TYPES: list[tuple[str, Callable[[Any], object], list[object]]] = [
    ("key", lambda value: hotp(value, 0),
        [None, "12345678901234567890", bytearray(KEY), memoryview(KEY), 5, SECRET, Pretender()]),
    ("key", lambda value: totp(value, 0), [None, "12345678901234567890"]),
    ("counter", lambda value: hotp(KEY, value), [None, True, 1.0, "1", b"1", Decimal(1), Pretender()]),
    ("counter", TOKEN.code, [None, True, 1.0, "1"]),
    ("digits", lambda value: hotp(KEY, 0, digits=value), [None, True, 6.0, "6"]),
    ("digits", lambda value: HOTP(SECRET, digits=value), [None, True, 6.0, "6"]),
    ("digits", lambda value: TOTP(SECRET, digits=value), [None, True, 6.0, "6"]),
    ("algorithm", lambda value: hotp(KEY, 0, algorithm=value), [None, 1, b"SHA1", len]),
    ("algorithm", lambda value: TOTP(SECRET, algorithm=value), [None, 1, b"SHA1"]),
    ("secret", HOTP, [None, KEY, "GEZDGNBVGY3TQOJQ"]),
    ("secret", TOTP, [None, KEY, "GEZDGNBVGY3TQOJQ"]),
    ("period", lambda value: totp(KEY, 0, period=value), [None, True, 30.0, "30"]),
    ("period", lambda value: TOTP(SECRET, period=value), [None, True, 30.0, "30"]),
    ("t0", lambda value: TOTP(SECRET, t0=value), [None, False, 0.0, "0"]),
    ("at", lambda value: totp(KEY, value), [None, True, "0", MOMENT, Decimal(0), 1j, Pretender()]),
    ("at", CLOCK.code, [None, True, "0", MOMENT]),
    ("at", CLOCK.counter, [None, True, "0", MOMENT]),
    ("at", CLOCK.seconds_left, [None, True, "0", MOMENT]),
    ("at", lambda value: CLOCK.match("123456", value, after=-1), [None, True, "0", MOMENT]),
    ("after", lambda value: CLOCK.match("123456", NOW, after=value), [None, True, 1.0, "1", Match(1, 0)]),
    ("after", lambda value: TOKEN.match("123456", after=value), [None, True, 1.0, "1"]),
    ("after", lambda value: TOKEN.resync(["123456"] * 2, after=value), [None, True, 1.0, "1"]),
    ("look_ahead", lambda value: TOKEN.match("123456", after=-1, look_ahead=value), [None, True, 1.0, "1"]),
    ("window", lambda value: CLOCK.match("1", NOW, after=-1, window=value),
        [None, 1, True, [1, 1], "11", (1,), (1, 1, 1), (True, 1), (1, 1.0), (None, 1), Pretender()]),
    ("codes", lambda value: TOKEN.resync(value, after=-1), [None, 5, "123456", {"123456", "654321"}]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "call", "value"), [(n, c, v) for n, c, values in BAD_TYPES for v in values], ids=repr)
def test_values_of_another_type(name: str, call: Callable[[Any], object], value: object) -> None:
    """A value of another type, `True` and a `datetime` among them, is a `TypeError` whose text names the argument."""
    with pytest.raises(TypeError, match=name):
        call(value)


@pytest.mark.parametrize("token", [HOTP, TOTP])
def test_what_stands_beside_the_secret_is_not_taken_for_it(token: Callable[..., object]) -> None:
    """A second argument by position, or a secret by position and by name: each error says what is wrong."""
    with pytest.raises(TypeError, match="positional"):
        token(SECRET, 6)
    with pytest.raises(TypeError, match="positional"):
        token(SECRET, SECRET)
    for second in (SECRET, KEY):
        with pytest.raises(TypeError, match="multiple values"):
            token(SECRET, secret=second)
    spelt = "".join(list("secret"))  # another object than the name in the code
    bare: list[dict[str, Any]] = [{"secret": KEY}, {spelt: KEY}]
    both = (partial(token, KEY, secret=SECRET), partial(token, KEY, secret="key"))
    for call in (*both, *(partial(token, **named) for named in bare)):
        with pytest.raises(TypeError, match="secret must be of type Secret, not bytes"):
            call()
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        token()


@pytest.mark.parametrize("token", [HOTP, TOTP])
def test_a_subclass_may_take_something_else(token: type[HOTP | TOTP]) -> None:
    """With an `__init__` of its own it takes what it likes; without one it is as strict as its base."""

    class OfText(token):  # type: ignore[misc,valid-type]  # the base is an argument
        def __init__(self, text: str) -> None:
            super().__init__(Secret.from_base32(text))

    class Plain(token):  # type: ignore[misc,valid-type]  # the base is an argument
        pass

    assert OfText(SECRET.base32).secret == SECRET
    with pytest.raises(TypeError, match="secret must be of type Secret, not str"):
        Plain(SECRET.base32)


@pytest.mark.parametrize("value", [-1, -0.5, float("nan"), float("inf"), float("-inf")])
def test_what_a_time_may_be_is_said(value: float) -> None:
    """A number without an upper bound: the error names the lower one alone."""
    with pytest.raises(InvalidParameters, match=r"^at must be a finite number from 0 on$"):
        totp(KEY, value)


def test_after_has_no_default() -> None:
    """Forgetting replay protection is not expressible."""
    with pytest.raises(TypeError, match="after"):
        CLOCK.match("123456", NOW)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="after"):
        TOKEN.match("123456")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="after"):
        TOKEN.resync([])  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["SHA1", "sha1", "Sha1", "SHA256", "sha512"])
def test_names_of_algorithms_are_read_in_any_case(name: str) -> None:
    """An algorithm is given as such or by its name, and kept as such."""
    algorithm = Algorithm(name)
    assert algorithm.value == name.upper()
    assert HOTP(SECRET, algorithm=name).algorithm is TOTP(SECRET, algorithm=name).algorithm is algorithm
    assert hotp(KEY, 1, algorithm=name) == hotp(KEY, 1, algorithm=algorithm)


# ---- tokens as values ----

TOKENS = [HOTP(SECRET, digits=7, algorithm="SHA256"), TOTP(SECRET, digits=8, period=60, t0=5, algorithm="SHA512")]


@pytest.mark.parametrize("value", [*TOKENS, Match(1, 0)], ids=lambda value: type(value).__name__)
def test_values_are_frozen(value: HOTP | TOTP | Match) -> None:
    """No parameter of a token, and nothing of a match, can be changed, and none added."""
    for name in (*type(value).__slots__, "something"):
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            setattr(value, name, 6)
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: type(token).__name__)
def test_tokens_show_their_numbers_and_no_secret(token: HOTP | TOTP) -> None:
    """The `repr` of a token helps to find a mistake, and hides the secret."""
    shown = repr(token)
    assert f"digits={token.digits}" in shown
    assert "secret" not in shown
    for form in (KEY.decode(), KEY.hex(), SECRET.base32, "_key", "_hotp"):
        assert form not in shown


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: type(token).__name__)
@pytest.mark.parametrize("way", [pickle.dumps, copy.deepcopy, asdict], ids=lambda way: way.__name__)
def test_tokens_refuse_to_be_copied_out(token: HOTP | TOTP, way: Callable[[Any], object]) -> None:
    """Neither pickle nor `deepcopy` nor `asdict` takes the secret out of a token."""
    with pytest.raises(TypeError):
        way(token)


def test_tokens_are_equal_by_value() -> None:
    """Two tokens are equal where secret and numbers are."""
    assert HOTP(Secret(KEY)) == TOKEN
    assert HOTP(Secret(KEY), digits=7) != TOKEN
    assert HOTP(Secret(KEY + b"1")) != TOKEN
    assert TOTP(Secret(KEY)) == CLOCK
    assert TOTP(Secret(KEY), t0=1) != CLOCK
    kinds: list[object] = [TOKEN, CLOCK]
    assert kinds[0] != kinds[1]


@pytest.mark.parametrize("name", ["\u017fha1", "SHA\u00b9", "sha-1", "", "SHA1 ", "MD5"])
def test_look_alikes_of_names_are_no_algorithm(name: str) -> None:
    """A name is read in any case of ASCII, and in no other spelling."""
    with pytest.raises(InvalidParameters, match="algorithm"):
        Algorithm(name)
