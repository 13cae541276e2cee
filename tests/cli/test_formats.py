"""What the files of other systems hold: samples that the real programs wrote, and files that are wrong.

What each sample holds stands beside them, in `expected.json`; the codes are those of the real programs.
"""

import errno
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.running import standard_input
from totpcore import HOTP
from totpcore.cli import _files
from totpcore.cli._formats import read
from totpcore.cli._importing import FORMATS
from totpcore.cli._parsing import Mistake
from totpcore.cli._rows import Found, Row, Settings
from totpcore.migrate import Moved

pytest_plugins = ["cli.stores", "cli.running"]

EXPORTS: Final = Path(__file__).parent.parent / "vectors" / "exports"
EXPECTED: Final = json.loads((EXPORTS / "expected.json").read_text("utf-8"))
FILES: Final = {sample for sample in EXPECTED if (EXPORTS / sample).is_file()}
NOW: Final = 1_800_000_000
SECRET: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # of RFC 6238, appendix B
URI: Final = f"otpauth://totp/ACME:alice?secret={SECRET}&issuer=ACME"
PASSLIB: Final = {"type": "totp", "v": 1, "key": SECRET}
DEVICE: Final = {
    "user": 7, "confirmed": True, "key": "3132333435363738393031323334353637383930", "step": 30, "t0": 0, "digits": 6,
    "drift": 0, "last_t": -1,
}  # fmt: skip


def told(moved: Moved) -> dict[str, object]:
    """What matters of a token, as the samples' `expected.json` has it."""
    token, spent = moved.token, moved.spent
    code = token.code(spent + 1) if isinstance(token, HOTP) else token.code(NOW)
    return {"code": code, "spent": spent, "ahead": moved.steps_ahead, "drift": moved.drift}


def in_folder(folder: Path, text: str | bytes, name: str = "file") -> str:
    """Write a file, and return its path."""
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return str(folder / name)


def rows(folder: Path, form: str, text: str | bytes) -> list[Row]:
    """What is read of a text."""
    return read(form, in_folder(folder, text), Settings()).rows


def reasons(folder: Path, form: str, text: str) -> dict[str, str]:
    """Why rows of a text cannot be moved, by their places."""
    return {row.where: row.reason for row in rows(folder, form, text) if row.reason}


def refusal(form: str, path: str) -> str:
    """Why a file is refused as a whole. It shows no secret."""
    with pytest.raises((Mistake, OSError)) as refused:
        read(form, path, Settings())
    assert SECRET not in str(refused.value)
    return str(refused.value)


# ---- what the real programs wrote ----


@pytest.mark.parametrize("sample", sorted(EXPECTED))
def test_a_sample_is_read_as_its_program_means_it(sample: str) -> None:
    """Each row has the user, the parameters, the spent counter and the drift; what cannot come along is told."""
    expected = EXPECTED[sample]
    found = read(expected["format"], str(EXPORTS / sample), Settings(**expected.get("settings", {})))
    moved = [(row.name or "null", told(row.moved)) for row in found.rows if row.moved]
    wanted = [
        (name, {"drift": 0, **{key: value for key, value in one.items() if key != "where"}})
        for name, each in expected["moved"].items()
        for one in (each if isinstance(each, list) else [each])
    ]
    assert sorted(moved, key=str) == sorted(wanted, key=str)
    refused = {row.where or row.name: row.reason for row in found.rows if row.reason}
    assert refused.keys() == expected.get("refused", {}).keys()
    assert all(reason in refused[where] for where, reason in expected.get("refused", {}).items())
    assert [(row.name, row.other) for row in found.rows if row.other] == list(map(tuple, expected.get("others", [])))
    assert found.unconfirmed == expected.get("unconfirmed", 0)


