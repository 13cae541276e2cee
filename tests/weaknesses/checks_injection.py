"""V69, V74 and V75: names in the `otpauth` URI and in its QR code.

Rules of this file:

1. What a URI says is read by another parser, `urllib`, before it is believed.
2. Names in other people's URIs are kept: only a developer's own are restricted. What a name may not do there is to
   become anything else than a name.
3. The checks that draw a QR code need segno, and are skipped without it, or fail where nothing may be skipped.
"""

import re
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Final, NamedTuple
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

from need import miss
from totpcore import HOTP, TOTP, Enrolment, InvalidParameters, KeyURI, TwoFactor, keyuri
from totpcore._guard import Hidden
from weaknesses.frame import TOTPCORE, Library, User, holds, refuses, weakness
from weaknesses.twins import BASE32, KEY, enrols_as, faulty, quiet, stored

NAMES: Final = (
    "a&secret=EVIL", "a?secret=EVIL", "a#x", "a/b", "a\\b", "%26secret=EVIL", "a%3Ab", "a%00b", "a+b", "a b",
    "a;b", "a=b", "a@b.example", "\N{GRINNING FACE}", "\N{LATIN SMALL LETTER U WITH DIAERESIS}", "..", "%", "'\"<>",
)  # fmt: skip


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

    return enrols_as(Titled)


@weakness("V75", twin=writes_the_name_into_the_picture)
def the_picture_holds_nothing_of_a_name(lib: Library) -> None:
    """The SVG is XML of `svg` and `path` alone, with no text, no link, no script, no handler, and nothing of a name."""
    if find_spec("segno") is None:
        miss("needs segno")
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
