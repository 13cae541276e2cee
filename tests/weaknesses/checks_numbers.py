"""V77 to V88: numbers, time, size, and what Python makes easy to get wrong.

Rules of this file:

1. A gate over the text of the package takes `lib.sources`, so that its twin is the same text with one line more.
2. What costs nothing is measured in bytes that were allocated, or in processor time, never in time on the wall.
3. Mutations are seeded. The long runs of the same kind are elsewhere: fuzzing, the oracles, the trouble matrix.
"""

import ast
import asyncio
import copy
import hashlib
import hmac
import inspect
import json
import math
import os
import pickle
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import ClassVar, Final, SupportsIndex
from unittest.mock import patch

from gates import offences
from totpcore import (
    HOTP,
    TOTP,
    Accepted,
    Confirmed,
    InvalidParameters,
    InvalidSecret,
    InvalidURI,
    Secret,
    SQLiteStore,
    StoreError,
    TwoFactor,
    _core,
    _record,
    _spending,
    _transitions,
)
from totpcore._guard import Hidden
from totpcore.events import Event
from totpcore.ports import Store
from totpcore.testing import HandClock, Phone
from totpcore.testing._races import in_processes, in_threads
from totpcore.vectors import rfc4226, rfc6238
from weaknesses.frame import NOW, TOTPCORE, Library, User, calls_in, holds, outcome, refuses, weakness
from weaknesses.twins import KEY, altered_record, faulty, stored, with_line

GOLDEN: Final = Path(__file__).parents[1] / "records" / "version-1.json"
SMALL: Final = 100_000  # bytes: what refusing costs, of inputs that have ten times as many and more


def names_called(source: str) -> Iterator[str]:
    """The name, or the last part of it, of everything that a module's text calls."""
    for call in calls_in(source):
        yield call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


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
    """`int` is called on text only in a function that has looked at its length and at its ASCII digits.

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
        checked = sum(calls_of_int(text) for text in functions if ".strip('0123456789')" in text and "len(" in text)
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


# ---- V79: odd counters and times ----


class LikeAnInt(SupportsIndex):
    """What other libraries' integers are: convertible, and no `int`."""

    def __index__(self) -> int:
        return 5

    __int__ = __float__ = __index__


# `oathtool --totp --now @T` (OATH Toolkit 2.6.7) on the key of the RFCs: 2038, 2106, and a step of 33 bits.
BEYOND_32_BITS: Final = {
    2_147_483_647: "703886", 2_147_483_648: "703886", 4_294_967_295: "791428", 4_294_967_296: "791428",
    128_849_018_880: "999456", 253_402_300_799: "099568",
}  # fmt: skip
# `oathtool -c C` on the same key.
BEYOND_31_BITS: Final = {
    2**31: "197202", 2**32: "999456", 2**63 - 1: "181742", 2**63: "959616", 2**64 - 1: "094451",
}  # fmt: skip
NO_NUMBERS: Final = (True, False, None, "5", b"5", Decimal(5), Fraction(5), 5j, LikeAnInt(), [5], datetime.now(UTC))


def truncates_towards_zero() -> Library:
    """`int(at / 30)`, which is 0 on both sides of 0, and takes whatever divides."""

    def totp(key: bytes, at: float, *, period: int = 30, t0: int = 0, digits: int = 6, algorithm: str = "SHA1") -> str:
        counter = int((at - t0) / period) & 2**64 - 1
        return TOTPCORE.hotp(key, counter, digits=digits, algorithm=algorithm)

    return replace(TOTPCORE, totp=totp)


@weakness("V79", twin=truncates_towards_zero)
def a_time_is_a_number_that_can_be_one(lib: Library) -> None:
    """Negative, infinite, NaN, too large, `bool`, text, `Decimal`, somebody's own integer: refused by every call."""
    token = lib.totp_token(lib.secret(KEY))
    takes_time: list[Callable[..., object]] = [
        partial(lib.totp, KEY), token.code, token.counter, token.seconds_left, partial(token.match, "755224", after=-1),
    ]  # fmt: skip
    for call in takes_time:
        for at in (-1, -30, -15, -0.5, -1e-9, -math.inf, math.inf, math.nan, 2**64 * 30, 2**70 * 30, -(2**63), 1e300):
            holds(refuses(partial(call, at), InvalidParameters), "no such time")
        for nothing in NO_NUMBERS:
            holds(refuses(partial(call, nothing), TypeError), "no time of another type")
    for at, code in BEYOND_32_BITS.items():
        holds(lib.totp(KEY, at) == token.code(at) == code, "time goes on beyond 2038 and 2106")
        holds(lib.totp(KEY, at + 0.5) == code, "a fraction of a second changes nothing")


def wraps_around() -> Library:
    """A counter of 8 bytes, whatever was passed."""

    class Wraps(HOTP):
        __slots__ = ()

        def code(self, counter: int) -> str:
            return HOTP.code(self, int(counter) & 2**64 - 1)

    return replace(TOTPCORE, hotp_token=Wraps)


