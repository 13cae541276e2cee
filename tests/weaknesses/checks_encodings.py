"""V41, V42 and V43: a shared secret from elsewhere, and how it is read and written.

Rules of this file:

1. A secret shorter than 128 bits is taken only from another system, by whoever says so; the contract's lower bound is
   10 bytes, because such secrets are out there.
2. What is forgiven in base32 is said; all else is refused, never guessed.
"""

import ast
import base64
import hashlib
import re
from contextlib import suppress
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any, cast

from totpcore import TOTP, AlreadyEnrolled, Confirmed, Enrolment, InvalidSecret, InvalidURI, Secret, TwoFactor, hotp
from totpcore.testing import Phone
from weaknesses.frame import NOW, TOTPCORE, Library, User, calls_in, holds, outcome, refuses, weakness
from weaknesses.twins import BASE32, KEY, enrols_as, with_line

# ---- V41: weak secrets from elsewhere ----


def takes_what_it_gets() -> Library:
    """No bounds: whatever was imported is a secret."""

    class Anything(Secret):
        __slots__ = ()

        def __init__(self, raw: bytes) -> None:
            object.__setattr__(self, "_raw", raw)

    return replace(TOTPCORE, secret=Anything)


@weakness("V41", twin=takes_what_it_gets)
def no_import_is_empty_short_or_all_zero(lib: Library) -> None:
    """Under 10 bytes, all zero, or over 128 bytes: refused as bytes, as base32 and in a URI.

    HMAC pads with NUL and hashes what is longer than a block, so that some keys have equals. They are known and taken
    as they are: what decides whether a secret is known already is the record, one per user.
    """
    short = [b"", b"\0", b"A", b"AA", b"A" * 9, bytes(range(9)), b"A" * 129, b"A" * 1000]
    for raw in (*short, *(bytes(length) for length in range(1, 65)), bytes(128)):
        holds(refuses(partial(lib.secret, raw), InvalidSecret), "it is no secret as bytes")
        text = base64.b32encode(raw).decode()
        holds(refuses(partial(lib.secret.from_base32, text), InvalidSecret), "nor in base32")
        uri = f"otpauth://totp/a?secret={text.rstrip('=')}"
        holds(refuses(partial(lib.key_uri.parse, uri), InvalidURI), "nor in a URI")
    for text in ("", "A", "AA", "00", "AAAAAAAA", "A" * 32):
        holds(refuses(partial(lib.secret.from_base32, text), InvalidSecret), "nor are the well-known examples")
    padded, long = KEY + b"\0", bytes(range(128))
    for one, other in ((KEY, padded), (long, hashlib.sha1(long).digest())):
        holds(lib.hotp(one, 1) == lib.hotp(other, 1), "some keys are equal to HMAC")
        holds(lib.secret(one) != lib.secret(other), "and stay what they are")


class Undemanding(TwoFactor):
    """Takes over every token."""

    def adopt(self, user: str, token: Any, *, spent: int, allow_weak: bool = False) -> Confirmed:
        return super().adopt(user, token, spent=spent, allow_weak=True)


def adopts_weak_secrets() -> Library:
    """A service to which 80 bits are as good as 160."""
    return replace(TOTPCORE, two_factor=Undemanding)


@weakness("V41", twin=adopts_weak_secrets)
def a_weak_secret_is_taken_only_when_asked_for(lib: Library) -> None:
    """From 10 to 15 bytes, `adopt` needs `allow_weak=True`, and the status says `weak_secret` from then on."""
    for length in (10, 15, 16, 20):
        secret = lib.secret(KEY[:length])
        token, weak = lib.totp_token(secret), length < 16
        holds(secret.weak is weak, "fewer than 128 bits are weak")
        user = User(lib)
        adopt = partial(user.service.adopt, "alice", token, spent=-1)
        holds(outcome(adopt) == ("InvalidSecret" if weak else "ok"), "a weak secret is refused")
        with suppress(AlreadyEnrolled):
            adopt(allow_weak=True)
        holds(user.service.status("alice").weak_secret is weak, "taken on purpose, it is told of")


# ---- V42: lenient base32 ----


