"""Fuzz target: what a store gives back, and what becomes of it.

Rules of this file:

1. Which bytes are a record is told a second time, by the tables of `schema.py` over plain JSON. Both have to agree on
   all bytes. Decoding returns, whatever it is given.
2. A record that was read is written and read again, and is the same.
3. Whatever a call does to a record that can be read, what it stores can be read, and while the credential lives its
   spent counter does not go down. On what cannot be read, every call but `reset` is `RecordUnreadable` and changes
   nothing. A call raises what is documented and nothing else.
"""

import hashlib
import json
from collections.abc import Callable
from copy import deepcopy
from typing import Final

from records import golden
from totpcore import HOTP, TOTP, Enforcement, Plaintext, Rule, Secret, TwoFactor, errors
from totpcore._guard import Hidden
from totpcore._record import Active, Pending, Record, Unreadable, decode, encode
from totpcore.recovery import RecoveryCodes, keep
from totpcore.testing import HandClock

from . import schema
from .inputs import EDGES, Fault, Input, check

NOW: Final = 1_800_000_000
_SECRET: Final = Secret(b"12345678901234567890")
_RECOVERY: Final = RecoveryCodes(["0123-4567-89AB-CDEF-GHJK-MNPQ", "1111-1111-0000-0000-ZZZZ-ZZZZ"])
_NEXT: Final = HOTP(_SECRET, digits=8).code(43)
_PENDING: Final = Pending(TOTP(_SECRET), "alice", NOW + 600, 0)
_KNOWN: Final = tuple(
    encode(Record(Active(token, spent, NOW, None, "a word", keep(_RECOVERY, b"a salt of 16 byt")), waiting)).value
    for token, spent, waiting in (
        (TOTP(_SECRET), -1, _PENDING),
        (HOTP(_SECRET, digits=8), 41, None),
        (TOTP(_SECRET, t0=NOW - 90, period=60), 2, None),
    )
)
TEMPLATES: Final = (*_KNOWN, *(case["bytes"].encode("ascii") for case in golden(1).values()))

_FIELDS: Final = (*dict.fromkeys(name for part in schema.PARTS.values() for name in part), "x")
_VALUES: Final[tuple[object, ...]] = (
    None, True, False, "", "x", "totp", "hotp", "SHA1", "SHA512", "sha1", "\0", "\ud800", "A" * 64, "A" * 65, "A" * 513,
    "AA==", "AAAAAAAAAAAAAAAAAAAAAA==", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=", "MTIz NDU2Nzg5MDEyMzQ1Njc4OTA=", "a:b", " a ",
    "e\u0301", "\u202e", -1, -0.0, 0.5, 6.0, 1e308, float("inf"), float("nan"), 20, 30, 300, 301, NOW, NOW + 31.5,
    506_805_200_000, 2**64, 10**30, [], {}, [[]], {"v": 1}, *EDGES,
)  # fmt: skip
_PIECES: Final = (
    b"{}", b"[", b"]", b"[" * 400, b'"v":1,', b"null", b"1e999", b"NaN", b"\\ud800", b"\x00", b"\xc2\x80", b"-",
    b"9" * 5000, b" ", b'{"v":1,', b"Infinity", b'"', b",", b":", b"true", b"1E2", b"1.0", b"\\u0041",
)  # fmt: skip
_REASONS: Final = ("it is too long", "its version is unknown", "it is damaged")
_DOCUMENTED: Final = (errors.Refused, errors.StateError, errors.RecordMissing, errors.InvalidParameters)
# So many failures in a row are beyond any store's life; one more would be beyond the field.
_ENDLESS: Final = 2**63


