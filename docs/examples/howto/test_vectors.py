"""The vectors of RFC 4226, RFC 6238 and RFC 4648, run through implementations that are not totpcore's.

Rule 1. What an implementation cannot do is written down as such, with the reason, and is not left out in silence.
"""

import base64
import hashlib
from collections.abc import Callable

import pyotp
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from totpcore.vectors import Base32Vector, HOTPVector, TOTPVector, rfc4226, rfc4648, rfc6238

HASHES: dict[str, hashes.SHA1 | hashes.SHA256 | hashes.SHA512] = {
    "SHA1": hashes.SHA1(),  # noqa: S303  # of RFC 6238
    "SHA256": hashes.SHA256(),
    "SHA512": hashes.SHA512(),
}


# page: adapters
def by_pyotp(vector: TOTPVector) -> str:
    """Return what pyotp says."""
    digest = getattr(hashlib, vector.algorithm.lower())
    key = base64.b32encode(vector.key).decode()
    return pyotp.TOTP(key, digits=vector.digits, digest=digest, interval=vector.period).at(vector.at)


def by_cryptography(vector: TOTPVector) -> str:
    """Return what cryptography says."""
    token = TOTP(vector.key, vector.digits, HASHES[vector.algorithm], vector.period)
    return token.generate(vector.at).decode()


@pytest.mark.parametrize("vector", rfc6238(), ids=lambda vector: f"{vector.algorithm} at {vector.at}")
@pytest.mark.parametrize("implementation", [by_pyotp, by_cryptography])
def test_rfc_6238_appendix_b(implementation: Callable[[TOTPVector], str], vector: TOTPVector) -> None:
    """Every code of the table, with three hashes and seeds of three lengths."""
    assert implementation(vector) == vector.expect


# page: end
@pytest.mark.parametrize("vector", rfc4226(), ids=lambda vector: f"counter {vector.counter}")
def test_rfc_4226_appendix_d(vector: HOTPVector) -> None:
    """Every code of the table, by both."""
    assert pyotp.HOTP(base64.b32encode(vector.key).decode()).at(vector.counter) == vector.expect
    assert HOTP(vector.key, vector.digits, HASHES["SHA1"]).generate(vector.counter).decode() == vector.expect


@pytest.mark.parametrize("vector", rfc4648(), ids=lambda vector: repr(vector.data))
def test_rfc_4648_section_10(vector: Base32Vector) -> None:
    """Base32 as the standard library has it, which both of them build on."""
    assert base64.b32encode(vector.data).decode() == vector.expect
