"""`totpcore secret`, and how a secret is asked for."""

import errno
import getpass
import io
import os
import sys
import warnings
from pathlib import Path
from typing import NoReturn

import pytest

from cli.running import RFC, RFC_CODES, Call, examples, script, shell, standard_input, terminal
from cli.stores import is_one_line
from totpcore import Secret, cli
from totpcore.cli._asking import agreed
from totpcore.cli._parsing import Mistake

pytest_plugins = ["cli.stores", "cli.running"]

FIRST = ("code", "--counter", "0")


@pytest.mark.parametrize("nbytes", [16, 20, 32, 64, 128])
def test_it_makes_a_new_secret_of_so_many_bytes(nbytes: int, call: Call) -> None:
    """Base32 alone on a line, of as many bytes as were asked for, another one each time."""
    made = [call("secret", "--bytes", str(nbytes)) for _ in range(2)]
    assert [(told.code, told.err, told.out.count("\n")) for told in made] == [(0, "", 1)] * 2
    assert len({told.out for told in made}) == 2
    assert {len(Secret.from_base32(told.out.rstrip("\n")).reveal()) for told in made} == {nbytes}


def test_twenty_bytes_where_nothing_is_said() -> None:
    """The length of the output of SHA1."""
    assert len(Secret.from_base32(script("secret").out.rstrip("\n")).reveal()) == 20


@pytest.mark.parametrize("nbytes", ["0", "15", "129", "-1"])
def test_a_secret_that_is_too_short_or_too_long_is_refused(nbytes: str, call: Call) -> None:
    """16 to 128 bytes."""
    told = call("secret", f"--bytes={nbytes}")
    assert (told.code, told.out) == (2, "")
    assert "must be a whole number from 16 to 128" in told.err


def test_the_examples_run(tmp_path: Path) -> None:
    """As `--help` has them: the file is readable to its owner alone."""
    shown, kept = examples("secret")
    assert len(shell(shown, tmp_path).out) == 33
    assert shell(kept, tmp_path) == (0, "", "")
    assert len((tmp_path / "secret.txt").read_text("ascii")) == 33
    assert (tmp_path / "secret.txt").stat().st_mode & 0o777 == 0o600


# ---- asked for, on standard input and in a file ----


@pytest.mark.parametrize(
    "typed",
    [
        RFC,
        f"{RFC}\n",
        f"  {RFC}\r\n\r\n",
        "gezd gnbv gy3t qojq gezd gnbv gy3t qojq",
        "GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ",
        f"\N{ZERO WIDTH NO-BREAK SPACE}{RFC}",
        f"otpauth://hotp/ACME:alice?secret={RFC}",
        f"OTPAUTH://HOTP/ACME:alice?SECRET={RFC.lower()}&counter=0\n",
    ],
)
def test_a_secret_is_base32_or_a_uri_on_one_line(typed: str, folder: Path, call: Call) -> None:
    """However it is spelt, on standard input and in a file; a byte order mark is no part of it."""
    assert call(*FIRST, typed=typed) == (0, f"{RFC_CODES[0]}\n", "")
    (folder / "given").write_text(typed, "utf-8", newline="")
    assert call(*FIRST, "--secret-file", "given", typed="") == (0, f"{RFC_CODES[0]}\n", "")


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (b"", "there is no secret: give base32 or an otpauth URI"),
        (b" \n\n", "there is no secret: give base32 or an otpauth URI"),
        (b"\xef\xbb\xbf", "there is no secret: give base32 or an otpauth URI"),
        ("\N{GRINNING FACE}".encode(), "this is no secret in base32, and no otpauth URI: character 1 is not"),
        (b"\xff\xfe\x00", "the secret is no UTF-8 text"),
        (f"{RFC}\xe9".encode("latin-1"), "the secret is no UTF-8 text"),
        (f"{RFC}\n{RFC}\n".encode(), "a secret is one line, and here are several"),
        (f"{RFC}\r{RFC}".encode(), "a secret is one line, and here are several"),
        (b"A" * 16_385, "this is longer than any secret or URI"),
        (b"A" * 16_384, "a base32 secret must have at most 512 characters"),
        (b"ABC", "this is no secret in base32, and no otpauth URI: base32 ends in the middle of a byte"),
        (b"AAAAAAAAAAAAAAAA", "a secret must have 10 to 128 bytes, not all of them zero"),
        (b"GEZDGNBV", "a secret must have 10 to 128 bytes"),
        (b"https://example.com/", "the URI must begin with otpauth://totp/ or otpauth://hotp/"),
        (b"otpauth://totp/a?secret=1", "the secret, or the algorithm, is not usable"),
        (f"{RFC[:-1]}\0".encode(), "character 32 is not in the base32 alphabet"),
    ],
)
def test_what_is_no_secret_is_one_line(typed: bytes, says: str, folder: Path, call: Call) -> None:
    """On standard input and in a file: exit code 2, and what belongs there. Nothing that was typed is repeated."""
    told = call("code", typed=typed)
    assert (told.code, told.out) == (2, "")
    assert is_one_line(told.err)
    assert says in told.err
    assert RFC[:-1] not in told.err
    (folder / "given").write_bytes(typed)
    assert call("code", "--secret-file", "given", typed="") == told


