"""TOTP and HOTP, and the whole life of a second factor around them.

- Codes: `hotp`, `totp`, `Secret`, `TOTP`, `HOTP`, `KeyURI` (RFC 4226, RFC 6238, RFC 4648, the Key URI format).
- The lifecycle: `TwoFactor` on a `Store`: set-up, log-in, recovery codes, throttling, replacing, resetting.
  `AsyncTwoFactor` on an `AsyncStore` is the same, awaited. The stores are in `totpcore.stores`.
- At rest: `totpcore.sealing` has `Keyring`, which seals every record, and `reseal`, which rotates its keys.
- For tests: `totpcore.testing`; the vectors of the RFCs: `totpcore.vectors`.
"""

from typing import TYPE_CHECKING

from .answers import Accepted, Confirmed, Enrolment, Gate, Recovered, State, Status
from .errors import (
    AlreadyEnrolled,
    ClockBehind,
    ClockOff,
    CodeReplayed,
    EnrolmentExpired,
    InvalidCode,
    InvalidInput,
    InvalidParameters,
    InvalidSecret,
    InvalidURI,
    Locked,
    NotEnrolled,
    RecordMissing,
    RecordUnreadable,
    Refused,
    StateError,
    StoreContended,
    StoreError,
    Throttled,
    TotpcoreError,
)
from .events import Event, EventKind
from .keyuri import CompatibilityWarning, KeyURI
from .otp import HOTP, TOTP, Algorithm, Match, hotp, totp
from .policy import Enforcement, Policy, Rule
from .ports import AsyncStore, Sealer, Store
from .recovery import RecoveryCodes
from .sealing import Plaintext
from .secret import Secret
from .service import TwoFactor
from .stores.memory import MemoryStore

if TYPE_CHECKING:
    from .aio import AsyncTwoFactor
    from .stores.sqlite import SQLiteStore

__version__ = "1.0.0"

__all__ = [
    "HOTP",
    "TOTP",
    "Accepted",
    "Algorithm",
    "AlreadyEnrolled",
    "AsyncStore",
    "AsyncTwoFactor",
    "ClockBehind",
    "ClockOff",
    "CodeReplayed",
    "CompatibilityWarning",
    "Confirmed",
    "Enforcement",
    "Enrolment",
    "EnrolmentExpired",
    "Event",
    "EventKind",
    "Gate",
    "InvalidCode",
    "InvalidInput",
    "InvalidParameters",
    "InvalidSecret",
    "InvalidURI",
    "KeyURI",
    "Locked",
    "Match",
    "MemoryStore",
    "NotEnrolled",
    "Plaintext",
    "Policy",
    "RecordMissing",
    "RecordUnreadable",
    "Recovered",
    "RecoveryCodes",
    "Refused",
    "Rule",
    "SQLiteStore",
    "Sealer",
    "Secret",
    "State",
    "StateError",
    "Status",
    "Store",
    "StoreContended",
    "StoreError",
    "Throttled",
    "TotpcoreError",
    "TwoFactor",
    "hotp",
    "totp",
]


def __getattr__(name: str) -> object:
    # Loaded when used: most programs that import totpcore have another database, and either wait or await.
    if name == "AsyncTwoFactor":
        from .aio import AsyncTwoFactor  # noqa: PLC0415

        return AsyncTwoFactor
    if name == "SQLiteStore":
        from .stores.sqlite import SQLiteStore  # noqa: PLC0415

        return SQLiteStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
