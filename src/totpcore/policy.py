"""The numbers: how long, how often, how many; and who has to have a second factor.

Rules of this file:

1. Every number is checked when the policy is built. One that need not be configurable is a constant where it is used.
2. The defaults are those of the RFCs and of SP 800-63B-4, and what every authenticator app can do.
3. A policy applies to what is made from now on: a credential keeps the parameters that it was enrolled with.
"""

import math
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Final

from ._guard import exact, number, whole
from .otp import FARTHEST_LOOK_AHEAD, HASHES, Algorithm, check_window
from .recovery import MOST_CODES
from .secret import LONGEST_BYTES, STRONG_BYTES
from .throttle import wait_after

_DAY: Final = 86_400
_MOST_FAILURES: Final = 100  # consecutive, then the authenticator is disabled: SP 800-63B-4 section 3.2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The numbers of a second factor.

    Example:
        >>> policy = Policy(recovery_codes=12)
        >>> f"{policy.guess_probability(days=365, logins_per_day=1):.2%}"
        '3.65%'

    Attributes:
        digits: 6 to 8.
        period: Seconds in a time step, 10 to 120 (SP 800-63B-4 section 3.1.4.1).
        algorithm: SHA1, SHA256 or SHA512. Apps are only sure to know SHA1.
        window: Time steps accepted before and after the current one, 0 to 2 each. A code lives for
            `period * (1 + before + after)` seconds.
        look_ahead: Counters searched beyond the next one, for an adopted HOTP token; 0 to 100.
        secret_bytes: 16 to 128; `None` is the length of the hash's output (RFC 6238 section 5.1).
        pending_seconds: How long a new secret can be confirmed, 60 to 86 400.
        free_attempts: Wrong codes before the first wait, 1 to 20.
        first_wait: Seconds of the first wait, 1 to `longest_wait`; each further wrong code doubles it.
        longest_wait: Seconds, up to 86 400.
        lock_after: Consecutive wrong one-time codes that lock the secret, from `free_attempts` to 100 (SP 800-63B-4
            section 3.2.2).
        recovery_codes: How many recovery codes make a set, 1 to 100.
        recovery_low: From how few on they are called low, 0 to `recovery_codes`.
    """

    digits: int = 6
    period: int = 30
    algorithm: Algorithm | str = Algorithm.SHA1
    window: tuple[int, int] = (1, 1)
    look_ahead: int = 10
    secret_bytes: int | None = None
    pending_seconds: int = 600
    free_attempts: int = 5
    first_wait: float = 30
    longest_wait: float = 3600
    lock_after: int = 100
    recovery_codes: int = 10
    recovery_low: int = 3

    def __post_init__(self) -> None:
        """Check every number.

        Raises:
            InvalidParameters: If a number is out of range, or the algorithm is unknown.
            TypeError: If an argument has another type.
        """
        whole("digits", self.digits, 6, 8)
        whole("period", self.period, 10, 120)
        object.__setattr__(self, "algorithm", Algorithm(self.algorithm))
        check_window(self.window)
        whole("look_ahead", self.look_ahead, 0, FARTHEST_LOOK_AHEAD)
        if self.secret_bytes is not None:
            whole("secret_bytes", self.secret_bytes, STRONG_BYTES, LONGEST_BYTES)
        whole("pending_seconds", self.pending_seconds, 60, _DAY)
        whole("free_attempts", self.free_attempts, 1, 20)
        number("longest_wait", self.longest_wait, low=1, high=_DAY)
        number("first_wait", self.first_wait, low=1, high=self.longest_wait)
        whole("lock_after", self.lock_after, self.free_attempts, _MOST_FAILURES)
        whole("recovery_codes", self.recovery_codes, 1, MOST_CODES)
        whole("recovery_low", self.recovery_low, 0, self.recovery_codes)

    @classmethod
    def strict(cls) -> "Policy":
        """Return the policy under which a code lives for one time step alone (ASVS 5.0, 6.5.5).

        People then have to type it before the app shows the next one, on a phone whose clock is right.
        """
        return cls(window=(0, 0))

    @property
    def new_secret_bytes(self) -> int:
        """The length of a new secret."""
        return self.secret_bytes or HASHES[Algorithm(self.algorithm)]().digest_size

    def wait_after(self, failures: int) -> float:
        """Return the seconds until the next code is answered, after so many wrong ones in a row."""
        return wait_after(failures, self.free_attempts, self.first_wait, self.longest_wait)

    def guess_probability(self, *, days: float, logins_per_day: float) -> float:
        """Return how likely somebody who knows the password guesses a time-based code within so many days.

        They guess as often as the waits allow, all the time. Each time the owner logs in, the tally starts again. The
        lock ends the attack where so many wrong codes fit between two log-ins. The figure is an upper bound: while
        the attacker keeps the wait alive, the owner does not get in, and notices.

        Args:
            days: How long nobody notices, 0 to 36 500.
            logins_per_day: How often the owner logs in, 0 to 1 000.

        Raises:
            InvalidParameters: If a number is out of range.
            TypeError: If an argument has another type.
        """
        duration = number("days", days, high=36_500) * _DAY
        rate = number("logins_per_day", logins_per_day, high=1000)
        between = min(duration, _DAY / rate) if rate else duration
        guesses, elapsed = 0, 0.0
        while elapsed < between and guesses < self.lock_after:
            guesses += 1
            elapsed += self.wait_after(guesses)
        if between and guesses < self.lock_after:
            guesses *= math.ceil(duration / between)
        candidates = 1 + sum(self.window)
        return float(1 - (1 - candidates / 10**self.digits) ** guesses)


class Rule(StrEnum):
    """Whether administrators have to have a second factor.

    Attributes:
        OFF: It is their choice.
        ENCOURAGE: They are asked to, at each log-in, and never stopped.
        REQUIRE: They are asked to until the deadline, and confined to set-up from then on.
    """

    OFF = "off"
    ENCOURAGE = "encourage"
    REQUIRE = "require"


@dataclass(frozen=True, slots=True)
class Enforcement:
    """A rule, and from when on it holds.

    Example:
        >>> Enforcement(Rule.REQUIRE, deadline=1_800_000_000).rule
        <Rule.REQUIRE: 'require'>

    Attributes:
        rule: The rule.
        deadline: Unix seconds from which `REQUIRE` confines; `None` is at once. The other rules do not look at it.
    """

    rule: Rule
    _: KW_ONLY
    deadline: float | None = None

    def __post_init__(self) -> None:
        """Check the arguments.

        Raises:
            InvalidParameters: If `deadline` is negative or not finite.
            TypeError: If an argument has another type.
        """
        exact("rule", self.rule, Rule)
        if self.deadline is not None:
            number("deadline", self.deadline)
