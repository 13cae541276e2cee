"""Reading exports of Google Authenticator: of other projects' tests, of an encoder of our own, and out of QR images."""

import base64
import importlib
import importlib.util
import json
import subprocess
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

import pytest
import segno
from hypothesis import assume, example, given
from hypothesis import strategies as st
from PIL import Image

import need
from decoding import qr_codes
from migrate import BASE32, NOW, RAW, USER, adopted, keeps_what_was_spent, shows_nothing
from totpcore import HOTP, TOTP, InvalidCode
from totpcore.errors import InvalidURI
from totpcore.migrate import BadRow, Moved, from_migration
from totpcore.testing import HandClock

START: Final = "otpauth-migration://offline?data="
CASES: Final = json.loads((Path(__file__).parents[1] / "vectors/migration.json").read_text(encoding="ascii"))["cases"]
ALGORITHMS: Final = {1: "SHA1", 2: "SHA256", 3: "SHA512"}


# ---- an encoder, of which the package has none ----


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account as the app has it."""

    secret: bytes = RAW
    name: str = "alice"
    issuer: str = "ACME"
    algorithm: int = 1
    digits: int = 1
    type: int = 2
    counter: int = 0
    unique: str = ""

    @property
    def parts(self) -> list[bytes]:
        """Its fields, as proto3 writes them: what is zero or empty is left out."""
        texts = (self.secret, self.name.encode(), self.issuer.encode())
        numbers = (self.algorithm, self.digits, self.type, self.counter)
        values: list[int | bytes] = [*texts, *numbers, self.unique.encode()]
        return [one(field, value) for field, value in enumerate(values, 1) if value]

    @property
    def written(self) -> bytes:
        """It in protobuf."""
        return b"".join(self.parts)


def varint(number: int) -> bytes:
    """A number; a negative one takes ten bytes."""
    number %= 2**64
    groups = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def one(field: int, value: int | bytes) -> bytes:
    """A field, a number or a run of bytes."""
    if isinstance(value, int):
        return varint(field << 3) + varint(value)
    return varint(field << 3 | 2) + varint(len(value)) + value


def payload(*accounts: Account, version: int = 1, size: int = 1, index: int = 0, batch: int = -7) -> bytes:
    """A payload."""
    numbers = enumerate((version, size, index, batch), 2)
    return b"".join([*(one(1, account.written) for account in accounts), *(one(*number) for number in numbers)])


def uri(data: bytes) -> str:
    """What stands in a QR code."""
    return START + quote(base64.b64encode(data).decode(), safe="")


def export(*batches: list[Account], version: int = 1, batch: int = -7) -> list[str]:
    """The texts of all QR codes of an export."""
    head = {"version": version, "size": len(batches), "batch": batch}
    return [uri(payload(*accounts, index=index, **head)) for index, accounts in enumerate(batches)]


def only(*uris: str) -> Moved:
    """The only account, which can be used."""
    [moved] = from_migration(uris)
    assert isinstance(moved, Moved)
    return moved


def described(moved: Moved | BadRow) -> dict[str, object]:
    """What was read, as the vectors have it."""
    assert isinstance(moved, Moved)
    token = moved.token
    return {
        "account": moved.account,
        "issuer": moved.issuer,
        "secret": token.secret.base32,
        "type": "hotp" if isinstance(token, HOTP) else "totp",
        "algorithm": str(token.algorithm),
        "digits": token.digits,
        "counter": moved.spent if isinstance(token, HOTP) else None,
    }


# ---- other people's exports ----


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_vector(case: dict[str, Any]) -> None:
    """Every export of another project's tests is read as that project reads it, or refused for the reason that is told.

    An account that totpcore does not take is a bad row by its number.
    """
    if isinstance(case["expect"], str):
        with pytest.raises(InvalidURI, match=case["expect"]):
            from_migration(case["uris"])
        return
    rows = from_migration(case["uris"])
    assert len(rows) == len(case["expect"])
    for number, (row, expected) in enumerate(zip(rows, case["expect"], strict=True), 1):
        if "refused" in expected:
            assert isinstance(row, BadRow)
            assert (row.number, expected["refused"] in row.reason) == (number, True)
        else:
            assert described(row) == expected


# ---- what is read ----


def test_all_that_an_account_says() -> None:
    """Each field is the token's, and the period is thirty seconds."""
    moved = only(*export([Account(algorithm=3, digits=2)]))
    assert moved.token == TOTP(moved.token.secret, digits=8, period=30, algorithm="SHA512")
    assert moved.token.secret.reveal() == RAW
    assert (moved.account, moved.issuer, moved.drift) == ("alice", "ACME", 0)


