"""`totpcore import` of files that are wrong, old, or partly written by somebody else."""

import errno
import json
import os
import subprocess
import traceback
from pathlib import Path

import pytest

from cli.stores import PATIENCE, House, Run, command
from cli.test_import import NOW, OTHER, STRONG, lines, office, pyotp, users, write
from totpcore import HOTP, TOTP, CodeReplayed, KeyURI, Refused
from totpcore.cli import _files, _importing, _tables
from totpcore.cli._formats import read
from totpcore.cli._parsing import Mistake
from totpcore.cli._rows import Settings

pytest_plugins = ["cli.stores", "cli.running"]

__all__ = ["office"]  # a fixture

STEP = NOW // 30


def device(pk: int, **fields: object) -> dict[str, object]:
    """A TOTP device as `manage.py dumpdata` writes it."""
    key = STRONG.reveal().hex()
    whole = {"user": pk, "confirmed": True, "key": key, "digits": 6, "step": 30, "t0": 0, "drift": 0, "last_t": -1}
    given = {name: value for name, value in {**whole, **fields}.items() if value is not None}
    return {"model": "otp_totp.totpdevice", "pk": pk, "fields": given}


# ---- what was spent there ----


@pytest.mark.parametrize("order", [1, -1])
def test_a_secret_in_two_rows_was_spent_in_both(order: int, office: House, run: Run) -> None:
    """Of the row that is taken the counter may be the older one: the last use is a time, or not known."""
    rows = [("7", STRONG.base32, STEP - 9, 6), ("7", STRONG.base32, STEP, 8)][::order]
    run("import", "pyotp", write(*rows, head="user,secret,spent,digits"))
    with pytest.raises(CodeReplayed):
        office.service().verify("7", office_code(office, rows))
    unknown = [("8", STRONG.base32, STEP - 9), ("8", STRONG.base32, "")][::order]
    run("import", "pyotp", write(*unknown, head="user,secret,spent"))
    with pytest.raises(CodeReplayed):
        office.service().verify("8", TOTP(STRONG).code(NOW))


def office_code(office: House, rows: list[tuple[str, str, int, int]]) -> str:
    """The code of now, of the row that was taken: the one used last."""
    digits = max(rows, key=lambda row: row[2])[3]
    return TOTP(STRONG, digits=digits).code(office.clock())


def test_a_secret_with_other_digits_is_the_same(office: House, run: Run) -> None:
    """Six digits are the last ones of eight: whoever has seen a longer code has the shorter one."""
    devices = [
        device(1, user=7, digits=8, last_t=STEP, last_used_at="2020-01-01T00:00:00Z"),
        device(2, user=7, digits=6, last_t=STEP - 9, last_used_at="2030-01-01T00:00:00Z"),
    ]
    Path("dump.json").write_text(json.dumps(devices))
    assert "TOTPDevice 2 was used last" in run("import", "django-otp", "dump.json").err
    with pytest.raises(CodeReplayed):
        office.service().verify("7", TOTP(STRONG).code(NOW))


def test_a_secret_whose_other_row_is_wrong(office: House, run: Run) -> None:
    """Where one says that it was spent in the future, the other is not the next best."""
    rows = [("7", STRONG.base32, 5), ("7", STRONG.base32, NOW), ("8", OTHER.base32, 5), ("8", STRONG.base32, NOW)]
    said = run("import", "pyotp", write(*rows, head="user,secret,spent"))
    assert (said.code, users(office)) == (1, ["8"])
    assert office.service().verify("8", TOTP(OTHER).code(NOW)).counter == STEP


def test_the_widest_window_of_a_secret_holds(office: House, run: Run) -> None:
    """Where its rows differ in what was accepted ahead of its time."""
    rows = [("7", STRONG.base32, 0), ("7", STRONG.base32, 3)]
    run("import", "pyotp", write(*rows, head="user,secret,valid_window"), "--ahead", "0")
    office.clock.tick(90)
    with pytest.raises(CodeReplayed):
        office.service().verify("7", TOTP(STRONG).code(office.clock()))


def test_a_column_that_begins_with_zero(office: House, run: Run) -> None:
    """Zero is not the last time step of anybody: what can have been spent by now is void."""
    run("import", "pyotp", write(("7", STRONG.base32, 0), head="user,secret,spent"))
    with pytest.raises(CodeReplayed):
        office.service().verify("7", TOTP(STRONG).code(NOW))


def test_the_code_of_set_up_counts_as_spent(office: House, run: Run) -> None:
    """Forms of set-up learn a phone's drift, and write no last time step."""
    Path("dump.json").write_text(json.dumps([device(7, drift=2)]))
    run("import", "django-otp", "dump.json", "--ahead", "0")
    office.clock.tick(60)
    with pytest.raises(CodeReplayed):
        office.service().verify("7", TOTP(STRONG).code(office.clock()))