@weakness("V79", twin=wraps_around)
def a_counter_is_a_whole_number_of_eight_bytes(lib: Library) -> None:
    """From 0 to 2**64 - 1, an `int` and nothing like one, in every call; what was spent may also be -1: nothing."""
    token, totp = lib.hotp_token(lib.secret(KEY)), lib.totp_token(lib.secret(KEY))
    takes_counter: list[Callable[..., object]] = [partial(lib.hotp, KEY), token.code]
    takes_after: list[Callable[..., object]] = [
        lambda after: token.match("755224", after=after), lambda after: totp.match("755224", NOW, after=after),
        lambda after: token.resync(["755224", "287082"], after=after),
        lambda after: User(lib).service.adopt("a", token, spent=after),
    ]  # fmt: skip
    for call, smallest in [(call, 0) for call in takes_counter] + [(call, -1) for call in takes_after]:
        for counter in (smallest - 1, -30, -(2**63), 2**64, 2**70, 10**40):
            holds(refuses(partial(call, counter), InvalidParameters), "no such counter")
        for nothing in (*NO_NUMBERS, 5.0, math.nan, math.inf):
            holds(refuses(partial(call, nothing), TypeError), "no counter of another type")
    for counter, code in BEYOND_31_BITS.items():
        holds(lib.hotp(KEY, counter) == token.code(counter) == code, "counters have 64 bits")
    holds(token.match("094451", after=2**64 - 1) is None, "nothing comes after the last counter")


def believes_its_clock() -> Library:
    """Whatever the clock says is the time."""

    class Believes(TwoFactor):
        def _now(self) -> float:
            now = float(self._clock()) if self._clock else time.time()
            return now if 0 <= now < 2**62 else float(NOW)

    return replace(TOTPCORE, two_factor=Believes)


@weakness("V79", twin=believes_its_clock)
def a_broken_clock_accepts_nothing(lib: Library) -> None:
    """A clock that says NaN, infinity, a negative or no number raises before anything is decided or stored."""
    user = User(lib).on()
    before, code, clock = stored(user), user.code(), user.clock
    calls: list[Callable[[], object]] = [
        partial(user.service.verify, user.user, code), partial(user.service.recover, user.user, user.codes[0]),
        partial(user.service.enrol, "bob", account="bob"), partial(user.service.status, user.user),
    ]  # fmt: skip
    for broken in (-1, -0.5, math.nan, math.inf, -math.inf, 2**63, 1e300, *NO_NUMBERS):
        clock.now = broken  # type: ignore[assignment]  # what a broken clock says
        for call in calls:
            holds(refuses(call, InvalidParameters, TypeError), "a broken clock raises")
    holds(stored(user) == before and user.store.load("bob") is None, "nothing was stored")
    clock.now = NOW + 30
    holds(user.verify(code) == "ok", "with a right clock, the code is still unspent")


# ---- V80: naive datetimes, DST, time zones ----


def takes_a_datetime() -> Library:
    """A `datetime` is converted, a naive one by the zone of the machine."""

    def totp(key: bytes, at: float | datetime, *, digits: int = 6, algorithm: str = "SHA1") -> str:
        seconds = at.timestamp() if isinstance(at, datetime) else at
        return TOTPCORE.totp(key, seconds, digits=digits, algorithm=algorithm)

    return replace(TOTPCORE, totp=totp)


@weakness("V80", twin=takes_a_datetime)
def a_datetime_is_no_time(lib: Library) -> None:
    """Times are Unix seconds: a `datetime`, naive or aware, a `struct_time` and an ISO text are `TypeError`."""
    token = lib.totp_token(lib.secret(KEY))
    naive = datetime(2027, 1, 15, 8)  # naive on purpose
    for at in (naive, datetime(2027, 1, 15, 8, tzinfo=UTC), naive.date(), time.gmtime(NOW), "2027-01-15T08:00:00Z"):
        takes_time: list[Callable[..., object]] = [partial(lib.totp, KEY), token.code, token.counter]
        takes_time += [token.seconds_left, partial(token.match, "755224", after=-1)]
        for call in takes_time:
            holds(refuses(partial(call, at), TypeError), "a datetime is refused")
        user = User(lib).on()
        code = user.code()
        user.clock.now = at  # type: ignore[assignment]  # what a clock must not say
        holds(user.verify(code) == "TypeError", "a clock that says a datetime accepts nothing")


def reads_the_local_clock() -> Library:
    """The time goes over the local calendar and back."""

    class Local(TwoFactor):
        def _now(self) -> float:
            return time.mktime(time.gmtime(time.time()))

    return replace(TOTPCORE, two_factor=Local)


