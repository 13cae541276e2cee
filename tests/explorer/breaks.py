"""Copies of the calls and of the store, each with one fault that was put in on purpose.

Rules of this file:

1. Nothing in the package is touched: a broken call stands around the sound one and spoils what it is given or returns.
2. Each fault is one that a real implementation could have, or had. A walk that does not find it is worth nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar

from explorer.universe import SOUND, ByValue, Call, Held, K, Shelf, Universe
from totpcore import RecoveryCodes, TotpcoreError
from totpcore._guard import Hidden
from totpcore._record import EMPTY, Record
from totpcore._states import Decision, Moment, Proposal
from totpcore._transitions import Fresh, confirm, disable, enrol, raise_floor, recover, renew_recovery_codes, verify
from totpcore._transitions import replace as replaced
from totpcore.answers import Accepted, Confirmed, Enrolment, Recovered
from totpcore.events import EventKind
from totpcore.throttle import Tally

Typed = Hidden[str]
T = TypeVar("T")


class Break(NamedTuple):
    """A fault.

    Attributes:
        calls: The calls that are broken.
        shelf: How the store replaces a value.
    """

    calls: Mapping[EventKind, Call]
    shelf: Shelf

    def of(self, universe: Universe) -> Universe:
        """Return the universe with the fault in it."""
        return replace(universe, calls={**SOUND, **self.calls}, shelf=self.shelf)


def _refused(decision: Decision[T]) -> bool:
    return isinstance(decision.answer, TotpcoreError)


def _kept(decision: Decision[T], given: Record, record: Record) -> Decision[T]:
    """The decision on a record that was spoiled first; where nothing changed, nothing is stored."""
    return decision._replace(record=record) if decision.record is given else decision


def _with_active(record: Record, **fields: Any) -> Record:
    """The record with other fields in its active credential."""
    return record if record.active is None else record._replace(active=record.active._replace(**fields))


# ---- log-in ----


def verify_forgets_the_counter(record: Record, moment: Moment, typed: Typed) -> Decision[Accepted]:
    """Accepts, clears the tally, and does not store the spent counter."""
    decision = verify(record, moment, typed)
    if _refused(decision) or record.active is None:
        return decision
    return decision._replace(record=_with_active(decision.record, spent=record.active.spent))


def verify_compares_for_equality(record: Record, moment: Moment, typed: Typed) -> Decision[Accepted]:
    """Refuses the very counter that was spent last, and takes an older one that is still in the window."""
    decision = verify(record, moment, typed)
    if record.active is None or getattr(decision.answer, "reason", "") != "replayed":
        return decision
    again = verify(_with_active(record, spent=-1), moment, typed)
    same = again.record.active is not None and again.record.active.spent == record.active.spent
    return decision if same else again


def verify_speaks_before_it_counts(record: Record, moment: Moment, typed: Typed) -> Decision[Accepted]:
    """Says "wrong", and leaves the counting to an answer that comes after."""
    decision = verify(record, moment, typed)
    return decision._replace(record=record) if _refused(decision) else decision


def verify_skips_the_wait(record: Record, moment: Moment, typed: Typed) -> Decision[Accepted]:
    """Counts wrong codes and does not wait."""
    given = record._replace(code_tally=record.code_tally._replace(until=0.0))
    return _kept(verify(given, moment, typed), given, record)


def verify_skips_the_lock(record: Record, moment: Moment, typed: Typed) -> Decision[Accepted]:
    """Looks at a code though the secret is locked."""
    if record.code_tally.failures < moment.policy.lock_after:
        return verify(record, moment, typed)
    given = record._replace(code_tally=record.code_tally._replace(failures=moment.policy.lock_after - 1))
    return _kept(verify(given, moment, typed), given, record)


def verify_takes_the_pending_secret(record: Record, moment: Moment, typed: Typed) -> Decision[Accepted]:
    """Takes a code of the secret that waits beside the active one."""
    decision = verify(record, moment, typed)
    if not _refused(decision) or record.active is None or record.pending is None:
        return decision
    other = verify(_with_active(record, token=record.pending.token, spent=-1), moment, typed)
    spent = -1 if other.record.active is None else other.record.active.spent
    return decision if _refused(other) else other._replace(record=_with_active(record, spent=spent))


def verify_charges_what_was_replayed(record: Record, moment: Moment, typed: Typed) -> Decision[Accepted]:
    """Counts a form that was sent twice as a guess."""
    decision = verify(record, moment, typed)
    if getattr(decision.answer, "reason", "") != "replayed":
        return decision
    return decision._replace(record=record._replace(code_tally=Tally(record.code_tally.failures + 1, 0.0)))


def recover_keeps_the_code(record: Record, moment: Moment, typed: Typed) -> Decision[Recovered]:
    """Accepts a recovery code and leaves it good."""
    decision = recover(record, moment, typed)
    if _refused(decision) or record.active is None:
        return decision
    return decision._replace(record=_with_active(decision.record, recovery=record.active.recovery))


def recover_looks_at_codes_without_end(record: Record, moment: Moment, typed: Typed) -> Decision[Recovered]:
    """Counts wrong recovery codes and does not wait."""
    given = record._replace(recovery_tally=record.recovery_tally._replace(until=0.0))
    return _kept(recover(given, moment, typed), given, record)


def recover_leaves_the_code_of_the_moment(record: Record, moment: Moment, typed: Typed) -> Decision[Recovered]:
    """Accepts a recovery code, and the one-time code of the moment still opens."""
    decision = recover(record, moment, typed)
    if _refused(decision) or record.active is None:
        return decision
    return decision._replace(record=_with_active(decision.record, spent=record.active.spent))


# ---- set-up ----


def enrol_asks_for_nothing(record: Record, moment: Moment, proposal: Proposal) -> Decision[Enrolment]:
    """Shows a new secret to anybody who has the password, though a second factor works."""
    return enrol(record._replace(enrol_until=moment.now + 1), moment, proposal)


def replace_drops_the_active_secret(
    record: Record, moment: Moment, typed: Typed, proposal: Proposal
) -> Decision[Enrolment]:
    """Takes the working secret away before the new one is confirmed."""
    decision = replaced(record, moment, typed, proposal)
    return decision if _refused(decision) else decision._replace(record=decision.record._replace(active=None))


def replace_resets_the_spent_counter(
    record: Record, moment: Moment, typed: Typed, proposal: Proposal
) -> Decision[Enrolment]:
    """Spends a recovery code, and makes the one-time codes good again."""
    decision = replaced(record, moment, typed, proposal)
    return decision if _refused(decision) else decision._replace(record=_with_active(decision.record, spent=-1))


def confirm_does_not_spend(record: Record, moment: Moment, typed: Typed, fresh: Fresh) -> Decision[Confirmed]:
    """Turns the second factor on, and the code that was shown logs in once more."""
    decision = confirm(record, moment, typed, fresh)
    return decision if _refused(decision) else decision._replace(record=_with_active(decision.record, spent=-1))


def confirm_knows_no_end(record: Record, moment: Moment, typed: Typed, fresh: Fresh) -> Decision[Confirmed]:
    """Confirms a secret however long ago it was shown."""
    if record.pending is None:
        return confirm(record, moment, typed, fresh)
    given = record._replace(pending=record.pending._replace(expires_at=moment.now + 1))
    return _kept(confirm(given, moment, typed, fresh), given, record)


def confirm_keeps_the_recovery_codes(record: Record, moment: Moment, typed: Typed, fresh: Fresh) -> Decision[Confirmed]:
    """Turns a new secret on, and leaves the recovery codes of the old one."""
    decision = confirm(record, moment, typed, fresh)
    if _refused(decision) or record.active is None:
        return decision
    return decision._replace(record=_with_active(decision.record, recovery=record.active.recovery))


# ---- changes ----


def renew_keeps_the_old_codes(record: Record, moment: Moment, typed: Typed, fresh: Fresh) -> Decision[RecoveryCodes]:
    """Shows new recovery codes, and stores the old ones."""
    decision = renew_recovery_codes(record, moment, typed, fresh)
    if _refused(decision) or record.active is None:
        return decision
    return decision._replace(record=_with_active(decision.record, recovery=record.active.recovery))


def disable_takes_any_code(record: Record, moment: Moment, typed: Typed) -> Decision[None]:
    """Removes the second factor before it looks at the code, and does not put it back."""
    decision = disable(record, moment, typed)
    return decision._replace(record=EMPTY) if getattr(decision.answer, "reason", "") == "wrong" else decision


def raise_floor_spares_the_recovery_codes(record: Record, moment: Moment) -> Decision[None]:
    """Voids one-time codes after a restored backup, and no recovery code."""
    decision = raise_floor(record, moment)
    if _refused(decision) or record.active is None:
        return decision
    return decision._replace(record=_with_active(decision.record, recovery=record.active.recovery))


# ---- the store ----


class NeverCompares(ByValue):
    """Writes whatever it is given."""

    def swap(self, held: Held, loaded: Held, new: bytes | None) -> tuple[Held, bool]:
        return new, True


class WritesAndSaysNo(ByValue):
    """Writes what came too late, and says that it did not."""

    def swap(self, held: Held, loaded: Held, new: bytes | None) -> tuple[Held, bool]:
        return new, held == loaded


class InsertsOver(ByValue):
    """Compares where there was something, and writes over whatever is there where there was nothing."""

    def swap(self, held: Held, loaded: Held, new: bytes | None) -> tuple[Held, bool]:
        return (new, True) if loaded is None else super().swap(held, loaded, new)


class Versioned(NamedTuple):
    """A value with a version number beside it."""

    version: int
    raw: bytes


class ByVersion(ByValue):
    """Compares a version number, which begins at 1 again where a second factor is set up anew."""

    def value(self, held: Held) -> bytes | None:
        return held.raw if isinstance(held, Versioned) else None

    def swap(self, held: Held, loaded: Held, new: bytes | None) -> tuple[Held, bool]:
        stored, known = (each.version if isinstance(each, Versioned) else 0 for each in (held, loaded))
        if stored != known:
            return held, False
        return (None if new is None else Versioned(stored + 1, new)), True

    def renamed(self, held: Held, raw: bytes | None) -> Held:
        return Versioned(held.version, raw) if isinstance(held, Versioned) and raw is not None else None


def broken(kind: EventKind, call: Call) -> Break:
    """A break of one call."""
    return Break({kind: call}, ByValue())


BREAKS: Final[Mapping[str, Break]] = {
    "the spent counter is not stored": broken(K.VERIFY, verify_forgets_the_counter),
    "an older code is taken": broken(K.VERIFY, verify_compares_for_equality),
    "a refusal is spoken before it is stored": broken(K.VERIFY, verify_speaks_before_it_counts),
    "the wait is skipped": broken(K.VERIFY, verify_skips_the_wait),
    "the lock is skipped": broken(K.VERIFY, verify_skips_the_lock),
    "a pending secret opens the door": broken(K.VERIFY, verify_takes_the_pending_secret),
    "a replayed code is charged": broken(K.VERIFY, verify_charges_what_was_replayed),
    "a recovery code is not spent": broken(K.RECOVER, recover_keeps_the_code),
    "recovery codes are not throttled": broken(K.RECOVER, recover_looks_at_codes_without_end),
    "a recovery login leaves the code of the moment": broken(K.RECOVER, recover_leaves_the_code_of_the_moment),
    "enrol asks for nothing": broken(K.ENROL, enrol_asks_for_nothing),
    "replace drops the active secret": broken(K.REPLACE, replace_drops_the_active_secret),
    "replace lowers the spent counter": broken(K.REPLACE, replace_resets_the_spent_counter),
    "confirm does not spend its code": broken(K.CONFIRM, confirm_does_not_spend),
    "a pending secret never expires": broken(K.CONFIRM, confirm_knows_no_end),
    "confirm keeps the old recovery codes": broken(K.CONFIRM, confirm_keeps_the_recovery_codes),
    "renew keeps the old recovery codes": broken(K.RENEW_RECOVERY_CODES, renew_keeps_the_old_codes),
    "disable takes any code": broken(K.DISABLE, disable_takes_any_code),
    "raise_floor spares the recovery codes": broken(K.RAISE_FLOOR, raise_floor_spares_the_recovery_codes),
    "the store never compares": Break({}, NeverCompares()),
    "the store writes and says no": Break({}, WritesAndSaysNo()),
    "the store inserts over what is there": Break({}, InsertsOver()),
    "the store compares version numbers": Break({}, ByVersion()),
}
