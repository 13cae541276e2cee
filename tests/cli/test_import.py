"""`totpcore import`: second factors out of another system's files, and what is told of them."""

import csv
import errno
import json
import os
import re
import sqlite3
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from cli.running import standard_input
from cli.stores import BOTH, LOST, OLD, House, Run, Said, is_one_line
from totpcore import (
    HOTP,
    TOTP,
    CodeReplayed,
    MemoryStore,
    Plaintext,
    RecordUnreadable,
    Refused,
    Secret,
    SQLiteStore,
    State,
    Store,
    StoreContended,
    StoreError,
    TwoFactor,
)
from totpcore.cli import _importing
from totpcore.cli._rehearsing import Rehearsal

pytest_plugins = ["cli.stores", "cli.running"]

EXPORTS: Final = Path(__file__).parent.parent / "vectors" / "exports"
NOW: Final = 1_800_000_000
STRONG: Final = Secret(b"12345678901234567890")
OTHER: Final = Secret(b"09876543210987654321")
WEAK: Final = Secret(b"1234567890")
NOTHING_ELSE: Final = "until they set up a second factor here, the password is all that is asked of them"
AT_THE_END: Final = [
    (
        "Recovery codes cannot come along; the one that is counted here was shown to nobody. Lead everybody who was "
        "moved to make new ones, with a code."
    ),
    "Where the application keeps a flag of who has a second factor, set it for them.",
    "FILE holds the secrets in clear: destroy it when all is well, and what the other system keeps.",
]