def test_every_format_has_a_sample() -> None:
    """And every file in the folder is told of."""
    assert {expected["format"] for expected in EXPECTED.values()} == {*FORMATS}
    there = {path.name for path in EXPORTS.iterdir()} - {"README.md", "expected.json", "__pycache__"}
    assert {name for name in there if not name.endswith(".py")} == {*EXPECTED}


@pytest.mark.parametrize("sample", sorted(FILES - {"pyotp-map.json"}))  # which has names and secrets, and no sign
def test_a_sample_is_known_for_what_it_is(sample: str) -> None:
    """Read as any other format it is refused as a whole, and the message says what it looks like."""
    own = EXPECTED[sample]["format"]
    for form in {*FORMATS} - {own}:
        assert refusal(form, str(EXPORTS / sample)) == f"FILE was not read as {form}: it looks like {own}"


@pytest.mark.parametrize("sample", sorted(FILES))
def test_line_ends_and_a_mark_at_the_start_do_not_matter(sample: str, tmp_path: Path) -> None:
    """CR LF and a byte order mark come from Windows."""
    raw = (EXPORTS / sample).read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    form = EXPECTED[sample]["format"]
    plain, windows = (
        [(row.where, row.name, row.reason) for row in rows(tmp_path, form, text)]
        for text in (raw, b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n"))
    )
    assert plain == windows


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hyphen is standard input, of whatever format; where there is none, nothing came."""
    monkeypatch.setattr(sys, "stdin", standard_input(URI))
    assert [row.name for row in read("uri", "-", Settings()).rows] == ["alice"]
    monkeypatch.setattr(sys, "stdin", standard_input(f'{SECRET}\n" TOTP_AUTH\n'))
    assert [row.where for row in read("libpam", "-", Settings()).rows] == ["the file"]
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal("uri", "-") == "FILE was not read as uri: it is empty"


# ---- files that are wrong ----


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "it is empty"),
        (b"\xef\xbb\xbf \r\n\n", "it is empty"),
        (b"user,secret\n\xff", "it is not UTF-8"),
        ("user,secret\n".encode("utf-16"), "it is UTF-16, as some shells write it: save it as UTF-8"),
        (b"user,secret\n", "it holds no second factor of that kind"),
        (b"[]", "it holds no second factor of that kind"),
        (b"{}", "it holds no second factor of that kind"),
    ],
)
def test_a_file_in_which_nothing_is(raw: bytes, told: str, tmp_path: Path) -> None:
    """It is refused, and the message says what is the matter."""
    assert refusal("pyotp", in_folder(tmp_path, raw)) == f"FILE was not read as pyotp: {told}"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """The message has the words of the operating system, and not the name, which may be a secret by mistake."""
    assert refusal("pyotp", SECRET) == f"FILE cannot be read: {os.strerror(errno.ENOENT)}"
    assert refusal("pyotp", str(tmp_path)) == f"FILE cannot be read: {os.strerror(errno.EISDIR)}"


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read on, and the message says how large it may be."""
    monkeypatch.setattr(_files, "LARGEST", 2048)
    assert rows(tmp_path, "uri", URI + "\n" * (2048 - len(URI)))
    said = refusal("uri", in_folder(tmp_path, URI + "\n" * (2049 - len(URI))))
    assert said == "FILE was not read as uri: it is larger than 2 KiB: is it the right one? If so, split it"


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A sample in which something was cut, doubled, or put in the place of something else, and its format."""
    sample = draw(st.sampled_from(sorted(FILES)))
    held = (EXPORTS / sample).read_bytes()
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted(draw(st.tuples(st.integers(0, len(held)), st.integers(0, len(held)))))
        part = draw(
            st.sampled_from([held[start : start + 40] * 2, b"", b'"', b"\n", b"[1e999]", b"\x00", b"-1", b"{", b"null"])
        )
        held = held[:start] + part + held[min(end, start + 40) :]
    return EXPECTED[sample]["format"], held


@given(file=damaged())
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_whatever_is_in_a_file(tmp_path: Path, file: tuple[str, bytes]) -> None:
    """Either it has rows, each with a token or a reason; or it is refused in one line that whoever ran it can mend."""
    form, held = file
    said, rows = f"FILE was not read as {form}: ", list[Row]()
    try:
        rows = read(form, in_folder(tmp_path, held), Settings()).rows
    except Mistake as refused:
        said = str(refused)
    assert said.startswith(f"FILE was not read as {form}: ")
    assert len(said.splitlines()) == 1
    assert all(bool(row.moved) + bool(row.reason) + bool(row.other) == 1 for row in rows)


# ---- CSV ----


@pytest.mark.parametrize(
    "head",
    [
        "user,password",
        "user",
        f"alice,{SECRET}",
        "user,secret,period",
        "user,secret,secret",
        "user;secret",
        '"user","secret","digits","digits"',
    ],
)
def test_columns_have_to_be_known(head: str, tmp_path: Path) -> None:
    """A name that was mistaken would be wrong codes later, and a head that was forgotten a user less."""
    said = refusal("pyotp", in_folder(tmp_path, f"{head}\nalice,{SECRET}\n"))
    assert "the first line must name the columns: user, secret, and perhaps digits, interval, digest" in said


def test_columns_in_any_order_and_case(tmp_path: Path) -> None:
    """With blanks around them, and quotation marks; a column may be missing, and lines may be blank."""
    (one,) = rows(tmp_path, "pyotp", f'\n Digits ,"SECRET", User\n\n8,{SECRET.lower()},alice\n,,\n')
    assert (one.where, one.name, one.moved and one.moved.token.digits) == ("line 4", "alice", 8)
    (alone,) = rows(tmp_path, "pyotp", f"secret\n{SECRET}\n")
    assert (alone.name, alone.reason) == (None, "")


def test_lines_that_are_no_csv(tmp_path: Path) -> None:
    """They are named by the line at which they begin, and those that follow are read."""
    text = f'user,secret\na,{SECRET}\n"b"c,{SECRET}\nd\ne,{SECRET},\n"f\n",{SECRET}\ng,{SECRET}\n"h,{SECRET}\n'
    assert reasons(tmp_path, "pyotp", text) == {
        "line 3": "a quotation mark is not closed, or stands where none belongs",
        "line 4": "it has 1 cells, and the first line has 2",
        "line 5": "it has 3 cells, and the first line has 2",
        "line 9": "a quotation mark is not closed, or stands where none belongs",
    }
    assert [(row.where, row.name) for row in rows(tmp_path, "pyotp", text) if row.moved] == [
        ("line 2", "a"),
        ("line 6", "f\n"),
        ("line 8", "g"),
    ]


def test_a_cell_without_an_end(tmp_path: Path) -> None:
    """The module `csv` reads no cell of more than 128 KiB; the next line is read all the same."""
    text = f"user,secret\na,{'A' * 140_000}\nb,{SECRET}\n"
    found = [(row.where, bool(row.moved)) for row in rows(tmp_path, "pyotp", text)]
    assert found == [("line 2", False), ("line 3", True)]


@pytest.mark.parametrize("number", ["1_0", "+8", "８", "8.0", "-", "--8", "8-", "8" * 21, "eight", "1e1"])
def test_numbers_are_written_in_digits(number: str, tmp_path: Path) -> None:
    """In ASCII digits, perhaps after a minus sign; anything else is named by the column, and not shown."""
    assert reasons(tmp_path, "pyotp", f"user,secret,digits\na,{SECRET},{number}\n") == {
        "line 2": "digits must be a whole number"
    }


@pytest.mark.parametrize("number", ["8", " 8 ", "08"])
def test_blanks_and_zeros_around_a_number(number: str, tmp_path: Path) -> None:
    """As spreadsheets write them."""
    (row,) = rows(tmp_path, "pyotp", f"user,secret,digits\na,{SECRET},{number}\n")
    assert row.moved
    assert row.moved.token.digits == 8


def test_columns_of_pyotp(tmp_path: Path) -> None:
    """`counter` makes it counter-based, and `spent` is the last that was accepted, where that is more."""
    text = (
        "user,secret,counter,spent,valid_window\n"
        f"a,{SECRET},7,,\nb,{SECRET},7,9,\nc,{SECRET},7,3,\nd,{SECRET},,60000000,2\ne,{SECRET},,-1,2\n"
    )
    found = [(type(row.moved.token).__name__, row.moved.spent) for row in rows(tmp_path, "pyotp", text) if row.moved]
    assert found == [("HOTP", 6), ("HOTP", 9), ("HOTP", 6), ("TOTP", 60_000_000), ("TOTP", -1)]
    assert [row.moved.steps_ahead for row in rows(tmp_path, "pyotp", text)[3:] if row.moved] == [2, 2]
    assert [row.used for row in rows(tmp_path, "pyotp", text)] == [0, 0, 0, 1_800_000_000, 0]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (f"{SECRET},5,,,", "digits must be from 6 to 8"),
        (f"{SECRET},,9,,", "interval must be from 10 to 300"),
        (f"{SECRET},,,md5,", "digest must be one of SHA1, SHA256, SHA512"),
        (f"{SECRET},,,,18446744073709551616", "spent must be from -1 to 18446744073709551615"),
        (f"{SECRET},,,,-2", "spent must be from -1 to 18446744073709551615"),
        (",,,,", "secret must be a secret in base32: base32 ends in the middle of a byte"),
        (f"{URI},8,,,", "digits must be left out, or be what the URI says"),
        ("JBSW1,,,,", "secret must be a secret in base32: character 5 is not in the base32 alphabet"),
    ],
)
def test_what_a_row_of_pyotp_may_hold(cells: str, told: str, tmp_path: Path) -> None:
    """It is named by the column and what is allowed there."""
    (reason,) = reasons(tmp_path, "pyotp", f"user,secret,digits,interval,digest,spent\na,{cells}\n").values()
    assert reason == told


# ---- JSON ----


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "it is no JSON: see line 1"),
        ('{\n"a": ' + SECRET + "}", "it is no JSON: see line 2"),
        (f'{{"a": "{SECRET}", "a": "{SECRET}"}}', "a name stands twice in one JSON object"),
        ("[" * 100_000, "it is no JSON that can be read: a number is too long, or it is nested too deeply"),
        ("[" + "1" * 5000 + "]", "it is no JSON that can be read: a number is too long, or it is nested too deeply"),
    ],
)
def test_a_file_that_is_no_json(text: str, told: str, tmp_path: Path) -> None:
    """The message says where, and nothing of what stands there."""
    assert refusal("pyotp", in_folder(tmp_path, text)) == f"FILE was not read as pyotp: {told}"


def test_rows_in_json_that_are_wrong(tmp_path: Path) -> None:
    """They are named, and the others are read. A primary key may be a number, and a number may be text."""
    held = [
        1,
        {"user": 7, "secret": SECRET, "digits": "8", "counter": None},
        {"user": "b", "secret": 7},
        {"user": "c", "secret": SECRET, "digits": True},
        {"user": "d", "secret": SECRET, "digits": 6.0},
        {"user": "e", "secret": SECRET, "period": 30},
        {"user": "f"},
        {"user": ["g"], "secret": SECRET},
        {"secret": SECRET},
    ]
    known = "secret, and perhaps digits, interval, digest, counter, spent, valid_window; no others"
    assert reasons(tmp_path, "pyotp", json.dumps(held)) == {
        "entry 1": "it is no object",
        "entry 3": "secret must be a text, not int",
        "entry 4": "digits must be a whole number",
        "entry 5": "digits must be a whole number",
        "entry 6": f"it must have {known}",
        "entry 7": f"it must have {known}",
    }
    good = [(row.name, row.moved.token.digits) for row in rows(tmp_path, "pyotp", json.dumps(held)) if row.moved]
    assert good == [("7", 8), (None, 6), (None, 6)]


def test_lines_of_json_that_are_wrong(tmp_path: Path) -> None:
    """A line that is no JSON is one row."""
    lines = [json.dumps({"user": "a", "secret": SECRET}), "{", "", json.dumps({"user": "b", "secret": SECRET}), "[]"]
    assert reasons(tmp_path, "pyotp", "\n".join(lines)) == {"line 2": "it is no JSON", "line 5": "it is no object"}
    assert [row.name for row in rows(tmp_path, "pyotp", "\n".join(lines)) if row.moved] == ["a", "b"]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    """Others may stand in a name, where JSON has them as they are."""
    lines = [json.dumps({"user": f"a{sign}b", "secret": SECRET}, ensure_ascii=False) for sign in ("\u2028", "\x85")]
    assert [row.name for row in rows(tmp_path, "pyotp", "\n".join(lines)) if row.moved] == ["a\u2028b", "a\x85b"]


def test_one_object_of_all_users(tmp_path: Path) -> None:
    """A user's entry is the secret itself, or an object with more."""
    text = json.dumps({"a": SECRET, "b": {"secret": SECRET, "digits": 8}, " ": SECRET, "d": {"digits": 8}})
    found = [(row.where, row.name, row.moved and row.moved.token.digits) for row in rows(tmp_path, "pyotp", text)]
    assert found == [("entry 1", "a", 6), ("entry 2", "b", 8), ("entry 3", None, 6), ("entry 4", "d", None)]


# ---- the formats ----


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"totp": 7}, "totp must be a text or an object, not int"),
        ({"totp": "{"}, "source must be JSON of at most 16384 characters, with each name once"),
        ({"totp": {"type": "totp", "v": 1, "enckey": {}}}, "it is encrypted: totpcore.migrate.from_passlib takes"),
        ({"totp": '{"type":"totp","v":1,"enckey":{}}'}, "it is encrypted: totpcore.migrate.from_passlib takes"),
        ({"totp": {"type": "hotp", "v": 1, "key": SECRET}}, "source must be what passlib writes of a TOTP"),
        ({"totp": PASSLIB, "last_counter": "x"}, "last_counter must be a whole number"),
        ({"totp": PASSLIB, "window": 30}, "it must have totp, and perhaps last_counter; no others"),
    ],
)
def test_what_a_row_of_passlib_may_hold(entry: dict[str, object], told: str, tmp_path: Path) -> None:
    """Of a key that is encrypted it is said what opens it, since a command has not the application's secrets."""
    (reason,) = reasons(tmp_path, "passlib", json.dumps([{"user": "a", **entry}])).values()
    assert reason.startswith(told)


