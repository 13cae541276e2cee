"""`pytest_plugins = ["cli.stores"]` gives a test module a store with users, and ways to run a command on it.

Rules of this file:

1. The store and the keys are named in the environment, as operators name them. A test that is about that says so.
2. What a user sees is asked of the installed script, in a process of its own; branches are run in this process.
3. A terminal is a pseudo-terminal that the command owns: Ctrl-C reaches it as it would from a keyboard.
"""

import base64
import csv
import fcntl
import os
import pty
import re
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Self

import pytest

from sealing.people import FIRST, SECOND, THIRD
from totpcore import Plaintext, Sealer, SQLiteStore, Store, StoreError, TwoFactor, cli
from totpcore.sealing import Keyring
from totpcore.testing import HandClock, Phone

NOW: Final = 1_700_000_000  # long ago: what a command does now, it does later
PATIENCE: Final = 60.0  # seconds, for a busy machine
OLD: Final = Keyring({"2022": FIRST})
NEW: Final = Keyring({"2023": SECOND})
BOTH: Final = Keyring({"2023": SECOND, "2022": FIRST})
LOST: Final = Keyring({"lost": THIRD})
PLAIN: Final = Plaintext()

_SECRET: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
_SCRIPT: Final = Path(sys.executable).with_name("totpcore")
# A new session has no terminal before it takes one.
_TAKES_TERMINAL: Final = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


def command() -> list[str]:
    """How the installed script is called."""
    return [str(_SCRIPT)] if _SCRIPT.exists() else [sys.executable, "-m", "totpcore"]


def entry(key_id: str, key: bytes) -> str:
    """An entry of TOTPCORE_KEYS."""
    return f"{key_id}:{base64.urlsafe_b64encode(key).decode().rstrip('=')}"


OLD_ENTRY: Final = entry("2022", FIRST)
NEW_ENTRY: Final = entry("2023", SECOND)


