"""numberstation, an authenticator of phones with Linux: its class of URIs, without its window."""

import time
from pathlib import Path
from typing import Any, Final

from clients.homes import ask
from clients.tokens import Shown

_SHOW: Final = """
from numberstation.otpurl import OTPUrl
answer = {}
for name, uri in given.items():
    found = OTPUrl(uri)
    answer[name] = {"code": found.get_token()[0], "issuer": found.issuer, "label": found.label}
"""
_FOLDER: Final = "/usr/share/numberstation"


def _show(uris: dict[str, str], home: Path) -> dict[str, dict[str, Any]]:
    shown: dict[str, dict[str, Any]] = ask(home, "numberstation.otpurl", _SHOW, uris, folder=_FOLDER)
    return shown


def codes(uris: dict[str, str], home: Path) -> dict[str, Shown]:
    """The code of each URI."""
    begun = time.time()
    shown = _show(uris, home)
    ended = time.time()
    return {name: Shown(fields["code"], begun, ended) for name, fields in shown.items()}


def names(uris: dict[str, str], home: Path) -> dict[str, tuple[str | None, str | None]]:
    """The issuer that it shows for each, and of the label what follows that."""
    shown = _show(uris, home)
    return {name: (one["issuer"], one["label"].removeprefix(f"{one['issuer']}:")) for name, one in shown.items()}
