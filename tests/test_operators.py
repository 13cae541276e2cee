"""What operators read: one line a user, totals, and their writing."""

import csv
import io
import json

import pytest

from totpcore import RecordUnreadable, State, Status
from totpcore._operators import (
    Line,
    Totals,
    as_csv,
    as_json,
    as_sheet,
    as_table,
    lines_of,
    one_as_json,
    printable,
    utc,
    wait,
)

ON = Status(
    state=State.ON,
    code_required=True,
    codes_left=2,
    running_low=True,
    retry_after=29.2,
    weak_secret=True,
    enrolled_at=1_800_000_000,
    last_used_at=1_800_000_060.9,
)
LOCKED = Status(state=State.LOCKED, code_required=True, codes_left=10, enrolled_at=1_800_000_000)
STATUSES: dict[str, Status | RecordUnreadable] = {
    "1": ON,
    "2": Status(state=State.OFF),
    "3": LOCKED,
    "4": RecordUnreadable("seal broken"),
    "5": Status(state=State.PENDING),
}
NAMES = {"2": "bob", "1": "ada", "3": "carol", "4": "dave", "5": "eve"}


def test_table_has_a_line_for_everybody() -> None:
    """In the order that was asked for, in columns, also of what cannot be read."""
    assert list(as_table(lines_of(NAMES, STATUSES))) == [
        "USER   STATE       CODES LEFT  LAST USED             WEAK SECRET  WAIT",
        "bob    off         -           -                     -            -",
        "ada    on          2           2027-01-15T08:01:00Z  yes          30 s",
        "carol  locked      10          -                     -            -",
        "dave   unreadable  -           -                     -            -",
        "eve    pending     -           -                     -            -",
    ]


def test_totals_count_those_who_are_asked_for_a_code() -> None:
    """On and locked are; what cannot be read lets nobody in and is counted by itself."""
    totals = Totals.of(lines_of(NAMES, STATUSES))
    assert totals == Totals(
        users=5, states={"off": 1, "pending": 1, "on": 1, "locked": 1, "unreadable": 1}, adoption=0.4
    )
    assert str(totals) == "5 users: 1 off, 1 pending, 1 on, 1 locked, 1 unreadable; 40 % have a second factor"


def test_a_rate_of_a_hundred_means_everybody() -> None:
    """It is rounded down, and nobody at all is no division by zero."""
    lines = [Line.of(str(number), "x", ON) for number in range(199)]
    assert str(Totals.of([*lines, Line.of("200", "x", Status(state=State.OFF))])).endswith("99 % have a second factor")
    some = [Line.of(str(number), "x", ON if number < 29 else Status(state=State.OFF)) for number in range(100)]
    assert str(Totals.of(some)).endswith("; 29 % have a second factor"), "as a float it would be 28.999"
    assert str(Totals.of(lines[:1])) == "1 user: 1 on; 100 % have a second factor"
    assert str(Totals.of([])) == "0 users"
    assert Totals.of([]).adoption == 0.0


def test_one_user_is_a_sheet() -> None:
    """A line each, and since when, where there is a when."""
    assert list(as_sheet(Line.of("1", "ada", ON))) == [
        "User:        ada",
        "State:       on",
        "Codes left:  2",
        "Last used:   2027-01-15T08:01:00Z",
        "Weak secret: yes",
        "Wait:        30 s",
        "Since:       2027-01-15T08:00:00Z",
    ]
    assert list(as_sheet(Line.of("2", "bob", Status(state=State.OFF))))[-1] == "Wait:        -"


def test_json_has_every_field_as_it_is() -> None:
    """Users and totals in one document; names and times are not rewritten."""
    document = json.loads(as_json([Line.of("1", "=ada\x1b", ON)]))
    assert document["users"] == [
        {
            "id": "1",
            "user": "=ada\x1b",
            "state": "on",
            "codes_left": 2,
            "last_used_at": 1_800_000_060.9,
            "enrolled_at": 1_800_000_000,
            "weak_secret": True,
            "retry_after": 29.2,
        }
    ]
    assert document["totals"] == {"users": 1, "states": {"on": 1}, "adoption": 1.0}
    assert json.loads(one_as_json(Line.of("1", "=ada\x1b", ON))) == document["users"][0]


def test_csv_is_read_by_any_reader() -> None:
    """Commas and quotes in a name stay in their cell."""
    name = 'a "b",c'
    lines = as_csv([Line.of("1", name, ON), Line.of("4", "d", STATUSES["4"])])
    rows = list(csv.DictReader(io.StringIO("\n".join(lines))))
    assert [row["user"] for row in rows] == [name, "d"]
    assert rows[0]["last_used_at"] == "2027-01-15T08:01:00Z"
    assert rows[0]["weak_secret"] == "True"
    assert rows[1]["last_used_at"] == ""
    assert rows[1]["state"] == "unreadable"


def test_csv_moves_no_cursor() -> None:
    """It may be looked at in a terminal: escape sequences, line ends and turned text are spelled out there too."""
    _, row = as_csv([Line.of("1\x1b[2J", "ada\x1b[2J\r\n\t\u202e", ON)])
    assert next(csv.reader([row]))[:2] == [r"1\x1b[2J", r"ada\x1b[2J\r\n\t\u202e"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum"])
def test_csv_runs_no_name_as_a_formula(name: str) -> None:
    """A spreadsheet takes it for text, wherever the name stands."""
    _, row = as_csv([Line.of(name, name, ON)])
    assert next(csv.reader(io.StringIO(row, newline="")))[:2] == [f"'{name}", f"'{name}"]


def test_a_name_moves_no_cursor() -> None:
    """Escape sequences, line ends and turned text are spelled out; other scripts stay."""
    assert printable("ada\x1b[2J\n\u202e") == r"ada\x1b[2J\n\u202e"
    assert printable("Ада Лавлейс") == "Ада Лавлейс"
    assert next(iter(Line.of("1", "a\x1b", ON).cells)) == r"a\x1b"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, ""), (-1, ""), (0.1, "1 s"), (1, "1 s"), (119.5, "2 min"), (119, "119 s"), (121, "3 min"), (3600, "60 min")],
)
def test_a_wait_is_rounded_up(seconds: float, words: str) -> None:
    """Whoever waits that long is not refused once more."""
    assert wait(seconds) == words


def test_times_are_utc() -> None:
    """Whatever the machine's zone."""
    assert utc(0) == "1970-01-01T00:00:00Z"
    assert utc(None) == ""
