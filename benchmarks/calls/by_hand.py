"""A second factor in memory, written by hand: pyotp, a dictionary, a lock and JSON.

It is what a careful programmer writes who needs a log-in and nothing else: replay-proof, throttled, atomic, with
recovery codes in the record, and sealed where that is wanted. It checks no more than that, and knows one kind of token.
"""

import json
import logging
import os
from collections.abc import Callable
from threading import Lock
from typing import Final, Protocol, TypedDict

import pyotp

FREE_ATTEMPTS: Final = 5
FIRST_WAIT: Final = 30
LONGEST_WAIT: Final = 3600

_log: Final = logging.getLogger("by_hand")


class Record(TypedDict):
    """What is kept of a user; `recovery` has the SHA-256 of each recovery code."""

    secret: str
    spent: int
    failures: int
    locked_until: float
    last_used: float | None
    recovery: list[str]


class RefusedByHand(Exception):
    """The code was not accepted."""


class Seal(Protocol):
    """What encrypts a record."""

    def seal(self, plain: bytes, context: bytes) -> bytes: ...
    def open(self, sealed: bytes, context: bytes) -> bytes: ...


class InClear:
    """No seal."""

    def seal(self, plain: bytes, context: bytes) -> bytes:  # noqa: ARG002  # of the protocol
        return plain

    def open(self, sealed: bytes, context: bytes) -> bytes:  # noqa: ARG002  # of the protocol
        return sealed


class Sealed:
    """AES-256-GCM under one key for all users, with a random nonce, bound to the user."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        return self._cipher.decrypt(sealed[:12], sealed[12:], context)


class ByHand:
    """The second factors of some users."""

    def __init__(self, seal: Seal, clock: Callable[[], float]) -> None:
        self._values: dict[str, bytes] = {}
        self._lock = Lock()
        self._seal = seal
        self._clock = clock

    def put(self, user: str, record: Record) -> None:
        """Store a record."""
        self._values[user] = self._sealed(user, record)

    def verify(self, user: str, code: str) -> None:
        """Accept a one-time code, and spend it; raise `RefusedByHand` otherwise."""
        while True:
            old = self._values[user]
            record: Record = json.loads(self._seal.open(old, user.encode()))
            now = self._clock()
            reason = _decide(record, code, now)
            if reason == "throttled" or self._swap(user, old, self._sealed(user, record)):
                break
        if reason != "ok":
            _log.warning("log-in of %s refused: %s, %d failures", user, reason, record["failures"])
            raise RefusedByHand(reason)
        _log.info("log-in of %s, %d recovery codes left", user, len(record["recovery"]))

    def _sealed(self, user: str, record: Record) -> bytes:
        return self._seal.seal(json.dumps(record).encode(), user.encode())

    def _swap(self, user: str, old: bytes, new: bytes) -> bool:
        with self._lock:
            if self._values[user] != old:
                return False
            self._values[user] = new
            return True


def _decide(record: Record, code: str, now: float) -> str:
    """Change the record by the code; return "ok", or why it is refused."""
    if now < record["locked_until"]:
        return "throttled"
    try:
        step = pyotp.TOTP(record["secret"]).verify_and_get_timecode(code, for_time=now, valid_window=1)
    except pyotp.OTPVerificationError:
        record["failures"] += 1
        if record["failures"] >= FREE_ATTEMPTS:
            wait = FIRST_WAIT * 2 ** (record["failures"] - FREE_ATTEMPTS)
            record["locked_until"] = now + min(wait, LONGEST_WAIT)
        return "wrong"
    if step <= record["spent"]:
        return "replayed"
    record["spent"], record["last_used"] = step, now
    record["failures"], record["locked_until"] = 0, 0.0
    return "ok"
