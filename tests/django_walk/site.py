"""A Django project that is made by lines of a shell, far from this one, with the wheel.

Rule 1. No test has a package index: `pip install` installs the wheel, and what it needs is taken from where the tests
have it.
"""

import os
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browser.children import no_longer_than
from servers import free_port


class Site:
    """The project `mysite` in a folder."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        self.project = folder / "mysite"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.environment |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        libraries = sysconfig.get_path("purelib")
        self.pip = (
            f'pip() {{ command pip install --quiet --no-index --no-deps --disable-pip-version-check "{wheel}" && '
            f'echo "{libraries}" > "$(echo venv/lib/python*/site-packages)/tests.pth"; }}\n'
        )

    def run(self, script: str, *, answers: str | None = None, fine: bool = True) -> str:
        """Run lines of a shell in the project, where the environment is active."""
        begin = f"set -e\ncd {self.project}\n. ../venv/bin/activate\n"
        return self._bash(begin + script, answers=answers, fine=fine)

    def begin(self, script: str) -> None:
        """Run lines of a shell in the empty folder."""
        self._bash(f"set -e\ncd {self.folder}\n{self.pip}{script}")

    def _bash(self, script: str, *, answers: str | None = None, fine: bool = True) -> str:
        done = subprocess.run(
            ["bash", "-c", script], env=self.environment, input=answers or "", text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if fine and done.returncode:
            raise RuntimeError(done.stdout)
        return done.stdout

    def type_into(self, command: str, answers: list[tuple[str, str]]) -> None:
        """Run a command at a terminal, and type each answer once its question is there."""
        inner = f"cd {self.project}; . ../venv/bin/activate; {command}"
        spawn = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(['bash', '-c', sys.argv[1]])))"
        process = subprocess.Popen(
            [sys.executable, "-c", spawn, inner], env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a terminal has two ends")
        with no_longer_than(process):
            seen = b""
            for question, answer in answers:
                while question.encode() not in seen:
                    more = os.read(process.stdout.fileno(), 4096)
                    if not more:
                        raise RuntimeError(f"it ended before it asked for {question}: {seen.decode()}")
                    seen += more
                seen = b""
                process.stdin.write(f"{answer}\n".encode())
                process.stdin.flush()
            rest = process.stdout.read()
        process.stdin.close()
        process.stdout.close()
        if process.wait(30):
            raise RuntimeError(rest.decode())

    @contextmanager
    def serving(self, command: str, *more: str) -> Iterator[str]:
        """Run a server until it answers; the address of the site."""
        port = free_port()
        address = f"127.0.0.1:{port}"
        given = [address] if "runserver" in command else ["--bind", address]
        process = subprocess.Popen(
            ["bash", "-c", f"cd {self.project}; . ../venv/bin/activate; exec {' '.join([command, *given, *more])}"],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            ends = time.monotonic() + 60
            while True:
                try:
                    urllib.request.urlopen(f"http://{address}/admin/login/", timeout=10).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > ends:
                        raise RuntimeError("the server does not answer") from None
                    time.sleep(0.1)
            yield f"http://{address}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
