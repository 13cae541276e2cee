"""The codec of records: what is written is read again, for ever; anything else is `Unreadable`, and never an exception.

The golden file of version 1 is `records/version-1.json`. It is never changed.
"""

import base64
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from records import Description, describe, golden, records
from totpcore._guard import Hidden
from totpcore._record import EMPTY, LONGEST_BYTES, Record, Unreadable, decode, encode
from totpcore.secret import Secret

GOLDEN = golden(1)
FULL = GOLDEN["everything"]["bytes"]
DROP = object()


def read(text: str | bytes) -> Record | Unreadable:
    """Decode what somebody wrote."""
    return decode(Hidden(text.encode() if isinstance(text, str) else text))


def written(record: Record) -> bytes:
    """The bytes of a record."""
    return encode(record).value


# ---- what is written is read again ----


@pytest.mark.requirement("A5-11.2.2")
@given(records)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    """Decoding what was encoded gives an equal record, of whatever shape."""
    assert read(written(record)) == record


@given(records)
def test_a_record_is_written_in_one_way(record: Record) -> None:
    """Encoding what was decoded gives the same bytes: a store compares values, and a swap must not fail for nothing."""
    again = read(written(record))
    assert isinstance(again, Record)
    assert written(again) == written(record)


@given(records)
def test_what_is_written_is_what_json_writes(record: Record) -> None:
    """The bytes are those of `json.dumps` without spaces, to the last escape: no name and no number is garbled."""
    fields = json.loads(written(record))
    assert json.dumps(fields, separators=(",", ":")).encode() == written(record)


@given(records)
def test_records_are_plain_ascii(record: Record) -> None:
    """The bytes are printable ASCII on one line, whatever the names: no database and no editor garbles them."""
    assert written(record).decode("ascii").isprintable()


@given(records)
def test_records_stay_small(record: Record) -> None:
    """Also with a hundred recovery codes and the longest names a record is well within what is read."""
    assume(record.pending is None or len(record.pending.account.encode()) <= 512)
    assert len(written(record)) < 10_000 < LONGEST_BYTES


# ---- version 1 ----


@pytest.mark.requirement("N63B4-3.1.1.2-3")
@pytest.mark.parametrize("name", GOLDEN)
def test_version_1_is_read_for_ever(name: str) -> None:
    """What version 1 wrote means what it meant."""
    found = read(GOLDEN[name]["bytes"])
    assert isinstance(found, Record)
    assert describe(found) == GOLDEN[name]["record"]


@pytest.mark.parametrize("name", GOLDEN)
def test_version_1_is_written_the_same(name: str) -> None:
    """As long as version 1 is the newest, encoding gives its very bytes."""
    found = read(GOLDEN[name]["bytes"])
    assert isinstance(found, Record)
    assert written(found).decode() == GOLDEN[name]["bytes"]


def test_the_golden_file_uses_every_field() -> None:
    """Over all of the golden records, no field is empty everywhere."""
    used: set[str] = set()
    for row in GOLDEN.values():
        for part in (row["record"], row["record"]["active"] or {}, row["record"]["pending"] or {}):
            used |= {name for name, value in part.items() if value not in (None, 0, -1, [])}
    assert used >= {
        "active", "pending", "wrong one-time codes", "wrong recovery codes", "enrol until", "type", "secret", "digits",
        "algorithm", "period", "t0", "spent", "enrolled at", "last used at", "generation", "recovery salt",
        "recovery digests", "recovery codes spent", "account", "expires_at", "failures",
    }  # fmt: skip


def test_the_golden_file_has_both_kinds_of_token_and_every_hash() -> None:
    """TOTP and HOTP, SHA-1, SHA-256 and SHA-512, 6, 7 and 8 digits all stand in it."""
    parts = [part for row in GOLDEN.values() for part in (row["record"]["active"], row["record"]["pending"]) if part]
    assert {part["type"] for part in parts} == {"TOTP", "HOTP"}
    assert {part["algorithm"] for part in parts} == {"SHA1", "SHA256", "SHA512"}
    assert {part["digits"] for part in parts} == {6, 7, 8}


# ---- everything else is Unreadable ----


