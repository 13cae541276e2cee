"""`TwoFactor`: the whole life of a user's second factor, on a store.

Rules of this file:

1. Load, decide, swap, else again: no answer leaves before the record that justifies it has been stored.
2. What was typed is `Hidden` before anything else is called.
3. Every call is here as a program sees it, with its documentation; `aio` has the same calls, awaited.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import TypeVar

from . import _core as core
from ._core import Change
from ._guard import Hidden, has_methods, type_error
from ._shell import Shell, contended, is_made, spoken, wanted_users
from .answers import Accepted, Confirmed, Enrolment, Gate, Recovered, Status
from .errors import RecordUnreadable
from .events import Event
from .otp import HOTP, TOTP
from .policy import Enforcement, Policy, Rule
from .ports import LoadsMany, Sealer, Store
from .recovery import RecoveryCodes

T = TypeVar("T")

OFF = Enforcement(Rule.OFF)


class TwoFactor(Shell[Store]):
    """The second factors of an application's users.

    Example:
        >>> from totpcore import MemoryStore, Plaintext
        >>> two_factor = TwoFactor(MemoryStore(), issuer="ACME", sealer=Plaintext())
        >>> enrolment = two_factor.enrol("7", account="alice@example.com")
        >>> two_factor.status("7").state
        <State.PENDING: 'pending'>

    A user id is a `str` of 1 to 255 characters that never changes and is never given to somebody else: a primary key,
    not a log-in name. All times are Unix seconds.

    Every call may raise, besides what it says itself:

    - `StoreContended`: If others changed the record in each of 128 rounds.
    - `RecordUnreadable`: If the record's seal is broken or its version unknown (all but `reset`).
    - `StoreError`: If the store breaks its contract; and whatever the store, the sealer or the clock raise themselves.
    - `InvalidInput`, `TypeError`: If an argument is not what it should be.

    None of these is an acceptance, and none loses a spent counter, a charged attempt or a recovery code.
    """

    __slots__ = ()

    def __init__(
        self,
        store: Store,
        *,
        issuer: str,
        sealer: Sealer,
        policy: Policy = Policy(),
        clock: Callable[[], float] | None = None,
        audit: Callable[[Event], None] | None = None,
    ) -> None:
        """Take the parts.

        Args:
            store: Where the records are.
            issuer: The name of the application, as authenticator apps show it.
            sealer: What encrypts the records. It has no default: `Plaintext()` has to be typed by hand.
            policy: The numbers.
            clock: Returns Unix seconds; `None` is `time.time`, looked up at each call.
            audit: Is given each `Event`; `None` is `totpcore.audit.log_event`, the `logging` sink.

        Raises:
            InvalidParameters: If `issuer` is blank, too long, holds a colon or an invisible character, or is "Steam".
            TypeError: If an argument has another type.
        """
        has_methods("store", store, "load", "swap")
        if inspect.iscoroutinefunction(store.load) or inspect.iscoroutinefunction(store.swap):
            raise type_error("store", "a Store: an AsyncStore is for AsyncTwoFactor", store)
        super().__init__(store, issuer=issuer, sealer=sealer, policy=policy, clock=clock, audit=audit)

    # ---- after the password ----

    def gate(self, user: str, enforcement: Enforcement = OFF, *, expected: bool | None = None) -> Gate:
        """Answer the one question after the password: ask for a code, let set up, nudge, or let in.

        Args:
            user: The user id.
            enforcement: Whether a second factor is required of this user.
            expected: The application's own flag in its user row, cleared on `disable` and `reset`. With it, a wrong
                path, an emptied file or an evicted key never turns the second factor off in silence.

        Raises:
            RecordMissing: If `expected` is true and the store holds no confirmed factor. Let nobody in.
        """
        return self._run(user, self._core.gate(enforcement, expected))

    def verify(self, user: str, code: str) -> Accepted:
        """Accept a one-time code, and spend it.

        Args:
            user: The user id.
            code: As typed; a recovery code is an ordinary wrong one here.

        Raises:
            InvalidCode: If the code is wrong, or no code at all (`malformed`).
            CodeReplayed: If the code is right, but spent.
            ClockBehind: If the last accepted code lies beyond the window.
            Throttled: If there were too many wrong codes; nothing was looked at.
            Locked: If there were `lock_after` wrong codes in a row.
            NotEnrolled: If the user has no confirmed second factor.
        """
        typed = Hidden(code)
        del code
        return self._run(user, self._core.verify(typed))

    def recover(self, user: str, code: str) -> Recovered:
        """Accept a recovery code, and spend it, together with the one-time codes that are valid now.

        For `pending_seconds` from then on, `enrol` is allowed instead of `replace`.

        Raises:
            InvalidCode: If the code is wrong, or no recovery code at all (`malformed`).
            CodeReplayed: If the code is right, but spent.
            Throttled: If there were too many wrong recovery codes. They are never locked.
            NotEnrolled: If the user has no confirmed second factor.
        """
        typed = Hidden(code)
        del code
        return self._run(user, self._core.recover(typed))

    # ---- set-up ----

    def enrol(self, user: str, *, account: str) -> Enrolment:
        """Make a new secret, to be scanned and confirmed within `pending_seconds`; one that was pending has ended.

        Args:
            user: The user id.
            account: The name that the app shows beside the issuer: a log-in name or an e-mail address.

        Raises:
            AlreadyEnrolled: If there is a confirmed second factor: `replace` it.
            InvalidParameters: If `account` is blank, too long, or holds a colon or an invisible character.

        Warns:
            CompatibilityWarning: If the policy is one that widely used apps do not follow. Names do not warn.
        """
        return self._run(user, self._core.enrol(account))

    def replace(self, user: str, code: str, *, account: str) -> Enrolment:
        """Make a new secret beside the active one, which works until the new one is confirmed.

        Args:
            user: The user id.
            code: A one-time code or a recovery code; when locked, only the latter. It is spent.
            account: As for `enrol`.

        Raises:
            Refused: If the code is refused, as for `verify` and `recover`.
            InvalidParameters: If `account` is blank, too long, or holds a colon or an invisible character.
        """
        typed = Hidden(code)
        del code
        return self._run(user, self._core.replace(typed, account))

    def pending(self, user: str) -> Enrolment | None:
        """Return the secret that waits to be confirmed, to show the same QR code again; `None` if there is none.

        Show it in no other session than the one that began the set-up: somebody else who knows the password may have
        begun it, and would share the secret.
        """
        return self._run(user, self._core.pending())

    def confirm(self, user: str, code: str) -> Confirmed:
        """Turn the pending secret on by a code from it, which is spent. Show the recovery codes: this is the only time.

        Raises:
            InvalidCode: If the code is wrong, or no code at all (`malformed`). The secret stays pending.
            ClockOff: If the code fits another time within 10 steps.
            EnrolmentExpired: If nothing is pending: too late, 20 wrong codes, or a form that was sent twice.
        """
        typed = Hidden(code)
        del code
        return self._run(user, self._core.confirm(typed))

    # ---- changes ----

    def renew_recovery_codes(self, user: str, code: str) -> RecoveryCodes:
        """Issue a new set of recovery codes by a code of either kind; the old set ends.

        Raises:
            Refused: If the code is refused, as for `verify` and `recover`.
        """
        typed = Hidden(code)
        del code
        return self._run(user, self._core.renew_recovery_codes(typed))

    def disable(self, user: str, code: str) -> None:
        """Remove the second factor by a code of either kind. Clear the application's own flag with it.

        Raises:
            Refused: If the code is refused, as for `verify` and `recover`.
        """
        typed = Hidden(code)
        del code
        self._run(user, self._core.disable(typed))

    def resync(self, user: str, code: str, next_code: str) -> Accepted:
        """Find an HOTP token that ran away, within 100 counters, by two consecutive codes (RFC 4226 section 7.4).

        Both are spent.

        Raises:
            InvalidCode: If the codes are not two consecutive ones, which is charged, or no codes at all (`malformed`).
            Throttled: If there were too many wrong codes.
            Locked: If there were `lock_after` wrong codes in a row.
            NotEnrolled: If the user has no confirmed second factor.
            StateError: If the token is not an HOTP token.
        """
        typed, typed_next = Hidden(code), Hidden(next_code)
        del code, next_code
        return self._run(user, self._core.resync(typed, typed_next))

    # ---- operators ----

    def status(self, user: str) -> Status:
        """Return what an administrator may see."""
        return self._run(user, self._core.status())

    def statuses(self, users: Iterable[str]) -> dict[str, Status | RecordUnreadable]:
        """Return the status of many users, in one round trip where the store can.

        A record that cannot be opened stands as the exception, so that one bad record hides nobody.
        """
        wanted = wanted_users(users)
        found = Hidden(dict(self._store.load_many(wanted)) if isinstance(self._store, LoadsMany) else None)
        result: dict[str, Status | RecordUnreadable] = {}
        for user in wanted:
            held = Hidden(self._store.load(user) if found.value is None else found.value.get(user))
            result[user] = self._status(user, held)
        return result

    def reset(self, user: str, *, actor: str, reason: str) -> None:
        """Remove the second factor without a code: another administrator's act, when the device is lost.

        It leaves an event that names the actor, and nothing else; it works on a record that cannot be opened. Reset
        the password with it, or hand out set-up in person: otherwise whoever knows the password enrols first. Clear
        the application's own flag with it.

        Args:
            user: The user id.
            actor: Who does it, for the audit log; 1 to 255 characters.
            reason: Why, for the audit log; 1 to 1 000 characters.
        """
        self._run(user, self._core.reset(actor, reason))

    def adopt(self, user: str, token: TOTP | HOTP, *, spent: int, allow_weak: bool = False) -> Confirmed:
        """Take over a token that another system confirmed.

        Args:
            user: The user id.
            token: The token.
            spent: The highest counter that was accepted there, -1 if that is not known. For TOTP without such a
                record, pass the counter of now, plus the steps ahead that were accepted there.
            allow_weak: Whether a secret of fewer than 128 bits is taken (RFC 4226 section 4, R6).

        Raises:
            AlreadyEnrolled: If there is a confirmed second factor.
            InvalidSecret: If the secret is weak and `allow_weak` is not set.
            InvalidParameters: If `spent` is out of range, or lies in the future: a time where a time step belongs.
        """
        given = Hidden(token)
        del token  # a bare key, perhaps, where a token belongs
        return self._run(user, self._core.adopt(given, spent, allow_weak))

    def raise_floor(self, user: str) -> None:
        """Void codes up to now, all recovery codes and a pending secret: after a backup was restored.

        Raises:
            StateError: If the token is an HOTP token, whose counter only its holder knows: reset it, bind it anew.
        """
        self._run(user, self._core.raise_floor())

    def _run(self, user: str, change: Change[T]) -> T:
        core.check_user(user)
        for _ in range(core.ROUNDS):
            old = Hidden(self._store.load(user))
            step = self._core.step(change, user, old, self._now())
            if not step.swaps or is_made(self._store.swap(user, old.value, step.new.value)):
                self._tell(step.event)
                return spoken(step.answer)
        raise contended()
