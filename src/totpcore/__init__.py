"""TOTP and HOTP, and the whole life of a second factor around them.

- Codes: `hotp`, `totp`, `Secret`, `TOTP`, `HOTP`, `KeyURI` (RFC 4226, RFC 6238, RFC 4648, the Key URI format).
- The lifecycle: `TwoFactor` on a `Store`: set-up, log-in, recovery codes, throttling, replacing, resetting.
  `AsyncTwoFactor` on an `AsyncStore` is the same, awaited. The stores are in `totpcore.stores`.
- At rest: `totpcore.sealing` has `Keyring`, which seals every record, and `reseal`, which rotates its keys.
- For tests: `totpcore.testing`; the vectors of the RFCs: `totpcore.vectors`.
"""

from importlib import import_module as _load

TYPE_CHECKING = False  # as type checkers know it; `typing` itself takes as long to load as all that stands here
if TYPE_CHECKING:
    from .aio import AsyncTwoFactor
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
    from .sealing._plaintext import Plaintext
    from .secret import Secret
    from .service import TwoFactor
    from .stores.memory import MemoryStore
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


# A program pays for what it uses: who awaits has no use for SQLite, and who only makes codes has none for the rest.
_NAMES = {
    "aio": ("AsyncTwoFactor",),
    "answers": ("Accepted", "Confirmed", "Enrolment", "Gate", "Recovered", "State", "Status"),
    "errors": (
        "AlreadyEnrolled",
        "ClockBehind",
        "ClockOff",
        "CodeReplayed",
        "EnrolmentExpired",
        "InvalidCode",
        "InvalidInput",
        "InvalidParameters",
        "InvalidSecret",
        "InvalidURI",
        "Locked",
        "NotEnrolled",
        "RecordMissing",
        "RecordUnreadable",
        "Refused",
        "StateError",
        "StoreContended",
        "StoreError",
        "Throttled",
        "TotpcoreError",
    ),
    "events": ("Event", "EventKind"),
    "keyuri": ("CompatibilityWarning", "KeyURI"),
    "otp": ("Algorithm", "HOTP", "Match", "TOTP", "hotp", "totp"),
    "policy": ("Enforcement", "Policy", "Rule"),
    "ports": ("AsyncStore", "Sealer", "Store"),
    "recovery": ("RecoveryCodes",),
    "sealing._plaintext": ("Plaintext",),
    "secret": ("Secret",),
    "service": ("TwoFactor",),
    "stores.memory": ("MemoryStore",),
    "stores.sqlite": ("SQLiteStore",),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}
_HOMES |= {module: module for module in (name.partition(".")[0] for name in _NAMES)}


def __getattr__(name: str) -> object:
    """Load a name, or one of these modules, when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _load(f".{_HOMES[name]}", __name__)
    value = globals()[name] = module if name == _HOMES[name] else getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
