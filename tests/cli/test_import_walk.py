"""Moving in from elsewhere, walked with the installed script: each library makes its data, and somebody logs in there.

Rules of this file:

1. A code is accepted by the other library, where that can be asked here, before it is refused here.
2. The walk is the one that `--help` shows: a dry run, the run itself, a look at the users.
3. Time is real: a second step may begin at any moment.
"""

import csv
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyotp
import pytest
from passlib import totp as passlib

from cli.stores import OLD_ENTRY, PATIENCE, House, Terminal, example, keys_file, many, script, shell
from totpcore import HOTP, TOTP, Refused, Secret

pytest_plugins = ["cli.stores"]

EXPORTS: Final = Path(__file__).parent.parent / "vectors" / "exports"
STRONG: Final = Secret(b"12345678901234567890")


class Moved(NamedTuple):
    """A file, whose it is, and a code that was used there."""

    arguments: tuple[str, ...]
    user: str
    token: TOTP | HOTP
    spent: str
    after: int = -1  # the counter that was spent, of HOTP


def of_pyotp() -> Moved:
    """A column of secrets; pyotp accepts a code as often as it is typed."""
    there = pyotp.TOTP(pyotp.random_base32())
    code = there.now()
    assert there.verify(code, valid_window=1)
    assert there.verify(code, valid_window=1)
    with Path("secrets.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["user", "secret", "valid_window"], ["7", there.secret, 1]])
    return Moved(("pyotp", "secrets.csv"), "7", TOTP(Secret.from_base32(there.secret)), code)


def of_pyotp_counters() -> Moved:
    """An HOTP of pyotp, whose application counts."""
    there = pyotp.HOTP(STRONG.base32)  # of a random one, one in a million has the same code for the next counter
    assert there.verify(there.at(5), 5)
    Path("secrets.json").write_text(json.dumps({"7": {"secret": there.secret, "counter": 6}}))
    return Moved(("pyotp", "secrets.json"), "7", HOTP(Secret.from_base32(there.secret)), there.at(5), 5)


def of_uris() -> Moved:
    """What an application shows as QR codes."""
    there = pyotp.TOTP(pyotp.random_base32(), digits=8, interval=60)
    Path("uris.txt").write_text(there.provisioning_uri(name="7", issuer_name="ACME") + "\n")
    token = TOTP(Secret.from_base32(there.secret), digits=8, period=60)
    return Moved(("uri", "uris.txt"), "7", token, there.now())


def of_passlib() -> Moved:
    """A column of JSON, and the counter that `match` gave."""
    there = passlib.TOTP.new()
    code = there.generate().token
    counter = there.match(code).counter
    Path("totp.jsonl").write_text(json.dumps({"user": "7", "totp": there.to_json(), "last_counter": counter}))
    return Moved(("passlib", "totp.jsonl"), "7", TOTP(Secret(there.key)), code)


def of_django_otp() -> Moved:
    """What `manage.py dumpdata` writes, of devices with which somebody logged in just now."""
    now = int(time.time())
    devices = dumped("dump_django_otp.py", now)
    (device,) = (fields for fields in devices if fields.get("name") == "new")
    token = TOTP(Secret(bytes.fromhex(device["key"])), digits=device["digits"], period=device["step"])
    assert device["last_t"] == token.counter(now)
    return Moved(("django-otp", "dump.json"), "7", token, token.code(now))


def of_allauth() -> Moved:
    """What `manage.py dumpdata mfa` writes: it does not tell which code was used."""
    now = int(time.time())
    data = dumped("dump_allauth.py", now)[0]["data"]
    token = TOTP(Secret.from_base32(data["secret"]))
    return Moved(("allauth", "dump.json"), "7", token, token.code(now))


def dumped(project: str, now: int) -> list[dict[str, Any]]:
    """Run a project up to now, keep what it dumps, and return the fields of each object."""
    done = subprocess.run(
        [sys.executable, EXPORTS / project, str(now)], capture_output=True, check=True, timeout=PATIENCE
    )
    Path("dump.json").write_bytes(done.stdout)
    return [one["fields"] for one in json.loads(done.stdout)]


def of_libpam() -> Moved:
    """A folder of homes; the PAM module writes down each time step that it accepted."""
    state = (EXPORTS / "libpam" / "alice").read_text()
    token, now = TOTP(Secret.from_base32(state.splitlines()[0])), time.time()
    home = Path("homes", "7")
    home.mkdir(parents=True)
    used = re.sub('" DISALLOW_REUSE.*', f'" DISALLOW_REUSE {token.counter(now)}', state)
    (home / ".google_authenticator").write_text(used)
    return Moved(("libpam", "homes"), "7", token, token.code(now))


def of_an_export() -> Moved:
    """Two QR codes of Google Authenticator, and a file that says which account is whose."""
    Path("export.txt").write_text((EXPORTS / "migration.txt").read_text())
    Path("ids.csv").write_text("alice@example.com,7\nbob,8\ncarol,9\n")
    token = TOTP(Secret.from_base32("X5H5QVPTWVW6RRCS7BIHKDSH4HA2P3LG"))
    return Moved(("migration", "export.txt", "--map", "ids.csv"), "7", token, token.code(time.time()))


MAKERS: Final = [of_pyotp, of_pyotp_counters, of_uris, of_passlib, of_django_otp, of_allauth, of_libpam, of_an_export]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_what_was_spent_there_is_refused_here(make: Callable[[], Moved], house: House) -> None:
    """After a dry run that changes nothing, and the run itself; the next code is accepted."""
    moved = make()
    dry = script(house, "import", *moved.arguments, "--dry-run")
    assert dry.code in (0, 1), dry.err
    assert dry.out.endswith("Nothing was changed.\n")
    assert script(house, "users").out.splitlines()[-1] == "0 users"
    done = script(house, "import", *moved.arguments)
    assert done.code == dry.code
    assert re.match("[1-9] moved, 0 already here", done.out)
    assert re.search(rf"^{moved.user} +on ", script(house, "users").out, re.MULTILINE)
    service = house.service()
    house.clock.now = time.time()
    with pytest.raises(Refused):
        service.verify(moved.user, moved.spent)
    if isinstance(moved.token, HOTP):
        assert service.verify(moved.user, moved.token.code(moved.after + 1)).counter == moved.after + 1
    else:
        house.clock.tick(2 * moved.token.period)
        assert service.verify(moved.user, moved.token.code(house.clock())).user == moved.user
    again = script(house, "import", *moved.arguments)
    assert again.out.startswith("0 moved")


def test_the_examples(house: House) -> None:
    """As `--help` shows them, in a shell, one after the other."""
    Path("secrets.csv").write_text(f"user,secret\n7,{STRONG.base32}\n")
    keys_file(house, OLD_ENTRY)
    text = example(house, "import")
    said = shell(house, text)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("line 2 (7): 6 digits, 30 s, SHA1\n1 would be moved")
    assert "\n1 moved, 0 already here" in said.out


def test_help_names_every_format(house: House) -> None:
    """With what the file of each is, in lines that fit a terminal."""
    said = script(house, "import", "--help")
    for form in ("pyotp", "uri", "passlib", "django-otp", "allauth", "libpam", "migration"):
        assert re.search(rf"^  {form} +[a-zA-Z]", said.out, re.MULTILINE)
    text, _, _ = said.out.partition("\nwhere the records are")
    assert max(map(len, text.splitlines())) < 80


def test_progress_on_a_terminal(house: House) -> None:
    """One line is redrawn, and gone in the end; what is amiss stands above it, in a line of its own."""
    with Terminal(house.environment(), house.folder, "import", "pyotp", many(1000)) as terminal:
        terminal.wait_for(" of 1000 looked at, ")
        assert terminal.end() == 1
    assert re.search(r"\r[0-9]+ of 1000 looked at, [0-9]+ moved", terminal.text)
    screen = [line for line in terminal.lines if line]
    assert screen[0].startswith("totpcore: line 502 (500): secret must be a secret in base32")
    assert screen[1] == "999 moved, 0 already here, 1 not moved"
    assert not any("looked at" in line for line in screen)


def test_stopped_from_the_keyboard(house: House) -> None:
    """Ctrl-C is quiet, what was done stays done, and a new start goes on from there."""
    file = many(3000)
    with Terminal(house.environment(), house.folder, "import", "pyotp", file) as terminal:
        terminal.wait_for(" of 3000 looked at, ")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.text
    done = len(script(house, "users", "--csv").out.splitlines()) - 1
    assert 0 < done < 2997
    said = script(house, "import", "pyotp", file, "--quiet")
    assert said.out.startswith(f"{2997 - done} moved, {done} already here")


def test_nobody_reads_on(house: House) -> None:
    """A pipe that is closed is quiet."""
    many(3000)
    said = shell(house, f"totpcore import pyotp secrets.csv --dry-run --store {house.url} | head -1", keys=OLD_ENTRY)
    assert said.out == "line 2 (0): 6 digits, 30 s, SHA1\n"
    assert "Traceback" not in said.err


def test_a_full_disk(house: House) -> None:
    """One line says how many were moved; these stay moved."""
    many(3000)
    command = f"totpcore import pyotp secrets.csv --quiet --store {house.url}"
    said = shell(house, f"ulimit -f 1500; {command} || echo $?", keys=OLD_ENTRY)  # blocks, of a file
    assert said.out == "2\n"
    *_, last = said.err.splitlines()
    told = re.fullmatch(r"totpcore: SQLite failed on 2fa\.db: .*: ([0-9]+) were moved; run it again to go on", last)
    assert told
    assert len(script(house, "users", "--csv").out.splitlines()) - 1 == int(told[1]) > 0