def test_what_is_not_said_is_the_plainest() -> None:
    """Exports of other programs leave out all that is the default, and everything about batches."""
    moved = only(uri(one(1, one(1, RAW))))
    assert moved.token == TOTP(moved.token.secret, digits=6, period=30, algorithm="SHA1")
    assert (moved.account, moved.issuer) == (None, None)


def test_codes_that_may_have_been_used_are_void() -> None:
    """The app does not know what was accepted elsewhere: up to now, and one step ahead, it can have been any."""
    moved = only(*export([Account()]))
    assert (moved.spent, moved.steps_ahead, moved.spent_by(NOW)) == (-1, 1, NOW // 30 + 1)
    token = moved.token
    assert isinstance(token, TOTP)
    keeps_what_was_spent(moved, NOW, token.code(NOW), token.code(NOW + 30))


def test_the_counter_of_an_export_is_spent() -> None:
    """The app adds one before it shows a code, so its counter is that of the last code shown."""
    moved = only(*export([Account(type=1, counter=41)]))
    token, factor = moved.token, adopted(moved, HandClock(NOW))
    assert isinstance(token, HOTP)
    assert (moved.spent, moved.steps_ahead) == (41, 0)
    for counter in (40, 41):
        with pytest.raises(InvalidCode):
            factor.verify(USER, token.code(counter))
    assert factor.verify(USER, token.code(42)).counter == 42


def test_a_counter_that_was_never_used() -> None:
    """Zero is not written, and the app's first code is that of one."""
    assert only(*export([Account(type=1)])).spent == 0


@pytest.mark.parametrize(
    ("name", "issuer", "account", "of"),
    [
        ("alice", "ACME", "alice", "ACME"),
        ("ACME:alice", "ACME", "alice", "ACME"),
        ("ACME: alice", "ACME", "alice", "ACME"),
        ("ACME:alice", "", "alice", "ACME"),
        ("alice", "", "alice", None),
        ("", "ACME", None, "ACME"),
        ("a:b", "ACME", "a:b", "ACME"),
        ("A:B:alice", "A:B", "alice", "A:B"),
        ("A:B:alice", "", "B:alice", "A"),
        (":alice", "", "alice", None),
        ("", "", None, None),
        ("\u00bf\u00e4\u00c4? \U0001f511", "\u05d0", "\u00bf\u00e4\u00c4? \U0001f511", "\u05d0"),
    ],
)
def test_names(name: str, issuer: str, account: str | None, of: str | None) -> None:
    """A name may begin with its issuer, which is also the issuer where nothing else says so."""
    moved = only(*export([Account(name=name, issuer=issuer)]))
    assert (moved.account, moved.issuer) == (account, of)


def test_fields_that_are_not_known_are_passed_over() -> None:
    """Of every type, in the payload and in an account, as version 2 has a text of its own in each."""
    unknown = (
        one(8, b"6194bc1737727798793") + one(9, -1) + b"\x51" + b"12345678" + b"\x5d" + b"1234" + one(2**29 - 1, 1)
    )
    moved = only(uri(unknown + one(1, unknown + Account().written) + unknown + one(2, 2)))
    assert moved.token.secret.reveal() == RAW


@pytest.mark.parametrize("batch", [0, 1, -1, 2**31 - 1, -(2**31)])
def test_a_batch_id_of_any_sign(batch: int) -> None:
    """It is only compared; a negative one takes ten bytes, or five where somebody wrote 32 bits."""
    first, second = export([Account(name="a")], [Account(name="b")], batch=batch)
    assert len(from_migration([first, second])) == 2
    short = uri(payload(Account(), size=2, index=1, batch=batch % 2**32))
    assert len(from_migration([first, short])) == 2


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text,
        lambda text: text.replace("otpauth-migration://offline", "OTPAUTH-Migration://Offline"),
        lambda text: START + unquote(text.removeprefix(START)),
        lambda text: START + unquote(text.removeprefix(START)).rstrip("="),
        lambda text: START + "".join(f"%{byte:02x}" for byte in unquote(text.removeprefix(START)).encode()),
        lambda text: f" {text}\r\n",
        lambda text: f"{text}&other=1",
        lambda text: text.replace("?", "?other=data&"),
    ],
)
def test_ways_to_write_the_same(written: Any) -> None:
    """A raw `+` stays one, padding may be missing, and percent-encoding may be there or not."""
    text = uri(payload(Account(secret=b"\xfb\xef\xbe\xff\xff\xff" * 2)))
    assert {*"+/="} <= {*unquote(text.removeprefix(START))}
    assert only(written(text)).token.secret.reveal() == b"\xfb\xef\xbe\xff\xff\xff" * 2


