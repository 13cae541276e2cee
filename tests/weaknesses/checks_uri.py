"""V69 to V76: the `otpauth` URI and its QR code.

Rules of this file:

1. What a URI says is read by another parser, `urllib`, before it is believed.
2. Names in other people's URIs are kept: only a developer's own are restricted. What a name may not do there is to
   become anything else than a name.
3. The checks that draw a QR code need segno, and are skipped without it, or fail where nothing may be skipped.
"""

import inspect
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from random import Random
from typing import Final, NamedTuple
from unittest.mock import patch
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit
from xml.etree import ElementTree

import pytest

from totpcore import (
    HOTP,
    TOTP,
    Algorithm,
    CompatibilityWarning,
    Confirmed,
    Enrolment,
    InvalidParameters,
    InvalidURI,
    KeyURI,
    Secret,
    TwoFactor,
    _record,
    _urireading,
    keyuri,
)
from totpcore._guard import Hidden
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import altered_record, faulty, stored

KEY: Final = b"12345678901234567890"
BASE32: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
OTHER: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PARAMETERS: Final = ("secret", "issuer", "algorithm", "digits", "period", "counter", "encoder", "steam")
PLAIN: Final = f"otpauth://totp/ACME:alice?secret={BASE32}&issuer=ACME"
NAMES: Final = (
    "a&secret=EVIL", "a?secret=EVIL", "a#x", "a/b", "a\\b", "%26secret=EVIL", "a%3Ab", "a%00b", "a+b", "a b",
    "a;b", "a=b", "a@b.example", "\N{GRINNING FACE}", "\N{LATIN SMALL LETTER U WITH DIAERESIS}", "..", "%", "'\"<>",
)  # fmt: skip


