"""What a run found, kept as data that a reviewer can read and a later run goes on from."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, TypedDict

from fingerprints import fingerprint_of

# The audit path, floors 1 to 7.
MODULES: Final = (
    "_guard", "secret", "otp", "_urireading", "recovery", "throttle", "keyuri", "_record", "policy", "answers",
    "_states", "_spending", "_transitions", "_core",
)  # fmt: skip
FILE: Final = Path(__file__).with_name("results.json")
REASONS: Final = Path(__file__).with_name("reasons.json")
ENOUGH: Final = 95.0  # per cent


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"


class Survivor(TypedDict):
    """A mutant that no test noticed."""

    line: int
    was: str
    becomes: str


class Result(TypedDict):
    """What became of a module's mutants."""

    fingerprint: str
    date: str
    mutants: int
    killed: list[str]
    timed_out: list[str]
    survivors: dict[str, Survivor]


class Score(NamedTuple):
    """What all of it comes to."""

    mutants: int
    killed: int
    timed_out: int  # of those killed
    gaps: list[str]

    @property
    def per_cent(self) -> float:
        """Killed by all."""
        return 100 * self.killed / self.mutants if self.mutants else 0.0

    def __str__(self) -> str:
        killed = f"{self.killed} of {self.mutants} mutants killed, {self.timed_out} of them by the time limit"
        return f"{killed}: {self.per_cent:.1f} per cent"


def load() -> dict[str, Result]:
    """The results that are there."""
    found: dict[str, Result] = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    return found


def save(results: dict[str, Result]) -> None:
    """Keep them; a run that is killed here leaves the old file."""
    beside = FILE.with_suffix(".new")
    beside.write_text(json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
    beside.replace(FILE)


def fresh(module: str, mutants: int, today: str) -> Result:
    """A result without anything in it yet, for the module as it stands."""
    return {
        "fingerprint": fingerprint_of(module),
        "date": today,
        "mutants": mutants,
        "killed": [],
        "timed_out": [],
        "survivors": {},
    }


def dead(result: Result) -> list[str]:
    """Those that count as killed."""
    return result["killed"] + result["timed_out"]


def score(results: dict[str, Result], reasons: dict[str, str]) -> Score:
    """Add up, and say what is missing: a module, a stale result, an unfinished run, a survivor without a reason."""
    gaps = []
    for module in MODULES:
        result = results.get(module)
        if result is None:
            gaps.append(f"{module} was never run")
            continue
        if result["fingerprint"] != fingerprint_of(module):
            gaps.append(f"{module} has changed since it was run")
        if len(dead(result)) + len(result["survivors"]) != result["mutants"]:
            gaps.append(f"{module} was not run to the end")
        named = {f"{module}:{name}" for name in result["survivors"]}
        gaps += [f"{name} survives without a reason" for name in sorted(named - reasons.keys())]
    known = {f"{module}:{name}" for module, result in results.items() for name in result["survivors"]}
    gaps += [f"{name} has a reason and is no survivor" for name in sorted(reasons.keys() - known)]
    mutants = sum(result["mutants"] for result in results.values())
    late = sum(len(result["timed_out"]) for result in results.values())
    total = Score(mutants, sum(len(dead(result)) for result in results.values()), late, gaps)
    if total.per_cent < ENOUGH:
        gaps.append(f"{total.per_cent:.1f} per cent killed, less than {ENOUGH:.0f}")
    return total


def load_reasons() -> dict[str, str]:
    """Why each survivor is equivalent or harmless."""
    found: dict[str, str] = json.loads(REASONS.read_text("utf-8")) if REASONS.exists() else {}
    return found
