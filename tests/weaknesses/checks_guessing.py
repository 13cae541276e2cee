"""V17, V18 and V23: guessing, and what a limit on it must not become.

Rules of this file:

1. `NOW` is when the attacker knows the password. Tallies are read from the record, as they are stored.
2. What a day of guessing gets is counted by guessing for a day, as often as the waits allow.
"""

import inspect
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Final, cast
from unittest.mock import patch

from totpcore import Accepted, InvalidCode, InvalidParameters, Policy, Throttled, TwoFactor, _spending, _states
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_code
from totpcore._states import TABLE, Moment, Refusal
from totpcore.answers import State
from totpcore.events import EventKind
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import (
    FREE,
    KEY,
    NO_RECOVERY_CODE,
    Spent,
    adopted,
    failures,
    faulty,
    has_no_bounds,
    seeded,
    verifies_by,
)

DAY: Final = 86_400


def wait_of(user: User) -> float:
    """The seconds until the next one-time code is answered."""
    return user.service.status(user.user).retry_after


def guess_for(user: User, seconds: float) -> list[float]:
    """Guess wrong as often as the waits allow, and list the moments of the guesses that were answered."""
    answered, end, wrong = list[float](), user.clock() + seconds, user.wrong()
    while user.clock() < end and user.verify(wrong) == "wrong":
        answered.append(user.clock())
        user.clock.tick(wait_of(user))
    return answered


# ---- V17: no attempt limit ----


def charges_nothing() -> Library:
    """A wrong code is refused, and forgotten."""
    return replace(TOTPCORE, two_factor=faulty((_spending, "_charged", lambda tally, _moment: tally)))


@weakness("V17", twin=charges_nothing)
def the_right_code_waits_after_wrong_ones(lib: Library) -> None:
    """After five wrong codes the right one is refused until the wait is over; after a hundred in a row, for good.

    By the defaults, who guesses all day has less than one chance in a thousand: window / 10**digits for each answer.
    """
    user = adopted(lib)
    for number in range(FREE):
        holds(user.verify(user.wrong(number)) == "wrong", "a wrong code is refused")
    for second in (0, 1, 15, 29, 29.999):
        user.clock.now = NOW + second
        holds(user.verify(user.code()) == "throttled", "the right code waits too")
    user.clock.now = NOW + 30
    holds(user.verify(user.code()) == "ok", "after the wait it opens")
    user = adopted(lib)
    answered = len(guess_for(user, DAY))
    holds(FREE < answered < 100, "a day of guessing gets a few answers")
    holds(1 - (1 - 3 / 10**6) ** answered < 1e-3, "and so hardly a chance")
    told = user.policy.guess_probability(days=1, logins_per_day=0)
    holds(abs(told - (1 - (1 - 3 / 10**6) ** answered)) < 3 / 10**6, "which is what the policy says of itself")
    holds(user.policy.guess_probability(days=1, logins_per_day=4) < 1e-3, "also where the owner logs in meanwhile")
    holds(answered + len(guess_for(user, 30 * DAY)) == 100, "the hundredth wrong code in a row is the last")
    user.clock.tick(DAY)
    holds(user.verify(user.code()) == "locked", "the right code is refused for good")


@weakness("V17", twin=has_no_bounds)
def no_policy_is_without_a_limit(lib: Library) -> None:
    """There is always a tally: no `None` in its place, no number that turns it off, no argument that leaves it out."""
    for name, numbers in {
        "free_attempts": (0, 21, -1, 10**9), "first_wait": (0, 0.5, -1, float("nan")), "lock_after": (0, 4, 101, 10**9),
        "longest_wait": (0, 29, -1, float("inf")),
    }.items():  # fmt: skip
        for number in numbers:
            holds(refuses(partial(lib.policy, **{name: number}), InvalidParameters), f"{name} is in its bounds")
        for other in (None, True, False, "5"):
            holds(refuses(partial(lib.policy, **{name: other}), TypeError), f"{name} is a number")
    build = partial(lib.two_factor, lib.memory_store(), issuer="ACME", sealer=lib.plaintext())
    holds(refuses(partial(build, policy=cast("Policy", None)), TypeError), "a service has a policy")
    parameters = set(inspect.signature(lib.two_factor).parameters)
    holds(parameters == {"store", "issuer", "sealer", "policy", "clock", "audit"}, "and no throttle to leave out")


# ---- V18: the limit is not the account's ----


def counts_in_the_session() -> Library:
    """Each service object counts for itself."""

    class PerSession(TwoFactor):
        failed = 0

        def verify(self, user: str, code: str) -> Accepted:
            if self.failed >= FREE:
                raise Throttled(retry_after=30)
            try:
                with patch.object(_spending, "_charged", lambda tally, _moment: tally):
                    return super().verify(user, code)
            except InvalidCode:
                self.failed += 1
                raise

    return replace(TOTPCORE, two_factor=PerSession)