# ---- several QR codes ----


def test_the_batches_come_in_any_order() -> None:
    """The accounts are in the order of the app, numbered over all QR codes."""
    accounts = [Account(name=f"user{number}") for number in range(5)]
    accounts[3] = replace(accounts[3], algorithm=4)
    first, second, third = export(accounts[:2], accounts[2:4], accounts[4:])
    rows = from_migration(iter([third, first, second]))
    assert [row.number if isinstance(row, BadRow) else row.account for row in rows] == [
        "user0", "user1", "user2", 4, "user4",
    ]  # fmt: skip


def test_what_is_missing_is_named_by_its_number() -> None:
    """As the app counts, from 1."""
    batches = export(*([Account()] for _ in range(12)))
    with pytest.raises(InvalidURI, match=r"^of 12 QR codes, these are missing: 1, 5, 12$"):
        from_migration([batch for index, batch in enumerate(batches) if index not in (0, 4, 11)])


@pytest.mark.parametrize(
    ("uris", "told"),
    [
        ([], "uris must hold a URI"),
        (export([Account()], [Account()])[:1] * 2, "QR code 1 of 2 is there twice"),
        (export([Account()]) * 2, "QR code 1 of 1 is there twice"),
        (export([Account()], [Account()])[:1] + export([Account()], [Account()], batch=8)[1:], "must be of one export"),
        (export([Account()], [Account()])[:1] + export(*[[Account()]] * 3)[1:], "must be of one export"),
        ([uri(payload(Account(), size=2, index=2))], "batch_index from 0 to one less"),
        ([uri(payload(Account(), size=2, index=-1))], "batch_index from 0 to one less"),
        ([uri(payload(Account(), size=-1))], "batch_size must be from 1 to 100"),
        ([uri(payload(Account(), size=101))], "batch_size must be from 1 to 100"),
        ([uri(payload(Account(), size=2**31 - 1))], "batch_size must be from 1 to 100"),
        ([uri(payload(Account(), version=3))], "version must be 1 or 2"),
        ([uri(payload(Account(), version=-1))], "version must be 1 or 2"),
        ([uri(payload())], "must hold an account"),
        (export([Account()], []), "must hold an account"),
    ],
)
def test_what_is_no_whole_export(uris: list[str], told: str) -> None:
    """Nobody is left out because a QR code was, and two exports are not mixed."""
    with pytest.raises(InvalidURI, match=told) as refused:
        from_migration(uris)
    shows_nothing(refused.value)


def test_the_most_that_an_export_has() -> None:
    """A hundred QR codes."""
    assert len(from_migration(export(*([Account()] for _ in range(100))))) == 100


