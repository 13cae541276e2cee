"""The command itself: what is the same whichever command it is."""

import io
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from cli.running import RFC, Call, examples, script, shell, surroundings
from cli.stores import OLD_ENTRY, PATIENCE, House, command, is_one_line, keys_file
from totpcore import InvalidParameters, __version__, _transitions, cli, otp
from totpcore.cli import _codes, _formats, _importing, _parsing
from totpcore.cli._parsing import Mistake, Parser
from totpcore.migrate import _moved

pytest_plugins = ["cli.stores", "cli.running"]


def test_help_version_and_usage(call: Call) -> None:
    """`--help` lists the commands, `--version` says it; a missing or unknown command is one line and exit code 2."""
    told = call("--help")
    assert (told.code, told.err) == (0, "")
    for name in (
        "secret", "code", "verify", "uri", "qr", "explain", "selftest", "key", "users", "status", "enrol", "reset",
        "raise-floor", "reseal", "import",
    ):  # fmt: skip
        assert f"\n    {name} " in told.out
    assert call("--version") == (0, f"totpcore {__version__}\n", "")
    for arguments in ((), ("nonsense",), ("selftest", "extra"), ("code", "--nonsense"), ("code", "--watch=1")):
        told = call(*arguments)
        assert (told.code, told.out) == (2, "")
        assert is_one_line(told.err)


def test_numbers_are_those_of_the_library() -> None:
    """The command line imports nothing before it has to, and so has some of the library's numbers once more."""
    assert _parsing.LARGEST_COUNTER == otp.LARGEST_COUNTER
    assert _codes._CLOCK_SEARCH == _transitions.CLOCK_SEARCH == _moved.FARTHEST_AHEAD
    assert set(_importing.FORMATS) == set(_formats._READ)


def test_each_command_has_a_line_to_itself(call: Call) -> None:
    """In the list of commands none is so long that its description begins on the next line."""
    listed = call("--help").out.partition("COMMAND\n")[2].partition("\n\n")[0].splitlines()
    assert len(listed) >= 7
    assert all(len(line.split()) > 1 for line in listed)


def test_the_examples_of_the_overview_run(tmp_path: Path) -> None:
    """From the secret to the first code: each line is typed as it stands."""
    secret, qr, verify = examples()
    assert shell(secret, tmp_path) == (0, "", "")
    assert (tmp_path / "secret.txt").stat().st_mode & 0o777 == 0o600
    assert shell(qr, tmp_path).code == 0
    assert verify == "totpcore verify 123456 < secret.txt"
    code = shell("totpcore code < secret.txt", tmp_path).out.strip()
    assert shell(verify.replace("123456", code), tmp_path).code == 0


def test_the_examples_for_operators_run(house: House) -> None:
    """Typed as they stand, but for where the store and the keys are."""
    house.add("alice")
    part = script("--help").out.partition("and its keys:\n")[2].partition("\n\n")[0]
    export, users, status = [line.strip() for line in part.splitlines()]
    keys_file(house, OLD_ENTRY)
    typed = "; ".join([export, users, status]).replace("/srv/app", str(house.folder))
    said = shell(typed, house.folder)
    assert (said.code, said.err) == (0, "")
    assert "alice  on " in said.out
    assert "User:        alice\nState:       on\n" in said.out


