"""What a record is, told a second time: tables over plain JSON, which share no code with the codec.

Rules of this file:

1. `PARTS` is `docs/reference/record.md` as data: each part has these fields and no others, each field one test.
2. Base64 that is not as it is written is left open: there Pythons differ.
3. Values are compared as plain data (`records.describe`), so that a field that is read as another is seen.
"""

import base64
import json
import math
import re
from collections.abc import Callable
from typing import Final

from records import describe
from totpcore._record import Record

from .uris import naive_name

_FARTHEST: Final = 2 * 253_402_300_799  # twice the last second of the year 9999
_LARGEST: Final = 2**64 - 1
_BASE64: Final = re.compile("[A-Za-z0-9+/]*={0,2}")

Test = Callable[[object], bool]


def _whole(low: int, high: int) -> Test:
    return lambda value: type(value) is int and low <= value <= high


def _text(high: int) -> Test:
    return lambda value: type(value) is str and 1 <= len(value) <= high and not re.search("[\0\ud800-\udfff]", value)


def _binary(good: Callable[[bytes], bool]) -> Test:
    def test(value: object) -> bool:
        if type(value) is not str or not _BASE64.fullmatch(value):
            return False
        letters = value.rstrip("=")
        raw = base64.b64decode(letters + "=" * (-len(letters) % 4)) if len(letters) % 4 != 1 else b""
        if base64.b64encode(raw).decode() != value and len(letters) % 4 != 1:
            raise _Unclear
        return good(raw)

    return test


def _moment(value: object) -> bool:
    return type(value) in (int, float) and 0 <= float(value) <= _FARTHEST  # type: ignore[arg-type]  # just looked at


_TOKEN: Final[dict[str, Test]] = {
    "type": lambda value: value in ("totp", "hotp"),
    "secret": _binary(lambda raw: 10 <= len(raw) <= 128 and raw.strip(b"\0") != b""),
    "digits": _whole(6, 8),
    "algorithm": lambda value: type(value) is str and value.upper() in ("SHA1", "SHA256", "SHA512"),
}
_TIME: Final[dict[str, Test]] = {"period": _whole(10, 300), "t0": _whole(0, _LARGEST)}

PARTS: Final[dict[str, dict[str, Test]]] = {
    "record": {
        "v": lambda value: type(value) is int and value == 1,
        "active": lambda value: value is None or _is_part("active", value),
        "pending": lambda value: value is None or _is_part("pending", value),
        "code_tally": lambda value: _is_part("tally", value),
        "recovery_tally": lambda value: _is_part("tally", value),
        "enrol_until": _moment,
    },
    "active": _TOKEN
    | {
        "spent": _whole(-1, _LARGEST),
        "enrolled_at": _moment,
        "last_used_at": lambda value: value is None or _moment(value),
        "generation": _text(64),
        "recovery": lambda value: _is_part("recovery", value),
    },
    "pending": _TOKEN
    | {
        "type": lambda value: value == "totp",
        "account": lambda value: _text(512)(value) and naive_name(str(value)) is not None,
        "expires_at": _moment,
        "failures": _whole(0, _LARGEST),
        "t0": lambda value: type(value) is int and value == 0,
    },
    "recovery": {
        "salt": _binary(lambda raw: len(raw) == 16),
        "digests": _binary(lambda raw: len(raw) % 32 == 0 and 32 <= len(raw) <= 3200),
        "spent": _whole(0, 2**100 - 1),
    },
    "tally": {"failures": _whole(0, _LARGEST), "until": _moment},
}


def _is_part(name: str, value: object) -> bool:
    """Whether a value is that part of a record."""
    if not isinstance(value, dict):
        return False
    tests = PARTS[name]
    if value.get("type") == "totp":
        tests = _TIME | tests
    if set(value) != set(tests) or not all(test(value[field]) for field, test in tests.items()):
        return False
    return name != "recovery" or int(value["spent"]) < 2 ** (len(base64.b64decode(value["digests"])) // 32)


class _Unclear(Exception):
    """Base64 that no record of ours has: padding too long or too short, or bits left over.

    Whether the standard library reads it differs among Pythons.
    """


class _Twice(Exception):
    """A field stands twice."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise _Twice
    return dict(pairs)


def is_record(held: bytes) -> bool | None:
    """Whether bytes are a record; `None` where that depends on the Python that reads them."""
    if len(held) > 16_384 or not held.isascii():
        return False
    try:
        return _is_part("record", json.loads(held.decode(), object_pairs_hook=_once))
    except _Unclear:
        return None
    except (_Twice, ValueError, RecursionError):  # not JSON, or JSON that no record is
        return False


def says_the_same(held: bytes, record: Record) -> bool:
    """Whether a record has the values that are written in the bytes."""
    whole, described = json.loads(held), describe(record)
    return (
        _credential(whole["active"], described["active"])
        and _credential(whole["pending"], described["pending"])
        and described["wrong one-time codes"] == whole["code_tally"]
        and described["wrong recovery codes"] == whole["recovery_tally"]
        and _same(described["enrol until"], whole["enrol_until"])
    )


def _credential(written: dict[str, object] | None, described: dict[str, object] | None) -> bool:
    """Whether a credential is the one that is written."""
    if written is None or described is None:
        return written is described
    plain: dict[str, object] = {name.replace("_", " "): value for name, value in written.items()}
    plain["secret"] = base64.b64decode(str(written["secret"])).hex()
    plain["type"], plain["algorithm"] = str(written["type"]).upper(), str(written["algorithm"]).upper()
    recovery = plain.pop("recovery", None)
    if isinstance(recovery, dict):
        digests = base64.b64decode(recovery["digests"]).hex()
        plain["recovery salt"] = base64.b64decode(recovery["salt"]).hex()
        plain["recovery digests"] = re.findall(".{64}", digests)
        bits = reversed(f"{recovery['spent']:b}")
        plain["recovery codes spent"] = [place for place, bit in enumerate(bits) if bit == "1"]
    other = {name.replace("_", " "): value for name, value in described.items()}
    return plain.keys() == other.keys() and all(_same(plain[name], other[name]) for name in plain)


def _same(one: object, other: object) -> bool:
    """Whether two values are equal and of one type: 1 is neither `True` nor 1.0."""
    return type(one) is type(other) and one == other and not (isinstance(one, float) and math.isnan(one))
