"""A megabyte of anything costs no time and no memory; so does the worst that still fits.

Rules of this file:

1. What is longer than its bound is refused unread, so that the memory is that of the refusal, whatever the length.
2. Bounds of time are wide: they tell linear from quadratic, not fast from slow.
"""

import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from fuzzing.targets import TARGETS
from records.life import USER, Life
from totpcore import HOTP, TOTP, Secret, TotpcoreError
from totpcore._guard import Hidden
from totpcore._record import LONGEST_BYTES, Unreadable, decode
from totpcore.errors import InvalidParameters, InvalidSecret, InvalidURI
from totpcore.keyuri import KeyURI
from totpcore.recovery import canonical_recovery_code

pytest_plugins = ["records.fixtures"]
pytestmark = pytest.mark.uncounted

MEGABYTE = 1 << 20
SECRET = Secret(b"12345678901234567890")
UNREAD = 32 * 1024  # bytes: an exception and its text
QUICK, BOUNDED = 0.5, 20.0  # seconds; the second is for a target with its naive implementations, traced

UNITS = (
    "1", " ", "-", "\t", "=", "A", "a", "A=", "%", "%41", "&", "a=b&", "secret=A&", "?", ":", "#", "\0", "[", "{",
    '{"a":', '"', "9", "1,", "\\u0041", "\u0131", "\uff11", "\ud800", "\U0001f511", "e\u0301",
)  # fmt: skip
PREFIXES = ("", "otpauth://totp/", "otpauth://totp/a?secret=", "otpauth://hotp/a?counter=", '{"v":1,"active":')


def texts(length: int) -> list[str]:
    """Texts of that length, of every unit behind every prefix."""
    return [(prefix + unit * (length // len(unit)))[:length] for prefix in PREFIXES for unit in UNITS]


def cost(call: Callable[..., object], *arguments: object) -> tuple[float, int]:
    """The seconds of this process and the bytes that a call takes, whatever it raises of totpcore's."""
    tracemalloc.start()
    try:
        began = time.process_time()
        with suppress(TotpcoreError):
            call(*arguments)
        return time.process_time() - began, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


READERS: dict[str, Callable[[str], object]] = {
    "TOTP.match": lambda text: TOTP(SECRET).match(text, 0, after=-1),
    "HOTP.match": lambda text: HOTP(SECRET).match(text, after=-1),
    "HOTP.resync": lambda text: HOTP(SECRET).resync([text, text], after=-1),
    "recovery code": lambda text: canonical_recovery_code(Hidden(text)),
    "Secret.from_base32": Secret.from_base32,
    "KeyURI.parse": KeyURI.parse,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_megabyte_of_text_is_refused_unread(reader: str) -> None:
    """A megabyte is no code, no secret and no URI; it takes no time, and no memory that grows with it."""
    for text in texts(MEGABYTE):
        seconds, peak = cost(READERS[reader], text)
        assert seconds < QUICK
        assert peak < UNREAD


def test_a_megabyte_is_refused_with_the_documented_error() -> None:
    """The refusal is the one that every other wrong text gets."""
    for text in texts(MEGABYTE):
        assert TOTP(SECRET).match(text, 0, after=-1) is None
        assert canonical_recovery_code(Hidden(text)) is None
        with pytest.raises(InvalidSecret):
            Secret.from_base32(text)
        with pytest.raises(InvalidURI):
            KeyURI.parse(text)


def test_a_megabyte_of_bytes_is_no_record() -> None:
    """A store that gives back a megabyte gives back nothing that is read."""
    for text in texts(MEGABYTE):
        held = text.encode("utf-8", "surrogatepass")
        seconds, peak = cost(decode, Hidden(held))
        assert isinstance(decode(Hidden(held)), Unreadable)
        assert seconds < QUICK
        assert peak < UNREAD


@pytest.mark.parametrize("length", [64, 512, 4096])
def test_the_longest_text_that_is_read(length: int) -> None:
    """What is just short enough to be read takes time and memory in proportion."""
    KeyURI.parse("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ")  # imports what it needs when it is first called
    for text in texts(length):
        for read in READERS.values():
            seconds, peak = cost(read, text)
            assert seconds < QUICK
            assert peak < UNREAD + 256 * length


def test_the_longest_bytes_that_are_read() -> None:
    """So does a record: nested as deep as it can be, a number or a text as long, or as many fields."""
    for text in texts(LONGEST_BYTES):
        held = text.encode("utf-8", "surrogatepass")[:LONGEST_BYTES]
        seconds, peak = cost(decode, Hidden(held))
        assert isinstance(decode(Hidden(held)), Unreadable)
        assert seconds < QUICK
        assert peak < UNREAD + 256 * LONGEST_BYTES


def test_a_megabyte_is_typed(life: Life) -> None:
    """Every call that takes text refuses a megabyte of it as it refuses ten characters, and is charged as little."""
    life.on()
    service = life.service
    service.replace(USER, life.code(), account="alice")
    before = life.raw
    take_a_code = (
        service.verify, service.recover, service.disable, service.renew_recovery_codes, service.confirm,
    )  # fmt: skip
    for text in ("1" * MEGABYTE, " " * MEGABYTE, "\U0001f511" * MEGABYTE, "\ud800" * MEGABYTE):
        calls: list[Callable[[], object]] = [
            *(partial(call, USER, text) for call in take_a_code),
            partial(service.resync, USER, text, text),
            partial(service.replace, USER, text, account="alice"),
            partial(service.enrol, "somebody else", account=text),
        ]
        for call in calls:
            seconds, peak = cost(call)
            assert seconds < QUICK
            assert peak < 4 * UNREAD
        with pytest.raises(InvalidParameters):
            service.verify(text, "123456")
        with pytest.raises(InvalidParameters):
            service.reset(USER, actor="carol", reason=text)
    assert life.raw == before


@pytest.mark.parametrize("name", TARGETS)
def test_a_megabyte_into_each_target(name: str) -> None:
    """Each target takes a megabyte by each of its ways, with its naive implementation beside."""
    for way in range(16):
        for unit in (b"\0", b"\xff", b"1", b"[", b"=&", bytes(range(256))):
            data = bytes([way]) + b"\x01\x02\x03" + unit * (MEGABYTE // len(unit))
            seconds, peak = cost(TARGETS[name], data)
            assert seconds < BOUNDED
            assert peak < 64 * MEGABYTE