@pytest.fixture
def office(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A store, and a command that goes by the same clock."""
    house.clock.now = NOW
    monkeypatch.setattr(_importing, "time", SimpleNamespace(time=house.clock))
    return house


def write(*rows: tuple[object, ...], head: str = "user,secret", name: str = "secrets.csv") -> str:
    """Write a CSV file into the folder, and return its name."""
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head.split(","), *rows])
    return name


def pyotp(*users: str, name: str = "secrets.csv") -> str:
    """Write a file in which every user has the same secret."""
    return write(*((user, STRONG.base32) for user in users), name=name)


def lines(text: str) -> list[str]:
    """The complaints, without the name of the program."""
    return [line.removeprefix("totpcore: ") for line in text.splitlines()]


def users(house: House) -> list[str]:
    """Who has a second factor."""
    assert isinstance(house.store, SQLiteStore)
    return [user for user in house.store.users() if house.service().status(user).state is State.ON]


# ---- it moves ----


def test_it_moves_everybody(office: House, run: Run) -> None:
    """What is told at the end is how many, and what is left to do by hand; each has the token that was in the file."""
    said = run("import", "pyotp", pyotp("7", "8"))
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == ["2 moved, 0 already here, 0 not moved", *AT_THE_END]
    office.clock.tick(60)
    for user in ("7", "8"):
        assert office.service().verify(user, TOTP(STRONG).code(office.clock())).user == user


@pytest.mark.parametrize("ahead", [None, 0, 1, 10])
def test_what_can_have_been_spent_by_now_is_refused(ahead: int | None, office: House, run: Run) -> None:
    """Where the file does not tell, all codes up to now are void, and as many ahead as the other system took."""
    steps = 1 if ahead is None else ahead
    run("import", "pyotp", pyotp("7"), *([] if ahead is None else ["--ahead", str(ahead)]))
    token, begin = TOTP(STRONG), office.clock()
    for step in range(-1, steps + 1):
        office.clock.now = begin + 30 * max(step, 0)
        with pytest.raises(Refused):
            office.service().verify("7", token.code(begin + 30 * step))
    office.clock.now = begin + 30 * (steps + 1)
    assert office.service().verify("7", token.code(office.clock())).counter == NOW // 30 + steps + 1


def test_a_window_in_the_file_is_not_narrowed(office: House, run: Run) -> None:
    """Of what the file says and what was typed, the larger holds."""
    run("import", "pyotp", write(("7", STRONG.base32, 4), head="user,secret,valid_window"), "--ahead", "2")
    office.clock.tick(120)
    with pytest.raises(CodeReplayed):
        office.service().verify("7", TOTP(STRONG).code(office.clock()))
    office.clock.tick(30)
    assert office.service().verify("7", TOTP(STRONG).code(office.clock())).counter == NOW // 30 + 5


def test_what_the_file_tells_of_is_refused_and_no_more(office: House, run: Run) -> None:
    """Whoever was last seen an hour ago logs in at once."""
    run("import", "pyotp", write(("7", STRONG.base32, NOW // 30 - 120), head="user,secret,spent"))
    assert office.service().verify("7", TOTP(STRONG).code(NOW)).counter == NOW // 30


def test_nobody_has_seen_the_recovery_codes(office: House, run: Run) -> None:
    """So an application with any policy is told that they run low, and asks for new ones."""
    run("import", "pyotp", pyotp("7"))
    status = office.service().status("7")
    assert (status.running_low, status.codes_left) == (True, 1)


def test_it_can_be_run_again(office: House, run: Run) -> None:
    """Who has a second factor here is left exactly as they are, and those who were missing are moved."""
    office.add("8")
    office.begin("9")
    held = office.held("8")
    run("import", "pyotp", pyotp("7"))
    first = office.held("7")
    said = run("import", "pyotp", pyotp("7", "8", "9", "10"))
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0] == "2 moved, 2 already here, 0 not moved"
    assert (office.held("7"), office.held("8")) == (first, held)
    assert users(office) == ["10", "7", "8", "9"]
    again = run("import", "pyotp", pyotp("7", "8", "9", "10"))
    assert again.out.splitlines() == ["0 moved, 4 already here, 0 not moved", AT_THE_END[2]]


def test_who_is_locked_out_is_left_too(office: House, run: Run) -> None:
    """A hundred wrong codes are no way to get the secret of another system back."""
    office.add("7")
    for _ in range(100):
        with pytest.raises(Refused):
            office.service().verify("7", office.wrong("7"))
        office.clock.tick(3600)
    assert office.service().status("7").state is State.LOCKED
    assert run("import", "pyotp", pyotp("7")).out.startswith("0 moved, 1 already here")


def test_many_users_are_moved_in_turns(office: House, run: Run) -> None:
    """More than are looked at together."""
    names = [str(number) for number in range(1201)]
    assert run("import", "pyotp", pyotp(*names)).out.startswith("1201 moved, 0 already here")
    assert users(office) == sorted(names)


def test_standard_input(office: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hyphen: what the other system writes can be piped in, and lies in no file."""
    monkeypatch.setattr(sys, "stdin", standard_input(f"user,secret\n7,{STRONG.base32}\n"))
    said = run("import", "pyotp", "-")
    assert (said.code, users(office)) == (0, ["7"])
    assert said.out.splitlines()[-1].startswith("What came in holds the secrets in clear")


# ---- whose they are ----


def test_names_are_turned_into_ids(office: House, run: Run) -> None:
    """By a file, whose names stand in quotation marks where they hold a comma; who is not in it is named."""
    write(("ada", "7"), ("Smith, Bob", "8"), ("eve", "9"), head="name,user id", name="ids.csv")
    said = run("import", "pyotp", pyotp("ada", "Smith, Bob", "mallory"), "--map", "ids.csv")
    assert said.code == 1
    assert lines(said.err) == ["line 4 (mallory): the name is not in the file of --map"]
    assert users(office) == ["7", "8"]


def test_a_rehearsal_shows_whose_each_is_here(office: House, run: Run) -> None:
    """Where that is another id than the name there, so that a wrong table is seen before anything is moved."""
    Path("ids.csv").write_text("ada,7\nbob,bob\n", "utf-8")
    said = run("import", "pyotp", pyotp("ada", "bob"), "--map", "ids.csv", "--dry-run")
    assert said.out.splitlines()[:2] == [
        "line 2 (ada): user 7, 6 digits, 30 s, SHA1", "line 3 (bob): 6 digits, 30 s, SHA1",
    ]  # fmt: skip
    assert users(office) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ada,7\nada,8\n", "line 2 of --map has a name that stands there before, with another id"),
        ("ada\n", "line 1 of --map must be a name and a user id, with a comma between"),
        ("ada,7,x\n", "line 1 of --map must be a name and a user id, with a comma between"),
        (",7\n", "line 1 of --map must be a name and a user id, with a comma between"),
        ('ada,"7\n', "line 1 of --map must be a name and a user id, with a comma between"),
        ("ada, \n", "the id in line 1 of --map must have 1 to 255 characters"),
        ("", "the file of --map was not read: it is empty"),
    ],
)
def test_a_file_of_ids_that_is_wrong(text: str, told: str, office: House, run: Run) -> None:
    """It is refused as a whole, before anything is changed."""
    Path("ids.csv").write_text(text)
    said = run("import", "pyotp", pyotp("ada"), "--map", "ids.csv")
    assert (said.code, said.out, said.err) == (2, "", f"totpcore: {told}\n")
    assert users(office) == []


