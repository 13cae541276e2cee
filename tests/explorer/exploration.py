"""What a walk saw. `python -m explorer --full --record` keeps it of a full walk, in `full_run.json`.

Rule 1. A walk that sees less than what is recorded has lost something: a call, an input or an order of steps.
"""

import json
from pathlib import Path
from typing import Final, NamedTuple

from explorer.telling import Fault
from totpcore.answers import State
from totpcore.events import EventKind

PATH: Final = Path(__file__).with_name("full_run.json")
FIGURES: Final = ("states", "steps", "interleavings")


class Exploration(NamedTuple):
    """What a walk saw.

    Attributes:
        universe: Its name.
        states: Different states.
        steps: Steps from one state to another, or to the same: each call with each input counts.
        interleavings: Pairs of steps, one of each client, both with a call under way in the same state, so that either
            may come first. Each was walked in both orders.
        records: Different values that were stored; under another numbering it is another value.
        decisions: Calls on the package: one for each value, moment and input.
        lost: Swaps that were lost.
        depth: The longest of the shortest ways to a state.
        seconds: How long it took, in seconds of one processor.
        calls: The calls that were accepted somewhere.
        factors: The states of a second factor that were seen.
        refusals: The reasons for which calls were refused somewhere.
        fault: A broken promise, and a shortest way there.
    """

    universe: str
    states: int
    steps: int
    interleavings: int
    records: int
    decisions: int
    lost: int
    depth: int
    seconds: float
    calls: frozenset[EventKind]
    factors: frozenset[State]
    refusals: frozenset[str]
    fault: Fault | None


def figures_of(found: Exploration) -> dict[str, object]:
    """What is printed and kept of a walk."""
    return {
        "universe": found.universe,
        **{name: getattr(found, name) for name in (*FIGURES, "records", "decisions", "lost", "depth")},
        "seconds": round(found.seconds, 1),
        "fault": None if found.fault is None else list(found.fault.path),
    }


def recorded(universe: str) -> dict[str, int]:
    """The figures that were recorded for a universe."""
    kept = json.loads(PATH.read_text(encoding="utf-8"))["universes"][universe]
    return {name: int(kept[name]) for name in FIGURES}
