"""What docs/how-to/moving-in.md says, with secrets and codes of the other libraries themselves, and its commands."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pyotp
import pytest
import segno
from passlib import totp as libpass

from cli.running import shell
from howto.from_pyotp import take_over
from manual import blocks
from migrate import BASE32, RAW, elsewhere
from need import need
from totpcore import (
    TOTP,
    CodeReplayed,
    KeyURI,
    MemoryStore,
    Plaintext,
    RecoveryCodes,
    Refused,
    Secret,
    SQLiteStore,
    TwoFactor,
)
from totpcore.sealing import Keyring
from totpcore.testing import HandClock

EXAMPLES = Path(__file__).parents[2] / "docs/examples/howto"
SCRIPT, DROP = EXAMPLES / "from_pyotp.py", EXAMPLES / "from_pyotp.sql"
PAGE = Path(__file__).parents[2] / "docs/how-to/moving-in.md"
SITES = Path(__file__).parents[1] / "migrate"
WEAK = "JBSWY3DPEHPK3PXP"  # sixteen characters, as old versions of pyotp made them
NOW = 1_800_000_000


def commands(start: str) -> list[str]:
    """The commands of the page in the block that begins so."""
    [block] = [block for block in blocks.blocks_of(PAGE) if block.info == "sh" and block.first.startswith(start)]
    return blocks.commands_of(block.text, "sh")


# ---- the script for pyotp ----


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
    """As the step about them says."""
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
    """Run the page's script in the folder of the site, with a store and a key that are there."""
    [command] = commands("TOTPCORE_STORE=")
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


# ---- the command ----


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a key and a store, as the page has them."""
    (tmp_path / "totp.keys").touch(0o600)
    (tmp_path / "totp.keys").write_text(f"{Keyring.generate_key()}\n", "utf-8")
    SQLiteStore(tmp_path / "2fa.db", create=True).close()
    return tmp_path


def done(folder: Path, *typed: str, code: int = 0) -> str:
    """What the page's commands say, one after the other; the last one ends with this code, the others with 0."""
    told = [shell(command, folder) for command in typed]
    assert [said.code for said in told] == [*[0] * (len(told) - 1), code], told
    return told[-1].out + told[-1].err


def opens(folder: Path, user: str, code: str, *, steps: int = 0) -> bool:
    """Whether a code is accepted in the store, some time steps from now."""
    with closing(SQLiteStore(folder / "2fa.db")) as store:
        keys = Keyring.from_file(folder / "totp.keys")
        factor = TwoFactor(store, issuer="ACME", sealer=keys, clock=lambda: time.time() + 30 * steps)
        try:
            return factor.verify(user, code).user == user
        except Refused:
            return False


def at(base32: str, steps: int) -> str:
    """What a phone with that secret shows, some time steps from now."""
    return pyotp.TOTP(base32).at(int(time.time()) + 30 * steps)


def test_a_table_of_pyotp(folder: Path) -> None:
    """First what would happen, then it does; a code of now is spent, one of the next minute is not."""
    secret = pyotp.random_base32()
    spent = at(secret, 0)
    (folder / "secrets.csv").write_text(f"user,secret\nada,{secret}\nbob,see card 81\n", "utf-8")
    rehearsal, real = commands("totpcore import pyotp")
    assert "1 would be moved" in done(folder, rehearsal, code=1)
    assert not opens(folder, "ada", at(secret, 2), steps=2)
    said = done(folder, real, code=1)
    assert "1 moved" in said
    assert "bob" in said
    assert secret not in said
    assert not opens(folder, "ada", spent)
    assert opens(folder, "ada", at(secret, 2), steps=2)
    assert "1 already here" in done(folder, real, code=1)


def test_columns_say_what_was_passed_to_pyotp(folder: Path) -> None:
    """Those that the page names, and the one for the last step, so that nobody waits."""
    head = "user,secret,digits,interval,digest,valid_window,counter,spent"
    step = int(time.time()) // 60
    rows = [f"ada,{BASE32},8,60,SHA256,1,,{step - 1}", f"bob,{BASE32},6,30,SHA1,,5,"]
    (folder / "secrets.csv").write_text("\n".join([head, *rows]), "utf-8")
    done(folder, *commands("totpcore import pyotp"))
    there = TOTP(Secret(RAW), digits=8, period=60, algorithm="SHA256")
    assert not opens(folder, "ada", there.code(60 * (step - 1)))
    assert opens(folder, "ada", there.code(time.time()))
    assert opens(folder, "bob", pyotp.HOTP(BASE32).at(5))


