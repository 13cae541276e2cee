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
from typing import Final, NamedTuple, TypeVar

from ._guard import LATEST, Hidden, exact, number, text, whole
from .keyuri import KeyURI
from .otp import HOTP, LARGEST_COUNTER, TOTP, Algorithm
from .recovery import DIGEST_BYTES, MOST_CODES, SALT_BYTES, RecoverySet
from .secret import Secret
from .throttle import Tally

VERSION: Final = 1
LONGEST_BYTES: Final = 16_384  # a record with 100 recovery codes and the longest names is under 10 000

T = TypeVar("T")


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
    """Write a record in the newest version."""
    active, pending = record.active, record.pending
    fields: Hidden[dict[str, object]] = Hidden({"v": VERSION, **record._asdict()})
    fields.value.update(code_tally=record.code_tally._asdict(), recovery_tally=record.recovery_tally._asdict())
    if active is not None:
        kept = active.recovery
        recovery = {"salt": _b64(kept.salt), "digests": _b64(kept.digests), "spent": kept.spent}
        fields.value["active"] = _part_fields(active) | {"recovery": recovery}
    if pending is not None:
        fields.value["pending"] = _part_fields(pending)
    return Hidden(json.dumps(fields.value, separators=(",", ":")).encode("ascii"))


def decode(data: Hidden[bytes]) -> Record | Unreadable:
    """Read a record of any released version."""
    if len(data.value) > LONGEST_BYTES:
        return Unreadable("it is too long")
    try:
        fields = _Fields(json.loads(data.value.decode("ascii"), object_pairs_hook=_object))
        if fields.whole("v", 0, LARGEST_COUNTER) != VERSION:
            return Unreadable("its version is unknown")
        record = Record(
            active=fields.optional("active", _read_active),
            pending=fields.optional("pending", _read_pending),
            code_tally=_read_tally(fields.part("code_tally")),
            recovery_tally=_read_tally(fields.part("recovery_tally")),
            enrol_until=fields.moment("enrol_until"),
        )
        fields.end()
    except (ValueError, TypeError, KeyError, RecursionError):
        return Unreadable("it is damaged")
    return record


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a name that stands twice, of which JSON would take the last."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a field stands twice")
    return dict(pairs)


class _Fields:
    """A JSON object whose fields are taken out by type and range. Raises `ValueError`, `TypeError` or `KeyError`."""

    __slots__ = ("_inner", "_left")

    def __init__(self, source: object) -> None:
        self._left: dict[str, object] = dict(exact("a part", source, dict))
        self._inner: list[_Fields] = []

    def part(self, name: str) -> "_Fields":
        self._inner.append(_Fields(self._left.pop(name)))
        return self._inner[-1]

    def optional(self, name: str, read: "Callable[[_Fields, str], T]") -> T | None:
        if self._left[name] is not None:
            return read(self, name)
        del self._left[name]
        return None

    def whole(self, name: str, low: int, high: int) -> int:
        return whole(name, exact(name, self._left.pop(name), int), low, high)

    def moment(self, name: str) -> float:
        value = self._left.pop(name)
        return number(name, value if isinstance(value, int) else exact(name, value, float), high=2 * LATEST)

    def text(self, name: str, high: int) -> str:
        return text(name, exact(name, self._left.pop(name), str), 1, high)

    def binary(self, name: str) -> bytes:
        written = exact(name, self._left.pop(name), str)
        raw = base64.b64decode(written, validate=True)
        if _b64(raw) != written:  # `validate` lets some padding and some stray bits pass, and which has changed
            raise ValueError("not base64 as it is written here")
        return raw

    def end(self) -> None:
        """Refuse fields that nobody took: they would be lost when the record is written again."""
        if self._left:
            raise ValueError("unknown fields")
        for inner in self._inner:
            inner.end()


def _part_fields(part: Active | Pending) -> dict[str, object]:
    """Return the fields of a credential, with those of its token among them."""
    fields, token = part._asdict(), part.token
    del fields["token"]
    fields |= {
        "type": "hotp",
        "secret": _b64(token.secret.reveal()),
        "digits": token.digits,
        "algorithm": token.algorithm,
    }
    return fields | {"type": "totp", "period": token.period, "t0": token.t0} if isinstance(token, TOTP) else fields


def _read_token(fields: _Fields) -> TOTP | HOTP:
    secret, digits = Secret(fields.binary("secret")), fields.whole("digits", 6, 8)
    algorithm, kind = Algorithm(fields.text("algorithm", 6)), fields.text("type", 4)
    if kind == "hotp":
        return HOTP(secret, digits=digits, algorithm=algorithm)
    if kind != "totp":
        raise ValueError("not a type of token")
    period, t0 = fields.whole("period", 10, 300), fields.whole("t0", 0, LARGEST_COUNTER)
    return TOTP(secret, digits=digits, period=period, t0=t0, algorithm=algorithm)


def _read_active(outer: _Fields, name: str) -> Active:
    fields = outer.part(name)
    return Active(
        token=_read_token(fields),
        spent=fields.whole("spent", -1, LARGEST_COUNTER),
        enrolled_at=fields.moment("enrolled_at"),
        last_used_at=fields.optional("last_used_at", _Fields.moment),
        generation=fields.text("generation", 64),
        recovery=_read_recovery(fields.part("recovery")),
    )


def _read_pending(outer: _Fields, name: str) -> Pending:
    fields = outer.part(name)
    pending = Pending(
        token=exact("token", _read_token(fields), TOTP),
        account=fields.text("account", 512),
        expires_at=fields.moment("expires_at"),
        failures=fields.whole("failures", 0, LARGEST_COUNTER),
    )
    KeyURI.quietly(pending.token, pending.account, None)  # what could not be shown again is not a pending secret
    return pending


def _read_recovery(fields: _Fields) -> RecoverySet:
    salt, digests = fields.binary("salt"), fields.binary("digests")
    count, rest = divmod(len(digests), DIGEST_BYTES)
    if len(salt) != SALT_BYTES or rest or not 1 <= count <= MOST_CODES:
        raise ValueError("not a set of recovery codes")
    return RecoverySet(salt, digests, fields.whole("spent", 0, 2**count - 1))


def _read_tally(fields: _Fields) -> Tally:
    return Tally(fields.whole("failures", 0, LARGEST_COUNTER), fields.moment("until"))


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