def dump(*devices: object, model: str = "otp_totp.totpdevice") -> str:
    """What `dumpdata` writes of devices."""
    return json.dumps([{"model": model, "pk": number, "fields": fields} for number, fields in enumerate(devices, 1)])


@pytest.mark.parametrize(
    ("owner", "name"),
    [(7, "7"), ("c8bd", "c8bd"), (["alice"], "alice"), (["alice", "acme"], None), (None, None), (True, None)],
)
def test_whose_a_device_of_django_is(owner: object, name: str | None, tmp_path: Path) -> None:
    """By a primary key of any kind, or by the name to log in with, where `--natural-foreign` was given."""
    (row,) = rows(tmp_path, "django-otp", dump({**DEVICE, "user": owner}))
    assert (row.name, bool(row.moved)) == (name, True)


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be in another time zone."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2027-01-15T08:00:00Z", 1_800_000_000),
        ("2027-01-15T09:00:00.500+01:00", 1_800_000_000.5),
        ("2027-01-15T08:00:00", 1_800_000_000),
        (None, 0),
        ("yesterday", 0),
        (7, 0),
    ],
)
@pytest.mark.usefixtures("far_away")
def test_when_a_device_of_django_was_used(written: object, at: float, tmp_path: Path) -> None:
    """The time has an offset or is in UTC, wherever this machine is; where it is another text, that is not known."""
    (row,) = rows(tmp_path, "django-otp", dump({**DEVICE, "last_used_at": written}))
    assert row.used == at
    (row,) = rows(tmp_path, "django-otp", dump({**DEVICE, "last_used_at": None, "last_t": 59_999_999}))
    assert row.used == 1_799_999_970


