"""V73, V77 and V78: how large an input may be, and when a text is a number.

Rules of this file:

1. A gate over the text of the package takes `lib.sources`, so that its twin is the same text with one line more.
2. What costs nothing is measured in bytes that were allocated, or in processor time, never in time on the wall.
"""

import ast
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final
from unittest.mock import patch
from urllib.parse import quote

from totpcore import InvalidParameters, InvalidSecret, InvalidURI, KeyURI, _record, _spending, _urireading
from totpcore._guard import Hidden
from weaknesses.frame import NOW, TOTPCORE, Library, User, calls_in, holds, outcome, refuses, weakness
from weaknesses.twins import BASE32, KEY, altered_record, faulty, stored, with_line

SMALL: Final = 100_000  # bytes: what refusing costs, of inputs that have ten times as many and more


def names_called(source: str) -> Iterator[str]:
    """The name, or the last part of it, of everything that a module's text calls."""
    for call in calls_in(source):
        yield call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


# ---- V73: unbounded numbers ----


NO_NUMBERS: Final = (
    "1e9", "6 ", " 6", "+6", "-6", "\N{ARABIC-INDIC DIGIT SIX}", "\N{FULLWIDTH DIGIT SIX}", "6_0", "6.0", "0x6", "",
    "9" * 3900, "0" * 3900 + "6", "nan", "None", "6\n", "\N{SUPERSCRIPT TWO}", "99999999999999999999",
)  # fmt: skip
OUT_OF_RANGE: Final = {"digits": ("0", "1", "5", "9", "10", "40"), "period": ("0", "9", "301", "86400")}


def reads_any_number() -> Library:
    """`int` decides what a number is, and nothing decides how large it may be."""

    class ReadsAny(KeyURI):
        __slots__ = ()

        @classmethod
        def parse(cls, text: str) -> KeyURI:
            def number(given: Hidden[dict[str, str]], name: str, default: int, low: int, high: int) -> int:
                return min(max(int(float(given.value.get(name, default))), low), high)

            with patch.object(_urireading, "_number", number):
                return KeyURI.parse(text)

    return replace(TOTPCORE, key_uri=ReadsAny)


@weakness("V73", twin=reads_any_number)
def a_number_in_a_uri_is_bounded(lib: Library) -> None:
    """Digits 6 to 8, period 10 to 300, counter below 2**64, in a few ASCII digits: all else is refused, and at once."""
    for name, kind in (("digits", "totp"), ("period", "totp"), ("counter", "hotp")):
        for written in NO_NUMBERS + OUT_OF_RANGE.get(name, (str(2**64),)):
            uri = f"otpauth://{kind}/a?secret={BASE32}&{name}={quote(written)}"[:4096]
            started = time.process_time()
            holds(refuses(partial(lib.key_uri.parse, uri), InvalidURI), f"{name} is refused")
            holds(time.process_time() - started < 0.1, "it is refused without counting")
    for name, kind, written, value in (
        ("digits", "totp", "8", 8), ("period", "totp", "10", 10), ("period", "totp", "300", 300),
        ("counter", "hotp", str(2**64 - 1), 2**64 - 1), ("counter", "hotp", "0", 0),
    ):  # fmt: skip
        parsed = lib.key_uri.parse(f"otpauth://{kind}/a?secret={BASE32}&{name}={written}")
        holds(value in (getattr(parsed.token, name, None), getattr(parsed, name, None)), "what is in range is read")


def counts_any_digits() -> Library:
    """The code has as many digits as it is asked for."""

    def hotp(key: bytes, counter: int, *, digits: int = 6, algorithm: str = "SHA1") -> str:
        word = int(TOTPCORE.hotp(key, counter, digits=8, algorithm=algorithm))
        return str(word % 10**digits).rjust(digits, "0")

    return replace(TOTPCORE, hotp=hotp)


