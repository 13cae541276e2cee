"""What must hold at every step, whatever two clients and the clock do. The whole promise stands here, in plain words.

Rules of this file:

1. Each promise is a function that is given one step: what was on the shelf before and after, what was said, and what
   had happened until then. It is true where the promise is kept.
2. The docstring is the promise. It is what is printed where it is broken.
3. No promise asks the package whether all is well: it looks at the bytes on the shelf and at the history.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from explorer.cast import NONE, Typed
from explorer.history import Answer, History, Value, Wrong
from explorer.universe import K, Universe
from totpcore.otp import TOTP

COSTS_NOTHING: Final = {"malformed", "replayed", "throttled", "locked", "not_enrolled", "expired", "clock_behind"}
MISTAKES: Final = {"AlreadyEnrolled", "StateError"}  # of the program, not of the visitor
CONFIRM_SLIPS: Final = 20  # wrong codes at `confirm`, after which a pending secret has ended


class Step(NamedTuple):
    """One swap, or one answer that needs none.

    Attributes:
        universe: The numbers.
        history: What had happened before.
        answer: What is said; `None` where the swap was lost, so that nothing is.
        swaps: Whether the shelf was asked for anything.
        current: Whether the shelf still held exactly what the client had loaded.
        before: What was on the shelf.
        after: What is on it now.
    """

    universe: Universe
    history: History
    answer: Answer | None
    swaps: bool
    current: bool
    before: Value
    after: Value

    @property
    def ok(self) -> bool:
        """Whether a call was answered with yes."""
        return self.answer is not None and self.answer.outcome == "ok"

    def is_ok(self, *calls: str) -> bool:
        """Whether one of these calls was answered with yes."""
        return self.answer is not None and self.answer.outcome == "ok" and self.answer.call in calls


Invariant = Callable[[Step], bool]


def a_counter_is_accepted_at_most_once(step: Step) -> bool:
    """A one-time code opens once: an accepted counter lies above every one of its secret that was accepted before.

    The code that confirmed a secret counts as accepted: it does not log in once more.
    """
    highest = step.history.highest
    for typed in _spent_codes(step):
        if typed.number == step.history.door and typed.counter <= highest:
            return False
        highest = typed.counter
    return True


def a_recovery_code_is_accepted_at_most_once(step: Step) -> bool:
    """A recovery code opens once."""
    return not any(
        typed.number == step.history.codes and step.history.used >> typed.counter & 1 for typed in _spent_recovery(step)
    )


def no_acceptance_without_a_stored_record_that_shows_it(step: Step) -> bool:
    """Nobody is told yes before the shelf shows it: the code is marked spent there, or its secret is gone."""
    active = step.after.record.active
    for typed in _spent_codes(step, confirm=True):
        if active is not None and step.after.secrets >> typed.number & 1 and active.spent < typed.counter:
            return False
    for typed in _spent_recovery(step):
        if active is not None and step.after.sets >> typed.number & 1 and not active.recovery.is_spent(typed.counter):
            return False
    return not step.is_ok(K.CONFIRM, K.ADOPT) or active is not None


def a_recovery_login_spends_the_codes_of_that_moment(step: Step) -> bool:
    """After a recovery code, no time-based code that was valid at that moment opens: somebody may have looked on."""
    active = step.after.record.active
    if not _spent_recovery(step) or active is None or not isinstance(active.token, TOTP) or step.answer is None:
        return True
    return active.spent >= step.universe.last_valid(step.answer.tick)


def never_more_answers_than_the_tally_allows(step: Step) -> bool:
    """Nobody learns whether a code is right more often than the free attempts, the waits and the lock allow."""
    universe, answer = step.universe, step.answer
    if answer is None:
        return True
    wrong = answer.outcome in ("wrong", "clock_off")
    if answer.tally == "confirm" and wrong:
        return step.history.slips < CONFIRM_SLIPS
    if (answer.tally == "code" and wrong) or _spent_codes(step):
        locked = step.history.wrong_codes.times >= universe.policy.lock_after
        return not locked and _wait_is_over(step.history.wrong_codes, answer.tick, universe)
    if (answer.tally == "recovery" and wrong) or _spent_recovery(step):
        return _wait_is_over(step.history.wrong_recovery, answer.tick, universe)
    return True


def a_refusal_is_stored_before_it_is_spoken(step: Step) -> bool:
    """Nobody is told "wrong" before the shelf has counted it."""
    answer, record = step.answer, step.after.record
    if answer is None or answer.outcome not in ("wrong", "clock_off"):
        return True
    if answer.tally == "confirm":
        return record.pending is not None and record.pending.failures > step.history.slips
    if answer.tally == "code":
        return record.code_tally.failures > step.history.wrong_codes.times
    return record.recovery_tally.failures > step.history.wrong_recovery.times


def a_locked_secret_accepts_no_one_time_code(step: Step) -> bool:
    """After `lock_after` wrong codes in a row, no one-time code of that secret opens or changes anything."""
    return step.history.wrong_codes.times < step.universe.policy.lock_after or not _spent_codes(step)


def a_pending_secret_never_opens_the_door(step: Step) -> bool:
    """A secret that was shown and not confirmed opens nothing: only `confirm` takes a code of it."""
    return not any(
        typed.number != step.history.door and not step.history.old_secrets >> typed.number & 1
        for typed in _spent_codes(step)
    )


def a_pending_secret_ends_in_time(step: Step) -> bool:
    """Only the secret that was shown last can be confirmed, and only for `pending_seconds`."""
    if not step.is_ok(K.CONFIRM) or step.answer is None:
        return True
    (typed,) = step.answer.spends
    shown_at = step.history.shown_at
    return typed.number == step.history.shown and step.universe.still_open(shown_at, step.answer.tick)


def an_old_secret_never_comes_back(step: Step) -> bool:
    """A secret that was removed, replaced or abandoned is never stored again, and no code of it is accepted."""
    again = step.after.secrets & step.history.old_secrets
    return not again and not any(
        step.history.old_secrets >> typed.number & 1 for typed in _spent_codes(step, confirm=True)
    )


def an_old_recovery_code_never_comes_back(step: Step) -> bool:
    """A set of recovery codes that has ended is never stored again, and no code of it is accepted."""
    again = step.after.sets & step.history.old_codes
    return not again and all(typed.number == step.history.codes for typed in _spent_recovery(step))


def a_lost_swap_changes_nothing(step: Step) -> bool:
    """Where the shelf holds anything but what was loaded, it stays as it is, and nothing is said."""
    if not step.swaps or step.current:
        return step.answer is not None or step.after.raw == step.before.raw
    return step.answer is None and step.after.raw == step.before.raw


def a_spent_counter_never_goes_down(step: Step) -> bool:
    """While a secret lives, its spent counter stays or rises."""
    before, after = step.before.record.active, step.after.record.active
    if before is None or after is None or before.token != after.token:
        return True
    return after.spent >= before.spent


def what_costs_nothing_writes_nothing(step: Step) -> bool:
    """What is throttled, malformed, replayed, locked or too late leaves the shelf as it was, bit for bit."""
    return step.answer is None or step.answer.outcome not in COSTS_NOTHING | MISTAKES or not step.swaps


def what_works_is_changed_by_a_code_alone(step: Step) -> bool:
    """The secret that works, and its recovery codes, stay until a code or an operator takes them away.

    A refusal, and set-up that was begun, change neither. With a code come `disable`, `renew_recovery_codes` and, of
    the new secret, `confirm`. Operators have `reset`.
    """
    before, after = step.before.record.active, step.after.record.active
    if before is None:
        return after is None or step.is_ok(K.CONFIRM, K.ADOPT)
    if step.answer is None or step.is_ok(K.RESET):
        return True
    if after is None:
        return step.is_ok(K.DISABLE) and bool(step.answer.spends)
    if before.token != after.token:
        return step.is_ok(K.CONFIRM) and bool(step.answer.spends)
    if before.recovery.salt != after.recovery.salt:
        return step.is_ok(K.RENEW_RECOVERY_CODES) and bool(step.answer.spends)
    return before.generation == after.generation


def a_new_secret_beside_a_working_one_takes_a_code(step: Step) -> bool:
    """Where a second factor works, set-up begins with `replace` and a code, or shortly after a recovery login."""
    if not step.is_ok(K.ENROL, K.REPLACE) or step.history.door == NONE or step.answer is None:
        return True
    recovered_at = step.history.recovered_at
    recently = recovered_at != NONE and step.universe.still_open(recovered_at, step.answer.tick)
    return bool(step.answer.spends) if step.is_ok(K.REPLACE) else recently


def a_new_secret_begins_anew(step: Step) -> bool:
    """With a secret that was just confirmed come new recovery codes, a new generation, and clean tallies."""
    before, record = step.before.record.active, step.after.record
    if not step.is_ok(K.CONFIRM, K.ADOPT) or record.active is None:
        return True
    clean = record.code_tally.failures == record.recovery_tally.failures == 0 and record.pending is None
    if before is None:
        return clean
    return (
        clean
        and before.generation != record.active.generation
        and before.recovery.salt != record.active.recovery.salt
        and record.active.recovery.spent == 0
    )


def _spent_codes(step: Step, *, confirm: bool = False) -> list[Typed]:
    """The one-time codes that were accepted of a secret in use; with `confirm`, of a new one too."""
    if step.answer is None or (step.answer.call in (K.CONFIRM, K.ADOPT) and not confirm):
        return []
    return [typed for typed in step.answer.spends if not typed.is_recovery]


def _spent_recovery(step: Step) -> list[Typed]:
    """The recovery codes that were accepted."""
    return [] if step.answer is None else [typed for typed in step.answer.spends if typed.is_recovery]


def _wait_is_over(wrong: Wrong, tick: int, universe: Universe) -> bool:
    """Whether the next code may be answered, by the documentation: free attempts, then waits that double."""
    policy = universe.policy
    if wrong.times < policy.free_attempts:
        return True
    wait = min(policy.longest_wait, policy.first_wait * 2.0 ** (wrong.times - policy.free_attempts))
    return (tick - wrong.tick) * universe.seconds >= wait


INVARIANTS: Final[tuple[Invariant, ...]] = (
    a_counter_is_accepted_at_most_once,
    a_recovery_code_is_accepted_at_most_once,
    no_acceptance_without_a_stored_record_that_shows_it,
    a_recovery_login_spends_the_codes_of_that_moment,
    never_more_answers_than_the_tally_allows,
    a_refusal_is_stored_before_it_is_spoken,
    a_locked_secret_accepts_no_one_time_code,
    a_pending_secret_never_opens_the_door,
    a_pending_secret_ends_in_time,
    an_old_secret_never_comes_back,
    an_old_recovery_code_never_comes_back,
    a_lost_swap_changes_nothing,
    a_spent_counter_never_goes_down,
    what_costs_nothing_writes_nothing,
    what_works_is_changed_by_a_code_alone,
    a_new_secret_beside_a_working_one_takes_a_code,
    a_new_secret_begins_anew,
)
