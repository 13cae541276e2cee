"""V24 to V27: the window, the look-ahead window, and resynchronization.

Rules of this file:

1. A window is in time steps or counters, never in seconds, and what lies beyond its edges is tried as well.
2. What a guess costs is counted in HMACs, never in time on the wall.
"""

from dataclasses import replace
from functools import partial
from typing import cast
from unittest.mock import patch

import totpcore.otp
from totpcore import HOTP, TOTP, Accepted, InvalidCode, InvalidParameters, Policy, StateError, _spending, _transitions
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_code
from totpcore._states import Moment, Refusal
from totpcore.otp import LARGEST_COUNTER, scan
from weaknesses.frame import NOW, TOTPCORE, Library, holds, outcome, refuses, weakness
from weaknesses.twins import KEY, STEP, Spent, adopted, counting, failures, faulty, has_no_bounds, spent_of, verifies_by

# ---- V24: an over-wide window ----


def accepts_a_step_more() -> Library:
    """The window is two steps each way, whatever was asked for."""
    return verifies_by(
        lambda record, active, moment, typed: spend_code(
            record, active, moment._replace(policy=replace(moment.policy, window=(2, 2))), typed
        )
    )


@weakness("V24", twin=accepts_a_step_more)
def exactly_the_window_is_accepted(lib: Library) -> None:
    """Of the steps from -10 to +10, by default -1, 0 and 1 open, to the second; other windows are as wide as told."""
    token = lib.totp_token(lib.secret(KEY))
    holds(lib.policy().window == (1, 1), "the default is one step each way")
    holds(Policy.strict().window == (0, 0), "the profile of ASVS 5.0, 6.5.5 is the current step alone")
    for window in [(past, future) for past in range(3) for future in range(3)]:
        policy = lib.policy(window=window, recovery_codes=1, recovery_low=1)
        for second in (0, 29, 29.999) if window == (1, 1) else (15,):
            for step in range(-10, 11) if window == (1, 1) else range(-3, 4):
                user = adopted(lib, at=NOW + second, policy=policy)
                inside, code = -window[0] <= step <= window[1], lib.hotp(KEY, STEP + step)
                holds(user.verify(code) == ("ok" if inside else "wrong"), "what is in the window opens, and no more")
                matched = token.match(code, NOW + second, after=-1, window=window) is not None
                holds(matched is inside, "so does the stateless match")
    for second, wanted in ((-30.001, "wrong"), (-30, "ok"), (0, "ok"), (59.999, "ok"), (60, "wrong")):
        user = adopted(lib, at=NOW + second)
        holds(user.verify(lib.hotp(KEY, STEP)) == wanted, "the edges are exact")


@weakness("V24", twin=has_no_bounds)
def a_window_is_two_small_numbers_of_steps(lib: Library) -> None:
    """`window` is a pair of ints, 0 to 2 steps each, not seconds; anything else is refused where it is given."""
    token = lib.totp_token(lib.secret(KEY))
    for window in ((3, 1), (1, 3), (-1, 1), (1, -1), (30, 30), (10**9, 0)):
        holds(refuses(partial(lib.policy, window=window), InvalidParameters), "the policy refuses it")
        match = partial(token.match, "000000", NOW, after=-1, window=window)
        holds(refuses(match, InvalidParameters), "the stateless match refuses it")
    others = [(1.0, 1), (True, 1), (1, None), 1, None, [1, 1], (1,), (1, 1, 1), "11"]
    for window in cast("list[tuple[int, int]]", others):
        holds(refuses(partial(lib.policy, window=window), TypeError), "the policy wants two ints")
        holds(refuses(partial(token.match, "000000", NOW, after=-1, window=window), TypeError), "and so does the match")


# ---- V25: drift that is learned ----


def learns_the_drift() -> Library:
    """The window is centred on where the last code was found."""
    learned = [0]

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        after, answer = spend_code(record, active, moment._replace(now=moment.now + 30 * learned[0]), typed)
        learned[0] += answer.drift_steps
        return after, answer

    return verifies_by(spend)


