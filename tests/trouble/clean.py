"""What each call comes to in honest surroundings: what trouble is compared with."""

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

import pytest

from records.life import USER
from totpcore import _core as core
from totpcore._guard import Hidden
from totpcore._record import EMPTY, Record, decode
from trouble.faults import Step, World
from trouble.scenes import CALLS, STATES, Seal, outcome, repeatable, scene

FEW: Final = ("off", "replacing", "throttled", "locked", "hotp")  # where a call meets something else; the rest is alike


def _each(states: tuple[str, ...]) -> pytest.MarkDecorator:
    cases = list(product(states, CALLS))
    return pytest.mark.parametrize(("state", "name"), cases, ids=lambda value: str(value).replace(", ", "/"))


each, each_of_few = _each(STATES), _each(FEW)


@dataclass(frozen=True)
class Clean:
    """What a call comes to where nothing breaks, and what the same call comes to after that."""

    steps: tuple[Step, ...]
    outcome: str
    left: bytes | None
    events: int
    again: str


@cache
def clean(state: str, name: str) -> Clean:
    """Run a call twice in honest surroundings."""
    world, call = World(scene(state)), scene(state).calls[name]
    came_to = run(world, name)
    steps, left, events = tuple(world.steps), world.raw, len(world.heard)
    return Clean(steps, came_to, left, events, outcome(lambda: call(world.healed().service())))


def run(world: World, name: str) -> str:
    """Make the call, with randomness that is the same each time."""
    with repeatable(1):
        return outcome(lambda: world.scene.calls[name](world.service()))


def opened(raw: bytes | None) -> Record:
    """The record, without its seal."""
    if raw is None:
        return EMPTY
    found = decode(Hidden(Seal().open(raw, core.context_of(USER))))
    if not isinstance(found, Record):
        raise AssertionError("the record cannot be read")
    return found