def test_what_passlib_wrote(folder: Path) -> None:
    """JSON that maps users to the objects of `to_json`."""
    there = libpass.TOTP.new()
    (folder / "totp.json").write_text(json.dumps({"ada": json.loads(there.to_json())}), "utf-8")
    spent = there.generate().token
    assert "1 moved" in done(folder, *commands("totpcore import passlib"))
    assert not opens(folder, "ada", spent)
    assert opens(folder, "ada", there.generate(time.time() + 60).token, steps=2)


def test_devices_of_django_otp(folder: Path) -> None:
    """As `dumpdata` writes them; of two the one used last is taken, and nobody has to wait."""
    now = int(time.time()) - 30
    shutil.copy(SITES / "django_otp_site.py", folder / "manage.py")
    there: Any = elsewhere("django_otp_site.py", now=now, key=RAW.hex(), database=str(folder / "site.sqlite3"))
    said = done(folder, *commands("python manage.py dumpdata otp_totp"))
    assert "1 moved" in said
    assert "1 left that were never confirmed" in said
    assert "HOTPDevice 1 (1): not moved" in said
    assert not opens(folder, "1", there["TOTPDevice"]["code"])
    assert opens(folder, "1", TOTP(Secret(RAW)).code(time.time()))


def test_authenticators_of_allauth(folder: Path) -> None:
    """As `dumpdata` writes them."""
    now = int(time.time())
    shutil.copy(SITES / "allauth_site.py", folder / "manage.py")
    place = str(folder / "site.sqlite3")
    numbers = {"digits": 6, "period": 30, "tolerance": 0}
    there: Any = elsewhere("allauth_site.py", now=now, secret=BASE32, sealed_with="", database=place, **numbers)
    said = done(folder, *commands("python manage.py dumpdata mfa"))
    assert "1 moved" in said
    assert not opens(folder, "1", there["codes"][0])
    assert opens(folder, "1", at(BASE32, 2), steps=2)


def test_files_of_the_pam_module(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of a single user, and a folder of homes; whoever came first is left."""
    monkeypatch.setenv("HOME", str(folder / "homes/alice"))
    step = int(time.time()) // 30
    for number, user in enumerate(("alice", "bob")):
        (folder / "homes" / user).mkdir(parents=True)
        text = f'{BASE32}\n" DISALLOW_REUSE {step - number}\n" TOTP_AUTH\n12345678\n'
        (folder / "homes" / user / ".google_authenticator").write_text(text, "ascii")
    one, all_of_them = commands("totpcore import libpam")
    assert "1 moved" in done(folder, one)
    assert "1 moved, 1 already here" in done(folder, all_of_them)
    codes = [TOTP(Secret(RAW)).code(30 * (step - number)) for number in range(2)]
    assert not opens(folder, "alice", codes[0])
    assert not opens(folder, "bob", codes[1])
    assert opens(folder, "bob", at(BASE32, 1), steps=1)


def test_pictures_of_an_export(folder: Path) -> None:
    """Of all its QR codes, read by the command that the page names; the table says whose they are."""
    need("zbarimg")
    (data,) = re.findall(r'data = "(\S+)"', PAGE.read_text("utf-8"))
    segno.make_qr(f"otpauth-migration://offline?data={data}").save(str(folder / "export1.png"), scale=6)
    (folder / "whose.csv").write_text("alice,7\n", "utf-8")
    assert "1 moved" in done(folder, *commands("zbarimg"))
    there = TOTP(Secret(b"12345678901234567890"))
    assert not opens(folder, "7", there.code(time.time()))
    assert opens(folder, "7", there.code(time.time() + 60), steps=2)


def test_uris_of_ones_own(folder: Path) -> None:
    """One on each line; the account is the user."""
    uris = [KeyURI(TOTP(Secret(RAW)), account=user, issuer="ACME").text for user in ("ada", "bob")]
    (folder / "uris.txt").write_text("\n".join(uris), "utf-8")
    assert "2 moved" in done(folder, *commands("totpcore import uri"))
    assert opens(folder, "bob", at(BASE32, 2), steps=2)
