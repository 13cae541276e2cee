"""Every change to a second factor, as a pure function from record, moment and input to next record and answer.

Rules of this file:

1. No transition reads a clock, draws a random number or touches a store. Time and randomness are arguments; what
   `Fresh.generate` makes is handed in.
2. What a call may do in which state stands in `TABLE`, which the calls themselves consult: it cannot lie.
3. A code is looked at in one order: state, lock, wait, malformed, clock behind, match. What is refused before the
   match writes nothing and depends on nothing that the visitor typed.
4. A wrong code is charged in the record that is returned with the refusal. A malformed or replayed code costs nothing:
   the first is a typing slip, the second is known to be spent.
5. A spent counter never goes down while its secret lives.
6. A pending secret stands beside the active one, and takes its place in the one change that confirms it.
"""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, Generic, NamedTuple, ParamSpec, TypeVar

from ._guard import Hidden
from ._record import EMPTY, Active, Pending, Record
from .answers import Accepted, Confirmed, Enrolment, Gate, Recovered, State, Status
from .errors import (
    AlreadyEnrolled,
    ClockBehind,
    ClockOff,
    CodeReplayed,
    EnrolmentExpired,
    InvalidCode,
    InvalidParameters,
    Locked,
    NotEnrolled,
    RecordMissing,
    StateError,
    Throttled,
    TotpcoreError,
)
from .events import EventKind
from .keyuri import KeyURI
from .otp import FARTHEST_LOOK_AHEAD, HOTP, TOTP, canonical_code
from .policy import Enforcement, Policy, Rule
from .recovery import SALT_BYTES, RecoveryCodes, RecoverySet, canonical_recovery_code, keep, redeem
from .throttle import Tally

CONFIRM_ATTEMPTS: Final = 20  # whoever confirms has seen the secret: a bound on typing slips, not on guesses
CLOCK_SEARCH: Final = 10  # time steps each way in which `confirm` looks for a clock that is off

T = TypeVar("T")
P = ParamSpec("P")


class Moment(NamedTuple):
    """For whom, when and under which numbers a change is decided."""

    user: str
    now: float
    policy: Policy
    issuer: str


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


class Proposal(NamedTuple):
    """A new secret, for whom it is, and the URI that says both."""

    token: TOTP
    account: str
    uri: Hidden[str]

    @classmethod
    def of(cls, token: TOTP, account: str, issuer: str) -> "Proposal":
        """Check the names and write the URI."""
        uri = KeyURI(token, account=account, issuer=issuer)
        return cls(token, uri.account, Hidden(uri.text))


class Decision(NamedTuple, Generic[T]):
    """What a change comes to.

    Attributes:
        record: What to store before the answer leaves; the very record that was given, where nothing changes.
        answer: What to return, or the exception to raise.
        failures: The tally of the kind of code used, for the audit log.
    """

    record: Record
    answer: T | TotpcoreError
    failures: int = 0


class Row(NamedTuple):
    """One line of the table of states: where a call that is accepted leads, and what it needs."""

    state: State
    call: EventKind
    needs: str
    leads_to: State


