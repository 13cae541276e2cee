"""The lines of the page: what each part of the proof comes to, and what is missing in it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, cast

from fingerprints import fingerprint_of

TESTS: Final = Path(__file__).parents[1]
COMPARISONS: Final = 1_000_000
FUZZ_RUNS: Final = 10_000_000
SAMPLE: Final = 24  # mutants
SECONDS: Final = 15  # of each of four targets: a minute
SOAK_ROUNDS: Final = 500
SOAK_KILLS: Final = 10


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
    checked = {check.weakness for check in found}
    missing = (answerable(known.values()) - checked) | missing_from_checklist()
    said, failed = tested("weaknesses")
    says = f"{len(known)} classes: {len(checked)} with {len(found)} checks, each failed by its broken twin; now: {said}"
    return Line("Weaknesses", says, (*(f"{name} has no check" for name in sorted(missing)), *failed))


def requirements() -> Line:
    """Every requirement of the library with a test or a reason."""
    from requirements.matrix import Matrix

    matrix = Matrix.now()
    ours, theirs = matrix.of("LIB"), matrix.of("APP")
    named = sum(bool(matrix.tests(row.id)) for row in ours)
    said, failed = tested("requirements")
    says = (
        f"{len(ours)} of the library, {named} named by tests, the others by a reason; {len(theirs)} for the integrator"
    )
    return Line("Requirements", f"{says}; now: {said}", (*matrix.gaps(), *failed))


def explorer() -> Line:
    """Every state, and every order of two clients' steps: of all universes on record, of the smaller ones now."""
    from explorer.universes import FULL

    done, full = ran("explorer", "--json"), recorded("explorer")
    if done.returncode:
        return Line("Explorer", "a promise is broken", red(done))
    universes = cast("dict[str, dict[str, int]]", full.get("universes", {}))
    says = f"{walked(list(universes.values()))}, each of {len(universes)} universes to its end, no broken promise"
    gaps = [f"{one.name} was not walked in full" for one in FULL if one.name not in universes]
    gaps += [f"{name}: a promise is broken" for name, walk in universes.items() if walk["fault"]]
    return Line("Explorer", f"{says}; {when(full)}; now: {walked(json.loads(done.stdout))}", (*gaps,))


def walked(walks: list[dict[str, int]]) -> str:
    """What all walks saw together."""
    names = ("states", "steps", "interleavings")
    return ", ".join(f"{sum(walk[name] for walk in walks):,} {name}" for name in names)


def oracles() -> Line:
    """The million comparisons on record, and ten thousand more now."""
    full = recorded("oracles")
    cases, mismatches = whole(full, "cases"), whole(full, "mismatches")
    gaps = () if cases >= COMPARISONS and not mismatches else ("not compared in full, or with a mismatch",)
    compared = sum(cast("dict[str, int]", full.get("comparisons", {})).values())
    said, failed = tested("oracles")
    says = f"{cases:,} random cases, {compared:,} comparisons, {mismatches} mismatches"
    return Line("Oracles", f"{says}; {when(full)}; now: {said}", (*gaps, *failed))


def mutation() -> Line:
    """The mutants that the tests noticed, and a fixed sample of them now."""
    from mutation.results import load, load_reasons, score

    results = load()
    total = score(results, load_reasons())
    last = min((result["date"] for result in results.values()), default="never")
    done = ran("mutation", "--sample", str(SAMPLE))
    said = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
    return Line("Mutation", f"{total}; in full on {last}; now: {said}", (*total.gaps, *red(done)))


