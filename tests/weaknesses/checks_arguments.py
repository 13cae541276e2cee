"""V79 and V88: counters and times that are none, and what an argument means.

Rules of this file:

1. The codes of large times and counters are those that `oathtool` shows.
2. Every call that takes such a number is tried: one that looks at it differently is the fault.
"""

import inspect
import math
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Final, SupportsIndex

from totpcore import HOTP, TOTP, Confirmed, InvalidParameters, Secret, TwoFactor, _transitions
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import KEY, faulty, stored

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
