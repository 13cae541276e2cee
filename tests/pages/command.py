"""The command that starts a panel, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import panel_pages


@contextmanager
def started(package: str, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m package`, with its temporary files in `folder`."""
    above = Path(panel_pages.__file__).parents[1]
    path = os.pathsep.join([str(above), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", package, *arguments]
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(folder)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str]) -> list[str]:
    """What it prints before it serves."""
    assert process.stdout
    found = []
    for line in process.stdout:
        found.append(line.strip())
        if line.startswith("Ctrl-C"):
            break
    return found
