"""Commands on a store in which something else has written."""

import sqlite3

import pytest

from cli.stores import House, Run, is_one_line

pytest_plugins = ["cli.stores"]


@pytest.mark.parametrize("typed", ["users", "reseal", "reseal --quiet", "raise-floor --all --yes"])
def test_an_id_that_is_no_text(typed: str, house: House, run: Run) -> None:
    """SQLite keeps any type in any column. It is one line, and nothing was changed."""
    house.add("7")
    held = house.held("7")
    with sqlite3.connect("2fa.db") as spoilt:
        spoilt.execute("INSERT INTO totpcore VALUES (x'0102', x'00')")
    spoilt.close()
    said = run(*typed.split())
    assert (said.code, said.out, is_one_line(said.err), house.held("7")) == (2, "", True, held)
    assert "a user id in the store is no text" in said.err


def test_an_id_that_moves_the_cursor(house: House, run: Run) -> None:
    """SQLite's own complaint of what is no UTF-8 quotes it."""
    house.add("7")
    with sqlite3.connect("2fa.db") as spoilt:
        spoilt.execute("INSERT INTO totpcore VALUES (CAST(x'1b5b324aff' AS TEXT), x'00')")
    spoilt.close()
    said = run("users")
    assert (said.code, said.out, is_one_line(said.err), "\x1b" in said.err) == (2, "", True, False)
