"""What happened, for the audit log.

Rules of this file:

1. An event never holds a secret, a code or a recovery code.
2. Every call that can change something leaves an event, whether it was accepted or `Refused`. Reading leaves none, and
   so does a mistake of the program (`StateError`, `InvalidInput`).
3. An event leaves after the record that justifies it was stored.
"""

from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """The call that the event tells of, by its name."""

    VERIFY = "verify"
    RECOVER = "recover"
    ENROL = "enrol"
    REPLACE = "replace"
    CONFIRM = "confirm"
    RENEW_RECOVERY_CODES = "renew_recovery_codes"
    DISABLE = "disable"
    RESYNC = "resync"
    RESET = "reset"
    ADOPT = "adopt"
    RAISE_FLOOR = "raise_floor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the audit log.

    Attributes:
        kind: The call.
        user: The user whose second factor it was about.
        at: Unix seconds, by the clock of `TwoFactor`.
        reason: `ok`, or the word of the refusal: `wrong`, `malformed`, `replayed`, `clock_off`, `clock_behind`,
            `throttled`, `locked`, `expired`, `not_enrolled`. For `reset`: the operator's own reason.
        actor: Who did it, where that is not the user: the operator that `reset` names.
        failures: The tally of consecutive wrong codes of the kind used, after the call.
        codes_left: Recovery codes left, after the call.
    """

    kind: EventKind
    user: str
    at: float
    reason: str = "ok"
    actor: str | None = None
    failures: int = 0
    codes_left: int = 0
