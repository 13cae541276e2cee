"""Fuzz target: `otpauth` URIs, other people's and our own.

Rules of this file:

1. What is a URI that totpcore reads, and what it says, is told a second time: `urllib.parse.parse_qsl` for the
   parameters, regular expressions for numbers and names, the naive base32 for the secret. Both have to agree on every
   text, whether it is read or refused.
2. What was read is written and read again, and is the same; what is written is ASCII of one shape.
3. What is refused is `InvalidURI`, in one of the texts that are known here: nothing of the URI is in it.
"""

import re
import unicodedata
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote

from totpcore.errors import InvalidParameters, InvalidURI
from totpcore.keyuri import KeyURI
from totpcore.otp import HOTP, LARGEST_COUNTER, TOTP
from totpcore.secret import Secret

from . import base32
from .inputs import Input, check

_KNOWN: Final = ("secret", "issuer", "algorithm", "digits", "period", "counter", "encoder", "steam")
_NAMES: Final = (*_KNOWN, "Secret", "SECRET", "ISSUER", "image", "%73ecret", "issue%72", "\u017fecret", "+secret", "")
_VALUES: Final = (
    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "gezdgnbvgy3tqojq", "GEZDGNBVGY3TQOJQGE%3D%3D%3D%3D%3D%3D", "AAAAAAAAAAAAAAAA",
    "ACME", "ACME%20Co", "ACME+Co", "Steam", "steam", "%00", "%C3%A9", "%E9", "%ED%A0%80", "%zz", "%", "\U0001f511",
    "SHA1", "sha256", "SHA-512", "HmacSHA256", "HMAC-SHA-1", "MD5", "\u017fha1", "SHA3-256", "HMAC", "-",
    "6", "7", "8", "9", "06", "5", "\uff16", "6 ", "+6", "1_0", "30", "10", "300", "301", "29", "9" * 20, "9" * 21,
    "0", "1", "18446744073709551615", "18446744073709551616", "-1", "1e1", "", " ",
)  # fmt: skip
_LABELS: Final = (
    "ACME:alice", "ACME%3Aalice", "alice", "ACME: alice", "ACME%3A%20alice", ":alice", "ACME:", "", "a:b:c", "a%3Ab:c",
    "ACME%20Co:alice%40example.com", "%20", "\u00e9", "a/b", "a#b", "a%23b", "a%3Fb", "\ud800", "+",
)  # fmt: skip
_SCHEMES: Final = ("otpauth", "OTPAUTH", "apple-otpauth", "otpauth-migration", "steam", "http", "\u00f6tpauth", "")
_KINDS: Final = ("totp", "hotp", "TOTP", "Hotp", "steam", "\u017fteam", "motp", "")
PIECES: Final = (
    *_NAMES, *_VALUES, *_LABELS, *"&=?/:#%+;@ \t\n\0aZ09", "&secret=", "&issuer=", "otpauth://totp/", "otpauth://hotp/",
    "?secret=GEZDGNBVGY3TQOJQ",
)  # fmt: skip
_NAME_PIECES: Final = (
    *"aZ9 :@+%&#?/.-_~\t\n\0", "\u00e9", "e\u0301", "\u202e", "\u200d", "\u2028", "\u00ad", "\U0001f511", "\ud800",
    "\u00a0", "\u3000", "\u1e9b\u0323", "\u212b", "\x1c", "\x85", "steam", "STEAM", "\u017fteam", "alice@example.com",
)  # fmt: skip

_ALGORITHM: Final = re.compile("(?:HMAC)?-?SHA-?(1|256|512)")
_UNSEEN: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
_REFUSALS: Final = re.compile(
    r"the URI must have at most 4096 characters, and no lone surrogate"
    r"|Steam's codes are of another kind, which totpcore does not make"
    r"|the URI must begin with otpauth://totp/ or otpauth://hotp/"
    r"|the URI has a fragment: # must be written %23"
    rf"|the parameter (?:{'|'.join(_KNOWN)}) stands twice"
    r"|(?:digits|period|counter) must be a number from [0-9]+ to [0-9]+"
    r"|the secret, or the algorithm, is not usable: (?:.*base32.*|the padding does not complete the last group"
    r"|a secret must have 10 to 128 bytes, not all of them zero|algorithm must be one of SHA1, SHA256, SHA512)"
)
_WRITTEN: Final = re.compile(
    r"otpauth://[th]otp/(?:[\w.~%-]*:)?[\w.~%-]*\?secret=[A-Z2-7]+(?:&[a-z]+=[\w.~%-]+)*", re.ASCII
)


class Reading(NamedTuple):
    """What a URI says, to the naive reader."""

    kind: str
    secret: bytes
    algorithm: str
    numbers: tuple[int, int, int]
    names: tuple[str | None, str, str | None]


def target(data: bytes) -> None:
    """Read a URI, or write one and read it, and hold it against the naive reading."""
    source = Input(data)
    kind = source.below(4)
    if kind == 0:
        _write(source)
    else:
        read_both_ways(source.text(PIECES) if kind == 1 else _assembled(source))


def _assembled(source: Input) -> str:
    """A URI put together from likely parts."""
    scheme = source.pick(_SCHEMES) if source.byte() & 1 else "otpauth"
    kind = source.pick(_KINDS) if source.byte() & 1 else ("totp", "hotp")[source.below(2)]
    label = source.text(PIECES, source.below(12)) if source.byte() & 1 else source.pick(_LABELS)
    parameters = [f"secret={_VALUES[source.below(4)]}"] if source.below(8) else []
    for _ in range(source.below(6)):
        name = source.pick(_NAMES)
        value = source.text(PIECES, source.below(8)) if source.below(4) == 3 else source.pick(_VALUES)
        parameters.insert(source.below(2) * len(parameters), f"{name}={value}")
    return f"{scheme}://{kind}/{label}?{'&'.join(parameters)}"


