"""Every change to a second factor, as a pure function from record, moment and input to next record and answer.

Rules of this file:

1. No transition reads a clock, draws a random number or touches a store. Time and randomness are arguments; what
   `Fresh.generate` makes is handed in.
2. A change that takes a code spends it in the same record that has the change.
3. A pending secret stands beside the active one, and takes its place in the one change that confirms it.
4. A transition always returns a `Decision`. `Refusal` leaves it early and is caught in one place.
"""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, NamedTuple, ParamSpec, TypeVar

from . import errors
from ._guard import Hidden
from ._record import EMPTY, Active, Pending, Record
from ._spending import floor_of, spend_code, spend_either, spend_recovery_code, spend_two_codes
from ._states import CONFIRM_ATTEMPTS, Decision, Moment, Proposal, Refusal, confirmed, enter, state_of, tidy
from .answers import Accepted, Confirmed, Enrolment, Recovered, State
from .events import EventKind
from .otp import HOTP, TOTP, canonical_code, scan
from .recovery import SALT_BYTES, RecoveryCodes, RecoverySet, canonical_recovery_code, keep

CLOCK_SEARCH: Final = 10  # time steps each way in which `confirm` looks for a clock that is off

T = TypeVar("T")
P = ParamSpec("P")


class Fresh(NamedTuple):
    """The randomness that a new credential, or a new set of recovery codes, needs."""

    codes: RecoveryCodes
    kept: RecoverySet
    generation: str

    @classmethod
    def generate(cls, count: int) -> "Fresh":
        """Make `count` recovery codes, a salt for them, and the word that names the credential."""
        codes = RecoveryCodes.generate(count)
        return cls(codes, keep(codes, secrets.token_bytes(SALT_BYTES)), secrets.token_urlsafe(16))


def _transition(
    decide: Callable[Concatenate[Record, Moment, P], Decision[T]],
) -> Callable[Concatenate[Record, Moment, P], Decision[T]]:
    """Turn a `Refusal` into a `Decision`: the one place where it is caught.

    A transition is given a tidy record: what is pending in it is open, and so is `enrol_until` where it is not 0.
    """

    @wraps(decide)
    def total(record: Record, moment: Moment, /, *args: P.args, **kwargs: P.kwargs) -> Decision[T]:
        current = tidy(record, moment)
        try:
            decision = decide(current, moment, *args, **kwargs)
        except Refusal as refusal:
            decision = Decision(refusal.record or current, refusal.error, refusal.failures)
        return decision._replace(record=record) if decision.record is current else decision

    return total


# ---- log-in ----


@_transition
def verify(record: Record, moment: Moment, typed: Hidden[str]) -> Decision[Accepted]:
    """Accept a one-time code."""
    active = confirmed(record, moment, EventKind.VERIFY)
    return Decision(*spend_code(record, active, moment, typed))


@_transition
def recover(record: Record, moment: Moment, typed: Hidden[str]) -> Decision[Recovered]:
    """Accept a recovery code. For a while `enrol` may then stand in for `replace`: the last one is no dead end."""
    active = confirmed(record, moment, EventKind.RECOVER)
    after, active = spend_recovery_code(record, active, moment, canonical_recovery_code(typed))
    left = active.recovery.left
    answer = Recovered(
        user=moment.user,
        codes_left=left,
        running_low=left <= moment.policy.recovery_low,
        failures_before=record.recovery_tally.failures,
        must_replace=state_of(record, moment) is State.LOCKED,
    )
    return Decision(after._replace(enrol_until=moment.now + moment.policy.pending_seconds), answer)


@_transition
def resync(record: Record, moment: Moment, typed: Hidden[str], typed_next: Hidden[str]) -> Decision[Accepted]:
    """Accept two consecutive codes of an HOTP token that ran away (RFC 4226 section 7.4)."""
    active = confirmed(record, moment, EventKind.RESYNC)
    return Decision(*spend_two_codes(record, active, moment, typed, typed_next))


# ---- set-up ----


def _propose(record: Record, moment: Moment, proposal: Proposal) -> Decision[Enrolment]:
    """Put a new secret beside what is there; what was pending before has ended."""
    expires_at = moment.now + moment.policy.pending_seconds
    waiting = Pending(proposal.token, proposal.account, expires_at, failures=0)
    return Decision(record._replace(pending=waiting), proposal.shown(expires_at))