def test_a_dump_on_lines(tmp_path: Path) -> None:
    """As `--format jsonl` writes it; a device without a primary key is named by its line."""
    lines = [{"model": "otp_totp.totpdevice", "fields": {**DEVICE, "digits": 5}}, {"model": "a.b", "fields": {}}]
    assert reasons(tmp_path, "django-otp", "\n".join(map(json.dumps, lines))) == {
        "TOTPDevice line 1": "digits must be from 6 to 8"
    }


@pytest.mark.parametrize("text", ["[1]", '[{"model": 7, "fields": {}}]', '[{"model": "otp_a.b"}]', '["otp_"]'])
@pytest.mark.parametrize("form", ["django-otp", "allauth"])
def test_what_is_no_dump(text: str, form: str, tmp_path: Path) -> None:
    """It is refused as a whole."""
    said = refusal(form, in_folder(tmp_path, text.replace("otp_", "mfa.") if form == "allauth" else text))
    reason = "it must be what manage.py dumpdata writes, in JSON, and entry 1 is not"
    assert said == f"FILE was not read as {form}: {reason}"


@pytest.mark.parametrize("form", ["django-otp", "allauth"])
def test_a_dump_of_other_things(form: str, tmp_path: Path) -> None:
    """Whoever dumped the users has dumped no second factor."""
    said = refusal(form, in_folder(tmp_path, dump({"username": "alice"}, model="auth.user")))
    assert said == f"FILE was not read as {form}: it holds no second factor of that kind"


