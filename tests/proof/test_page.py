"""The page of the proof: red is an exit code, and says why."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, cast

import pytest

from explorer.universes import FULL
from fingerprints import fingerprints_of
from fuzzing.__main__ import FULL as RUNS
from mutation import results
from mutation.results import Score
from proof import __main__ as program
from proof import lines
from proof.lines import PARTS, Line
from soak import report
from soak.report import KILLS, ROUNDS
from soak.subjects import SUBJECTS
from weaknesses import frame


def test_a_green_page(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is missing: 0, and one line a part."""
    monkeypatch.setattr(program, "PARTS", (lambda: Line("Oracles", "1 of 1"), lambda: Line("Mutation", "2 of 2")))
    assert program.main() == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["ok", "Oracles"],
        ["ok", "Mutation"],
    ]


def test_a_gap_is_red(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Something is missing in one part: 1, and what it is."""
    parts = (lambda: Line("Oracles", "1 of 1"), lambda: Line("Mutation", "0 of 2", ("otp was never run",)))
    monkeypatch.setattr(program, "PARTS", parts)
    assert program.main() == 1
    said = capsys.readouterr().out
    assert "RED  Mutation" in said
    assert "- otp was never run" in said


# ---- each line ----

Data = dict[str, Any]


class Tree:
    """What the lines read and run, all of it as it should be, to be broken in one place."""

    def __init__(self) -> None:
        walk = {"states": 2, "steps": 3, "interleavings": 4, "fault": None}
        self.full: dict[str, Data] = {
            "explorer": {"date": "2026-01-01", "universes": {universe.name: dict(walk) for universe in FULL}},
            "oracles": {"date": "2026-01-01", "cases": 10**6, "comparisons": {"a": 10**6}, "mismatches": 0},
            "fuzzing": {
                "runs": 10**7,
                "targets": {name: {"date": "2026-01-01", "runs": runs, "crashes": []} for name, runs in RUNS.items()},
            },
        }
        deaths = {"kills": KILLS, "told": 9}
        self.full["soak"] = {
            "stores": {
                name: {
                    "date": "2026-01-01",
                    "rounds": ROUNDS,
                    "acceptances": ROUNDS,
                    "clients": deaths,
                    "servers": deaths,
                }
                for name in SUBJECTS
            }
        }
        self.said = {
            "explorer": json.dumps([walk]),
            "fuzzing": json.dumps({"runs": 5}),
            "mutation": "9 of 9 killed",
            "soak": "12 stores, 0 failed, 90 s",
        }
        self.codes = dict.fromkeys(self.said, 0)
        self.pytest = dict.fromkeys(("weaknesses", "requirements", "oracles"), ("9 passed in 1.00s", 0))

    def ran(self, module: str, *_: str) -> CompletedProcess[str]:
        """A module that was run."""
        if module == "pytest":
            said, code = self.pytest[Path(_[-1]).name]
            return CompletedProcess([], code, f"....\n==== {said} ====\n", "")
        return CompletedProcess([], self.codes[module], self.said[module], "")


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A tree in which everything is as it should be."""
    tree = Tree()
    score = Score(100, 99, 1, [])
    monkeypatch.setattr(lines, "ran", tree.ran)
    monkeypatch.setattr(lines, "recorded", lambda folder: tree.full.get(folder, {}))
    monkeypatch.setattr(report, "recorded", lambda: tree.full["soak"])
    monkeypatch.setattr(results, "score", lambda *_: score)
    return tree


Break = Callable[[Tree], object]
BREAKS: list[tuple[Callable[[], Line], Break, str]] = [
    (lines.explorer, lambda tree: tree.full["explorer"]["universes"].pop("lock"), "lock was not walked in full"),
    (lines.explorer, lambda tree: tree.full["explorer"]["universes"]["door"].update(fault=["A"]), "door: a promise"),
    (lines.explorer, lambda tree: tree.full.pop("explorer"), "was not walked in full"),
    (lines.explorer, lambda tree: tree.codes.update(explorer=1), "interleavings"),
    (lines.oracles, lambda tree: tree.full["oracles"].update(mismatches=1), "mismatch"),
    (lines.oracles, lambda tree: tree.full["oracles"].update(cases=10**6 - 1), "not compared in full"),
    (lines.oracles, lambda tree: tree.pytest.update(oracles=("9 passed, 90 skipped in 1.00s", 0)), "90 skipped"),
    (lines.oracles, lambda tree: tree.pytest.update(oracles=("1 failed in 1.00s", 1)), "1 failed"),
    (lines.weaknesses, lambda tree: tree.pytest.update(weaknesses=("1 failed in 1.00s", 1)), "1 failed"),
    (lines.requirements, lambda tree: tree.pytest.update(requirements=("1 failed in 1.00s", 1)), "1 failed"),
    (lines.fuzzing, lambda tree: tree.full["fuzzing"]["targets"].pop("stored"), "stored was not run in full"),
    (lines.fuzzing, lambda tree: tree.full["fuzzing"]["targets"]["uris"].update(runs=9), "uris was not run in full"),
    (lines.fuzzing, lambda tree: tree.full["fuzzing"]["targets"]["uris"].update(crashes=["x"]), "uris crashed"),
    (lines.fuzzing, lambda tree: tree.full["fuzzing"].update(runs=10**7 - 1), "fewer than 10,000,000"),
    (lines.fuzzing, lambda tree: tree.codes.update(fuzzing=1), '"runs": 5'),
    (lines.mutation, lambda tree: tree.codes.update(mutation=1), "9 of 9 killed"),
    (lines.soak, lambda tree: tree.full["soak"]["stores"].pop("redis"), "redis: it was not soaked"),
    (
        lines.soak,
        lambda tree: tree.full["soak"]["stores"]["redis"].update(rounds=9),
        "redis: it was raced on too little",
    ),
    (
        lines.soak,
        lambda tree: tree.full["soak"]["stores"]["redis"].update(servers=None),
        "redis: too little was killed",
    ),
    (lines.soak, lambda tree: tree.full["soak"]["stores"]["redis"].update(acceptances=9), "redis: not one acceptance"),
    (lines.soak, lambda tree: tree.codes.update(soak=1), "0 failed"),
]


@pytest.mark.parametrize("line", PARTS)
def test_a_line_of_what_is_whole_is_green(line: Callable[[], Line], tree: Tree) -> None:
    """Nothing is missing, and there are numbers in it."""
    assert line().gaps == ()
    assert re.search(r"\d", line().says)


@pytest.mark.parametrize(("line", "breaks", "gap"), BREAKS)
def test_a_line_turns_red(line: Callable[[], Line], breaks: Break, gap: str, tree: Tree) -> None:
    """What is missing in one place is the gap that the line names."""
    breaks(tree)
    assert gap in "".join(line().gaps)


def test_gaps_of_the_mutation_run_are_gaps_of_the_line(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that changed since, a survivor without a reason: the score says so, and the page does."""
    monkeypatch.setattr(results, "score", lambda *_: Score(100, 90, 1, ["otp has changed since it was run"]))
    assert lines.mutation().gaps == ("otp has changed since it was run",)


def test_a_class_without_a_check_is_a_gap(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks of one class are gone: the line names the class."""
    kept = [check for check in frame.checks() if check.weakness != "V34"]
    monkeypatch.setattr(frame, "checks", lambda: kept)
    assert lines.weaknesses().gaps == ("V34 has no check",)


def test_figures_of_older_code_say_so() -> None:
    """A run in full names its day, and each of its modules that has changed since."""
    assert lines.when({}) == "in full on no day"
    code = {**fingerprints_of(["otp", "secret"]), "keyuri": "another", "policy": "another"}
    assert lines.when({"date": "2026-01-01", "code": code}) == "in full on 2026-01-01, before keyuri and policy changed"
    assert lines.when({"date": "2026-01-01", "code": fingerprints_of(["otp"])}) == "in full on 2026-01-01"


@pytest.mark.parametrize("folder", ["explorer", "oracles", "fuzzing"])
def test_what_is_on_record_knows_its_code(folder: str) -> None:
    """Every figure on record names the modules that it is of."""
    full = lines.recorded(folder)
    for figures in cast("dict[str, Data]", full.get("targets", {folder: full})).values():
        assert figures["code"]