_OFF, _PENDING, _ON, _LOCKED = State.OFF, State.PENDING, State.ON, State.LOCKED
_RECENT: Final = "a recovery login within pending_seconds"
TABLE: Final = (
    Row(_OFF, EventKind.ENROL, "", _PENDING),
    Row(_OFF, EventKind.ADOPT, "a token from elsewhere", _ON),
    Row(_PENDING, EventKind.ENROL, "", _PENDING),
    Row(_PENDING, EventKind.CONFIRM, "a code of the pending secret", _ON),
    Row(_PENDING, EventKind.ADOPT, "a token from elsewhere", _ON),
    Row(_ON, EventKind.VERIFY, "a one-time code", _ON),
    Row(_ON, EventKind.RECOVER, "a recovery code", _ON),
    Row(_ON, EventKind.ENROL, _RECENT, _ON),
    Row(_ON, EventKind.REPLACE, "a code of either kind", _ON),
    Row(_ON, EventKind.CONFIRM, "a code of the pending secret", _ON),
    Row(_ON, EventKind.RENEW_RECOVERY_CODES, "a code of either kind", _ON),
    Row(_ON, EventKind.DISABLE, "a code of either kind", _OFF),
    Row(_ON, EventKind.RESYNC, "two codes of an HOTP token", _ON),
    Row(_ON, EventKind.RAISE_FLOOR, "a TOTP token", _ON),
    Row(_LOCKED, EventKind.RECOVER, "a recovery code", _LOCKED),
    Row(_LOCKED, EventKind.ENROL, _RECENT, _LOCKED),
    Row(_LOCKED, EventKind.REPLACE, "a recovery code", _LOCKED),
    Row(_LOCKED, EventKind.CONFIRM, "a code of the pending secret", _ON),
    Row(_LOCKED, EventKind.RENEW_RECOVERY_CODES, "a recovery code", _LOCKED),
    Row(_LOCKED, EventKind.DISABLE, "a recovery code", _OFF),
    Row(_LOCKED, EventKind.RAISE_FLOOR, "a TOTP token", _LOCKED),
    *(Row(state, EventKind.RESET, "another administrator", _OFF) for state in State),
)
_OPEN: Final = frozenset((row.state, row.call) for row in TABLE)


class _Refusal(Exception):
    """Leaves a transition early, with the exception that the caller gets and the record to store before."""

    def __init__(self, error: TotpcoreError, record: Record | None = None, failures: int = 0) -> None:
        super().__init__()
        self.error, self.record, self.failures = error, record, failures


def _transition(
    decide: Callable[Concatenate[Record, Moment, P], Decision[T]],
) -> Callable[Concatenate[Record, Moment, P], Decision[T]]:
    """Turn a `_Refusal` into a `Decision`: the one place where it is caught."""

    @wraps(decide)
    def total(record: Record, moment: Moment, /, *args: P.args, **kwargs: P.kwargs) -> Decision[T]:
        try:
            return decide(record, moment, *args, **kwargs)
        except _Refusal as refusal:
            return Decision(refusal.record or record, refusal.error, refusal.failures)

    return total


# ---- what is asked of a record ----


def state_of(record: Record, moment: Moment) -> State:
    """Return the state; with a confirmed credential, what is pending beside it does not count."""
    if record.active is not None:
        return State.LOCKED if record.code_tally.failures >= moment.policy.lock_after else State.ON
    return State.OFF if _open_pending(record, moment) is None else State.PENDING


def _open_pending(record: Record, moment: Moment) -> Pending | None:
    pending = record.pending
    if pending is None or moment.now >= pending.expires_at or pending.failures >= CONFIRM_ATTEMPTS:
        return None
    return pending


def _enter(record: Record, moment: Moment, call: EventKind) -> None:
    """Refuse a call that the table does not have for the state."""
    state = state_of(record, moment)
    if (state, call) in _OPEN:
        return
    if call is EventKind.CONFIRM:
        raise _Refusal(EnrolmentExpired())
    if call in (EventKind.ENROL, EventKind.ADOPT):
        raise _Refusal(AlreadyEnrolled("the user has a second factor"))
    raise _Refusal(Locked() if state is State.LOCKED else NotEnrolled(), failures=record.code_tally.failures)


def _confirmed(record: Record, moment: Moment, call: EventKind) -> Active:
    """Return the confirmed credential, where the table lets the call through."""
    _enter(record, moment, call)
    if record.active is None:
        raise _Refusal(NotEnrolled())
    return record.active


def status(record: Record, moment: Moment) -> Decision[Status]:
    """What an administrator may see."""
    state, active = state_of(record, moment), record.active
    if active is None:
        return Decision(record, Status(state=state))
    shown = Status(
        state=state,
        code_required=True,
        replacing=_open_pending(record, moment) is not None,
        codes_left=active.recovery.left,
        running_low=active.recovery.left <= moment.policy.recovery_low,
        retry_after=record.code_tally.wait(moment.now),
        weak_secret=active.token.secret.weak,
        enrolled_at=active.enrolled_at,
        last_used_at=active.last_used_at,
        generation=active.generation,
    )
    return Decision(record, shown)