class _Cell:
    """A store of one value."""

    value: bytes | None = None

    def load(self, user: str, /) -> bytes | None:
        """What is there."""
        return self.value

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace it."""
        check(old == self.value, "a swap names another value than was loaded")
        self.value = new
        return True


class _Tagged:
    """A seal in miniature: a keyed hash before the plaintext."""

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Put the hash before it."""
        return hashlib.blake2b(context + plaintext, key=b"of the test", digest_size=8).digest() + plaintext

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Take it off, or raise where it differs."""
        if sealed != self.seal(sealed[8:], context):
            raise ValueError(sealed)
        return sealed[8:]


_CELL: Final = _Cell()
_CLOCK: Final = HandClock(NOW)
_SERVICE: Final = TwoFactor(_CELL, issuer="ACME", sealer=Plaintext(), clock=_CLOCK, audit=lambda _: None)
_SEALED: Final = TwoFactor(_CELL, issuer="ACME", sealer=_Tagged(), clock=_CLOCK, audit=lambda _: None)

_CALLS: Final[tuple[Callable[[TwoFactor, str], object], ...]] = (
    lambda service, code: service.verify("7", code),
    lambda service, code: service.recover("7", code),
    lambda service, code: service.confirm("7", code),
    lambda service, _: service.enrol("7", account="bob"),
    lambda service, code: service.replace("7", code, account="bob"),
    lambda service, code: service.renew_recovery_codes("7", code),
    lambda service, code: service.disable("7", code),
    lambda service, code: service.resync("7", code, _NEXT),
    lambda service, _: service.adopt("7", TOTP(_SECRET), spent=-1),
    lambda service, _: service.raise_floor("7"),
    lambda service, _: service.pending("7"),
    lambda service, _: service.status("7"),
    lambda service, code: service.gate("7", Enforcement(Rule.REQUIRE, deadline=NOW), expected=code == "1"),
    lambda service, _: service.reset("7", actor="carol", reason="lost"),
)
_RESET: Final = len(_CALLS) - 1


def target(data: bytes) -> None:
    """Read bytes, and let a call work on them."""
    source = Input(data)
    kind = source.below(8)
    if kind == 0:
        read_both_ways(source.rest())
        return
    call, when, code, sealed = source.byte(), source.byte(), source.byte(), kind == 7
    held = TEMPLATES[source.byte() % len(TEMPLATES)]
    held = _edited(held, source) if kind < 5 else _spliced(held, source)
    found = read_both_ways(held)
    if call < 192:
        _call(held, found, (call % len(_CALLS), when, code), sealed=sealed)


def read_both_ways(held: bytes) -> Record | Unreadable:
    """Decode bytes and hold the answer against the naive one."""
    found = decode(Hidden(held))
    if isinstance(found, Unreadable):
        check(found.reason in _REASONS, "a reason is in words that are not known")
        check(schema.is_record(held) is not True, "a record is refused that should be read")
        return found
    check(schema.is_record(held) is not False, "bytes are read that should be refused")
    check(schema.says_the_same(held, found), "a record is read as another")
    check(decode(encode(found)) == found, "what is written is not what was read")
    return found


def _edited(held: bytes, source: Input) -> bytes:
    """A record with fields changed, added or removed."""
    whole = json.loads(held)
    for _ in range(source.below(4)):
        part = whole
        for name in (("active",), ("active", "recovery"), ("pending",), ("code_tally",), ("recovery_tally",), ())[
            source.below(6)
        ]:
            part = part.get(name) if isinstance(part, dict) else part
        if not isinstance(part, dict):
            continue
        names = (*part, *_FIELDS) if source.byte() & 1 else tuple(part)
        name, how = names[source.byte() % len(names)] if names else "x", source.below(8)
        if how == 0:
            part.pop(name, None)
        else:
            part[name] = deepcopy(source.pick(_VALUES)) if how < 6 else source.whole()
    return json.dumps(whole, separators=(",", ":")).encode("ascii")


def _spliced(held: bytes, source: Input) -> bytes:
    """The bytes with pieces put in, overwritten or cut out."""
    for _ in range(1 + source.below(3)):
        place = source.byte() * len(held) // 256 + source.below(8)
        how, length = source.below(4), source.below(16)
        piece = source.pick(_PIECES) if how < 2 else source.take(1 + source.below(3))
        held = held[:place] + (b"" if how == 3 else piece) + held[place + (length if how else 0) :]
    return held


def _call(held: bytes, found: Record | Unreadable, choices: tuple[int, int, int], *, sealed: bool) -> None:
    """Let one call work on what the store holds: which one, at which time, with which code."""
    call, when, code = choices
    _CLOCK.now = NOW + (0, 30, 60, 600, -30, -600, 0.5, 10**9)[when % 8]
    service = _SERVICE
    if sealed:
        service, held = _SEALED, _Tagged().seal(held, b"\0\ntotpcore/1\0\x017")
        if code & 1:
            place = when % len(held)
            held = held[:place] + bytes([held[place] ^ 1 << code % 8]) + held[place + 1 :]
            found = Unreadable("its seal is broken")
    _CELL.value = held
    try:
        _CALLS[call](service, _code(found, code))
    except errors.RecordUnreadable:
        check(isinstance(found, Unreadable) and call != _RESET, "a record that can be read is called unreadable")
        check(_CELL.value == held, "a record that cannot be read was overwritten")
        return
    except errors.TotpcoreError as error:
        if not isinstance(error, _DOCUMENTED):
            raise Fault("a call raises what is not documented") from error
    check(isinstance(found, Record) or call == _RESET, "a call works on a record that cannot be read")
    if isinstance(found, Record):
        _look_after(service, found)


def _code(found: Record | Unreadable, number: int) -> str:
    """A code to type: a right one, a recovery code, a wrong one, or none."""
    if isinstance(found, Record) and number >= 64:
        credential = found.pending if number >= 192 else found.active
        if credential is not None and isinstance(credential.token, TOTP):
            return credential.token.code(_CLOCK.now) if _CLOCK.now >= credential.token.t0 else "1"
        if credential is not None and 0 <= credential_spent(credential) < 2**64 - 3:
            return credential.token.code(credential_spent(credential) + 1 + number % 2)
    return (_RECOVERY[0], _RECOVERY[1], "ZZZZ" * 6, "000000", "1", "", _RECOVERY[0], "00000000")[number % 8]


def credential_spent(credential: Active | Pending) -> int:
    """The spent counter, -1 where there is none."""
    return credential.spent if isinstance(credential, Active) else -1


def _look_after(service: TwoFactor, before: Record) -> None:
    """Look at what a call has stored."""
    if _CELL.value is None:
        return
    after = decode(Hidden(_CELL.value if service is _SERVICE else _CELL.value[8:]))
    if isinstance(after, Unreadable):
        check(before.recovery_tally.failures >= _ENDLESS, "what a call stores cannot be read")
        return
    if before.active and after.active and before.active.generation == after.active.generation:
        check(after.active.spent >= before.active.spent, "a spent counter went down")