@contextmanager
def quiet() -> Iterator[None]:
    """What apps are known to garble is not the matter of a check here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompatibilityWarning)
        yield


class Read(NamedTuple):
    """What another parser makes of a URI."""

    kind: str
    label: str
    fields: dict[str, list[str]]
    fragment: str


def read_by_urllib(uri: str) -> Read:
    """Read a URI without totpcore."""
    parts = urlsplit(uri)
    return Read(parts.netloc, unquote(parts.path[1:]), parse_qs(parts.query, keep_blank_values=True), parts.fragment)


# ---- V69: label and issuer injection ----


def pastes_names() -> Library:
    """Names go into the URI as they are."""

    class Pastes(KeyURI):
        __slots__ = ()

        @property
        def text(self) -> str:
            label = f"{self.issuer}:{self.account}"
            return f"otpauth://totp/{label}?secret={self.token.secret.base32}&issuer={self.issuer}"

    return replace(TOTPCORE, key_uri=Pastes)


@weakness("V69", twin=pastes_names)
def a_name_is_nothing_but_a_name(lib: Library) -> None:
    """Whatever account and issuer hold, another parser finds our one secret, and the names as they were given.

    A colon, a blank name and one of 10 kB are refused. A space is written `%20`, and the URI is ASCII.
    """
    token = lib.totp_token(lib.secret(KEY))
    for issuer, account in [(name, "alice") for name in NAMES] + [("ACME", name) for name in NAMES]:
        with quiet():
            uri = lib.key_uri(token, account=account, issuer=issuer).text
        kind, label, fields, fragment = read_by_urllib(uri)
        holds(fields == {"secret": [BASE32], "issuer": [issuer]}, "there is one secret, ours, and one issuer, as given")
        holds((kind, label, fragment) == ("totp", f"{issuer}:{account}", ""), "the label is the names, and ends there")
        holds(uri.isascii() and not set("+ ") & set(uri), "a space is written %20")
        parsed = lib.key_uri.parse(uri)
        holds((parsed.issuer, parsed.account) == (issuer, account), "the names are read back as they were given")
    for name in ("a:b", ":", "a:secret=EVIL", "", " ", "x" * 10_000, "\N{GRINNING FACE}" * 100):
        holds(refuses(partial(lib.key_uri, token, account=name), InvalidParameters), "refused as an account")
        holds(refuses(partial(lib.key_uri, token, account="a", issuer=name), InvalidParameters), "refused as an issuer")


def enrols_with_pasted_names() -> Library:
    """The service writes its URI without encoding."""
    return replace(TOTPCORE, two_factor=faulty((KeyURI, "text", pastes_names().key_uri.text)))


@weakness("V69", twin=enrols_with_pasted_names)
def what_a_visitor_is_called_changes_no_secret(lib: Library) -> None:
    """`enrol`, and `pending` after it, take any account name, and write one secret: the one that is enrolled."""
    for name in NAMES:
        user = User(lib)
        enrolment = user.service.enrol(user.user, account=name)
        again = user.service.pending(user.user)
        for uri in (enrolment.uri, again.uri if again else ""):
            fields = read_by_urllib(uri).fields
            holds(fields == {"secret": [enrolment.secret.base32], "issuer": ["ACME"]}, "there is one secret, ours")
            holds(read_by_urllib(uri).label == f"ACME:{name}", "the label is the names")
    for name in ("a:b", "x" * 10_000):
        user = User(lib)
        call = partial(user.service.enrol, user.user, account=name)
        holds(refuses(call, InvalidParameters) and not stored(user), "a colon or 10 kB are refused, and nothing begins")


# ---- V70: free keyword parameters ----


def takes_anything() -> Library:
    """Whatever is passed stands in the URI."""

    class Takes(KeyURI):
        def __init__(self, token: TOTP | HOTP, *, account: str, **extra: str | None) -> None:
            super().__init__(token, account=account, issuer=extra.pop("issuer", None))
            object.__setattr__(self, "extra", extra)

        @property
        def text(self) -> str:
            return f"{KeyURI.text.fget(self)}&{urlencode(self.extra)}"  # type: ignore[attr-defined]

    return replace(TOTPCORE, key_uri=Takes)


@weakness("V70", twin=takes_anything)
def what_builds_takes_only_what_it_names(lib: Library) -> None:
    """No public signature has `*args` or `**kwargs`; an unknown parameter is a `TypeError`, never a part of the URI."""
    token = lib.totp_token(lib.secret(KEY))
    calls: list[Callable[..., object]] = [lib.hotp, lib.totp, lib.hotp_token, lib.totp_token, lib.key_uri, lib.policy]
    calls += [lib.two_factor, lib.key_uri.parse, lib.secret.generate, lib.secret.from_base32]
    calls += [getattr(lib.two_factor, name) for name in dir(lib.two_factor) if name[0] != "_"]
    for call in calls:
        kinds = {parameter.kind for parameter in inspect.signature(call).parameters.values()}
        holds(inspect.Parameter.VAR_KEYWORD not in kinds, "no free keyword parameters")
        holds(inspect.Parameter.VAR_POSITIONAL not in kinds, "no free positional parameters")
    for name in ("secret", "image", "digits", "period", "algorithm", "encoder", "clock", "Issuer", "a&b", "t0"):
        free = {name: "steam"}
        build: Callable[..., object] = lib.key_uri
        enrol: Callable[..., object] = User(lib).service.enrol
        holds(refuses(partial(build, token, account="a", **free), TypeError), "an unknown parameter is refused")
        holds(refuses(partial(enrol, "alice", account="a", **free), TypeError), "and at set-up")
    holds(lib.key_uri(token, account="a").text == f"otpauth://totp/a?secret={BASE32}", "what is not given is not there")


# ---- V71: mass assignment ----


def sets_what_it_reads() -> Library:
    """Each parameter whose name is an attribute is assigned to it."""

    class Assigns(KeyURI):
        __slots__ = ()

        @classmethod
        def parse(cls, text: str) -> KeyURI:
            made = KeyURI.parse(text)
            for name, value in parse_qsl(urlsplit(text).query):
                if name in TOTP.__slots__ and name.lower() not in PARAMETERS:
                    object.__setattr__(made.token, name, value)
            return made

    return replace(TOTPCORE, key_uri=Assigns)


@weakness("V71", twin=sets_what_it_reads)
def unknown_parameters_set_nothing(lib: Library) -> None:
    """Ten thousand unknown parameters, among them the names of attributes: the object is the one without them."""
    names = ["__class__", "__dict__", "__slots__", "_secret", "_raw", "_key", "_hotp", "clock", "last_step", "spent"]
    names += ["after", "t0", "token", "account", "issuer_mismatch", "type", "kind", "window", "label", "self", "text"]
    expected, source = lib.key_uri.parse(PLAIN), Random(71)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-[]"
    for _ in range(40):
        drawn = {"".join(source.choices(letters, k=source.randint(2, 6))) for _ in range(250)}
        keys = names + sorted(key for key in drawn if key.lower() not in PARAMETERS)
        extra = "&".join(f"{quote(key)}={source.randint(0, 99)}" for key in keys)
        parsed = lib.key_uri.parse(f"{PLAIN}&{extra}")
        holds(parsed == expected and type(parsed) is type(expected), "the object is the one without them")
        holds(parsed.issuer_mismatch is None and parsed.counter == 0, "nothing that is not compared was set either")
        token = parsed.token
        holds(isinstance(token, TOTP) and token.t0 == 0 and token.code(NOW) == lib.totp(KEY, NOW), "its codes are ours")


# ---- V72: duplicate or conflicting parameters ----


def takes_the_last() -> Library:
    """Of two parameters of one name, the last wins."""

    class TakesTheLast(KeyURI):
        __slots__ = ()

        @classmethod
        def parse(cls, text: str) -> KeyURI:
            path, _, query = text.partition("?")
            return KeyURI.parse(f"{path}?{urlencode({key.lower(): value for key, value in parse_qsl(query)})}")

    return replace(TOTPCORE, key_uri=TakesTheLast)


@weakness("V72", twin=takes_the_last)
def a_parameter_that_stands_twice_is_refused(lib: Library) -> None:
    """Each parameter, twice, alike or not, in another case or encoded: refused.

    An issuer that is not the label's prefix is not refused, as widely used services write such URIs: the parameter wins
    and the other is reported.
    """
    values = {"secret": OTHER, "issuer": "EVIL", "algorithm": "SHA1", "digits": "6", "period": "30"}
    whole = PLAIN + "&algorithm=SHA1&digits=6&period=30"
    holds(lib.key_uri.parse(whole) == lib.key_uri.parse(PLAIN), "each parameter once is fine")
    for name, value in values.items():
        first = parse_qs(urlsplit(whole).query)[name][0]
        for key in (name, name.upper(), name.title(), f"%{ord(name[0]):02x}{name[1:]}"):
            for again in {first, value}:
                holds(refuses(partial(lib.key_uri.parse, f"{whole}&{key}={again}"), InvalidURI), "twice is refused")
    counter = f"otpauth://hotp/a?secret={BASE32}&counter=5&counter=6"
    holds(refuses(partial(lib.key_uri.parse, counter), InvalidURI), "two counters are refused")
    parsed = lib.key_uri.parse(PLAIN.replace("ACME:", "EVIL:"))
    holds((parsed.issuer, parsed.issuer_mismatch) == ("ACME", "EVIL"), "the parameter wins, the prefix is reported")


# ---- V73: unbounded numbers ----


NO_NUMBERS: Final = (
    "1e9", "6 ", " 6", "+6", "-6", "\N{ARABIC-INDIC DIGIT SIX}", "\N{FULLWIDTH DIGIT SIX}", "6_0", "6.0", "0x6", "",
    "9" * 3900, "0" * 3900 + "6", "nan", "None", "6\n", "\N{SUPERSCRIPT TWO}", "99999999999999999999",
)  # fmt: skip
OUT_OF_RANGE: Final = {"digits": ("0", "1", "5", "9", "10", "40"), "period": ("0", "9", "301", "86400")}


def reads_any_number() -> Library:
    """`int` decides what a number is, and nothing decides how large it may be."""

    class ReadsAny(KeyURI):
        __slots__ = ()

        @classmethod
        def parse(cls, text: str) -> KeyURI:
            def number(given: Hidden[dict[str, str]], name: str, default: int, low: int, high: int) -> int:
                return min(max(int(float(given.value.get(name, default))), low), high)

            with patch.object(_urireading, "_number", number):
                return KeyURI.parse(text)

    return replace(TOTPCORE, key_uri=ReadsAny)


@weakness("V73", twin=reads_any_number)
def a_number_in_a_uri_is_bounded(lib: Library) -> None:
    """Digits 6 to 8, period 10 to 300, counter below 2**64, in a few ASCII digits: all else is refused, and at once."""
    for name, kind in (("digits", "totp"), ("period", "totp"), ("counter", "hotp")):
        for written in NO_NUMBERS + OUT_OF_RANGE.get(name, (str(2**64),)):
            uri = f"otpauth://{kind}/a?secret={BASE32}&{name}={quote(written)}"[:4096]
            started = time.process_time()
            holds(refuses(partial(lib.key_uri.parse, uri), InvalidURI), f"{name} is refused")
            holds(time.process_time() - started < 0.1, "it is refused without counting")
    for name, kind, written, value in (
        ("digits", "totp", "8", 8), ("period", "totp", "10", 10), ("period", "totp", "300", 300),
        ("counter", "hotp", str(2**64 - 1), 2**64 - 1), ("counter", "hotp", "0", 0),
    ):  # fmt: skip
        parsed = lib.key_uri.parse(f"otpauth://{kind}/a?secret={BASE32}&{name}={written}")
        holds(value in (getattr(parsed.token, name, None), getattr(parsed, name, None)), "what is in range is read")


def counts_any_digits() -> Library:
    """The code has as many digits as it is asked for."""

    def hotp(key: bytes, counter: int, *, digits: int = 6, algorithm: str = "SHA1") -> str:
        word = int(TOTPCORE.hotp(key, counter, digits=8, algorithm=algorithm))
        return str(word % 10**digits).rjust(digits, "0")

    return replace(TOTPCORE, hotp=hotp)


@weakness("V73", twin=counts_any_digits)
def a_number_in_a_call_is_bounded(lib: Library) -> None:
    """`hotp`, `totp`, tokens, policy and URI refuse digits, periods and counters out of range when they are built."""
    secret = lib.secret(KEY)
    takes_digits: list[Callable[..., object]] = [
        partial(lib.hotp, KEY, 0), partial(lib.totp, KEY, NOW), partial(lib.hotp_token, secret),
        partial(lib.totp_token, secret), lib.policy,
    ]  # fmt: skip
    for call in takes_digits:
        for digits in (-1, 0, 1, 5, 9, 10, 40, 10**7):
            holds(refuses(partial(call, digits=digits), InvalidParameters), "digits are 6 to 8")
        for no_int in ("6", 6.0, True, None):
            holds(refuses(partial(call, digits=no_int), TypeError), "digits are an int")
    for call in (takes_digits[1], takes_digits[3], lib.policy):
        for period in (-30, 0, 1, 9, 301, 10**9):
            holds(refuses(partial(call, period=period), InvalidParameters), "a period is 10 to 300 seconds")
    holds(refuses(partial(lib.policy, period=121), InvalidParameters), "of a policy, up to 120")
    for counter in (-1, 2**64, 10**40):
        build = partial(lib.key_uri, lib.hotp_token(secret), account="a", counter=counter)
        holds(refuses(build, InvalidParameters), "a counter has 8 bytes")


def loads_any_number() -> Library:
    """What is stored was checked when it was made, so nobody checks it again."""
    return replace(TOTPCORE, two_factor=faulty((_record, "whole", lambda _name, value, _low, _high: value)))


def with_field(record: dict[str, dict[str, object]], name: str, value: object) -> None:
    """Write another value into the active credential."""
    record["active"][name] = value


@weakness("V73", twin=loads_any_number)
def a_number_in_a_record_is_bounded(lib: Library) -> None:
    """A record with a number out of range, or of another type, is unreadable: nobody gets in, nothing changes."""
    out_of_range: dict[str, tuple[object, ...]] = {
        "digits": (5, 9, 40, 10**9, -1, "6", 6.0, True, None),
        "period": (0, -30, 9, 301, 2**70, "30"),
        "spent": (-2, 2**64, 2**70, "1", 1.5, True, None),
        "t0": (-1, 2**64, "0"),
    }
    for name, values in out_of_range.items():
        for value in values:
            user = User(lib).on()
            altered_record(user, partial(with_field, name=name, value=value))
            before = stored(user)
            holds(user.verify(user.code()) == "RecordUnreadable", f"a record with such {name} is not read")
            holds(stored(user) == before, "nor is it changed")


# ---- V74: control, bidi and zero-width characters ----


UNSEEN: Final = (
    *map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029", "\u00ad", "\u061c", "\u180e", "\u200b",
    "\u200c", "\u200d", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)),
    "\u2060", "\ufeff", "\ud800", "\udbff", "\udc00", "\udfff", "\U000e0041",
)  # fmt: skip


def bans_only_controls() -> Library:
    """Bidi and zero-width characters pass."""

    class Shows(KeyURI):
        __slots__ = ()

        def __init__(self, token: TOTP | HOTP, *, account: str, issuer: str | None = None, counter: int = 0) -> None:
            with patch.object(keyuri, "_UNSEEN", frozenset({"Cc", "Cs", "Zl", "Zp"})):
                super().__init__(token, account=account, issuer=issuer, counter=counter)

    return replace(TOTPCORE, key_uri=Shows)


@weakness("V74", twin=bans_only_controls)
def an_invisible_character_is_refused(lib: Library) -> None:
    """Controls, line ends, bidi and zero-width characters, lone surrogates and NUL are refused in account and issuer.

    White space at an end is trimmed away: there, too, nothing invisible gets into the URI.
    """
    token, service = lib.totp_token(lib.secret(KEY)), User(lib).service
    for char in UNSEEN:
        within = f"ali{char}ce"
        for call in (
            partial(lib.key_uri, token, account=within),
            partial(lib.key_uri, token, account="a", issuer=within),
            partial(service.enrol, "alice", account=within),
            partial(lib.two_factor, lib.memory_store(), issuer=within, sealer=lib.plaintext()),
        ):
            holds(refuses(call, InvalidParameters), f"U+{ord(char):04X} is refused")
        for at_an_end in (f"alice{char}", f"{char}alice"):
            try:
                uri = lib.key_uri(token, account=at_an_end).text
            except InvalidParameters:
                continue
            holds(uri == f"otpauth://totp/alice?secret={BASE32}", f"U+{ord(char):04X} at an end is not in the URI")


# ---- V75: XSS and SVG injection ----


MARKUP: Final = (
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onload='alert(1)", "]]><x/>", "&lt;b&gt;",
    "<!--", "javascript&#58;alert(1)", "</svg><script>", "{{7*7}}", "<![CDATA[",
)  # fmt: skip


def says_it_is_safe() -> Library:
    """The URI comes as markup that template engines do not escape."""

    class Markup(str):
        __slots__ = ()

        def __html__(self) -> str:
            return str(self)

    class Trusting(TwoFactor):
        def enrol(self, user: str, *, account: str) -> Enrolment:
            made = super().enrol(user, account=account)
            return replace(made, _uri=Hidden(Markup(f"{made.uri}<a title={account}>")))

    return replace(TOTPCORE, two_factor=Trusting)


@weakness("V75", twin=says_it_is_safe)
def what_is_handed_out_is_text(lib: Library) -> None:
    """URI and key are plain `str`, never HTML, and hold no character that markup is made of but the URI's own `&`."""
    for name in MARKUP:
        enrolment = User(lib).service.enrol("alice", account=name)
        for text in (enrolment.uri, enrolment.manual_key):
            holds(type(text) is str and not hasattr(text, "__html__"), "it is a str, which templates escape")
            holds(re.fullmatch(r"[A-Za-z0-9:/?=&%._~ -]+", text) is not None, "it holds nothing that markup is made of")
        holds(not hasattr(enrolment, "__html__"), "nor does the enrolment claim to be markup")


