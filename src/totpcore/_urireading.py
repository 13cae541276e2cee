"""Reading an `otpauth` URI that somebody else wrote.

Rules of this file:

1. What apps agree about is read: any case, spaces, `%3A` for the colon, a missing issuer, names of hashes with hyphens.
2. What they disagree about is refused, because a wrong reading is a wrong code later: duplicates, fragments, Steam's
   variant, numbers out of range.
3. Nothing of the URI is in an error, and what holds the secret is `Hidden`.
"""

from typing import Final, NamedTuple

from ._guard import Hidden, has_lone_surrogate
from .errors import InvalidInput, InvalidURI
from .otp import HOTP, LARGEST_COUNTER, TOTP, Algorithm
from .secret import UPPER, Secret

_LONGEST_URI: Final = 4096
_PARAMETERS: Final = frozenset({"secret", "issuer", "algorithm", "digits", "period", "counter", "encoder", "steam"})


class Parts(NamedTuple):
    """What a URI says. `issuer_mismatch` is the prefix, where the parameter is another and wins."""

    token: TOTP | HOTP
    account: str
    issuer: str | None
    counter: int
    issuer_mismatch: str | None


def read(uri: Hidden[str]) -> Parts:
    """Read a URI, or raise `InvalidURI`."""
    if len(uri.value) > _LONGEST_URI or has_lone_surrogate(uri.value):
        raise InvalidURI(f"the URI must have at most {_LONGEST_URI} characters, and no lone surrogate")
    scheme, _, rest = (Hidden(part) for part in uri.value.partition("://"))
    location, _, query = (Hidden(part) for part in rest.value.partition("?"))
    kind, _, label = (Hidden(part) for part in location.value.partition("/"))
    given = Hidden(_parameters(query))
    if "steam" in {scheme.value.lower(), kind.value.lower(), given.value.get("encoder", "").lower(), *given.value}:
        raise InvalidURI("Steam's codes are of another kind, which totpcore does not make")
    is_ours, hotp = scheme.value.lower() in {"otpauth", "apple-otpauth"}, kind.value.lower() == "hotp"
    if not is_ours or not (hotp or kind.value.lower() == "totp"):
        raise InvalidURI("the URI must begin with otpauth://totp/ or otpauth://hotp/")
    if "#" in rest.value:
        raise InvalidURI("the URI has a fragment: # must be written %23")
    digits = _number(given, "digits", 6, 6, 8)
    period = _number(given, "period", 30, 10, 300)
    counter = _number(given, "counter", 0, 0, LARGEST_COUNTER)
    try:
        secret = Secret.from_base32(given.value.get("secret", ""))
        algorithm = Algorithm(_plain_algorithm(given.value.get("algorithm", "SHA1")))
    except InvalidInput as error:
        raise InvalidURI(f"the secret, or the algorithm, is not usable: {error}") from None
    issuer = given.value.get("issuer", "").strip()
    prefix, account = _split_label(label.value, issuer)
    mismatch = prefix if issuer and prefix not in ("", issuer) else None
    if hotp:
        token: TOTP | HOTP = HOTP(secret, digits=digits, algorithm=algorithm)
    else:
        token, counter = TOTP(secret, digits=digits, period=period, algorithm=algorithm), 0
    return Parts(token, account, issuer or prefix or None, counter, mismatch)


def _parameters(query: Hidden[str]) -> dict[str, str]:
    """Return the parameters that matter, by lower-case name. Apps disagree which of two wins, so two are refused."""
    from urllib.parse import unquote_plus  # noqa: PLC0415  # loaded when used

    result: Hidden[dict[str, str]] = Hidden({})
    for part in map(Hidden, query.value.split("&")):
        name, _, value = (Hidden(unquote_plus(half)) for half in part.value.partition("="))
        known = name.value.lower()
        if known in result.value:
            raise InvalidURI(f"the parameter {known} stands twice")
        if known in _PARAMETERS:
            result.value[known] = value.value
    return result.value


def _split_label(label: str, issuer: str) -> tuple[str, str]:
    """Return the label's prefix and account.

    A literal colon separates, since an encoded one may belong to a name. Without it the first decoded colon does,
    unless the label begins with the issuer parameter, which may hold a colon itself.
    """
    from urllib.parse import unquote  # noqa: PLC0415  # loaded when used

    decoded = unquote(label)
    if ":" in label:
        prefix, account = map(unquote, label.split(":", 1))
    elif issuer and decoded.startswith(f"{issuer}:"):
        prefix, account = issuer, decoded[len(issuer) + 1 :]
    else:
        prefix, account = decoded.split(":", 1) if ":" in decoded else ("", decoded)
    return prefix.strip(), account.strip()


def _number(given: Hidden[dict[str, str]], name: str, default: int, low: int, high: int) -> int:
    """Return a parameter that is a number in ASCII digits, without sign, space or underscore."""
    written = given.value.get(name, str(default))
    # The length first: `int` on a long text is slow, and on a very long one an error of another kind.
    if not 1 <= len(written) <= 20 or written.strip("0123456789") or not low <= int(written) <= high:
        raise InvalidURI(f"{name} must be a number from {low} to {high}")
    return int(written)


def _plain_algorithm(name: str) -> str:
    """Return `SHA1` for `SHA-1`, `HmacSHA1`, `HMAC-SHA-1`, and so on."""
    return name.translate(UPPER).removeprefix("HMAC-").removeprefix("HMAC").replace("SHA-", "SHA", 1)
