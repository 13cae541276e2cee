"""`totpcore selftest`: the test vectors of the RFCs, on this very machine."""

import argparse
import json
import sys
from typing import NamedTuple

from ._parsing import DONE, REFUSED, Commands


def add(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add(
        "selftest",
        _run,
        "compute the test vectors of RFC 4226, 6238 and 4648",
        more="Exit code 1 on a mismatch.",
        example="totpcore selftest\ntotpcore selftest --json",
    )
    command.add_argument("--json", action="store_true", help="write the result as JSON")


def _run(given: argparse.Namespace) -> int:
    return selftest(as_json=given.json)


class Group(NamedTuple):
    """The outcome of one group of vectors: how many agree, and the names of those that do not."""

    name: str
    vectors: int
    mismatches: list[str]


def selftest(*, as_json: bool) -> int:
    """Write one line for each group of RFC vectors, and return 1 if any vector does not agree."""
    groups = [_rfc4226(), _rfc6238(), _rfc4648()]
    if as_json:
        sys.stdout.write(json.dumps([group._asdict() for group in groups], indent=2) + "\n")
    else:
        for name, vectors, mismatches in groups:
            verdict = "ok" if not mismatches else f"MISMATCH: {', '.join(mismatches)}"
            sys.stdout.write(f"{name}: {vectors - len(mismatches)} of {vectors} vectors agree: {verdict}\n")
    return REFUSED if any(group.mismatches for group in groups) else DONE


def _rfc4226() -> Group:
    import hmac  # noqa: PLC0415

    from .. import otp, vectors  # noqa: PLC0415
    from ..secret import Secret  # noqa: PLC0415

    rows, wrong = vectors.rfc4226(), []
    for row in rows:
        mac = hmac.digest(row.key, row.counter.to_bytes(8, "big"), "sha1").hex()
        codes = {otp.hotp(row.key, row.counter), otp.HOTP(Secret(row.key)).code(row.counter)}
        if mac != row.hmac or codes != {row.expect}:
            wrong.append(f"counter {row.counter}")
    return Group("RFC 4226 appendix D, with the intermediate HMACs", len(rows), wrong)


def _rfc6238() -> Group:
    from .. import otp, vectors  # noqa: PLC0415
    from ..secret import Secret  # noqa: PLC0415

    rows, wrong = vectors.rfc6238(), []
    for row in rows:
        token = otp.TOTP(Secret(row.key), digits=row.digits, algorithm=row.algorithm)
        plain = otp.totp(row.key, row.at, digits=row.digits, algorithm=row.algorithm)
        if token.counter(row.at) != row.counter or {plain, token.code(row.at)} != {row.expect}:
            wrong.append(f"{row.algorithm} at {row.at}")
    return Group("RFC 6238 appendix B, seeds of 20, 32 and 64 bytes", len(rows), wrong)


def _rfc4648() -> Group:
    from .. import vectors  # noqa: PLC0415
    from .._guard import Hidden  # noqa: PLC0415
    from ..secret import decode_base32, encode_base32  # noqa: PLC0415

    rows, wrong = vectors.rfc4648(), []
    for row in rows:
        # The empty text is a vector of the encoder alone: as a secret it is refused.
        decoded = {decode_base32(Hidden(text)) for text in (row.expect, row.expect.rstrip("=")) if text}
        if encode_base32(row.data) != row.expect.rstrip("=") or decoded not in ({row.data}, set()):
            wrong.append(repr(row.data))
    return Group("RFC 4648 section 10, base32", len(rows), wrong)
