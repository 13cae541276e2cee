"""The command that starts a panel, in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import panel_pages
from browser.children import no_longer_than


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
    with no_longer_than(process):
        for line in process.stdout:
            found.append(line.strip())
            if line.startswith("Ctrl-C"):
                break
    return found


def owner_in(printed: list[str]) -> OpenerDirector:
    """A visitor without a browser, who has logged in with what the command has printed."""
    address, name, password, *_ = printed
    visitor = build_opener(HTTPCookieProcessor(CookieJar()))
    with visitor.open(f"{address}login", timeout=60) as page:
        token = re.search(r'name="csrf" value="(\w+)"', page.read().decode())
    assert token
    fields = {"csrf": token[1], "login": name.split()[-1], "password": password.split()[-1]}
    with visitor.open(f"{address}login", urlencode(fields).encode(), timeout=60) as page:
        assert "Access granted" in page.read().decode()
    return visitor


class Command:
    """The command of a panel, beside a fixture `command`: its package, and the arguments that say where its data is."""

    tells: bool = True  # a header says which server it is; what serves it while somebody develops always has one

    def test_command_prints_what_one_needs_and_no_more(self, command: tuple[str, ...], tmp_path: Path) -> None:
        """Address, user name and password, a line each; they work; no request is logged; an interrupt ends it."""
        package, *arguments = command
        with started(package, tmp_path, "--port", "0", *arguments) as process:
            printed = lines(process)
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", printed[0])
            with owner_in(printed).open(f"{printed[0]}setup/staff/administrators", timeout=60) as page:
                assert ("Server" in page.headers) is self.tells
                table = page.read().decode()
            assert all(f"{state}</span>" in table for state in ("on", "off", "pending"))
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=60)
            assert (rest.strip(), errors, process.returncode) == ("", "", 0)
        with started(package, tmp_path, "--port", "0", *arguments) as process:
            again = " ".join(lines(process))
        assert "Ctrl-C" in again
        assert "Password" not in again, "the users are kept, their passwords are not printed again"
