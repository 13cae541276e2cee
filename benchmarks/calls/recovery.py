"""A recovery code that is wrong, among few and many: the cost for whoever guesses, and for who has to check."""

import logging
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Final

from totpcore import InvalidCode, MemoryStore, Plaintext, Policy, RecoveryCodes, TwoFactor
from totpcore._guard import Hidden
from totpcore.audit import LOGGER_NAME
from totpcore.recovery import SALT_BYTES, canonical_recovery_code, find, keep
from totpcore.testing import HandClock

from ..report import Row, Table
from ..steps import ISSUER, START, TOKEN
from .contenders import Contender, Found, Step, beside, gives

USER: Final = "user"
MANY: Final = 10  # of the peers' codes: as many as totpcore makes
_WRONG: Final = "0000-0000-0000-0000-0000-0000"
_LONGER_THAN_ANY_WAIT: Final = 4_000  # seconds
_BCRYPT_ROUNDS: Final = 12


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="A wrong recovery code",
        about="The check of a recovery code among the kept ones by itself, and the whole `TwoFactor.recover` on a "
        "`MemoryStore` that refuses and charges it: of many codes beside one; and the check beside slow hashes, which "
        "have to be tried one after another. The ratio is that of the first's time to the second's in the same round.",
        base="the second",
        ours="the first",
    )


def rows(found: Found) -> Iterator[Row]:
    """Compare."""
    part = "a part of the attempt: an HMAC, and one comparison a code"
    for what, contenders, target, note in (("check", CHECKS, None, part), ("attempt", ATTEMPTS, 2.0, "")):
        one, ten, hundred = contenders.values()
        yield beside(found, ten, one, name=f"{what}: 10 codes beside 1")
        yield beside(found, hundred, one, name=f"{what}: 100 codes beside 1", at_most=target, note=note)
    for name, contender in SLOW.items():
        note = ""
        if contender.name in found:
            one_hash = median(found[contender.name]) * 1e3
            note = (
                f"one hash takes {one_hash:,.0f} ms of the processor, and a loop over {MANY} of them {MANY} times that"
            )
        yield beside(
            found, CHECKS[MANY], contender, name=f"check: {MANY} codes beside {MANY} of {name}",
            at_most=0.001, note=note, calls=MANY,
        )  # fmt: skip


def _check(count: int) -> Step:
    codes = RecoveryCodes.generate(count)
    kept = keep(codes, secrets.token_bytes(SALT_BYTES))

    def number(code: str) -> int | None:
        canonical = canonical_recovery_code(Hidden(code))
        return None if canonical is None else find(kept, canonical)

    gives(count - 1, partial(number, codes[-1]))
    return gives(None, partial(number, _WRONG))


def _attempt(count: int) -> Step:
    # Refusals are logged as warnings. Whatever that log is written to is not measured here.
    logging.getLogger(LOGGER_NAME).setLevel(logging.ERROR)
    clock, policy = HandClock(START), Policy(recovery_codes=count, recovery_low=1)
    service = TwoFactor(MemoryStore(), issuer=ISSUER, sealer=Plaintext(), policy=policy, clock=clock)
    service.adopt(USER, TOKEN, spent=-1)

    def attempt() -> None:
        clock.now += _LONGER_THAN_ANY_WAIT
        try:
            service.recover(USER, _WRONG)
        except InvalidCode as refused:
            if not refused.malformed:
                return
        raise RuntimeError("not refused as wrong")

    attempt()
    return attempt


def _argon2() -> Step:
    from argon2 import PasswordHasher
    from argon2.exceptions import VerifyMismatchError

    hasher, (code,) = PasswordHasher(), RecoveryCodes.generate(1)
    kept = hasher.hash(code)

    def verdict(typed: str) -> bool:
        try:
            return hasher.verify(kept, typed)
        except VerifyMismatchError:
            return False

    gives(True, partial(verdict, code))
    return gives(False, partial(verdict, _WRONG))


def _bcrypt() -> Step:
    import bcrypt

    (code,) = RecoveryCodes.generate(1)
    kept = bcrypt.hashpw(code.encode(), bcrypt.gensalt(_BCRYPT_ROUNDS))
    gives(True, partial(bcrypt.checkpw, code.encode(), kept))
    return gives(False, partial(bcrypt.checkpw, _WRONG.encode(), kept))


def _of(what: str, make: Callable[[int], Step]) -> dict[int, Contender]:
    return {count: Contender(f"recovery {what} of {count}", partial(make, count)) for count in (1, MANY, 100)}


CHECKS: Final = _of("check", _check)
ATTEMPTS: Final = _of("attempt", _attempt)
SLOW: Final = {
    "argon2": Contender("recovery, argon2", _argon2, needs=("argon2-cffi",)),
    "bcrypt": Contender("recovery, bcrypt", _bcrypt, needs=("bcrypt",)),
}
CONTENDERS: Final = (*CHECKS.values(), *ATTEMPTS.values(), *SLOW.values())
