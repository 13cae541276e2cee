"""`totpcore key`: a new entry for the keys."""

from pathlib import Path

import pytest

from cli.stores import House, Run, example, is_one_line, script, shell
from totpcore.sealing import Keyring

pytest_plugins = ["cli.stores"]


def test_it_makes_an_entry_for_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, a new one each time, which a keyring takes; neither store nor keys have to be there."""
    monkeypatch.delenv("TOTPCORE_STORE", raising=False)
    monkeypatch.delenv("TOTPCORE_KEYS", raising=False)
    made = [run("key") for _ in range(2)]
    assert [(said.code, said.err) for said in made] == [(0, ""), (0, "")]
    lines = [said.out.removesuffix("\n") for said in made]
    assert Keyring.from_text(",".join(lines)).ids == tuple(line.partition(":")[0] for line in lines)


def test_it_takes_an_id(run: Run) -> None:
    """It stands in front."""
    assert run("key", "--id", "2026-08").out.startswith("2026-08:")


def test_a_wrong_id_is_one_line(run: Run) -> None:
    """It names the option and what is allowed; what was typed, which may be a key, is not shown."""
    said = run("key", "--id", "not an id")
    assert (said.code, said.out) == (2, "")
    assert said.err == "totpcore: --id must have 1 to 32 of the characters A-Z a-z 0-9 . _ -\n"


def test_the_example_makes_a_file_that_is_read(house: House, tmp_path: Path) -> None:
    """As --help says it: a file that nobody else may read, and that --keys-file takes."""
    assert shell(house, example(house, "key")) == (0, "", "")
    assert (tmp_path / "totp.keys").stat().st_mode & 0o777 == 0o600
    assert Keyring.from_file(tmp_path / "totp.keys").ids == ("2026",)
    said = script(house, "users", "--keys-file", "totp.keys", keys="")
    assert (said.code, said.err) == (0, "")


def test_no_mistake_shows_what_was_typed(run: Run) -> None:
    """An argument too many is none of its business."""
    said = run("key", "2026:c2VjcmV0")
    assert said.code == 2
    assert is_one_line(said.err)
    assert "c2VjcmV0" not in said.err