@_transition
def enrol(record: Record, moment: Moment, proposal: Proposal) -> Decision[Enrolment]:
    """Begin set-up, where there is no second factor or a recovery code was just accepted."""
    enter(record, moment, EventKind.ENROL)
    if record.active is not None and not record.enrol_until:
        raise Refusal(errors.AlreadyEnrolled("the user has a second factor"))
    return _propose(record, moment, proposal)


@_transition
def replace(record: Record, moment: Moment, typed: Hidden[str], proposal: Proposal) -> Decision[Enrolment]:
    """Begin set-up of a new secret beside the active one, which works until the new one is confirmed."""
    record, _ = spend_either(record, moment, EventKind.REPLACE, typed)
    return _propose(record, moment, proposal)


@_transition
def confirm(record: Record, moment: Moment, typed: Hidden[str], fresh: Fresh) -> Decision[Confirmed]:
    """Make the pending secret the active one; the code shown is spent, both tallies and the old codes end."""
    enter(record, moment, EventKind.CONFIRM)
    waiting = record.pending
    if waiting is None:
        raise Refusal(errors.EnrolmentExpired())
    token, left = waiting.token, CONFIRM_ATTEMPTS - waiting.failures
    if canonical_code(typed, token.digits) is None:
        raise Refusal(errors.InvalidCode(malformed=True, attempts_left=left), failures=waiting.failures)
    now = token.counter(moment.now)
    past, future = moment.policy.window
    found = scan(token, typed, now - CLOCK_SEARCH, now + CLOCK_SEARCH)
    current = [counter for counter in found if now - past <= counter <= now + future]
    if not current:
        charged = record._replace(pending=waiting._replace(failures=waiting.failures + 1))
        off_by = min(((counter - now) * token.period for counter in found), key=abs, default=None)
        wrong = errors.InvalidCode(attempts_left=left - 1)
        error = wrong if off_by is None else errors.ClockOff(seconds=off_by, attempts_left=left - 1)
        raise Refusal(error, charged, waiting.failures + 1)
    active = Active(token, current[-1], moment.now, moment.now, fresh.generation, fresh.kept)
    return Decision(Record(active=active), Confirmed(recovery_codes=fresh.codes, counter=current[-1]))


@_transition
def adopt(record: Record, moment: Moment, token: TOTP | HOTP, spent: int, fresh: Fresh) -> Decision[Confirmed]:
    """Take a token that another system confirmed, with the counter that was spent there."""
    enter(record, moment, EventKind.ADOPT)
    if isinstance(token, TOTP) and spent > token.counter(moment.now) + CLOCK_SEARCH:
        raise Refusal(errors.InvalidParameters("spent must be a time step that has been, and this lies in the future"))
    active = Active(token, spent, moment.now, None, fresh.generation, fresh.kept)
    return Decision(Record(active=active), Confirmed(recovery_codes=fresh.codes, counter=spent))


# ---- changes ----


@_transition
def renew_recovery_codes(record: Record, moment: Moment, typed: Hidden[str], fresh: Fresh) -> Decision[RecoveryCodes]:
    """Issue a new set of recovery codes; the old one ends in the same change."""
    record, active = spend_either(record, moment, EventKind.RENEW_RECOVERY_CODES, typed)
    return Decision(record._replace(active=active._replace(recovery=fresh.kept)), fresh.codes)


@_transition
def disable(record: Record, moment: Moment, typed: Hidden[str]) -> Decision[None]:
    """Remove the second factor; nothing of it remains."""
    spend_either(record, moment, EventKind.DISABLE, typed)
    return Decision(EMPTY, None)


# ---- operators ----


def reset(_record: Record, _moment: Moment) -> Decision[None]:
    """Remove the second factor, whatever it was."""
    return Decision(EMPTY, None)


@_transition
def raise_floor(record: Record, moment: Moment) -> Decision[None]:
    """Void what a restored backup may have brought back: codes up to now, recovery codes, a pending secret."""
    active = record.active
    if active is None:
        return Decision(EMPTY, None)  # what has run out goes too: on a clock that is set back it would be open again
    if isinstance(active.token, HOTP):
        raise Refusal(errors.StateError("raise_floor is for TOTP tokens: reset an HOTP token and bind it anew"))
    voided = active._replace(spent=floor_of(active, moment), recovery=active.recovery.void())
    return Decision(record._replace(active=voided, pending=None, enrol_until=0.0), None)
