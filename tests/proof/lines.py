"""The lines of the page: what each part of the proof comes to, and what is missing in it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, cast

TESTS: Final = Path(__file__).parents[1]
COMPARISONS: Final = 1_000_000
FUZZ_RUNS: Final = 10_000_000


class Line(NamedTuple):
    """A part of the proof.

    Attributes:
        part: Its name.
        says: Its numbers, and when they were made.
        gaps: What is missing; none where the line is green.
    """

    part: str
    says: str
    gaps: tuple[str, ...] = ()


def weaknesses() -> Line:
    """Every class with a check, every check with a twin that falls."""
    from weaknesses.frame import answerable, checks, classes
    from weaknesses.table import missing_from_checklist

    found, known = checks(), classes()
    unchecked = answerable(known.values()) - {check.weakness for check in found}
    passed, said = tested("weaknesses")
    gaps = [f"{name} has no check" for name in sorted(unchecked | missing_from_checklist())]
    checked = len({check.weakness for check in found})
    says = f"{len(known)} classes: {checked} with {len(found)} checks, each failed by its broken twin; {said}, now"
    return Line("Weaknesses", says, (*gaps, *([] if passed else [said])))


def requirements() -> Line:
    """Every requirement of the library with a test or a reason."""
    from requirements.matrix import Matrix

    matrix = Matrix.now()
    ours = matrix.of("LIB")
    named = sum(bool(matrix.tests(row.id)) for row in ours)
    says = f"{len(ours)} of the library: {named} named by tests, the others by a reason; {len(matrix.of('APP'))} for"
    passed, said = tested("requirements")
    gaps = (*matrix.gaps(), *(() if passed else (said,)))
    return Line("Requirements", f"{says} the integrator; now", gaps)


def oracles() -> Line:
    """The million comparisons on record, and ten thousand more now."""
    full = recorded("oracles")
    gaps = []
    if whole(full, "cases") < COMPARISONS or whole(full, "mismatches"):
        gaps.append("the comparison was not run in full, or found a mismatch")
    passed, said = tested("oracles")
    compared = sum(cast("dict[str, int]", full.get("comparisons", {})).values())
    says = f"{whole(full, 'cases'):,} random cases, {compared:,} comparisons, {whole(full, 'mismatches')} mismatches"
    return Line("Oracles", f"{says}; in full on {full.get('date')}; {said}, now", (*gaps, *([] if passed else [said])))


def mutation() -> Line:
    """The mutants that the tests notice."""
    from mutation.results import load, load_reasons, score

    results = load()
    total = score(results, load_reasons())
    last = max((result["date"] for result in results.values()), default="never")
    says = f"{total.killed} of {total.mutants} mutants killed, {total.per_cent:.1f} per cent; in full on {last}"
    return Line("Mutation", says, tuple(total.gaps))


def fuzzing() -> Line:
    """The ten million runs on record."""
    full = recorded("fuzzing")
    targets = cast("dict[str, dict[str, object]]", full.get("targets", {}))
    crashes = sum(len(cast("list[str]", figures["crashes"])) for figures in targets.values())
    gaps = ("not run in full",) if whole(full, "runs") < FUZZ_RUNS else ()
    says = f"{whole(full, 'runs'):,} runs over {len(targets)} targets, {crashes} crashes; in full on {full.get('date')}"
    return Line("Fuzzing", says, (*gaps, *(("there were crashes",) if crashes else ())))


def explorer() -> Line:
    """Every state, and every order of two clients' steps."""
    done = ran("explorer", "--json")
    if done.returncode:
        return Line("Explorer", "a promise is broken", (done.stdout[-2000:] + done.stderr[-2000:],))
    walks = cast("list[dict[str, int]]", json.loads(done.stdout))
    states, steps, orders = (sum(walk[name] for walk in walks) for name in ("states", "steps", "interleavings"))
    return Line("Explorer", f"{states:,} states, {steps:,} steps, {orders:,} interleavings, no broken promise; now")


PARTS: Final[tuple[Callable[[], Line], ...]] = (weaknesses, requirements, explorer, oracles, mutation, fuzzing)


def recorded(folder: str) -> dict[str, object]:
    """The figures of a run in full; nothing where there was none."""
    file = TESTS / folder / "full_run.json"
    return cast("dict[str, object]", json.loads(file.read_text("utf-8"))) if file.exists() else {}


def whole(figures: dict[str, object], name: str) -> int:
    """A figure; 0 where it is not there."""
    return cast("int", figures.get(name, 0))


def ran(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the tests in an interpreter of its own."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=TESTS.parent)


def tested(folder: str) -> tuple[bool, str]:
    """Run a folder of tests, and return whether all passed and what pytest said last."""
    done = ran("pytest", "-q", "--no-cov", "-p", "no:cacheprovider", str(TESTS / folder))
    return done.returncode == 0, (done.stdout.strip().splitlines() or ["it said nothing"])[-1].strip("= ")