def writes_the_name_into_the_picture() -> Library:
    """The QR code has the account as its title."""

    class Titled(Enrolment):
        __slots__ = ()

        def qr_svg(self) -> str:
            title = unquote(urlsplit(self.uri).path)
            return super().qr_svg().replace("</svg>", f"<title>{title}</title></svg>")

    class Draws(TwoFactor):
        def enrol(self, user: str, *, account: str) -> Enrolment:
            made = super().enrol(user, account=account)
            return Titled(made.secret, made.expires_at, Hidden(made.uri))

    return replace(TOTPCORE, two_factor=Draws)


@weakness("V75", twin=writes_the_name_into_the_picture)
def the_picture_holds_nothing_of_a_name(lib: Library) -> None:
    """The SVG is XML of `svg` and `path` alone, with no text, no link, no script, no handler, and nothing of a name."""
    if find_spec("segno") is None:
        give_up = pytest.fail if os.environ.get("TOTPCORE_TEST_REQUIRE_ALL") == "1" else pytest.skip
        give_up("needs segno")
    fixed = {"role", "aria-label", "shape-rendering", "width", "height", "class", "xmlns", "viewBox"}
    for name in MARKUP:
        picture = User(lib).service.enrol("alice", account=name).qr_svg()
        try:
            root = ElementTree.fromstring(picture)
        except ElementTree.ParseError:
            root = None
        holds(root is not None, "the picture is well-formed XML")
        for element in root.iter() if root is not None else ():
            tag = element.tag.rpartition("}")[2]
            holds(tag in {"svg", "path", "g"} and not (element.text or element.tail or "").strip(), "no text is in it")
            holds(
                set(element.attrib) <= fixed | {"d", "fill", "stroke", "transform"}, "no link and no handler is in it"
            )
            drawn = element.attrib.get("d", "")
            holds(re.fullmatch(r"[MmHhVvLlZz0-9., -]*", drawn) is not None, "a path is numbers")
        words = ElementTree.tostring(root, "unicode") if root is not None else ""
        holds("alice" not in words and "alert" not in words and "otpauth" not in words, "nothing of a name is in it")