def guesses_what_was_meant() -> Library:
    """The standard library's decoder with everything it forgives, after `upper`."""

    class Lenient(Secret):
        __slots__ = ()

        @classmethod
        def from_base32(cls, text: str) -> Secret:
            meant = text.upper().replace(" ", "").replace("-", "").rstrip("=").replace("8", "B")
            return cls(base64.b32decode(meant + "=" * (-len(meant) % 8), casefold=True, map01="L"))

    return replace(TOTPCORE, secret=Lenient)


@weakness("V42", twin=guesses_what_was_meant)
def base32_is_read_as_it_is_written(lib: Library) -> None:
    """Exactly A to Z and 2 to 7; lower case, spaces, hyphens and the right padding are forgiven, nothing is guessed.

    Non-zero bits left over at the end are tolerated: widely used software writes them. The bound is 512 characters.
    """
    canonical = {lib.secret.from_base32(text).base32 for text in (
        BASE32, BASE32.lower(), "gezd gnbv gy3t qojq gezd gnbv gy3t qojq", "GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ",
        f" {BASE32} ", f"-{BASE32}-",
    )}  # fmt: skip
    holds(canonical == {BASE32}, "what people type is read, and written in one way")
    digits = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567 -")
    others = [chr(point) for point in range(256) if chr(point) not in digits | {"="}]
    others += list("\u017f\u0131\u0130\u212a\uff21\uff12\u0662\u2007\u2011\u00ad\u200b\ufeff\ud800")
    for character in others:
        for text in (character + BASE32[1:], BASE32[:9] + character + BASE32[10:], BASE32[:-1] + character):
            holds(refuses(partial(lib.secret.from_base32, text), InvalidSecret), "another character is refused")
    for length in (17, 19, 22, 25, 27, 30, 33, 35, 38):
        holds(refuses(partial(lib.secret.from_base32, "B" * length), InvalidSecret), "so is a length that is none")
    for text in (
        BASE32[:16] + "=" + BASE32[16:], "=" + BASE32, BASE32 + "=", BASE32[:18] + "=", BASE32[:18] + "=" * 5,
        BASE32[:18] + "=" * 7, BASE32[:18] + "=" * 14, BASE32[:20] + "=" * 3, BASE32 * 17, BASE32 + " " * 600,
    ):  # fmt: skip
        holds(refuses(partial(lib.secret.from_base32, text), InvalidSecret), "so are wrong padding and endless text")
    source = Random(42)
    for length in range(10, 129):
        raw = source.randbytes(length)
        written = base64.b32encode(raw).decode()
        for text in (written, written.rstrip("="), written.lower()):
            secret = lib.secret.from_base32(text)
            holds(secret.reveal() == raw and secret.base32 == written.rstrip("="), "what is written is read back")
    holds(lib.secret.from_base32("BCDEFGHIJKLMNOPQRB").base32 == "BCDEFGHIJKLMNOPQRA", "bits left over are dropped")


def maps_the_digits() -> Library:
    """A line that reads 0 as O and 1 as L."""
    return with_line("secret.py", "def read(text): return base64.b32decode(text, casefold=True, map01='L')")


@weakness("V42", twin=maps_the_digits)
def no_decoder_is_told_to_guess(lib: Library) -> None:
    """Base32 is a number in base 32, read once, or what `b32decode` reads without `casefold` and `map01`.

    Base64 is read only with `validate`. No `upper` beside it but that of ASCII: the long s is no S.
    """
    decoders = list[str]()
    for module, source in lib.sources.items():
        for call in calls_in(source):
            name, options = ast.unparse(call.func).rpartition(".")[2], {word.arg for word in call.keywords}
            if name in {"b32decode", "b32hexdecode"}:
                decoders.append(module)
                holds(not options and len(call.args) == 1, f"{module} decodes base32 strictly")
            if name == "int" and ast.unparse(call).endswith(", 32)"):
                decoders.append(module)
                holds(ast.unparse(call) == "int(digits.value, 32)", f"{module} decodes base32 as a number")
            holds(name != "b64decode" or "validate" in options, f"{module} decodes base64 strictly")
            ascii_only = "text.value.upper() if text.value.isascii() else"
            holds(
                module != "secret.py" or name != "upper" or ascii_only in source, "no letter becomes ASCII by its case"
            )
    holds(decoders == ["secret.py"], "base32 is decoded in one place")