@weakness("V73", twin=counts_any_digits)
def a_number_in_a_call_is_bounded(lib: Library) -> None:
    """`hotp`, `totp`, tokens, policy and URI refuse digits, periods and counters out of range when they are built."""
    secret = lib.secret(KEY)
    takes_digits: list[Callable[..., object]] = [
        partial(lib.hotp, KEY, 0), partial(lib.totp, KEY, NOW), partial(lib.hotp_token, secret),
        partial(lib.totp_token, secret), lib.policy,
    ]  # fmt: skip
    for call in takes_digits:
        for digits in (-1, 0, 1, 5, 9, 10, 40, 10**7):
            holds(refuses(partial(call, digits=digits), InvalidParameters), "digits are 6 to 8")
        for no_int in ("6", 6.0, True, None):
            holds(refuses(partial(call, digits=no_int), TypeError), "digits are an int")
    for call in (takes_digits[1], takes_digits[3], lib.policy):
        for period in (-30, 0, 1, 9, 301, 10**9):
            holds(refuses(partial(call, period=period), InvalidParameters), "a period is 10 to 300 seconds")
    holds(refuses(partial(lib.policy, period=121), InvalidParameters), "of a policy, up to 120")
    for counter in (-1, 2**64, 10**40):
        build = partial(lib.key_uri, lib.hotp_token(secret), account="a", counter=counter)
        holds(refuses(build, InvalidParameters), "a counter has 8 bytes")


def loads_any_number() -> Library:
    """What is stored was checked when it was made, so nobody checks it again."""
    return replace(TOTPCORE, two_factor=faulty((_record, "_whole", lambda value, _low, _high: value)))


def with_field(record: dict[str, dict[str, object]], name: str, value: object) -> None:
    """Write another value into the active credential."""
    record["active"][name] = value


@weakness("V73", twin=loads_any_number)
def a_number_in_a_record_is_bounded(lib: Library) -> None:
    """A record with a number out of range, or of another type, is unreadable: nobody gets in, nothing changes."""
    out_of_range: dict[str, tuple[object, ...]] = {
        "digits": (5, 9, 40, 10**9, -1, "6", 6.0, True, None),
        "period": (0, -30, 9, 301, 2**70, "30"),
        "spent": (-2, 2**64, 2**70, "1", 1.5, True, None),
        "t0": (-1, 2**64, "0"),
    }
    for name, values in out_of_range.items():
        for value in values:
            user = User(lib).on()
            altered_record(user, partial(with_field, name=name, value=value))
            before = stored(user)
            holds(user.verify(user.code()) == "RecordUnreadable", f"a record with such {name} is not read")
            holds(stored(user) == before, "nor is it changed")


# ---- V77: oversized input ----


def cleans_before_it_measures() -> Library:
    """What was typed is cleaned first, and measured afterwards."""

    def canonical(typed: Hidden[str], digits: int) -> Hidden[str] | None:
        clean = Hidden("".join(char for char in typed.value if char in "0123456789"))
        return clean if len(typed.value) <= 64 and len(clean.value) == digits else None

    return replace(TOTPCORE, two_factor=faulty((_spending, "canonical_code", canonical)))


@weakness("V77", twin=cleans_before_it_measures)
def a_long_input_is_refused_unread(lib: Library) -> None:
    """Codes, secrets, URIs, names and records of 1 kB to 8 MB are refused, and nothing of their size is allocated.

    What costs the same at 1 kB and at 8 MB costs the same at 100 MB, which the machine that tests would feel.
    """
    user = User(lib).on()
    service, bystander = user.service, User(lib).enrol()
    token = lib.totp_token(lib.secret(KEY))
    for size in (1_000, 1_000_000, 8_000_000):
        for text in ("1" * size, " " * size + user.code(), "\N{FULLWIDTH DIGIT ONE}" * size):
            for call in (service.verify, service.recover, service.disable, service.renew_recovery_codes):
                holds(costs_little(partial(call, user.user, text)) == "malformed", "a long code is malformed")
            holds(costs_little(partial(bystander.service.confirm, "alice", text)) == "malformed", "at set-up as well")
            holds(costs_little(partial(token.match, text, NOW, after=-1)) == "ok", "a long code matches nothing")
        for told, build in (
            (InvalidSecret, partial(lib.secret.from_base32, "A" * size)),
            (InvalidSecret, partial(lib.secret, b"A" * size)),
            (InvalidURI, partial(lib.key_uri.parse, f"otpauth://totp/a?secret={'A' * size}")),
            (InvalidParameters, partial(lib.key_uri, token, account="a" * size)),
            (InvalidParameters, partial(service.verify, "u" * size, "123456")),
            (InvalidParameters, partial(service.replace, user.user, "123456", account="a" * size)),
            (InvalidParameters, partial(service.reset, user.user, actor="a" * size, reason="lost")),
        ):
            holds(costs_little(build) == told.__name__, f"an argument that is too long is {told.__name__}")
    before = stored(user)
    holds(user.store.swap(user.user, before, b"[" * 8_000_000), "the store takes a huge record")
    holds(costs_little(partial(service.verify, user.user, "123456")) == "RecordUnreadable", "a huge record is not read")


