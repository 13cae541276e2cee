"""The score of the mutation run: what counts, and every way in which it is not whole."""

from collections.abc import Callable

import pytest

from fingerprints import fingerprint, fingerprint_of
from mutation.results import ENOUGH, MODULES, Result, fresh, score


def whole() -> dict[str, Result]:
    """Results as they should be: every module, a hundred mutants each, one of which lives."""
    results = {module: fresh(module, 100, "2026-01-01") for module in MODULES}
    for result in results.values():
        result["killed"] = [f"kind#{number}" for number in range(98)]
        result["timed_out"] = ["kind#98"]
        result["survivors"] = {"kind#99": {"line": 1, "was": "a", "becomes": "b"}}
    return results


REASONS = {f"{module}:kind#99": "no difference can be seen" for module in MODULES}


def test_whole_results_have_no_gap() -> None:
    """Everything was run, enough was killed, and each survivor has its reason."""
    total = score(whole(), REASONS)
    assert str(total) == "1386 of 1400 mutants killed, 14 of them by the time limit: 99.0 per cent"
    assert total.gaps == []


def never_run(results: dict[str, Result], _: dict[str, str]) -> None:
    """A module is not in the results."""
    del results["otp"]


def changed(results: dict[str, Result], _: dict[str, str]) -> None:
    """The code is another."""
    results["otp"]["fingerprint"] = "other"


def stopped(results: dict[str, Result], _: dict[str, str]) -> None:
    """A mutant was not tried."""
    results["otp"]["killed"].pop()


def unexplained(_: dict[str, Result], reasons: dict[str, str]) -> None:
    """Nobody says why it is harmless."""
    del reasons["otp:kind#99"]


def explained_in_vain(_: dict[str, Result], reasons: dict[str, str]) -> None:
    """A reason was left behind."""
    reasons["otp:kind#1"] = "none"


@pytest.mark.parametrize(
    ("change", "gap"),
    [
        (never_run, "otp was never run"),
        (changed, "otp has changed since it was run"),
        (stopped, "otp was not run to the end"),
        (unexplained, "otp:kind#99 survives without a reason"),
        (explained_in_vain, "otp:kind#1 has a reason and is no survivor"),
    ],
)
def test_each_gap_is_found(change: Callable[[dict[str, Result], dict[str, str]], None], gap: str) -> None:
    """What is missing is said, and alone."""
    results, reasons = whole(), dict(REASONS)
    change(results, reasons)
    found = score(results, reasons).gaps
    assert gap in found
    assert all("otp" in other for other in found)


def test_too_few_killed_is_a_gap() -> None:
    """Below the bound, reasons do not help."""
    results = whole()
    for result in results.values():
        result["mutants"] = 1000
        result["killed"] = [f"kind#{number}" for number in range(948)]
        result["survivors"] = {f"other#{number}": {"line": 1, "was": "a", "becomes": "b"} for number in range(51)}
    reasons = {f"{module}:other#{number}": "harmless" for module in MODULES for number in range(51)}
    assert score(results, reasons).gaps == [f"94.9 per cent killed, less than {ENOUGH:.0f}"]


def test_the_fingerprint_is_of_the_code_alone() -> None:
    """Comments, docstrings and layout may change; a constant may not."""
    plain = fingerprint("x = 1\ndef f(): return 2")
    assert fingerprint("# a comment\nx  =  1\n\ndef f():\n    return 2") == plain
    assert fingerprint("x = 1\ndef f(): return 3") != plain
    assert fingerprint('def f():\n    """Say."""\n    return 2') == fingerprint(
        'def f():\n    """Tell."""\n    return 2'
    )
    assert len({fingerprint_of(module) for module in MODULES}) == len(MODULES)
