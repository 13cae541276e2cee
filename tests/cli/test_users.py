"""`totpcore users`: who is in a store, and how many have a second factor."""

import csv
import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from cli.stores import BOTH, LOST, NEW, OLD, House, Run, command, example, keys_file, script, shell
from totpcore import SQLiteStore, Store
from totpcore.stores import MemoryStore

pytest_plugins = ["cli.stores"]

FOOT = "Whoever has not begun to set one up is not in the store: with --ids they are counted too."


@pytest.fixture
def people(house: House) -> House:
    """Two who set up, one of them long ago with another key, one who begins, and a record that does not open."""
    house.add("ada", "bob")
    house.add("eve", sealer=LOST)
    house.service().recover("bob", house.service().renew_recovery_codes("bob", _later(house, "bob"))[0])
    return house


def _later(house: House, user: str) -> str:
    house.clock.tick(30)
    return house.code(user)


def test_a_line_each_and_the_totals(people: House, run: Run) -> None:
    """A table, the share of those who are asked for a code, and exit code 1 where a record does not open."""
    assert run("users") == (
        1,
        (
            "USER  STATE       CODES LEFT  LAST USED             WEAK SECRET  WAIT\n"
            "ada   on          10          2023-11-14T22:13:20Z  -            -\n"
            "bob   on          9           2023-11-14T22:13:50Z  -            -\n"
            "eve   unreadable  -           -                     -            -\n"
            "\n"
            "3 users: 2 on, 1 unreadable; 66 % have a second factor\n"
            f"{FOOT}\n"
        ),
        "totpcore: not opened: 1 of 3 records; `totpcore status USER` says why\n",
    )


def test_where_none_opens_the_keys_are_wrong(people: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says so, however many there are."""
    people.store.swap("eve", people.held("eve"), None)
    said = run("users", "--plaintext")
    assert (said.code, said.err) == (1, "totpcore: not opened: 2 of 2 records; are these the keys of this store?\n")
    assert said.out.splitlines()[-2] == "2 users: 2 unreadable; 0 % have a second factor"


def test_a_store_without_users(house: House, run: Run) -> None:
    """It is empty, which is said and is no failure."""
    assert run("users") == (0, "USER  STATE  CODES LEFT  LAST USED  WEAK SECRET  WAIT\n\n0 users\n", "")


def test_json_has_totals(people: House, run: Run) -> None:
    """Every field as it is, and the share as a number."""
    said = run("users", "--json")
    document = json.loads(said.out)
    assert [user["user"] for user in document["users"]] == ["ada", "bob", "eve"]
    assert document["totals"] == {"users": 3, "states": {"on": 2, "unreadable": 1}, "adoption": 2 / 3}
    assert said.code == 1


def test_csv_is_rows_and_nothing_else(people: House, run: Run) -> None:
    """A head and a line each, for another program."""
    rows = list(csv.DictReader(io.StringIO(run("users", "--csv").out)))
    assert [(row["id"], row["state"], row["codes_left"]) for row in rows] == [
        ("ada", "on", "10"),
        ("bob", "on", "9"),
        ("eve", "unreadable", "0"),
    ]


def test_a_name_moves_no_cursor(house: House, run: Run) -> None:
    """What somebody chose as their id is spelled out where it is no text."""
    house.add("=x\x1b[2J")
    assert "=x\\x1b[2J" in run("users").out
    assert "'=x\\x1b[2J" in run("users", "--csv").out
    assert "\x1b" not in run("users").out + run("users", "--csv").out + run("users", "--json").out


def _gives(store: Store) -> Callable[..., Store]:
    """What opens this store, whatever the URL."""
    return lambda _url, **_named: store


# ---- those that are named ----


def test_those_who_have_not_begun_are_counted(people: House, run: Run) -> None:
    """With the ids of a user table the share is of everybody in it, in its order, each once; blank lines are none."""
    Path("staff.txt").write_text("\ufeffbob\r\n\r\n  carol \nbob\ndave\nada", "utf-8")
    said = run("users", "--ids", "staff.txt")
    assert [line.split()[:2] for line in said.out.splitlines()[1:5]] == [
        ["bob", "on"],
        ["carol", "off"],
        ["dave", "off"],
        ["ada", "on"],
    ]
    assert said.out.splitlines()[-1] == "4 users: 2 off, 2 on; 50 % have a second factor"
    assert (said.code, said.err) == (0, "")


def test_ids_come_through_a_pipe(people: House, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """With a hyphen for the file, as of a database's own command line."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("ada\nзоя\n".encode())))
    assert run("users", "--ids", "-").out.splitlines()[-1] == "2 users: 1 off, 1 on; 50 % have a second factor"
    assert script(people, "users", "--ids", "-", "--csv", given="bob\n").out.splitlines()[1].startswith("bob,bob,on,9,")


@pytest.mark.parametrize("line", [b"x" * 256, b"a\0b"])
def test_what_is_no_id_is_named_by_its_line(people: House, run: Run, line: bytes) -> None:
    """The file is refused, and what stands there is not shown."""
    Path("staff.txt").write_bytes(b"ada\n\n" + line + b"\n")
    assert run("users", "--ids", "staff.txt") == (
        2, "", "totpcore: line 3 of --ids is no id: 1 to 255 characters, without NUL\n",
    )  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), [(b"ada\n\xff\n", "it is not UTF-8"), (b" \n", "it is empty")])
