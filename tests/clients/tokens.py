"""The tokens that clients are tried with, and the codes that each may show.

Rules of this file:

1. Secrets are as long as `enrol` makes them. They are fixed, so that a failure can be repeated.
2. One token differs from the plainest kind in one thing; the last ones in several.
"""

import warnings
from dataclasses import dataclass
from typing import Final

from totpcore import HOTP, TOTP, CompatibilityWarning, KeyURI, Policy, Secret

ISSUER: Final = "ACME Co"
ACCOUNT: Final = "alice@example.com"
COUNTER: Final = 7  # the next one, of the tokens that count


@dataclass(frozen=True)
class Shown:
    """The code that a client showed, and the two times that were read before and after."""

    code: str
    begun: float
    ended: float


def _secret(algorithm: str) -> Secret:
    return Secret(bytes(range(1, 1 + Policy(algorithm=algorithm).new_secret_bytes)))


def _totp(*, algorithm: str = "SHA1", digits: int = 6, period: int = 30) -> TOTP:
    return TOTP(_secret(algorithm), algorithm=algorithm, digits=digits, period=period)


def _hotp(*, algorithm: str = "SHA1", digits: int = 6) -> HOTP:
    return HOTP(_secret(algorithm), algorithm=algorithm, digits=digits)


TOKENS: Final[dict[str, TOTP | HOTP]] = {
    "default": _totp(),
    "SHA256": _totp(algorithm="SHA256"),
    "SHA512": _totp(algorithm="SHA512"),
    "7 digits": _totp(digits=7),
    "8 digits": _totp(digits=8),
    "60 seconds": _totp(period=60),
    "SHA512, 8 digits, 60 seconds": _totp(algorithm="SHA512", digits=8, period=60),
    "HOTP": _hotp(),
    "HOTP, SHA256, 8 digits": _hotp(algorithm="SHA256", digits=8),
}


def uri_of(token: TOTP | HOTP, *, issuer: str = ISSUER, account: str = ACCOUNT) -> KeyURI:
    """The URI of a token, without a warning: the odd ones are meant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompatibilityWarning)
        return KeyURI(token, issuer=issuer, account=account, counter=COUNTER if isinstance(token, HOTP) else 0)


def codes_of(token: TOTP | HOTP, shown: Shown) -> set[str]:
    """The codes that are right at some time between the two that were read: one, or two about the end of a step."""
    if isinstance(token, HOTP):
        return {token.code(COUNTER)}
    first, last = token.counter(shown.begun), token.counter(shown.ended)
    return {token.code(counter * token.period) for counter in range(first, last + 1)}


def as_time_based(token: HOTP) -> TOTP:
    """The time-based token that some clients make of a counter-based one."""
    return TOTP(token.secret, algorithm=token.algorithm, digits=token.digits)


def with_sha1(token: TOTP | HOTP) -> TOTP | HOTP:
    """The token that a client takes it for, which does not read the hash."""
    if isinstance(token, HOTP):
        return HOTP(token.secret, digits=token.digits)
    return TOTP(token.secret, digits=token.digits, period=token.period)