def test_a_file_of_ids_that_is_missing(office: House, run: Run) -> None:
    """It is one line."""
    said = run("import", "pyotp", pyotp("ada"), "--map", "nowhere.csv")
    assert (said.code, said.err) == (2, f"totpcore: the file of --map cannot be read: {os.strerror(errno.ENOENT)}\n")


def test_a_name_twice_with_the_same_id(office: House, run: Run) -> None:
    """As two lists that were put together have it."""
    Path("ids.csv").write_text("ada,7\nada,7\n")
    assert run("import", "pyotp", pyotp("ada"), "--map", "ids.csv").code == 0


def test_one_user_is_named_by_hand(office: House, run: Run) -> None:
    """Whatever the file calls them, or where it does not say."""
    Path("one.txt").write_text(f"otpauth://totp/alice@example.com?secret={STRONG.base32}")
    assert run("import", "uri", "one.txt", "--user", "7").code == 0
    Path("state").write_text(f'{OTHER.base32}\n" TOTP_AUTH\n')
    assert run("import", "libpam", "state", "--user", "8").code == 0
    assert users(office) == ["7", "8"]


@pytest.mark.parametrize("text", ["user,secret\na,{0}\nb,{0}\n", "secret\n{0}\n{0}\n", "user,secret\na,{0}\n,{0}\n"])
def test_one_user_cannot_be_several(text: str, office: House, run: Run) -> None:
    """One would get what is another's."""
    Path("secrets.csv").write_text(text.format(STRONG.base32))
    said = run("import", "pyotp", "secrets.csv", "--user", "7")
    assert (said.code, said.err) == (2, "totpcore: --user is for a FILE of one user, and this one has several\n")


@pytest.mark.parametrize(
    ("user", "told"), [("", "--user must have 1 to 255 characters"), ("\ud800", "--user must not hold NUL")]
)
def test_an_id_has_to_be_one(user: str, told: str, office: House, run: Run) -> None:
    """By the rules of the store."""
    said = run("import", "pyotp", pyotp("ada"), "--user", user)
    assert said.code == 2
    assert lines(said.err)[0].startswith(told)


def test_names_that_are_no_ids(office: House, run: Run) -> None:
    """They are named, without what moves a cursor, and the others go through."""
    said = run("import", "pyotp", pyotp("", "x." * 128, "\x1b[2J\x00", "7"))
    assert said.code == 1
    assert lines(said.err) == [
        "line 2: it does not say whose it is; --user ID does, where there is only one",
        "line 3: the name, without --map, must have 1 to 255 characters",
        "line 4 (\\x1b[2J\\x00): the name, without --map, must not hold NUL or a lone surrogate",
    ]
    assert users(office) == ["7"]


def test_a_name_that_looks_like_a_secret_is_not_shown(office: House, run: Run) -> None:
    """Where somebody has the columns the wrong way round, the names are the secrets."""
    key = STRONG.base32
    names = [key, WEAK.base32, key.lower(), STRONG.reveal().hex(), f"otpauth://totp/x?secret={key}", '{"key":"x"}']
    said = run("import", "pyotp", write(*((name, "alice") for name in names)), "--dry-run")
    assert [line.partition(":")[0] for line in lines(said.err)] == [f"line {number}" for number in range(2, 8)]
    Path("homes").mkdir()
    Path("homes", key).write_text("0 or 1")
    assert lines(run("import", "libpam", "homes").err)[0].startswith("a file: the first line must be a secret")


def test_two_files_of_one_user(office: House, run: Run) -> None:
    """In a folder each file is named by its user, and has no number."""
    Path("homes").mkdir()
    for name in ("ada", "lovelace"):
        Path("homes", name).write_text(f'{STRONG.base32}\n" TOTP_AUTH\n')
    Path("ids.csv").write_text("ada,7\nlovelace,7\n")
    said = run("import", "libpam", "homes", "--map", "ids.csv")
    assert (said.code, users(office)) == (0, ["7"])
    assert lines(said.err) == ["lovelace: not moved: a user has one second factor here, and ada comes first"]


