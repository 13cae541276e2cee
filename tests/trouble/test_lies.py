"""A store, a sealer or a clock that answers something else than the truth, in every state, in every call.

Rules of this file:

1. Only `True` is a swap, only `bytes` are a record, only a finite number is a time. Whatever merely looks like one is
   trouble, in the first round of the loop and in a later one.
2. A store that is behind, or says that there is nothing, may be believed by a call that only reads. It never makes one
   accept what is spent, nor overwrite what is there.
"""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final
from unittest.mock import MagicMock

import pytest

from records.life import USER
from silence.surface import surface
from totpcore import Gate, InvalidParameters, MemoryStore, RecordMissing, RecordUnreadable, StoreContended, StoreError
from trouble.clean import clean, each_of_few, run
from trouble.faults import Fault, World, WorldOfMany, lie
from trouble.scenes import CALLS, SPENDING, STATES, Seal, repeatable, scene


class Agreeable:
    """Equal to everything, and true."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True


class Number(int):
    """A whole number that could compare as it likes."""


class Fractional(float):
    """A number that could compare as it likes."""


NO_SWAP: Final = (None, 1, 0, 1.0, "True", "", b"1", [True], MagicMock(), Agreeable(), NotImplemented, object())
NO_BYTES: Final = ("text", "", 5, True, [b"x"], bytearray(b"x"), memoryview(b"x"), MagicMock(), Agreeable())
NO_RECORD: Final = (b"", b"\x00\xff", b"{}", b'{"v":1}', b"null", b"x" * 10_000)
NO_TIME: Final = (
    math.nan, -math.nan, math.inf, -math.inf, -1, -0.001, 10**400, 1e308, 253_402_300_800, True, False, None,
    "1800000000", b"1800000000", Decimal(1_800_000_000), Fraction(1_800_000_000), Number(1_800_000_000),
    Fractional(1.8e9), 1.8e9 + 0j, datetime(2027, 1, 15, tzinfo=UTC), timedelta(seconds=1_800_000_000), MagicMock(),
    Agreeable(), [1_800_000_000],
)  # fmt: skip


def check_refused(world: World, name: str, where: str, *errors: type[BaseException]) -> None:
    """The call raises one of these, shows nothing and tells nobody."""
    try:
        with repeatable(1):
            answer = scene(world.scene.state).calls[name](world.service())
    except errors as error:
        world.scene.finder.check(where, *surface(error))
    else:
        assert name == "statuses", f"{where}: {answer!r}"
        assert isinstance(answer, dict), where
        assert [type(one) for one in answer.values()] == [RecordUnreadable], where
    assert world.heard == [], where


@each_of_few
def test_a_swap_that_says_neither_true_nor_false(state: str, name: str) -> None:
    """Whether it was done or not: the call raises `StoreError`, and what was stored by it stays."""
    expected = clean(state, name)
    for number in [number for number, step in enumerate(expected.steps) if step == "swap"]:
        for answer in NO_SWAP:
            for done in (False, True):
                world = World(scene(state), (lie(number, answer, done=done),))
                check_refused(world, name, f"{name} in {state}, swap says {type(answer).__name__}", StoreError)
                assert world.raw == (expected.left if done else scene(state).held)
                if done:
                    assert run(world.healed(), name) == expected.again


@each_of_few
def test_a_load_or_a_seal_that_gives_no_record(state: str, name: str) -> None:
    """What is no record is not decided upon, and not overwritten; what is no sealed record is not stored."""
    expected = clean(state, name)
    for number, step in enumerate(expected.steps):
        lies: tuple[object, ...] = ()
        if step == "load" and name != "reset":
            lies = (*NO_BYTES, *NO_RECORD)
        elif step == "open":
            lies = (*NO_BYTES, *NO_RECORD, None)
        elif step == "seal":
            lies = (*NO_BYTES, b"", None)
        for answer in lies:
            world = World(scene(state), (lie(number, answer),))
            check_refused(world, name, f"{name} in {state}, {step} gives {type(answer).__name__}", StoreError)
            assert world.raw == scene(state).held
            assert "swap" not in world.steps


@each_of_few
def test_a_clock_that_tells_no_time(state: str, name: str) -> None:
    """It raises before anything is decided, also where the first round of the loop was lost."""
    expected, first = clean(state, name), clean(state, name).steps
    number = first.index("clock")
    rounds: list[tuple[int, tuple[Fault, ...]]] = [(number, ())]
    if first[-1] == "swap":
        lost = lie(len(first) - 1, False)
        rounds.append((len(first) + number, (lost,)))
    for at, before in rounds:
        for answer in NO_TIME:
            world = World(scene(state), (*before, lie(at, answer)))
            where = f"{name} in {state}, the clock says {type(answer).__name__}"
            check_refused(world, name, where, InvalidParameters, TypeError)
            assert world.raw == scene(state).held, where
            assert world.steps[-1] == "clock", where
            assert len(world.steps) == at + 1, where
    assert run(World(scene(state)), name) == expected.outcome


@each_of_few
def test_a_lost_swap_is_decided_anew(state: str, name: str) -> None:
    """A store that says `False` once costs a round, and nothing else."""
    expected = clean(state, name)
    if expected.steps[-1] == "swap":
        world = World(scene(state), (lie(len(expected.steps) - 1, False),))
        assert run(world, name) == expected.outcome
        assert (tuple(world.steps), world.raw) == (expected.steps * 2, expected.left)
        assert len(world.heard) == expected.events


@each_of_few
def test_a_load_that_says_there_is_nothing_overwrites_nothing(state: str, name: str) -> None:
    """It lets nobody change anything, and accepts no code; only the gate, where it has no flag, believes it."""
    expected = clean(state, name)
    world = World(scene(state), (lie(expected.steps.index("load"), None),))
    came_to = run(world, name)
    if name in SPENDING:
        assert came_to in ("not_enrolled", "expired")
    if "swap" in world.steps:
        assert (came_to, world.raw) == (expected.outcome, expected.left)
    else:
        assert world.raw == scene(state).held or name == "reset"


@pytest.mark.parametrize("state", [state for state in STATES if state not in ("off", "pending")])
def test_the_application_s_flag_stops_a_store_that_says_there_is_nothing(state: str) -> None:
    """With `expected=True` a store that lost its records is `RecordMissing`, whatever the state was."""
    world = World(scene(state), (lie(0, None),))
    with pytest.raises(RecordMissing):
        world.service().gate(USER, expected=True)
    assert world.healed().service().gate(USER) is Gate.CHALLENGE


@each_of_few
def test_a_store_that_is_behind_accepts_nothing_twice(state: str, name: str) -> None:
    """Loads from a replica that lags show an unspent counter: the swap fails, and the code is a replayed one."""
    expected = clean(state, name)
    if expected.outcome != "ok" or name not in SPENDING:
        return
    world = World(scene(state))
    run(world, name)
    behind = World(scene(state), (lie(0, scene(state).held),), store=world.store, begun=True)
    assert run(behind, name) == expected.again
    always = tuple(lie(number, scene(state).held) for number in range(0, 10_000, len(expected.steps)))
    stuck = World(scene(state), always, store=world.store, begun=True)
    with pytest.raises(StoreContended):
        scene(state).calls[name](stuck.service())
    assert stuck.raw == world.raw


@pytest.mark.parametrize("state", STATES)
def test_a_load_of_many_that_gives_no_mapping(state: str) -> None:
    """What is no mapping raises; values that are no bytes do too; none of it shows the record."""
    lies = (None, 5, "text", [b"x"], {USER: "text"}, {USER: bytearray(b"x")}, {USER: Agreeable()})
    for answer in lies:
        world = WorldOfMany(scene(state), (lie(0, answer),))
        check_refused(world, "statuses", f"load_many gives {type(answer).__name__}", StoreError, TypeError, ValueError)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "reset"])
@pytest.mark.parametrize("state", ["pending", "replacing", "locked"])
def test_a_record_that_was_cut_or_changed_is_unreadable(state: str, name: str) -> None:
    """One bit, one byte less, one more, or the record of somebody else: unreadable, and left as it is."""
    held = scene(state).held or b""
    foreign = Seal().seal(Seal().open(held, b"\x00\x0atotpcore/1\x00\x017"), b"\x00\x0atotpcore/1\x00\x018")
    changed = [bytes([*held[:at], held[at] ^ 1, *held[at + 1 :]]) for at in (0, 31, 32, len(held) // 2, len(held) - 1)]
    for record in (held[:-1], held[1:], held + b"\0", held[:40], foreign, *changed):
        store = MemoryStore()
        store.swap(USER, None, record)
        world = World(scene(state), store=store, begun=True)
        check_refused(world, name, f"{name} in {state}", RecordUnreadable)
        assert world.raw == record
        world.service().reset(USER, actor="bob", reason="broken")
        assert world.raw is None
