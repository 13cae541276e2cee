"""The `otpauth` URI that an authenticator app scans (the Key URI format).

Rules of this file:

1. What we write, every app reads: lower-case scheme and type, one literal colon, `%20` for a space, the issuer as
   prefix and as parameter, the secret first and without padding, and only parameters that differ from the default.
2. What others wrote is read where apps agree (case, spaces, `%3A`, a missing issuer) and refused where they disagree,
   because a wrong reading is a wrong code later: duplicates, fragments, Steam's variant, numbers out of range.
3. Names are restricted where a developer sets them. Names in other people's URIs are kept and encoded.
"""

import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ._guard import Hidden, text, type_error, whole
from .errors import InvalidParameters, InvalidSecret, InvalidURI
from .otp import HOTP, LARGEST_COUNTER, TOTP, Algorithm
from .secret import Secret

_LONGEST_URI: Final = 4096
_LONGEST_NAME: Final = 512  # percent-encoded; two issuers, an account and a secret then still fit a QR code
_PARAMETERS: Final = ("secret", "issuer", "algorithm", "digits", "period", "counter", "encoder", "steam")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # control, bidi and zero-width, surrogates, line ends
_GARBLED: Final = frozenset("?&#%+")  # correctly encoded, and still decoded twice by some apps


class CompatibilityWarning(UserWarning):
    """Some authenticator apps will not do what this URI says: most scan it without a complaint and show wrong codes."""


@dataclass(frozen=True, slots=True, init=False, repr=False)
class KeyURI:
    """An `otpauth` URI: a token, and whose it is.

    Example:
        >>> uri = KeyURI(TOTP(Secret(b"12345678901234567890")), account="alice@example.com", issuer="ACME Co")
        >>> uri.text
        'otpauth://totp/ACME%20Co:alice%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ACME%20Co'
        >>> KeyURI.parse(uri.text) == uri
        True

    Attributes:
        token: The `TOTP` or `HOTP`.
        account: Who it is for; may be empty only where it was parsed.
        issuer: Which service it is for.
        counter: The next counter of an `HOTP` token; 0 for `TOTP`.
    """

    token: TOTP | HOTP
    account: str
    issuer: str | None
    counter: int
    _prefix: str | None = field(compare=False)

    def __init__(self, token: TOTP | HOTP, *, account: str, issuer: str | None = None, counter: int = 0) -> None:
        """Check and keep what the URI says.

        Names are normalized to NFC and trimmed.

        Raises:
            InvalidParameters: If a name is empty, too long, or holds a colon, a control or an invisible character; if
                the issuer is "Steam", which switches apps to another kind of code; if a `TOTP` has a `t0` or a
                counter, which no URI can say; if `counter` is out of range.
            TypeError: If an argument has another type.

        Warns:
            CompatibilityWarning: If widely used apps would ignore what differs from SHA1, 6 digits and 30 seconds, or
                would garble a name.
        """
        if not isinstance(token, TOTP | HOTP):
            raise type_error("token", "a TOTP or an HOTP", token)
        if isinstance(token, TOTP) and token.t0 != 0:
            raise InvalidParameters("token must have t0=0: a URI cannot say another")
        whole("counter", counter, 0, LARGEST_COUNTER if isinstance(token, HOTP) else 0)
        account = _checked_name("account", account)
        issuer = None if issuer is None else checked_issuer(issuer)
        self._keep(token, account, issuer, counter, issuer)
        concerns = list(_concerns(self))
        if concerns:
            warnings.warn("; ".join(concerns), CompatibilityWarning, stacklevel=2)

    def _keep(self, token: TOTP | HOTP, account: str, issuer: str | None, counter: int, prefix: str | None) -> None:
        for name, value in zip(self.__slots__, (token, account, issuer, counter, prefix), strict=True):
            object.__setattr__(self, name, value)

    @property
    def text(self) -> str:
        """The URI itself, in ASCII. It holds the secret."""
        from urllib.parse import quote  # noqa: PLC0415  # loaded when used: verifying a code needs no URLs

        def encoded(name: str) -> str:
            return quote(name, safe="")  # everything but A-Z a-z 0-9 - . _ ~

        token = self.token
        prefix = f"{encoded(self.issuer)}:" if self.issuer else ":" if ":" in self.account else ""
        kind = "totp" if isinstance(token, TOTP) else "hotp"
        parts = [f"otpauth://{kind}/{prefix}{encoded(self.account)}?secret={token.secret.base32}"]
        if self.issuer:
            parts.append(f"issuer={encoded(self.issuer)}")
        if token.algorithm is not Algorithm.SHA1:
            parts.append(f"algorithm={token.algorithm}")
        if token.digits != 6:
            parts.append(f"digits={token.digits}")
        if isinstance(token, HOTP):
            parts.append(f"counter={self.counter}")  # always: apps disagree about the default
        elif token.period != 30:
            parts.append(f"period={token.period}")
        return "&".join(parts)

    @property
    def issuer_mismatch(self) -> str | None:
        """The issuer in the label's prefix, where it is another than the parameter, which wins."""
        return self._prefix if self._prefix != self.issuer else None

    @classmethod
    def parse(cls, text: str) -> "KeyURI":
        """Read a URI that somebody else made.

        Raises:
            InvalidURI: If it is not `otpauth://totp/…` or `otpauth://hotp/…` (any case, also `apple-otpauth`), longer
                than 4096 characters, has no secret, a secret or number that totpcore does not take, a parameter
                twice, a fragment, or asks for Steam's codes. The text says which, and shows nothing of the URI.
            TypeError: If `text` is not a `str`.
        """
        hidden = Hidden(text)
        del text
        return _parse(cls, hidden)

    def __repr__(self) -> str:
        return f"<KeyURI: {type(self.token).__name__}, hidden>"


