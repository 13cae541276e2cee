"""An interrupt, or the end of memory or of the stack, at any line of totpcore's own.

Rules of this file:

1. Between any two lines a signal handler may raise. Whatever line that is, the record is the one before the change or
   the one after it, and the call raises or gives the answer that is due.
2. Silence is not promised here: an interrupt on the very line that takes what was typed under cover finds it bare.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import pytest

from silence.surface import is_ours
from totpcore import TotpcoreError
from trouble.clean import clean, run
from trouble.faults import World
from trouble.scenes import outcome, repeatable, scene

STORES: Final = f"{os.sep}stores{os.sep}"  # a tracer, unlike a signal, can come between a lock and its release
MOST: Final = 60  # lines of one call that are tried, spread evenly

CASES: Final = (
    ("on", "verify"), ("failed", "verify, wrong"), ("on", "recover"), ("on", "recover, wrong"), ("off", "enrol"),
    ("on", "replace"), ("replacing", "confirm"), ("pending", "confirm, wrong"), ("on", "renew_recovery_codes"),
    ("locked", "disable, recovery code"), ("hotp", "resync"), ("pending", "adopt"), ("replacing", "raise_floor"),
    ("locked", "reset"),
)  # fmt: skip
each_case = pytest.mark.parametrize(("state", "name"), CASES)


class Lines:
    """Counts the lines of totpcore's that are run, and raises on one of them."""

    def __init__(self, at: int | None = None, raises: type[BaseException] = KeyboardInterrupt) -> None:
        self.count, self.at, self.raises = 0, at, raises

    def __call__(self, frame: FrameType, event: str, _arg: object) -> "Lines | None":
        """What the interpreter calls on each new frame, and on each line of a frame that is ours."""
        if not is_ours(frame) or STORES in frame.f_code.co_filename:
            return None
        if event == "line":
            self.count += 1
            if self.count - 1 == self.at:
                raise self.raises
        return self


@contextmanager
def traced(lines: Lines) -> Iterator[None]:
    """Trace meanwhile; whoever traced before, such as a measure of coverage, goes on afterwards."""
    before: Any = sys.gettrace()
    sys.settrace(lines)
    try:
        yield
    finally:
        sys.settrace(before)


def check_whole(world: World, state: str, name: str, call: Callable[[], str]) -> bool:
    """The call raises or gives its due answer; the record is whole. Says whether it raised."""
    expected = clean(state, name)
    try:
        came_to = call()
    except (KeyboardInterrupt, MemoryError, RecursionError):
        came_to = "raised"
    assert came_to in ("raised", "RecordUnreadable", expected.outcome)
    stored = world.raw == expected.left
    assert stored or world.raw == scene(state).held
    assert stored or came_to != expected.outcome
    assert len(world.heard) <= stored
    assert run(world.healed(), name) == (expected.again if stored else expected.outcome)
    return came_to != expected.outcome


@each_case
@pytest.mark.parametrize("raises", [KeyboardInterrupt, MemoryError], ids=lambda kind: kind.__name__)
def test_an_interrupt_at_any_line(state: str, name: str, raises: type[BaseException]) -> None:
    """Nothing half done is stored, nobody is let in, and the same call works, or is a repetition, afterwards."""
    assert clean(state, name).steps  # and the scene is made before lines are counted
    lines = Lines()
    with traced(lines):
        run(World(scene(state)), name)
    assert lines.count > 20
    raised = 0
    for at in range(0, lines.count, max(1, lines.count // MOST)):
        world = World(scene(state))

        def call(world: World = world, at: int = at) -> str:
            with repeatable(1), traced(Lines(at, raises)):
                return outcome(lambda: scene(state).calls[name](world.service()))

        raised += check_whole(world, state, name, call)
    assert raised > 10


@each_case
def test_a_stack_that_ends_anywhere(state: str, name: str) -> None:
    """A call from deep inside of a program, with too little stack left, is refused or right."""
    raised, limit = 0, sys.getrecursionlimit()
    for room in range(4, 40):
        world = World(scene(state))

        def call(world: World = world, room: int = room) -> str:
            with repeatable(1):
                service, made = world.service(), scene(state).calls[name]
                came_to = "raised"
                sys.setrecursionlimit(depth() + room)
                try:
                    made(service)
                    came_to = "ok"
                except TotpcoreError as error:
                    came_to = str(getattr(error, "reason", type(error).__name__))
                finally:
                    sys.setrecursionlimit(limit)
                return came_to

        raised += check_whole(world, state, name, call)
    assert raised


def depth() -> int:
    """How deep the stack is here."""
    frame, found = sys._getframe(), 0
    while frame.f_back is not None:
        frame, found = frame.f_back, found + 1
    return found
