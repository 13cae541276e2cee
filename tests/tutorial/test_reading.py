"""The pages of the tutorial show every line: without a browser and without installing anything."""

from pathlib import Path

import pytest

from browser.pictures import PICTURES
from tutorial.reader import Reader
from tutorial.reading import STEPS, Change, Command, Deed, NewFile, Output, Shown, function, pages, state, steps


def test_there_are_eight_steps_after_the_empty_folder() -> None:
    """Each has something to do and something to see; a folder has the files of each."""
    first, *numbered = steps()
    assert first.heading == "An empty folder"
    assert [step.heading.partition(".")[0] for step in numbered] == [str(number) for number in range(1, 9)]
    assert {f"step{number}" for number in range(1, 9)} == {folder.name for folder in STEPS.glob("step*")}
    for step in numbered:
        assert any(isinstance(deed, Shown) for deed in step.deeds), step.heading
    assert len(pages()) == 5


def test_what_the_pages_show_gives_the_files_of_each_step(tmp_path: Path) -> None:
    """A line that a page forgets, or has from yesterday, is found."""
    (tmp_path / "panel").mkdir()
    reader = Reader(tmp_path / "panel", tmp_path)
    for number, step in enumerate(steps()):
        for name in reader.follow([deed for deed in step.deeds if not isinstance(deed, Command | Output)]):
            assert (PICTURES / f"{name}.png").exists()
        assert reader.files() == state(number), step.heading


def test_a_change_has_one_place(tmp_path: Path) -> None:
    """Lines that are not in the file, or there twice, could be changed in the wrong place."""
    (tmp_path / "panel").mkdir()
    reader = Reader(tmp_path / "panel", tmp_path)
    start: list[Deed] = [NewFile("panel.py", "one\ntwo\ntwo\n")]
    list(reader.follow([*start, Change("panel.py", "one\n", "1\n")]))
    assert reader.files() == {"panel.py": "1\ntwo\ntwo\n"}
    for before in ("two\n", "three\n"):
        with pytest.raises(AssertionError, match="times"):
            list(reader.follow([*start, Change("panel.py", before, "")]))


def test_a_function_is_taken_with_its_decorators(tmp_path: Path) -> None:
    """As Sphinx includes it."""
    (tmp_path / "x.py").write_text("import a\n\n\n@a.b\n@a.c()\ndef d():\n    pass\n\n\nx = 1\n", "utf-8")
    assert function(tmp_path / "x.py", "d") == "@a.b\n@a.c()\ndef d():\n    pass\n"


def test_each_picture_shows_something_of_its_own() -> None:
    """Two that are alike would tell a reader that nothing has happened in between."""
    shown = [deed.name for step in steps() for deed in step.deeds if isinstance(deed, Shown)]
    assert len({(PICTURES / f"{name}.png").read_bytes() for name in shown}) == len(shown)