@pytest.mark.parametrize("counter", ["-1", "-5", -1])
def test_a_counter_below_zero(counter: object, office: House, run: Run) -> None:
    """It makes no time-based token of a counter-based one."""
    Path("secrets.json").write_text(json.dumps([{"user": 7, "secret": STRONG.base32, "counter": counter}]))
    said = run("import", "pyotp", "secrets.json")
    assert (said.code, users(office)) == (1, [])
    assert lines(said.err) == ["entry 1 (7): counter must be from 0 to 18446744073709551615"]


def test_a_uri_without_its_counter(office: House, run: Run) -> None:
    """All codes that were spent would be accepted again."""
    uri = f"otpauth://hotp/7?secret={STRONG.base32}"
    Path("uris.txt").write_text(f"{uri.replace('7', '8')}&counter=5\n{uri}\n")
    said = run("import", "uri", "uris.txt")
    assert (said.code, users(office)) == (1, ["8"])
    assert lines(said.err) == [
        "line 2: counter must stand in the URI: without it, all codes that were spent would be accepted"
    ]
    with pytest.raises(Refused):
        office.service().verify("8", HOTP(STRONG).code(4))


# ---- whose it is ----


@pytest.mark.parametrize("name", ["alice ", " alice", "alice\N{NO-BREAK SPACE}", "\talice", "ami\u0301e"])
@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_name_that_is_nearly_another(name: str, form: str, office: House, run: Run) -> None:
    """Whoever called themselves so there hands nobody their own secret: the row is named, and the others go through."""
    rows = [("alice", STRONG.base32, 5), (name, OTHER.base32, STEP)]
    fields = ("user", "secret", "spent")
    file = write(*rows, head=",".join(fields))
    if form == "json":
        Path(file).write_text(json.dumps([dict(zip(fields, row, strict=True)) for row in rows]))
    said = run("import", "pyotp", file)
    assert (said.code, users(office)) == (1, ["alice"])
    assert said.err.endswith("the name begins or ends with a space, or is not in NFC: --map says whose it is\n")
    assert office.service().verify("alice", TOTP(STRONG).code(NOW)).user == "alice"


def test_such_a_name_can_be_mapped(office: House, run: Run) -> None:
    """As it stands there, and no other."""
    Path("ids.csv").write_text('"alice ",8\nalice, 7\n')
    said = run("import", "pyotp", pyotp("alice ", "alice", " alice"), "--map", "ids.csv")
    assert (said.code, users(office)) == (1, ["7", "8"])
    assert lines(said.err) == ["line 4 ( alice): the name is not in the file of --map"]


def test_rows_of_several_services(office: House, run: Run) -> None:
    """An export of a phone has all its accounts, and their names may be alike: which is meant is not guessed."""
    shop, mail = (
        KeyURI(token=TOTP(secret), account="alice", issuer=issuer).text
        for secret, issuer in ((OTHER, "Shop"), (STRONG, "ACME"))
    )
    Path("uris.txt").write_text(f"{shop}\n{mail}\n{mail.replace('alice', 'bob')}\n")
    said = run("import", "uri", "uris.txt", "--dry-run")
    assert said.out.splitlines()[0] == "line 3 (bob): 6 digits, 30 s, SHA1, of ACME"
    assert lines(said.err) == [
        "line 1 (alice): the rows of this user are of several issuers: leave only yours in the file"
    ]
    assert run("import", "uri", "uris.txt").code == 1
    assert users(office) == ["bob"]


# ---- what a file can do ----


def test_a_device_that_does_not_say_whether_it_was_confirmed(office: House, run: Run) -> None:
    """It is named, and not passed over: its user would be asked for the password alone. So is one that is nobody's."""
    Path("dump.json").write_text(json.dumps([device(7), device(8, confirmed=None), device(9, user=None)]))
    said = run("import", "django-otp", "dump.json")
    assert (said.code, users(office)) == (1, ["7"])
    assert sorted(lines(said.err)) == [
        "TOTPDevice 8 (8): row must have the field confirmed",
        "TOTPDevice 9: it does not say whose it is; --user ID does, where there is only one",
    ]


@pytest.mark.parametrize(
    "secret", ["jbswy3dpehpk3pxp", "jbsw y3dp ehpk 3pxp", "jbsw-y3dp-ehpk-3pxp", "Jbswy3dpEhpk3pxp"]
)
def test_a_secret_in_lower_case_is_no_name(secret: str, office: House, run: Run) -> None:
    """Where somebody has the columns the wrong way round."""
    assert secret not in run("import", "pyotp", write((secret, "alice"))).err
    shown = run("import", "pyotp", write(("christopher-james", "x"), ("d290f1ee-6c54-4b01", "x"))).err
    assert "(christopher-james)" in shown
    assert "(d290f1ee-6c54-4b01)" in shown


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("pyotp", f'[{{"user":"7","secret":"{STRONG.base32}","secret":"x"}}]'),
        ("pyotp", f'{{"7":"{STRONG.base32}"'),
        ("passlib", f'{{"user":"7","totp":"{STRONG.base32}"}}\n{{"a":1,"a":2}}'),
    ],
)
def test_no_traceback_holds_the_file(form: str, text: str, tmp_path: Path) -> None:
    """Not with the locals of every frame either, as reporters of errors take them."""
    Path(tmp_path, "file").write_text(text)
    try:
        read(form, str(tmp_path / "file"), Settings())
    except Mistake as error:
        seen = [error]
        while (before := seen[-1].__context__) is not None:
            seen.append(before)  # type: ignore[arg-type]  # of any kind
        told = "".join(
            "".join(traceback.TracebackException.from_exception(one, capture_locals=True).format()) for one in seen
        )
        frames = told.split('  File "')
        assert not [frame for frame in frames if STRONG.base32 in frame and "test_import_hostile" not in frame]


