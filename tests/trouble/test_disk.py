"""The disk is full, the file cannot be written, is gone, is a folder, is broken: all of it through `TwoFactor`.

Rules of this file:

1. A change that cannot be written is a `StoreError`, and nobody is let in.
2. Once there is space again, everything works, and nothing that was accepted before can be repeated.
3. Of a file that was changed behind SQLite's back a code may be refused, and none is accepted twice.
"""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, cast

import pytest

from need import miss, need
from records.life import USER, reason_of
from totpcore import Gate, RecordMissing, RecordUnreadable, SQLiteStore, StoreError, TwoFactor, audit
from totpcore.testing import HandClock, Phone
from trouble.processes import Tell, ignore, told_by_child
from trouble.scenes import POLICY, Seal

START: Final = 1_800_000_000
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


class Disk:
    """A user on a file, whose codes are used up one by one."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, HandClock(START)
        self.store = SQLiteStore(path, create=True)
        self.service = self.reopened()
        self.phone = Phone.scan(self.service.enrol(USER, account="alice").uri)
        self.codes = list(self.service.confirm(USER, self.phone.code(START)).recovery_codes)
        self.clock.tick(30)

    def reopened(self) -> TwoFactor:
        """A service on the file, with a seal that notices what is broken."""
        return TwoFactor(self.store, issuer="ACME", sealer=Seal(), policy=POLICY, clock=self.clock, audit=ignore)

    def verify(self) -> str:
        """Verify the code of now."""
        return reason_of(partial(self.service.verify, USER, self.phone.code(self.clock())))

    def wrong(self) -> str:
        """Verify a wrong one."""
        near = {self.phone.code(self.clock() + 30 * step) for step in range(-3, 4)}
        code = next(code for code in (f"{number:06d}" for number in range(10)) if code not in near)
        return reason_of(partial(self.service.verify, USER, code))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A user with a confirmed second factor on a file."""
    disk = Disk(tmp_path / "factors.db")
    yield disk
    disk.store.close()


def check_all_is_well(disk: Disk, accepted_at: list[float]) -> None:
    """What was accepted stays spent, what was not works, and somebody else can begin."""
    later = disk.clock.now + 300
    for at in accepted_at:
        disk.clock.now = at
        assert disk.verify() in ("replayed", "clock_behind")
    disk.clock.now = later
    assert disk.wrong() == "wrong"
    assert disk.verify() == "ok"
    assert disk.service.recover(USER, disk.codes[-1]).codes_left >= 0
    assert reason_of(lambda: disk.service.enrol("somebody else", account="bob")) == "ok"
    with closing(sqlite3.connect(disk.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# ---- full ----


@pytest.mark.parametrize("room", [0, 100, 5_000, 20_000])
def test_a_file_that_may_not_grow(disk: Disk, room: int) -> None:
    """Past the limit writing is an error: verifying and failing raise `StoreError`; what was told before stays true."""

    def work(tell: Tell) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        size = max(file.stat().st_size for file in disk.path.parent.iterdir())
        tell("begun")
        disk.service.status(USER)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, size + room))
        for number in range(200):
            disk.clock.tick(90)
            came_to = disk.wrong() if number % 3 == 2 else disk.verify()
            tell((came_to, disk.clock()))
            if came_to == "StoreError":
                break
        tell(reason_of(lambda: disk.service.recover(USER, disk.codes[0])))
        tell(reason_of(lambda: disk.service.gate(USER)))

    told = told_by_child(work)
    answers = cast("list[tuple[str, float]]", told[1:-2])
    assert [word for word, _ in answers[-1:]] == ["StoreError"]
    assert told[-2:] == ["StoreError", "ok"], "nobody is recovered, and whoever knows the password is still asked"
    disk.clock.now = answers[-1][1]
    assert disk.verify() == "ok" or len(answers) % 3 == 0, "the code of the call that raised was not spent"
    check_all_is_well(disk, [at for word, at in answers if word == "ok"])
    assert reason_of(lambda: disk.service.recover(USER, disk.codes[0])) == "ok"


