"""Every call of `TwoFactor` in every state in which a user can be, ready to be broken.

Rules of this file:

1. A scene is a state, made once and kept as bytes; each use of it begins from these on a store of its own.
2. The records are sealed by a seal that hides and authenticates, so that what a store is given shows nothing.
3. A call is named, knows what is typed, and what it answers where nothing breaks.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from random import Random
from typing import Final
from unittest import mock

from records.life import NOW, RAW, USER, Life, wrong_recovery_code
from silence.finder import Finder
from totpcore import HOTP, TOTP, Enforcement, Policy, Rule, Secret, TotpcoreError, TwoFactor, hotp
from totpcore import _core as core

STATES: Final = (
    "off", "pending", "on", "replacing", "recovered", "failed", "throttled", "recovery throttled", "locked", "hotp",
)  # fmt: skip
ACCOUNT: Final = "alice@example.com"
OTHER: Final = b"\xf0another key \x9f%+/ "  # of what is adopted; with bytes that each encoding writes differently
POLICY: Final = Policy(lock_after=8)

Call = Callable[[TwoFactor], object]


class Seal:
    """A stand-in for a real seal: what it gives is bound to its context, authenticated, and shows nothing."""

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Hide and authenticate."""
        hidden = _masked(plaintext, context)
        return hmac.digest(context, hidden, "sha256") + hidden

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Check, and bring back."""
        if not hmac.compare_digest(sealed[:32], hmac.digest(context, sealed[32:], "sha256")):
            raise ValueError("the seal is broken")
        return _masked(sealed[32:], context)


def _masked(text: bytes, context: bytes) -> bytes:
    stream = hashlib.shake_256(context).digest(len(text))
    return (int.from_bytes(text, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(text), "big")


@dataclass(frozen=True)
class Scene:
    """A user in a state, and what they could type."""

    state: str
    held: bytes | None
    now: float
    token: TOTP | HOTP
    waiting: TOTP
    codes: tuple[str, ...]
    wrong: str
    spent: int

    def code(self, offset: int = 0) -> str:
        """The code of now, or of the next counter."""
        if isinstance(self.token, TOTP):
            return self.token.code(self.now + offset * 30)
        return self.token.code(self.spent + 1 + offset)

    @property
    def new_code(self) -> str:
        """The code of the secret that waits."""
        return self.waiting.code(self.now)

    @property
    def calls(self) -> dict[str, Call]:
        """Every call, with a right code, a wrong one, and a recovery code where it takes one."""
        code, new, wrong, recovery = self.code(), self.new_code, self.wrong, self.codes[1]
        adopted = TOTP(Secret(OTHER))
        require = Enforcement(Rule.REQUIRE)
        two = (self.code(5), self.code(6)) if isinstance(self.token, HOTP) else (code, wrong)
        return {
            "gate": lambda service: service.gate(USER, require),
            "gate, expected": lambda service: service.gate(USER, require, expected=True),
            "verify": lambda service: service.verify(USER, code),
            "verify, wrong": lambda service: service.verify(USER, wrong),
            "verify, malformed": lambda service: service.verify(USER, f"{code}x"),
            "recover": lambda service: service.recover(USER, recovery),
            "recover, wrong": lambda service: service.recover(USER, wrong_recovery_code(123456789)),
            "enrol": lambda service: service.enrol(USER, account=ACCOUNT),
            "replace": lambda service: service.replace(USER, code, account=ACCOUNT),
            "replace, recovery code": lambda service: service.replace(USER, recovery, account=ACCOUNT),
            "pending": lambda service: service.pending(USER),
            "confirm": lambda service: service.confirm(USER, new),
            "confirm, wrong": lambda service: service.confirm(USER, wrong),
            "renew_recovery_codes": lambda service: service.renew_recovery_codes(USER, code),
            "renew_recovery_codes, recovery code": lambda service: service.renew_recovery_codes(USER, recovery),
            "disable": lambda service: service.disable(USER, code),
            "disable, recovery code": lambda service: service.disable(USER, recovery),
            "disable, wrong": lambda service: service.disable(USER, wrong),
            "resync": lambda service: service.resync(USER, *two),
            "resync, wrong": lambda service: service.resync(USER, wrong, wrong),
            "status": lambda service: service.status(USER),
            "statuses": lambda service: service.statuses([USER]),
            "reset": lambda service: service.reset(USER, actor="bob", reason="lost phone"),
            "adopt": lambda service: service.adopt(USER, adopted, spent=-1),
            "raise_floor": lambda service: service.raise_floor(USER),
        }

    @cached_property
    def finder(self) -> Finder:
        """What nobody may see: the secrets, the codes, and the recovery codes."""
        canaries: dict[str, bytes | str] = {
            "secret": self.token.secret.reveal(), "pending secret": self.waiting.secret.reveal(), "adopted": OTHER,
            "code": self.code(), "new code": self.new_code, "wrong code": self.wrong, "code of resync": self.code(5),
            "recovery code": self.codes[1], "wrong recovery code": wrong_recovery_code(123456789),
        }  # fmt: skip
        return Finder(canaries)


CALLS: Final = (
    "gate", "gate, expected", "verify", "verify, wrong", "verify, malformed", "recover", "recover, wrong", "enrol",
    "replace", "replace, recovery code", "pending", "confirm", "confirm, wrong", "renew_recovery_codes",
    "renew_recovery_codes, recovery code", "disable", "disable, recovery code", "disable, wrong", "resync",
    "resync, wrong", "status", "statuses", "reset", "adopt", "raise_floor",
)  # fmt: skip
SPENDING: Final = frozenset(
    name
    for name in CALLS
    if name.split(",")[0] in ("verify", "recover", "replace", "confirm", "renew_recovery_codes", "disable", "resync")
    and "wrong" not in name
)


@cache
def scene(state: str) -> Scene:
    """A state, made by the calls that lead to it; the same one each time."""
    with repeatable():
        life = Life(POLICY)
        waiting = _lead(life, state)
    codes = tuple(life.codes) or (wrong_recovery_code(7), wrong_recovery_code(8))
    held = None if life.raw is None else Seal().seal(life.raw, core.context_of(USER))
    spent = -1 if life.record.active is None else life.spent
    return Scene(state, held, life.clock(), life.token, waiting, codes, _wrong(life.token, waiting, spent), spent)


def _wrong(token: TOTP | HOTP, waiting: TOTP, spent: int) -> str:
    """A code that neither secret has anywhere near."""
    key, counter = token.secret.reveal(), spent if isinstance(token, HOTP) else int(NOW) // 30
    reach = {hotp(key, one) for one in range(max(0, counter - 110), counter + 200)}
    reach |= {hotp(waiting.secret.reveal(), one) for one in range(NOW // 30 - 110, NOW // 30 + 200)}
    return next(code for code in (f"{value:06d}" for value in range(873_000, 874_000)) if code not in reach)


def _lead(life: Life, state: str) -> TOTP:
    life.token = waiting = TOTP(Secret(RAW))
    if state == "off":
        return waiting
    if state == "pending":
        return TOTP(life.enrol().secret)
    if state == "hotp":
        life.adopt(HOTP(Secret(RAW)), spent=3)
        return waiting
    life.on()
    if state in ("failed", "throttled"):
        life.fail(4 if state == "failed" else POLICY.free_attempts)
    elif state == "recovery throttled":
        life.fail_recovery(POLICY.free_attempts)
    elif state == "locked":
        life.lock()
    if state == "recovered":
        life.service.recover(USER, life.codes[0])
        life.clock.tick(60)
    if state in ("replacing", "throttled", "locked"):
        waiting = TOTP(life.service.replace(USER, life.codes[0], account=ACCOUNT).secret)
        life.clock.tick(1 if state == "throttled" else 90)
    return waiting


@contextmanager
def repeatable(seed: int = 0) -> Iterator[None]:
    """Randomness that repeats, so that no test fails by a chance of one in a million."""
    with mock.patch.object(secrets, "token_bytes", Random(seed).randbytes):
        yield


def outcome(call: Callable[[], object]) -> str:
    """`ok`, or the word of the refusal, or the name of another exception of totpcore's."""
    try:
        call()
    except TotpcoreError as error:
        return str(getattr(error, "reason", type(error).__name__))
    return "ok"