def test_settings_of_allauth(tmp_path: Path) -> None:
    """Digits and period are in no dump. Of a secret that does not decode, it is said what may be the matter."""
    path = in_folder(tmp_path, dump({"user": 7, "type": "totp", "data": {"secret": SECRET}}, model="mfa.authenticator"))
    (row,) = read("allauth", path, Settings(digits=8, period=60)).rows
    assert row.moved
    assert told(row.moved)["code"] == "52955422"
    sealed = dump({"user": 7, "type": "totp", "data": {"secret": "gAAA="}}, model="mfa.authenticator")
    (reason,) = reasons(tmp_path, "allauth", sealed).values()
    assert reason.endswith("where the application encrypts them, totpcore.migrate.from_allauth takes its decrypt")
    other = dump({"user": 7, "type": ["totp"], "data": {}}, model="mfa.authenticator")
    assert reasons(tmp_path, "allauth", other) == {"Authenticator 1": "type must be a str, not list"}


def test_an_export_that_is_not_whole(tmp_path: Path) -> None:
    """Of several QR codes, all are needed: it is said which are missing."""
    first, _, _ = (EXPORTS / "migration.txt").read_text("ascii").partition("\n")
    said = refusal("migration", in_folder(tmp_path, first))
    assert said == "FILE was not read as migration: of 2 QR codes, these are missing: 2"