# In a file system of its own, of 256 KB: fill it, use the factor until nothing can be written, and make room again.
SMALL = """
import sys
from pathlib import Path
from records.life import USER
from totpcore import StoreError
from trouble.test_disk import Disk
disk, filler = Disk(Path(sys.argv[1], "factors.db")), Path(sys.argv[1], "filler")
with filler.open("wb", buffering=0) as file:
    try:
        while file.write(bytes(512)):
            pass
    except OSError:
        print("filled")
for _ in range(200):
    disk.clock.tick(90)
    if disk.verify() == "StoreError":
        break
try:
    disk.service.recover(USER, disk.codes[0])
except StoreError as error:
    print(error)
print(disk.service.gate(USER).value)
filler.unlink()
print(disk.verify(), disk.verify(), disk.service.recover(USER, disk.codes[0]).codes_left)
"""


def test_a_file_system_that_is_full(tmp_path: Path) -> None:
    """No byte is left: nobody is let in by a code or a recovery code; with room again both are good, once."""
    need("unshare", "mount")
    own = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"]), "sh", "-c"]
    mount = 'mount -t tmpfs -o size=256k tmpfs "$1"'
    if subprocess.run([*own, mount, "sh", tmp_path], check=False, capture_output=True).returncode:
        miss("needs to mount a file system of its own")
    tests = str(Path(__file__).parents[1])
    found = subprocess.run(
        [*own, mount + ' && exec "$2" -c "$3" "$1"', "sh", tmp_path, sys.executable, SMALL],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (tests, os.environ.get("PYTHONPATH"))))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout.splitlines() == [
        "filled",
        "SQLite failed on factors.db: database or disk is full",
        "challenge",
        "ok replayed 9",
    ], found.stderr