def fuzzing() -> Line:
    """The ten million runs on record, and a minute of them now."""
    from fuzzing.__main__ import FULL

    full = recorded("fuzzing")
    targets = cast("dict[str, dict[str, object]]", full.get("targets", {}))
    crashes = sum(len(cast("list[str]", figures["crashes"])) for figures in targets.values())
    gaps = [f"{name} was not run in full" for name, runs in FULL.items() if whole(targets.get(name, {}), "runs") < runs]
    gaps += [f"{name} crashed" for name, figures in targets.items() if figures["crashes"]]
    gaps += [f"fewer than {FUZZ_RUNS:,} runs"] if whole(full, "runs") < FUZZ_RUNS else []
    done = ran("fuzzing", "--seconds", str(SECONDS), "--jobs", "2", "--seed", "0", "--json")
    now = whole(json.loads(done.stdout), "runs") if done.returncode == 0 else 0
    says = f"{whole(full, 'runs'):,} runs over {len(targets)} targets, {crashes} crashes"
    dates = "; ".join(f"{name} {when(figures)}" for name, figures in targets.items())
    return Line("Fuzzing", f"{says}; {dates}; now: {now:,} more", (*gaps, *red(done)))


def soak() -> Line:
    """Ten thousand races on each store and hundreds of kills on record, and a few of them now."""
    from soak import report

    stores = cast("dict[str, dict[str, object]]", recorded("soak").get("stores", {}))
    raced = {name: (whole(figures, "rounds"), whole(figures, "acceptances")) for name, figures in stores.items()}
    deaths = [figures[who] or {} for figures in stores.values() for who in ("clients", "servers")]
    killed, told = (sum(whole(cast("dict[str, object]", one), name) for one in deaths) for name in ("kills", "told"))
    says = (
        f"{len(stores)} stores: {sum(rounds for rounds, _ in raced.values()):,} races with "
        f"{sum(accepted for _, accepted in raced.values()):,} acceptances; {killed:,} kills, {told:,} answers "
        "that were told before and true after; "
        f"{'; '.join(f'{name} {when(figures)}' for name, figures in stores.items())}"
    )
    gaps = [f"{name}: {why}" for name, why in report.gaps()]
    gaps += [f"{name}: not one acceptance in each race" for name, (rounds, ok) in raced.items() if rounds != ok]
    done = ran("soak", "--rounds", str(SOAK_ROUNDS), "--kills", str(SOAK_KILLS))
    now = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
    return Line("Soak", f"{says}; now {SOAK_ROUNDS} races and {SOAK_KILLS} kills each: {now}", (*gaps, *red(done)))


PARTS: Final[tuple[Callable[[], Line], ...]] = (weaknesses, requirements, explorer, oracles, mutation, fuzzing, soak)


def recorded(folder: str) -> dict[str, object]:
    """The figures of a run in full; nothing where there was none."""
    file = TESTS / folder / "full_run.json"
    return cast("dict[str, object]", json.loads(file.read_text("utf-8"))) if file.exists() else {}


def when(figures: dict[str, object]) -> str:
    """When a run in full was made, and which of its modules have changed since."""
    code = cast("dict[str, str]", figures.get("code", {}))
    changed = [module for module, mark in code.items() if mark != fingerprint_of(module)]
    since = f", before {' and '.join(changed)} changed" if changed else ""
    return f"in full on {figures.get('date', 'no day')}{since}"


def whole(figures: dict[str, object], name: str) -> int:
    """A figure; 0 where it is not there."""
    return cast("int", figures.get(name, 0))


def ran(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the tests in an interpreter of its own."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=TESTS.parent)


def red(done: subprocess.CompletedProcess[str]) -> tuple[str, ...]:
    """What a module said last, as a gap, where it failed."""
    return (done.stdout[-2000:] + done.stderr[-2000:],) if done.returncode else ()


def tested(folder: str) -> tuple[str, tuple[str, ...]]:
    """Run a folder of tests; return what pytest said last, and that as a gap where one failed or was skipped."""
    done = ran("pytest", "-q", "--no-cov", "-p", "no:cacheprovider", str(TESTS / folder))
    said = (done.stdout.strip().splitlines() or ["it said nothing"])[-1].strip("= ")
    return said, (f"tests/{folder}: {said}",) if done.returncode or "skipped" in said else ()
