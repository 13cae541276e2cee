"""`totpcore verify`: right or wrong, and nothing that is remembered."""

from pathlib import Path

import pytest

from cli.running import RFC, RFC_CODES, Call, examples, script, shell
from cli.stores import is_one_line

pytest_plugins = ["cli.stores", "cli.running"]

STATELESS = "Nothing is remembered: a server has to refuse the same code the second time.\n"
COUNTED = f"otpauth://hotp/ACME:alice?secret={RFC}&counter=1"


@pytest.mark.parametrize(
    ("at", "options", "says"),
    [
        ("30", "", "it is the code of the current time step"),
        ("59.9", "--window 0,0", "it is the code of the current time step"),
        ("60", "", "it is the code of 1 time step (30 s) ago"),
        ("0", "", "it is the code of 1 time step (30 s) ahead"),
        ("119", "--window 2,0", "it is the code of 2 time steps (60 s) ago"),
    ],
)
def test_a_right_code(at: str, options: str, says: str, call: Call) -> None:
    """Exit code 0, which time step it is of, and that nothing is remembered."""
    told = call("verify", RFC_CODES[1], "--at", at, *options.split())
    assert told == (0, f"accepted: {says}\n{STATELESS}", "")


@pytest.mark.parametrize(
    ("at", "options", "says"),
    [
        ("90", "", "it is the code of 2 time steps (60 s) ago, and the window is 1,1: it is old, or a clock is wrong"),
        ("60", "--window 0,0", "it is the code of 1 time step (30 s) ago, and the window is 0,0: it is old, or "),
        ("0", "--window 2,0", "it is the code of 1 time step (30 s) ahead, and the window is 2,0: it is old, or "),
        ("330", "", "it is the code of 10 time steps (300 s) ago"),
        ("360", "", "it is not the code of this time, nor of 10 time steps before or after"),
    ],
)
def test_an_old_code(at: str, options: str, says: str, call: Call) -> None:
    """Exit code 1, and where it does belong, up to ten time steps away."""
    told = call("verify", RFC_CODES[1], "--at", at, *options.split())
    assert (told.code, told.err) == (1, "")
    assert told.out.startswith(f"refused: {says}")
    assert told.out.count("\n") == 1


@pytest.mark.parametrize("typed", ["287082", "287 082", " 287-082 "])
def test_spaces_and_hyphens_do_not_count(typed: str, call: Call) -> None:
    """As people read codes off a screen."""
    assert call("verify", typed, "--at", "59").code == 0


@pytest.mark.parametrize("typed", ["", "28708", "2870821", "287082a", "\N{GRINNING FACE}", "9" * 5000, "٢٨٧٠٨٢"])
def test_what_is_no_code_is_refused(typed: str, call: Call) -> None:
    """Exit code 1, and how many digits a code has."""
    assert call("verify", typed, "--at", "59") == (1, "refused: a code of this token has 6 digits\n", "")


@pytest.mark.parametrize("arguments", [(RFC_CODES[1], "--at", "59"), ("123456", "--at", "59"), ("12345", "--at", "59")])
def test_the_code_is_never_repeated(arguments: tuple[str, ...], call: Call) -> None:
    """Whether it was right or not: what this says may be logged."""
    told = call("verify", *arguments)
    assert arguments[0] not in told.out + told.err


def test_the_same_code_is_accepted_again() -> None:
    """It is stateless, as it says, also through the installed script."""
    told = [script("verify", RFC_CODES[1], "--at", "59") for _ in range(2)]
    assert {said.code for said in told} == {0}
    assert all(STATELESS in said.out for said in told)
    assert "remembers nothing" in script("verify", "--help").out


def test_the_time_of_now(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a time it is that of this machine's clock."""
    monkeypatch.setattr("totpcore.cli._tokens.time.time", lambda: 59.5)
    assert call("verify", RFC_CODES[1], "--window", "0,0").code == 0


@pytest.mark.parametrize(
    ("code", "options", "says"),
    [
        (1, "--counter 1", "it is the code of counter 1; the next one expected is 2"),
        (9, "--counter 0", "it is the code of counter 9; the next one expected is 10"),
        (3, "--counter 1 --look-ahead 2", "it is the code of counter 3; the next one expected is 4"),
    ],
)
def test_a_right_code_of_a_counter(code: int, options: str, says: str, call: Call) -> None:
    """Of the next one, or of one beyond it, ten of which are looked at unless another number is given."""
    assert call("verify", RFC_CODES[code], *options.split()) == (0, f"accepted: {says}\n{STATELESS}", "")


@pytest.mark.parametrize(
    ("code", "options", "says"),
    [
        (4, "--counter 1 --look-ahead 2", "it is the code of counter 4, and only 2 beyond 1 are allowed"),
        (1, "--counter 0 --look-ahead 0", "it is the code of counter 1, and only 0 beyond 0 are allowed"),
        (0, "--counter 1", "it is the code of counter 0, and it has been spent or skipped"),
        (0, "--counter 10", "it is the code of counter 0, and it has been spent or skipped"),
        (0, "--counter 11", "it is not the code of counter 11, nor of 10 more"),
    ],
)
def test_a_wrong_code_of_a_counter(code: int, options: str, says: str, call: Call) -> None:
    """Exit code 1, and which counter it belongs to: ten before, a hundred ahead."""
    assert call("verify", RFC_CODES[code], *options.split()) == (1, f"refused: {says}\n", "")


def test_the_last_counter_has_no_next(call: Call) -> None:
    """At the end of all counters nothing is wrong but the code."""
    last = str(2**64 - 1)
    code = call("code", "--counter", last).out.strip()
    assert call("verify", code, "--counter", last).code == 0
    assert call("verify", RFC_CODES[0], "--counter", last).code == 1


def test_a_uri_brings_its_counter(call: Call) -> None:
    """Which is the next one expected; an option names another."""
    assert call("verify", RFC_CODES[1], "--look-ahead", "0", typed=COUNTED).code == 0
    assert call("verify", RFC_CODES[0], typed=COUNTED).code == 1
    assert call("verify", RFC_CODES[0], "--counter", "0", typed=COUNTED).code == 0


@pytest.mark.parametrize(
    ("options", "typed", "says"),
    [
        ("--look-ahead 1", RFC, "--look-ahead needs --counter, the next one that is expected"),
        ("--look-ahead 1 --window 1,1", RFC, "--window is for time-based codes, --look-ahead for counter-based ones"),
        ("--window 0,0", COUNTED, "--window contradicts the URI, which is of a counter-based token"),
        ("--window 3,0", RFC, "argument --window: must be the time steps before and after the current one"),
        ("--window 1", RFC, "argument --window: must be the time steps before and after the current one"),
        ("--look-ahead 101", RFC, "argument --look-ahead: must be a whole number from 0 to 100"),
    ],
)
def test_options_that_do_not_fit_are_one_line(options: str, typed: str, says: str, call: Call) -> None:
    """Exit code 2: nothing was verified."""
    told = call("verify", RFC_CODES[1], *options.split(), typed=typed)
    assert (told.code, told.out) == (2, "")
    assert is_one_line(told.err)
    assert says in told.err


def test_the_examples_run(folder: Path) -> None:
    """As `--help` has them."""
    now, then = examples("verify")
    assert shell(now, folder).code in {0, 1}  # it is a guess
    assert shell(then, folder) == (0, f"accepted: it is the code of the current time step\n{STATELESS}", "")