def gate(record: Record, moment: Moment, enforcement: Enforcement, expected: bool | None) -> Decision[Gate]:
    """What to do with somebody whose password was right."""
    if record.active is not None:
        return Decision(record, Gate.CHALLENGE)
    if expected:
        return Decision(record, RecordMissing("a confirmed second factor is expected, and the store holds none"))
    if enforcement.rule is Rule.OFF:
        return Decision(record, Gate.ALLOW)
    due = enforcement.deadline is None or moment.now >= enforcement.deadline
    return Decision(record, Gate.MUST_ENROL if enforcement.rule is Rule.REQUIRE and due else Gate.NUDGE)


def pending(record: Record, moment: Moment) -> Decision[Enrolment | None]:
    """What waits to be confirmed, to show it again."""
    waiting = _open_pending(record, moment)
    if waiting is None:
        return Decision(record, None)
    proposal = Proposal.of(waiting.token, waiting.account, moment.issuer)
    return Decision(record, _shown(proposal, waiting.expires_at))


def _shown(proposal: Proposal, expires_at: float) -> Enrolment:
    return Enrolment(secret=proposal.token.secret, uri=proposal.uri, expires_at=expires_at)


# ---- codes ----


def _attempts_left(tally: Tally, moment: Moment) -> int:
    return max(0, moment.policy.free_attempts - tally.failures)


def _check_wait(tally: Tally, moment: Moment) -> None:
    wait = tally.wait(moment.now)
    if wait > 0:
        raise _Refusal(Throttled(retry_after=wait), failures=tally.failures)


def _charged(tally: Tally, moment: Moment) -> Tally:
    policy = moment.policy
    return tally.charge(
        moment.now, free=policy.free_attempts, first_wait=policy.first_wait, longest_wait=policy.longest_wait
    )


def _refuse_malformed(tally: Tally, moment: Moment) -> _Refusal:
    return _Refusal(InvalidCode(malformed=True, attempts_left=_attempts_left(tally, moment)), failures=tally.failures)


def _refuse_replayed(tally: Tally, moment: Moment) -> _Refusal:
    return _Refusal(CodeReplayed(attempts_left=_attempts_left(tally, moment)), failures=tally.failures)


def _refuse_wrong(record: Record, tally: Tally, moment: Moment) -> _Refusal:
    """The refusal of a wrong code; `record` has the tally charged."""
    return _Refusal(InvalidCode(attempts_left=_attempts_left(tally, moment)), record, tally.failures)


