"""A whole log-in in memory, beside the same steps written by hand."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Final

from totpcore import MemoryStore, Plaintext, RecoveryCodes, Refused
from totpcore.ports import Sealer

from ..report import Row, Table
from ..steps import MASTER_KEY, SECRET, START, STEP, Hand, keyring, put, records, reserve, service_on
from .contenders import WRONG, Contender, Found, Step, beside

USER: Final = "user"
_CODES: Final = 20_000  # log-ins of one process: for so many the codes are made beforehand


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="A log-in in memory",
        about="`TwoFactor.verify` of a right and fresh code on a `MemoryStore`, beside the same steps written by hand "
        "with pyotp, a dictionary, a lock and JSON, with throttling, replay protection and compare-and-swap, and with "
        "AES-GCM of `cryptography` where totpcore has a `Keyring`. In both the log is one that nobody has set up. The "
        "ratio is that of totpcore's time to that by hand in the same round.",
        base="by hand",
    )


def rows(found: Found) -> Iterator[Row]:
    """Compare."""
    early = "ours computes all three codes, and by hand stops at the one that fits"
    yield beside(found, PLAIN, PLAIN_BY_HAND, name="Plaintext", at_most=1.5, note=early)
    key = "ours derives a key for each user, for each opening and each seal; by hand there is one key for all"
    yield beside(found, SEALED, SEALED_BY_HAND, name="Keyring", at_most=1.5, note=f"{early}; {key}")


def _proved(log_in: Callable[[str, str], object], refusal: type[Exception], hand: Hand) -> Step:
    """Return the log-in, once it has accepted a right code, and refused the same again and a wrong one."""
    reserve(_CODES)
    code = hand.fresh()
    log_in(USER, code)
    for refused in (code, WRONG):
        try:
            log_in(USER, refused)
        except refusal:
            continue
        raise RuntimeError("accepted a code that is spent, or wrong")
    return lambda: log_in(USER, hand.fresh())


def _ours(sealer: Sealer) -> Step:
    hand, store = Hand(), MemoryStore()
    put(store, records([USER], sealer))
    return _proved(service_on(store, sealer, hand).verify, Refused, hand)


def _by_hand(*, sealed: bool) -> Step:
    from .by_hand import ByHand, InClear, Record, RefusedByHand, Sealed

    hand = Hand()
    kept = ByHand(Sealed(MASTER_KEY) if sealed else InClear(), hand.clock)
    codes = [hashlib.sha256(code.encode()).hexdigest() for code in RecoveryCodes.generate(10)]
    record: Record = {
        "secret": SECRET.base32, "spent": START // STEP, "failures": 0, "locked_until": 0.0, "last_used": START,
        "recovery": codes,
    }  # fmt: skip
    kept.put(USER, record)
    return _proved(kept.verify, RefusedByHand, hand)


PLAIN: Final = Contender("log-in, Plaintext", lambda: _ours(Plaintext()))
SEALED: Final = Contender("log-in, Keyring", lambda: _ours(keyring()), needs=("cryptography",))
PLAIN_BY_HAND: Final = Contender("log-in, by hand", lambda: _by_hand(sealed=False), needs=("pyotp",))
SEALED_BY_HAND: Final = Contender(
    "log-in, by hand and sealed", lambda: _by_hand(sealed=True), needs=("pyotp", "cryptography")
)
CONTENDERS: Final = (PLAIN, PLAIN_BY_HAND, SEALED, SEALED_BY_HAND)