# ---- bad rows ----


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (Account(algorithm=4), "algorithm is MD5, of which totpcore makes no codes"),
        (Account(algorithm=5), "algorithm, digits or type is none that"),
        (Account(algorithm=-1), "algorithm, digits or type is none that"),
        (Account(digits=3), "algorithm, digits or type is none that"),
        (Account(type=3), "algorithm, digits or type is none that"),
        (Account(type=1, counter=-1), "counter must be from 0"),
        (Account(secret=RAW[:9]), "10 to 128 bytes"),
        (Account(secret=b""), "10 to 128 bytes"),
        (Account(secret=bytes(20)), "not all of them zero"),
        (Account(secret=RAW * 7), "10 to 128 bytes"),
    ],
)
def test_a_bad_account_is_named_and_the_others_go_through(account: Account, reason: str) -> None:
    """By its number and the reason, which shows nothing of it."""
    rows = from_migration(export([Account(name="a"), account, Account(name="c")]))
    assert isinstance(rows[1], BadRow)
    assert rows[1].number == 2
    assert reason in rows[1].reason
    assert [row.account for row in rows if isinstance(row, Moved)] == ["a", "c"]


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (one(1, RAW) + one(2, b"\xff"), "name must be UTF-8"),
        (one(1, RAW) + one(2, b"\xed\xa0\x80"), "name must be UTF-8"),
        (one(1, RAW) + one(3, b"\xff"), "issuer must be UTF-8"),
        (one(1, RAW) + one(1, RAW), "secret stands twice"),
        (one(1, RAW) + one(4, 1) + one(4, 2), "algorithm stands twice"),
        (one(1, 7), "secret is no run of bytes"),
        (one(1, RAW) + one(4, b"\1"), "algorithm is no number"),
        (one(1, RAW) + b"\x25" + b"1234", "algorithm is no number"),
        (b"\x09" + b"12345678", "secret is no run of bytes"),
    ],
)
def test_an_account_that_says_two_things(account: bytes, reason: str) -> None:
    """Readers of protobuf differ in what they make of it, so it is a bad row."""
    [row, other] = from_migration([uri(one(1, account) + one(1, Account().written))])
    assert isinstance(row, BadRow)
    assert reason in row.reason
    assert isinstance(other, Moved)


# ---- what is refused as a whole ----


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "each URI must begin with otpauth-migration://offline"),
        (f"otpauth://totp/ACME:alice?secret={BASE32}", "each URI must begin with otpauth-migration://offline"),
        (START.replace("offline", "online") + BASE32, "each URI must begin with otpauth-migration://offline"),
        (START.replace("?", "/?") + BASE32, "each URI must begin with otpauth-migration://offline"),
        (START.replace("-migration", "") + BASE32, "each URI must begin with otpauth-migration://offline"),
        (f"x{START}{BASE32}", "each URI must begin with otpauth-migration://offline"),
        (START.replace("data", "Data") + BASE32, "each URI must have the parameter data, once"),
        ("otpauth-migration://offline", "each URI must have the parameter data, once"),
        (f"{START}{BASE32}&data={BASE32}", "each URI must have the parameter data, once"),
        (START, "data must be base64"),
        (f"{START}=", "data must be base64"),
        (f"{START}{BASE32}A", "data must be base64"),
        (f"{START}{BASE32}===", "data must be base64"),
        (f"{START}AA=={BASE32}", "data must be base64"),
        (f"{START}{BASE32}#", "data must be base64"),
        (f"{START}{BASE32[:30]}-_", "data must be base64"),
        (f"{START}{BASE32[:30]}%20+", "data must be base64"),
        (f"{START}{BASE32[:30]}\n+", "data must be base64"),
        (f"{START}{BASE32[:30]}%zz", "data must be base64"),
        (f"{START}{BASE32[:30]}%FF", "data must be base64"),
        (f"{START}{BASE32[:30]}\ud800", "data must be base64"),
        (uri(RAW), "the data is damaged"),
    ],
)
def test_what_is_no_such_uri(text: str, told: str) -> None:
    """Scheme, place, parameter and alphabet are those, and nothing is guessed."""
    with pytest.raises(InvalidURI, match=told) as refused:
        from_migration([text])
    shows_nothing(refused.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x80", "it ends in the middle of a number"),
        (b"\x0a", "it ends in the middle of a number"),
        (b"\x0a\x02\x08", "it ends in the middle of a field"),
        (b"\x09" + b"1234567", "it ends in the middle of a field"),
        (b"\x0d" + b"123", "it ends in the middle of a field"),
        (b"\x0a" + varint(2**64 - 1) + RAW, "it ends in the middle of a field"),
        (b"\x0a" + varint(2**31) + RAW, "it ends in the middle of a field"),
        (b"\x10" + b"\xff" * 9 + b"\x02", "a number has more than 64 bits"),
        (b"\x10" + b"\x80" * 10 + b"\x00", "a number has more than 64 bits"),
        (b"\xff" * 1000, "a number has more than 64 bits"),
        (b"\x00\x01", "a field is of a kind that is not known"),
        (b"\x02\x00", "a field is of a kind that is not known"),
        (varint(2**29 << 3) + b"\x00", "a field is of a kind that is not known"),
        (b"\x0b\x0c", "a field is of a kind that is not known"),
        (b"\x0e", "a field is of a kind that is not known"),
        (b"\x0f", "a field is of a kind that is not known"),
        (one(1, Account().written[:-1]), "it ends in the middle of a number"),
        (one(1, Account().written[:11]), "it ends in the middle of a field"),
        (one(1, 7), "an account is no run of bytes"),
        (payload(Account()) + one(3, 1), "batch_size stands twice"),
        (one(1, Account().written) + one(2, b"\1"), "version is no number"),
    ],
)
def test_damaged_data(data: bytes, told: str) -> None:
    """It is refused as a whole: what was lost cannot be told from what was never there."""
    with pytest.raises(InvalidURI, match=f"^the data is damaged: {told}$") as refused:
        from_migration([uri(data)])
    shows_nothing(refused.value)


