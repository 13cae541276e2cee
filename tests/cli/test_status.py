"""`totpcore status`: one user."""

import json

import pytest

from cli.stores import LOST, NOW, OLD, PLAIN, House, Run, example, keys_file, script, shell
from totpcore import InvalidCode, Sealer

pytest_plugins = ["cli.stores"]


def test_a_sheet(house: House, run: Run) -> None:
    """A line for each thing that there is to know."""
    house.add("ada")
    assert run("status", "ada") == (
        0,
        (
            "User:        ada\n"
            "State:       on\n"
            "Codes left:  10\n"
            "Last used:   2023-11-14T22:13:20Z\n"
            "Weak secret: -\n"
            "Wait:        -\n"
            "Since:       2023-11-14T22:13:20Z\n"
        ),
        "",
    )


def test_json(house: House, run: Run) -> None:
    """One object, with the fields as they are."""
    house.add("ada")
    assert json.loads(run("status", "ada", "--json").out) == {
        "id": "ada", "user": "ada", "state": "on", "codes_left": 10, "last_used_at": NOW, "enrolled_at": NOW,
        "weak_secret": False, "retry_after": 0.0,
    }  # fmt: skip


def test_a_user_without_a_record(house: House, run: Run) -> None:
    """Off, as the library has it; and since it may be a slip, where the ids are is said."""
    said = run("status", "nobody")
    assert (said.code, "State:       off" in said.out.splitlines()) == (0, True)
    assert said.err == "totpcore: nothing is set up under this id; `totpcore users` lists those that there are\n"


@pytest.mark.parametrize(
    ("cause", "name"), [("lost", "UnknownKey"), ("changed", "BrokenSeal"), ("clear", "UnknownKey")]
)
def test_a_record_that_does_not_open(house: House, run: Run, cause: str, name: str) -> None:
    """It is told as a state, with the reason and what to do; the exit code is 1."""
    sealers: dict[str, Sealer] = {"lost": LOST, "changed": OLD, "clear": PLAIN}
    house.add("ada", sealer=sealers[cause])
    if cause == "changed":
        house.spoil("ada")
    said = run("status", "ada")
    assert (said.code, "State:       unreadable" in said.out.splitlines()) == (1, True)
    assert said.err == (
        f"totpcore: the record cannot be used: its seal does not open ({name}); is its key among the keys? "
        "Where it is lost, `totpcore reset` is all that helps\n"
    )
    assert json.loads(run("status", "ada", "--json").out)["state"] == "unreadable"


@pytest.mark.parametrize("user", ["", "x" * 256, "a\0b", "\udc80"])
def test_what_is_no_id(house: House, run: Run, user: str) -> None:
    """It is refused in one line, which does not show it."""
    said = run("status", user)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("totpcore: user must ")


def test_a_wait_is_as_long_as_the_record_says(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the application's policy has longer waits than the default, and the same for a set-up."""
    from totpcore import Policy, TwoFactor

    patient = Policy(first_wait=7200, longest_wait=7200, free_attempts=1, pending_seconds=7200)
    service = TwoFactor(house.store, issuer="ACME", sealer=OLD, clock=house.clock, policy=patient)
    house.add("ada")
    with pytest.raises(InvalidCode):
        service.verify("ada", house.wrong("ada"))
    service.enrol("bob", account="account")
    monkeypatch.setattr("time.time", lambda: NOW + 1800)
    assert "Wait:        90 min" in run("status", "ada").out.splitlines()
    assert "State:       pending" in run("status", "bob").out.splitlines()


def test_a_locked_one(house: House, run: Run) -> None:
    """It says so."""
    house.add("ada")
    for _ in range(100):
        house.clock.tick(3600)
        with pytest.raises(InvalidCode):
            house.service().verify("ada", house.wrong("ada"))
    assert "State:       locked" in run("status", "ada").out.splitlines()


def test_the_example_does_what_it_says(house: House) -> None:
    """That of --help."""
    house.add("7")
    keys_file(house, house.environment()["TOTPCORE_KEYS"])
    said = shell(house, example(house, "status"))
    assert (said.code, said.err, said.out.splitlines()[0]) == (0, "", "User:        7")


def test_an_id_that_begins_like_an_option(house: House) -> None:
    """Two hyphens in front, as everywhere."""
    house.add("-x")
    assert script(house, "status", "--", "-x").out.splitlines()[1] == "State:       on"