def test_a_file_of_ids_that_names_nobody(people: House, run: Run, content: bytes, reason: str) -> None:
    """Such as of a query that failed: no table says that nobody has a second factor."""
    Path("staff.txt").write_bytes(content)
    assert run("users", "--ids", "staff.txt") == (2, "", f"totpcore: the file of --ids was not read: {reason}\n")


def test_a_file_of_ids_that_is_missing(house: House, run: Run) -> None:
    """One line, and no table."""
    assert run("users", "--ids", "nope") == (
        2, "", f"totpcore: the file of --ids cannot be read: {os.strerror(errno.ENOENT)}\n",
    )  # fmt: skip


def test_a_store_that_cannot_list_its_users(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to do, and does it where users are named."""

    class Two:
        """A store of the two methods alone."""

        def load(self, user: str, /) -> bytes | None:
            return None

        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            return False

    monkeypatch.setattr("totpcore.stores.from_url", _gives(Two()))
    assert run("users") == (2, "", "totpcore: this store cannot list its users: name them one by one\n")
    Path("staff.txt").write_text("ada")
    assert run("users", "--ids", "staff.txt").out.splitlines()[-1] == "1 user: 1 off; 0 % have a second factor"


# ---- many ----


def test_records_are_loaded_by_hundreds(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five hundred at once, and none by itself."""
    house.add("u")
    house.fill(dict.fromkeys((f"u{number:04}" for number in range(1000)), house.held("u")))
    asked = list[int]()
    many = SQLiteStore.load_many

    def load_many(store: SQLiteStore, users: Iterable[str], /) -> Mapping[str, bytes]:
        wanted = list(users)
        asked.append(len(wanted))
        return many(store, wanted)

    monkeypatch.setattr(SQLiteStore, "load_many", load_many)
    monkeypatch.setattr(SQLiteStore, "load", lambda *_given: pytest.fail("one was loaded by itself"))
    assert "1001 users: 1 on, 1000 unreadable" in run("users").out, "a record opens for its own user alone"
    assert asked == [500, 500, 1]


def test_users_are_in_order(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a store that lists them in another, as Redis does."""

    class Unordered(MemoryStore):
        def users(self) -> Iterable[str]:  # type: ignore[override]  # a list is enough here
            return ["b", "a", "c"]

    monkeypatch.setattr("totpcore.stores.from_url", _gives(Unordered()))
    assert [line.split(",")[0] for line in run("users", "--csv").out.splitlines()[1:]] == ["a", "b", "c"]


# ---- as a user sees it ----


def test_the_examples_do_what_they_say(house: House) -> None:
    """Those of --help, typed in a folder that has what they name."""
    keys_file(house, "2022:" + house.environment()["TOTPCORE_KEYS"].partition(":")[2])
    house.add("ada")
    (house.folder / "staff.txt").write_text("ada\nbob\n")
    said = shell(house, example(house, "users"))
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[-2:] == ["1 user: 1 on; 100 % have a second factor", FOOT]
    assert (house.folder / "report.csv").read_text().splitlines()[2] == "bob,bob,off,0,,,False,0.0"


def test_nobody_reads_to_the_end(house: House) -> None:
    """A closed pipe is quiet, and its exit code is that of SIGPIPE."""
    house.add("u")
    house.fill(dict.fromkeys((f"u{number:05}" for number in range(5000)), house.held("u")))
    process = subprocess.Popen(
        [*command(), "users", "--csv"], cwd=house.folder, env=house.environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


def test_it_changes_nothing(people: House, run: Run) -> None:
    """Looking leaves every record as it is."""
    before = {user: people.held(user) for user in ("ada", "bob", "eve")}
    for form in ((), ("--json",), ("--csv",)):
        run("users", *form)
    assert {user: people.held(user) for user in before} == before
    assert {OLD.is_newest(before["ada"]), BOTH.is_newest(before["ada"]), NEW.is_newest(before["ada"])} == {True, False}
