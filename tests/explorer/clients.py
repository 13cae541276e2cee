"""What a client may type and call, and what the package decides on it: the service's loop, one step at a time.

Rules of this file:

1. What is decided, is decided by the calls of the universe on a record that was read from bytes, and is kept as bytes.
2. Every call of the universe is made in every state, with every code that somebody could know: of each secret that was
   loaded, the codes of the window (`verify` and `confirm`: and the next on either side of it); of each other secret in
   anybody's hands, the code of the moment; recovery codes of all sets; a wrong code of either kind; what is no code.
3. A decision depends on the record, the moment and what is typed alone, so it is made once and remembered.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from explorer.cast import MALFORMED, NONE, WRONG, WRONG_RECOVERY, Cast, Typed
from explorer.history import Answer, Value
from explorer.universe import K, Universe
from totpcore._record import EMPTY, Record, encode
from totpcore._states import Decision, Moment, state_of
from totpcore.answers import State
from totpcore.errors import Refused, TotpcoreError
from totpcore.events import EventKind

USER: Final = "7"
TAKES_EITHER: Final = (K.REPLACE, K.RENEW_RECOVERY_CODES, K.DISABLE)


class Made(NamedTuple):
    """A call that is made: its kind, what is typed, and the numbers of what is new."""

    call: EventKind
    typed: tuple[Typed, ...] = ()
    secret: int = NONE
    codes: int = NONE


class Outcome(NamedTuple):
    """What a call comes to: whether the shelf is asked to keep `raw`, and the answer."""

    swaps: bool
    raw: bytes | None
    answer: Answer


class Clients:
    """What clients may do in a universe."""

    def __init__(self, universe: Universe) -> None:
        self.universe, self.cast = universe, Cast(universe)
        self.moments = [Moment(USER, universe.now(tick), universe.policy, "ACME") for tick in range(universe.ticks)]
        self.accepted: set[EventKind] = set()
        self.refusals: set[str] = set()
        self.states: set[State] = set()
        self.decided = 0

    def calls(
        self, value: Value, tick: int, others: tuple[list[int], list[int]], fresh: tuple[int, int]
    ) -> Iterator[Made]:
        """Every call on a value that was loaded.

        Args:
            value: What was loaded.
            tick: The moment.
            others: The numbers of the secrets and sets of recovery codes that are elsewhere in somebody's hands.
            fresh: The numbers of a new secret and of a new set.
        """
        made, record = self.universe.made, value.record
        for call, texts in self._texts(record, tick, *others).items():
            if call in made:
                new_secret = fresh[0] if call is K.REPLACE else NONE
                new_codes = fresh[1] if call in {K.CONFIRM, K.RENEW_RECOVERY_CODES} else NONE
                yield from (Made(call, typed, new_secret, new_codes) for typed in texts)
        if K.ADOPT in made:
            yield Made(K.ADOPT, (), *fresh)
        for call in (K.ENROL, K.RESET, K.RAISE_FLOOR):
            if call in made:
                yield Made(call, (), fresh[0] if call is K.ENROL else NONE)

    def _texts(
        self, record: Record, tick: int, secrets: list[int], sets: list[int]
    ) -> dict[EventKind, list[tuple[Typed, ...]]]:
        """What is typed in each call that takes a code."""
        codes = [*self._codes(record, tick), *self._old_codes(record, tick, secrets)]
        valid = [typed for typed in codes if self._is_valid(typed, tick)]
        places, sets = range(self.universe.policy.recovery_codes), [*self.cast.sets_in(record), *sets]
        recovery = [Typed("recovery code", number, place) for number in sets for place in places]
        either = [WRONG, *valid, MALFORMED, WRONG_RECOVERY, *recovery]
        slips = 0 if record.pending is None else record.pending.failures
        at_confirm = [WRONG, *codes] if slips < self.universe.slips else self._confirming(record, tick)
        pairs = [(first, second) for first in codes for second in codes if second.counter == first.counter + 1]
        backwards = [pair[::-1] for pair in pairs[:1]]
        return {
            K.VERIFY: [(typed,) for typed in (WRONG, *codes, MALFORMED, *recovery[:1])],
            K.RECOVER: [(typed,) for typed in (WRONG_RECOVERY, *recovery, MALFORMED, *codes[:1])],
            **{call: [(typed,) for typed in either] for call in TAKES_EITHER},
            K.CONFIRM: [(typed,) for typed in (*at_confirm, MALFORMED)],
            K.RESYNC: [(WRONG, WRONG), *pairs, *backwards, (MALFORMED, WRONG)],
        }

    def decide(self, value: Value, tick: int, made: Made) -> Outcome:
        """Decide one call, as `_core` does."""
        record, moment = value.record, self.moments[tick]
        self.decided += 1
        self.states.add(state_of(record, moment))
        given: Record = EMPTY if made.call is K.RESET else record
        decision = self.universe.calls[made.call](given, moment, **self.arguments(made))
        answer = self._answer(made, tick, decision)
        if made.call is K.RESET:
            return Outcome(value.raw is not None, None, answer)
        if decision.record is record:
            return Outcome(False, value.raw, answer)
        if decision.record.active is None and decision.record.pending is None:
            return Outcome(True, None, answer)
        return Outcome(True, encode(decision.record).value, answer)

    def arguments(self, made: Made) -> dict[str, object]:
        """What the call is given beside the record and the moment."""
        arguments: dict[str, object] = dict(zip(("typed", "typed_next"), map(self.cast.text, made.typed), strict=False))
        if made.call is K.ADOPT:
            token = self.cast.hotp(made.secret) if self.universe.hotp else self.cast.totp(made.secret)
            arguments |= {"token": token, "spent": NONE}
        elif made.secret != NONE:
            arguments["proposal"] = self.cast.proposal(made.secret)
        if made.codes != NONE:
            arguments["fresh"] = self.cast.fresh(made.codes)
        return arguments

    def _answer(self, made: Made, tick: int, decision: Decision[object]) -> Answer:
        """Return what matters of an answer, so that a wrong code is the same answer whatever the call."""
        if isinstance(decision.answer, TotpcoreError):
            error = decision.answer
            outcome = error.reason if isinstance(error, Refused) else type(error).__name__
            self.refusals.add(outcome)
            if outcome not in ("wrong", "clock_off"):
                return Answer(None, outcome, tick)
            if made.call is K.CONFIRM:
                return Answer(None, "wrong", tick, tally="confirm")
            return Answer(None, outcome, tick, tally="recovery" if made.typed[0].is_recovery else "code")
        self.accepted.add(made.call)
        spends = made.typed if made.call is not K.ADOPT else (Typed("code", made.secret, NONE),)
        return Answer(made.call, "ok", tick, spends, secret=made.secret, codes=made.codes)

    def _codes(self, record: Record, tick: int) -> Iterator[Typed]:
        """The codes around the moment of each secret that was loaded: the window, and one more on each side."""
        if self.universe.hotp:
            return (Typed("code", number, counter) for number in self.cast.secrets_in(record)
                    for counter in range(self.universe.codes))  # fmt: skip
        (past, future), now = self.universe.policy.window, self._step(tick)
        around = range(now - past - 1, now + future + 2)
        return (Typed("code", number, counter) for number in self.cast.secrets_in(record) for counter in around)

    def _old_codes(self, record: Record, tick: int, others: list[int]) -> Iterator[Typed]:
        """A code of this moment of each secret that is in somebody's hands and was not loaded."""
        counter = 0 if self.universe.hotp else self._step(tick)
        return (Typed("code", number, counter) for number in others)

    def _step(self, tick: int) -> int:
        return self.universe.now(tick) // self.universe.policy.period

    def _is_valid(self, typed: Typed, tick: int) -> bool:
        """Whether a code is one of this moment: in the window, or of an HOTP token at all."""
        (past, future), now = self.universe.policy.window, self._step(tick)
        return self.universe.hotp or now - past <= typed.counter <= now + future

    def _confirming(self, record: Record, tick: int) -> list[Typed]:
        """The codes that `confirm` should take; others are slips, which a universe may bound."""
        if record.pending is None:
            return [WRONG]
        waiting = self.cast.secret_of(record.pending.token)
        return [typed for typed in self._codes(record, tick) if typed.number == waiting and self._is_valid(typed, tick)]
