"""The whole lifecycle in any order, against a naive model of it.

Rules of this file:

1. The model is plain: sets of spent counters, lists of recovery codes, whole numbers. It shares no code with totpcore,
   not even the computation of a code, and takes its rules from the documentation.
2. The machine picks what to type by index: the code of this secret at that offset, that recovery code. What the text
   means, also where two counters happen to share a code, the model finds out itself.
3. After each call the answer, the event and the status have to be the model's.
"""

import copy
import hashlib
import hmac
import random
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from totpcore import (
    HOTP,
    TOTP,
    Confirmed,
    Enrolment,
    Gate,
    MemoryStore,
    Plaintext,
    Policy,
    RecoveryCodes,
    Refused,
    Secret,
    TotpcoreError,
    TwoFactor,
)
from totpcore.events import Event
from totpcore.testing import HandClock

START = 1_800_000_000
USER = "7"
FREE, LOCK, CODES, LOW, AHEAD, FIRST, LONGEST, PENDING, DIGITS = 2, 5, 3, 1, 4, 30, 90, 120, 8

Answer = tuple[str, dict[str, Any]]


# ---- the model ----


def computed(key: bytes, counter: int) -> str:
    """The code for a counter, as RFC 4226 section 5.4 computes it."""
    mac = hmac.new(key, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    start = mac[19] % 16
    number = (mac[start] % 128) * 2**24 + mac[start + 1] * 2**16 + mac[start + 2] * 2**8 + mac[start + 3]
    return str(number % 10**DIGITS).zfill(DIGITS)


def wait(failures: int) -> int:
    """The seconds after so many wrong codes in a row."""
    return 0 if failures < FREE else min(LONGEST, FIRST * 2 ** (failures - FREE))


def left(until: float, now: float) -> float:
    """The seconds left of a wait; far more than the longest is what a clock that had jumped left behind."""
    return min(until - now, LONGEST) if 0 < until - now <= LONGEST + 60 else 0


@dataclass
class Guesses:
    """Wrong codes of one kind, in a row."""

    count: int = 0
    until: float = 0


@dataclass
class Confirmation:
    """What waits to be confirmed."""

    key: bytes
    expires_at: float
    wrong: int = 0


@dataclass
class Factor:
    """A confirmed second factor."""

    key: bytes
    by_time: bool
    spent: set[int]
    codes: list[str]
    enrolled_at: float
    last_used_at: float | None
    used: set[str] = field(default_factory=set)


class No(Exception):
    """The model refuses."""

    def __init__(self, name: str, reason: str | None, failures: int = 0, **fields: Any) -> None:
        super().__init__(name)
        self.answer: Answer = (name, fields if reason is None else {"reason": reason, **fields})
        self.reason, self.failures = reason, failures


@dataclass
class Model:
    """The rules of the lifecycle, naively."""

    past: int
    future: int
    now: float = START
    factor: Factor | None = None
    waiting: Confirmation | None = None
    guesses: Guesses = field(default_factory=Guesses)
    recovery_guesses: Guesses = field(default_factory=Guesses)
    enrol_until: float = 0

    def step(self) -> int:
        return int(self.now // 30)

    def pending(self) -> Confirmation | None:
        waiting = self.waiting
        return waiting if waiting and self.still_open(waiting.expires_at) and waiting.wrong < 20 else None

    def still_open(self, until: float) -> bool:
        return self.now < until <= self.now + PENDING + 60

    def drop_what_has_ended(self) -> None:
        """Whatever is stored takes it along."""
        if self.pending() is None:
            self.waiting = None
        if not self.still_open(self.enrol_until):
            self.enrol_until = 0

    def state(self) -> str:
        if self.factor:
            return "locked" if self.guesses.count >= LOCK else "on"
        return "pending" if self.pending() else "off"

    def needs_factor(self) -> Factor:
        if self.factor is None:
            raise No("NotEnrolled", "not_enrolled")
        return self.factor

    def needs_lock_off(self) -> None:
        if self.state() == "locked":
            raise No("Locked", "locked", self.guesses.count)

    # Codes.

    @staticmethod
    def check_wait(guesses: Guesses, now: float) -> None:
        if left(guesses.until, now):
            raise No("Throttled", "throttled", guesses.count, retry_after=left(guesses.until, now))

    @staticmethod
    def free(guesses: Guesses) -> int:
        return max(0, FREE - guesses.count)

    def malformed(self, guesses: Guesses) -> No:
        return No("InvalidCode", "malformed", guesses.count, malformed=True, attempts_left=self.free(guesses))

    def replayed(self, guesses: Guesses) -> No:
        return No("CodeReplayed", "replayed", guesses.count, malformed=False, attempts_left=self.free(guesses))

    def wrong(self, guesses: Guesses) -> No:
        guesses.count += 1
        guesses.until = self.now + wait(guesses.count) if wait(guesses.count) else 0
        return No("InvalidCode", "wrong", guesses.count, malformed=False, attempts_left=self.free(guesses))

    def spend_code(self, typed: str) -> Answer:
        factor, guesses = self.needs_factor(), self.guesses
        self.check_wait(guesses, self.now)
        if len(typed) != DIGITS:
            raise self.malformed(guesses)
        highest = max(factor.spent)
        if factor.by_time:
            due = self.step()
            reach = range(due - self.past, due + self.future + 1)
            if highest > due + self.future:
                raise No("ClockBehind", "clock_behind", guesses.count)
        else:
            due = highest + 1
            reach = range(max(0, due - 1), due + AHEAD + 1)
        meant = [counter for counter in reach if computed(factor.key, counter) == typed]
        if not meant:
            raise self.wrong(guesses)
        if meant[-1] <= highest:
            raise self.replayed(guesses)
        return self.accept(factor, meant[-1], due)

    def accept(self, factor: Factor, counter: int, due: int) -> Answer:
        before, self.guesses = self.guesses.count, Guesses()
        factor.spent.add(counter)
        factor.last_used_at = self.now
        return "Accepted", {"user": USER, "counter": counter, "drift_steps": counter - due, "failures_before": before}

    def spend_recovery_code(self, typed: str) -> None:
        factor, guesses = self.needs_factor(), self.recovery_guesses
        self.check_wait(guesses, self.now)
        if len(typed) != 29:
            raise self.malformed(guesses)
        if typed in factor.used:
            raise self.replayed(guesses)
        if typed not in factor.codes:
            raise self.wrong(guesses)
        factor.used.add(typed)
        factor.last_used_at = self.now
        self.recovery_guesses = Guesses()
        if factor.by_time:
            factor.spent.add(self.step() + self.future)

    def spend_either(self, typed: str) -> None:
        self.needs_factor()
        if len(typed) == 29:
            self.spend_recovery_code(typed)
        else:
            self.needs_lock_off()
            self.spend_code(typed)

    # Calls.

    def verify(self, typed: str) -> Answer:
        self.needs_factor()
        self.needs_lock_off()
        return self.spend_code(typed)

    def recover(self, typed: str) -> Answer:
        factor, locked, before = self.needs_factor(), self.state() == "locked", self.recovery_guesses.count
        self.spend_recovery_code(typed)
        self.enrol_until = self.now + PENDING
        left = CODES - len(factor.used)
        return "Recovered", {
            "user": USER,
            "codes_left": left,
            "running_low": left <= LOW,
            "failures_before": before,
            "must_replace": locked,
        }

    def resync(self, typed: str, next_typed: str) -> Answer:
        factor = self.needs_factor()
        self.needs_lock_off()
        if factor.by_time:
            raise No("StateError", None)
        self.check_wait(self.guesses, self.now)
        if len(typed) != DIGITS or len(next_typed) != DIGITS:
            raise self.malformed(self.guesses)
        due = max(factor.spent) + 1
        for counter in range(due + 100, due - 1, -1):
            if computed(factor.key, counter) == typed and computed(factor.key, counter + 1) == next_typed:
                return self.accept(factor, counter + 1, due)
        raise self.wrong(self.guesses)

    def enrol(self) -> Answer:
        if self.factor and not self.still_open(self.enrol_until):
            raise No("AlreadyEnrolled", None)
        return "Enrolment", {"expires_at": self.now + PENDING}

    def replace(self, typed: str) -> Answer:
        self.spend_either(typed)
        return "Enrolment", {"expires_at": self.now + PENDING}

    def confirm(self, typed: str) -> Answer:
        waiting = self.pending()
        if waiting is None:
            raise No("EnrolmentExpired", "expired")
        if len(typed) != DIGITS:
            left = 20 - waiting.wrong
            raise No("InvalidCode", "malformed", waiting.wrong, malformed=True, attempts_left=left)
        now = self.step()
        meant = [counter for counter in range(now - 10, now + 11) if computed(waiting.key, counter) == typed]
        current = [counter for counter in meant if now - self.past <= counter <= now + self.future]
        if current:
            self.adopt(waiting.key, True, {current[-1]})
            assert self.factor
            self.factor.last_used_at = self.now
            return "Confirmed", {"counter": current[-1]}
        waiting.wrong += 1
        fields = {"malformed": False, "attempts_left": 20 - waiting.wrong}
        if not meant:
            raise No("InvalidCode", "wrong", waiting.wrong, **fields)
        off = min((counter - now for counter in meant), key=abs)
        raise No("ClockOff", "clock_off", waiting.wrong, seconds=30 * off, **fields)

    def adopt(self, key: bytes, by_time: bool, spent: set[int]) -> None:
        self.factor = Factor(key, by_time, spent, [], self.now, None)
        self.waiting, self.guesses, self.recovery_guesses, self.enrol_until = None, Guesses(), Guesses(), 0

    def adopt_from_elsewhere(self, key: bytes, by_time: bool, spent: int) -> Answer:
        if self.factor:
            raise No("AlreadyEnrolled", None)
        self.adopt(key, by_time, {spent})
        return "Confirmed", {"counter": spent}

    def renew(self, typed: str) -> Answer:
        self.spend_either(typed)
        return "RecoveryCodes", {}

    def disable(self, typed: str) -> Answer:
        self.spend_either(typed)
        return self.reset()

    def reset(self) -> Answer:
        self.factor, self.waiting, self.enrol_until = None, None, 0
        self.guesses, self.recovery_guesses = Guesses(), Guesses()
        return "None", {}

    def raise_floor(self) -> Answer:
        if self.factor:
            if not self.factor.by_time:
                raise No("StateError", None)
            self.factor.spent.add(self.step() + self.future)
            self.factor.used.update(self.factor.codes)
        self.waiting, self.enrol_until = None, 0
        return "None", {}

    # What is seen.

    def codes_left(self) -> int:
        return len(self.factor.codes) - len(self.factor.used) if self.factor else 0

    def status(self) -> dict[str, Any]:
        factor = self.factor
        return {
            "state": self.state(),
            "code_required": factor is not None,
            "replacing": factor is not None and self.pending() is not None,
            "codes_left": self.codes_left(),
            "running_low": factor is not None and self.codes_left() <= LOW,
            "retry_after": left(self.guesses.until, self.now) if factor else 0,
            "weak_secret": False,
            "enrolled_at": factor.enrolled_at if factor else None,
            "last_used_at": factor.last_used_at if factor else None,
        }


# ---- the machine ----

TEXTS = st.one_of(
    st.tuples(st.just("active"), st.sampled_from([0, 0, 0, 0, 1, -1, 2, -2])),
    st.tuples(st.just("recovery"), st.integers(0, CODES - 1)),
    st.tuples(st.sampled_from(["pending", "old"]), st.integers(-2, 2)),
    st.tuples(st.sampled_from(["old recovery", "wrong", "wrong", "wrong recovery", "malformed", "again"]), st.just(0)),
)
PENDING_TEXTS = st.one_of(st.tuples(st.just("pending"), st.sampled_from([0, 0, 0, 1, -1, 2, -2, 10, -10, 11])), TEXTS)
TICKS = st.sampled_from([0.5, 1, 29.5, 30, 30, 60, 60, 90, 120, 600, -1, -30, -60, -300])


class Lifecycle(RuleBasedStateMachine):
    """Any calls in any order, each answered as the model says."""

    @initialize(window=st.sampled_from([(1, 1), (1, 1), (0, 0), (2, 1)]))
    def begin(self, window: tuple[int, int]) -> None:
        """Start with nobody enrolled."""
        self.randomness = random.Random(0)
        self.clock = HandClock(START)
        self.events: list[Event] = []
        self.service = TwoFactor(
            MemoryStore(),
            issuer="ACME",
            sealer=Plaintext(),
            policy=Policy(
                digits=DIGITS,
                window=window,
                look_ahead=AHEAD,
                pending_seconds=PENDING,
                free_attempts=FREE,
                first_wait=FIRST,
                longest_wait=LONGEST,
                lock_after=LOCK,
                recovery_codes=CODES,
                recovery_low=LOW,
            ),
            clock=self.clock,
            audit=self.events.append,
        )
        self.model = Model(*window)
        self.old_keys: list[bytes] = []
        self.old_codes: list[str] = []
        self.last_typed = "0" * DIGITS
        self.accepted: dict[bytes, list[int]] = {}
        self.wrong_in_a_row = 0

    # What to type, and what comes of it.

    def text(self, choice: tuple[str, int]) -> str:
        """The text that an index stands for; a wrong code where there is no such thing."""
        kind, number = choice
        text, factor, waiting = "0" * DIGITS, self.model.factor, self.model.waiting
        if kind == "active" and factor:
            due = self.model.step() if factor.by_time else max(factor.spent) + 1
            text = computed(factor.key, max(0, due + number))
        elif kind == "pending" and waiting:
            text = computed(waiting.key, self.model.step() + number)
        elif kind == "old" and self.old_keys:
            text = computed(self.old_keys[-1], self.model.step() + number)
        elif kind == "recovery" and factor:
            text = factor.codes[number]
        elif kind == "old recovery" and self.old_codes:
            text = self.old_codes[-1]
        elif kind == "wrong recovery":
            text = "0000-0000-0000-0000-0000-0000"
        elif kind == "malformed":
            text = "1234"
        elif kind == "again":
            text = self.last_typed
        self.last_typed = text
        return text

    def both(self, call: Callable[[], object], modelled: Callable[[], Answer]) -> object:
        """Call totpcore and the model, compare what they say, and return what totpcore returned."""
        self.events.clear()
        was, before = self.model.factor, copy.deepcopy(self.model)
        reason, failures = "ok", 0
        try:
            expected = modelled()
        except No as no:
            expected, reason, failures = no.answer, no.reason or "", no.failures
        if self.model != before or expected[0] == "Enrolment":
            self.model.drop_what_has_ended()
        answer = self.answer_of(call)
        assert plain(answer) == expected
        if reason:
            event = self.events.pop()
            assert (event.reason, event.failures, event.at) == (reason, failures, self.clock())
        assert self.events == []
        if was is not None and self.model.factor is not was:
            self.old_keys.append(was.key)
            self.old_codes.append(was.codes[0])
        if isinstance(answer, Confirmed):
            assert self.model.factor
            self.model.factor.codes = list(answer.recovery_codes)
        return answer

    def answer_of(self, call: Callable[[], object]) -> object:
        """What totpcore returns or raises, with the same random bytes in every run."""
        with patch.object(secrets, "token_bytes", self.randomness.randbytes):
            try:
                return call()
            except TotpcoreError as error:
                return error

    def shown(self, answer: object) -> None:
        """Remember a new secret."""
        if isinstance(answer, Enrolment):
            self.model.waiting = Confirmation(answer.secret.reveal(), answer.expires_at)

    def tallied(self, answer: object) -> None:
        """Count accepted counters and wrong one-time codes on totpcore's own word."""
        name, fields = plain(answer)
        if name == "Accepted":
            assert self.model.factor
            self.accepted.setdefault(self.model.factor.key, []).append(fields["counter"])
            self.wrong_in_a_row = 0
        elif fields.get("reason") == "wrong":
            self.wrong_in_a_row += 1

    # Log-in.

    @rule(choice=TEXTS)
    def verify(self, choice: tuple[str, int]) -> None:
        """Log in by whatever text."""
        typed = self.text(choice)
        self.tallied(self.both(lambda: self.service.verify(USER, typed), lambda: self.model.verify(typed)))

    @rule(choice=TEXTS)
    def recover(self, choice: tuple[str, int]) -> None:
        """Log in by a recovery code."""
        typed = self.text(choice)
        self.both(lambda: self.service.recover(USER, typed), lambda: self.model.recover(typed))

    @precondition(lambda self: self.model.factor)
    @rule(times=st.integers(1, LOCK), choice=st.sampled_from(["wrong", "wrong recovery"]))
    def guess(self, times: int, choice: str) -> None:
        """Guess wrong as often as the waits allow."""
        for _ in range(times):
            self.wait_over(0, choice == "wrong")
            self.verify((choice, 0)) if choice == "wrong" else self.recover((choice, 0))

    # Set-up.

    @rule()
    def enrol(self) -> None:
        """Begin set-up."""
        self.shown(self.both(lambda: self.service.enrol(USER, account="alice"), self.model.enrol))

    @rule(choice=TEXTS)
    def replace(self, choice: tuple[str, int]) -> None:
        """Begin set-up of a new secret."""
        typed = self.text(choice)
        answer = self.both(
            lambda: self.service.replace(USER, typed, account="alice"), lambda: self.model.replace(typed)
        )
        self.shown(answer)
        self.changed(choice, answer)

    @precondition(lambda self: self.model.waiting)
    @rule(choice=PENDING_TEXTS)
    def confirm(self, choice: tuple[str, int]) -> None:
        """Confirm, mostly by a code of the pending secret."""
        typed = self.text(choice)
        if isinstance(
            self.both(lambda: self.service.confirm(USER, typed), lambda: self.model.confirm(typed)), Confirmed
        ):
            self.wrong_in_a_row = 0

    @precondition(lambda self: self.model.waiting)
    @rule(times=st.sampled_from([1, 19, 20]))
    def confirm_wrong(self, times: int) -> None:
        """Confirm by wrong codes, perhaps until the pending secret has ended."""
        for _ in range(times):
            self.confirm(("wrong", 0))

    @rule(choice=TEXTS)
    def confirm_anyway(self, choice: tuple[str, int]) -> None:
        """Confirm in whatever state."""
        self.confirm(choice)

    @rule(by_time=st.booleans(), spent=st.integers(-2, 2))
    def adopt(self, by_time: bool, spent: int) -> None:
        """Take over a token from elsewhere."""
        key = self.randomness.randbytes(20)
        token = (TOTP if by_time else HOTP)(Secret(key), digits=DIGITS)
        counter = self.model.step() + spent if by_time else 100 + spent
        answer = self.both(
            lambda: self.service.adopt(USER, token, spent=counter),
            lambda: self.model.adopt_from_elsewhere(key, by_time, counter),
        )
        if isinstance(answer, Confirmed):
            self.wrong_in_a_row = 0

    # Changes.

    @rule(choice=TEXTS)
    def renew_recovery_codes(self, choice: tuple[str, int]) -> None:
        """Ask for fresh recovery codes."""
        typed, factor = self.text(choice), self.model.factor
        answer = self.both(lambda: self.service.renew_recovery_codes(USER, typed), lambda: self.model.renew(typed))
        if isinstance(answer, RecoveryCodes):
            assert factor
            self.old_codes.append(factor.codes[0])
            factor.codes, factor.used = list(answer), set()
        self.changed(choice, answer)

    @rule(choice=TEXTS)
    def disable(self, choice: tuple[str, int]) -> None:
        """Turn the second factor off."""
        typed = self.text(choice)
        self.changed(choice, self.both(lambda: self.service.disable(USER, typed), lambda: self.model.disable(typed)))

    def changed(self, choice: tuple[str, int], answer: object) -> None:
        """Keep the count of wrong codes: the model's own, as a change does not tell which kind it charged."""
        self.wrong_in_a_row = self.model.guesses.count

    @precondition(lambda self: self.model.factor)
    @rule(offset=st.sampled_from([0, 1, 50, 100, 101, -1]), apart=st.sampled_from([1, 1, 1, 0, 2]))
    def resync(self, offset: int, apart: int) -> None:
        """Find an HOTP token by two codes."""
        factor = self.model.factor
        assert factor
        first = max(factor.spent) + 1 + offset
        codes = computed(factor.key, max(0, first)), computed(factor.key, max(0, first + apart))
        self.tallied(self.both(lambda: self.service.resync(USER, *codes), lambda: self.model.resync(*codes)))

    @rule(choice=TEXTS, other=TEXTS)
    def resync_anyway(self, choice: tuple[str, int], other: tuple[str, int]) -> None:
        """Resynchronize by whatever texts, in whatever state."""
        codes = self.text(choice), self.text(other)
        self.tallied(self.both(lambda: self.service.resync(USER, *codes), lambda: self.model.resync(*codes)))

    # Operators and time.

    @rule()
    def reset(self) -> None:
        """Reset by another administrator."""
        self.both(lambda: self.service.reset(USER, actor="bob", reason="ok"), self.model.reset)
        self.wrong_in_a_row = 0

    @rule()
    def raise_floor(self) -> None:
        """Void what a restored backup brought back."""
        self.both(lambda: self.service.raise_floor(USER), self.model.raise_floor)

    @rule(seconds=TICKS)
    def tick(self, seconds: float) -> None:
        """Move the clock, forward or back."""
        self.clock.tick(seconds)
        self.model.now = self.clock()

    @rule(early=st.sampled_from([0, 0.5]), one_time=st.booleans())
    def wait_over(self, early: float, one_time: bool) -> None:
        """Let a wait pass exactly, or all but half a second of it."""
        guesses = self.model.guesses if one_time else self.model.recovery_guesses
        if guesses.until > self.clock():
            self.clock.now = self.model.now = guesses.until - early

    @precondition(lambda self: self.model.waiting)
    @rule(early=st.sampled_from([0, 0.5]))
    def expire(self, early: float) -> None:
        """Go to the moment at which the pending secret expires, or to just before it."""
        assert self.model.waiting
        self.clock.now = self.model.now = self.model.waiting.expires_at - early

    # What holds at any time.

    @invariant()
    def status_agrees(self) -> None:
        """The status is the model's, and so is the answer to the question after the password."""
        if not hasattr(self, "model"):
            return
        status = asdict(self.service.status(USER))
        assert (status.pop("generation") is None) is (self.model.factor is None)
        assert status == self.model.status()
        assert self.service.gate(USER) is (Gate.CHALLENGE if self.model.factor else Gate.ALLOW)
        assert (self.service.pending(USER) is None) is (self.model.pending() is None)

    @invariant()
    def counters_rise(self) -> None:
        """The counters that a secret was accepted for strictly increase."""
        for counters in getattr(self, "accepted", {}).values():
            assert all(before < after for before, after in pairwise(counters))

    @invariant()
    def guesses_are_bounded(self) -> None:
        """Between two acceptances no more wrong one-time codes are answered than lock the secret."""
        assert getattr(self, "wrong_in_a_row", 0) <= LOCK


def plain(answer: object) -> Answer:
    """An answer as its type's name and its fields, without what is secret or random."""
    if isinstance(answer, TotpcoreError):
        fields = {name: value for name, value in vars(answer).items() if name != "reason"}
        return type(answer).__name__, {"reason": answer.reason, **fields} if isinstance(answer, Refused) else fields
    if isinstance(answer, Confirmed):
        assert len(answer.recovery_codes) == CODES
        return "Confirmed", {"counter": answer.counter}
    if isinstance(answer, Enrolment):
        return "Enrolment", {"expires_at": answer.expires_at}
    if isinstance(answer, RecoveryCodes):
        assert len(answer) == CODES
        return "RecoveryCodes", {}
    return ("None", {}) if answer is None else (type(answer).__name__, asdict(answer))  # type: ignore[call-overload]


@pytest.mark.uncounted
@pytest.mark.filterwarnings("ignore::totpcore.CompatibilityWarning")
class TestLifecycle(Lifecycle.TestCase):  # type: ignore[misc,valid-type]
    """The machine as a test."""

    settings = settings(max_examples=200, stateful_step_count=40)