@pytest.mark.parametrize("arguments", [("code", "--nonsense"), ("--nonsense", "code"), ("code", RFC)])
def test_the_help_that_is_named_is_that_of_the_command(arguments: tuple[str, ...], call: Call) -> None:
    """Where something is typed that it does not know."""
    told = call(*arguments)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("totpcore code: an argument too many, or an option that is not known here; ")
    assert told.err.endswith(". See totpcore code --help\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((RFC,), "argument COMMAND: must be one of secret, code, verify, "),
        (("code", RFC), "a secret is never an argument"),
        (("code", f"--secret={RFC}"), "a secret is never an argument"),
        (("code", f"--{RFC}"), "a secret is never an argument"),
        (("code", "--at", RFC), "argument --at: must be Unix seconds, or ISO 8601"),
        (("code", "--counter", RFC), "argument --counter: must be a whole number from 0 to 18446744073709551615"),
        (("code", "--digits", RFC), "argument --digits: must be a whole number from 6 to 8"),
        (("code", "--period", RFC), "argument --period: must be a whole number from 10 to 300"),
        (("code", "--algorithm", RFC), "argument --algorithm: must be one of SHA1, SHA256, SHA512"),
        (("code", f"--watch={RFC}"), "argument --watch: takes no value"),
        (("code", "--secret-file", RFC), "the file of --secret-file cannot be read: "),
        (("verify", RFC, RFC), "an argument too many"),
        (("verify", "123456", "--window", RFC), "argument --window: must be the time steps before and after"),
        (("secret", "--bytes", RFC), "argument --bytes: must be a whole number from 16 to 128"),
        (("selftest", RFC), "an argument too many"),
    ],
)
def test_what_was_typed_in_the_wrong_place_is_not_shown(arguments: tuple[str, ...], says: str, call: Call) -> None:
    """A secret that stands where none belongs is in no message; the message says what belongs there."""
    told = call(*arguments)
    assert (told.code, told.out) == (2, "")
    assert is_one_line(told.err)
    assert says in told.err
    assert RFC not in told.err


def test_a_reader_of_another_kind_shows_nothing_either(capsys: pytest.CaptureFixture[str]) -> None:
    """Where argparse itself says what it could not read, the message is without it."""
    parser = Parser(prog="totpcore")
    parser.add_argument("--number", type=int)
    with pytest.raises(SystemExit):
        parser.parse_args(["--number", RFC])
    assert capsys.readouterr().err == "totpcore: argument --number: cannot be read. See totpcore --help\n"