@weakness("V18", twin=counts_in_the_session)
def sessions_share_the_tally_of_the_account(lib: Library) -> None:
    """Fifty service objects have five tries together, other users their own; a caller has no key to choose.

    No call takes an address, a session or a tenant: the user id alone names the tally.
    """
    user = adopted(lib)
    wrong, sessions = user.wrong(), [user.another() for _ in range(50)]
    said = Counter(outcome(partial(session.verify, user.user, wrong)) for session in sessions)
    holds(said == {"wrong": FREE, "throttled": 45}, "all sessions have five tries together")
    last = outcome(partial(sessions[-1].verify, user.user, user.code()))
    holds(last == "throttled", "the right code waits in a session that never guessed")
    for name in (" alice", "Alice", "alice ", "ALICE"):
        holds(outcome(partial(user.service.verify, name, wrong)) == "not_enrolled", "another spelling is another user")
    user.service.adopt("bob", lib.totp_token(lib.secret(KEY)), spent=-1)
    holds(outcome(partial(user.service.verify, "bob", user.code())) == "ok", "another user does not wait")
    calls = [call for name, call in inspect.getmembers(lib.two_factor, inspect.isfunction) if name[0] != "_"]
    taken = {name for call in calls for name in inspect.signature(call).parameters}
    keys = {"ip", "address", "remote", "session", "tenant", "key", "realm", "device"}
    holds(not taken & keys, "no call takes a key of the caller's choice")
    holds(list(inspect.signature(lib.two_factor.verify).parameters) == ["self", "user", "code"], "nor does `verify`")


# ---- V23: lock-out as a weapon ----


def waits_longer_while_it_waits() -> Library:
    """A try during a wait begins the longest wait anew."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        tally = record.code_tally
        if wait := tally.wait(moment.now, moment.policy.longest_wait):
            tally = tally._replace(until=moment.now + moment.policy.longest_wait)
            raise Refusal(Throttled(retry_after=wait), record._replace(code_tally=tally), tally.failures)
        return spend_code(record, active, moment, typed)

    return verifies_by(spend)


@weakness("V23", twin=waits_longer_while_it_waits)
def the_owner_gets_in_between(lib: Library) -> None:
    """Waits double up to an hour and end, however often somebody tries meanwhile: a day of it leaves the owner a turn.

    To whom a code is asked is the integrator's: `gate` is the question after the password.
    """
    user = adopted(lib)
    wrong, ends = user.wrong(), list[float]()
    while user.clock() < NOW + DAY:
        holds(user.verify(wrong) == "wrong", "each wait ends")
        wait = wait_of(user)
        ends.append(wait)
        for _ in range(4):
            user.clock.tick(wait / 4)
            if wait_of(user):
                holds(user.verify(wrong) == "throttled", "a try during the wait is not answered")
    doubled = [0.0] * 4 + [30.0 * 2**doublings for doublings in range(7)]
    holds(ends[:11] == doubled and set(ends[11:]) == {3600.0}, "a wait doubles up to the longest one")
    holds(wait_of(user) == 0, "after a day of attack it is somebody's turn")
    holds(user.verify(user.code()) == "ok", "and the owner, who comes first, is let in")


def locks_recovery_too() -> Library:
    """What is locked has no way out."""
    closed = {call: then for call, then in TABLE[State.LOCKED].items() if call is not EventKind.RECOVER}
    return replace(TOTPCORE, two_factor=faulty((_states, "TABLE", {**TABLE, State.LOCKED: closed})))


@weakness("V23", twin=locks_recovery_too)
def what_is_locked_has_a_way_out(lib: Library) -> None:
    """The lock at 100 is SP 800-63B-4's; a recovery code, which is never locked, still opens, and set-up ends it."""
    user = adopted(lib)
    for _ in range(150):
        user.recover(NO_RECOVERY_CODE)
        user.clock.tick(3600)
    holds(failures(user, "recovery_tally") == 150, "wrong recovery codes are counted")
    holds(len(guess_for(user, 30 * DAY)) == 100, "a hundred wrong one-time codes are answered")
    user.clock.tick(30 * DAY)
    holds(user.verify(user.code()) == "locked", "then the one-time code is locked")
    holds(user.recover(user.codes[0]) == "ok", "and a recovery code opens")
    with seeded(23):
        user.enrol()
    holds(outcome(partial(user.service.confirm, user.user, user.code())) == "ok", "what is set up anew is confirmed")
    user.clock.tick(30)
    holds(user.verify(user.code()) == "ok", "and opens")