def test_a_row_that_is_wrong_and_nobodys(office: House, run: Run) -> None:
    """What is wrong with it is told, rather than that nobody is named in it."""
    Path("secrets.csv").write_text(f"user,secret\n7\n8,{STRONG.base32}\n")
    said = run("import", "pyotp", "secrets.csv")
    assert (said.code, lines(said.err), users(office)) == (
        1,
        ["line 2: it has 1 cells, and the first line has 2"],
        ["8"],
    )


# ---- what is not moved ----


def test_bad_rows_are_named_and_the_others_go_through(office: House, run: Run) -> None:
    """By number, user and reason; exit code 1."""
    said = run("import", "pyotp", write(("7", STRONG.base32), ("8", "see card 81"), ("9", OTHER.base32)))
    assert said.code == 1
    assert lines(said.err) == [
        "line 3 (8): secret must be a secret in base32: character 10 is not in the base32 alphabet"
    ]
    assert said.out.splitlines()[0] == "2 moved, 0 already here, 1 not moved"
    assert users(office) == ["7", "9"]


def test_who_has_set_up_here_meanwhile_is_no_bad_row(office: House, run: Run) -> None:
    """However bad it is: so a second run comes to a good end."""
    office.add("8")
    said = run("import", "pyotp", write(("7", STRONG.base32), ("8", "see card 81")))
    assert (said.code, said.err) == (0, "")


def test_weak_secrets(office: House, run: Run) -> None:
    """Fewer than 128 bits are taken where that was typed; else they are named, with what to do."""
    said = run("import", "pyotp", write(("7", WEAK.base32)))
    assert (said.code, users(office)) == (1, [])
    assert lines(said.err) == [
        "line 2 (7): its secret has fewer than 128 bits: let them set up anew, or pass --allow-weak"
    ]
    assert run("import", "pyotp", write(("7", WEAK.base32)), "--allow-weak").code == 0
    assert office.service().status("7").weak_secret


def test_of_two_the_one_that_was_used_last_is_taken(office: House, run: Run) -> None:
    """The others are named. Everybody has what can be had, so the exit code is 0."""
    last = NOW // 30 - 5
    each = [(STRONG, last - 1), (OTHER, last), (STRONG, ""), (WEAK, last)]
    rows = [("7", secret.base32, spent) for secret, spent in each]
    said = run("import", "pyotp", write(*rows, head="user,secret,spent"), "--allow-weak")
    assert (said.code, said.out.splitlines()[0]) == (0, "1 moved, 0 already here, 0 not moved")
    assert lines(said.err) == [
        "line 2 (7): not moved: a user has one second factor here, and line 3 was used last",
        "line 4 (7): not moved: a user has one second factor here, and line 3 was used last",
        "line 5 (7): not moved: a user has one second factor here, and line 3 comes first",
    ]
    assert office.service().verify("7", TOTP(OTHER).code(NOW)).user == "7"


def test_of_two_that_were_never_used_the_first_is_taken(office: House, run: Run) -> None:
    """Unless it cannot be moved: then the next one is."""
    run("import", "pyotp", write(("7", STRONG.base32), ("7", OTHER.base32), ("8", WEAK.base32), ("8", OTHER.base32)))
    office.clock.tick(60)
    assert office.service().verify("7", TOTP(STRONG).code(office.clock())).user == "7"
    assert office.service().verify("8", TOTP(OTHER).code(office.clock())).user == "8"


def test_two_names_of_one_user(office: House, run: Run) -> None:
    """A file of ids may say so."""
    Path("ids.csv").write_text("ada,7\nlovelace,7\n")
    said = run("import", "pyotp", pyotp("ada", "lovelace"), "--map", "ids.csv")
    assert (said.code, users(office)) == (0, ["7"])
    assert lines(said.err) == [
        "line 3 (lovelace): not moved: a user has one second factor here, and line 2 comes first"
    ]