# ---- google-authenticator-libpam ----


STATE: Final = f'{SECRET}\n" DISALLOW_REUSE 60000000\n" TOTP_AUTH\n12345678\n'


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    """A folder with the files of two users, and with what else may be in it."""
    folder = tmp_path / "homes"
    for name in ("alice", "bob", "carol"):
        (folder / name).mkdir(parents=True)
        (folder / name / "notes.txt").write_text("of no interest")
    for name in ("alice", "bob"):
        (folder / name / ".google_authenticator").write_text(STATE)
    return folder


def found(folder: Path) -> list[tuple[str | None, str]]:
    """Whose the files of a folder are, and why they cannot be moved."""
    return [(row.name, row.reason) for row in read("libpam", str(folder), Settings()).rows]


def test_a_folder_of_homes(homes: Path) -> None:
    """Whoever has no such file is passed over."""
    assert found(homes) == [("alice", ""), ("bob", "")]


def test_a_folder_of_files(tmp_path: Path) -> None:
    """Each is named by its user; hidden ones are somebody's editor's."""
    for name in ("alice", "Bob Smith", ".alice.swp"):
        (tmp_path / name).write_text(STATE)
    (tmp_path / "carol").write_text("0 or 1")
    assert found(tmp_path)[:2] == [("Bob Smith", ""), ("alice", "")]
    assert found(tmp_path)[2][1].startswith("the first line must be a secret in base32")


