"""oathtool: codes from a secret and numbers. It reads no URIs, so `urllib` takes them apart."""

import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from clients.tokens import Shown
from need import need


def codes(uris: dict[str, str], home: Path) -> dict[str, Shown]:
    """The code of each URI, by name."""
    return {name: _of_uri(uri) for name, uri in uris.items()}


def _of_uri(uri: str) -> Shown:
    parts = urlsplit(uri)
    given = {name: value for name, (value,) in parse_qs(parts.query, strict_parsing=True).items()}
    return code(
        given["secret"],
        kind=parts.netloc,
        algorithm=given.get("algorithm", "SHA1"),
        digits=int(given.get("digits", 6)),
        period=int(given.get("period", 30)),
        counter=int(given.get("counter", 0)),
    )


def code(base32: str, *, kind: str, algorithm: str, digits: int, period: int, counter: int) -> Shown:
    """The code of these fields."""
    need("oathtool")
    how = [f"--totp={algorithm}", f"--time-step-size={period}s"]
    if kind == "hotp":  # its HOTP knows SHA1 only; a TOTP at the right time is the HOTP of any hash
        how = ["--hotp", f"--counter={counter}"] if algorithm == "SHA1" else [how[0], f"--now=@{30 * counter}"]
    begun = time.time()
    command = ["oathtool", *how, "--base32", f"--digits={digits}", "-"]
    found = subprocess.run(command, input=base32, capture_output=True, check=True, text=True)
    return Shown(found.stdout.strip(), begun, time.time())
