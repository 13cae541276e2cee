"""The one value that is kept per user, and how it is written.

Rules of this file:

1. Everything about a user's second factor is in one `Record`: the active credential, a pending one beside it, the
   recovery codes, the tallies. What changes together therefore changes in one swap.
2. The bytes carry their version. Every released version stays readable: a golden file of each is in the tests.
3. Decoding is total and strict: any bytes give a `Record` or an `Unreadable`, in time linear in their number. It
   returns the error instead of raising it, because `JSONDecodeError.doc` would hold the record.
4. A record without its spent counter is unreadable. Reading it as "nothing spent" would bring old codes back.
"""

import base64
import json
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from typing import Final, NamedTuple, TypeVar

from ._guard import LATEST, Hidden, exact, text
from .keyuri import KeyURI
from .otp import HOTP, LARGEST_COUNTER, TOTP, Algorithm
from .recovery import DIGEST_BYTES, MOST_CODES, SALT_BYTES, RecoverySet
from .secret import Secret
from .throttle import Tally

VERSION: Final = 1
LONGEST_BYTES: Final = 16_384  # a record with 100 recovery codes and the longest names is under 10 000

T = TypeVar("T")
_Take = Callable[[str], object]  # takes a field out of a JSON object


class Active(NamedTuple):
    """A confirmed credential.

    Attributes:
        token: The token.
        spent: The highest counter that was accepted, -1 for none. It never goes down.
        enrolled_at: Unix seconds.
        last_used_at: Unix seconds of the last acceptance; `None` where there was none since `adopt`.
        generation: A random word, new with every credential.
        recovery: The recovery codes that came with it, or were renewed since.
    """

    token: TOTP | HOTP
    spent: int
    enrolled_at: float
    last_used_at: float | None
    generation: str
    recovery: RecoverySet


class Pending(NamedTuple):
    """A credential that has been shown and not confirmed.

    Attributes:
        token: The token.
        account: The account name in the URI.
        expires_at: Unix seconds.
        failures: Wrong codes at `confirm`.
    """

    token: TOTP
    account: str
    expires_at: float
    failures: int


class Record(NamedTuple):
    """A user's second factor.

    Attributes:
        active: The confirmed credential.
        pending: The one that waits to be confirmed.
        code_tally: Wrong one-time codes in a row.
        recovery_tally: Wrong recovery codes in a row.
        enrol_until: Until then `enrol` may stand in for `replace`: a recovery code was just accepted.
    """

    active: Active | None = None
    pending: Pending | None = None
    code_tally: Tally = Tally()
    recovery_tally: Tally = Tally()
    enrol_until: float = 0.0


EMPTY: Final = Record()  # what a user without a value has


class Unreadable(NamedTuple):
    """Why bytes are no record, in words that show nothing of them."""

    reason: str


def encode(record: Record) -> Hidden[bytes]:
    """Write a record in the newest version: the JSON that `json.dumps` would make of it without spaces.

    Numbers, base64 and our own names need no quoting; the two texts among the fields are quoted by `json`. A test holds
    both alike, byte by byte. `json.dumps` of dictionaries made for it takes three times as long.
    """
    active = Hidden("null") if record.active is None else _written_active(record.active)
    pending = Hidden("null") if record.pending is None else _written_pending(record.pending)
    written = Hidden(
        f'{{"v":{VERSION},"active":{active.value},"pending":{pending.value},'
        f'"code_tally":{_written_tally(record.code_tally)},"recovery_tally":{_written_tally(record.recovery_tally)},'
        f'"enrol_until":{record.enrol_until!r}}}'
    )
    return Hidden(written.value.encode("ascii"))


def _written_active(active: Active) -> Hidden[str]:
    kept, last_used_at = active.recovery, "null" if active.last_used_at is None else repr(active.last_used_at)
    return Hidden(
        f'{{"spent":{active.spent},"enrolled_at":{active.enrolled_at!r},"last_used_at":{last_used_at},'
        f'"generation":{quoted(active.generation)},"recovery":{{"salt":"{_b64(kept.salt)}",'
        f'"digests":"{_b64(kept.digests)}","spent":{kept.spent}}},{_written_token(active.token).value}}}'
    )


def _written_pending(pending: Pending) -> Hidden[str]:
    return Hidden(
        f'{{"account":{quoted(pending.account)},"expires_at":{pending.expires_at!r},"failures":{pending.failures},'
        f"{_written_token(pending.token).value}}}"
    )


def _written_token(token: TOTP | HOTP) -> Hidden[str]:
    """Write the fields of a token, which stand among those of its credential."""
    kind, times = ("totp", f',"period":{token.period},"t0":{token.t0}') if isinstance(token, TOTP) else ("hotp", "")
    return Hidden(
        f'"type":"{kind}","secret":"{_b64(token.secret.reveal())}","digits":{token.digits},'
        f'"algorithm":"{token.algorithm}"{times}'
    )