def _spend_code(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> tuple[Record, Accepted]:
    """Spend a one-time code of the active credential, by rule 3."""
    tally, token, spent = record.code_tally, active.token, active.spent
    _check_wait(tally, moment)
    if canonical_code(typed, token.digits) is None:
        raise _refuse_malformed(tally, moment)
    if isinstance(token, TOTP):
        expected = token.counter(moment.now)
        past, future = moment.policy.window
        first, last = expected - past, expected + future
        if spent > last:
            raise _Refusal(ClockBehind(), failures=tally.failures)
    else:
        # One counter back, only to tell a form that was sent twice from a wrong code.
        expected = spent + 1
        first, last = spent, expected + moment.policy.look_ahead
    found = token.scan(typed, first, last)
    if not found:
        charged = _charged(tally, moment)
        raise _refuse_wrong(record._replace(code_tally=charged), charged, moment)
    if found[-1] <= spent:
        raise _refuse_replayed(tally, moment)
    return _accepted(record, active, moment, found[-1], expected)


def _accepted(record: Record, active: Active, moment: Moment, counter: int, expected: int) -> tuple[Record, Accepted]:
    answer = Accepted(
        user=moment.user,
        counter=counter,
        drift_steps=counter - expected,
        failures_before=record.code_tally.failures,
    )
    spent = active._replace(spent=counter, last_used_at=moment.now)
    return record._replace(active=spent, code_tally=Tally()), answer


def _spend_recovery_code(record: Record, active: Active, moment: Moment, canonical: Hidden[str] | None) -> Record:
    """Spend a recovery code, and with it the one-time codes that are valid at this moment.

    Somebody who looked on may hold such a code. An HOTP token's codes have no moment, so none of them is spent.
    """
    tally = record.recovery_tally
    _check_wait(tally, moment)
    if canonical is None:
        raise _refuse_malformed(tally, moment)
    kept = redeem(active.recovery, canonical)
    if kept is False:
        charged = _charged(tally, moment)
        raise _refuse_wrong(record._replace(recovery_tally=charged), charged, moment)
    if kept is True:
        raise _refuse_replayed(tally, moment)
    spent = active._replace(recovery=kept, spent=_floor(active, moment), last_used_at=moment.now)
    return record._replace(active=spent, recovery_tally=Tally())


def _floor(active: Active, moment: Moment) -> int:
    """Return the spent counter under which no code that is valid at this moment is accepted."""
    if isinstance(active.token, HOTP):
        return active.spent
    return max(active.spent, active.token.counter(moment.now) + moment.policy.window[1])


def _spend_either(record: Record, moment: Moment, call: EventKind, typed: Hidden[str]) -> tuple[Record, Active]:
    """Spend the code that a change takes: 24 Crockford characters mean a recovery code, and when locked only that."""
    active = _confirmed(record, moment, call)
    canonical = canonical_recovery_code(typed)
    if canonical is not None:
        record = _spend_recovery_code(record, active, moment, canonical)
    elif state_of(record, moment) is State.LOCKED:
        raise _Refusal(Locked(), failures=record.code_tally.failures)
    else:
        record, _ = _spend_code(record, active, moment, typed)
    return record, record.active or active


# ---- log-in ----


@_transition
def verify(record: Record, moment: Moment, typed: Hidden[str]) -> Decision[Accepted]:
    """Accept a one-time code."""
    active = _confirmed(record, moment, EventKind.VERIFY)
    return Decision(*_spend_code(record, active, moment, typed))


@_transition
def recover(record: Record, moment: Moment, typed: Hidden[str]) -> Decision[Recovered]:
    """Accept a recovery code. For a while `enrol` may then stand in for `replace`: the last one is no dead end."""
    active = _confirmed(record, moment, EventKind.RECOVER)
    after = _spend_recovery_code(record, active, moment, canonical_recovery_code(typed))
    left = (after.active or active).recovery.left
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
    active, tally = _confirmed(record, moment, EventKind.RESYNC), record.code_tally
    token = active.token
    if not isinstance(token, HOTP):
        raise _Refusal(StateError("resync is for HOTP tokens: a TOTP token has only the time to go by"))
    _check_wait(tally, moment)
    if canonical_code(typed, token.digits) is None or canonical_code(typed_next, token.digits) is None:
        raise _refuse_malformed(tally, moment)
    match = token.resync([typed.value, typed_next.value], after=active.spent, look_ahead=FARTHEST_LOOK_AHEAD)
    if match is None:
        charged = _charged(tally, moment)
        raise _refuse_wrong(record._replace(code_tally=charged), charged, moment)
    return Decision(*_accepted(record, active, moment, match.counter, active.spent + 1))


# ---- set-up ----


def _propose(record: Record, moment: Moment, proposal: Proposal) -> Decision[Enrolment]:
    """Put a new secret beside what is there; what was pending before has ended."""
    expires_at = moment.now + moment.policy.pending_seconds
    waiting = Pending(proposal.token, proposal.account, expires_at, failures=0)
    return Decision(record._replace(pending=waiting), _shown(proposal, expires_at))


@_transition
def enrol(record: Record, moment: Moment, proposal: Proposal) -> Decision[Enrolment]:
    """Begin set-up, where there is no second factor or a recovery code was just accepted."""
    _enter(record, moment, EventKind.ENROL)
    if record.active is not None and moment.now >= record.enrol_until:
        raise _Refusal(AlreadyEnrolled("the user has a second factor"))
    return _propose(record, moment, proposal)


@_transition
def replace(record: Record, moment: Moment, typed: Hidden[str], proposal: Proposal) -> Decision[Enrolment]:
    """Begin set-up of a new secret beside the active one, which works until the new one is confirmed."""
    record, _ = _spend_either(record, moment, EventKind.REPLACE, typed)
    return _propose(record, moment, proposal)


@_transition
def confirm(record: Record, moment: Moment, typed: Hidden[str], fresh: Fresh) -> Decision[Confirmed]:
    """Make the pending secret the active one; the code shown is spent, both tallies and the old codes end."""
    _enter(record, moment, EventKind.CONFIRM)
    waiting = _open_pending(record, moment)
    if waiting is None:
        raise _Refusal(EnrolmentExpired())
    token, left = waiting.token, CONFIRM_ATTEMPTS - waiting.failures
    if canonical_code(typed, token.digits) is None:
        raise _Refusal(InvalidCode(malformed=True, attempts_left=left), failures=waiting.failures)
    now = token.counter(moment.now)
    past, future = moment.policy.window
    found = token.scan(typed, now - CLOCK_SEARCH, now + CLOCK_SEARCH)
    current = [counter for counter in found if now - past <= counter <= now + future]
    if not current:
        charged = record._replace(pending=waiting._replace(failures=waiting.failures + 1))
        off_by = min(((counter - now) * token.period for counter in found), key=abs, default=None)
        error = (
            InvalidCode(attempts_left=left - 1) if off_by is None else ClockOff(seconds=off_by, attempts_left=left - 1)
        )
        raise _Refusal(error, charged, waiting.failures + 1)
    active = Active(token, current[-1], moment.now, moment.now, fresh.generation, fresh.kept)
    return Decision(Record(active=active), Confirmed(recovery_codes=fresh.codes, counter=current[-1]))


@_transition
def adopt(record: Record, moment: Moment, token: TOTP | HOTP, spent: int, fresh: Fresh) -> Decision[Confirmed]:
    """Take a token that another system confirmed, with the counter that was spent there."""
    _enter(record, moment, EventKind.ADOPT)
    if isinstance(token, TOTP) and spent > token.counter(moment.now) + CLOCK_SEARCH:
        raise _Refusal(InvalidParameters("spent must be a time step that has been, not a time: it lies in the future"))
    active = Active(token, spent, moment.now, None, fresh.generation, fresh.kept)
    return Decision(Record(active=active), Confirmed(recovery_codes=fresh.codes, counter=spent))


# ---- changes ----


@_transition
def renew_recovery_codes(record: Record, moment: Moment, typed: Hidden[str], fresh: Fresh) -> Decision[RecoveryCodes]:
    """Issue a new set of recovery codes; the old one ends in the same change."""
    record, active = _spend_either(record, moment, EventKind.RENEW_RECOVERY_CODES, typed)
    return Decision(record._replace(active=active._replace(recovery=fresh.kept)), fresh.codes)


@_transition
def disable(record: Record, moment: Moment, typed: Hidden[str]) -> Decision[None]:
    """Remove the second factor; nothing of it remains."""
    _spend_either(record, moment, EventKind.DISABLE, typed)
    return Decision(EMPTY, None)


# ---- operators ----


@_transition
def raise_floor(record: Record, moment: Moment) -> Decision[None]:
    """Void what a restored backup may have brought back: codes up to now, recovery codes, a pending secret."""
    active = record.active
    if active is None:
        return Decision(record if record.pending is None else record._replace(pending=None), None)
    if isinstance(active.token, HOTP):
        raise _Refusal(StateError("raise_floor is for TOTP tokens: reset an HOTP token and bind it anew"))
    voided = active._replace(spent=_floor(active, moment), recovery=active.recovery.void())
    return Decision(record._replace(active=voided, pending=None, enrol_until=0.0), None)
