"""pyotp: its parser of URIs, and its codes. Many an application, and numberstation, reads URIs by it."""

import time
from pathlib import Path

import pyotp

from clients.tokens import Shown


def codes(uris: dict[str, str], home: Path) -> dict[str, Shown]:
    """The code of each URI. Of a token that counts, the one of the counter in the URI."""
    return {name: _code(uri) for name, uri in uris.items()}


def _code(uri: str) -> Shown:
    token, begun = pyotp.parse_uri(uri), time.time()
    if isinstance(token, pyotp.TOTP):
        return Shown(token.now(), begun, time.time())
    assert isinstance(token, pyotp.HOTP)
    return Shown(token.at(0), begun, time.time())  # it counts from the counter in the URI


def names(uris: dict[str, str], home: Path) -> dict[str, tuple[str | None, str | None]]:
    """The issuer and the account that it finds in each."""
    tokens = {name: pyotp.parse_uri(uri) for name, uri in uris.items()}
    return {name: (token.issuer, token.name) for name, token in tokens.items()}
