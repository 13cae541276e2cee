"""What docs/how-to/moving-from-pyotp.md says, with secrets and codes of pyotp itself, and its script as a program."""

import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pyotp
import pytest

from howto.from_pyotp import take_over
from totpcore import CodeReplayed, MemoryStore, Plaintext, RecoveryCodes, SQLiteStore, TwoFactor
from totpcore.sealing import Keyring
from totpcore.testing import HandClock

EXAMPLES = Path(__file__).parents[2] / "docs/examples/howto"
SCRIPT, DROP = EXAMPLES / "from_pyotp.py", EXAMPLES / "from_pyotp.sql"
PAGE = (Path(__file__).parents[2] / "docs/how-to/moving-from-pyotp.md").read_text("utf-8")
WEAK = "JBSWY3DPEHPK3PXP"  # sixteen characters, as old versions of pyotp made them
NOW = 1_800_000_000


@pytest.fixture
def clock() -> HandClock:
    """The time of the service."""
    return HandClock(NOW)


@pytest.fixture
def two_factor(clock: HandClock) -> TwoFactor:
    """The service to which they move."""
    return TwoFactor(MemoryStore(), issuer="ACME", sealer=Plaintext(), clock=clock)


def test_the_app_stays_as_it_is(two_factor: TwoFactor, clock: HandClock) -> None:
    """The code that pyotp shows for the old secret opens here."""
    secret = pyotp.random_base32()
    assert take_over(two_factor, [("1", secret)], now=clock()) == {}
    clock.tick(30)
    assert two_factor.verify("1", pyotp.TOTP(secret).at(int(clock()))).user == "1"


@pytest.mark.parametrize("valid_window", [0, 1])
def test_what_pyotp_took_is_spent(two_factor: TwoFactor, clock: HandClock, valid_window: int) -> None:
    """No code that the old log-in would have taken up to now opens once more; the one after it does."""
    secret = pyotp.random_base32()
    there = pyotp.TOTP(secret)
    take_over(two_factor, [("1", secret)], now=clock(), valid_window=valid_window)
    for step in range(-valid_window, valid_window + 1):
        code = there.at(NOW + 30 * step)
        assert there.verify(code, for_time=NOW, valid_window=valid_window), "pyotp takes it, as often as it is typed"
        with pytest.raises(CodeReplayed):
            two_factor.verify("1", code)
    clock.tick(30 * (valid_window + 1))
    assert two_factor.verify("1", there.at(int(clock()))).user == "1"


def test_weak_secrets_are_left_unless_they_are_allowed(two_factor: TwoFactor, clock: HandClock) -> None:
    """Then `Status.weak_secret` tells of them."""
    assert set(take_over(two_factor, [("1", WEAK)], now=clock())) == {"1"}
    assert not two_factor.status("1").code_required
    assert take_over(two_factor, [("1", WEAK)], now=clock(), allow_weak=True) == {}
    assert two_factor.status("1").weak_secret


def test_a_second_run_changes_nothing(two_factor: TwoFactor, clock: HandClock) -> None:
    """Who is there is left."""
    secret = pyotp.random_base32()
    take_over(two_factor, [("1", secret)], now=clock())
    generation = two_factor.status("1").generation
    assert take_over(two_factor, [("1", secret)], now=clock() + 60) == {}
    assert two_factor.status("1").generation == generation


def test_new_recovery_codes_are_made_with_a_code_of_the_app(two_factor: TwoFactor, clock: HandClock) -> None:
    """As step 5 says."""
    secret = pyotp.random_base32()
    take_over(two_factor, [("1", secret)], now=clock())
    clock.tick(30)
    codes = two_factor.renew_recovery_codes("1", pyotp.TOTP(secret).at(int(clock())))
    assert isinstance(codes, RecoveryCodes)
    assert two_factor.recover("1", codes[0]).codes_left == 9


@pytest.fixture
def site(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A database as an application with pyotp has it, and whose secret is whose."""
    secrets = {"ada": pyotp.random_base32(), "bob": pyotp.random_base32(), "eve": WEAK}
    with closing(sqlite3.connect(tmp_path / "site.db")) as database, database:
        database.execute(
            "CREATE TABLE users (id TEXT PRIMARY KEY, totp_secret TEXT, has_second_factor INTEGER DEFAULT 0,"
            " codes_shown INTEGER DEFAULT 1)"
        )
        database.executemany("INSERT INTO users (id, totp_secret) VALUES (?, ?)", [*secrets.items(), ("zoe", None)])
    SQLiteStore(tmp_path / "2fa.db", create=True).close()
    return tmp_path, secrets


def run_as_the_page_says(folder: Path, key: str) -> subprocess.CompletedProcess[str]:
    """Run the page's command in the folder of the site, with a store and a key that are there."""
    (command,) = re.findall(r"```sh\n(.*?)\n```", PAGE, re.DOTALL)
    for shown, real in (
        ("sqlite:////srv/app/second-factors.db", f"sqlite:///{folder / '2fa.db'}"),
        ("…", key),
        ("python3", sys.executable),
        (SCRIPT.name, str(SCRIPT)),
    ):
        assert command.count(shown) == 1, shown
        command = command.replace(shown, real)
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)


def test_a_second_run_leaves_the_flags(site: tuple[Path, dict[str, str]]) -> None:
    """Whoever has made new recovery codes is not asked again; a flag that a first run did not come to is set."""
    folder, _ = site
    key = Keyring.generate_key()
    run_as_the_page_says(folder, key)
    with closing(sqlite3.connect(folder / "site.db")) as database, database:
        database.execute("UPDATE users SET codes_shown = 1 WHERE id = 'ada'")
        database.execute("UPDATE users SET has_second_factor = NULL, codes_shown = 1 WHERE id = 'bob'")
    assert run_as_the_page_says(folder, key).stdout.endswith("2 have a second factor here\n")
    with closing(sqlite3.connect(folder / "site.db")) as database:
        flags = database.execute("SELECT id, has_second_factor, codes_shown FROM users ORDER BY id").fetchall()
    assert flags == [("ada", 1, 1), ("bob", 1, 0), ("eve", 0, 1), ("zoe", 0, 1)]


def test_the_script_and_the_end_of_the_column(site: tuple[Path, dict[str, str]]) -> None:
    """It moves whom it can, sets the flags, names the others and no secret; afterwards no secret is in the file."""
    folder, secrets = site
    key = Keyring.generate_key()
    done = run_as_the_page_says(folder, key)
    assert (done.returncode, done.stderr) == (1, "")
    assert re.fullmatch(r"eve: token has a secret of fewer than 128 bits.*\n2 have a second factor here\n", done.stdout)
    assert not any(secret in done.stdout for secret in secrets.values())
    with closing(sqlite3.connect(folder / "site.db")) as database:
        flags = database.execute("SELECT id, has_second_factor, codes_shown FROM users ORDER BY id").fetchall()
        assert flags == [("ada", 1, 0), ("bob", 1, 0), ("eve", 0, 1), ("zoe", 0, 1)]
        assert secrets["ada"].encode() in (folder / "site.db").read_bytes()
        database.executescript(DROP.read_text("utf-8"))
    assert not any(secret.encode() in (folder / "site.db").read_bytes() for secret in secrets.values())
    with closing(SQLiteStore(folder / "2fa.db")) as store:
        clock = HandClock(time.time() + 60)
        service = TwoFactor(store, issuer="ACME", sealer=Keyring.from_text(key), clock=clock)
        assert service.verify("ada", pyotp.TOTP(secrets["ada"]).at(int(clock()))).user == "ada"
