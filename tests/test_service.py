"""The loop around the rules: load, decide, swap, else again; and what a store, a sealer or a clock may do to it.

Races between threads and processes are in the contract that every store has to meet.
"""

import contextlib
import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awaited import awaited
from records.life import NOW, RAW, STEP, USER, Life, NewLife, caught, reason_of, wrong_recovery_code
from records.pretender import Pretender
from totpcore import (
    HOTP,
    TOTP,
    AsyncTwoFactor,
    CodeReplayed,
    CompatibilityWarning,
    InvalidParameters,
    InvalidSecret,
    MemoryStore,
    Plaintext,
    Policy,
    RecordUnreadable,
    Refused,
    Secret,
    State,
    StateError,
    Status,
    StoreContended,
    StoreError,
    TotpcoreError,
    TwoFactor,
)
from totpcore.events import Event, EventKind
from totpcore.stores import InThreads
from totpcore.testing import HandClock

pytest_plugins = ["records.fixtures"]

Call = Callable[[TwoFactor], object]


class Trouble(Exception):
    """What a store, a sealer or a clock raises in these tests."""


class World:
    """Store, sealer and clock in one: each step is written down, and one of them may raise, or do something first."""

    def __init__(self, life: Life, make: Callable[..., TwoFactor] = TwoFactor) -> None:
        self.life, self.make, self.steps = life, make, list[str]()
        self.breaks = ""
        self.swaps: list[object] = []
        self.before: Callable[[str], None] = lambda _step: None

    def step(self, name: str) -> None:
        """Write a step down, and raise where it is the one that breaks."""
        self.steps.append(name)
        self.before(name)
        if name == self.breaks:
            raise Trouble(name)

    def load(self, user: str, /) -> bytes | None:
        """Load."""
        self.step("load")
        return self.life.store.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap, or say whatever `swaps` holds instead."""
        self.step("swap")
        if self.swaps:
            return self.swaps.pop(0)  # type: ignore[return-value]
        swapped = self.life.store.swap(user, old, new)
        self.step("swapped")
        return swapped

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Seal nothing."""
        self.step("seal")
        return plaintext

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Open nothing."""
        self.step("open")
        return sealed

    def __call__(self) -> float:
        """The time."""
        self.step("clock")
        return self.life.clock()

    def hear(self, event: Event) -> None:
        """The audit sink."""
        self.step("audit")

    def service(self) -> TwoFactor:
        """A service on this world, and on the same records as the life's own."""
        policy = self.life.policy
        return self.make(self, issuer="ACME", sealer=self, policy=policy, clock=self, audit=self.hear)


@pytest.fixture
def on(life: Life) -> Life:
    """A user with a confirmed second factor, whose code of now is unspent."""
    return life.on()


@pytest.fixture(params=[TwoFactor, awaited], ids=["waits", "awaits"])
def world(on: Life, request: pytest.FixtureRequest) -> World:
    """The parts that can break, around a user with a second factor, under `TwoFactor` and under `AsyncTwoFactor`."""
    return World(on, request.param)


def changes(life: Life) -> dict[str, Call]:
    """Every call that changes a record and is accepted, on a user who is `on` and has a replacement pending."""
    code, recovery = life.code(), life.codes[1]
    pending = life.service.replace(USER, life.codes[0], account="alice").secret
    life.clock.tick(60)
    new, code = TOTP(pending).code(life.clock()), life.code()
    return {
        "verify": lambda service: service.verify(USER, code),
        "recover": lambda service: service.recover(USER, recovery),
        "replace": lambda service: service.replace(USER, recovery, account="alice"),
        "confirm": lambda service: service.confirm(USER, new),
        "renew_recovery_codes": lambda service: service.renew_recovery_codes(USER, recovery),
        "disable": lambda service: service.disable(USER, code),
        "raise_floor": lambda service: service.raise_floor(USER),
        "reset": lambda service: service.reset(USER, actor="bob", reason="lost phone"),
        "wrong code": lambda service: service.verify(USER, life.wrong()),
        "wrong recovery code": lambda service: service.recover(USER, wrong_recovery_code()),
        "wrong code at confirm": lambda service: service.confirm(USER, life.wrong()),
    }


CHANGES = [
    "verify", "recover", "replace", "confirm", "renew_recovery_codes", "disable", "raise_floor", "reset", "wrong code",
    "wrong recovery code", "wrong code at confirm",
]  # fmt: skip
each_change = pytest.mark.parametrize("name", CHANGES)


# ---- nothing leaves before it is stored ----


@each_change
def test_a_change_is_stored_before_it_is_told(world: World, name: str) -> None:
    """Load, clock, open, seal, swap, audit, in this order and each once; then the answer."""
    call = changes(world.life)[name]
    reason_of(lambda: call(world.service()))
    order = [step for step in world.steps if step in ("load", "clock", "swap", "swapped", "audit")]
    assert order == ["load", "clock", "swap", "swapped", "audit"]
    assert world.steps.index("load") < world.steps.index("swap")


