"""Hashes of passwords: scrypt of the standard library, which is slow on purpose."""

import base64
import hashlib
import hmac
import secrets

COST = 2**15  # with r=8 and p=3 one of the settings that OWASP's "Password Storage Cheat Sheet" gives for scrypt
MEMORY = 64 * 1024 * 1024  # bytes: twice what that takes


def generate_password_hash(password: str, *, cost: int = COST) -> str:
    """The hash of a password, with its cost and its salt."""
    salt = secrets.token_bytes(16)
    return f"{cost}${base64.b64encode(salt).decode()}${_scrypt(password, salt, cost)}"


def check_password_hash(kept: str, password: str) -> bool:
    """Whether this is the password."""
    cost, salt, made = kept.split("$")
    return hmac.compare_digest(_scrypt(password, base64.b64decode(salt), int(cost)), made)


def _scrypt(password: str, salt: bytes, cost: int) -> str:
    made = hashlib.scrypt(password.encode(), salt=salt, n=cost, r=8, p=3, maxmem=MEMORY)
    return base64.b64encode(made).decode()
