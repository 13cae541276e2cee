"""Looking at a code, and spending it: what every change that takes a code has in common.

Rules of this file:

1. A code is looked at in one order: state, lock, wait, malformed, clock behind, match. What is refused before the
   match writes nothing and depends on nothing that the visitor typed.
2. A wrong code is charged in the record that is returned with the refusal. A malformed or replayed code costs nothing:
   the first is a typing slip, the second is known to be spent.
3. A spent counter never goes down while its secret lives.
"""

from . import errors
from ._guard import Hidden
from ._record import Active, Record
from ._states import Moment, Refusal, confirmed, state_of
from .answers import Accepted, State
from .events import EventKind
from .otp import FARTHEST_LOOK_AHEAD, HOTP, LARGEST_COUNTER, TOTP, canonical_code, scan
from .recovery import canonical_recovery_code, find
from .throttle import Tally


def spend_code(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> tuple[Record, Accepted]:
    """Spend a one-time code of the active credential."""
    tally, token, spent = record.code_tally, active.token, active.spent
    _check(tally, moment, canonical_code(typed, token.digits))
    if isinstance(token, TOTP):
        if moment.now < token.t0:
            raise Refusal(errors.ClockBehind(), failures=tally.failures)
        expected, (past, future) = token.counter(moment.now), moment.policy.window
        first, last = expected - past, expected + future
        if spent > last:
            raise Refusal(errors.ClockBehind(), failures=tally.failures)
    else:
        # One counter back, only to tell a form that was sent twice from a wrong code.
        expected, first, last = spent + 1, spent, spent + 1 + moment.policy.look_ahead
    found = scan(token, typed, first, last)
    if not found:
        raise _wrong_code(record, moment)
    if found[-1] <= spent:
        raise _replayed(tally, moment)
    return _accepted(record, active, moment, found[-1], expected)


def spend_two_codes(record: Record, active: Active, moment: Moment, *typed: Hidden[str]) -> tuple[Record, Accepted]:
    """Spend two consecutive codes of an HOTP token that ran away (RFC 4226 section 7.4)."""
    token = active.token
    if not isinstance(token, HOTP):
        raise Refusal(errors.StateError("resync is for HOTP tokens: a TOTP token has only the time to go by"))
    _check(record.code_tally, moment, *(canonical_code(code, token.digits) for code in typed))
    match = token.resync([code.value for code in typed], after=active.spent, look_ahead=FARTHEST_LOOK_AHEAD)
    if match is None:
        raise _wrong_code(record, moment)
    return _accepted(record, active, moment, match.counter, active.spent + 1)


def spend_recovery_code(
    record: Record, active: Active, moment: Moment, canonical: Hidden[str] | None
) -> tuple[Record, Active]:
    """Spend a recovery code, and with it the one-time codes that are valid at this moment.

    Somebody who looked on may hold such a code. An HOTP token's codes have no moment, so none of them is spent.
    """
    tally = record.recovery_tally
    _check(tally, moment, canonical)
    number = None if canonical is None else find(active.recovery, canonical)
    if number is None:
        tally = _charged(tally, moment)
        error = errors.InvalidCode(attempts_left=_attempts_left(tally, moment))
        raise Refusal(error, record._replace(recovery_tally=tally), tally.failures)
    if active.recovery.is_spent(number):
        raise _replayed(tally, moment)
    kept = active.recovery.spend(number)
    active = active._replace(recovery=kept, spent=floor_of(active, moment), last_used_at=moment.now)
    return record._replace(active=active, recovery_tally=Tally()), active


def spend_either(record: Record, moment: Moment, call: EventKind, typed: Hidden[str]) -> tuple[Record, Active]:
    """Spend the code that a change takes: 24 Crockford characters mean a recovery code, and when locked only that."""
    active, canonical = confirmed(record, moment, call), canonical_recovery_code(typed)
    if canonical is not None:
        return spend_recovery_code(record, active, moment, canonical)
    if state_of(record, moment) is State.LOCKED:
        raise Refusal(errors.Locked(), failures=record.code_tally.failures)
    record, _ = spend_code(record, active, moment, typed)
    return record, record.active or active


def floor_of(active: Active, moment: Moment) -> int:
    """Return the spent counter under which no code that is valid at this moment is accepted."""
    if isinstance(active.token, HOTP) or moment.now < active.token.t0:
        return active.spent
    return max(active.spent, active.token.counter(moment.now) + moment.policy.window[1])


def _check(tally: Tally, moment: Moment, *canonical: Hidden[str] | None) -> None:
    """Refuse during a wait, and refuse what is no code."""
    wait = tally.wait(moment.now, moment.policy.longest_wait)
    if wait > 0:
        raise Refusal(errors.Throttled(retry_after=wait), failures=tally.failures)
    if None in canonical:
        error = errors.InvalidCode(malformed=True, attempts_left=_attempts_left(tally, moment))
        raise Refusal(error, failures=tally.failures)


def _accepted(record: Record, active: Active, moment: Moment, counter: int, expected: int) -> tuple[Record, Accepted]:
    failures, drift = record.code_tally.failures, counter - expected
    answer = Accepted(user=moment.user, counter=counter, drift_steps=drift, failures_before=failures)
    return record._replace(active=active._replace(spent=counter, last_used_at=moment.now), code_tally=Tally()), answer


def _replayed(tally: Tally, moment: Moment) -> Refusal:
    return Refusal(errors.CodeReplayed(attempts_left=_attempts_left(tally, moment)), failures=tally.failures)


def _wrong_code(record: Record, moment: Moment) -> Refusal:
    tally = _charged(record.code_tally, moment)
    error = errors.InvalidCode(attempts_left=_attempts_left(tally, moment))
    return Refusal(error, record._replace(code_tally=tally), tally.failures)


def _charged(tally: Tally, moment: Moment) -> Tally:
    failures = min(tally.failures + 1, LARGEST_COUNTER)  # one more would make a record that cannot be read
    wait = moment.policy.wait_after(failures)
    return Tally(failures, moment.now + wait if wait else 0.0)  # a free attempt stays free if the clock is set back


def _attempts_left(tally: Tally, moment: Moment) -> int:
    return max(0, moment.policy.free_attempts - tally.failures)
