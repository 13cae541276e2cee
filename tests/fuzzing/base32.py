"""Fuzz target: shared secrets in base32, as people type them.

Rules of this file:

1. What base32 is, and where the first fault lies, is told a second time by one regular expression; the bytes are told
   by arithmetic, and by the standard library.
2. What is refused is `InvalidSecret`, in one of the texts that are known here: nothing that was typed is in it.
"""

import base64
import re
from typing import Final

from totpcore.errors import InvalidSecret
from totpcore.secret import Secret

from .inputs import Fault, Input, check

ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
PIECES: Final = (
    *ALPHABET, *ALPHABET.lower(), *ALPHABET, *" -=\t\n0189.+/_", "\0", "\u0131", "\u017f", "\u212a", "\u00df",
    "\uff21", "\ud800", "\u00a0", "\U0001f511", "======", "====", "===", "AAAAAAAA", "GEZDGNBVGY3TQOJQ", "gezd gnbv ",
)  # fmt: skip

_BODY: Final = re.compile("[A-Za-z2-7 -]*")
_END: Final = re.compile(r"[ =-]*\Z")
_NEEDED: Final = {0: 0, 2: 6, 4: 4, 5: 3, 7: 1}
_REFUSALS: Final = re.compile(
    r"character [0-9]{1,3} is not in the base32 alphabet|base32 ends in the middle of a byte"
    r"|the padding does not complete the last group|a base32 secret must have at most 512 characters"
    r"|a secret must have 10 to 128 bytes, not all of them zero"
)


def target(data: bytes) -> None:
    """Read base32 and hold bytes, or the refusal's position, against the naive reading."""
    source = Input(data)
    raw = source.take(source.byte())
    written = base64.b32encode(raw).decode() if source.byte() & 1 else ""
    text = source.decorated(written, PIECES) if written else source.text(PIECES)
    try:
        secret = Secret.from_base32(text)
    except InvalidSecret as error:
        check(_REFUSALS.fullmatch(str(error)) is not None, "a refusal is in words that are not known")
        check(error.position == naive_fault(text), "a refusal names another position")
        return
    check(secret.reveal() == naive_bytes(text), "base32 is read as other bytes")
    check(naive_fault(text) == -1, "what is not base32 was read")
    check(Secret.from_base32(secret.base32) == secret, "what is written is not read")
    check(Secret.from_base32(secret.grouped.lower()) == secret, "what is written in groups is not read")


def naive_fault(text: str) -> int | None:
    """The position of the first fault; `None` where it is the text's or the secret's length; -1 where there is none."""
    if len(text) > 512:
        return None
    found = _BODY.match(text)
    if found is None:
        raise Fault("an empty match is a match")
    if not _END.match(text, found.end()):
        return found.end()
    letters = re.sub("[^A-Za-z2-7]", "", found[0])
    padding = text.count("=")
    if not letters or len(letters) % 8 not in _NEEDED or (padding and padding != _NEEDED[len(letters) % 8]):
        return len(found[0].rstrip(" -"))
    raw = naive_bytes(text)
    return -1 if 10 <= len(raw) <= 128 and raw.count(0) != len(raw) else None


def naive_bytes(text: str) -> bytes:
    """The bytes of base32, by arithmetic and by the standard library."""
    letters = re.sub("[^A-Z2-7]", "", text.upper())
    number = 0
    for letter in letters:
        number = number << 5 | ALPHABET.index(letter)
    length = len(letters) * 5 // 8
    raw = (number >> (len(letters) * 5 - length * 8)).to_bytes(length, "big")
    check(raw == base64.b32decode(letters + "=" * (-len(letters) % 8)), "the two naive readings differ")
    return raw