def _checked_name(name: str, value: str) -> str:
    """Return an issuer or account that every app can show, normalized and trimmed."""
    from urllib.parse import quote  # noqa: PLC0415  # loaded when used

    value = unicodedata.normalize("NFC", text(name, value, 1, _LONGEST_NAME)).strip()
    if not value:
        raise InvalidParameters(f"{name} must not be blank")
    if ":" in value:
        raise InvalidParameters(f"{name} must not hold a colon, which separates issuer and account")
    if any(unicodedata.category(character) in _UNSEEN for character in value):
        raise InvalidParameters(f"{name} must not hold control or invisible characters")
    if len(quote(value, safe="")) > _LONGEST_NAME:
        raise InvalidParameters(f"{name} must have at most {_LONGEST_NAME} characters once it is percent-encoded")
    return value


def checked_issuer(issuer: str) -> str:
    """Return an issuer that every app can show, normalized and trimmed."""
    issuer = _checked_name("issuer", issuer)
    if issuer.casefold() == "steam":
        raise InvalidParameters("issuer must not be Steam: apps would show codes of another kind")
    return issuer


def _concerns(uri: KeyURI) -> Iterator[str]:
    """Yield what apps are known to do with a URI that is not of the plainest kind."""
    token, issuer, account = uri.token, uri.issuer or "", uri.account
    if token.algorithm is not Algorithm.SHA1:
        yield f"Microsoft Authenticator, Authy and Duo Mobile treat {token.algorithm} as SHA1 and show wrong codes"
    if token.digits != 6:
        yield f"Microsoft Authenticator and Google Authenticator may show 6 digits instead of {token.digits}"
    if isinstance(token, HOTP):
        yield "Bitwarden and KeePassXC turn a counter-based token into a time-based one; Authy and Proton have none"
    elif token.period != 30:
        yield f"Microsoft Authenticator and older Google Authenticator count 30 seconds instead of {token.period}"
        if token.period not in (10, 60, 90):
            yield "2FAS refuses a period other than 10, 30, 60 or 90 seconds"
    if not _GARBLED.isdisjoint(issuer + account):
        yield "2FAS and Stratum decode ? & # % + in a name twice, and garble it or refuse the QR code"
    if len(issuer) > 30 or len(account) > 40:
        yield "Stratum and 2FAS cut an issuer after 30 characters and an account after 40"
    if len(f"{issuer}:{account}".encode()) > 64:
        yield "a YubiKey holds 64 bytes of issuer and account together"


