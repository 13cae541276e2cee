"""What docs/how-to/restoring-a-backup.md says: each row of its table with real files, and its script as a program."""

import base64
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from totpcore import (
    HOTP,
    ClockBehind,
    CodeReplayed,
    Gate,
    InvalidCode,
    NotEnrolled,
    RecordMissing,
    Secret,
    SQLiteStore,
    State,
    Throttled,
    TwoFactor,
)
from totpcore.sealing import Keyring
from totpcore.testing import HandClock, Phone

SCRIPT = Path(__file__).parents[2] / "docs/examples/howto/after_restore.py"
KEY = Keyring.generate_key("2026")


class Site:
    """Alice on a file; a backup of it, made as the page does."""

    def __init__(self, folder: Path) -> None:
        self.file, self.backup = folder / "2fa.db", folder / "2fa.backup"
        self.clock = HandClock(time.time() - 60)  # the script has the real clock
        self.service = self.start(create=True)
        self.phone = Phone.scan(self.service.enrol("alice", account="alice").uri)
        self.recovery_codes = self.service.confirm("alice", self.phone.code(self.clock())).recovery_codes
        self.clock.tick(60)

    def start(self, *, create: bool = False) -> TwoFactor:
        """Open the file, as a program that starts."""
        self.store = SQLiteStore(self.file, create=create)
        sealer = Keyring({KEY.partition(":")[0]: _raw(KEY)})
        self.service = TwoFactor(self.store, issuer="ACME", sealer=sealer, clock=self.clock)
        return self.service

    def code(self) -> str:
        """What Alice's phone shows."""
        return self.phone.code(self.clock())

    def wrong(self) -> str:
        """A code that is none of these minutes'."""
        near = {self.phone.code(self.clock() + 30 * step) for step in range(-3, 4)}
        return next(code for code in (f"{n:06}" for n in range(100)) if code not in near)

    def back_up(self) -> None:
        """Copy the file beside the running program."""
        with closing(sqlite3.connect(self.file)) as source, closing(sqlite3.connect(self.backup)) as target:
            source.backup(target)

    def restore(self) -> None:
        """Steps 1 and 3."""
        self.store.close()
        for name in (self.file, Path(f"{self.file}-wal"), Path(f"{self.file}-shm")):
            name.unlink(missing_ok=True)
        shutil.copy(self.backup, self.file)
        self.start()

    def raise_floors(self) -> subprocess.CompletedProcess[str]:
        """Step 4, as a program."""
        settings = {"TOTPCORE_STORE": f"sqlite:///{self.file}", "TOTPCORE_KEYS": KEY}
        return subprocess.run(
            [sys.executable, SCRIPT], env={**os.environ, **settings}, capture_output=True, text=True, check=False
        )


def _raw(entry: str) -> bytes:
    text = entry.partition(":")[2]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """The site."""
    return Site(tmp_path)


def code_used(site: Site) -> Callable[[], object]:
    """A code was accepted: does it open?"""
    code = site.code()
    site.service.verify("alice", code)
    return lambda: site.service.verify("alice", code)


def recovery_code_used(site: Site) -> Callable[[], object]:
    """A recovery code was used: does it open?"""
    site.service.recover("alice", site.recovery_codes[0])
    return lambda: site.service.recover("alice", site.recovery_codes[0])


def recovery_codes_renewed(site: Site) -> Callable[[], object]:
    """She made new recovery codes: does an old one open?"""
    site.service.renew_recovery_codes("alice", site.code())
    return lambda: site.service.recover("alice", site.recovery_codes[0])


def replaced(site: Site) -> Callable[[], object]:
    """She moved to a new phone: does the old one open?"""
    _move(site)
    return lambda: site.service.verify("alice", site.code())


def _move(site: Site) -> Phone:
    new = Phone.scan(site.service.replace("alice", site.code(), account="alice").uri)
    site.clock.tick(30)
    site.service.confirm("alice", new.code(site.clock()))
    site.clock.tick(120)
    return new


def was_reset(site: Site) -> Callable[[], object]:
    """She was reset: does her old phone open?"""
    site.service.reset("alice", actor="carol", reason="stolen")
    return lambda: site.service.verify("alice", site.code())


@pytest.mark.parametrize("change", [code_used, recovery_code_used, recovery_codes_renewed, replaced, was_reset])
def test_what_a_restored_record_accepts(site: Site, change: Callable[[Site], Callable[[], object]]) -> None:
    """A row of the table: refused before the restore, accepted after it."""
    site.back_up()
    accepted_again = change(site)
    with pytest.raises((InvalidCode, NotEnrolled)):
        accepted_again()
    site.restore()
    accepted_again()


@pytest.mark.parametrize("change", [code_used, recovery_code_used, recovery_codes_renewed])
def test_what_raised_floors_mend(tmp_path: Path, change: Callable[[Site], Callable[[], object]]) -> None:
    """Those are refused once the floors are raised; and she goes on with her phone."""
    site = Site(tmp_path)
    site.back_up()
    accepted_again = change(site)
    site.restore()
    done = site.raise_floors()
    assert (done.returncode, done.stdout) == (0, "")
    with pytest.raises((CodeReplayed, ClockBehind)):  # the latter where a new time step began meanwhile
        accepted_again()
    site.clock.tick(90)
    assert len(site.service.renew_recovery_codes("alice", site.code())) == 10


@pytest.mark.parametrize("change", [replaced, was_reset])
def test_what_they_do_not_mend(tmp_path: Path, change: Callable[[Site], Callable[[], object]]) -> None:
    """The rows in bold: an old secret is as good as it was, a minute and a half later."""
    site = Site(tmp_path)
    site.back_up()
    accepted_again = change(site)
    site.restore()
    assert site.raise_floors().returncode == 0
    site.clock.tick(90)
    accepted_again()


def test_tallies_are_those_of_then(site: Site) -> None:
    """Whoever had to wait may guess at once."""
    site.back_up()
    for _ in range(5):
        with pytest.raises(InvalidCode):
            site.service.verify("alice", site.wrong())
    with pytest.raises(Throttled):
        site.service.verify("alice", site.wrong())
    site.restore()
    with pytest.raises(InvalidCode):
        site.service.verify("alice", site.wrong())


def test_the_new_phone_does_not_open(site: Site) -> None:
    """Whoever moved to another phone since is refused with it."""
    site.back_up()
    new = _move(site)
    site.restore()
    with pytest.raises(InvalidCode):
        site.service.verify("alice", new.code(site.clock()))


def test_what_was_turned_off_is_asked_for_again(site: Site) -> None:
    """And who set up since has none, which `expected` turns into an error."""
    site.back_up()
    site.service.disable("alice", site.code())
    bob = Phone.scan(site.service.enrol("bob", account="bob").uri)
    site.service.confirm("bob", bob.code(site.clock()))
    site.restore()
    assert site.service.gate("alice") is Gate.CHALLENGE
    assert site.service.gate("bob") is Gate.ALLOW
    with pytest.raises(RecordMissing):
        site.service.gate("bob", expected=True)


def test_the_script_lists_whom_it_cannot_help(site: Site) -> None:
    """A counter-based token, and a record that does not open; it says so by its exit code, and may run twice."""
    site.service.adopt("token", HOTP(Secret.generate()), spent=-1)
    site.store.swap("broken", None, b"\x01 no record")
    site.store.close()
    for _ in range(2):
        done = site.raise_floors()
        assert done.returncode == 1
        assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["reset broken", "reset token"]
    site.start()
    assert site.service.status("alice").state is State.ON
    assert site.service.status("alice").codes_left == 0
