"""docs/reference/command-line.md: its sessions are typed into a shell, and it leaves out no command and no option."""

import argparse
import doctest
import os
import re
import subprocess
from pathlib import Path

import pytest

from cli.stores import PATIENCE, House, command
from totpcore import cli

pytest_plugins = ["cli.stores"]

PAGE = Path(__file__).parents[2] / "docs/reference/command-line.md"
ROWS = "user,secret\nada,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\nbob,MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U\n"


def sessions() -> list[tuple[str, str]]:
    """Each command of the page, in its order, and what it is to write."""
    found = list[tuple[str, str]]()
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            found.append((line, output))
    return found


def commands() -> dict[str, argparse.ArgumentParser]:
    """The commands that there are, by their names."""
    (added,) = [action for action in cli._parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(added.choices)


@pytest.mark.skipif(os.name != "posix", reason="the page is for a POSIX shell")
def test_every_session_goes_as_the_page_says(tmp_path: Path) -> None:
    """From the first line to the last, in one folder; three dots stand for what differs each time."""
    (tmp_path / "secrets.csv").write_text(ROWS)
    path = f"{Path(command()[0]).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOTPCORE_")}
    environment = {**kept, "PATH": path, "COLUMNS": "80", "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8"}
    check = doctest.OutputChecker().check_output
    for line, expected in sessions():
        if exported := re.fullmatch(r"export (\w+)=(\S+)", line):
            environment[exported[1]] = exported[2]
            continue
        done = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert check(expected, done.stdout, doctest.ELLIPSIS), f"$ {line}\n{done.stdout}"


def test_every_command_has_its_section(house: House) -> None:
    """With the exit codes, and every option that is its own."""
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## )", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL))
    page = PAGE.read_text("utf-8")
    for name, parser in commands().items():
        assert re.search(r"^Exit codes: 0", sections[name], re.MULTILINE), name
        for option in [option for action in parser._actions for option in action.option_strings]:
            assert option in ("-h", "--help") or f"`{option}" in page or f" {option} " in page, (name, option)


def test_every_line_of_the_table_is_a_command() -> None:
    """Nothing that is no longer there, and nothing left out."""
    table = PAGE.read_text("utf-8").partition("\n## Commands\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"\[`([\w-]+)`\]\(#[\w-]+\)", table)) == sorted(commands())
