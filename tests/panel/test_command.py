"""The command that starts the panel, as a person runs it."""

import socket
from pathlib import Path

import pytest

from pages.command import Command, lines, started


@pytest.fixture
def command(tmp_path: Path) -> tuple[str, ...]:
    """The panel, and where its data is."""
    return "admin_panel", "--data", str(tmp_path)


class TestCommand(Command):
    """What it prints, and how it ends."""


def test_command_evades_a_port_that_is_taken(tmp_path: Path) -> None:
    """Without `--port` it takes another one; a port that was asked for and is taken is an error of one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started("admin_panel", tmp_path, "--port", str(port)) as process:
            printed, errors = process.communicate(timeout=60)
        assert (printed, process.returncode) == ("", 1)
        assert len(errors.splitlines()) == 1
    with started("admin_panel", tmp_path) as first, started("admin_panel", tmp_path) as second:
        assert lines(first)[0] != lines(second)[0]