@weakness("V80", twin=reads_the_local_clock)
def the_zone_of_the_machine_changes_nothing(lib: Library) -> None:
    """In five zones, about the hour that comes twice: the code of a moment is the same, and opens.

    The zones are written out as POSIX has them, so that they hold on a machine that knows none. The whole suite is run
    in several zones and under a Turkish locale as well.
    """
    rfc = {vector.at: vector.expect for vector in rfc6238() if vector.algorithm == "SHA1"}
    for zone, hour_that_comes_twice in (
        ("UTC0", 1_793_512_800), ("EST5EDT,M3.2.0,M11.1.0", 1_793_512_800), ("NPT-5:45", 1_793_512_800),
        ("GMT0BST,M3.5.0/1,M10.5.0", 1_792_890_000), ("LHST-10:30LHDT-11,M10.1.0,M4.1.0", 1_775_314_800),
    ):  # fmt: skip
        with in_zone(zone):
            holds(all(lib.totp(KEY, at, digits=8) == code for at, code in rfc.items()), "the RFC's codes hold anywhere")
            seen: list[Event] = []
            for now in range(hour_that_comes_twice - 3600, hour_that_comes_twice + 3601, 1800):
                with patch.object(time, "time", lambda now=now: now):
                    service = lib.two_factor(
                        lib.memory_store(), issuer="ACME", sealer=lib.plaintext(), audit=seen.append
                    )
                    phone = Phone.scan(service.enrol("alice", account="alice").uri)
                    holds(
                        outcome(partial(service.confirm, "alice", phone.code(now))) == "ok", "the code of now is right"
                    )
                with patch.object(time, "time", lambda now=now: now + 30):
                    holds(outcome(partial(service.verify, "alice", phone.code(now + 30))) == "ok", "and the next one")
            holds({event.reason for event in seen} == {"ok"}, "nothing was refused")


