"""The comparison is what the libraries do, not what somebody remembers of them.

Each library is run in a process of its own. What `tests/comparison` finds is compared with the page and the README.
"""

import re
from functools import cache
from importlib.metadata import version

import pytest
from packaging.version import Version

from comparison import page
from comparison.facts import NOT_SO, Library, fact, order
from need import miss

pytest_plugins = ["servers.fixtures"]

OTHERS = [name for name in page.LIBRARIES if name != "totpcore"]

each_library = pytest.mark.parametrize("name", page.LIBRARIES)


@cache
def answers_of(name: str) -> dict[str, str | list[str]]:
    """What a library answers, once in a run."""
    if absent := page.missing(name):
        miss(f"needs {absent}")
    return page.ask(name)


def cells(marker: str, text: str | None = None) -> dict[tuple[str, str], str]:
    """The cells of a table in the page, or in another text, by question and library."""
    lines = page.between(text or page.PAGE.read_text("utf-8"), marker).splitlines()
    rows = [[part.strip() for part in line.strip("|").split("|")] for line in lines]
    names = [name.strip("*") for name in rows[0][1:]]
    return {(row[0], name): said for row in rows[2:] for name, said in zip(names, row[1:], strict=True)}


@each_library
@pytest.mark.parametrize("question", [question for question in page.QUESTIONS if question != page.ON_POSTGRES])
def test_each_cell_is_what_the_library_does(name: str, question: str) -> None:
    """The cell stands in the page as running the library gives it."""
    table = next(marker for marker, questions in page.TABLES.items() if question in questions)
    said = cells(table)[page.asked(question), name]
    assert page.cell(answers_of(name)[question]) == said, f"{name} {version(name)}"


@each_library
def test_the_race_on_postgresql(name: str, postgres_database: str) -> None:
    """The same for the race that needs a server."""
    if absent := page.missing(name):
        miss(f"needs {absent}")
    answer = page.ask(name, page.ON_POSTGRES, postgres=postgres_database)[page.ON_POSTGRES]
    assert page.cell(answer) == cells("codes")[page.asked(page.ON_POSTGRES), name], f"{name} {version(name)}"


def test_where_the_others_are_better() -> None:
    """Each sentence holds, stands in the page, and there is one of every other library."""
    answers = {name: answers_of(name) for name in page.LIBRARIES}
    assert all(answers[name]["better"] for name in OTHERS)
    assert page.between(page.PAGE.read_text("utf-8"), "better") == page.better(answers)


def test_the_page_has_no_other_cell() -> None:
    """No question and no library stands in a table that nobody runs."""
    for marker, questions in page.TABLES.items():
        assert set(cells(marker)) == {(page.asked(each), name) for each in questions for name in page.LIBRARIES}


def test_the_short_table_of_the_readme() -> None:
    """Its cells are the beginnings of those of the page, and half a dozen rows and more are enough to choose by."""
    long = cells("codes") | cells("secrets") | cells("around")
    brief = cells("comparison", page.README.read_text("utf-8"))
    assert set(brief) == {(page.asked(each), name) for each in page.IN_README for name in page.LIBRARIES}
    for where, said in brief.items():
        assert page.short(long[where]) == said, where


def test_the_page_names_the_versions() -> None:
    """Every library is named with a version, and none that is newer than what is run here."""
    named = dict(re.findall(r"([\w-]+) (\d[\w.]*\d)", page.between(page.PAGE.read_text("utf-8"), "versions")))
    assert set(named) == set(OTHERS)
    for name, said in named.items():
        if page.missing(name) is None:
            assert Version(said) <= Version(version(name)), name


def test_a_fact_stands_only_where_it_holds() -> None:
    """What fails, and what looks at nothing, is no fact; neither is a time of another order."""
    assert fact("so", True, True) == "so"
    for found in (fact("so", True, False), fact("so"), order("tens", 900), order("hundreds", 9)):
        assert NOT_SO in found
    assert order("tens", 40) == "tens of milliseconds"


def test_every_library_is_asked_every_question() -> None:
    """The questions of the tables are those that a library must answer, each once."""
    asked = sorted(page.QUESTIONS)
    assert asked == sorted(Library.__abstractmethods__)
    assert len({page.asked(question) for question in asked}) == len(asked)