# ---- V43: encodings mixed up ----


def takes_text_for_bytes() -> Library:
    """A key that is a text is encoded somehow."""

    def easy(key: bytes | str, counter: int, **options: Any) -> str:
        return hotp(key.encode() if isinstance(key, str) else key, counter, **options)

    return replace(TOTPCORE, hotp=easy)


@weakness("V43", twin=takes_text_for_bytes)
def bytes_and_text_are_two_things(lib: Library) -> None:
    """Text where bytes belong, bytes where base32 belongs, anything but a `Secret` in a token: each a `TypeError`.

    The seeds of RFC 6238 have 20, 32 and 64 bytes; with the seed of another hash the codes are others.
    """
    anything = cast("Any", lib)
    for wrong in (BASE32, KEY.decode(), bytearray(KEY), memoryview(KEY), list(KEY), None, 5):
        holds(refuses(partial(anything.hotp, wrong, 1), TypeError), "a key is bytes")
        holds(refuses(partial(anything.totp, wrong, NOW), TypeError), "a key is bytes")
        holds(refuses(partial(anything.secret, wrong), TypeError), "a secret is made of bytes")
        holds(refuses(partial(anything.totp_token, wrong), TypeError), "a token is made of a Secret")
        holds(refuses(partial(anything.hotp_token, wrong), TypeError), "a token is made of a Secret")
    for no_text in (BASE32.encode(), KEY, bytearray(KEY), None, lib.secret(KEY)):
        holds(refuses(partial(anything.secret.from_base32, no_text), TypeError), "base32 is text")
    holds(refuses(partial(anything.totp_token, KEY), TypeError), "the bytes themselves are no Secret")
    for at, codes in (
        (59, ("94287082", "46119246", "90693936")),
        (1_111_111_109, ("07081804", "68084774", "25091201")),
        (20_000_000_000, ("65353130", "77737706", "47863826")),
    ):
        for code, name, length in zip(codes, ("SHA1", "SHA256", "SHA512"), (20, 32, 64), strict=True):
            seed = (KEY * 4)[:length]
            holds(lib.totp(seed, at, digits=8, algorithm=name) == code, "the vectors of RFC 6238 hold with their seeds")
            token = lib.totp_token(lib.secret(seed), digits=8, algorithm=name)
            holds(token.code(at) == code, "and for a token")
            holds(length == 20 or lib.totp(KEY, at, digits=8, algorithm=name) != code, "and not with another's seed")


def shows_another_key_by_hand() -> Library:
    """The key to type by hand is encoded once more."""

    class Twice(Enrolment):
        __slots__ = ()

        @property
        def manual_key(self) -> str:
            return base64.b32encode(self.secret.base32.encode()).decode().rstrip("=")

    return enrols_as(Twice)


@weakness("V43", twin=shows_another_key_by_hand)
def the_key_by_hand_is_the_key_in_the_uri(lib: Library) -> None:
    """Typed by hand or scanned, as it is or in lower case: the same secret, the same codes, and they confirm."""
    user = User(lib)
    enrolment = user.service.enrol("alice", account="alice")
    scanned = Phone.scan(enrolment.uri).uri.token
    holds(re.fullmatch("([A-Z2-7]{4} ){7}[A-Z2-7]{4}", enrolment.manual_key) is not None, "it is in groups of four")
    by_hand = enrolment.manual_key
    for text in (by_hand, by_hand.lower(), by_hand.replace(" ", "")):
        typed = lib.totp_token(lib.secret.from_base32(text))
        holds(typed.secret == scanned.secret == enrolment.secret, "it is the key in the URI")
        holds(isinstance(scanned, TOTP) and typed.code(NOW) == scanned.code(NOW), "it makes the same codes")
    code = lib.totp_token(lib.secret.from_base32(by_hand)).code(NOW)
    holds(f"secret={enrolment.secret.base32}&" in enrolment.uri, "the URI has it in base32, without padding")
    holds(outcome(partial(user.service.confirm, "alice", code)) == "ok", "a code of it confirms")