class Said(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str


class House:
    """A folder with a store, and who set up in it."""

    def __init__(self, folder: Path, store: Store | None = None, url: str | None = None) -> None:
        self.folder, self.clock = folder, HandClock(NOW)
        self.store = store or SQLiteStore(folder / "2fa.db", create=True)
        self.url = url or f"sqlite:///{folder / '2fa.db'}"
        self.phones: dict[str, Phone] = {}

    def service(self, sealer: Sealer = OLD) -> TwoFactor:
        """The application's own calls."""
        return TwoFactor(self.store, issuer="ACME", sealer=sealer, clock=self.clock, audit=lambda _event: None)

    def add(self, *users: str, sealer: Sealer = OLD) -> None:
        """Let users set up a second factor."""
        for user in users:
            self.phones[user] = Phone.scan(self.service(sealer).enrol(user, account="account").uri)
            self.service(sealer).confirm(user, self.code(user))

    def begin(self, user: str, sealer: Sealer = OLD) -> None:
        """Let a user begin to set one up."""
        self.phones[user] = Phone.scan(self.service(sealer).enrol(user, account="account").uri)

    def code(self, user: str) -> str:
        """The code of now."""
        return self.phones[user].code(self.clock())

    def wrong(self, user: str) -> str:
        """A code that is not accepted now."""
        near = {self.phones[user].code(self.clock() + seconds) for seconds in range(-90, 91, 30)}
        return next(code for code in map("{:06}".format, range(10)) if code not in near)

    def spoil(self, user: str) -> None:
        """Change a bit of a record."""
        held = self.held(user)
        assert self.store.swap(user, held, held[:-1] + bytes([held[-1] ^ 1]))

    def held(self, user: str) -> bytes:
        """What is in the store."""
        held = self.store.load(user)
        assert held is not None
        return held

    def fill(self, records: Mapping[str, bytes]) -> None:
        """Put in many at once, which one by one would take its time."""
        with closing(sqlite3.connect(self.folder / "2fa.db")) as direct, direct:
            direct.executemany("INSERT INTO totpcore (user, value) VALUES (?, ?)", records.items())

    def environment(self, keys: str = OLD_ENTRY) -> dict[str, str]:
        """The variables that a process of an operator has."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TOTPCORE_")}
        return {**kept, "TOTPCORE_STORE": self.url, "TOTPCORE_KEYS": keys, "COLUMNS": "80"}


def many(count: int) -> str:
    """A file of many users, and what is wrong with some of them."""
    rows = [[str(number), "wrong" if number % 1000 == 500 else _SECRET] for number in range(count)]
    with Path("secrets.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["user", "secret"], *rows])
    return "secrets.csv"


Run = Callable[..., Said]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A folder, in which commands are run, with an empty store that the environment names."""
    made = House(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOTPCORE_STORE", made.url)
    monkeypatch.setenv("TOTPCORE_KEYS", OLD_ENTRY)
    yield made
    assert isinstance(made.store, SQLiteStore)
    made.store.close()


@contextmanager
def full_at(user: str) -> Iterator[None]:
    """The disk is full when the record of this user is written."""
    swap = SQLiteStore.swap

    def fails(store: SQLiteStore, of: str, *values: bytes | None) -> bool:
        if of == user:
            raise StoreError("the disk is full")
        return swap(store, of, *values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SQLiteStore, "swap", fails)
        yield


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        try:
            code = cli.main(arguments)
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else -1
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call


def script(house: House, *arguments: str, keys: str = OLD_ENTRY, given: str | None = None, umask: int = -1) -> Said:
    """Run the installed script in the folder."""
    done = subprocess.run(
        [*command(), *arguments], cwd=house.folder, env=house.environment(keys), input=given or "", capture_output=True,
        check=False, text=True, timeout=PATIENCE, umask=umask,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


def example(house: House, *names: str) -> str:
    """The example in the --help of a command."""
    *_, lines = re.split(r"\nexamples?:\n", script(house, *names, "--help").out)
    return "\n".join(line.removeprefix("  ") for line in lines.splitlines())


def shell(house: House, text: str, *, keys: str = "", given: str = "") -> Said:
    """Type lines into a shell in the folder, where `totpcore` is the installed script and no variable names a store."""
    environment = {**house.environment(keys), "PATH": f"{_SCRIPT.parent}{os.pathsep}{os.environ['PATH']}"}
    del environment["TOTPCORE_STORE"]
    done = subprocess.run(
        ["sh", "-ec", text], cwd=house.folder, env=environment, input=given, capture_output=True, check=False,
        text=True, timeout=PATIENCE,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


def keys_file(house: House, *entries: str) -> None:
    """Make `totp.keys`, as the examples name it."""
    path = house.folder / "totp.keys"
    path.touch(mode=0o600)
    path.write_text("\n".join(entries) + "\n")


class Terminal:
    r"""The installed script in a pseudo-terminal.

    Example:
        ::

            with Terminal(house.environment(), house.folder, "reset", "7") as terminal:
                terminal.wait_for("Who does it")
                terminal.type("grace\n")
                assert terminal.end() == 0
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, *arguments: str, columns: int = 80) -> None:
        self.text = ""
        self._own, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TAKES_TERMINAL, *command(), *arguments],
            cwd=folder, env={name: value for name, value in environment.items() if name != "COLUMNS"},
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def type(self, text: str) -> None:
        """Type something; the character of number 3 is Ctrl-C."""
        os.write(self._own, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until something was shown."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.text:
            assert self._read(deadline), f"it ended without {text!r}: {self.text}"

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        return self._process.wait(PATIENCE)

    @property
    def lines(self) -> list[str]:
        """What is left on the screen: a line begins anew at a carriage return, over what stood there."""
        screen = []
        for line in self.text.replace("\r\n", "\n").split("\n"):
            shown = ""
            for part in line.split("\r"):
                shown = part + shown[len(part) :]
            screen.append(shown.rstrip())
        return screen

    def _read(self, deadline: float) -> bool:
        """Read what there is; whether it goes on."""
        ready, _, _ = select.select([self._own], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing came: {self.text}"
        try:
            read = os.read(self._own, 65_536)
        except OSError:  # how Linux tells that the other side is closed
            return False
        self.text += read.decode("utf-8", "replace")
        return bool(read)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._own)


def is_one_line(text: str) -> bool:
    """Whether a complaint is one line of the program's, and holds no traceback."""
    return bool(re.fullmatch(r"totpcore( [a-z-]+)?: [^\n]+\n", text))