def test_every_truncation_is_refused_or_leaves_out_nothing_of_an_account() -> None:
    """Cut anywhere, an export is damaged, or has lost no more than what it says of batches."""
    whole = payload(Account(type=1, counter=300), Account(name="bob"))
    accounts = [described(row) for row in from_migration([uri(whole)])]
    for end in range(len(whole)):
        try:
            rows = from_migration([uri(whole[:end])])
        except InvalidURI:
            continue
        assert [described(row) for row in rows] == accounts[: len(rows)]


@pytest.mark.parametrize("uris", [START + BASE32, 7, None, [START.encode()], [7], b"ab"])
def test_another_type_is_a_type_error(uris: Any) -> None:
    """A single text is not taken for many of one letter."""
    with pytest.raises(TypeError, match=r"uris must be an iterable of str|each of uris must be a str") as refused:
        from_migration(uris)
    shows_nothing(refused.value)


def test_nothing_is_shown() -> None:
    """Neither in what is read, nor in a bad row; and an error of the caller's own iterable comes through."""
    rows = from_migration(export([Account(), Account(type=1, counter=-1), Account(secret=RAW + bytes(109))]))
    assert not any(text in repr(row) for row in rows for text in (BASE32, RAW.hex(), repr(RAW), "alice"))

    def broken() -> Iterator[str]:
        yield uri(payload(Account()))
        raise LookupError

    with pytest.raises(LookupError) as refused:
        from_migration(broken())
    shows_nothing(refused.value)


# ---- laws ----

ACCOUNTS = st.builds(
    Account,
    secret=st.binary(min_size=10, max_size=128).filter(any),
    name=st.text(max_size=30).filter(lambda text: ":" not in text),
    issuer=st.text(max_size=30).filter(lambda text: ":" not in text),
    algorithm=st.sampled_from([1, 2, 3]),
    digits=st.sampled_from([1, 2]),
    type=st.sampled_from([1, 2]),
    counter=st.integers(0, 2**63 - 1),
    unique=st.text(max_size=5),
)
BATCHES = st.lists(st.lists(ACCOUNTS, min_size=1, max_size=3), min_size=1, max_size=4)


@given(batches=BATCHES, version=st.integers(0, 2), batch=st.integers(-(2**31), 2**31 - 1), data=st.data())
def test_what_is_written_is_read(batches: list[list[Account]], version: int, batch: int, data: st.DataObject) -> None:
    """Every account of every export, whatever the order of its QR codes and of the fields in an account."""
    uris = []
    for index, accounts in enumerate(batches):
        mixed = [b"".join(data.draw(st.permutations(account.parts))) for account in accounts]
        numbers = enumerate((version, len(batches), index, batch), 2)
        uris.append(uri(b"".join([*(one(1, text) for text in mixed), *(one(*number) for number in numbers)])))
    rows = from_migration(data.draw(st.permutations(uris)))
    assert [described(row) for row in rows] == [_expected(account) for accounts in batches for account in accounts]