def costs_little(call: Callable[[], object]) -> str:
    """Call, check that next to nothing was allocated, and say what came of it."""
    tracemalloc.start()
    try:
        told = outcome(call)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    holds(peak < SMALL, "refusing allocates nothing of the input's size")
    return told


# ---- V78: int() on attacker text ----


def reads_a_number_at_once() -> Library:
    """A function that lets `int` find out."""
    return with_line("keyuri.py", "def _counter_of(text):\n    return int(text)")


@weakness("V78", twin=reads_a_number_at_once)
def no_text_becomes_a_number_unchecked(lib: Library) -> None:
    """`int` is called on text only in a function that has looked at its length and at its ASCII digits, or base32's.

    Not in `vectors`, which reads the package's own tables and nothing from outside. And nothing asks `str.isdigit` or
    its like, which know other scripts.
    """
    for module, source in lib.sources.items():
        called = set(names_called(source))
        holds(not called & {"isdigit", "isdecimal", "isnumeric", "literal_eval"}, f"{module} asks for ASCII digits")
        if "int" not in called or module == "vectors/__init__.py":
            continue
        tree = ast.parse(source)
        functions = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        looks = ".strip('0123456789')", ".strip(_WRITTEN)"
        looking = [text for text in functions if any(look in text for look in looks) and "len(" in text]
        checked = sum(map(calls_of_int, looking))
        holds(calls_of_int(source) == checked, f"{module} calls int on nothing unchecked")


def calls_of_int(source: str) -> int:
    """How often a text calls `int`."""
    return sum(isinstance(call.func, ast.Name) and call.func.id == "int" for call in calls_in(source))


def lets_int_read_the_code() -> Library:
    """A code is what `int` can read."""

    def canonical(typed: Hidden[str], digits: int) -> Hidden[str] | None:
        try:
            return Hidden(f"{int(typed.value):0{digits}d}")
        except ValueError:
            return None

    return replace(TOTPCORE, two_factor=faulty((_spending, "canonical_code", canonical)))


@weakness("V78", twin=lets_int_read_the_code)
def what_int_would_read_is_no_code(lib: Library) -> None:
    """Signs, underscores and other scripts' digits are malformed, whatever limit Python has for digits of an `int`."""
    limit = sys.get_int_max_str_digits()
    for digits in (limit, 0):
        sys.set_int_max_str_digits(digits)
        try:
            user = User(lib, store=lib.memory_store()).on()
            at_44, secret = 44 * 30, lib.secret(KEY)  # the RFC key's code of step 44 is 000152
            fullwidth = user.code().translate({48 + digit: 0xFF10 + digit for digit in range(10)})
            code = user.code()
            odd = ["1_2", "+" + code, "-" + code, f"{code[:3]}_{code[3:]}", fullwidth, f"{code}.0", "0x1", "1" * 5000]
            for text in odd:
                if text == "-" + code:  # a hyphen is read as one between groups
                    continue
                holds(user.verify(text) == "malformed", "what only int would read is malformed")
            for text in ("152", "+152", "0_00152", " 152"):
                holds(lib.totp_token(secret).match(text, at_44, after=-1) is None, "leading zeros are typed")
            holds(lib.totp_token(secret).match("000152", at_44, after=-1) is not None, "then it is the code")
            holds(user.verify(code) == "ok", "the code itself is read")
        finally:
            sys.set_int_max_str_digits(limit)