@pytest.mark.parametrize(("name", "number"), [("missing", errno.ENOENT), (".", errno.EISDIR)])
def test_a_file_that_cannot_be_read_is_one_line(name: str, number: int, folder: Path, call: Call) -> None:
    """With the system's reason, and without its name, which may be the secret."""
    told = call("code", "--secret-file", name)
    assert (told.code, told.out) == (2, "")
    assert told.err == f"totpcore: the file of --secret-file cannot be read: {os.strerror(number)}\n"


def test_no_more_is_read_than_a_secret_can_have(call: Call) -> None:
    """A file without an end is refused at once."""
    assert "this is longer than any secret" in call("code", "--secret-file", "/dev/zero").err


def test_a_standard_input_that_is_closed_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it is no error of another kind."""
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["code"]) == 2
    assert "there is no secret" in capsys.readouterr().err


# ---- asked for, at a prompt ----


def test_a_terminal_asks_and_shows_nothing(tmp_path: Path) -> None:
    """What is typed at the prompt is not on the screen; the code is alone on the last line."""
    with terminal(tmp_path, *FIRST) as screen:
        screen.wait_for("Secret (base32 or an otpauth URI; nothing is shown): ")
        screen.type(f"{RFC}\n")
        assert screen.end() == 0
    assert screen.lines == ["Secret (base32 or an otpauth URI; nothing is shown):", RFC_CODES[0], ""]
    assert RFC[:4] not in screen.text


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("\n", "there is no secret: give base32 or an otpauth URI"),
        ("\x04", "there is no secret: give base32 or an otpauth URI"),
        ("\N{GRINNING FACE}\n", "this is no secret in base32, and no otpauth URI: character 1 is not"),
    ],
)
def test_what_is_no_secret_at_a_prompt_is_one_line(typed: str, says: str, tmp_path: Path) -> None:
    """Nothing, the end of input, an emoji."""
    with terminal(tmp_path, "code") as screen:
        screen.wait_for("nothing is shown): ")
        screen.type(typed)
        assert screen.end() == 2
    prompt, line, rest = screen.lines
    assert prompt.endswith("nothing is shown):")
    assert line.startswith(f"totpcore: {says}")
    assert rest == ""


def test_ctrl_c_at_a_prompt_is_quiet(tmp_path: Path) -> None:
    """The line is ended, so that the shell's prompt begins a new one; exit code 130, no traceback."""
    with terminal(tmp_path, "code") as screen:
        screen.wait_for("nothing is shown): ")
        screen.type("\x03")
        assert screen.end() == 130
    assert screen.lines == ["Secret (base32 or an otpauth URI; nothing is shown):", ""]


class _Screen(io.TextIOWrapper):
    """A standard input that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input is a terminal."""
    monkeypatch.setattr(sys, "stdin", _Screen(io.BytesIO()))


@pytest.mark.usefixtures("prompt")
def test_a_terminal_that_would_show_the_secret_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where echo cannot be switched off, Python would only warn: here it is an error that says what to do."""

    def shows(prompt: str) -> str:
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
        return RFC

    monkeypatch.setattr(getpass, "getpass", shows)
    assert cli.main(["code"]) == 2
    assert capsys.readouterr() == (
        "",
        "totpcore: this terminal would show what is typed: give the secret in --secret-file\n",
    )


@pytest.mark.usefixtures("prompt")
def test_bytes_that_are_no_text_at_a_prompt_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on standard input."""

    def undecodable(prompt: str) -> NoReturn:
        b"\xff".decode("utf-8")
        raise AssertionError

    monkeypatch.setattr(getpass, "getpass", undecodable)
    assert cli.main(["code"]) == 2
    assert "the secret is no UTF-8 text" in capsys.readouterr().err


@pytest.mark.usefixtures("prompt")
@pytest.mark.parametrize(
    ("raised", "code", "says"), [(EOFError, 2, "there is no secret"), (KeyboardInterrupt, 130, "")]
)
def test_a_prompt_that_nobody_answers_ends_its_line(
    raised: type[BaseException],
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whether the input has ended or somebody stopped it."""

    def nobody(prompt: str) -> NoReturn:
        raise raised

    monkeypatch.setattr(getpass, "getpass", nobody)
    assert cli.main(["code"]) == code
    ended, _, line = capsys.readouterr().err.partition("\n")
    assert ended == ""
    assert says in line


# ---- a yes ----


@pytest.mark.parametrize(
    ("typed", "yes"),
    [
        ("yes\n", True),
        (" yes \r\n", True),
        ("yes", True),
        ("y\n", False),
        ("YES\n", False),
        ("\n", False),
        ("no\n", False),
    ],
)
def test_only_yes_is_a_yes(
    typed: str, yes: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing shorter, and it is asked on standard error."""
    monkeypatch.setattr(sys, "stdin", standard_input(typed))
    assert agreed("Remove it?") is yes
    assert capsys.readouterr() == ("", "Remove it? Type yes: \n")


@pytest.mark.parametrize("typed", ["", None])
def test_nobody_says_no_yes(typed: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An input that has ended, or was never there, is no answer: it says that nothing was changed."""
    monkeypatch.setattr(sys, "stdin", None if typed is None else standard_input(typed))
    with pytest.raises(Mistake, match="nobody is there to ask, and nothing was changed"):
        agreed("Remove it?")