def _expected(account: Account) -> dict[str, object]:
    return {
        "account": account.name.strip() or None,
        "issuer": account.issuer.strip() or None,
        "secret": base64.b32encode(account.secret).decode().rstrip("="),
        "type": "hotp" if account.type == 1 else "totp",
        "algorithm": ALGORITHMS[account.algorithm],
        "digits": 8 if account.digits == 2 else 6,
        "counter": account.counter if account.type == 1 else None,
    }


SEED = payload(Account(type=1, counter=2**40, unique="u"), Account(algorithm=3, digits=2), version=2)


DAMAGED = st.binary(max_size=200) | st.tuples(
    st.integers(0, len(SEED)), st.binary(max_size=4), st.integers(0, len(SEED))
).map(lambda cut: SEED[: cut[0]] + cut[1] + SEED[cut[2] :])


@given(data=DAMAGED)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing but `InvalidURI` comes out of data, whatever it is."""
    try:
        rows = from_migration([uri(data)])
    except InvalidURI:
        return
    assert rows
    assert all(isinstance(row, Moved | BadRow) for row in rows)


@given(text=st.text() | st.text(alphabet="Aa+/=%&#? \ud800").map(START.__add__))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nor out of text."""
    with pytest.raises(InvalidURI):
        from_migration([text])


LONGEST: Final = 262_144


def _bad(length: int) -> list[str]:
    """Costly texts of a length: as many accounts, as many fields, as many runs in runs as go in."""
    room = (length - len(START)) // 4 * 3
    units = (
        b"\x0a\x00", b"\x0a\x02\x0a\x00", b"\x10\x01", b"\x0a\x04\x20\x01\x20\x01", b"\x80", b"\xfa\x01\x00",
        one(1, one(1, RAW)), b"\x7a" + varint(2**63),
    )  # fmt: skip
    texts = [START + base64.b64encode((unit * room)[:room]).decode() for unit in units]
    return [*texts, *(START + (unit * room)[:room] for unit in ("%41", "%", "&", "=")), "?" * length]


def _seconds(text: str) -> float:
    began = time.process_time()
    with suppress(InvalidURI):
        from_migration([text])
    return time.process_time() - began


@pytest.mark.uncounted
@pytest.mark.parametrize("place", range(13))
def test_the_longest_is_read_in_time_and_room(place: int) -> None:
    """Time grows with length, not with its square, and what a length claims is not set aside."""
    text = _bad(LONGEST)[place]
    assert len(text) <= LONGEST
    assert _seconds(text) < 5.0
    tracemalloc.start()
    try:
        _seconds(text)
        assert tracemalloc.get_traced_memory()[1] < 128 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("uris", [[uri(payload(Account())) + " " * LONGEST], [START + "A" * LONGEST], ["x" * 2**20]])
def test_what_is_longer_is_refused_unread(uris: list[str]) -> None:
    """Whatever it holds."""
    with pytest.raises(InvalidURI, match=r"^the URIs must have at most 262144 characters in all$"):
        from_migration(uris)


def test_the_length_is_that_of_all_of_them() -> None:
    """An iterable that goes on and on is not read to its end."""
    text, taken = uri(payload(Account())), 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while taken < LONGEST:
            taken += 1
            yield text

    with pytest.raises(InvalidURI, match="at most 262144 characters in all"):
        from_migration(endless())
    assert taken == LONGEST // len(text) + 1


# ---- protobuf's own reader ----