@pytest.mark.requirement("A5-11.2.5", "A5-16.5.3")
@each_change
@pytest.mark.parametrize("breaks", ["load", "clock", "open", "seal", "swap"])
def test_trouble_before_the_swap_changes_nothing(world: World, name: str, breaks: str) -> None:
    """Where store, sealer or clock raise, the call raises, nothing was accepted, and it works when tried again."""
    call, service = changes(world.life)[name], world.service()
    before = world.life.raw
    world.breaks = breaks
    outcome: BaseException | None = None
    try:
        call(service)
    except (Trouble, TotpcoreError) as error:
        outcome = error
    if breaks not in world.steps:  # `reset` opens nothing, and what disables seals nothing
        assert name in ("reset", "disable")
        return
    assert isinstance(outcome, RecordUnreadable if breaks == "open" else Trouble)
    assert "audit" not in world.steps
    assert world.life.raw == before
    world.breaks = ""
    assert reason_of(lambda: call(service)) == ("wrong" if "wrong" in name else "ok")
    assert world.life.raw != before


@each_change
def test_trouble_after_the_swap_loses_nothing(world: World, name: str) -> None:
    """A store that fails after it has stored: nothing was accepted, and what was spent stays spent."""
    call, service = changes(world.life)[name], world.service()
    before = world.life.raw
    world.breaks = "swapped"
    with pytest.raises(Trouble):
        call(service)
    assert world.life.raw != before
    assert "audit" not in world.steps
    world.breaks = ""
    again = {
        "verify": "replayed", "recover": "replayed", "replace": "replayed", "confirm": "expired",
        "renew_recovery_codes": "wrong", "disable": "not_enrolled",
    }  # fmt: skip
    assert reason_of(lambda: call(service)) == again.get(name, "wrong" if "wrong" in name else "ok")


@pytest.mark.requirement("A5-11.2.5")
@pytest.mark.parametrize("name", ["verify", "recover", "wrong code", "reset"])
@pytest.mark.parametrize("answer", [None, 1, 0, "yes", b"", object(), [True]], ids=repr)
def test_a_swap_that_says_neither_true_nor_false(world: World, name: str, answer: object) -> None:
    """Anything but `True` and `False` is trouble: no acceptance, and no event."""
    call = changes(world.life)[name]
    world.swaps = [answer]
    assert type(caught(lambda: call(world.service()))) is StoreError
    assert "audit" not in world.steps