def test_devices_of_django_otp(office: House, run: Run) -> None:
    """Each kind as it is: moved, too weak, on paper, by mail, never confirmed, or with a clock that is off."""
    said = run("import", "django-otp", str(EXPORTS / "django-otp.json"))
    assert said.code == 1
    assert lines(said.err) == [
        "TOTPDevice 1 (7): not moved: a user has one second factor here, and TOTPDevice 2 was used last",
        "TOTPDevice 3 (9): the phone was 120 s ahead: its codes are refused until its date and time are automatic",
        "TOTPDevice 4 (10): its secret has fewer than 128 bits: let them set up anew, or pass --allow-weak",
        f"otp_static.staticdevice 2 (11): recovery codes cannot come along: {NOTHING_ELSE}",
        f"otp_email.emaildevice 1 (12): devices of this kind cannot come along: {NOTHING_ELSE}",
    ]
    assert said.out.splitlines()[:2] == ["3 moved, 0 already here, 3 not moved", "1 left that were never confirmed"]
    assert users(office) == ["7", "8", "9"]
    assert office.service().verify("8", HOTP(_of("8")).code(6)).counter == 6


def _of(user: str) -> Secret:
    """The secret of a user in the sample of django-otp."""
    devices = json.loads((EXPORTS / "django-otp.json").read_text())
    keys = {str(one["fields"].get("user")): one["fields"]["key"] for one in devices if "key" in one["fields"]}
    return Secret(bytes.fromhex(keys[user]))


def test_other_kinds_beside_one_that_was_moved(office: House, run: Run) -> None:
    """A security key is named, since it works no more; of recovery codes it is said once for all."""
    kinds = [("totp", {"secret": STRONG.base32}), ("recovery_codes", {}), ("webauthn", {})]
    rows = [
        {"model": "mfa.authenticator", "pk": number, "fields": {"user": 7, "type": kind, "data": data}}
        for number, (kind, data) in enumerate(kinds, 1)
    ]
    Path("dump.json").write_text(json.dumps(rows))
    said = run("import", "allauth", "dump.json")
    assert (said.code, users(office)) == (0, ["7"])
    assert lines(said.err) == ["Authenticator 3 (7): a security key or passkey cannot come along"]


@pytest.mark.parametrize(("drift", "told"), [(-1, ""), (1, ""), (2, "60 s ahead"), (-2, "60 s behind")])
def test_a_phone_whose_clock_is_off(drift: int, told: str, office: House, run: Run) -> None:
    """It is named where the default window does not reach it."""
    fields = {"user": 7, "confirmed": True, "key": STRONG.reveal().hex(), "digits": 6, "step": 30, "t0": 0, "last_t": 9}
    device = {"model": "otp_totp.totpdevice", "pk": 1, "fields": {**fields, "drift": drift}}
    Path("dump.json").write_text(json.dumps([device]))
    said = run("import", "django-otp", "dump.json")
    assert (said.code, told in said.err, said.err == "") == (0, True, not told)


def test_what_lies_in_the_future_is_refused(office: House, run: Run) -> None:
    """A counter that is a time, or steps that begin some day, is a row that is wrong."""
    fields = {"user": 7, "confirmed": True, "key": STRONG.reveal().hex(), "digits": 6, "step": 30, "drift": 0}
    rows = [
        {"model": "otp_totp.totpdevice", "pk": pk, "fields": {**fields, "user": pk, "t0": t0, "last_t": last}}
        for pk, t0, last in ((7, 0, NOW), (8, NOW + 1, -1))
    ]
    Path("dump.json").write_text(json.dumps(rows))
    said = run("import", "django-otp", "dump.json")
    assert (said.code, users(office)) == (1, [])
    assert lines(said.err) == [
        "TOTPDevice 7 (7): spent must be a time step that has been, and this lies in the future",
        "TOTPDevice 8 (8): at must not lie before t0",
    ]


def test_the_next_best_is_better_than_nothing(office: House, run: Run) -> None:
    """Where the one that was used last cannot be moved, the one before is; the last one is named."""
    rows = [("7", STRONG.base32, 5), ("7", OTHER.base32, NOW), ("8", OTHER.base32, NOW)]
    said = run("import", "pyotp", write(*rows, head="user,secret,spent"))
    assert (said.code, users(office)) == (1, ["7"])
    future = "spent must be a time step that has been, and this lies in the future"
    assert lines(said.err) == [f"line 3 (7): {future}", f"line 4 (8): {future}"]
    assert office.service().verify("7", TOTP(STRONG).code(NOW)).user == "7"


