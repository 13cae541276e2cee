"""The record and the states are in the reference as they are: every field, every bound, every way."""

import json
import re
from pathlib import Path

import pytest

from fuzzing.schema import _TIME, PARTS
from manual import DOCS
from manual.tables import page, rows, section, words
from records.life import Life
from totpcore._guard import Hidden
from totpcore._record import Record, decode, encode
from totpcore._states import TABLE

# ---- the record ----


def test_the_example_is_a_record() -> None:
    """It is the one of the golden file with everything in it, and has every field of the tables."""
    block = re.search(r"^```json\n(.*?)^```", page("record"), re.MULTILINE | re.DOTALL)
    assert block is not None
    shown = json.loads(block[1])
    golden = json.loads((Path(__file__).parents[1] / "records/version-1.json").read_text("utf-8"))
    assert shown == json.loads(golden["everything"]["bytes"])
    record = decode(Hidden(json.dumps(shown).encode()))
    assert isinstance(record, Record)
    assert json.loads(encode(record).value) == shown


TABLES = {
    "record": ("## The whole",),
    "tally": ("## A tally",),
    "active": ("## A credential", "## An active credential"),
    "pending": ("## A credential", "## A pending credential"),
}


@pytest.mark.parametrize("part", TABLES)
def test_every_field_of_a_record(part: str) -> None:
    """The tables have the fields that a part has, and whole numbers within their bounds and no other."""
    shown = {words(row[0])[0]: row[1] for heading in TABLES[part] for row in rows(tables(heading)[0])}
    optional = {"period", "t0"} if part == "active" else set()
    assert set(shown) == set(PARTS[part]) | optional | ({"period"} if part == "pending" else set())
    check_bounds(part, shown)


def test_every_field_of_recovery_codes() -> None:
    """So have those of the recovery codes."""
    shown = {words(row[0])[0]: row[1] for row in rows(tables("## An active credential")[1])}
    assert set(shown) == set(PARTS["recovery"])
    check_bounds("recovery", shown)


def tables(heading: str) -> list[str]:
    """The tables under a heading."""
    return re.findall(r"(?:^\|.*\n)+", section(page("record"), heading), re.MULTILINE)


def check_bounds(part: str, shown: dict[str, str]) -> None:
    """Hold the bounds of whole numbers against the tests of the second telling of the format."""
    for name, form in shown.items():
        found = re.fullmatch(r"whole number, (-?\d+) to (?:(\d+)|2\*\*(\d+) - 1)", form)
        if found is not None:
            low, high = int(found[1]), int(found[2]) if found[2] else 2 ** int(found[3]) - 1
            if (part, name) == ("pending", "t0"):
                high = 0  # as its row says
            test = (_TIME | PARTS[part])[name]
            assert [test(value) for value in (low - 1, low, high, high + 1)] == [False, True, True, False], name


def test_how_large_a_record_is() -> None:
    """With ten recovery codes and nothing pending, about a kilobyte."""
    life = Life().on()
    assert "about 1 000" in page("record")
    assert 750 < len(life.raw or b"") < 1100


# ---- the states ----


def test_the_picture_has_every_way_of_the_table() -> None:
    """Each call of the table is in it as often as it is there."""
    drawn = (DOCS / "figures/states.svg").read_text("utf-8")
    said = [word for text in re.findall(r">([a-z_, ]+)</text>", drawn) for word in text.split(", ")]
    wanted = [call.value for calls in TABLE.values() for call in calls]
    assert sorted(said) == sorted([*wanted, "lock_after wrong codes"])