# ---- V76: what the phone ignores ----


def takes_any_hash() -> Library:
    """Whatever `hashlib` has makes a code."""

    def hotp(key: bytes, counter: int, *, digits: int = 6, algorithm: str = "SHA1") -> str:
        known = algorithm in Algorithm.__members__
        return TOTPCORE.hotp(key, counter, digits=digits, algorithm=algorithm if known else "SHA256")

    return replace(TOTPCORE, hotp=hotp)


@weakness("V76", twin=takes_any_hash)
def no_hash_that_apps_do_not_know(lib: Library) -> None:
    """SHA1, SHA256 and SHA512, and nothing else: not in a call, a token, a policy, or a URI."""
    secret = lib.secret(KEY)
    for name in (
        "MD5",
        "SHAKE128",
        "SHA224",
        "SHA384",
        "SHA3-256",
        "BLAKE2B",
        "",
        "none",
        "SHA-1",
        "\u017fha1",
        "SHA1\0",
    ):
        for call in (
            partial(lib.hotp, KEY, 0), partial(lib.totp, KEY, NOW), partial(lib.hotp_token, secret),
            partial(lib.totp_token, secret), lib.policy,
        ):  # fmt: skip
            holds(refuses(partial(call, algorithm=name), InvalidParameters), "another hash is refused")
        if name != "SHA-1":  # in other people's URIs that is SHA1
            uri = f"{PLAIN}&algorithm={quote(name)}"
            holds(refuses(partial(lib.key_uri.parse, uri), InvalidURI), "and in a URI")
    for name in ("SHA1", "SHA256", "SHA512", "sha512"):
        holds(len(lib.hotp(KEY, 0, algorithm=name)) == 6, "the three are taken")


