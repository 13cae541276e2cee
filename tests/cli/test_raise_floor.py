"""`totpcore raise-floor`: what a restored backup has brought back is void."""

import io
import json
import sys
from pathlib import Path

import pytest

from cli.stores import (
    LOST,
    NOW,
    OLD,
    OLD_ENTRY,
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
from totpcore import HOTP, ClockBehind, CodeReplayed, Secret, SQLiteStore, State, StoreContended

pytest_plugins = ["cli.stores"]

END = "Everybody needs new recovery codes, which they make with a code of their app.\n"
VOID = "done: codes up to now, recovery codes and set-ups under way are void.\n"
AT = "2023-11-14T22:13:20Z"


@pytest.fixture
def people(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Two with a second factor and one who begins, at a fixed time."""
    house.add("ada", "bob")
    house.begin("carol")
    monkeypatch.setattr("time.time", lambda: float(NOW))
    return house


def test_of_those_who_are_named(people: House, run: Run) -> None:
    """Their recovery codes are void and their set-ups gone, an event each is on standard error; nobody else's are."""
    assert run("raise-floor", "ada", "carol", "ada", "--yes") == (
        0,
        f"2 {VOID}{END}",
        f"totpcore: {AT} raise_floor user='ada'\ntotpcore: {AT} raise_floor user='carol'\n",
    )
    assert {user: people.service().status(user).codes_left for user in ("ada", "bob")} == {"ada": 0, "bob": 10}
    assert people.service().status("carol").state is State.OFF


def test_of_everybody(people: House, run: Run) -> None:
    """Standard error stays free: an event each would be as many lines as there are users."""
    assert run("raise-floor", "--all", "--yes") == (0, f"3 {VOID}{END}", "")
    assert [people.service().status(user).codes_left for user in ("ada", "bob")] == [0, 0]


def test_of_everybody_with_a_log(people: House, run: Run) -> None:
    """There each event is."""
    assert run("raise-floor", "--all", "--yes", "--audit-log", "audit.log").err == ""
    events = [json.loads(line) for line in Path("audit.log").read_text().splitlines()]
    assert [(event["kind"], event["user"]) for event in events] == [
        ("raise_floor", user) for user in ("ada", "bob", "carol")
    ]


def test_every_code_of_now_is_void(people: House, run: Run) -> None:
    """Also those of two time steps ahead, which an application may accept; the one after them opens.

    One whose window is smaller takes the floor for a clock that was set back, for that minute.
    """
    run("raise-floor", "--all", "--yes")
    service = people.service()
    for _ in range(3):
        with pytest.raises((CodeReplayed, ClockBehind)):
            service.verify("ada", people.code("ada"))
        people.clock.tick(30)
    assert service.verify("ada", people.code("ada")).user == "ada"


def test_those_who_cannot_be_done_are_named(people: House, run: Run) -> None:
    """The others are; the exit code is 1."""
    people.add("eve", sealer=LOST)
    people.service().adopt("hotp", HOTP(Secret(bytes(range(20)))), spent=-1)
    said = run("raise-floor", "--all", "--yes")
    assert said == (
        1,
        f"3 {VOID}{END}",
        (
            "totpcore: eve: the record cannot be used: its seal does not open (UnknownKey); "
            "is its key among the keys?\n"
            "totpcore: hotp: raise_floor is for TOTP tokens: reset an HOTP token and bind it anew\n"
            "totpcore: 2 of 5 not done, named above: where the reason cannot be mended, reset them\n"
        ),
    )
    assert people.service().status("ada").codes_left == 0


def test_a_user_without_a_record(people: House, run: Run) -> None:
    """A slip in an id is told, and nothing is said of recovery codes where nobody was done."""
    assert run("raise-floor", "adaa", "--yes") == (
        1,
        "",
        (
            "totpcore: adaa: there is no record of this user\n"
            "totpcore: 1 of 1 not done, named above: where the reason cannot be mended, reset them\n"
        ),
    )


def test_a_store_without_users(house: House, run: Run) -> None:
    """Nothing is asked, nor done."""
    assert run("raise-floor", "--all") == (0, "Nobody has a record: there is nothing to do.\n", "")


def test_a_record_that_others_change_all_the_time(people: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is named, and the next is done."""
    swap = SQLiteStore.swap
    monkeypatch.setattr(SQLiteStore, "swap", lambda store, user, *values: user != "ada" and swap(store, user, *values))
    said = run("raise-floor", "--all", "--yes")
    assert (said.code, said.err) == (
        1,
        (
            f"totpcore: ada: {_contended()}\n"
            "totpcore: 1 of 3 not done, named above: where the reason cannot be mended, reset them\n"
        ),
    )
    assert people.service().status("bob").codes_left == 0


def _contended() -> StoreContended:
    return StoreContended("the record was changed by others in each of 128 rounds")


def test_a_store_that_fails_in_the_midst(people: House, run: Run) -> None:
    """What was done stays done, how far it came is said, and a new run goes on."""
    with full_at("bob"):
        said = run("raise-floor", "--all", "--yes")
    assert said == (2, "", "1 of 3 looked at\ntotpcore: the disk is full\n")
    assert [people.service().status(user).codes_left for user in ("ada", "bob")] == [0, 10]
    assert run("raise-floor", "--all", "--yes").code == 0


def test_it_asks(people: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom it is about, in the question; another word than yes changes nothing."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"no\n")))
    said = run("raise-floor", "ada", "b\x1b")
    assert said == (
        1, "",
        ("Void all recovery codes of ada, b\\x1b, and set-ups that are under way? Type yes: \n"
        "totpcore: nobody typed yes: nothing was changed\n"),
    )  # fmt: skip
    said = run("raise-floor", "--all")
    assert (said.code, said.err.startswith("Void all recovery codes of all 3 users,")) == (2, True)
    assert people.service().status("ada").codes_left == 10


def test_whom_has_to_be_said(people: House, run: Run) -> None:
    """Nobody and everybody is not guessed, nor both."""
    for arguments in ((), ("ada", "--all")):
        said = run("raise-floor", *arguments, "--yes")
        assert (said.code, said.out) == (2, "")
        assert is_one_line(said.err)
    assert people.service().status("ada").codes_left == 10


def test_at_a_terminal(house: House) -> None:
    """It asks, and says what it did."""
    house.add("ada", "bob")
    with Terminal(house.environment(), house.folder, "raise-floor", "--all") as terminal:
        terminal.wait_for("Type yes: ")
        terminal.type("yes\n")
        assert terminal.end() == 0
    assert terminal.lines[-3:] == [f"2 {VOID}".rstrip(), END.rstrip(), ""]


def test_quietly(house: House) -> None:
    """Without progress where that is asked for."""
    house.add("ada")
    with Terminal(house.environment(), house.folder, "raise-floor", "--all", "--yes", "--quiet") as terminal:
        assert terminal.end() == 0
    assert terminal.text.replace("\r\n", "\n") == f"1 {VOID}{END}"


def test_the_example_does_what_it_says(house: House) -> None:
    """That of --help."""
    house.add("7")
    keys_file(house, OLD_ENTRY)
    said = shell(house, example(house, "raise-floor"))
    assert said == (0, f"1 {VOID}{END}", "")
    assert house.service(OLD).status("7").codes_left == 0


def test_a_user_of_any_alphabet(house: House) -> None:
    """As arguments have them."""
    house.add("Ада")
    assert script(house, "raise-floor", "Ада", "--yes").code == 0
    assert house.service().status("Ада").codes_left == 0