@pytest.mark.parametrize("held", ["text", bytearray(b"x"), memoryview(b"x"), 5, True, [b"x"]], ids=repr)
def test_a_load_that_gives_no_bytes(world: World, held: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither text nor anything that only looks like bytes is a record."""
    service = world.service()
    monkeypatch.setattr(world, "load", lambda _user: held)
    assert type(caught(lambda: service.status(USER))) is StoreError
    assert type(caught(lambda: service.statuses([USER]))) is StoreError


@pytest.mark.parametrize("sealed", ["text", bytearray(b"x"), None])
def test_a_seal_that_gives_no_bytes(world: World, sealed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be stored is trouble before the swap."""
    code, service = world.life.code(), world.service()
    monkeypatch.setattr(world, "seal", lambda _plaintext, _context: sealed)
    assert type(caught(lambda: service.verify(USER, code))) is StoreError
    assert "swap" not in world.steps


@pytest.mark.parametrize("opened", ["text", bytearray(b"{}"), None, b"", b"{}"])
def test_a_sealer_that_opens_to_no_record(world: World, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes out of a seal and is no record is unreadable."""
    service = world.service()
    monkeypatch.setattr(world, "open", lambda _sealed, _context: opened)
    assert isinstance(caught(lambda: service.status(USER)), RecordUnreadable)


# ---- lost races ----


def test_a_lost_swap_is_decided_again(world: World) -> None:
    """Where somebody else was faster with the same code, it is a replayed one here."""
    code = world.life.code()

    def race(step: str) -> None:
        if step == "swap" and world.steps.count("swap") == 1:
            world.life.service.verify(USER, code)

    world.before = race
    assert isinstance(caught(lambda: world.service().verify(USER, code)), CodeReplayed)
    assert world.steps.count("swap") == 1
    assert world.steps.count("load") == 2


@pytest.mark.requirement("R4226-7.1-RP2a", "N63B4-3.2.2-1")
def test_a_lost_swap_is_no_lost_attempt(world: World) -> None:
    """Wrong codes that race each other are all counted: the one after the fifth is throttled, and computes nothing."""
    wrong = world.life.wrong()

    def race(step: str) -> None:
        if step == "swap" and world.life.record.code_tally.failures < 5:
            reason_of(lambda: world.life.service.verify(USER, wrong))

    world.before = race
    assert reason_of(lambda: world.service().verify(USER, wrong)) == "throttled"
    assert world.life.record.code_tally.failures == 5


def test_two_recovery_codes_at_once_both_end_spent(world: World) -> None:
    """The swap of one does not bring the other back."""
    one, other = world.life.codes[:2]

    def race(step: str) -> None:
        if step == "swap" and world.steps.count("swap") == 1:
            world.life.service.recover(USER, other)

    world.before = race
    assert world.service().recover(USER, one).codes_left == 8
    assert [reason_of(partial(world.life.service.recover, USER, code)) for code in (one, other)] == ["replayed"] * 2


def test_a_record_that_is_gone_meanwhile(world: World) -> None:
    """A reset between load and swap wins: the old record is not written back."""
    code = world.life.code()

    def race(step: str) -> None:
        if step == "swap" and world.steps.count("swap") == 1:
            world.life.service.reset(USER, actor="bob", reason="lost phone")

    world.before = race
    assert reason_of(lambda: world.service().verify(USER, code)) == "not_enrolled"
    assert world.life.raw is None


@pytest.mark.parametrize(("lost", "outcome"), [(127, "ok"), (128, "StoreContended")])
def test_after_128_lost_rounds_it_gives_up(world: World, lost: int, outcome: str) -> None:
    """The 128th round may still win; after that it is `StoreContended`, without an event, and can be tried again."""
    code, service = world.life.code(), world.service()
    world.swaps = [False] * lost
    assert reason_of(lambda: service.verify(USER, code)) == outcome
    assert world.steps.count("load") == 128
    assert ("audit" in world.steps) is (outcome == "ok")
    if outcome != "ok":
        assert reason_of(lambda: service.verify(USER, code)) == "ok"
        assert issubclass(StoreContended, StoreError)


@pytest.mark.parametrize("call", [
    lambda service: service.status(USER), lambda service: service.gate(USER), lambda service: service.pending(USER),
    lambda service: service.statuses([USER]), lambda service: service.verify(USER, "12345"),
])  # fmt: skip
def test_what_changes_nothing_swaps_nothing(world: World, call: Call) -> None:
    """Reading, and refusing what is not charged, leaves the store alone."""
    reason_of(lambda: call(world.service()))
    assert not {"swap", "seal"} & set(world.steps)


# ---- the clock ----


def test_the_clock_is_read_after_each_load(world: World) -> None:
    """A store that takes its time accepts no code that expired meanwhile, in the first round or in a later one."""
    code = world.life.code()
    world.swaps = [False]
    world.before = lambda step: world.life.clock.tick(45) if step == "load" else None
    assert reason_of(lambda: world.service().verify(USER, code)) == "wrong"
    assert [step for step in world.steps if step in ("load", "clock")] == ["load", "clock"] * 2


@pytest.mark.requirement("A5-16.5.3")
@pytest.mark.parametrize("answer", [
    math.nan, math.inf, -1, -0.5, 10**400, 253_402_300_800, True, None, "1800000000", datetime(2027, 1, 15, tzinfo=UTC),
],
                         ids=lambda value: ascii(value)[:20])  # fmt: skip
@pytest.mark.parametrize("name", ["verify", "confirm", "reset", "status", "statuses", "gate"])
def test_a_clock_that_tells_no_time(life: Life, name: str, answer: Any) -> None:
    """NaN, a negative time or another type raises before anything is decided."""
    life.enrol()
    before, code = life.raw, life.code()
    calls: dict[str, Call] = {
        "verify": lambda service: service.verify(USER, code),
        "confirm": lambda service: service.confirm(USER, code),
        "reset": lambda service: service.reset(USER, actor="bob", reason="lost phone"),
        "status": lambda service: service.status(USER),
        "statuses": lambda service: service.statuses([USER]),
        "gate": lambda service: service.gate(USER),
    }
    service = TwoFactor(life.store, issuer="ACME", sealer=Plaintext(), clock=lambda: answer)
    with pytest.raises((InvalidParameters, TypeError), match="clock"):
        calls[name](service)
    assert life.raw == before


@pytest.mark.requirement("R6238-3-R1", "A5-6.5.8")
def test_the_default_clock_is_looked_up_at_each_call(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a clock it is `time.time`, as it is at that moment: a test that replaces it is obeyed."""
    life.adopt()
    service = TwoFactor(life.store, issuer="ACME", sealer=Plaintext(), audit=life.events.append)
    for seconds in (0, 3600):
        monkeypatch.setattr(time, "time", partial(float, NOW + seconds))
        life.clock.now = NOW + seconds
        assert service.verify(USER, life.code()).counter == STEP + seconds // 30
        assert life.events[-1].at == NOW + seconds


@pytest.mark.parametrize("latest", [253_402_300_799, 253_402_300_799.0])
def test_the_last_second_of_the_year_9999_is_a_time(life: Life, latest: float) -> None:
    """It is the latest that a clock may show, since a date has four digits for its year; one second more is refused."""
    service = TwoFactor(life.store, issuer="ACME", sealer=Plaintext(), clock=lambda: latest)
    assert service.status(USER).state is State.OFF


@pytest.mark.parametrize("now", [NOW, NOW + 0.0, NOW + 0.75])
def test_a_clock_may_tell_fractions(life: Life, now: float) -> None:
    """Whole and fractional seconds give the same counter."""
    life.adopt()
    life.clock.now = now
    assert life.service.verify(USER, life.code()).counter == STEP


# ---- the audit sink ----


@pytest.mark.parametrize("name", ["verify", "wrong code", "confirm"])
def test_a_broken_sink_swallows_no_answer(life: Life, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """An audit sink that raises is logged with its traceback, and the answer stands: recovery codes are not lost."""
    call = changes(life.on())[name]

    def broken(_event: Event) -> None:
        raise Trouble("the audit database is down")

    service = TwoFactor(life.store, issuer="ACME", sealer=Plaintext(), clock=life.clock, audit=broken)
    assert reason_of(lambda: call(service)) == ("wrong" if "wrong" in name else "ok")
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("totpcore", logging.ERROR)
    assert record.exc_info
    assert isinstance(record.exc_info[1], Trouble)


def test_a_sink_can_be_stopped(life: Life) -> None:
    """What is no `Exception`, such as an interrupt from the keyboard, passes through."""

    def interrupted(_event: Event) -> None:
        raise KeyboardInterrupt

    service = TwoFactor(life.store, issuer="ACME", sealer=Plaintext(), clock=life.clock, audit=interrupted)
    with pytest.raises(KeyboardInterrupt):
        service.enrol(USER, account="alice")


# ---- seals ----


class Bound:
    """A toy seal that is bound to its context."""

    def __init__(self) -> None:
        self.contexts: list[bytes] = []

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Put a digest of the context before the plaintext."""
        self.contexts.append(context)
        return hashlib.sha256(context).digest() + plaintext

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Check the digest."""
        if sealed[:32] != hashlib.sha256(context).digest():
            raise Trouble("the seal is broken")
        return sealed[32:]


def test_a_record_cannot_be_moved_to_another_user(new_life: NewLife) -> None:
    """With a sealer that binds the context, another user's record is unreadable."""
    life = new_life(sealer=Bound()).on()
    assert life.store.swap("8", None, life.raw)
    assert life.service.status(USER).state is State.ON
    error = caught(lambda: life.service.verify("8", life.code()))
    assert isinstance(error, RecordUnreadable)
    assert "Trouble" in str(error)


def test_the_context_is_totpcore_and_the_user() -> None:
    """Each part with its length before it, so that no two users share a context, whatever their ids."""
    sealer = Bound()
    service = TwoFactor(MemoryStore(), issuer="ACME", sealer=sealer, clock=HandClock(NOW), audit=lambda _event: None)
    users = ["7", "77", "7\n", "\u00e9", "e\u0301", "x" * 255, "\N{GRINNING FACE}" * 255, "totpcore/1"]
    for user in users:
        service.enrol(user, account="alice")
    assert sealer.contexts[0] == b"\x00\x0atotpcore/1\x00\x017"
    assert sealer.contexts[6] == b"\x00\x0atotpcore/1" + (1020).to_bytes(2, "big") + users[6].encode()
    assert len(set(sealer.contexts)) == len(users)


# ---- records that cannot be opened ----


UNREADABLE = {"noise": b"\x00\xff", "a newer version": b'{"v":2}', "cut off": b'{"v":1,"active":', "nothing": b""}
each_unreadable = pytest.mark.parametrize("held", UNREADABLE.values(), ids=UNREADABLE)


@pytest.mark.requirement("A5-16.5.3")
@each_unreadable
@pytest.mark.parametrize("call", [
    lambda service: service.verify(USER, "123456"), lambda service: service.recover(USER, wrong_recovery_code()),
    lambda service: service.enrol(USER, account="alice"), lambda service: service.replace(USER, "123456", account="a"),
    lambda service: service.pending(USER), lambda service: service.confirm(USER, "123456"),
    lambda service: service.renew_recovery_codes(USER, "123456"), lambda service: service.disable(USER, "123456"),
    lambda service: service.resync(USER, "123456", "654321"), lambda service: service.status(USER),
    lambda service: service.adopt(USER, TOTP(Secret(RAW)), spent=-1), lambda service: service.raise_floor(USER),
    lambda service: service.gate(USER), lambda service: service.gate(USER, expected=False),
])  # fmt: skip
def test_nothing_but_reset_touches_an_unreadable_record(life: Life, held: bytes, call: Call) -> None:
    """A record that cannot be opened lets nobody in, is nobody's missing factor, and is not overwritten."""
    assert life.store.swap(USER, None, held)
    error = caught(lambda: call(life.service))
    assert isinstance(error, RecordUnreadable)
    assert (error.__cause__, error.__context__) == (None, None)
    assert life.raw == held
    assert life.events == []


@each_unreadable
def test_reset_removes_an_unreadable_record(life: Life, held: bytes) -> None:
    """It does not look at what it removes, and leaves an event."""
    assert life.store.swap(USER, None, held)
    life.service.reset(USER, actor="bob", reason="key lost")
    assert life.raw is None
    assert [(event.kind, event.actor) for event in life.events] == [(EventKind.RESET, "bob")]


@pytest.mark.parametrize(("actor", "reason"), [("b", "x"), ("b" * 255, "x" * 1000)])
def test_the_shortest_and_the_longest_words_of_a_reset(life: Life, actor: str, reason: str) -> None:
    """One letter is enough, and 255 for who did it and 1 000 for why are not too many: the event has them."""
    life.service.reset(USER, actor=actor, reason=reason)
    assert [(event.actor, event.reason) for event in life.events] == [(actor, reason)]


def test_reset_of_nothing_is_told_as_well(life: Life) -> None:
    """Who has no second factor can be reset: it changes nothing, and stands in the audit log."""
    life.service.reset(USER, actor="bob", reason="to be sure")
    assert (life.raw, len(life.events)) == (None, 1)


# ---- statuses ----


class OneByOne:
    """A store without `load_many`."""

    def __init__(self, inner: MemoryStore) -> None:
        self.load, self.swap = inner.load, inner.swap


class Counting(OneByOne):
    """A store with `load_many`, which counts how often it is asked."""

    def __init__(self, inner: MemoryStore) -> None:
        super().__init__(inner)
        self.inner, self.asked = inner, list[list[str]]()

    def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Load many."""
        self.asked.append(list(users))
        return self.inner.load_many(self.asked[-1])


@pytest.mark.parametrize("kind", [OneByOne, Counting])
def test_statuses_of_many(life: Life, kind: type[OneByOne]) -> None:
    """Everybody's status, in the order asked, with and without `load_many`; one unreadable record hides nobody."""
    life.on()
    life.service.enrol("pending", account="bob")
    assert life.store.swap("broken", None, b"noise")
    store = kind(life.store)
    service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=life.clock)
    found = service.statuses(user for user in (USER, "broken", "nobody", "pending", USER))
    assert list(found) == [USER, "broken", "nobody", "pending"]
    assert isinstance(found["broken"], RecordUnreadable)
    states = {user: one.state for user, one in found.items() if isinstance(one, Status)}
    assert states == {USER: State.ON, "nobody": State.OFF, "pending": State.PENDING}
    assert found[USER] == service.status(USER)
    if isinstance(store, Counting):
        assert store.asked == [[USER, "broken", "nobody", "pending", USER]]


def test_statuses_are_of_the_moment_after_each_load(life: Life) -> None:
    """Where a store takes its time, nobody's set-up is told as open that ended before it was loaded."""
    users = ["first", "second"]
    for user in users:
        life.service.enrol(user, account="alice")

    def load(user: str) -> bytes | None:
        life.clock.tick(400)
        return life.store.load(user)

    slow = OneByOne(life.store)
    slow.load = load
    found = TwoFactor(slow, issuer="ACME", sealer=Plaintext(), clock=life.clock).statuses(users)
    assert [one.state for one in found.values() if isinstance(one, Status)] == [State.PENDING, State.OFF]


def test_statuses_of_nobody(life: Life) -> None:
    """No users, no statuses."""
    assert life.service.statuses([]) == {}


def test_statuses_pass_trouble_on(world: World) -> None:
    """A store that is down is no unreadable record."""
    world.breaks = "load"
    with pytest.raises(Trouble):
        world.service().statuses([USER])


# ---- arguments ----

TOKEN = TOTP(Secret(RAW))
WEAK = TOTP(Secret(RAW[:10]))

BY_USER: dict[str, Callable[[TwoFactor, Any], object]] = {
    "gate": lambda service, user: service.gate(user),
    "verify": lambda service, user: service.verify(user, "123456"),
    "recover": lambda service, user: service.recover(user, "123456"),
    "enrol": lambda service, user: service.enrol(user, account="alice"),
    "replace": lambda service, user: service.replace(user, "123456", account="alice"),
    "pending": lambda service, user: service.pending(user),
    "confirm": lambda service, user: service.confirm(user, "123456"),
    "renew_recovery_codes": lambda service, user: service.renew_recovery_codes(user, "123456"),
    "disable": lambda service, user: service.disable(user, "123456"),
    "resync": lambda service, user: service.resync(user, "123456", "654321"),
    "status": lambda service, user: service.status(user),
    "statuses": lambda service, user: service.statuses([user]),
    "reset": lambda service, user: service.reset(user, actor="bob", reason="lost"),
    "adopt": lambda service, user: service.adopt(user, TOKEN, spent=-1),
    "raise_floor": lambda service, user: service.raise_floor(user),
}


@pytest.mark.parametrize("name", BY_USER)
@pytest.mark.parametrize(("user", "error"), [
    ("", InvalidParameters), ("x" * 256, InvalidParameters), ("a\0b", InvalidParameters), ("\ud800", InvalidParameters),
    (Pretender(), TypeError),
    ("a\udfffb", InvalidParameters), (7, TypeError), (None, TypeError), (b"7", TypeError), (True, TypeError),
], ids=lambda value: ascii(value)[:20])  # fmt: skip
def test_every_call_checks_the_user(world: World, name: str, user: Any, error: type[Exception]) -> None:
    """A user id is 1 to 255 characters without NUL and lone surrogates; the store is not asked for others."""
    with pytest.raises(error, match="user must "):
        BY_USER[name](world.service(), user)
    assert world.steps == []


@pytest.mark.parametrize("name", BY_USER)
@pytest.mark.parametrize("user", ["x", "x" * 255, "\N{GRINNING FACE}" * 255, " ", "\n", "../7", "\x7f"], ids=ascii)
def test_every_call_takes_odd_users(life: Life, name: str, user: str) -> None:
    """Any other text is a user id like any other."""
    assert reason_of(lambda: BY_USER[name](life.service, user)) in ("ok", "not_enrolled", "expired")


class Text(str):
    """A subclass, which could compare as it likes."""


CODE_CALLS: dict[str, Callable[[TwoFactor, Any], object]] = {
    "verify": lambda service, code: service.verify(USER, code),
    "recover": lambda service, code: service.recover(USER, code),
    "replace": lambda service, code: service.replace(USER, code, account="alice"),
    "confirm": lambda service, code: service.confirm(USER, code),
    "renew_recovery_codes": lambda service, code: service.renew_recovery_codes(USER, code),
    "disable": lambda service, code: service.disable(USER, code),
    "resync": lambda service, code: service.resync(USER, code, "123456"),
    "resync, the next one": lambda service, code: service.resync(USER, "123456", code),
}


@pytest.mark.parametrize("name", CODE_CALLS)
@pytest.mark.parametrize("code", [None, 123456, True, 1.0, b"123456", ["123456"], {"$ne": ""}, Text("123456")],
                         ids=lambda code: type(code).__name__)  # fmt: skip
def test_every_code_is_a_str(world: World, name: str, code: Any) -> None:
    """What no form field gives is a developer's mistake, in whatever state; the store is not asked."""
    with pytest.raises(TypeError, match="next_code must be a str" if "next" in name else "code must be a str"):
        CODE_CALLS[name](world.service(), code)
    assert world.steps == []


Bad = tuple[str, type[Exception], Call]
OTHER_ARGUMENTS: list[Bad] = [
    *(
        ("account", error, partial(lambda account, service: service.enrol(USER, account=account), account))
        for account, error in (
            (None, TypeError),
            (b"a", TypeError),
            ("", InvalidParameters),
            ("a:b", InvalidParameters),
        )
    ),
    ("account", InvalidParameters, lambda service: service.replace(USER, "123456", account="\n")),
    ("enforcement", TypeError, lambda service: service.gate(USER, "require")),  # type: ignore[arg-type]
    ("enforcement", TypeError, lambda service: service.gate(USER, None)),  # type: ignore[arg-type]
    ("expected", TypeError, lambda service: service.gate(USER, expected=1)),  # type: ignore[arg-type]
    ("expected", TypeError, lambda service: service.gate(USER, expected="yes")),  # type: ignore[arg-type]
    ("actor", TypeError, lambda service: service.reset(USER, actor=None, reason="x")),  # type: ignore[arg-type]
    ("actor", InvalidParameters, lambda service: service.reset(USER, actor="", reason="x")),
    ("actor", InvalidParameters, lambda service: service.reset(USER, actor="x" * 256, reason="x")),
    ("reason", TypeError, lambda service: service.reset(USER, actor="bob", reason=5)),  # type: ignore[arg-type]
    ("reason", InvalidParameters, lambda service: service.reset(USER, actor="bob", reason="")),
    ("reason", InvalidParameters, lambda service: service.reset(USER, actor="bob", reason="x" * 1001)),
    ("token", TypeError, lambda service: service.adopt(USER, Secret(RAW), spent=-1)),  # type: ignore[arg-type]
    ("token", TypeError, lambda service: service.adopt(USER, None, spent=-1)),  # type: ignore[arg-type]
    ("spent", TypeError, lambda service: service.adopt(USER, TOKEN, spent=None)),  # type: ignore[arg-type]
    ("spent", TypeError, lambda service: service.adopt(USER, TOKEN, spent=True)),
    ("spent", TypeError, lambda service: service.adopt(USER, TOKEN, spent=1.0)),  # type: ignore[arg-type]
    ("spent", InvalidParameters, lambda service: service.adopt(USER, TOKEN, spent=-2)),
    ("spent", InvalidParameters, lambda service: service.adopt(USER, HOTP(Secret(RAW)), spent=2**64)),
    ("allow_weak", TypeError, lambda service: service.adopt(USER, TOKEN, spent=-1, allow_weak=1)),  # type: ignore[arg-type]
    ("allow_weak", TypeError, lambda service: service.adopt(USER, WEAK, spent=-1, allow_weak="yes")),  # type: ignore[arg-type]
    ("allow_weak", InvalidSecret, lambda service: service.adopt(USER, WEAK, spent=-1)),
    ("users", TypeError, lambda service: service.statuses("7")),
    ("users", TypeError, lambda service: service.statuses(None)),  # type: ignore[arg-type]
    ("users", TypeError, lambda service: service.statuses(7)),  # type: ignore[arg-type]
    ("user", TypeError, lambda service: service.statuses(b"7")),  # type: ignore[arg-type]
]


@pytest.mark.requirement("R4226-4-R6a", "N63B4-3.1.4.1-1")
@pytest.mark.parametrize(("name", "error", "call"), OTHER_ARGUMENTS)
def test_every_argument_is_checked(world: World, name: str, error: type[Exception], call: Call) -> None:
    """What is no good raises at once and names the argument; the store is not asked."""
    with pytest.raises(error, match=name):
        call(world.service())
    assert world.steps == []


def test_a_weak_secret_has_to_be_wanted(life: Life) -> None:
    """A token of fewer than 128 bits is adopted only with `allow_weak`."""
    assert life.service.adopt(USER, WEAK, spent=-1, allow_weak=True).counter == -1


async def in_vain(*_given: object) -> None:
    """What nobody would await."""


PARTS: list[tuple[str, dict[str, Any], type[Exception]]] = [
    ("store", {"store": None}, TypeError), ("store", {"store": {}}, TypeError),
    ("issuer", {"issuer": None}, TypeError), ("issuer", {"issuer": ""}, InvalidParameters),
    ("issuer", {"issuer": "a:b"}, InvalidParameters), ("issuer", {"issuer": "Steam"}, InvalidParameters),
    ("sealer", {"sealer": None}, TypeError), ("sealer", {"sealer": b"key"}, TypeError),
    ("policy", {"policy": None}, TypeError), ("policy", {"policy": {"digits": 6}}, TypeError),
    ("clock", {"clock": NOW}, TypeError), ("audit", {"audit": "log"}, TypeError),
    ("clock", {"clock": in_vain}, TypeError), ("audit", {"audit": in_vain}, TypeError),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parts", "error"), PARTS, ids=repr)
def test_the_parts_are_checked_at_the_start(name: str, parts: dict[str, Any], error: type[Exception]) -> None:
    """A part that does not fit is found when the service is made, and not at somebody's log-in."""
    fitting: dict[str, Any] = {"store": MemoryStore(), "issuer": "ACME", "sealer": Plaintext()}
    with pytest.raises(error, match=name):
        TwoFactor(**fitting | parts)
    fitting["store"] = InThreads(MemoryStore())
    with pytest.raises(error, match=name):
        AsyncTwoFactor(**fitting | parts)


@pytest.mark.parametrize("missing", ["issuer", "sealer"])
def test_issuer_and_sealer_have_no_default(missing: str) -> None:
    """In particular, records are never kept in clear without `Plaintext()` typed by hand."""
    parts: dict[str, Any] = {"issuer": "ACME", "sealer": Plaintext()}
    del parts[missing]
    with pytest.raises(TypeError, match=missing):
        TwoFactor(MemoryStore(), **parts)


def test_plaintext_is_no_seal() -> None:
    """It gives back what it got, whoever asks."""
    assert Plaintext().open(Plaintext().seal(b"x", b"7"), b"8") == b"x"


# ---- visitors ----

VISITORS = ["verify", "recover", "confirm", "replace", "renew_recovery_codes", "disable"]
LONG = ["1" * 10**6, " " * 10**6, "\N{GRINNING FACE}" * 250_000, "\0" * 10**6, "0000-" * 200_000, "\ud800" * 10**6]


@pytest.mark.requirement("A5-11.2.5")
@pytest.mark.parametrize("state", ["off", "pending", "on", "hotp"])
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    text=st.one_of(
        st.text(st.characters(exclude_categories=[]), max_size=70),
        st.text("0123456789-OIL \n\ud800\udfff", max_size=70),
    )
)
def test_no_text_of_a_visitor_is_an_error(state: str, text: str) -> None:
    """Whatever is typed, surrogates and emoji and NUL, is refused in the ordinary way."""
    life = Life()
    if state == "pending":
        life.enrol()
    if state in ("on", "hotp"):
        life.adopt(TOKEN if state == "on" else HOTP(Secret(RAW)), spent=STEP if state == "on" else 5)
    for name, call in CODE_CALLS.items():
        # `resync` of a TOTP token is the application's mistake, not the visitor's.
        with contextlib.suppress(Refused, *[StateError] if name.startswith("resync") else []):
            call(life.service, text)


@pytest.mark.parametrize("name", VISITORS)
@pytest.mark.parametrize("text", LONG, ids=lambda text: ascii(text[:4]))
def test_a_megabyte_of_text_is_malformed(on: Life, name: str, text: str) -> None:
    """Text of any length is refused by its length, and costs nothing."""
    on.service.replace(USER, on.codes[0], account="alice")
    before = on.raw
    started = time.process_time()
    assert reason_of(lambda: CODE_CALLS[name](on.service, text)) == "malformed"
    assert time.process_time() - started < 1
    assert on.raw == before


@pytest.mark.requirement("R4226-5.1-2", "R4226-7.3-3", "R6238-3-R5", "A5-2.3.1")
def test_users_do_not_touch_each_other(life: Life) -> None:
    """One user's code and recovery code are wrong for another, and stay good for their owner."""
    life.on()
    other = life.service.enrol("8", account="bob").secret
    life.service.confirm("8", TOTP(other).code(life.clock()))
    assert reason_of(lambda: life.service.verify("8", life.code())) == "wrong"
    assert reason_of(lambda: life.service.recover("8", life.codes[0])) == "wrong"
    assert life.service.recover(USER, life.codes[0]).codes_left == 9
    life.clock.tick(60)
    assert life.service.verify(USER, life.code()).failures_before == 0


def test_two_users_may_share_a_secret(life: Life) -> None:
    """What one of them spends is not spent for the other."""
    life.adopt()
    life.service.adopt("8", TOKEN, spent=-1)
    code = life.code()
    assert life.service.verify(USER, code).counter == life.service.verify("8", code).counter == STEP


@pytest.mark.requirement("R4226-7.1-RP2a")
def test_two_services_on_one_store_are_one(on: Life) -> None:
    """Whatever object verifies, a code is accepted once, and wrong codes are counted together."""
    others = [World(on).service() for _ in range(50)]
    outcomes = [reason_of(partial(other.verify, USER, on.wrong())) for other in others]
    assert outcomes == ["wrong"] * 5 + ["throttled"] * 45
    on.wait_over()
    code = on.code()
    assert [reason_of(partial(other.verify, USER, code)) for other in others] == ["ok"] + ["replayed"] * 49


def test_a_service_keeps_nothing(on: Life) -> None:
    """It has no attribute for anything but its parts, so that a restart forgets nothing."""
    with pytest.raises(AttributeError):
        on.service.last_code = "123456"  # type: ignore[attr-defined]
    assert not hasattr(on.service, "__dict__")


def test_a_policy_of_its_own(new_life: NewLife) -> None:
    """The numbers of the policy are those that are used."""
    policy = Policy(pending_seconds=60, recovery_codes=4, recovery_low=4, secret_bytes=16)
    life = new_life(policy)
    enrolment = life.enrol()
    assert (enrolment.expires_at, len(enrolment.secret.reveal())) == (NOW + 60, 16)
    assert len(life.service.confirm(USER, life.code()).recovery_codes) == 4
    assert life.service.status(USER).running_low


# ---- what nobody may be bothered with ----


def test_a_log_that_is_broken_too_swallows_nothing(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the handler of the default sink raises, and so does the report of that, the recovery codes still come."""

    class Down(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("the log is down")

    logger = logging.getLogger("totpcore")
    monkeypatch.setattr(logger, "handlers", [Down()])
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    service = TwoFactor(life.store, issuer="ACME", sealer=Plaintext(), clock=life.clock)
    life.enrol()
    assert len(service.confirm(USER, life.code()).recovery_codes) == 10


def test_what_a_visitor_is_called_warns_nobody(life: Life) -> None:
    """A plus in an address is no business of the developer's: no call warns of it. Warnings are errors here."""
    life.service.enrol(USER, account="alice+admin@example.com")
    assert life.service.pending(USER) is not None


@pytest.mark.requirement("R4226-5.3-3")
def test_a_policy_that_apps_do_not_follow_is_warned_of(life: Life) -> None:
    """`enrol` under such a policy names the apps, and the line of the program that called it."""
    service = TwoFactor(life.store, issuer="ACME", sealer=Plaintext(), policy=Policy(digits=8, algorithm="SHA256"))
    with pytest.warns(CompatibilityWarning, match=r"Duo.*6 digits") as caught:
        service.enrol(USER, account="alice")
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("part", ["store", "sealer"])
def test_a_class_is_no_object(part: str) -> None:
    """`TwoFactor(MemoryStore, …)`, without the parentheses, is refused at once."""
    parts: dict[str, Any] = {"store": MemoryStore(), "sealer": Plaintext()}
    parts[part] = type(parts[part])
    store = parts.pop("store")
    with pytest.raises(TypeError, match=part):
        TwoFactor(store, issuer="ACME", **parts)


def test_a_seal_of_nothing_is_refused(life: Life) -> None:
    """A sealer that gives no bytes would leave a record that nobody can open: it is a `StoreError`, nothing is kept."""

    class Empty(Plaintext):
        def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
            return b""

    with pytest.raises(StoreError, match="seal"):
        TwoFactor(life.store, issuer="ACME", sealer=Empty(), clock=life.clock).enrol(USER, account="alice")
    assert life.raw is None
