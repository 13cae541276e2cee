"""`pytest_plugins = ["cli.running"]` gives a test module ways to run a command about codes.

Rules of this file:

1. What is typed reaches a command as it would reach a process: as bytes on standard input.
2. What a user sees is asked of the installed script, in a process of its own; branches are run in this process.
3. The examples of `--help` are taken from there, and run by a shell.
"""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from cli.stores import PATIENCE, Said, Terminal, command
from totpcore import Secret, cli

RFC_SECRET: Final = Secret(b"12345678901234567890")
RFC: Final = RFC_SECRET.base32  # its first codes stand in RFC 4226, appendix D
RFC_CODES: Final = ("755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489")

Call = Callable[..., Said]


def standard_input(typed: str | bytes) -> io.TextIOWrapper:
    """What `sys.stdin` is, where these bytes come."""
    return io.TextIOWrapper(io.BytesIO(typed.encode() if isinstance(typed, str) else typed), encoding="utf-8")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command in this process, with what is typed on its standard input."""

    def run(*arguments: str, typed: str | bytes = RFC) -> Said:
        monkeypatch.setattr(sys, "stdin", standard_input(typed))
        capsys.readouterr()
        try:
            code = cli.main(arguments)
        except SystemExit as left:
            code = left.code if type(left.code) is int else -1
        return Said(code, *capsys.readouterr())

    return run


def script(*arguments: str, typed: str = RFC) -> Said:
    """Run the installed script, with what is typed on its standard input."""
    done = subprocess.run(
        [*command(), *arguments], input=typed, env=surroundings(), capture_output=True, check=False, text=True,
        timeout=PATIENCE,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


def surroundings() -> dict[str, str]:
    """The variables of a process: as here, but in UTF-8, 80 columns wide, and with its output buffered."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {**kept, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}


def examples(*names: str) -> list[str]:
    """The commands that `--help` gives as examples. Some of them go over two lines."""
    shown = script(*names, "--help").out.partition("\nexample:\n" if names else "first code:\n")[2]
    lines = list[str]()
    for line in shown.splitlines():
        if lines and lines[-1].endswith("|"):
            lines[-1] += f"\n{line}"
        else:
            lines.append(line.strip())
    return lines


def shell(text: str, folder: Path) -> Said:
    """Type a command into a shell in a folder, where `totpcore` is the installed script."""
    path = f"{Path(command()[0]).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", text], cwd=folder, env={**surroundings(), "PATH": path}, capture_output=True, check=False,
        text=True, timeout=PATIENCE,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a secret in `secret.txt`, as the examples name it."""
    (tmp_path / "secret.txt").write_text(f"{RFC}\n", "ascii")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def terminal(folder: Path, *arguments: str, columns: int = 80) -> Terminal:
    """The installed script in a pseudo-terminal, in a folder."""
    return Terminal(surroundings(), folder, *arguments, columns=columns)
