"""The page of the proof: red is an exit code, and says why."""

import pytest

from proof import __main__ as program
from proof.lines import Line


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