def _written_tally(tally: Tally) -> str:
    return f'{{"failures":{tally.failures},"until":{tally.until!r}}}'


def decode(data: Hidden[bytes]) -> Record | Unreadable:
    """Read a record of any released version."""
    if len(data.value) > LONGEST_BYTES:
        return Unreadable("it is too long")
    try:
        fields: Hidden[object] = Hidden(_parse(data.value.decode("ascii")))
        if _whole(exact("a record", fields.value, dict).pop("v"), 0, LARGEST_COUNTER) != VERSION:
            return Unreadable("its version is unknown")
        return _read(fields, _read_record)
    except (ValueError, TypeError, KeyError, RecursionError):
        return Unreadable("it is damaged")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a name that stands twice, of which JSON would take the last."""
    if len(fields := dict(pairs)) != len(pairs):
        raise ValueError("a field stands twice")
    return fields


_parse: Final = json.JSONDecoder(object_pairs_hook=_object).decode  # `json.loads` with a hook makes one each time


# ---- fields are taken out by type and range; each of these raises `ValueError`, `TypeError` or `KeyError` ----


def _read(source: Hidden[object], read: Callable[[_Take], T]) -> T:
    """Read a JSON object, and refuse fields that nobody took: they would be lost when the record is written again."""
    found = read(exact("a part", source.value, dict).pop)
    if source.value:
        raise ValueError("unknown fields")
    return found


def _whole(value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError("not a whole number, or out of range")
    return value


def _moment(value: object) -> float:
    if (type(value) is not int and type(value) is not float) or not 0 <= value <= 2 * LATEST:  # NaN compares false
        raise ValueError("not a number of seconds, or out of range")
    return value


def _text(value: object, high: int) -> str:
    return text("a text", exact("a text", value, str), 1, high)


def _binary(value: object) -> bytes:
    written = Hidden(exact("base64", value, str))
    del value
    raw = Hidden(base64.b64decode(written.value, validate=True))
    if _b64(raw.value) != written.value:  # `validate` lets some padding and some stray bits pass, and which has changed
        raise ValueError("not base64 as it is written here")
    return raw.value


def _read_record(take: _Take) -> Record:
    active, pending = Hidden(take("active")), Hidden(take("pending"))
    return Record(
        active=None if active.value is None else _read(active, _read_active),
        pending=None if pending.value is None else _read(pending, _read_pending),
        code_tally=_read(Hidden(take("code_tally")), _read_tally),
        recovery_tally=_read(Hidden(take("recovery_tally")), _read_tally),
        enrol_until=_moment(take("enrol_until")),
    )


def _read_token(take: _Take) -> TOTP | HOTP:
    secret, digits = Secret(_binary(take("secret"))), _whole(take("digits"), 6, 8)
    algorithm, kind = Algorithm(_text(take("algorithm"), 6)), take("type")
    if kind == "hotp":
        return HOTP(secret, digits=digits, algorithm=algorithm)
    if kind != "totp":
        raise ValueError("not a type of token")
    period, t0 = _whole(take("period"), 10, 300), _whole(take("t0"), 0, LARGEST_COUNTER)
    return TOTP(secret, digits=digits, period=period, t0=t0, algorithm=algorithm)


def _read_active(take: _Take) -> Active:
    last_used_at = take("last_used_at")
    return Active(
        token=_read_token(take),
        spent=_whole(take("spent"), -1, LARGEST_COUNTER),
        enrolled_at=_moment(take("enrolled_at")),
        last_used_at=None if last_used_at is None else _moment(last_used_at),
        generation=_text(take("generation"), 64),
        recovery=_read(Hidden(take("recovery")), _read_recovery),
    )


def _read_pending(take: _Take) -> Pending:
    pending = Pending(
        token=exact("token", _read_token(take), TOTP),
        account=_text(take("account"), 512),
        expires_at=_moment(take("expires_at")),
        failures=_whole(take("failures"), 0, LARGEST_COUNTER),
    )
    KeyURI.quietly(pending.token, pending.account, None)  # what could not be shown again is not a pending secret
    return pending


def _read_recovery(take: _Take) -> RecoverySet:
    salt, digests = _binary(take("salt")), _binary(take("digests"))
    count, rest = divmod(len(digests), DIGEST_BYTES)
    if len(salt) != SALT_BYTES or rest or not 1 <= count <= MOST_CODES:
        raise ValueError("not a set of recovery codes")
    return RecoverySet(salt, digests, _whole(take("spent"), 0, 2**count - 1))


def _read_tally(take: _Take) -> Tally:
    return Tally(_whole(take("failures"), 0, LARGEST_COUNTER), _moment(take("until")))


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
