"""`totpcore reseal`: every record under the newest key, and what is seen on the way.

What it does to records, and beside log-ins, is in `tests/sealing`.
"""

import re
from pathlib import Path

import pytest

from cli.stores import (
    BOTH,
    LOST,
    NEW,
    NEW_ENTRY,
    OLD,
    OLD_ENTRY,
    PLAIN,
    House,
    Run,
    Terminal,
    example,
    full_at,
    is_one_line,
    keys_file,
    script,
    shell,
)
from totpcore.sealing import Keyring

pytest_plugins = ["cli.stores"]

KEYS = f"{NEW_ENTRY},{OLD_ENTRY}"
END = "The older keys can go, once no process is left that seals with them, and no backup needs them.\n"


@pytest.fixture
def rotated(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house with two users under the old key, and both keys in the environment."""
    house.add("ada", "bob")
    monkeypatch.setenv("TOTPCORE_KEYS", KEYS)
    return house


def fill(house: House, count: int) -> list[str]:
    """Put users in, each sealed for them by the old key, without waiting for the disk each time."""
    plain, users = _opened(house), [f"u{number:05}" for number in range(count)]
    house.fill(
        {user: OLD.seal(plain, b"\0\x0atotpcore/1" + len(user).to_bytes(2, "big") + user.encode()) for user in users}
    )
    return users


def _opened(house: House) -> bytes:
    house.add("first")
    return OLD.open(house.held("first"), b"\0\x0atotpcore/1\0\x05first")


def resealed(house: House, users: list[str]) -> int:
    """How many are under the new key."""
    return sum(NEW.is_newest(house.held(user)) for user in users)


def test_every_record_comes_under_the_newest_key(rotated: House, run: Run) -> None:
    """It says how many, and that the older key can go; a second run finds nothing to do."""
    assert run("reseal") == (0, f"2 looked at, 2 sealed anew, 0 unreadable\n{END}", "")
    assert resealed(rotated, ["ada", "bob"]) == 2
    assert run("reseal") == (0, f"2 looked at, 0 sealed anew, 0 unreadable\n{END}", "")


def test_what_does_not_open_is_named_and_left(rotated: House, run: Run) -> None:
    """The others are done; the exit code is 1, and the older keys are to stay."""
    rotated.add("e\x1bve", sealer=LOST)
    before = rotated.held("e\x1bve")
    assert run("reseal") == (
        1,
        "3 looked at, 2 sealed anew, 1 unreadable\nKeep the older keys until these open, or reset these users.\n",
        "totpcore: e\\x1bve: the record does not open\n",
    )
    assert rotated.held("e\x1bve") == before


def test_where_none_opens_the_keys_are_wrong(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nobody is sent to reset everybody."""
    house.add("eve", sealer=LOST)
    said = run("reseal")
    assert (said.code, said.out) == (
        1, "1 looked at, 0 sealed anew, 1 unreadable\nNo record opens: are these the keys of this store?\n",
    )  # fmt: skip


def test_records_in_clear(rotated: House, run: Run) -> None:
    """They are sealed where that is asked for, and unreadable otherwise."""
    rotated.add("carol", sealer=PLAIN)
    assert run("reseal").code == 1
    assert run("reseal", "--from-plaintext") == (0, f"3 looked at, 1 sealed anew, 0 unreadable\n{END}", "")
    assert NEW.is_newest(rotated.held("carol"))


def test_garbage_is_not_sealed_as_if_it_were_whole(rotated: House, run: Run) -> None:
    """Also on the way from records in clear."""
    rotated.store.swap("eve", None, b"garbage")
    assert run("reseal", "--from-plaintext").code == 1
    assert rotated.held("eve") == b"garbage"


def test_there_is_no_way_back_by_a_slip(rotated: House, run: Run) -> None:
    """--plaintext is no option of it: records in clear are made by no command."""
    said = run("reseal", "--plaintext")
    assert (said.code, said.out) == (2, "")
    assert is_one_line(said.err)
    assert resealed(rotated, ["ada", "bob"]) == 0


def test_without_keys(rotated: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says where they belong, and not that --plaintext would do."""
    monkeypatch.delenv("TOTPCORE_KEYS")
    assert run("reseal") == (
        2, "", "totpcore: say what opens the records: keys in TOTPCORE_KEYS or in --keys-file FILE\n",
    )  # fmt: skip


# ---- progress, stopping and starting again ----


def test_elsewhere_than_at_a_terminal_progress_is_a_line_every_thousand(house: House) -> None:
    """On standard error, for a log; standard output has the result alone. Quietly, there is none."""
    users = fill(house, 2100)
    said = script(house, "reseal", keys=KEYS)
    assert said == (
        0,
        f"2101 looked at, 2101 sealed anew, 0 unreadable\n{END}",
        "1000 of 2101 looked at, 1000 sealed anew\n2000 of 2101 looked at, 2000 sealed anew\n",
    )
    assert resealed(house, users) == 2100
    assert script(house, "reseal", "--quiet", keys=KEYS).err == ""


def test_progress_says_what_is_unreadable(house: House) -> None:
    """While it runs, and not only in the end."""
    fill(house, 1000)
    house.add("a", sealer=LOST)
    assert "1000 of 1002 looked at, 999 sealed anew, 1 unreadable\n" in script(house, "reseal", keys=KEYS).err


def test_at_a_terminal_it_is_one_line_that_is_gone_in_the_end(house: House) -> None:
    """It is redrawn over itself; what is left is the result."""
    fill(house, 1500)
    with Terminal(house.environment(KEYS), house.folder, "reseal") as terminal:
        assert terminal.end() == 0
    assert terminal.text.count("looked at") > 1
    assert terminal.lines == ["1501 looked at, 1501 sealed anew, 0 unreadable", END.rstrip(), ""]


def test_ctrl_c_in_the_midst(house: House) -> None:
    """It is quiet, exit code 130; what was done stays done, and a new run does the rest and nothing twice."""
    users = fill(house, 3000)
    with Terminal(house.environment(KEYS), house.folder, "reseal") as terminal:
        terminal.wait_for(" sealed anew")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.text
    assert "older keys" not in terminal.text
    done = resealed(house, users) + NEW.is_newest(house.held("first"))
    assert 0 < done < 3001
    *_, last, end = terminal.lines
    told = re.match(r"(\d+) of 3001 looked at, (\d+) sealed anew", last)
    assert end == ""
    assert told is not None
    assert done - int(told[1]) in (0, 1), "it may be stopped between a record and the next line"
    said = script(house, "reseal", "--quiet", keys=KEYS)
    assert said.out.startswith(f"3001 looked at, {3001 - done} sealed anew, 0 unreadable\n")
    assert resealed(house, users) == 3000


def test_a_store_that_fails_in_the_midst(rotated: House, run: Run) -> None:
    """How far it came is said; a new run goes on."""
    with full_at("bob"):
        assert run("reseal") == (2, "", "1 of 2 looked at, 1 sealed anew\ntotpcore: the disk is full\n")
    assert run("reseal").out.startswith("2 looked at, 1 sealed anew")


# ---- as a user sees it ----


def test_the_example_does_what_it_says(house: House) -> None:
    """That of --help."""
    house.add("7")
    keys_file(house, NEW_ENTRY, OLD_ENTRY)
    assert shell(house, example(house, "reseal")) == (0, f"1 looked at, 1 sealed anew, 0 unreadable\n{END}", "")
    assert BOTH.is_newest(house.held("7"))


def test_a_new_key_from_the_beginning_to_the_end(house: House, tmp_path: Path) -> None:
    """`key` in front of the old ones, `reseal`, and the old ones away: everybody's code opens as before."""
    house.add("7")
    new = script(house, "key", "--id", "2024").out.strip()
    assert script(house, "reseal", keys=f"{new},{OLD_ENTRY}").code == 0
    assert "State:       on" in script(house, "status", "7", keys=new).out
    house.clock.tick(30)
    assert house.service(Keyring.from_text(new)).verify("7", house.code("7")).user == "7"