@contextmanager
def in_zone(zone: str) -> Iterator[None]:
    """Be in another time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


# ---- V81: whose clock ----


def lets_the_caller_say_when() -> Library:
    """`verify` takes a time, for tests."""

    class Asks(TwoFactor):
        def verify(self, user: str, code: str, *, at: float | None = None) -> Accepted:
            if at is None:
                return super().verify(user, code)
            return TwoFactor(
                self._store, issuer="ACME", sealer=self._core._sealer, clock=HandClock(at), audit=self._audit
            ).verify(user, code)

    return replace(TOTPCORE, two_factor=Asks)


@weakness("V81", twin=lets_the_caller_say_when)
def time_is_the_clock_of_the_constructor(lib: Library) -> None:
    """No call of `TwoFactor` takes a time. Without a clock it is `time.time`, looked up at each call, and no other."""
    for name in (name for name in dir(lib.two_factor) if not name.startswith("_")):
        words = set(inspect.signature(getattr(lib.two_factor, name)).parameters)
        holds(not words & {"at", "now", "time", "timestamp", "when", "clock", "for_time", "t"}, "no call takes a time")
    user = User(lib).on()
    for word in ("at", "now", "time", "clock", "timestamp"):
        call: Callable[..., object] = user.service.verify
        holds(refuses(partial(call, user.user, user.code(-1), **{word: NOW}), TypeError), "nor lets one in")
    service = lib.two_factor(user.store, issuer="ACME", sealer=user.sealer, audit=user.events.append)
    wrong_clocks = [patch.object(time, name, side_effect=OSError) for name in ("monotonic", "perf_counter")]
    with wrong_clocks[0], wrong_clocks[1]:
        for later in (0, 30):
            now = user.clock() + later
            with patch.object(time, "time", lambda now=now: now):
                holds(
                    outcome(partial(service.verify, user.user, user.phone.code(now))) == "ok", "time.time is the time"
                )
        with patch.object(time, "time", user.clock):
            told = outcome(partial(service.verify, user.user, user.code()))
            holds(told == "replayed", "a clock that goes back brings no code back")


# ---- V82: assert as a gate ----


def asserts() -> Library:
    """A gate that `-O` removes."""
    return with_line("_spending.py", "def _must(right):\n    assert right")


@weakness("V82", twin=asserts)
def nothing_depends_on_assert(lib: Library) -> None:
    """No module has an `assert` or asks `__debug__`: `-O` changes nothing. The suite is run under `-O` as well."""
    holds(len(lib.sources) > 20, "the package is looked at")
    for module, source in lib.sources.items():
        holds(not offences("assert", module, source), f"{module} has no assert and does not ask __debug__")


# ---- V83: pickle, copy, eval ----


def lets_itself_be_pickled() -> Library:
    """A secret that pickle takes."""

    class Open(Secret):
        __slots__ = ()

        def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:  # type: ignore[override]  # that is the fault
            return Secret, (self.reveal(),)

    return replace(TOTPCORE, secret=Open)


@weakness("V83", twin=lets_itself_be_pickled)
def what_holds_a_secret_cannot_be_pickled_or_copied(lib: Library) -> None:
    """Pickle in every protocol, `copy`, `deepcopy` and `asdict` are a `TypeError`, and so is what holds it in turn."""
    secret = lib.secret(KEY)
    token = lib.totp_token(secret)
    user = User(lib)
    enrolment = user.service.enrol("bob", account="bob")
    confirmed = user.service.confirm("bob", Phone.scan(enrolment.uri).code(user.clock()))
    for value in (
        secret, token, lib.hotp_token(secret), lib.key_uri(token, account="a"), enrolment, confirmed,
        confirmed.recovery_codes,
    ):  # fmt: skip
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            holds(refuses(partial(pickle.dumps, value, protocol), TypeError), "pickle is refused")
        holds(refuses(partial(copy.deepcopy, value), TypeError), "a deep copy is refused")
    for value in (secret, confirmed.recovery_codes):
        holds(refuses(partial(copy.copy, value), TypeError), "a copy is refused")
    for holder in (token, enrolment, confirmed):
        holds(refuses(partial(asdict, holder), TypeError), "asdict is refused")


def takes_the_damaged_for_empty() -> Library:
    """What cannot be read is as good as nothing."""

    def decode(data: Hidden[bytes]) -> _record.Record:
        found = _record.decode(data)
        return found if isinstance(found, _record.Record) else _record.EMPTY

    return replace(TOTPCORE, two_factor=faulty((_core, "decode", decode)))


@weakness("V83", twin=takes_the_damaged_for_empty)
def a_damaged_record_is_unreadable_and_nothing_else(lib: Library) -> None:
    """Two thousand mutations of a record: `RecordUnreadable` or a refusal of the code, never a factor that is off."""
    user, source = User(lib).on(), Random(83)
    whole, told, wrong = stored(user), set(), user.wrong()
    for number in range(2000):
        damaged = bytearray(whole)
        for _ in range(source.randint(1, 4)):
            place = source.randrange(len(damaged))
            damaged[place : place + source.choice((0, 1, 1, 9))] = source.choice(
                (b"", bytes([source.randrange(256)]), b'"', b"{}", b"null", b"-1", b"1e999", b"\\ud800", b"NaN", b"[[")
            )
        if bytes(damaged) == whole:
            continue
        user.store = lib.memory_store()
        user.store.swap(user.user, None, bytes(damaged))
        user.service = user.another()
        answer = user.verify(wrong)
        told.add(answer)
        holds(answer in ("RecordUnreadable", "wrong", "throttled", "locked", "clock_behind"), f"{number}: {answer}")
        if answer == "RecordUnreadable":
            holds(stored(user) == bytes(damaged), "what cannot be read is not overwritten")
    holds("RecordUnreadable" in told, "some were unreadable")


def unpickles() -> Library:
    """A store format that runs code."""
    return with_line("_record.py", "def _old(data):\n    import pickle\n    return pickle.loads(data)")


@weakness("V83", twin=unpickles)
def nothing_is_evaluated(lib: Library) -> None:
    """No module imports pickle or its kind, nor calls `eval`, `exec`, `compile` or a loader of YAML."""
    for module, source in lib.sources.items():
        holds(not offences("pickle", module, source), f"{module} imports nothing that evaluates")
        holds(not offences("eval", module, source), f"{module} evaluates nothing")


# ---- V84: fork, threads, cancellation ----


def draws_from_an_instance() -> Library:
    """A generator of its own, which every child has alike."""

    class Seeded(Secret):
        __slots__ = ()

        @classmethod
        def generate(cls, nbytes: int = 20) -> Secret:
            return cls(_SHARED.randbytes(nbytes))

    return replace(TOTPCORE, secret=Seeded)


_SHARED = Random(84)


@weakness("V84", twin=draws_from_an_instance)
def children_draw_different_secrets(lib: Library) -> None:
    """Forked processes, and threads, make secrets and recovery codes that differ from each other's."""

    def draw() -> str:
        codes = lib.recovery_codes.generate(1)
        return lib.secret.generate().base32 + codes[0]

    drawn = [str(made) for made in in_processes([draw] * 3) + in_threads([draw] * 3)]
    holds(len({made[:32] for made in drawn}) == len({made[32:] for made in drawn}) == 6, "no two draw the same")


def caches_what_it_loaded() -> Library:
    """A store object that remembers what it loaded, and writes without looking."""

    class Caches(SQLiteStore):
        _seen: ClassVar[dict[str, bytes | None]] = {}  # every child has it from its parent: that is the fault

        def load(self, user: str, /) -> bytes | None:
            return self._seen.setdefault(user, super().load(user))

        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            self._seen[user] = new
            return super().swap(user, super().load(user), new)

    return replace(TOTPCORE, sqlite_store=Caches)


@weakness("V84", twin=caches_what_it_loaded)
def a_fork_brings_no_code_back(lib: Library) -> None:
    """A store object from before a fork: of two children with one code one gets in, and the parent not again."""
    with TemporaryDirectory() as folder, closing(lib.sqlite_store(Path(folder) / "records.db", create=True)) as store:
        user = User(lib, store=store).on()
        code, recovery = user.code(), user.codes[0]
        told = in_processes([partial(user.recover, recovery)] * 2)
        told += in_processes([partial(user.verify, code)] * 2)
        holds(sorted(map(str, told[:2])) == ["ok", "replayed"], "of two children, one gets in by a recovery code")
        holds(told[2:] == ["replayed"] * 2, "the code of that moment went with it, in every child")
        holds((user.verify(code), user.recover(recovery)) == ("replayed", "replayed"), "the parent sees both spent")
        user.clock.tick(60)
        told = in_processes([partial(user.verify, user.code())] * 2)
        holds(sorted(map(str, told)) == ["ok", "replayed"], "of two children, one gets in by a one-time code")
    in_memory = User(lib).on()
    told = in_processes([partial(in_memory.verify, in_memory.code())])
    holds(told == ["StoreError"], "a store in memory refuses to work in a child")