def _parse(cls: type[KeyURI], uri: Hidden[str]) -> KeyURI:
    """Read a URI by rule 2 of this file."""
    from urllib.parse import unquote  # noqa: PLC0415  # loaded when used

    if type(uri.value) is not str:
        raise type_error("text", "a str", uri.value)
    if len(uri.value) > _LONGEST_URI:
        raise InvalidURI(f"the URI must have at most {_LONGEST_URI} characters")
    if any("\ud800" <= character <= "\udfff" for character in uri.value):
        raise InvalidURI("the URI holds a lone surrogate")
    scheme, found, rest = (Hidden(part) for part in uri.value.partition("://"))
    if scheme.value.lower() == "steam":
        raise InvalidURI("Steam's codes are of another kind, which totpcore does not make")
    if not found.value or scheme.value.lower() not in {"otpauth", "apple-otpauth"}:
        raise InvalidURI("the scheme must be otpauth")
    if "#" in rest.value:
        raise InvalidURI("the URI has a fragment: # must be written %23")
    location, _, query = (Hidden(part) for part in rest.value.partition("?"))
    kind, _, label = (Hidden(part) for part in location.value.partition("/"))
    parameters = Hidden(_parameters(query))
    if (
        kind.value.lower() == "steam"
        or parameters.value.get("encoder", "").lower() == "steam"
        or "steam" in parameters.value
    ):
        raise InvalidURI("Steam's codes are of another kind, which totpcore does not make")
    if kind.value.lower() not in {"totp", "hotp"}:
        raise InvalidURI("the type must be totp or hotp")

    digits = _number(parameters.value, "digits", 6, 6, 8)
    period = _number(parameters.value, "period", 30, 10, 300)
    counter = _number(parameters.value, "counter", 0, 0, LARGEST_COUNTER)
    if not parameters.value.get("secret"):
        raise InvalidURI("the secret is missing")
    try:
        secret = Secret.from_base32(parameters.value["secret"])
    except InvalidSecret as error:
        raise InvalidURI(f"the secret is not usable: {error}") from None
    try:
        algorithm = Algorithm.read(_plain_algorithm(parameters.value.get("algorithm", "SHA1")))
    except InvalidParameters as error:
        raise InvalidURI(str(error)) from None
    issuer = parameters.value.get("issuer", "").strip()
    prefix, account = _split_label(label.value, unquote(label.value), issuer)
    result = cls.__new__(cls)
    if kind.value.lower() == "totp":
        token: TOTP | HOTP = TOTP(secret, digits=digits, period=period, algorithm=algorithm)
        counter = 0
    else:
        token = HOTP(secret, digits=digits, algorithm=algorithm)
    result._keep(token, account, issuer or prefix or None, counter, prefix or issuer or None)  # noqa: SLF001
    return result


def _parameters(query: Hidden[str]) -> dict[str, str]:
    """Return the parameters that matter, by lower-case name. Apps disagree which of two wins, so two are refused."""
    from urllib.parse import unquote_plus  # noqa: PLC0415  # loaded when used

    result: Hidden[dict[str, str]] = Hidden({})
    for part in map(Hidden, query.value.split("&")):
        name, _, value = (Hidden(unquote_plus(half)) for half in part.value.partition("="))
        known = name.value.lower()
        if known in _PARAMETERS:
            if known in result.value:
                raise InvalidURI(f"the parameter {known} stands twice")
            result.value[known] = value.value
    return result.value


def _split_label(raw: str, decoded: str, issuer: str) -> tuple[str, str]:
    """Return the label's prefix and account.

    A literal colon separates, since an encoded one may belong to a name. Without it the first decoded colon does,
    unless the label begins with the issuer parameter, which may hold a colon itself.
    """
    from urllib.parse import unquote  # noqa: PLC0415  # loaded when used

    if ":" in raw:
        prefix, account = map(unquote, raw.split(":", 1))
    elif issuer and decoded.startswith(f"{issuer}:"):
        prefix, account = issuer, decoded[len(issuer) + 1 :]
    elif ":" in decoded:
        prefix, account = decoded.split(":", 1)
    else:
        prefix, account = "", decoded
    return prefix.strip(), account.strip()


def _number(parameters: dict[str, str], name: str, default: int, low: int, high: int) -> int:
    """Return a parameter that is a number in ASCII digits, without sign, space or underscore."""
    written = parameters.get(name)
    if written is None:
        return default
    # The length first: `int` on a long text is slow, and on a very long one an error of another kind.
    if not 1 <= len(written) <= 20 or written.strip("0123456789") or not low <= int(written) <= high:
        raise InvalidURI(f"{name} must be a number from {low} to {high}")
    return int(written)


def _plain_algorithm(name: str) -> str:
    """Return `SHA1` for `SHA-1`, `HmacSHA1`, `HMAC-SHA-1`, and so on."""
    return name.upper().removeprefix("HMAC").removeprefix("-").replace("SHA-", "SHA", 1)
