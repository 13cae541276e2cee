"""V38 to V48: the shared secret, how it is made, read, kept, and kept out of sight.

Rules of this file:

1. Where it matters what is drawn, randomness is `seeded`: the operating system's source is stood in for, and whatever
   else the library draws from is thereby found out.
2. What may not be seen is looked for in every form that `silence.finder` knows.
3. A secret shorter than 128 bits is taken only from another system, by whoever says so; the contract's lower bound is
   10 bytes, because such secrets are out there.
"""

import ast
import base64
import hashlib
import hmac
import inspect
import json
import logging
import os
import pickle
import random
import re
import secrets
import socket
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, fields, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random
from traceback import TracebackException
from typing import Any, Final, cast
from unittest.mock import patch

import pytest

from gates import imported, offences
from silence.finder import Finder
from totpcore import (
    TOTP,
    Accepted,
    AlreadyEnrolled,
    Confirmed,
    Enrolment,
    InvalidCode,
    InvalidParameters,
    InvalidSecret,
    InvalidURI,
    RecordUnreadable,
    Recovered,
    Secret,
    Status,
    TwoFactor,
    _core,
    _states,
    hotp,
)
from totpcore._core import Core
from totpcore._guard import Hidden
from totpcore._record import Record, decode, encode
from totpcore._states import Decision, Moment, Proposal
from totpcore.testing import Phone
from totpcore.testing._races import in_processes
from weaknesses.frame import NOW, TOTPCORE, Library, User, calls_in, holds, outcome, refuses, weakness
from weaknesses.twins import KEY, adopted, faulty, plain, seeded, stored, with_line

DOCS: Final = Path(__file__).parents[2] / "docs"
BASE32: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # of KEY
WRONG: Final = 777  # of the wrong codes, one that stands in no time by chance
QR_SERVICES: Final = ("googleapis", "qrserver", "image-charts", "quickchart", "goqr.me")


# ---- V38: too short by default ----