def test_more_rows_than_fit_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row takes far more than the three bytes that it may have in the file."""
    monkeypatch.setattr(_tables, "_MOST", 3)
    texts = {
        "pyotp": ["user,secret\n" + "a,\n" * 4, "{}\n" * 4, "[{},{},{},{}]", '{"a":1,"b":2,"c":3,"d":4}'],
        "uri": ["otpauth:\n" * 4],
        "django-otp": [json.dumps([device(user) for user in range(4)])],
    }
    for form, each in texts.items():
        for text in each:
            Path(tmp_path, "file").write_text(text)
            with pytest.raises(Mistake, match=f"^FILE was not read as {form}: it has more than 3 rows: split it$"):
                read(form, str(tmp_path / "file"), Settings())
    Path(tmp_path, "file").write_text("user,secret\n" + "a,\n" * 3)
    assert len(read("pyotp", str(tmp_path / "file"), Settings()).rows) == 3


def test_a_hard_link_in_a_home(office: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that belongs to somebody else is another's secret. In a home of root's, root has put it there."""
    state = f'{STRONG.base32}\n" TOTP_AUTH\n'
    for user in ("alice", "bob"):
        Path("homes", user).mkdir(parents=True)
    Path("homes", "bob", _files.HOME_FILE).write_text(state)
    os.link(Path("homes", "bob", _files.HOME_FILE), Path("homes", "alice", _files.HOME_FILE))
    if os.geteuid() == 0:
        os.chown(Path("homes", "alice"), 1001, 1001)
        os.chown(Path("homes", "bob"), 1002, 1002)
        os.chown(Path("homes", "bob", _files.HOME_FILE), 1002, 1002)
    else:  # whose files all belong to one user
        owner = os.stat_result
        real = Path.stat

        def stat(self: Path) -> os.stat_result:
            found = real(self)
            return owner((*found[:4], found.st_uid + (self.name == "alice"), *found[5:]))

        monkeypatch.setattr(Path, "stat", stat)
    said = run("import", "libpam", "homes")
    assert (said.code, users(office)) == (1, ["bob"])
    assert lines(said.err) == ["alice: it belongs to somebody else than the home that it is in"]


def test_a_home_that_may_not_be_looked_into(office: House) -> None:
    """It is named: whether there is a second factor in it is not known. A home without one is nobody's."""
    for user in ("alice", "bob"):
        Path("homes", user).mkdir(parents=True)
    Path("homes", "alice", _files.HOME_FILE).write_text(STRONG.base32)
    Path("homes", "alice").chmod(0)
    office.folder.chmod(0o755)
    own = os.geteuid()
    try:
        os.seteuid(own or 65_534)  # root may look into everything
        found = list(_files.texts_of("homes"))
    finally:
        os.seteuid(own)
        Path("homes", "alice").chmod(0o700)
    assert [(entry.name, entry.reason) for entry in found] == [
        ("alice", f"it cannot be read: {os.strerror(errno.EACCES)}")
    ]


def test_a_dry_run_that_nobody_reads_to_the_end(office: House) -> None:
    """It is quiet: nothing is wrong with the store."""
    write(*((number, STRONG.base32) for number in range(5000)))
    typed = [*command(), "import", "pyotp", "secrets.csv", "--dry-run"]
    first = subprocess.run(
        ["sh", "-c", '("$@"; echo $? > code) | head -1', "sh", *typed],
        cwd=office.folder, env=office.environment(), capture_output=True, check=False, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert (first.stdout, first.stderr) == ("line 2 (0): 6 digits, 30 s, SHA1\n", "")
    assert Path("code").read_text() == "141\n"


def test_output_that_nobody_reads(office: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for trouble of the store, in this process neither."""

    def unread(_line: str) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(_importing, "_write", unread)
    assert run("import", "pyotp", pyotp("7"), "--dry-run") == (141, "", "")


def test_a_url_behind_three_slashes(office: House, run: Run) -> None:
    """It names a file that is not there, and may hold a password: it is not shown."""
    for create in ([], ["--create"]):
        said = run("import", "pyotp", pyotp("7"), "--store", "sqlite:///postgresql://app:hunter2@db/app", *create)
        assert (said.code, "hunter2" in said.err, "the file of the store" in said.err) == (2, False, True)
