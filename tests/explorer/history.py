"""What has happened so far, as far as the invariants ask: the memory of somebody who watches and forgets nothing.

Rules of this file:

1. The history is kept beside the store, from what was answered and what was put on the shelf. No call sees it.
2. It takes its rules from the documentation, and counts for itself: it never reads a tally or a spent counter.
3. A history is forgotten only where nothing can come of it any more: a number that nobody holds, a time that is over.
"""

from collections.abc import Sequence
from typing import NamedTuple

from explorer.cast import NONE, Typed
from explorer.universe import K, Universe
from totpcore._record import Record
from totpcore.events import EventKind


class Value(NamedTuple):
    """What a store may hold: the record, and the numbers of what is in it."""

    raw: bytes | None
    record: Record
    secrets: int  # bit k is set where secret number k is in it
    sets: int  # bit j is set where set of recovery codes number j is in it


class Answer(NamedTuple):
    """What a client says once its swap is through, or at once where there is nothing to swap.

    Attributes:
        call: The call; `None` for a wrong code, which is one whatever the call.
        outcome: `ok`, the reason of the refusal, or the name of another exception.
        tick: The moment at which it was decided.
        spends: The codes that were accepted.
        tally: What a wrong code counts against: `code`, `recovery` or `confirm`.
        secret: The number of the secret that was shown or adopted.
        codes: The number of the set of recovery codes that was shown.
    """

    call: EventKind | None
    outcome: str
    tick: int = NONE
    spends: tuple[Typed, ...] = ()
    tally: str = ""
    secret: int = NONE
    codes: int = NONE

    def renamed(self, secrets: Sequence[int], sets: Sequence[int]) -> "Answer":
        """Return the answer under other numbers, `NONE` for what is in nobody's hands."""
        spends = tuple(
            typed._replace(number=_name(typed.number, sets if typed.is_recovery else secrets)) for typed in self.spends
        )
        return self._replace(spends=spends, secret=_name(self.secret, secrets), codes=_name(self.codes, sets))


class Wrong(NamedTuple):
    """How many wrong codes in a row were answered, and at which moment the last one was."""

    times: int = 0
    tick: int = NONE


class History(NamedTuple):
    """What has happened.

    Attributes:
        door: The secret that opens the door: the last one that was confirmed or adopted.
        highest: The highest of its counters that was accepted or voided.
        codes: The set of recovery codes that was shown last.
        used: Bit n is set where its code n was accepted or voided.
        old_secrets: The secrets that were in the store, and are not any more.
        old_codes: The same of sets of recovery codes.
        wrong_codes: One-time codes answered as wrong since one was accepted.
        wrong_recovery: The same of recovery codes.
        shown: The secret that was shown last and waits to be confirmed.
        shown_at: The moment at which it was shown.
        slips: Wrong codes answered at `confirm` since then.
        recovered_at: The moment of the last recovery login.
    """

    door: int = NONE
    highest: int = NONE
    codes: int = NONE
    used: int = 0
    old_secrets: int = 0
    old_codes: int = 0
    wrong_codes: Wrong = Wrong()
    wrong_recovery: Wrong = Wrong()
    shown: int = NONE
    shown_at: int = NONE
    slips: int = 0
    recovered_at: int = NONE

    def renamed(self, secrets: Sequence[int], sets: Sequence[int]) -> "History":
        """Return the history under other numbers, `NONE` for what is in nobody's hands: that is forgotten."""
        return self._replace(
            door=_name(self.door, secrets),
            codes=_name(self.codes, sets),
            shown=_name(self.shown, secrets),
            old_secrets=_names(self.old_secrets, secrets),
            old_codes=_names(self.old_codes, sets),
        )


def _name(number: int, names: Sequence[int]) -> int:
    return NONE if number == NONE else names[number]


def _names(bits: int, names: Sequence[int]) -> int:
    return sum(1 << name for number, name in enumerate(names) if bits >> number & 1 and name != NONE)


def followed(history: History, answer: Answer, before: Value, after: Value, universe: Universe) -> History:
    """Return the history once an answer has been given and what it came with is on the shelf."""
    old = History(
        old_secrets=history.old_secrets | before.secrets & ~after.secrets,
        old_codes=history.old_codes | before.sets & ~after.sets,
    )
    history = history._replace(old_secrets=old.old_secrets, old_codes=old.old_codes)
    if after.raw != before.raw:
        history = _without_what_is_over(history, answer.tick, universe)
    if answer.outcome == "ok" and answer.call in (K.RESET, K.DISABLE):
        return old
    if answer.outcome == "ok" and answer.call in (K.CONFIRM, K.ADOPT):
        (spent,) = answer.spends
        return old._replace(door=spent.number, highest=spent.counter, codes=answer.codes)
    if answer.outcome in ("wrong", "clock_off"):
        return _charged(history, answer)
    for typed in answer.spends:
        history = _spent(history, typed, answer.tick, universe)
    if answer.outcome == "ok" and answer.call is K.RENEW_RECOVERY_CODES:
        history = history._replace(codes=answer.codes, used=0)
    if answer.outcome == "ok" and answer.call in (K.ENROL, K.REPLACE):
        history = history._replace(shown=answer.secret, shown_at=answer.tick, slips=0)
    if answer.outcome == "ok" and answer.call is K.RECOVER:
        history = history._replace(recovered_at=answer.tick)
    if answer.outcome == "ok" and answer.call is K.RAISE_FLOOR:
        history = history._replace(shown=NONE, shown_at=NONE, slips=0, recovered_at=NONE)
        if history.door != NONE:
            used = (1 << universe.policy.recovery_codes) - 1
            history = history._replace(used=used, highest=max(history.highest, universe.last_valid(answer.tick)))
    return history


def _charged(history: History, answer: Answer) -> History:
    if answer.tally == "confirm":
        return history._replace(slips=history.slips + 1)
    if answer.tally == "code":
        return history._replace(wrong_codes=Wrong(history.wrong_codes.times + 1, answer.tick))
    return history._replace(wrong_recovery=Wrong(history.wrong_recovery.times + 1, answer.tick))


def _spent(history: History, typed: Typed, tick: int, universe: Universe) -> History:
    if not typed.is_recovery:
        return history._replace(highest=max(history.highest, typed.counter), wrong_codes=Wrong())
    voided = NONE if universe.hotp else universe.last_valid(tick)
    return history._replace(
        used=history.used | 1 << typed.counter, highest=max(history.highest, voided), wrong_recovery=Wrong()
    )


def _without_what_is_over(history: History, tick: int, universe: Universe) -> History:
    """Forget the secret that was shown, and the recovery login, where their time is over."""
    if history.shown != NONE and not universe.still_open(history.shown_at, tick):
        history = history._replace(shown=NONE, shown_at=NONE, slips=0)
    if history.recovered_at != NONE and not universe.still_open(history.recovered_at, tick):
        history = history._replace(recovered_at=NONE)
    return history