def counts_base32_characters() -> Library:
    """The length is that of the text, so that the default of 20 means 100 bits."""

    class Shorter(Secret):
        __slots__ = ()

        @classmethod
        def generate(cls, nbytes: int = 20) -> Secret:
            return cls(secrets.token_bytes(nbytes * 5 // 8))

    return replace(TOTPCORE, secret=Shorter, two_factor=faulty((_core, "Secret", Shorter)))


@weakness("V38", twin=counts_base32_characters)
def a_new_secret_has_160_bits(lib: Library) -> None:
    """By default 20 bytes, 32 characters without padding; never fewer than 16 bytes, and `nbytes` says what is meant.

    Under SHA-256 and SHA-512 a new secret is as long as the hash's output (RFC 6238 section 5.1).
    """
    holds(list(inspect.signature(lib.secret.generate).parameters) == ["nbytes"], "the parameter is named `nbytes`")
    made = lib.secret.generate()
    holds(len(made.reveal()) == 20, "the default is 20 bytes")
    holds(re.fullmatch("[A-Z2-7]{32}", made.base32) is not None, "that is 32 characters, unpadded")
    for nbytes in (16, 20, 32, 64, 128):
        holds(len(lib.secret.generate(nbytes).reveal()) == nbytes, "as many bytes are made as were asked for")
    for nbytes in (-1, 0, 10, 15, 129):
        holds(refuses(partial(lib.secret.generate, nbytes), InvalidParameters), "no new secret has under 128 bits")
        holds(refuses(partial(lib.policy, secret_bytes=nbytes), InvalidParameters), "no policy asks for one")
    for nbytes in cast("list[int]", [True, 20.0, "20", None]):
        holds(refuses(partial(lib.secret.generate, nbytes), TypeError), "a length is an int")
    for policy, length in (
        (lib.policy(), 20),
        (lib.policy(algorithm="SHA256"), 32),
        (lib.policy(algorithm="SHA512"), 64),
        (lib.policy(secret_bytes=16), 16),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # apps that do not know SHA-256 are the matter of V76
            enrolment = User(lib, policy=policy).service.enrol("alice", account="alice")
        holds(len(enrolment.secret.reveal()) == length, "a set-up has as long a secret")


# ---- V39: generator ----


def imports_random() -> Library:
    """A module that has a guessable source within reach."""
    return with_line("secret.py", "from random import choice")


@weakness("V39", twin=imports_random)
def no_guessable_source_is_within_reach(lib: Library) -> None:
    """No module imports `random`, `uuid` or numpy, and none but the service, which needs the clock, imports `time`."""
    drawing = set[str]()
    for module, source in lib.sources.items():
        found = {name.partition(".")[0] for _, name in imported(ast.parse(source))}
        holds(not offences("guessable randomness", module, source), f"{module} imports no guessable source")
        holds("time" not in found or module in {"service.py", "cli.py", "stores/sqlite.py"}, f"{module} needs no clock")
        drawing |= {module} if "secrets" in found else set()
    holds(drawing == {"secret.py", "recovery.py", "_transitions.py"}, "randomness is drawn where it is known to be")


def draws_from_random() -> Library:
    """`random`, which whoever knows or sets the seed can repeat."""

    class Repeats(Secret):
        __slots__ = ()

        @classmethod
        def generate(cls, nbytes: int = 20) -> Secret:
            return cls(random.randbytes(nbytes))

    return replace(TOTPCORE, secret=Repeats, two_factor=faulty((_core, "Secret", Repeats)))


@weakness("V39", twin=draws_from_random)
def everything_drawn_comes_from_secrets(lib: Library) -> None:
    """A seed of `random` repeats nothing, in no child either; secret, recovery codes, salt and generation are drawn."""
    state = random.getstate()

    def draw() -> str:
        random.seed(0)
        return str(lib.secret.generate().base32 + lib.recovery_codes.generate(1)[0])

    try:
        drawn = [draw() for _ in range(4)] + [str(one) for one in in_processes([draw] * 4)]
    finally:
        random.setstate(state)
    holds(len({one[:32] for one in drawn}) == len({one[32:] for one in drawn}) == 8, "a seed repeats nothing")
    with seeded(39) as source:
        user = User(lib).on()
        active = json.loads(stored(user))["active"]
        salt, generation = base64.b64decode(active["recovery"]["salt"]), active["generation"]
        holds(user.phone.uri.token.secret.reveal() in source, "the secret is what `secrets` gave, and all of it")
        holds(salt in source, "so is the salt")
        holds(base64.urlsafe_b64decode(generation + "==") in source, "so is the name of the credential")
        bits = {
            sum(ALPHABET.index(digit) << 5 * place for place, digit in enumerate(plain(code)[::-1]))
            for code in user.codes
        }
        holds(bits <= {int.from_bytes(one, "big") for one in source}, "so is each recovery code")


ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def never_makes_the_last_byte() -> Library:
    """`floor(random * 255)`: no byte is ever 255."""

    class Biased(Secret):
        __slots__ = ()

        @classmethod
        def generate(cls, nbytes: int = 20) -> Secret:
            return cls(bytes(byte * 255 // 256 for byte in secrets.token_bytes(nbytes)))

    return replace(TOTPCORE, secret=Biased)


@weakness("V39", twin=never_makes_the_last_byte)
def every_byte_is_equally_likely(lib: Library) -> None:
    """Over 400 000 bytes of generated secrets, each value is as frequent as chance has it (chi-squared, 255 degrees).

    The source is seeded, so that the figure is always the same: it is the making of a secret that could be biased.
    """
    with seeded(39):
        made = b"".join(lib.secret.generate(128).reveal() for _ in range(3200))
    counts, expected = Counter(made), len(made) / 256
    statistic = sum((counts[value] - expected) ** 2 / expected for value in range(256))
    holds(150 < statistic < 370, "the values of the bytes are equally frequent")


# ---- V40: derived from user data ----


class Derives(TwoFactor):
    """Makes the secret from who somebody is."""

    def enrol(self, user: str, *, account: str) -> Enrolment:
        made = hashlib.sha256(account.encode()).digest()
        with patch.object(secrets, "token_bytes", lambda nbytes: made[:nbytes]):
            return super().enrol(user, account=account)


def derives_it_from_the_account() -> Library:
    """A secret that whoever knows the e-mail address can compute."""
    return replace(TOTPCORE, two_factor=Derives)


@weakness("V40", twin=derives_it_from_the_account)
def a_secret_has_nothing_of_the_user(lib: Library) -> None:
    """The same account never gets the same secret twice, and the same draw gives two users the same: all is drawn.

    No call takes a seed, a password or a text to make a secret from. What is imported is not judged by its look: the
    RFCs' own secret is printable text.
    """
    holds(set(inspect.signature(lib.secret.generate).parameters) == {"nbytes"}, "a secret is made from a length alone")
    for call in (lib.two_factor.enrol, lib.two_factor.replace):
        holds({"self", "user", "code", "account"} >= set(inspect.signature(call).parameters), "a set-up takes no seed")
    made = [User(lib).enrol().phone.uri.token.secret.reveal() for _ in range(3)]
    holds(len(set(made)) == 3, "each set-up of an account has another secret")
    alike = []
    for name in ("alice", "bob@example.com"):
        with seeded(40):
            alike.append(User(lib, user=name).enrol().phone.uri.token.secret.reveal())
    holds(alike[0] == alike[1], "who somebody is makes no difference to what is drawn")
    derived = {hashlib.new(hash_name, b"alice").digest()[:20] for hash_name in ("md5", "sha1", "sha256", "sha512")}
    derived |= {hmac.digest(b"ACME", b"alice", "sha1"), b"alice".ljust(20, b"\0")}
    holds(not derived & set(made), "a secret is no hash of the name")


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
    """`b32decode` is called once, without `casefold` and `map01`; base64 only with `validate`; no `upper` beside it."""
    decoders = list[str]()
    for module, source in lib.sources.items():
        for call in calls_in(source):
            name, options = ast.unparse(call.func).rpartition(".")[2], {word.arg for word in call.keywords}
            if name in {"b32decode", "b32hexdecode"}:
                decoders.append(module)
                holds(not options and len(call.args) == 1, f"{module} decodes base32 strictly")
            holds(name != "b64decode" or "validate" in options, f"{module} decodes base64 strictly")
            holds(module != "secret.py" or name != "upper", "no letter becomes ASCII by its upper case")
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

    class Confused(TwoFactor):
        def enrol(self, user: str, *, account: str) -> Enrolment:
            made = super().enrol(user, account=account)
            return Twice(made.secret, made.expires_at, Hidden(made.uri))

    return replace(TOTPCORE, two_factor=Confused)


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


# ---- V44: the secret in what is printed ----


def shows_itself() -> Library:
    """A secret with a helpful `repr`."""

    class Open(Secret):
        __slots__ = ()

        def __repr__(self) -> str:
            return f"Secret({self.base32!r})"

    return replace(TOTPCORE, secret=Open)


@weakness("V44", twin=shows_itself)
def no_value_shows_what_it_holds(lib: Library) -> None:
    """Neither `repr`, `str`, `format`, `%r`, JSON with `default=str`, `vars` nor `asdict` shows a secret or a code.

    Only `reveal`, `base32` and `grouped` do. `faulthandler` shows no values, `cgitb` the variables of frames, which are
    a check of their own; that pickle and `copy` are refused is one of V83.
    """
    secret = lib.secret(KEY)
    user = adopted(lib)
    enrolment = User(lib).service.enrol("alice", account="alice")
    codes = lib.recovery_codes.generate(2)
    confirmed = Confirmed(recovery_codes=codes, counter=1)
    token = lib.totp_token(secret)
    finder = Finder(
        {"secret": KEY, "pending": enrolment.secret.reveal(), "recovery 1": codes[0], "recovery 2": codes[1]}
    )
    holds(bool(finder.find(BASE32)) and bool(finder.find(codes[0])), "what is looked for would be found")
    for value in (
        secret, token, lib.hotp_token(secret), lib.key_uri(token, account="a"), enrolment, codes, confirmed,
        user.service, user.store, user.service.status("alice"), [secret], {"secret": token}, user.policy,
        InvalidCode(attempts_left=1),
    ):  # fmt: skip
        shown = [repr(value), str(value), ascii(value), f"{value}", f"{value!r:>99}"]
        shown.append(logging.makeLogRecord({"msg": "%r %s", "args": (value, value)}).getMessage())
        with suppress(TypeError):
            shown.append(json.dumps(value, default=str))
        with suppress(TypeError):
            shown.append(str(vars(value)))
        with suppress(TypeError):
            shown.append(str(asdict(cast("Any", value))))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with suppress(TypeError, pickle.PicklingError, AttributeError):
                shown.append(repr(pickle.dumps(value, protocol)))
        holds(not finder.find(*shown), f"a {type(value).__name__} shows nothing of what it holds")
    for closed in (secret, enrolment, codes, token):
        holds(not hasattr(closed, "__dict__"), "there is no dictionary of its fields")
    public = {name for name in dir(lib.secret) if not name.startswith("_")}
    holds(public == {"generate", "from_base32", "reveal", "base32", "grouped", "weak"}, "it is shown by its own calls")


class Logs(TwoFactor):
    """Logs what was typed, to help support."""

    def verify(self, user: str, code: str) -> Accepted:
        logging.getLogger("totpcore.debug").debug("verify %s %s", user, code)
        return super().verify(user, code)


def logs_the_code() -> Library:
    """A service that leaves the code in a log."""
    return replace(TOTPCORE, two_factor=Logs)


@weakness("V44", twin=logs_the_code)
def no_log_line_and_no_event_holds_a_code(lib: Library) -> None:
    """A whole life with every logger at DEBUG: no line, no event and no warning holds a code or a secret."""
    user = User(lib)
    user.service = lib.two_factor(user.store, issuer="ACME", sealer=user.sealer, clock=user.clock)
    lines = list[str]()
    with logged(lines), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        user.on()
        typed = [
            user.code(),
            user.wrong(WRONG),
            user.code(),
            user.codes[0],
            user.codes[0],
            "ZZZZ-" * 5 + "ZZZZ",
            "12 34",
        ]
        for code in typed:
            user.verify(code)
            user.recover(code)
        user.clock.tick(3600)
        typed.append(user.code())
        again = user.service.replace("alice", typed[-1], account="alice")
        user.service.status("alice")
        user.service.reset("alice", actor="root", reason="lost")
    user.service = user.another()
    user.on().service.disable("alice", user.code())
    finder = Finder({f"typed {number}": code for number, code in enumerate(typed) if len(code) > 5})
    finder.add({"secret": user.phone.uri.token.secret.reveal(), "new": again.secret.reveal()})
    finder.add({f"code {number}": code for number, code in enumerate(user.codes)})
    holds(len(lines) > 15 and any("wrong" in line for line in lines), "the calls are in the log")
    holds(not finder.find(*lines), "no line of the log holds one")
    holds(len(user.events) == 3 and not finder.find(*map(repr, user.events)), "no event holds one")
    holds(not finder.find(*(str(one.message) for one in caught)), "no warning holds one")


@contextmanager
def logged(lines: list[str]) -> Iterator[None]:
    """Every line of every logger, from DEBUG on, with what totpcore attaches to it, without the time."""

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept = {name: value for name, value in vars(record).items() if name.startswith("totpcore")}
            kept.pop("totpcore_at", None)
            lines.append(f"{re.sub('at=[0-9]+', '', record.getMessage())} {kept} {record.args}")

    root, handler = logging.getLogger(), Listening()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


class KeepsItBare(TwoFactor):
    """Has what was typed in a variable of its own, while something raises."""

    def verify(self, user: str, code: str) -> Accepted:
        return super().verify(user, code)

    def recover(self, user: str, code: str) -> Recovered:
        return super().recover(user, code)


def keeps_it_bare() -> Library:
    """A service whose frames show the code to whoever reports an error."""
    return replace(TOTPCORE, two_factor=KeepsItBare)


@weakness("V44", twin=keeps_it_bare)
def no_traceback_with_locals_shows_a_code(lib: Library) -> None:
    """What a reporter of errors prints of the library's frames, with their variables, holds no code and no secret.

    The frame that calls is the application's own, and is left out.
    """
    user = adopted(lib)
    finder = Finder(
        {"wrong": user.wrong(WRONG), "recovery": "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ", "secret": KEY, "key": BASE32}
    )
    calls: list[tuple[Callable[..., object], tuple[object, ...]]] = [
        (user.service.verify, ("alice", user.wrong(WRONG))),
        (user.service.recover, ("alice", "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ")),
        (user.service.disable, ("alice", user.wrong(WRONG))),
        (user.service.verify, ("alice", [user.wrong(WRONG)])),
        (lib.secret, (bytearray(KEY),)),
        (lib.secret.from_base32, (BASE32 + "1",)),
        (lib.hotp, (KEY, -1)),
        (lib.totp_token, (KEY,)),
        (lib.hotp_token, (BASE32,)),
        (lib.key_uri.parse, (f"otpauth://totp/a?secret={BASE32}&digits=x",)),
    ]
    for call, arguments in calls:
        shown = ""
        try:
            call(*arguments)
        except Exception as error:  # noqa: BLE001  # whatever is raised is reported
            below = error.__traceback__.tb_next if error.__traceback__ else None
            report = TracebackException(type(error), error, below, capture_locals=True)
            shown = "".join(report.format()) + repr(error.args) + str(vars(error))
        holds("line" in shown, "the call raises in a frame of the library's")
        holds(not finder.find(shown), f"the traceback of {call.__name__} shows nothing")


# ---- V45: the secret at rest ----


class Sealed:
    """A seal for tests: a keystream and a tag, both under HMAC, bound to the context. The newest key seals."""

    def __init__(self, *keys: bytes) -> None:
        self._keys = keys

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Return the tag and the masked plaintext."""
        masked = self._masked(self._keys[0], plaintext)
        return hmac.digest(self._keys[0], context + masked, "sha256") + masked

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Return the plaintext; raises `ValueError` where the seal does not hold."""
        tag, masked = sealed[:32], sealed[32:]
        for key in self._keys:
            if hmac.compare_digest(tag, hmac.digest(key, context + masked, "sha256")):
                return self._masked(key, masked)
        raise ValueError("the seal does not hold")

    @staticmethod
    def _masked(key: bytes, text: bytes) -> bytes:
        stream = hashlib.shake_256(key).digest(len(text))
        return bytes(one ^ other for one, other in zip(text, stream, strict=True))


_SEAL, _OPEN = Core._seal, Core._open


def keeps_pending_secrets_in_clear() -> Library:
    """What is not yet confirmed is only temporary, and is not encrypted."""

    def seal(core: Core, user: str, record: Record) -> Hidden[bytes | None]:
        return _SEAL(core, user, record) if record.pending is None else Hidden(encode(record).value)

    def open_(core: Core, user: str, old: Hidden[bytes | None]) -> Record:
        found = decode(Hidden(old.value or b""))
        return found if isinstance(found, Record) else _OPEN(core, user, old)

    return replace(TOTPCORE, two_factor=faulty((Core, "_seal", seal), (Core, "_open", open_)))


@weakness("V45", twin=keeps_pending_secrets_in_clear)
def everything_at_rest_goes_through_the_seal(lib: Library) -> None:
    """A service does not go without a sealer; a pending secret is sealed like an active one, and nothing is in clear.

    To keep records in clear, `Plaintext()` has to be typed by hand.
    """
    parameter = inspect.signature(lib.two_factor).parameters["sealer"]
    holds(parameter.default is parameter.empty, "the sealer has no default")
    build = partial(
        cast("Callable[..., object]", lib.two_factor), lib.memory_store(), issuer="ACME", policy=lib.policy()
    )
    holds(parameter.kind is parameter.KEYWORD_ONLY and refuses(build, TypeError), "no service goes without")
    for wrong in (None, True, b"key", lib.plaintext, lib.plaintext().seal):
        holds(refuses(partial(build, sealer=wrong), TypeError), "nor with something else than one")
    user = User(lib, sealer=Sealed(b"k" * 32))

    def nothing_in_clear(*shown: Secret) -> None:
        finder = Finder({f"secret {number}": secret.reveal() for number, secret in enumerate(shown)})
        holds(stored(user) != b"" and not finder.find(stored(user)), "no secret is stored in clear")
        holds(b"alice" not in stored(user) and b"secret" not in stored(user), "nor anything else of the record")

    first = user.enrol().phone.uri.token.secret
    nothing_in_clear(first)
    user.on()
    first = user.phone.uri.token.secret
    nothing_in_clear(first)
    nothing_in_clear(first, user.service.replace("alice", user.code(), account="alice").secret)
    user.verify(user.wrong())
    nothing_in_clear(first)


def seals_for_nobody() -> Library:
    """The seal is bound to the application only."""
    return replace(TOTPCORE, two_factor=faulty((_core, "_context", lambda _user: b"totpcore/1")))


@weakness("V45", twin=seals_for_nobody)
def a_sealed_record_cannot_be_moved(lib: Library) -> None:
    """Another's record, and one with any byte changed, cut or lengthened, is unreadable, and is left as it is.

    A new key takes over with the next change, and a lost key opens nothing.
    """
    store = lib.memory_store()
    alice = User(lib, store=store, sealer=Sealed(b"k" * 32)).on()
    bob = User(lib, store=store, sealer=Sealed(b"k" * 32), user="bob").on()
    own, others = stored(bob), stored(alice)
    bad = [others, own + b"\0", own[:-1], own[32:], own[:32], b"\0", others[:32] + own[32:]]
    bad += [own[:at] + bytes([own[at] ^ 1]) + own[at + 1 :] for at in range(0, len(own), 37)]
    for value in bad:
        store.swap("bob", stored(bob), value)
        for call in (partial(bob.service.verify, "bob", alice.code()), partial(bob.service.gate, "bob")):
            holds(refuses(call, RecordUnreadable), "what is not bob's own is unreadable")
        holds(stored(bob) == value, "and is left as it is")
    store.swap("bob", stored(bob), own)
    holds(bob.verify(bob.code()) == "ok", "bob's own opens")
    bob.clock.tick(30)
    bob.sealer = Sealed(b"n" * 32, b"k" * 32)
    bob.service = bob.another()
    holds(bob.verify(bob.code()) == "ok", "the old key still opens after a new one has come")
    bob.clock.tick(30)
    bob.sealer = Sealed(b"n" * 32)
    bob.service = bob.another()
    holds(bob.verify(bob.code()) == "ok", "what was changed since is sealed with the new one")
    bob.sealer = Sealed(b"x" * 32)
    bob.service = bob.another()
    holds(refuses(partial(bob.service.gate, "bob"), RecordUnreadable), "without the key nothing opens")


# ---- V46: shown again ----


def shows_it_again() -> Library:
    """What can be shown while it is pending can be shown later as well."""

    def pending(record: Record, moment: Moment) -> Decision[Enrolment | None]:
        if record.active is None or not isinstance(record.active.token, TOTP):
            return _PENDING(record, moment)
        return Decision(record, Proposal.of(record.active.token, moment.user, moment.issuer).shown(moment.now))

    return replace(TOTPCORE, two_factor=faulty((_states, "pending", pending)))


_PENDING: Final = _states.pending


@weakness("V46", twin=shows_it_again)
def an_active_secret_is_never_shown(lib: Library) -> None:
    """Until it is confirmed, `pending` shows the same QR code again; from then on no call returns anything of it.

    A new set-up shows a new secret, and needs a code where one is active.
    """
    user = User(lib).enrol()
    again = user.service.pending("alice")
    holds(again is not None and again.secret == user.phone.uri.token.secret, "what is pending is shown again")
    user.on()
    secret = user.phone.uri.token.secret
    finder = Finder({"secret": secret.reveal()})
    holds(user.service.pending("alice") is None, "what is confirmed is not")
    answers: list[object] = [user.service.status("alice"), user.service.statuses(["alice"]), user.service.gate("alice")]
    answers.append(user.service.verify("alice", user.code()))
    answers.append(user.service.recover("alice", user.codes[0]))
    answers.append(list(user.service.renew_recovery_codes("alice", user.codes[1])))
    made = user.service.enrol("alice", account="alice")  # a recovery code was just accepted
    holds(made.secret != secret, "a new set-up has a new secret")
    answers += [made.uri, made.manual_key, made.secret.base32, user.service.pending("alice")]
    answers += [
        getattr(one, field.name) for one in answers if isinstance(one, Accepted | Status) for field in fields(one)
    ]
    holds(not finder.find(*answers, *user.events), "no answer holds it")
    other = User(lib).on()
    holds(refuses(partial(other.service.enrol, "alice", account="alice"), AlreadyEnrolled), "it is not begun over")


# ---- V47: a QR code drawn elsewhere ----


def draws_it_elsewhere() -> Library:
    """A line that lets another server draw the picture."""
    return with_line("qr.py", "SERVICE = 'https://chart.googleapis.com/chart?cht=qr&chl='")


@weakness("V47", twin=draws_it_elsewhere)
def nothing_in_the_package_speaks_to_a_network(lib: Library) -> None:
    """No module has an address in it or imports what opens a connection; no page of the documents uses a service."""
    for module, source in lib.sources.items():
        holds(not offences("network", module, source), f"{module} imports nothing that opens a connection")
        for node in ast.walk(ast.parse(source)):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            holds(not re.search("https?:|//www", text), f"{module} has no address in it")
        holds(not any(service in source for service in QR_SERVICES), f"{module} names no service")
    for file in (*DOCS.parent.glob("*.md"), *DOCS.rglob("*.md"), *DOCS.rglob("*.py"), *DOCS.rglob("*.html")):
        told = file.read_text("utf-8") if file.name != "weaknesses.md" else ""
        holds(not re.search(f"https?://[^ )]*({'|'.join(QR_SERVICES)})", told), f"{file.name} uses no service")


def asks_another_server() -> Library:
    """The picture is fetched."""

    class Fetched(Enrolment):
        __slots__ = ()

        def qr_svg(self) -> str:
            with socket.create_connection(("qr.invalid", 443)) as connection:
                connection.sendall(self.uri.encode())
            return "<svg/>"

    class Fetches(TwoFactor):
        def enrol(self, user: str, *, account: str) -> Enrolment:
            made = super().enrol(user, account=account)
            return Fetched(made.secret, made.expires_at, Hidden(made.uri))

    return replace(TOTPCORE, two_factor=Fetches)


@weakness("V47", twin=asks_another_server)
def a_set_up_opens_no_connection(lib: Library) -> None:
    """Set-up, QR codes in three forms, log-in and removal work where every socket raises, and none is asked for.

    The whole suite runs so too, in `tests/surroundings`.
    """
    if find_spec("segno") is None:
        give_up = pytest.fail if os.environ.get("TOTPCORE_TEST_REQUIRE_ALL") == "1" else pytest.skip
        give_up("needs segno")
    asked = list[str]()

    def closed(name: str, *_arguments: object, **_options: object) -> None:
        asked.append(name)
        raise OSError("there is no network")

    with ExitStack() as patches:
        for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname"):
            patches.enter_context(patch.object(socket, name, partial(closed, name)))
        user = User(lib)
        enrolment = user.service.enrol("alice", account="alice")
        for draw in (enrolment.qr_svg, enrolment.qr_png, enrolment.qr_terminal):
            holds(outcome(draw) == "ok", "the picture is drawn here")
        user.on()
        holds(user.verify(user.code()) == user.recover(user.codes[0]) == "ok", "log-in needs no network")
    holds(not asked, "no connection is asked for")


# ---- V48: the secret comes back from the client ----


class Trusting(TwoFactor):
    """Confirms whatever secret comes back with the form."""

    def confirm(self, user: str, code: str, secret: str | None = None) -> Confirmed:
        if secret is None:
            return super().confirm(user, code)
        self._store.swap(user, self._store.load(user), None)
        return self.adopt(user, TOTP(Secret.from_base32(secret)), spent=-1)


def trusts_the_form() -> Library:
    """A service for which the client says which secret is meant."""
    return replace(TOTPCORE, two_factor=Trusting)


@weakness("V48", twin=trusts_the_form)
def the_secret_to_confirm_is_the_one_that_is_kept(lib: Library) -> None:
    """`confirm` takes a user and a code, no more; codes of another secret, a visitor's own or another user's, fail.

    There is no token to be tampered with: what is pending is kept by the store, under the user's own id.
    """
    for name, call in inspect.getmembers(lib.two_factor, inspect.isfunction):
        if not name.startswith("_") and name != "adopt":  # which is for programs that move in
            given = set(inspect.signature(call).parameters) - {"self"}
            holds(not given & {"secret", "token", "key", "uri", "digits", "period"}, f"{name} is told no secret")
    holds(
        list(inspect.signature(lib.two_factor.confirm).parameters) == ["self", "user", "code"], "confirm takes a code"
    )
    with seeded(48):
        user = User(lib).enrol()
        mallory = User(lib, store=user.store, user="mallory").enrol()
    own = lib.totp_token(lib.secret(KEY))
    for code in (own.code(NOW), mallory.code()):
        holds(outcome(partial(user.service.confirm, "alice", code)) == "wrong", "a code of another secret fails")
    holds(refuses(partial(cast("Any", user.service).confirm, "alice", own.code(NOW), BASE32), TypeError), "and is all")
    holds(user.service.status("alice").state == "pending", "nothing is on")
    holds(outcome(partial(user.service.confirm, "alice", user.code())) == "ok", "a code of the kept one confirms")
