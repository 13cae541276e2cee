"""The states of a second factor, what a call may do in each, and what can be asked of a record without changing it.

Rules of this file:

1. Which call is open in which state, and where it leads once it is accepted, stands in `TABLE`. The calls themselves
   consult it, so it cannot lie: the picture in the documentation is drawn from it.
2. Nothing here reads a clock, draws a random number or touches a store: time is in the `Moment`.
3. The state is derived from the record, never kept beside it.
"""

from collections.abc import Mapping
from typing import Final, Generic, NamedTuple, TypeVar

from . import errors
from ._guard import Hidden
from ._record import Active, Pending, Record
from .answers import Enrolment, Gate, State, Status
from .events import EventKind
from .keyuri import KeyURI
from .otp import TOTP
from .policy import Enforcement, Policy, Rule
from .throttle import CLOCKS_DIFFER

CONFIRM_ATTEMPTS: Final = 20  # whoever confirms has seen the secret: a bound on typing slips, not on guesses

T = TypeVar("T")


class Moment(NamedTuple):
    """For whom, when, and under which numbers something is decided."""

    user: str
    now: float
    policy: Policy
    issuer: str


class Decision(NamedTuple, Generic[T]):
    """What a call comes to.

    Attributes:
        record: What to store before the answer leaves; the very record that was given, where nothing changes.
        answer: What to return, or the exception to raise.
        failures: The tally of the kind of code used, for the audit log.
    """

    record: Record
    answer: T | errors.TotpcoreError
    failures: int = 0


class Refusal(Exception):
    """Leaves a transition early, with the exception that the caller gets and the record to store before."""

    def __init__(self, error: errors.TotpcoreError, record: Record | None = None, failures: int = 0) -> None:
        super().__init__()
        self.error, self.record, self.failures = error, record, failures


K = EventKind
TABLE: Final[Mapping[State, Mapping[EventKind, State]]] = {
    State.OFF: {K.ENROL: State.PENDING, K.ADOPT: State.ON, K.RAISE_FLOOR: State.OFF, K.RESET: State.OFF},
    State.PENDING: {
        K.ENROL: State.PENDING, K.CONFIRM: State.ON, K.ADOPT: State.ON, K.RAISE_FLOOR: State.OFF, K.RESET: State.OFF,
    },
    State.ON: {
        K.VERIFY: State.ON, K.RECOVER: State.ON, K.RESYNC: State.ON, K.RENEW_RECOVERY_CODES: State.ON,
        K.ENROL: State.ON, K.REPLACE: State.ON, K.CONFIRM: State.ON, K.DISABLE: State.OFF,
        K.RAISE_FLOOR: State.ON, K.RESET: State.OFF,
    },
    State.LOCKED: {
        K.RECOVER: State.LOCKED, K.RENEW_RECOVERY_CODES: State.LOCKED, K.ENROL: State.LOCKED, K.REPLACE: State.LOCKED,
        K.CONFIRM: State.ON, K.DISABLE: State.OFF, K.RAISE_FLOOR: State.LOCKED, K.RESET: State.OFF,
    },
}  # fmt: skip


def state_of(record: Record, moment: Moment) -> State:
    """Return the state. With a confirmed credential, what is pending beside it does not count."""
    if record.active is not None:
        return State.LOCKED if record.code_tally.failures >= moment.policy.lock_after else State.ON
    return State.OFF if open_pending(record, moment) is None else State.PENDING


def open_pending(record: Record, moment: Moment) -> Pending | None:
    """Return the secret that can still be confirmed."""
    waiting = record.pending
    if waiting is None or not still_open(waiting.expires_at, moment) or waiting.failures >= CONFIRM_ATTEMPTS:
        return None
    return waiting


def still_open(until: float, moment: Moment) -> bool:
    """Whether something that was opened for `pending_seconds` still is.

    Much more than that is left only where the clock had jumped ahead and was set back. It is closed then, and `tidy`
    makes that final.
    """
    return 0 < until - moment.now <= moment.policy.pending_seconds + CLOCKS_DIFFER


def tidy(record: Record, moment: Moment) -> Record:
    """Return the record without what has ended: it goes with the next change that is stored."""
    enrol_until = record.enrol_until if still_open(record.enrol_until, moment) else 0.0
    return record._replace(pending=open_pending(record, moment), enrol_until=enrol_until)


def enter(record: Record, moment: Moment, call: EventKind) -> None:
    """Refuse a call that the table does not have for the state."""
    if call in TABLE[state_of(record, moment)]:
        return
    if call is EventKind.CONFIRM:
        raise Refusal(errors.EnrolmentExpired())
    if call in (EventKind.ENROL, EventKind.ADOPT):
        raise Refusal(errors.AlreadyEnrolled("the user has a second factor"))
    raise Refusal(errors.Locked(), failures=record.code_tally.failures)


def confirmed(record: Record, moment: Moment, call: EventKind) -> Active:
    """Return the confirmed credential, where the table has the call for the state."""
    if record.active is None:
        raise Refusal(errors.NotEnrolled())
    enter(record, moment, call)
    return record.active


# ---- calls that only read ----


def status(record: Record, moment: Moment) -> Decision[Status]:
    """What an administrator may see."""
    state, active = state_of(record, moment), record.active
    if active is None:
        return Decision(record, Status(state=state))
    answer = Status(
        state=state,
        code_required=True,
        replacing=open_pending(record, moment) is not None,
        codes_left=active.recovery.left,
        running_low=active.recovery.left <= moment.policy.recovery_low,
        retry_after=record.code_tally.wait(moment.now, moment.policy.longest_wait),
        weak_secret=active.token.secret.weak,
        enrolled_at=active.enrolled_at,
        last_used_at=active.last_used_at,
        generation=active.generation,
    )
    return Decision(record, answer)


def gate(record: Record, moment: Moment, enforcement: Enforcement, expected: bool | None) -> Decision[Gate]:
    """What to do with somebody whose password was right."""
    if record.active is not None:
        return Decision(record, Gate.CHALLENGE)
    if expected:
        return Decision(record, errors.RecordMissing("a second factor is expected, and the store holds none"))
    if enforcement.rule is Rule.OFF:
        return Decision(record, Gate.ALLOW)
    due = enforcement.deadline is None or moment.now >= enforcement.deadline
    return Decision(record, Gate.MUST_ENROL if enforcement.rule is Rule.REQUIRE and due else Gate.NUDGE)


def pending(record: Record, moment: Moment) -> Decision[Enrolment | None]:
    """What waits to be confirmed, to show it again."""
    waiting = open_pending(record, moment)
    if waiting is None:
        return Decision(record, None)
    proposal = Proposal.of(waiting.token, waiting.account, moment.issuer)
    return Decision(record, proposal.shown(waiting.expires_at))


class Proposal(NamedTuple):
    """A new secret, for whom it is, and the URI that says both."""

    token: TOTP
    account: str
    uri: Hidden[str]

    @classmethod
    def of(cls, token: TOTP, account: str, issuer: str) -> "Proposal":
        """Check the names and write the URI."""
        uri = KeyURI.quietly(token, account, issuer)
        return cls(token, uri.account, Hidden(uri.text))

    def shown(self, expires_at: float) -> Enrolment:
        """Return what to show of it."""
        return Enrolment(self.token.secret, expires_at, self.uri)
