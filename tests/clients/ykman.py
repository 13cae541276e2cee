"""Yubico's yubikit, which the YubiKey Manager and the Authenticator are built on: its parser of URIs.

It puts secrets on a YubiKey, which makes the codes; here oathtool makes them, from what the parser found.
"""

from pathlib import Path
from typing import Any, Final

from clients import oathtool
from clients.homes import ask
from clients.tokens import Shown

_READ: Final = """
from base64 import b32encode
from yubikit.oath import CredentialData
answer = {}
for name, uri in given.items():
    found = CredentialData.parse_uri(uri)
    answer[name] = {
        "issuer": found.issuer, "account": found.name, "kind": found.oath_type.name.lower(),
        "base32": b32encode(found.secret).decode(), "algorithm": found.hash_algorithm.name,
        "digits": found.digits, "period": found.period, "counter": found.counter, "id": found.get_id().decode(),
    }
"""


def read(uris: dict[str, str], home: Path) -> dict[str, dict[str, Any]]:
    """What yubikit finds in each URI."""
    found: dict[str, dict[str, Any]] = ask(home, "yubikit.oath", _READ, uris)
    return found


def codes(uris: dict[str, str], home: Path) -> dict[str, Shown]:
    """The code of what it found in each."""
    numbers = ("kind", "algorithm", "digits", "period", "counter", "base32")
    found = read(uris, home)
    return {name: oathtool.code(**{one: fields[one] for one in numbers}) for name, fields in found.items()}


def names(uris: dict[str, str], home: Path) -> dict[str, tuple[str | None, str | None]]:
    """The issuer and the account that it shows for each."""
    return {name: (fields["issuer"], fields["account"]) for name, fields in read(uris, home).items()}
