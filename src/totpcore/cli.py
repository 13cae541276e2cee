"""The command `totpcore`, which is `python -m totpcore`.

Rules of this file:

1. Exit codes: 0 done, 1 refused or mismatch, 2 usage or bad input.
2. A secret is never an argument: it would stand in the process list and in the shell's history.
3. A command is a function from parsed arguments to an exit code, entered in `_parser`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import NamedTuple

DONE, MISMATCH = 0, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Raises:
        SystemExit: If the arguments are wrong, with code 2; on `--help` and `--version`, with code 0.
    """
    parsed = _parser().parse_args(arguments)
    return selftest(as_json=parsed.json)


def _parser() -> argparse.ArgumentParser:
    from . import __version__  # noqa: PLC0415  # the face of the package imports most of it

    parser = argparse.ArgumentParser(prog="totpcore", description="Time-based and counter-based one-time codes.")
    parser.add_argument("--version", action="version", version=f"totpcore {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    command = commands.add_parser(
        "selftest",
        help="compute the test vectors of RFC 4226, RFC 6238 and RFC 4648",
        description="Compute the test vectors of RFC 4226, RFC 6238 and RFC 4648. Exit code 1 on a mismatch.",
        epilog="example: totpcore selftest --json",
    )
    command.add_argument("--json", action="store_true", help="write the result as JSON")
    return parser


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
    return MISMATCH if any(group.mismatches for group in groups) else DONE


def _rfc4226() -> Group:
    import hmac  # noqa: PLC0415

    from . import otp, vectors  # noqa: PLC0415
    from .secret import Secret  # noqa: PLC0415

    rows, wrong = vectors.rfc4226(), []
    for row in rows:
        mac = hmac.digest(row.key, row.counter.to_bytes(8, "big"), "sha1").hex()
        codes = {otp.hotp(row.key, row.counter), otp.HOTP(Secret(row.key)).code(row.counter)}
        if mac != row.hmac or codes != {row.expect}:
            wrong.append(f"counter {row.counter}")
    return Group("RFC 4226 appendix D, with the intermediate HMACs", len(rows), wrong)


def _rfc6238() -> Group:
    from . import otp, vectors  # noqa: PLC0415
    from .secret import Secret  # noqa: PLC0415

    rows, wrong = vectors.rfc6238(), []
    for row in rows:
        token = otp.TOTP(Secret(row.key), digits=row.digits, algorithm=row.algorithm)
        plain = otp.totp(row.key, row.at, digits=row.digits, algorithm=row.algorithm)
        if token.counter(row.at) != row.counter or {plain, token.code(row.at)} != {row.expect}:
            wrong.append(f"{row.algorithm} at {row.at}")
    return Group("RFC 6238 appendix B, seeds of 20, 32 and 64 bytes", len(rows), wrong)


def _rfc4648() -> Group:
    from . import vectors  # noqa: PLC0415
    from ._guard import Hidden  # noqa: PLC0415
    from .secret import decode_base32, encode_base32  # noqa: PLC0415

    rows, wrong = vectors.rfc4648(), []
    for row in rows:
        # The empty text is a vector of the encoder alone: as a secret it is refused.
        decoded = {decode_base32(Hidden(text)) for text in (row.expect, row.expect.rstrip("=")) if text}
        if encode_base32(row.data) != row.expect.rstrip("=") or decoded not in ({row.data}, set()):
            wrong.append(repr(row.data))
    return Group("RFC 4648 section 10, base32", len(rows), wrong)