def test_a_database_that_may_not_grow(disk: Disk) -> None:
    """SQLite's own limit: nobody can enrol once it is full, those who have a factor go on, and then there is room."""
    pages = disk.store._do(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
    disk.store._do(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages + 3}").fetchone())
    outcomes = [reason_of(partial(disk.service.enrol, f"user {number}", account="bob")) for number in range(100)]
    assert outcomes[0] == "ok"
    assert outcomes[-1] == "StoreError"
    refused = outcomes.index("StoreError")
    assert disk.service.status(f"user {refused}").state == "off"
    assert disk.service.pending("user 0") is not None
    assert disk.verify() == "ok"
    assert disk.verify() == "replayed"
    accepted = [disk.clock()]
    disk.store._do(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages + 1000}").fetchone())
    check_all_is_well(disk, accepted)
    assert reason_of(lambda: disk.service.enrol(f"user {refused}", account="bob")) == "ok"


# ---- not to be written, gone, or something else ----


def test_a_file_that_may_only_be_read() -> None:
    """By the file's mode, for a process that is not root: every change raises, and reading goes on where SQLite can."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        disk = Disk(folder / "factors.db")
        disk.store.close()
        assert audit.LOGGER_NAME, "loaded before the child loses its rights"
        for file in folder.iterdir():
            file.chmod(0o444)
        folder.chmod(0o755)

        def work(tell: Tell) -> None:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            tell([disk.verify(), disk.wrong(), reason_of(lambda: disk.service.recover(USER, disk.codes[0]))])

        assert told_by_child(work) == [["StoreError"] * 3]
        for file in folder.iterdir():
            file.chmod(0o600)
        assert disk.verify() == "ok"
        check_all_is_well(disk, [disk.clock()])
        disk.store.close()


@pytest.mark.parametrize("what", ["gone", "folder", "empty", "noise", "another database"])
def test_something_else_in_the_place_of_the_file(disk: Disk, what: str) -> None:
    """Whoever opens it then gets a `StoreError` from each call, and nothing is made or changed there."""
    disk.store.close()
    for file in disk.path.parent.iterdir():
        file.rename(file.with_name(f"kept-{file.name}"))
    if what == "folder":
        disk.path.mkdir()
    elif what == "another database":
        with closing(sqlite3.connect(disk.path)) as connection:
            connection.execute("CREATE TABLE users (name)")
    elif what != "gone":
        disk.path.write_bytes(b"" if what == "empty" else Random(0).randbytes(20_000))
    before = disk.path.read_bytes() if disk.path.is_file() else None
    assert [disk.verify(), disk.wrong(), reason_of(lambda: disk.service.gate(USER))] == ["StoreError"] * 3
    assert reason_of(lambda: disk.service.enrol("bob", account="bob")) == "StoreError"
    assert reason_of(lambda: disk.service.reset(USER, actor="bob", reason="x")) == "StoreError"
    assert (disk.path.read_bytes() if disk.path.is_file() else None) == before
    if what == "folder":
        disk.path.rmdir()
    for file in disk.path.parent.glob("kept-*"):
        file.rename(file.with_name(file.name.removeprefix("kept-")))
    assert disk.verify() == "ok"
    check_all_is_well(disk, [disk.clock()])


def test_a_file_that_is_deleted_while_it_is_open(disk: Disk) -> None:
    """Who has it open is refused as well as whoever comes later: what it held would be lost with the last process."""
    for file in disk.path.parent.iterdir():
        file.unlink()
    assert disk.verify() == "StoreError"
    disk.store.close()
    assert disk.verify() == "StoreError"
    with pytest.raises(FileNotFoundError):
        SQLiteStore(disk.path)
    assert not disk.path.exists()


# ---- broken ----


def test_any_byte_that_changes(disk: Disk) -> None:
    """Whatever byte of the file is another: a spent code stays refused, and the flag is not passed by."""
    spent = disk.phone.code(disk.clock())
    assert disk.verify() == "ok"
    disk.store.close()
    whole, random, seen = disk.path.read_bytes(), Random(0), set[str]()
    places = [*range(0, 100, 7), *(random.randrange(len(whole)) for _ in range(150))]
    for place in places:
        broken = bytearray(whole)
        broken[place] ^= 1 << random.randrange(8)
        seen |= outcomes_on(disk, bytes(broken), spent)
    assert seen >= {"replayed"}


@pytest.mark.parametrize("filling", [b"\0", b"\xff", None])
def test_any_page_that_is_lost(disk: Disk, filling: bytes | None) -> None:
    """The same with whole pages of zeros, ones or noise, and with a file that was cut off."""
    spent = disk.phone.code(disk.clock())
    assert disk.verify() == "ok"
    disk.store.close()
    whole, seen = disk.path.read_bytes(), set[str]()
    for start in range(0, len(whole), 4096):
        page = Random(start).randbytes(4096) if filling is None else filling * 4096
        seen |= outcomes_on(disk, whole[:start] + page + whole[start + 4096 :], spent)
        seen |= outcomes_on(disk, whole[:start], spent)
        seen |= outcomes_on(disk, whole[: start + 2000], spent)
    assert "StoreError" in seen


def outcomes_on(disk: Disk, content: bytes, spent: str) -> set[str]:
    """What a spent code comes to on such a file. It is never accepted, and the gate never opens by itself."""
    disk.store.close()
    for companion in ("-wal", "-shm"):
        disk.path.with_name(disk.path.name + companion).unlink(missing_ok=True)
    disk.path.write_bytes(content)
    came_to = reason_of(lambda: disk.service.verify(USER, spent))
    assert came_to in ("replayed", "not_enrolled", "StoreError", "RecordUnreadable")
    try:
        gate = disk.service.gate(USER, expected=True)
    except (StoreError, RecordMissing, RecordUnreadable):
        gate = Gate.CHALLENGE
    assert gate is Gate.CHALLENGE
    return {came_to}