def test_a_record_that_does_not_open(office: House, run: Run) -> None:
    """It is not overwritten; its user is named, and the others go through."""
    office.add("8", sealer=LOST)
    held = office.held("8")
    said = run("import", "pyotp", pyotp("7", "8", "9"))
    assert said.code == 1
    assert lines(said.err) == ["line 3 (8): the record here does not open: see `totpcore status`"]
    assert office.held("8") == held
    assert all(office.service().status(user).code_required for user in ("7", "9"))


@pytest.mark.parametrize(
    ("error", "told"),
    [(StoreContended("others"), "line 2 (7): others"), (RecordUnreadable("changed"), "line 2 (7): changed")],
)
def test_what_comes_between(
    error: Exception, told: str, office: House, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where somebody else is at the same record, that user is named, and the others go through."""
    adopt = TwoFactor.adopt

    def fails(self: TwoFactor, user: str, *given: object, **named: object) -> object:
        if user == "7":
            raise error
        return adopt(self, user, *given, **named)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(TwoFactor, "adopt", fails)
    said = run("import", "pyotp", pyotp("7", "8"))
    assert (said.code, lines(said.err), users(office)) == (1, [told], ["8"])


def test_who_sets_up_in_the_same_moment_is_left(office: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the adoption."""
    statuses = TwoFactor.statuses

    def slow(self: TwoFactor, users: list[str]) -> object:
        found = statuses(self, users)
        office.add("7")
        return found

    monkeypatch.setattr(TwoFactor, "statuses", slow)
    said = run("import", "pyotp", pyotp("7", "8"))
    assert (said.code, said.out.splitlines()[0]) == (0, "1 moved, 1 already here, 0 not moved")


# ---- a dry run ----


def test_a_dry_run_says_what_would_be_done(office: House, run: Run) -> None:
    """A line for each, and the store is as it was, to the byte."""
    office.add("10")
    before = Path("2fa.db").read_bytes(), office.held("10")
    rows = [
        ("7", STRONG.base32, "", ""),
        ("8", STRONG.base32, 5, ""),
        ("9", "x", "", ""),
        ("10", STRONG.base32, "", ""),
        ("11", f"otpauth://totp/x?secret={STRONG.base32}&digits=8&period=60&algorithm=SHA512", "", ""),
    ]
    file = write(*rows, head="user,secret,counter,spent")
    said = run("import", "pyotp", file, "--dry-run", "--create", "--audit-log", "log")
    assert said.code == 1
    assert said.out.splitlines() == [
        "line 2 (7): 6 digits, 30 s, SHA1",
        "line 3 (8): 6 digits, counter-based, next 5, SHA1",
        "line 5 (10): left, since there is a second factor here",
        "line 6 (11): 8 digits, 60 s, SHA512",
        "3 would be moved, 1 already here, 1 not moved",
        "Nothing was changed.",
    ]
    assert len(lines(said.err)) == 1
    assert (Path("2fa.db").read_bytes(), office.held("10")) == before
    assert not Path("log").exists()
    assert users(office) == ["10"]


def test_a_dry_run_makes_no_file(office: House, run: Run) -> None:
    """With --create it counts as empty; without, that it is missing is told."""
    for place in ("sqlite:///new.db", "sqlite:///bare.db"):
        sqlite3.connect("bare.db").close()
        Path("bare.db").touch()
        said = run("import", "pyotp", pyotp("7"), "--dry-run", "--create", "--store", place)
        assert (said.code, said.err) == (0, "")
        assert said.out.splitlines()[-2].startswith("1 would be moved")
        assert run("import", "pyotp", pyotp("7"), "--dry-run", "--store", place).code == 2
    assert not Path("new.db").exists()
    assert Path("bare.db").stat().st_size == 0


def test_a_dry_run_without_a_table(office: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server says at the first question that there is none: with --create it counts as empty."""

    class Tableless(Bare):
        def load(self, user: str, /) -> bytes | None:
            raise StoreError('there is no table "totpcore": create_table() makes it')

    serve(monkeypatch, Tableless())
    assert run("import", "pyotp", pyotp("7"), "--dry-run", "--create").out.endswith("not moved\nNothing was changed.\n")
    told = 'totpcore: there is no table "totpcore": --create makes it: nothing was changed\n'
    assert run("import", "pyotp", pyotp("7"), "--dry-run") == Said(2, "", told)


def test_a_dry_run_finds_other_trouble(office: House, run: Run) -> None:
    """A store that is none is told of, with --create or without."""
    Path("none.db").write_bytes(b"no database" * 100)
    for create in ([], ["--create"]):
        said = run("import", "pyotp", pyotp("7"), "--dry-run", "--store", "sqlite:///none.db", *create)
        assert (said.code, said.out) == (2, "")
        assert is_one_line(said.err)


class Bare:
    """A store of two methods."""

    def __init__(self) -> None:
        self.kept = MemoryStore()

    def load(self, user: str, /) -> bytes | None:
        return self.kept.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        return self.kept.swap(user, old, new)


@pytest.mark.parametrize("real", [MemoryStore(), Bare()], ids=["loads many", "bare"])
def test_a_rehearsal_keeps_to_itself_what_is_written(real: Store) -> None:
    """It is there in the rehearsal, by the rules of a store, and nowhere else."""
    real.swap("a", None, b"1")
    real.swap("b", None, b"2")
    rehearsal = Rehearsal(real)
    assert [rehearsal.swap("a", None, b"3"), rehearsal.swap("a", b"1", b"3"), rehearsal.swap("c", None, b"4")] == [
        False,
        True,
        True,
    ]
    assert rehearsal.swap("b", b"2", None)
    assert [rehearsal.load(user) for user in "abcd"] == [b"3", None, b"4", None]
    assert rehearsal.load_many(iter("abcd")) == {"a": b"3", "c": b"4"}
    assert [real.load(user) for user in "abcd"] == [b"1", b"2", None, None]


# ---- stores ----


def test_a_store_is_made(office: House, run: Run) -> None:
    """With --create; without it, a wrong path makes none."""
    said = run("import", "pyotp", pyotp("7"), "--store", "sqlite:///new.db")
    assert (said.code, said.out, Path("new.db").exists()) == (2, "", False)
    assert said.err.endswith("--create makes an empty one\n")
    assert run("import", "pyotp", pyotp("7"), "--store", "sqlite:///new.db", "--create").code == 0
    store = SQLiteStore("new.db")
    assert TwoFactor(store, issuer="ACME", sealer=OLD).status("7").code_required
    store.close()


def test_records_are_sealed_by_the_keys_that_were_named(office: House, run: Run) -> None:
    """And in clear only where that was typed."""
    run("import", "pyotp", pyotp("7"))
    assert office.service(BOTH).status("7").code_required
    assert run("import", "pyotp", pyotp("8"), "--plaintext", "--store", "sqlite:///clear.db", "--create").code == 0
    store = SQLiteStore("clear.db")
    assert TwoFactor(store, issuer="ACME", sealer=Plaintext()).status("8").code_required
    store.close()


def serve(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    """Let every URL be that of a store."""
    monkeypatch.setattr("totpcore.stores.from_url", lambda _url, **_options: store)


class Dies(Bare):
    """A store that works until it does not."""

    def __init__(self, swaps: int, error: Exception) -> None:
        super().__init__()
        self.swaps, self.error = swaps, error

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        self.swaps -= 1
        if self.swaps < 0:
            raise self.error
        return super().swap(user, old, new)


@pytest.mark.parametrize("error", [StoreError("the disk is full\nDETAIL: x"), OSError(28, "No space left on device")])
def test_a_store_that_dies_in_the_midst(
    error: Exception, office: House, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says why, how many were moved, and what to do; what was done stays done, and a new start goes on."""
    store = Dies(0, error)
    serve(monkeypatch, store)
    assert run("import", "pyotp", pyotp("7", "8", "9")).err.endswith(": nothing was changed\n")
    store.swaps = 2
    said = run("import", "pyotp", pyotp("7", "8", "9"))
    assert (said.code, said.out) == (2, "")
    *_, last = lines(said.err)
    assert re.fullmatch(
        r"(the disk is full|\[Errno 28] No space left on device): 2 were moved; run it again to go on", last
    )
    store.swaps = 9
    assert run("import", "pyotp", pyotp("7", "8", "9")).out.startswith("1 moved, 2 already here")


def test_a_store_that_dies_in_a_dry_run(office: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was changed, and that is told."""

    class Deaf(Bare):
        def load(self, user: str, /) -> bytes | None:
            raise StoreError("the server does not answer")

    serve(monkeypatch, Deaf())
    said = run("import", "pyotp", pyotp("7"), "--dry-run")
    assert (said.code, said.err) == (2, "totpcore: the server does not answer: nothing was changed\n")


def test_whoever_stops_it_can_start_it_again(office: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is quiet; those who were moved are moved."""
    store = Dies(1, KeyboardInterrupt())  # type: ignore[arg-type]  # as a signal raises it
    serve(monkeypatch, store)
    assert run("import", "pyotp", pyotp("7", "8")) == Said(130, "", "")
    store.swaps = 9
    assert run("import", "pyotp", pyotp("7", "8")).out.startswith("1 moved, 1 already here")


# ---- what is told ----


def test_the_audit_log(office: House, run: Run) -> None:
    """With a file, each that was moved is a line of it; without one, no event is written."""
    office.add("8")
    run("import", "pyotp", pyotp("7", "8", "9"), "--audit-log", "log")
    events = [json.loads(line) for line in Path("log").read_text().splitlines()]
    told = [(event["kind"], event["user"], event["at"]) for event in events]
    assert told == [("adopt", "7", NOW), ("adopt", "9", NOW)]
    said = run("import", "pyotp", pyotp("10"), "--audit-log", "no/such/folder")
    assert (said.code, said.out, users(office)) == (2, "", ["7", "8", "9"])


def test_progress(office: House, run: Run) -> None:
    """A line every thousand, on standard error; none with --quiet, nor beside the lines of a dry run."""
    names = [str(number) for number in range(2001)]
    dry = run("import", "pyotp", pyotp(*names), "--dry-run")
    assert (dry.err, len(dry.out.splitlines())) == ("", 2003)
    said = run("import", "pyotp", pyotp(*names))
    assert said.err == "1000 of 2001 looked at, 1000 moved\n2000 of 2001 looked at, 2000 moved\n"
    assert run("import", "pyotp", pyotp(*names), "--quiet").err == ""


def test_settings_of_allauth_alone(office: House, run: Run) -> None:
    """They are for the one format that does not say them."""
    fields = {"user": 7, "type": "totp", "data": {"secret": STRONG.base32}}
    Path("dump.json").write_text(json.dumps([{"model": "mfa.authenticator", "pk": 1, "fields": fields}]))
    said = run("import", "allauth", "dump.json", "--digits", "8", "--period", "60", "--dry-run")
    assert said.out.splitlines()[0] == "Authenticator 1 (7): 8 digits, 60 s, SHA1"
    assert run("import", "allauth", "dump.json", "--dry-run").out.splitlines()[0].endswith("6 digits, 30 s, SHA1")
    for option in (["--digits", "8"], ["--period", "60"]):
        said = run("import", "pyotp", pyotp("7"), *option)
        assert (said.code, is_one_line(said.err)) == (2, True)
        assert "are for allauth" in said.err


@pytest.mark.parametrize(
    "typed",
    [
        ["import"],
        ["import", "pyotp"],
        ["import", "nonsense", "secrets.csv"],
        ["import", "pyotp", "secrets.csv", "--ahead", "11"],
        ["import", "pyotp", "secrets.csv", "--digits", "9"],
        ["import", "pyotp", "secrets.csv", "--user", "7", "--map", "ids.csv"],
        ["import", "pyotp", STRONG.base32],
        ["import", "allauth", "secrets.csv"],
    ],
)
def test_mistakes_are_one_line(typed: list[str], office: House, run: Run) -> None:
    """Exit code 2, with what is allowed, and nothing of what was typed that could be a secret."""
    pyotp("7")
    said = run(*typed)
    assert (said.code, said.out, is_one_line(said.err)) == (2, "", True)
    assert STRONG.base32 not in said.err


def test_a_file_of_another_format_changes_nothing(office: House, run: Run) -> None:
    """Nor is the store opened, or made."""
    said = run("import", "django-otp", pyotp("7"), "--store", "sqlite:///new.db", "--create")
    assert said == Said(2, "", "totpcore: FILE was not read as django-otp: it looks like pyotp\n")
    assert not Path("new.db").exists()
