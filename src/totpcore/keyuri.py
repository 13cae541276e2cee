"""The `otpauth` URI that an authenticator app scans (the Key URI format).

Rules of this file:

1. What we write, every app reads: lower-case scheme and type, one literal colon, `%20` for a space, the issuer as
   prefix and as parameter, the secret first and without padding, and only parameters that differ from the default.
2. Names are restricted where a developer sets them. Names in other people's URIs are kept and encoded.
"""

import unicodedata
import warnings
from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar, Final

from ._guard import FirstChecked, Hidden, text, type_error, whole
from ._urireading import read
from .errors import InvalidParameters
from .otp import HOTP, LARGEST_COUNTER, TOTP, Algorithm

_LONGEST_NAME: Final = 512  # percent-encoded; two issuers, an account and a secret then still fit a QR code
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # control, bidi and zero-width, surrogates, line ends


class CompatibilityWarning(UserWarning):
    """Some authenticator apps will not do what this URI says: most scan it without a complaint and show wrong codes."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyURI(FirstChecked):
    """An `otpauth` URI: a token, and whose it is.

    Example:
        >>> from totpcore import Secret
        >>> uri = KeyURI(TOTP(Secret(b"12345678901234567890")), account="alice@example.com", issuer="ACME Co")
        >>> uri.text
        'otpauth://totp/ACME%20Co:alice%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ACME%20Co'
        >>> KeyURI.parse(uri.text) == uri
        True

    Attributes:
        token: The `TOTP` or `HOTP`.
        account: Who it is for; normalized to NFC and trimmed. It may be empty only where it was parsed.
        issuer: Which service it is for; normalized and trimmed as well.
        counter: The next counter of an `HOTP` token; 0 for `TOTP`.
        issuer_mismatch: The issuer in the prefix of a label that was parsed, where it is not the parameter, which wins.
    """

    _first: ClassVar = ("token", "a TOTP or an HOTP", (TOTP, HOTP))
    token: TOTP | HOTP
    _: KW_ONLY
    account: str
    issuer: str | None = None
    counter: int = 0
    issuer_mismatch: str | None = field(default=None, init=False, compare=False)

    def __post_init__(self) -> None:
        """Check what the URI says.

        Raises:
            InvalidParameters: If a name is empty, too long, or holds a colon, a control or an invisible character; if
                the issuer is "Steam", which switches apps to another kind of code; if a `TOTP` has a `t0` or a
                counter, which no URI can say; if `counter` is out of range.
            TypeError: If an argument has another type.

        Warns:
            CompatibilityWarning: If widely used apps would ignore what differs from SHA1, 6 digits and 30 seconds, or
                would garble a name.
        """
        self._check()
        warn_of(concerns_of(self.token) + _concerns_of_names(self.issuer or "", self.account), stacklevel=4)

    def _check(self) -> None:
        if isinstance(self.token, TOTP) and (self.token.t0, self.counter) != (0, 0):
            raise InvalidParameters("t0 and counter must be 0 for a TOTP: a URI cannot say another")
        whole("counter", self.counter, 0, LARGEST_COUNTER)
        object.__setattr__(self, "account", checked_name("account", self.account))
        if self.issuer is not None:
            object.__setattr__(self, "issuer", checked_issuer(self.issuer))

    @classmethod
    def quietly(cls, token: TOTP, account: str, issuer: str | None) -> "KeyURI":
        """Make a URI without a warning, which is for developers: an account is what a visitor has."""
        made = _made(token, account, issuer)
        made._check()  # noqa: SLF001  # of this class
        return made

    @property
    def text(self) -> str:
        """The URI itself, in ASCII. It holds the secret."""
        from urllib.parse import quote  # noqa: PLC0415  # loaded when used: verifying a code needs no URLs

        # `quote` with nothing safe leaves A-Z a-z 0-9 - . _ ~ and encodes all else.
        token, issuer, account = self.token, quote(self.issuer or "", safe=""), quote(self.account, safe="")
        prefix = f"{issuer}:" if issuer or ":" in self.account else ""
        kind = "hotp" if isinstance(token, HOTP) else "totp"
        parts = [f"otpauth://{kind}/{prefix}{account}?secret={token.secret.base32}"]
        if issuer:
            parts.append(f"issuer={issuer}")
        if token.algorithm != Algorithm.SHA1:
            parts.append(f"algorithm={token.algorithm}")
        if token.digits != 6:
            parts.append(f"digits={token.digits}")
        if isinstance(token, HOTP):
            parts.append(f"counter={self.counter}")  # always: apps disagree about the default
        elif token.period != 30:
            parts.append(f"period={token.period}")
        return "&".join(parts)

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
        if type(hidden.value) is not str:
            raise type_error("text", "a str", hidden.value)
        return _made(*read(hidden))

    def __repr__(self) -> str:
        return f"<KeyURI: {type(self.token).__name__}, hidden>"


def checked_issuer(issuer: str) -> str:
    """Return an issuer that every app can show, normalized and trimmed."""
    issuer = checked_name("issuer", issuer)
    if issuer.casefold() == "steam":
        raise InvalidParameters("issuer must not be Steam: apps would show codes of another kind")
    return issuer


def checked_name(name: str, value: str) -> str:
    """Return an issuer or account that every app can show, normalized and trimmed."""
    from urllib.parse import quote  # noqa: PLC0415  # loaded when used

    value = unicodedata.normalize("NFC", text(name, value, 1, _LONGEST_NAME)).strip()
    if not value or ":" in value:
        raise InvalidParameters(f"{name} must not be blank, nor hold a colon, which separates issuer and account")
    if any(unicodedata.category(character) in _UNSEEN for character in value):
        raise InvalidParameters(f"{name} must not hold control or invisible characters")
    if len(quote(value, safe="")) > _LONGEST_NAME:
        raise InvalidParameters(f"{name} must have at most {_LONGEST_NAME} characters once it is percent-encoded")
    return value


def concerns_of(token: TOTP | HOTP) -> list[str]:
    """Return what widely used apps are known to do with a token that is not of the plainest kind."""
    period = token.period if isinstance(token, TOTP) else 30
    found = (
        (
            token.algorithm != Algorithm.SHA1,
            "Microsoft Authenticator, Authy, Duo, numberstation, older Google Authenticator show wrong codes, of SHA1",
        ),
        (token.digits != 6, "Microsoft and Google Authenticator may show 6 digits"),
        (period != 30, "Microsoft Authenticator and older Google Authenticator count 30 seconds"),
        (bool(60 % period), "so does the browser extension Authenticator, where a period does not divide 60"),
        (period > 120, "OTPClient counts 30 seconds where a period is over 120"),
        (period not in (10, 30, 60, 90), "2FAS refuses a period other than 10, 30, 60 or 90 seconds"),
        (isinstance(token, HOTP), "Bitwarden and KeePassXC make a time-based token of a counter-based one"),
        (isinstance(token, HOTP), "pass otp shows the code after the first, and no other"),
    )
    return [concern for holds, concern in found if holds]


def _concerns_of_names(issuer: str, account: str) -> list[str]:
    found = (
        (
            not set("?&#%+").isdisjoint(issuer + account),
            "2FAS and Stratum garble ? & # % + in names, or refuse the code",
        ),
        (len(issuer) > 30 or len(account) > 40, "2FAS and Stratum cut an issuer at 30 and an account at 40 characters"),
        (len(f"{issuer}:{account}".encode()) > 64, "a YubiKey holds 64 bytes of issuer and account"),
        ("/" in issuer + account, "pass otp makes a folder of what stands before a /"),
        (
            (issuer or account).startswith("-") or ".." in (issuer, account),
            "pass otp refuses names like -x, and the name ..",
        ),
    )
    return [concern for holds, concern in found if holds]


def warn_of(concerns: list[str], *, stacklevel: int) -> None:
    """Warn, once for each place in the program that asks for such a URI."""
    if concerns:
        warnings.warn("; ".join(concerns), CompatibilityWarning, stacklevel)


def _made(
    token: TOTP | HOTP, account: str, issuer: str | None, counter: int = 0, issuer_mismatch: str | None = None
) -> KeyURI:
    """Return a URI without the constructor's rules and warnings: other people's names are kept as they are."""
    made = object.__new__(KeyURI)
    for name, value in zip(KeyURI.__slots__, (token, account, issuer, counter, issuer_mismatch), strict=True):
        object.__setattr__(made, name, value)
    return made