def changed(path: tuple[str, ...], value: object) -> str:
    """The golden record with everything in it, and one thing changed or dropped."""
    fields: Description = json.loads(FULL)
    part = fields
    for name in path[:-1]:
        part = part[name]
    if value is DROP:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return json.dumps(fields)


def paths(part: Description, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every name in a description, with those that lead to it."""
    found = []
    for name, value in part.items():
        found.append((*before, name))
        if isinstance(value, dict):
            found += paths(value, (*before, name))
    return found


PATHS = paths(json.loads(FULL))
MOMENTS = ("until", "enrol_until", "expires_at", "enrolled_at", "last_used_at")
PARTS = [path for path in PATHS if path[-1] in ("active", "pending", "recovery", "code_tally", "recovery_tally")]
each_path = pytest.mark.parametrize("path", PATHS, ids=".".join)


def test_the_change_that_changes_nothing_is_readable() -> None:
    """The tests below break a record that is sound."""
    assert read(changed(("v",), 1)) == read(FULL)


@each_path
def test_a_field_that_is_missing(path: tuple[str, ...]) -> None:
    """Without any one of its fields, the spent counter above all, a record is unreadable: nothing is made up."""
    assert isinstance(read(changed(path, DROP)), Unreadable)


@each_path
@pytest.mark.parametrize("value", [True, False, [], {}, "", [1], {"a": 1}, -2, float("nan"), float("inf")], ids=repr)
def test_a_field_of_another_type(path: tuple[str, ...], value: object) -> None:
    """A field of another type or out of range makes the record unreadable; a bool is no number, NaN is none."""
    assert isinstance(read(changed(path, value)), Unreadable)


@each_path
@pytest.mark.parametrize(("value", "fitting"), [("x", ("account", "generation")), (3.5e11, MOMENTS)], ids=repr)
def test_a_field_that_some_may_be(path: tuple[str, ...], value: object, fitting: tuple[str, ...]) -> None:
    """A name is an account or a generation, a number of seconds a moment, and nothing else."""
    assert isinstance(read(changed(path, value)), Record) is (path[-1] in fitting)


@each_path
def test_a_field_that_is_null(path: tuple[str, ...]) -> None:
    """Only what may be absent may be null."""
    fitting = path in (("active",), ("pending",), ("active", "last_used_at"))
    assert isinstance(read(changed(path, None)), Unreadable) is not fitting


@pytest.mark.parametrize("path", [("extra",), *((*path, "extra") for path in PARTS)], ids=".".join)
def test_a_field_too_many(path: tuple[str, ...]) -> None:
    """A field that this version does not know is refused: it would be lost when the record is written again."""
    assert isinstance(read(changed(path, None)), Unreadable)


@pytest.mark.requirement("N63B4-3.1.1.2-3")
@pytest.mark.parametrize("version", [0, 2, 99, 2**70, True, "1", 1.0, None, [1]], ids=repr)
def test_an_unknown_version(version: object) -> None:
    """Only the whole number 1 is version 1."""
    assert isinstance(read(changed(("v",), version)), Unreadable)


def test_an_unknown_version_says_so() -> None:
    """An operator can tell a record of a newer totpcore from a damaged one."""
    assert read(changed(("v",), 2)) == Unreadable("its version is unknown")
    assert read('{"v":2,"something":"else"}') == Unreadable("its version is unknown")
    assert read(changed(("v",), 0)) == Unreadable("its version is unknown")
    assert read(changed(("v",), -1)) == Unreadable("it is damaged")
    assert read("{}") == Unreadable("it is damaged")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("enrol_until",), 2 * 253_402_300_799), (("active", "generation"), "x" * 64),
        (("pending", "account"), "x" * 512),
        (("active", "spent"), 2**64 - 1), (("active", "spent"), -1), (("code_tally", "failures"), 2**64 - 1),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_value_at_the_end_of_its_range(path: tuple[str, ...], value: object) -> None:
    """The longest and the latest that the rest of totpcore may write is read."""
    assert isinstance(read(changed(path, value)), Record)


def test_the_longest_record_that_is_read() -> None:
    """Its length is looked at first: 16 384 bytes are read, and one more is too long, whatever it is."""
    assert isinstance(read(FULL.encode().ljust(16_384)), Record)
    assert read(FULL.encode().ljust(16_385)) == Unreadable("it is too long")


OUT_OF_RANGE: list[tuple[tuple[str, ...], object]] = [
    (("active", "spent"), -2), (("active", "spent"), 2**64), (("active", "spent"), 1.0), (("active", "digits"), 5),
    (("active", "digits"), 9), (("active", "period"), 9), (("active", "period"), 301), (("active", "t0"), -1),
    (("active", "algorithm"), "MD5"), (("active", "type"), "motp"), (("active", "type"), "hotp"),
    (("active", "secret"), base64.b64encode(bytes(20)).decode()), (("active", "secret"), "AAEC"),
    (("active", "secret"), "A" * 43), (("active", "secret"), "not base64!"),
    (("active", "secret"), "QUJD RUZHSElKS0w="), (("active", "secret"), "QUJDREVGR0hJSktMTU5PUFFSU1Q=="),
    (("active", "secret"), "QUJDREVGR0hJSktMTU5PUFFSU1R="), (("active", "secret"), "QUJDREVGR0hJSktMTU5PUFFSU1Q"),
    (("active", "secret"), base64.b64encode(b"A" * 19 + b"\x0f").decode().replace("8=", "+=")),
    (("active", "generation"), "x" * 65), (("active", "generation"), "a\0b"), (("active", "generation"), "\ud800"),
    (("active", "recovery", "salt"), base64.b64encode(bytes(15)).decode()),
    (("active", "recovery", "salt"), base64.b64encode(bytes(17)).decode()),
    (("active", "recovery", "digests"), base64.b64encode(bytes(31)).decode()),
    (("active", "recovery", "digests"), base64.b64encode(bytes(33)).decode()),
    (("active", "recovery", "digests"), base64.b64encode(bytes(32 * 101)).decode()),
    (("active", "recovery", "digests"), ""), (("active", "recovery", "spent"), -1),
    (("active", "recovery", "spent"), 2**3), (("pending", "account"), "x" * 513), (("pending", "account"), "\udfff"),
    (("pending", "failures"), -1), (("pending", "type"), "hotp"), (("code_tally", "failures"), -1),
    (("code_tally", "failures"), 2**64), (("recovery_tally", "until"), -0.5), (("enrol_until",), -1),
    (("enrol_until",), 2 * 253_402_300_799 + 1),
    (("enrol_until",), 10**400), (("code_tally", "until"), 10**400),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value"), OUT_OF_RANGE, ids=lambda value: str(value)[:40].encode("ascii", "replace").decode()
)
def test_a_value_out_of_range(path: tuple[str, ...], value: object) -> None:
    """What the rest of totpcore could not have written is not read."""
    assert isinstance(read(changed(path, value)), Unreadable)


@pytest.mark.parametrize("kind", ["a", "HOTP", "hot", "hotq", "motp"])
def test_a_type_of_token_that_does_not_exist(kind: str) -> None:
    """Whichever letters come before or behind those of `hotp`."""
    held = GOLDEN["an adopted HOTP token"]["bytes"]
    assert isinstance(read(held), Record)
    assert isinstance(read(held.replace('"type":"hotp"', f'"type":"{kind}"')), Unreadable)


def test_an_hotp_token_cannot_be_pending() -> None:
    """Only TOTP tokens are enrolled here."""
    fields = json.loads(FULL)
    token = {name: fields["pending"][name] for name in ("secret", "digits", "algorithm")} | {"type": "hotp"}
    rest = {name: fields["pending"][name] for name in ("account", "expires_at", "failures")}
    assert isinstance(read(json.dumps(fields | {"pending": token | rest})), Unreadable)


NOT_RECORDS = [
    b"", b"\0", b" ", b"null", b"true", b"1", b'""', b"[]", b"{}", b"NaN", b"{", FULL.encode()[:-1],
    FULL.encode() + b"x",
    FULL.encode() * 2, b"\xef\xbb\xbf" + FULL.encode(), FULL.encode("utf-16"), b"\xff" * 100, b"[" * LONGEST_BYTES,
    b'{"v":' * (LONGEST_BYTES // 5), b"9" * LONGEST_BYTES, b'{"v":' + b"9" * 5000 + b"}", b"1e999999999", b"-" * 100,
    FULL.replace("alice", "\u00e4lice").encode(), FULL.encode().replace(b"alice", b"al\xe4ce"),
]  # fmt: skip


@pytest.mark.parametrize("data", NOT_RECORDS, ids=lambda data: f"{data[:20]!r}, {len(data)} bytes")
def test_bytes_that_are_no_record(data: bytes) -> None:
    """Text of another kind, cut off, doubled, nested beyond any measure, or not ASCII: unreadable, and no exception."""
    assert isinstance(read(data), Unreadable)


@pytest.mark.parametrize(("length", "readable"), [(LONGEST_BYTES, True), (LONGEST_BYTES + 1, False)])
def test_the_longest_record(length: int, readable: bool) -> None:
    """Up to 16 KiB are read at all."""
    found = read(FULL.ljust(length))
    assert isinstance(found, Record) is readable
    assert readable or found == Unreadable("it is too long")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_record_or_unreadable(data: bytes) -> None:
    """Decoding is total."""
    assert isinstance(read(data), Record | Unreadable)


@given(st.integers(0, len(FULL) - 1), st.integers(0, 255))
def test_one_byte_changed(place: int, byte: int) -> None:
    """Whatever one byte of a record is changed to, it is a record or unreadable."""
    data = bytearray(FULL.encode())
    data[place] = byte
    assert isinstance(read(bytes(data)), Record | Unreadable)


@given(st.integers(0, len(FULL)), st.integers(0, len(FULL)), st.binary(max_size=8))
def test_a_piece_cut_out(start: int, end: int, instead: bytes) -> None:
    """Whatever piece of a record is replaced by whatever bytes, it is a record or unreadable."""
    data = FULL.encode()
    assert isinstance(read(data[:start] + instead + data[end:]), Record | Unreadable)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.sampled_from(PATHS), json_values)
def test_any_json_in_any_place(path: tuple[str, ...], value: object) -> None:
    """Whatever JSON stands in the place of a field, it is a record or unreadable."""
    assert isinstance(read(changed(path, value)), Record | Unreadable)


def test_the_reason_shows_nothing_of_the_record() -> None:
    """An `Unreadable` says what kind of trouble it is, and no more."""
    for found in (
        read(changed(("active", "spent"), DROP)),
        read(FULL[:-1]),
        read(changed(("v",), 9)),
        read("x" * 20_000),
    ):
        assert isinstance(found, Unreadable)
        assert found.reason in ("it is damaged", "its version is unknown", "it is too long")


def test_an_empty_record_has_nothing() -> None:
    """A user without a value has no credential, no tally and no time to enrol."""
    assert Record() == EMPTY
    assert describe(EMPTY) == {
        "active": None,
        "pending": None,
        "wrong one-time codes": {"failures": 0, "until": 0},
        "wrong recovery codes": {"failures": 0, "until": 0},
        "enrol until": 0,
    }


def test_a_record_hides_what_is_secret() -> None:
    """The `repr` of a record shows neither secret, nor salt, nor digests."""
    found = read(FULL)
    assert isinstance(found, Record)
    assert found.active
    shown = repr(found)
    kept = found.active.recovery
    for raw in (found.active.token.secret.reveal(), kept.salt, kept.digests[:32]):
        for form in (raw.hex(), base64.b64encode(raw).decode(), repr(raw), Secret(raw).base32):
            assert form not in shown


@pytest.mark.parametrize("name", ["spent", "v", "failures"])
def test_a_field_that_stands_twice(name: str) -> None:
    """JSON would take the last of two; a record with a field twice is refused."""
    text = next(golden_record["bytes"] for golden_record in GOLDEN.values() if '"spent":' in golden_record["bytes"])
    assert isinstance(read(text), Record)
    assert isinstance(read(text.replace(f'"{name}":', f'"{name}":1,"{name}":', 1)), Unreadable)