def test_what_a_user_may_have_put_in_the_place_of_the_file(homes: Path) -> None:
    """It is not followed, waited for, or read without an end; it is named, and the others are read."""
    names = ("carol", "dave", "erin", "frank", "grace", "heidi")
    paths = {name: homes / name / ".google_authenticator" for name in names}
    for path in paths.values():
        path.parent.mkdir(exist_ok=True)
    paths["carol"].symlink_to(paths["carol"].parent.parent / "alice" / ".google_authenticator")
    os.mkfifo(paths["dave"])
    paths["erin"].mkdir()
    paths["frank"].write_text(SECRET + "\n" * 65_536)
    paths["grace"].symlink_to("nowhere")
    paths["heidi"].write_text("")
    assert found(homes) == [
        ("alice", ""),
        ("bob", ""),
        ("carol", "it is a link, which is not followed"),
        ("dave", "it is no file"),
        ("erin", f"it cannot be read: {os.strerror(errno.EISDIR)}"),
        ("frank", "it is larger than 64 KiB: is it the right one? If so, split it"),
        ("grace", "it is a link, which is not followed"),
        ("heidi", "it is empty"),
    ]


def test_a_file_that_this_process_may_not_read(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, and the others are read."""
    real = os.open

    def opened(path: Path, flags: int) -> int:
        if path.parent.name == "alice":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, flags)

    monkeypatch.setattr(os, "open", opened)
    assert found(homes) == [("alice", f"it cannot be read: {os.strerror(errno.EACCES)}"), ("bob", "")]


def test_a_link_that_comes_meanwhile_is_not_followed(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the reading, its user may put one there."""
    file = homes / "bob" / ".google_authenticator"
    file.unlink()
    file.symlink_to(homes / "alice" / ".google_authenticator")
    monkeypatch.setattr(Path, "is_symlink", lambda _path: False)
    assert found(homes) == [("alice", ""), ("bob", f"it cannot be read: {os.strerror(errno.ELOOP)}")]


def test_a_folder_that_cannot_be_listed(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command ends with the words of the operating system."""

    def listed(_folder: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "iterdir", listed)
    assert refusal("libpam", str(homes)) == f"FILE cannot be read: {os.strerror(errno.EACCES)}"


def test_an_empty_folder(tmp_path: Path) -> None:
    """It is refused, as an empty file is."""
    assert refusal("libpam", str(tmp_path)) == "FILE was not read as libpam: it holds no second factor of that kind"


# ---- silence ----


@pytest.mark.parametrize("sample", sorted(EXPECTED))
def test_what_is_read_shows_no_secret(sample: str) -> None:
    """Rows are shown in debuggers and in error reports."""
    expected = EXPECTED[sample]
    found = read(expected["format"], str(EXPORTS / sample), Settings())
    assert isinstance(found, Found)
    shown = repr(found).upper()
    for row in found.rows:
        if row.moved:
            secret = row.moved.token.secret
            assert secret.base32 not in shown
            assert secret.reveal().hex().upper() not in shown