def read_both_ways(text: str) -> None:
    """Read a text and hold it against the naive reading."""
    expect = naive_reading(text)
    try:
        uri = KeyURI.parse(text)
    except InvalidURI as error:
        check(expect is None, "a URI is refused that should be read")
        check(_REFUSALS.fullmatch(str(error)) is not None, "a refusal is in words that are not known")
        return
    check(expect == _said(uri), "a URI is read that should be refused, or says something else")
    written = uri.text
    check(_WRITTEN.fullmatch(written) is not None, "what is written is not of our own shape")
    if len(written) <= 4096:
        again = KeyURI.parse(written)
        check(again == uri and again.text == written and again.issuer_mismatch is None, "what is written says another")


def _write(source: Input) -> None:
    """Write a URI of our own: whatever name is taken, it is read back."""
    secret = Secret(b"1234567890" + source.take(source.below(119)))
    token = TOTP(
        secret, digits=6 + source.below(3), period=10 + source.byte(), algorithm=source.pick(("SHA1", "sha512"))
    )
    account = source.text(_NAME_PIECES, source.byte())
    issuer = source.text(_NAME_PIECES, source.byte()) if source.byte() & 1 else None
    steam = issuer is not None and (naive_name(issuer) or "").casefold() == "steam"
    good = naive_name(account) is not None and (issuer is None or naive_name(issuer) is not None) and not steam
    try:
        uri = KeyURI.quietly(token, account, issuer)
    except InvalidParameters:
        check(not good, "a name is refused that should be taken")
        return
    check(good, "a name is taken that should be refused")
    check(uri.account == naive_name(account), "an account is kept as another")
    check(KeyURI.parse(uri.text) == uri, "what we write says something else")
    read_both_ways(uri.text)


def naive_name(name: str) -> str | None:
    """An issuer or account that may be set, as it is kept; `None` where it is refused."""
    if not 1 <= len(name) <= 512 or "\0" in name:
        return None
    kept = unicodedata.normalize("NFC", name).strip()
    if not kept or re.search("[:\ud800-\udfff]", kept) or any(unicodedata.category(one) in _UNSEEN for one in kept):
        return None
    length = sum(1 if re.match("[A-Za-z0-9._~-]", one) else 3 * len(one.encode()) for one in kept)
    return kept if length <= 512 else None


def naive_reading(text: str) -> Reading | None:
    """What a URI says, `None` where it is to be refused."""
    found = re.match(r"(?:apple-)?otpauth://([th]otp)/([^?]*)\??(.*)\Z", text, re.IGNORECASE | re.DOTALL | re.ASCII)
    if len(text) > 4096 or found is None or re.search("[#\ud800-\udfff]", text):
        return None
    kind, label, query = found[1].lower(), found[2], found[3]
    pairs = [(name.lower(), value) for name, value in parse_qsl(query, keep_blank_values=True)]
    known = [(name, value) for name, value in pairs if name in _KNOWN]
    given = dict(known)
    if len(given) != len(known) or "steam" in given or given.get("encoder", "").lower() == "steam":
        return None
    algorithm = _ALGORITHM.fullmatch(re.sub("[a-z]", lambda one: one[0].upper(), given.get("algorithm", "SHA1")))
    numbers = [_naive_number(given.get(name)) for name in ("digits", "period", "counter")]
    for place, (default, low, high) in enumerate(((6, 6, 8), (30, 10, 300), (0, 0, LARGEST_COUNTER))):
        numbers[place] = default if numbers[place] is None else numbers[place]
        if not low <= (numbers[place] or 0) <= high:
            return None
    secret = given.get("secret", "")
    if algorithm is None or base32.naive_fault(secret) != -1:
        return None
    digits, period, counter = (number or 0 for number in numbers)
    names = _naive_names(label, given.get("issuer", "").strip())
    shown = (digits, 30, counter) if kind == "hotp" else (digits, period, 0)
    return Reading(kind, base32.naive_bytes(secret), f"SHA{algorithm[1]}", shown, names)


def _naive_number(written: str | None) -> int | None:
    """A number; `None` where it is not given, and -1 where it is none."""
    if written is None:
        return None
    return int(written) if re.fullmatch("[0-9]{1,20}", written) else -1


def _naive_names(label: str, issuer: str) -> tuple[str | None, str, str | None]:
    """Issuer, account, and the other issuer."""
    if re.search(":", label):
        prefix, account = (unquote(half) for half in re.split(":", label, maxsplit=1))
    else:
        decoded = unquote(label)
        cut = len(issuer) if issuer and decoded.startswith(issuer + ":") else decoded.find(":")
        prefix, account = decoded[: max(cut, 0)], decoded[cut + 1 :]
    prefix = prefix.strip()
    return issuer or prefix or None, account.strip(), prefix if issuer and prefix not in (issuer, "") else None


def _said(uri: KeyURI) -> Reading:
    """What a URI says, to totpcore."""
    token = uri.token
    kind, period = ("hotp", 30) if isinstance(token, HOTP) else ("totp", token.period)
    names = (uri.issuer, uri.account, uri.issuer_mismatch)
    return Reading(kind, token.secret.reveal(), str(token.algorithm), (token.digits, period, uri.counter), names)
