"""From the bytes that a store gives to the bytes that it is asked to keep: open, decode, decide, encode, seal.

Rules of this file:

1. Each call of the service stands here once, as a `Change`, so that the shells, sync and async, are the same loop.
2. What a developer passes is checked when the change is built, before the store is asked for anything.
3. A record that cannot be opened is `RecordUnreadable`: nothing is decided, nothing is overwritten. Only `reset`,
   which does not look at it, removes it.
4. What goes into the loop and what comes out of it is `Hidden`: under `Plaintext` the bytes hold the secret, and new
   recovery codes are a sequence, which reporters of errors take apart.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Generic, NamedTuple, TypeVar

from . import _states, errors
from . import _transitions as transitions
from ._guard import Hidden, exact, has_methods, text, type_error, whole
from ._record import EMPTY, Record, Unreadable, decode, encode
from ._states import Decision, Moment, Proposal
from ._transitions import Fresh
from .answers import Accepted, Confirmed, Enrolment, Gate, Recovered, Status
from .events import Event, EventKind
from .keyuri import checked_issuer, concerns_of, warn_of
from .otp import HOTP, LARGEST_COUNTER, TOTP
from .policy import Enforcement, Policy
from .ports import Sealer
from .recovery import RecoveryCodes
from .secret import Secret

ROUNDS: Final = 128  # each lost swap is somebody else's success; the tally bounds how many of those there can be
_CONTEXT: Final = b"totpcore/1"

T = TypeVar("T")


class Change(NamedTuple, Generic[T]):
    """A call, ready to be decided on whatever record the store gives.

    Attributes:
        kind: The kind of event that it leaves; `None` for a call that only reads.
        decide: The transition, with its input.
        actor: The operator, where `reset` names one.
        reason: What the event gives as the reason where the call is accepted.
    """

    kind: EventKind | None
    decide: Callable[[Record, Moment], Decision[T]]
    actor: str | None = None
    reason: str = "ok"


class Step(NamedTuple, Generic[T]):
    """What a change comes to on the bytes of a store.

    Attributes:
        swaps: Whether the store has to keep `new` before the answer leaves.
        new: The bytes to keep; `None` inside removes the value.
        answer: What to return, or the exception to raise.
        event: What to tell the audit log, once it is stored.
    """

    swaps: bool
    new: Hidden[bytes | None]
    answer: Hidden[T | errors.TotpcoreError]
    event: Event | None


class Core:
    """The issuer, the numbers and the seal under which changes are decided. It keeps no state and does no I/O."""

    __slots__ = ("_issuer", "_policy", "_sealer")

    def __init__(self, issuer: str, sealer: Sealer, policy: Policy) -> None:
        self._issuer = checked_issuer(issuer)
        self._policy = exact("policy", policy, Policy)
        has_methods("sealer", sealer, "seal", "open")
        self._sealer = sealer

    def step(self, change: Change[T], user: str, old: Hidden[bytes | None], now: float) -> Step[T]:
        """Decide a change on the bytes that the store holds for the user."""
        # `reset` is for records that nothing else can help, so it does not look at them.
        record = EMPTY if change.kind is EventKind.RESET else self._open(user, old)
        decided = Hidden(change.decide(record, Moment(user, now, self._policy, self._issuer)))
        answer, event = Hidden(decided.value.answer), _event(change, user, now, decided.value)
        if change.kind is EventKind.RESET:
            return Step(old.value is not None, Hidden(None), answer, event)
        if decided.value.record is record:
            return Step(False, old, answer, event)
        return Step(True, self._seal(user, decided.value.record), answer, event)

    def _open(self, user: str, old: Hidden[bytes | None]) -> Record:
        if old.value is None:
            return EMPTY
        if type(old.value) is not bytes:
            raise errors.StoreError(f"load must return bytes or None, not {type(old.value).__name__}")
        try:
            found = decode(Hidden(self._sealer.open(old.value, context_of(user))))
        except Exception as error:  # noqa: BLE001  # whatever a sealer raises, it does not open
            found = Unreadable(f"its seal does not open ({type(error).__name__})")
        # Raised here, outside of the handler: the sealer's exception could hold the plaintext.
        if isinstance(found, Unreadable):
            raise errors.RecordUnreadable(f"the record cannot be used: {found.reason}")
        return found

    def _seal(self, user: str, record: Record) -> Hidden[bytes | None]:
        if record.active is None and record.pending is None:
            return Hidden(None)
        sealed: Hidden[bytes | None] = Hidden(self._sealer.seal(encode(record).value, context_of(user)))
        if type(sealed.value) is not bytes or not sealed.value:
            raise errors.StoreError(f"seal must return bytes, not {type(sealed.value).__name__} or nothing")
        return sealed

    # ---- the calls ----

    def gate(self, enforcement: Enforcement, expected: bool | None) -> Change[Gate]:
        exact("enforcement", enforcement, Enforcement)
        if expected is not None:
            exact("expected", expected, bool)
        return Change(None, partial(_states.gate, enforcement=enforcement, expected=expected))

    def verify(self, code: Hidden[str]) -> Change[Accepted]:
        return Change(EventKind.VERIFY, partial(transitions.verify, typed=_typed("code", code)))

    def recover(self, code: Hidden[str]) -> Change[Recovered]:
        return Change(EventKind.RECOVER, partial(transitions.recover, typed=_typed("code", code)))

    def enrol(self, account: str) -> Change[Enrolment]:
        return Change(EventKind.ENROL, partial(transitions.enrol, proposal=self._proposal(account)))

    def replace(self, code: Hidden[str], account: str) -> Change[Enrolment]:
        typed = _typed("code", code)
        return Change(EventKind.REPLACE, partial(transitions.replace, typed=typed, proposal=self._proposal(account)))

    def pending(self) -> Change[Enrolment | None]:
        return Change(None, _states.pending)

    def confirm(self, code: Hidden[str]) -> Change[Confirmed]:
        return Change(EventKind.CONFIRM, partial(transitions.confirm, typed=_typed("code", code), fresh=self._fresh()))

    def renew_recovery_codes(self, code: Hidden[str]) -> Change[RecoveryCodes]:
        renew = partial(transitions.renew_recovery_codes, typed=_typed("code", code), fresh=self._fresh())
        return Change(EventKind.RENEW_RECOVERY_CODES, renew)

    def disable(self, code: Hidden[str]) -> Change[None]:
        return Change(EventKind.DISABLE, partial(transitions.disable, typed=_typed("code", code)))

    def resync(self, code: Hidden[str], next_code: Hidden[str]) -> Change[Accepted]:
        typed, typed_next = _typed("code", code), _typed("next_code", next_code)
        return Change(EventKind.RESYNC, partial(transitions.resync, typed=typed, typed_next=typed_next))

    def status(self) -> Change[Status]:
        return Change(None, _states.status)

    def reset(self, actor: str, reason: str) -> Change[None]:
        text("actor", actor, 1, 255)
        text("reason", reason, 1, 1000)
        return Change(EventKind.RESET, transitions.reset, actor, reason)

    def adopt(self, token: Hidden[TOTP | HOTP], spent: int, allow_weak: bool) -> Change[Confirmed]:
        if not isinstance(token.value, TOTP | HOTP):
            raise type_error("token", "a TOTP or an HOTP", token.value)
        whole("spent", spent, -1, LARGEST_COUNTER)
        if not exact("allow_weak", allow_weak, bool) and token.value.secret.weak:
            raise errors.InvalidSecret("token has a secret of fewer than 128 bits: enrol anew, or pass allow_weak=True")
        return Change(EventKind.ADOPT, partial(transitions.adopt, token=token.value, spent=spent, fresh=self._fresh()))

    def raise_floor(self) -> Change[None]:
        return Change(EventKind.RAISE_FLOOR, transitions.raise_floor)

    def _proposal(self, account: str) -> Proposal:
        policy = self._policy
        secret = Secret.generate(policy.new_secret_bytes)
        token = TOTP(secret, digits=policy.digits, period=policy.period, algorithm=policy.algorithm)
        proposal = Proposal.of(token, account, self._issuer)
        warn_of(concerns_of(token), stacklevel=5)  # of the policy alone: what a visitor is called warns nobody
        return proposal

    def _fresh(self) -> Fresh:
        return Fresh.generate(self._policy.recovery_codes)


def check_user(user: str) -> str:
    """Return a user id: a `str` of 1 to 255 characters without NUL or a lone surrogate."""
    return text("user", user, 1, 255)


def _typed(name: str, code: Hidden[str]) -> Hidden[str]:
    """Return what was typed, a `str` of any kind and size. A subclass could compare as it likes, so it is refused."""
    if type(code.value) is not str:
        raise type_error(name, "a str", code.value)
    return code


def context_of(user: str) -> bytes:
    """Return what a seal is bound to. Each part has its length before it, so that no two users share one."""
    return b"".join(len(part).to_bytes(2, "big") + part for part in (_CONTEXT, user.encode()))


def _event(change: Change[T], user: str, now: float, decision: Decision[T]) -> Event | None:
    """Return the event for the audit log. Only what was accepted or refused is one, not a developer's mistake."""
    answer = decision.answer
    if change.kind is None or (isinstance(answer, errors.TotpcoreError) and not isinstance(answer, errors.Refused)):
        return None
    return Event(
        kind=change.kind,
        user=user,
        at=now,
        reason=answer.reason if isinstance(answer, errors.Refused) else change.reason,
        actor=change.actor,
        failures=decision.failures,
        codes_left=decision.record.active.recovery.left if decision.record.active else 0,
    )