@pytest.mark.parametrize(
    "text", ["1_0", "+7", " 7", "7 ", "\N{ARABIC-INDIC DIGIT SEVEN}", "", "9" * 5000, "0x7", "7.0"]
)
def test_a_number_is_ascii_digits(text: str, call: Call) -> None:
    """And nothing else that Python would read as one."""
    assert call("code", "--digits", text).code == 2
    assert call("code", "--counter", text).code == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("59", 59),
        ("59.999", 59),
        ("0", 0),
        ("253402300799", 253402300799),
        ("1970-01-01T00:00:59Z", 59),
        ("1970-01-01T01:00:59+01:00", 59),
        ("1969-12-31T14:00:59.5-10:00", 59),
        ("2009-02-13T23:31:30+00:00", 1234567890),
        ("20090213T233130Z", 1234567890),
    ],
)
def test_a_time_is_unix_seconds_or_iso_8601(text: str, seconds: int, call: Call) -> None:
    """With its offset, whichever time zone this machine is in."""
    assert call("code", "--at", text) == call("code", "--at", str(seconds))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2009-02-13T23:31:30", "must say its offset"),
        ("2009-02-13", "must say its offset"),
        ("1969-12-31T23:59:59Z", "must lie in the years 1970 to 9999"),
        ("253402300800", "must lie in the years 1970 to 9999"),
        ("0001-01-01T00:00:00+23:59", "must lie in the years 1970 to 9999"),
        ("nan", "must be Unix seconds"),
        ("1e9", "must be Unix seconds"),
        ("1_000", "must be Unix seconds"),
        (".", "must be Unix seconds"),
        ("", "must be Unix seconds"),
        ("9" * 5000, "must be Unix seconds"),
        ("\N{ARABIC-INDIC DIGIT SEVEN}", "must be Unix seconds"),
    ],
)
def test_a_time_without_an_offset_or_out_of_range_is_refused(text: str, says: str, call: Call) -> None:
    """The line says what is missing."""
    told = call("code", "--at", text)
    assert (told.code, told.out) == (2, "")
    assert f"argument --at: {says}" in told.err


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InvalidParameters("counter must be from 0 to 9"), "totpcore: counter must be from 0 to 9\n"),
        (Mistake("two\nlines"), "totpcore: two\n"),
        (FileNotFoundError(2, "No such file or directory", "2fa.db"), "totpcore: 2fa.db: No such file or directory\n"),
        (OSError("the disk is gone"), "totpcore: the disk is gone\n"),
        (ImportError(), "totpcore: ImportError\n"),
    ],
)
def test_what_goes_wrong_is_one_line(error: Exception, line: str, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a command raises on purpose: exit code 2, and no traceback."""

    def fail(given: object) -> int:
        raise error

    monkeypatch.setattr(_codes, "_secret", fail)
    assert call("secret") == (2, "", line)


def test_ctrl_c_is_quiet(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 130, as shells have it, and not a word."""

    def stop(given: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(_codes, "_secret", stop)
    assert call("secret") == (130, "", "")


@pytest.mark.parametrize("arguments", [("secret",), ("--help",), ("--version",), ("selftest",), ("qr", "--help")])
def test_a_closed_pipe_is_quiet(arguments: tuple[str, ...]) -> None:
    """Where nobody reads what is written: exit code 141, as shells have it, and not a word."""
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [*command(), *arguments], env=surroundings(), stdout=writes, stderr=subprocess.PIPE, check=False,
        timeout=PATIENCE,
    )  # fmt: skip
    os.close(writes)
    assert (done.returncode, done.stderr) == (141, b"")


def test_head_takes_the_first_line_of_a_qr_code(folder: Path) -> None:
    """As in a shell: `| head -1` is quiet."""
    told = shell("totpcore qr --issuer ACME --account alice@example.com < secret.txt | head -1", folder)
    assert (told.code, told.err, told.out.count("\n")) == (0, "", 1)


def test_a_full_disk_is_told() -> None:
    """What could not be written was not done: exit code 2, and a line that says why."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*command(), "secret"], env=surroundings(), stdout=full, stderr=subprocess.PIPE, check=False, text=True,
            timeout=PATIENCE,
        )  # fmt: skip
    assert done.returncode == 2
    assert is_one_line(done.stderr)
    assert "No space left on device" in done.stderr


def test_a_closed_standard_output_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that was started without one says so, and makes no secret that nobody sees."""
    monkeypatch.setattr(sys, "stdout", None)
    assert cli.main(["secret"]) == 2
    assert is_one_line(capsys.readouterr().err)


def test_output_that_breaks_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left in Python's own buffer is written to nobody when it ends, so that it does not complain there."""
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w", encoding="utf-8") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        assert cli.main(["--help"]) == 141
        broken.write("nobody reads this")
        broken.flush()
        assert os.path.samestat(os.fstat(broken.fileno()), Path(os.devnull).stat())


def test_a_terminal_of_another_encoding_shows_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its encoding has not is written as an escape, and is no error."""

    def say(given: object) -> int:
        sys.stdout.write("Алиса\n")
        return 0

    output = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(_codes, "_secret", say)
    monkeypatch.setattr(sys, "stdout", output)
    assert cli.main(["secret"]) == 0
    output.seek(0)
    assert output.read() == "\\u0410\\u043b\\u0438\\u0441\\u0430\n"


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m totpcore` runs the command and exits with its code."""
    monkeypatch.setattr(sys, "argv", ["totpcore", "selftest"])
    with pytest.raises(SystemExit) as left:
        runpy.run_module("totpcore", run_name="__main__")
    assert left.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_the_script_and_the_module_are_one() -> None:
    """What `totpcore` says, `python -m totpcore` says as well, under the same name."""
    done = subprocess.run(
        [sys.executable, "-m", "totpcore", "--help"], env=surroundings(), capture_output=True, check=True, text=True
    )
    assert done.stdout == script("--help").out