def warns_nobody() -> Library:
    """What apps ignore is written without a word."""

    class Silent(KeyURI):
        __slots__ = ()

        def __init__(self, token: TOTP | HOTP, *, account: str, issuer: str | None = None, counter: int = 0) -> None:
            with quiet():
                super().__init__(token, account=account, issuer=issuer, counter=counter)

    return replace(TOTPCORE, key_uri=Silent)


@weakness("V76", twin=warns_nobody)
def what_apps_ignore_is_warned_of(lib: Library) -> None:
    """Another hash, more digits or another period is a `CompatibilityWarning`, in a URI and in a policy."""
    secret = lib.secret(KEY)

    def warned(call: Callable[[], object]) -> bool:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        return [warning.category for warning in caught] == [CompatibilityWarning]

    holds(not warned(lambda: lib.key_uri(lib.totp_token(secret), account="a")), "the defaults warn nobody")
    for odd in ({"digits": 8}, {"period": 60}, {"algorithm": "SHA256"}, {"algorithm": "SHA512", "digits": 7}):
        token = lib.totp_token(secret, **odd)
        holds(warned(partial(lib.key_uri, token, account="a")), "a URI that apps do not follow warns")
        user = User(lib, policy=lib.policy(**odd))
        holds(warned(partial(user.service.enrol, user.user, account="a")), "so does set-up under such a policy")