def rolls_back_when_cancelled() -> Library:
    """A call that is cut short leaves everything as it was."""

    class RollsBack(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            before = self._store.load(user)
            try:
                return super().verify(user, code)
            except asyncio.CancelledError:
                self._store.swap(user, self._store.load(user), before)
                raise

    return replace(TOTPCORE, two_factor=RollsBack)


class CutShort:
    """A store whose task is cancelled, before or after the next swap is done."""

    def __init__(self, inner: Store) -> None:
        self._inner, self.before, self.after = inner, False, False

    def load(self, user: str, /) -> bytes | None:
        """Load."""
        return self._inner.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap, and be cancelled."""
        before, after, self.before, self.after = self.before, self.after, False, False
        if before:
            raise asyncio.CancelledError
        done = self._inner.swap(user, old, new)
        if after:
            raise asyncio.CancelledError
        return done


@weakness("V84", twin=rolls_back_when_cancelled)
def a_cancelled_call_stays_charged(lib: Library) -> None:
    """Cancelled after the record was stored, a code stays spent and a wrong one charged; before it, nothing happened.

    There is no second step to be cut between: a charge and an acceptance are one swap each. The service does not await,
    so that in a task it is cut short by what its store raises, and by nothing else.
    """
    store = CutShort(lib.memory_store())
    user = User(lib, store=store).on()

    def cancelled(code: str) -> bool:
        try:
            user.service.verify(user.user, code)
        except asyncio.CancelledError:
            return True
        return False

    before = stored(user)
    store.before = True
    holds(cancelled(user.code()) and stored(user) == before, "cancelled before the swap, nothing happened")
    store.after = True
    holds(cancelled(user.wrong()) and stored(user) != before, "cancelled after the swap, the attempt stays charged")
    store.after = True
    holds(cancelled(user.code()), "the code was accepted, and the answer lost")
    holds(user.verify(user.code()) == "replayed", "it stays spent")


def keeps_a_cache() -> Library:
    """A module that remembers."""
    return with_line("_spending.py", "_seen = {}\ndef _remember(code):\n    _seen[code] = True")


@weakness("V84", twin=keeps_a_cache)
def no_module_remembers(lib: Library) -> None:
    """No function changes a name of its module: neither by `global`, nor by an item, an attribute or a method of it.

    So threads and interpreters share nothing. One module is about connections and forks, and has to know which are
    open in this process; it knows nothing of users.
    """
    changing = {"append", "add", "update", "setdefault", "pop", "clear", "extend", "insert", "remove", "discard"}
    for module, source in lib.sources.items():
        if module == "stores/_connections.py":
            continue
        tree = ast.parse(source)
        names = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            holds(not isinstance(node, ast.Global), f"{module} has no global statement")
            if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Name):
                changed = isinstance(node.ctx, ast.Store | ast.Del)
                changed |= isinstance(node, ast.Attribute) and node.attr in changing
                holds(not (changed and node.value.id in names), f"{module} changes nothing of its own")
        holds("lru_cache" not in source and "functools.cache" not in source, f"{module} keeps no cache")


# ---- V85: exceptions ----


class Breaks:
    """A store, sealer and clock that raise at one of their calls, on demand, before or after they did their work."""

    def __init__(self, inner: Store) -> None:
        self._inner, self.clock, self.fails = inner, HandClock(NOW), ""

    def _at(self, place: str) -> None:
        if place == self.fails:
            raise OSError(place)

    def load(self, user: str, /) -> bytes | None:
        """Load."""
        self._at("load")
        return self._inner.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap."""
        self._at("before the swap")
        done = self._inner.swap(user, old, new)
        self._at("after the swap")
        return done

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Seal."""
        self._at("seal")
        return plaintext

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Open."""
        self._at("open")
        return sealed

    def __call__(self) -> float:
        """Say what time it is."""
        self._at("clock")
        return self.clock()

    def sink(self, event: Event) -> None:
        """Take an event."""
        self._at("audit")


PLACES: Final = ("clock", "load", "open", "seal", "before the swap", "after the swap")


def broken_user(lib: Library) -> tuple[User, Breaks]:
    """Somebody whose surroundings can be made to fail."""
    parts = Breaks(lib.memory_store())
    user = User(lib, store=parts)
    user.clock = parts.clock
    user.service = lib.two_factor(parts, issuer="ACME", sealer=parts, clock=parts, audit=parts.sink)
    return user.on(), parts


def lets_in_when_in_doubt() -> Library:
    """Trouble with the store must not keep people out."""

    class FailsOpen(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            try:
                return super().verify(user, code)
            except (OSError, StoreError):
                return Accepted(user=user, counter=0, drift_steps=0, failures_before=0)

    return replace(TOTPCORE, two_factor=FailsOpen)


@weakness("V85", twin=lets_in_when_in_doubt)
def trouble_is_never_an_acceptance(lib: Library) -> None:
    """Where the clock, the store, the sealer or HMAC raises, nobody gets in; what was stored stays charged."""
    for place in PLACES:
        user, parts = broken_user(lib)
        before, wrong, code, again = stored(user), user.wrong(), user.code(), user.wrong(1)
        parts.fails = place
        told = [user.verify(wrong), user.verify(code), user.recover(user.codes[0])]
        parts.fails = ""
        holds("ok" not in told and "Accepted" not in told, f"nobody gets in when {place} raises")
        if place == "after the swap":
            holds(
                user.verify(code) == "replayed" and user.recover(user.codes[0]) == "replayed", "what was stored stays"
            )
        else:
            holds(stored(user) == before, "what was not stored did not happen")
            holds(user.verify(again) == "wrong" and user.verify(code) == "ok", "and the code is still good")
    user, parts = broken_user(lib)
    wrong, code = user.wrong(), user.code()
    with patch.object(hmac, "compare_digest", side_effect=MemoryError):
        holds(user.verify(code) == user.recover(user.codes[0]) == "MemoryError", "a comparison that fails is no match")
    parts.fails = "after the swap"
    for _ in range(user.policy.free_attempts):
        holds(user.verify(wrong) == "OSError", "the refusal is lost")
    parts.fails = ""
    holds(user.verify(code) == "throttled", "each attempt was charged")
    parts.fails = "audit"
    holds(user.recover(user.codes[0]) == "ok", "an audit log that raises changes no answer")


def says_what_was_typed() -> Library:
    """A helpful message."""

    class Chatty(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            try:
                return super().verify(user, code)
            except OSError as error:
                raise OSError(f"{error}: cannot check {code}") from error

    return replace(TOTPCORE, two_factor=Chatty)


@weakness("V85", twin=says_what_was_typed)
def no_exception_says_what_was_typed_or_kept(lib: Library) -> None:
    """No exception on the way out, nor one that caused it, holds the code, the recovery code, or the secret."""
    for place in ("", *PLACES):
        user, parts = broken_user(lib)
        secret = user.phone.uri.token.secret
        parts.fails = place
        for call, typed in (
            (user.service.verify, user.wrong()), (user.service.verify, user.code()), (user.service.verify, "12"),
            (user.service.recover, user.codes[0]), (user.service.recover, user.codes[0] * 2),
            (user.service.disable, user.codes[1][:-1]), (user.service.confirm, user.code(1)),
        ):  # fmt: skip
            found: BaseException | None = None
            try:
                call(user.user, typed)
            except Exception as error:  # noqa: BLE001  # whatever it is
                found = error
            while found is not None:
                words = f"{found!s} {found!r} {found.args!r} {vars(found)!r}"
                hidden = [secret.base32, secret.reveal().hex(), *user.codes, *([typed] if len(typed) > 5 else [])]
                holds(not any(text in words for text in hidden), "no exception shows what was typed or kept")
                found = found.__cause__ or found.__context__


# ---- V86: HMAC and truncation ----


def truncates_at_byte_nineteen() -> Library:
    """The offset stands in the twentieth byte, as for SHA-1."""

    def hotp(key: bytes, counter: int, *, digits: int = 6, algorithm: str = "SHA1") -> str:
        mac = hmac.digest(key, counter.to_bytes(8, "big"), algorithm.lower())
        start = mac[19] & 15
        return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 10**digits:0{digits}d}"

    return replace(TOTPCORE, hotp=hotp)


@weakness("V86", twin=truncates_at_byte_nineteen)
def codes_are_those_of_the_rfcs(lib: Library) -> None:
    """RFC 4226 appendix D, RFC 6238 appendix B, and keys of every odd length by HMAC written out from RFC 2104."""
    for row in rfc4226():
        token = lib.hotp_token(lib.secret(row.key), digits=row.digits, algorithm=row.algorithm)
        made = lib.hotp(row.key, row.counter, digits=row.digits, algorithm=row.algorithm)
        holds(made == token.code(row.counter) == row.expect, "RFC 4226, appendix D")
    for line in rfc6238():
        clock = lib.totp_token(lib.secret(line.key), digits=line.digits, algorithm=line.algorithm)
        made = lib.totp(line.key, line.at, digits=line.digits, algorithm=line.algorithm)
        holds(made == clock.code(line.at) == line.expect, f"RFC 6238, appendix B, {line.algorithm}")
        holds(clock.counter(line.at) == line.counter, "RFC 6238, appendix B, the time step")
    source = Random(86)
    for length in (0, 1, 7, 10, 11, 13, 19, 20, 21, 31, 33, 55, 63, 64, 65, 100, 127, 128, 129, 200):
        key, counter = source.randbytes(length), source.getrandbits(64)
        for name, block in (("SHA1", 64), ("SHA256", 64), ("SHA512", 128)):
            digits = source.choice((6, 7, 8))
            expected = by_hand(key, counter, digits, name, block)
            holds(lib.hotp(key, counter, digits=digits, algorithm=name) == expected, f"a key of {length} bytes, {name}")
            if 10 <= length <= 128:
                token = lib.hotp_token(lib.secret(key), digits=digits, algorithm=name)
                holds(token.code(counter) == expected, f"a token whose key has {length} bytes, {name}")
    holds(lib.hotp(b"", 1) == lib.hotp(bytes(20), 1) == "812658", "HMAC pads with NUL: a key of zeros is the empty key")
    holds(refuses(partial(lib.secret, bytes(20)), InvalidSecret), "which is why no secret is all zero")


def by_hand(key: bytes, counter: int, digits: int, name: str, block: int) -> str:
    """RFC 2104 section 2 and RFC 4226 section 5.3, with a hash, `xor` and nothing else."""

    def sha(data: bytes) -> bytes:
        return hashlib.new(name, data).digest()

    padded = (sha(key) if len(key) > block else key) + bytes(block)
    inner, outer = (bytes(byte ^ pad for byte in padded[:block]) for pad in (0x36, 0x5C))
    mac = sha(outer + sha(inner + counter.to_bytes(8, "big")))
    bits = "".join(f"{byte:08b}" for byte in mac)
    start = 8 * int(bits[-4:], 2)
    return str(int(bits[start + 1 : start + 32], 2) % 10**digits).zfill(digits)


# ---- V87: state upgraded or downgraded silently ----


def fills_in_what_is_missing() -> Library:
    """An old record has nothing spent, and a newer one will do."""

    def decode(data: Hidden[bytes]) -> _record.Record | _record.Unreadable:
        fields = json.loads(data.value) | {"v": 1}
        if fields.get("active"):
            fields["active"].setdefault("spent", -1)
        return _record.decode(Hidden(json.dumps(fields).encode()))

    return replace(TOTPCORE, two_factor=faulty((_core, "decode", decode)))


@weakness("V87", twin=fills_in_what_is_missing)
def a_record_of_another_version_is_not_guessed_at(lib: Library) -> None:
    """An unknown version, a field too few or too many: `RecordUnreadable` for all but `reset`; nothing is written."""
    changes: dict[str, Callable[[dict[str, dict[str, object]]], object]] = {
        "without its spent counter": lambda record: record["active"].pop("spent"),
        "without a tally": lambda record: record.pop("code_tally"),
        "without a version": lambda record: record.pop("v"),
        "without its recovery codes": lambda record: record["active"].pop("recovery"),
        "with a field more": lambda record: record["active"].update(device="phone"),
        **{f"of version {v!r}": partial(with_version, version=v) for v in (0, 2, 99, -1, "1", 1.0, True, None)},
    }
    for name, change in changes.items():
        user = User(lib).on()
        altered_record(user, change)
        before = stored(user)
        service, code = user.service, user.code()
        for call in (
            partial(service.verify, user.user, code), partial(service.recover, user.user, user.codes[0]),
            partial(service.enrol, user.user, account="a"), partial(service.status, user.user),
            partial(service.confirm, user.user, code), partial(service.gate, user.user),
            partial(service.disable, user.user, code), partial(service.raise_floor, user.user),
        ):  # fmt: skip
            holds(outcome(call) == "RecordUnreadable", f"a record {name} is not read")
        holds(stored(user) == before, f"a record {name} is not written over")
        service.reset(user.user, actor="root", reason="unreadable")
        holds(not stored(user), "an operator can reset it")


def with_version(record: dict[str, dict[str, object]], version: object) -> None:
    """Write another version."""
    record["v"] = version  # type: ignore[assignment]  # the one field that is no part


def reads_only_what_it_writes() -> Library:
    """Records have a new field, and the old ones lack it."""

    def decode(data: Hidden[bytes]) -> _record.Record | _record.Unreadable:
        return _record.decode(data) if b'"label":' in data.value else _record.Unreadable("it has no label")

    return replace(TOTPCORE, two_factor=faulty((_core, "decode", decode)))


@weakness("V87", twin=reads_only_what_it_writes)
def a_released_record_stays_readable(lib: Library) -> None:
    """Every record of the golden file of each released version is read, with what it said about the user."""
    golden: Mapping[str, Mapping[str, object]] = json.loads(GOLDEN.read_text("utf-8"))
    holds(len(golden) >= 5, "there is a golden file")
    for name, row in golden.items():
        raw, meaning = str(row["bytes"]).encode(), row["record"]
        user = User(lib)
        user.store.swap(user.user, None, raw)
        holds(outcome(partial(user.service.status, user.user)) == "ok", f"{name} is read")
        status = user.service.status(user.user)
        confirmed = isinstance(meaning, dict) and meaning.get("active") is not None
        holds(status.code_required is confirmed, f"{name} is on where it was on")
        holds(stored(user) == raw, "reading changes nothing")


# ---- V88: what an argument means ----


def counts_characters() -> Library:
    """The length of a secret is that of its text."""

    class Counts(Secret):
        __slots__ = ()

        @classmethod
        def generate(cls, nbytes: int = 20) -> Secret:
            return cls(Secret.generate(max(16, nbytes)).reveal()[: max(10, nbytes * 5 // 8)])

    return replace(TOTPCORE, secret=Counts)


@weakness("V88", twin=counts_characters)
def a_length_is_in_bytes(lib: Library) -> None:
    """`nbytes` are bytes, in `generate` and in a policy; a secret is never shorter than was asked for, or 20 bytes."""
    holds(list(inspect.signature(lib.secret.generate).parameters) == ["nbytes"], "the unit is in the name")
    holds(len(lib.secret.generate().reveal()) == 20, "20 bytes where nothing is said")
    for nbytes in (16, 20, 32, 64, 128):
        secret = lib.secret.generate(nbytes)
        holds(len(secret.reveal()) == nbytes, "as many bytes as were asked for")
        holds(len(secret.base32) == math.ceil(nbytes * 8 / 5), "of which the text is longer")
        user = User(lib, policy=lib.policy(secret_bytes=nbytes)).enrol()
        holds(len(user.phone.uri.token.secret.reveal()) == nbytes, "and by a policy")


def takes_a_time_for_a_step() -> Library:
    """Any number will do as the spent counter."""
    return replace(TOTPCORE, two_factor=faulty((_transitions, "CLOCK_SEARCH", 2**62)))


@weakness("V88", twin=takes_a_time_for_a_step)
def a_time_is_no_time_step(lib: Library) -> None:
    """Unix seconds where a time step belongs are refused by `adopt`: nobody would get in for centuries."""
    user = User(lib)
    token = lib.totp_token(lib.secret(KEY))
    step = token.counter(NOW)
    for spent in (NOW, NOW * 1000, step + 11):
        adopt = partial(user.service.adopt, user.user, token, spent=spent)
        holds(refuses(adopt, InvalidParameters) and not stored(user), "a time is not taken for a step")
    holds(outcome(partial(user.service.adopt, user.user, token, spent=step - 1)) == "ok", "a step is")
    holds(user.verify(token.code(NOW)) == "ok", "and the next code opens")


SHAPES: Final = {
    "hotp": "key counter * digits algorithm",
    "totp": "key at * period t0 digits algorithm",
    "key_uri": "token * account issuer counter",
    "hotp_token": "secret * digits algorithm",
    "totp_token": "secret * digits period t0 algorithm",
    "hotp_token.match": "self code * after look_ahead",
    "hotp_token.resync": "self codes * after look_ahead",
    "totp_token.match": "self code at * after window",
    "two_factor": "store * issuer sealer policy clock audit",
    "two_factor.gate": "self user enforcement * expected",
    "two_factor.verify": "self user code",
    "two_factor.recover": "self user code",
    "two_factor.enrol": "self user * account",
    "two_factor.replace": "self user code * account",
    "two_factor.confirm": "self user code",
    "two_factor.renew_recovery_codes": "self user code",
    "two_factor.disable": "self user code",
    "two_factor.resync": "self user code next_code",
    "two_factor.reset": "self user * actor reason",
    "two_factor.adopt": "self user token * spent allow_weak",
    "two_factor.raise_floor": "self user",
}


def takes_them_in_order() -> Library:
    """`spent` may be given by its place."""

    class InOrder(TwoFactor):
        def adopt(self, user: str, token: TOTP | HOTP, spent: int = -1, allow_weak: bool = False) -> Confirmed:
            return super().adopt(user, token, spent=spent, allow_weak=allow_weak)

    return replace(TOTPCORE, two_factor=InOrder)


@weakness("V88", twin=takes_them_in_order)
def numbers_are_given_by_name(lib: Library) -> None:
    """The signatures are what they are: what could be confused is keyword-only, and what matters has no default.

    Units are in the documentation of each argument; all times are Unix seconds, all counters and windows steps.
    """
    for path, expected in SHAPES.items():
        name, _, method = path.partition(".")
        call = getattr(lib, name)
        parameters = inspect.signature(getattr(call, method) if method else call).parameters.values()
        shape, keyword_only = [], False
        for parameter in parameters:
            if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
                keyword_only = True
                shape.append("*")
            shape.append(parameter.name)
        holds(" ".join(shape) == expected, f"the signature of {path} is as it was")
        unsaid = {parameter.name for parameter in parameters if parameter.default is not parameter.empty}
        holds(not unsaid & {"after", "spent", "sealer", "code", "actor", "reason"}, "what matters is said")
    policy = inspect.signature(lib.policy).parameters.values()
    holds(all(parameter.kind is parameter.KEYWORD_ONLY for parameter in policy), "a policy's numbers are given by name")