@pytest.fixture(scope="module")
def schema() -> Any:
    """The payload as a class of protobuf's own runtime, which a description makes; no generated code is needed."""
    if importlib.util.find_spec("google") is None or importlib.util.find_spec("google.protobuf") is None:
        need.miss("needs protobuf")
    descriptors = importlib.import_module("google.protobuf.descriptor_pb2")
    pools = importlib.import_module("google.protobuf.descriptor_pool")
    factory = importlib.import_module("google.protobuf.message_factory")
    kinds = descriptors.FieldDescriptorProto
    made = descriptors.FileDescriptorProto(name="migration.proto", package="made", syntax="proto3")
    account, whole = made.message_type.add(name="Account"), made.message_type.add(name="Payload")
    whole.field.add(name="accounts", number=1, type=kinds.TYPE_MESSAGE, label=3, type_name=".made.Account")
    for number, name in enumerate(("version", "batch_size", "batch_index", "batch_id"), 2):
        whole.field.add(name=name, number=number, type=kinds.TYPE_INT32, label=1)
    # Names as bytes: whether they are UTF-8 is looked at beside the format.
    for number, name in enumerate(("secret", "name", "issuer"), 1):
        account.field.add(name=name, number=number, type=kinds.TYPE_BYTES, label=1)
    for number, name in enumerate(("algorithm", "digits", "type"), 4):
        account.field.add(name=name, number=number, type=kinds.TYPE_INT32, label=1)
    account.field.add(name="counter", number=7, type=kinds.TYPE_INT64, label=1)
    pool = pools.DescriptorPool()
    pool.Add(made)
    return factory.GetMessageClass(pool.FindMessageTypeByName("made.Payload"))


@given(accounts=st.lists(ACCOUNTS, min_size=1, max_size=5), batch=st.integers(-(2**31), 2**31 - 1))
def test_what_protobuf_writes_is_read(schema: Any, accounts: list[Account], batch: int) -> None:
    """Whatever an export holds, and our own encoder writes the same bytes."""
    message = schema(version=1, batch_size=1, batch_id=batch)
    for account in accounts:
        message.accounts.add(
            secret=account.secret,
            name=account.name.encode(),
            issuer=account.issuer.encode(),
            algorithm=account.algorithm,
            digits=account.digits,
            type=account.type,
            counter=account.counter,
        )
    written = message.SerializeToString()
    assert [described(row) for row in from_migration([uri(written)])] == [_expected(account) for account in accounts]
    ours = [replace(account, unique="") for account in accounts]
    assert schema.FromString(payload(*ours, batch=batch)) == message


@given(data=DAMAGED)
@example(data=SEED)
def test_protobuf_reads_what_is_read(schema: Any, data: bytes) -> None:
    """Of any bytes: what is read here says the same there, and what is damaged there is refused here."""
    try:
        message = schema.FromString(data)
    except importlib.import_module("google.protobuf.message").DecodeError:
        with pytest.raises(InvalidURI):
            from_migration([uri(data)])
        return
    try:
        rows = from_migration([uri(data)])
    except InvalidURI:
        assume(False)  # stricter than protobuf, which takes the last of two fields and passes over groups
    assert len(rows) == len(message.accounts)
    for row, account in zip(rows, message.accounts, strict=True):
        if isinstance(row, BadRow):
            continue
        token, kind = row.token, 1 if isinstance(row.token, HOTP) else 2
        assert token.secret.reveal() == account.secret
        assert (account.type or 2, ALGORITHMS[account.algorithm or 1]) == (kind, str(token.algorithm))
        assert {0: 6, 1: 6, 2: 8}[account.digits] == token.digits
        assert kind == 2 or row.spent == account.counter
        names = row.account or "", row.issuer or ""
        assert (account.name.decode().strip(), account.issuer.decode().strip()) == names or ":" in account.name.decode()


# ---- QR codes ----


def test_qr_images_of_an_export_are_read(tmp_path: Path) -> None:
    """Ten accounts a QR code, as the app has it: drawn, scanned by two readers, in the wrong order, and read."""
    need.need("zbarimg")
    accounts = [Account(secret=bytes([number]) * 20, name=f"user{number}@example.com") for number in range(1, 24)]
    texts = export(accounts[:10], accounts[10:20], accounts[20:])
    files = [tmp_path / f"{index}.png" for index in range(3)]
    for text, file in zip(texts, files, strict=True):
        segno.make_qr(text, error="l").save(str(file), scale=4, border=4)
    scanned = [qr_codes(Image.open(file))[0] for file in reversed(files)]
    command = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", *map(str, reversed(files))]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    for read in (scanned, told):
        assert [row.account for row in from_migration(read) if isinstance(row, Moved)] == [one.name for one in accounts]