@weakness("V25", twin=learns_the_drift)
def the_window_stays_where_the_clock_is(lib: Library) -> None:
    """However often a phone was ahead or behind, what is accepted does not move, and no step outside ever opens."""
    for drift in (-1, 1):
        user = adopted(lib)
        for _ in range(20):
            accepted = user.service.verify(user.user, user.code(drift))
            holds(accepted.drift_steps == drift, "a phone that is off by a step is accepted, and it is said")
            user.clock.tick(60)
            holds(user.verify(user.code(2 * drift)) in ("wrong", "replayed"), "one that is off by two is not")
        holds(user.verify(user.code()) == "ok", "the right time is right all along")
        holds(spent_of(user) == user.clock() // 30, "and is what is spent")


def resyncs_by_one_code() -> Library:
    """The second of two codes, found anywhere ahead, is enough."""

    def spend(record: Record, active: Active, moment: Moment, *typed: Hidden[str]) -> Spent:
        token = active.token
        found = [] if isinstance(token, TOTP) else scan(token, typed[-1], active.spent + 1, active.spent + 100)
        if not found:
            raise Refusal(InvalidCode())
        answer = Accepted(user=moment.user, counter=found[-1], drift_steps=0, failures_before=0)
        return record._replace(active=active._replace(spent=found[-1])), answer

    return replace(TOTPCORE, two_factor=faulty((_transitions, "spend_two_codes", spend)))


@weakness("V25", twin=resyncs_by_one_code)
def resync_is_explicit_and_bounded(lib: Library) -> None:
    """It takes two consecutive codes of an HOTP token, within 100 counters, and spends both; a TOTP token has none."""
    hotp = lib.hotp_token(lib.secret(KEY))
    for first, second, wanted in (
        (20, 22, "wrong"), (21, 20, "wrong"), (20, 20, "wrong"), (120, 121, "wrong"), (-1, 20, "wrong"),
        (20, -1, "wrong"), (10, 11, "wrong"), (9, 10, "wrong"), (112, 113, "wrong"),
        (11, 12, "ok"), (20, 21, "ok"), (111, 112, "ok"),
    ):  # fmt: skip
        user = adopted(lib, hotp, spent=10)
        codes = [hotp.code(counter) if counter >= 0 else "000000" for counter in (first, second)]
        holds(outcome(partial(user.service.resync, user.user, *codes)) == wanted, f"{first}, {second} is {wanted}")
        holds(spent_of(user) == (second if wanted == "ok" else 10), "both are spent, or nothing")
        holds(failures(user) == (wanted == "wrong"), "and what was no pair is charged")
    user = adopted(lib)
    pair = partial(user.service.resync, user.user, user.code(), user.code(1))
    holds(refuses(pair, StateError), "a TOTP token has only the time to go by")
    holds(user.verify(hotp.code(0)) == "wrong", "no log-in resyncs by the way")


# ---- V26: HOTP looks behind the counter ----


def looks_behind() -> Library:
    """What is not found ahead is looked for behind the counter."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        try:
            return spend_code(record, active, moment, typed)
        except Refusal:
            return spend_code(record, active._replace(spent=max(-1, active.spent - 5)), moment, typed)

    return verifies_by(spend)


@weakness("V26", twin=looks_behind)
def hotp_looks_only_ahead(lib: Library) -> None:
    """With counter 10 spent, 0 to 10 are refused, and 11 and `look_ahead` more open; what was skipped is spent.

    Counter 10 itself is looked at only to tell a form that was sent twice (`replayed`) from a wrong code.
    """
    hotp = lib.hotp_token(lib.secret(KEY))
    for look_ahead in (0, 10):
        for counter in range(30):
            user = adopted(lib, hotp, spent=9, policy=lib.policy(look_ahead=look_ahead))
            holds(user.verify(hotp.code(10)) == "ok" and spent_of(user) == 10, "10 is accepted")
            wanted = "replayed" if counter == 10 else "ok" if 11 <= counter <= 11 + look_ahead else "wrong"
            holds(user.verify(hotp.code(counter)) == wanted, f"{counter} is {wanted}")
            holds(spent_of(user) == (counter if wanted == "ok" else 10), "what is spent is the highest accepted")
            matched = hotp.match(hotp.code(counter), after=10, look_ahead=look_ahead)
            holds((matched is not None) == (wanted == "ok"), "the stateless match is the same")
    user = adopted(lib, hotp, spent=10, policy=lib.policy(free_attempts=20))
    holds(user.verify(hotp.code(14)) == "ok", "14 is accepted")
    holds({user.verify(hotp.code(counter)) for counter in range(14)} == {"wrong"}, "what was skipped is spent")
    holds(user.verify(hotp.code(14)) == "replayed" and user.verify(hotp.code(15)) == "ok", "15 is the next")


# ---- V27: a huge look-ahead ----


def wraps_around() -> Library:
    """After the largest counter comes 0."""

    def wrapping(token: HOTP | TOTP, typed: Hidden[str], first: int, last: int) -> list[int]:
        beyond = scan(token, typed, 0, last - LARGEST_COUNTER - 1) if last > LARGEST_COUNTER else []
        return scan(token, typed, first, last) + [counter + LARGEST_COUNTER + 1 for counter in beyond]

    return replace(TOTPCORE, two_factor=faulty((_spending, "scan", wrapping)))


@weakness("V27", twin=wraps_around)
def counters_end_and_do_not_wrap(lib: Library) -> None:
    """At 2**64 - 1 the search ends: no code of counter 0 opens, and where all is spent the refusal is a plain one."""
    hotp = lib.hotp_token(lib.secret(KEY))
    for spent in (LARGEST_COUNTER - 1, LARGEST_COUNTER):
        for counter in range(3):
            user = adopted(lib, hotp, spent=spent)
            holds(user.verify(hotp.code(counter)) == "wrong", "no counter from the beginning opens at the end")
            pair = partial(user.service.resync, user.user, hotp.code(counter), hotp.code(counter + 1))
            holds(outcome(pair) == "wrong" and spent_of(user) == spent, "nor do two of them")
            holds(hotp.match(hotp.code(counter), after=spent, look_ahead=100) is None, "nor in the stateless match")
        user, last = adopted(lib, hotp, spent=spent), hotp.code(LARGEST_COUNTER)
        holds(user.verify(last) == ("ok" if spent < LARGEST_COUNTER else "replayed"), "the last counter opens once")
        holds(user.verify(last) == "replayed" and spent_of(user) == LARGEST_COUNTER, "and is the last")


@weakness("V27", twin=has_no_bounds)
def a_look_ahead_is_at_most_a_hundred(lib: Library) -> None:
    """`look_ahead` is 0 to 100, everywhere, and each log-in computes so many codes and two more, whatever is typed.

    The bound is the contract's; by default it is 10, one guess in 90 909.
    """
    hotp = lib.hotp_token(lib.secret(KEY))
    for number in (-1, 101, 10**6, LARGEST_COUNTER):
        for call in (
            partial(lib.policy, look_ahead=number),
            partial(hotp.match, "000000", after=0, look_ahead=number),
            partial(hotp.resync, ["000000", "000000"], after=0, look_ahead=number),
        ):
            holds(refuses(call, InvalidParameters), "a look-ahead is from 0 to 100")
    for other in cast("list[int]", [True, 1.0, None, "1"]):
        holds(refuses(partial(lib.policy, look_ahead=other), TypeError), "it is an int")
    for look_ahead in (0, 10, 100):
        for code in (hotp.code(5), hotp.code(6), hotp.code(150), "123"):
            user = adopted(lib, hotp, spent=5, policy=lib.policy(look_ahead=look_ahead))
            computed = list[bytes]()
            with patch.object(totpcore.otp, "_truncate", counting(computed)):
                user.verify(code)
            computes = 0 if code == "123" else look_ahead + 2
            holds(len(computed) == computes, "a log-in computes so many codes, and no more")
    holds(lib.policy().look_ahead == 10, "by default it is 10")