def confirms_what_does_not_match() -> Library:
    """Any code turns the second factor on: the phone will get it right later."""

    class Trusting(TwoFactor):
        def confirm(self, user: str, code: str) -> Confirmed:
            waiting = self.pending(user)
            token = KeyURI.parse(waiting.uri).token if waiting else None
            right = token.code(int(self._now())) if isinstance(token, TOTP) else code
            return super().confirm(user, right)

    return replace(TOTPCORE, two_factor=Trusting)


@weakness("V76", twin=confirms_what_does_not_match)
def a_phone_that_ignores_a_parameter_is_not_confirmed(lib: Library) -> None:
    """A phone that shows SHA1, 6 digits and 30 seconds whatever the URI says locks nobody out: `confirm` refuses it."""
    for odd in ({"digits": 8}, {"period": 60}, {"algorithm": "SHA256"}):
        with quiet():
            user = User(lib, policy=lib.policy(**odd)).enrol()
        secret = Secret(user.phone.uri.token.secret.reveal())
        shown = TOTPCORE.totp_token(secret).code(user.clock())
        told = outcome(partial(user.service.confirm, user.user, shown))
        holds(told in ("wrong", "malformed"), "the code of another kind is not confirmed")
        holds(not user.service.status(user.user).code_required, "and no code is asked for at log-in")
        holds(outcome(partial(user.service.confirm, user.user, user.code())) == "ok", "the right one still is")
