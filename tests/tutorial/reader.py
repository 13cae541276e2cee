"""A reader who does what the pages say, in a folder of their own.

Rule 1. Commands are typed as they stand. What the surroundings add is a folder of wheels for pip, a port, a clock that
is set by hand, and chance that is the same each time.
Rule 2. What one command leaves in its shell (its folder, its variables) is there for the next.
"""

import contextlib
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from browser import steady
from servers import free_port
from tutorial.reading import AtTheEnd, Change, Command, Deed, NewFile, Output, Shown

STEADY = Path(steady.__file__).parent
START = 1_800_000_000
SERVER = "flask --app panel run"


class Reader:
    """Somebody in an empty folder, with a terminal."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder = folder
        self.printed: list[str] = []
        self.errors = ""
        self.url = ""
        self._clock = folder.parent / "clock"
        self._left = folder.parent / "left"
        self._commands = 0
        self._panel: subprocess.Popen[bytes] | None = None
        self.now = float(START)
        self.tick(0)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_", "FLASK_"))}
        self._surroundings = {
            **kept,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "PYTHONPATH": str(STEADY),
            "TOTPCORE_CLOCK": str(self._clock),
        }

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        beside = self._clock.with_suffix(".new")
        beside.write_text(str(self.now), "ascii")
        beside.replace(self._clock)

    def follow(self, deeds: list[Deed]) -> Iterator[str]:
        """Do what the page says, and hand out the name of each picture when it is its turn."""
        for deed in deeds:
            match deed:
                case NewFile(name, content):
                    (self.folder / name).parent.mkdir(exist_ok=True)
                    (self.folder / name).write_text(content, "utf-8")
                case AtTheEnd(name, lines):
                    with (self.folder / name).open("a", encoding="utf-8") as file:
                        file.write(f"\n\n{lines}")
                case Change(name, before, after):
                    file_ = self.folder / name
                    text = file_.read_text("utf-8")
                    assert text.count(before) == 1, f"{name} has {text.count(before)} times\n{before}"
                    file_.write_text(text.replace(before, after), "utf-8")
                case Command(text):
                    self._type(text)
                case Output(text):
                    assert self.printed[-1].splitlines()[-1] == text.strip()
                case Shown(name):
                    yield name

    def files(self) -> dict[str, str]:
        """The files of the panel."""
        found = [*self.folder.glob("*.py"), *self.folder.glob("templates/*"), *self.folder.glob("static/*")]
        return {file.relative_to(self.folder).as_posix(): file.read_text("utf-8") for file in found}

    def stop(self) -> None:
        """Press Ctrl-C, where a panel is running."""
        if self._panel is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._panel.pid, signal.SIGINT)
            self._panel.wait(60)
            self._panel = None

    def trial(self, command: str) -> str:
        """Type something that fails, and return what it says."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self._surroundings,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode != 0, command
        return done.stderr

    def _type(self, text: str) -> None:
        self.stop()
        commands, *served = text.split(SERVER)
        assert served in ([], ["\n"]), "nothing can be typed while the panel runs"
        if commands:
            self._run(commands)
        if served:
            self._serve()

    def _run(self, commands: str) -> None:
        self._commands += 1
        # Each word gives another row of secrets, or a second administrator would have the id of the first.
        surroundings = {**self._surroundings, "TOTPCORE_STEADY": f"command {self._commands}"}
        script = f"{commands}\npwd > '{self._left}.folder'\nenv -0 > '{self._left}.env'\n"
        done = subprocess.run(
            ["bash", "-euc", script], cwd=self.folder, env=surroundings, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        self.printed.append(done.stdout)
        self.errors = done.stderr
        self.folder = Path(Path(f"{self._left}.folder").read_text("utf-8").strip())
        left = Path(f"{self._left}.env").read_text("utf-8")
        self._surroundings = dict(line.split("=", 1) for line in left.split("\0") if line)

    def _serve(self) -> None:
        self._commands += 1
        port = free_port()  # the kernel gives it to no client meanwhile
        self.url = f"http://127.0.0.1:{port}"
        word = f"panel {self._commands}"
        surroundings = {**self._surroundings, "TOTPCORE_STEADY": word, "FLASK_RUN_PORT": str(port)}
        log = (self.folder.parent / "panel.log").open("ab")
        with log:
            self._panel = subprocess.Popen(
                ["bash", "-c", SERVER],
                cwd=self.folder,
                env=surroundings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ends = time.monotonic() + 60
        while True:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"{self.url}/login", timeout=60).close()
                return
            assert self._panel.poll() is None, self.log()
            assert time.monotonic() < ends, self.log()
            time.sleep(0.05)

    def log(self) -> str:
        """What the panels have written into their terminal."""
        return (self.folder.parent / "panel.log").read_text("utf-8")

    def password(self) -> str:
        """The password that the last command printed."""
        found = re.search(r"^([\w-]{16})$", self.printed[-1], re.MULTILINE)
        assert found, self.printed[-1]
        return found[1]
