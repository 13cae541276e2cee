"""Every exception of totpcore.

Rules of this file:

1. What a visitor types raises `Refused` and nothing else; what a developer passes wrong raises `InvalidInput`
   or `TypeError`; trouble around the store raises `StoreError`.
2. No exception holds a secret, a code or a recovery code, neither in its arguments nor in its text.
3. `Refused.reason` is a stable word for the audit log. What the visitor reads is written by the application.
"""


class TotpcoreError(Exception):
    """The base of every exception that totpcore raises on purpose."""


class Refused(TotpcoreError):
    """The second factor was not accepted.

    Every call that takes a code raises it on what a visitor typed. The text of the exception is for developers; tell
    visitors what they can do next in your own words.
    """

    reason: str = "refused"

    def __str__(self) -> str:
        shown = {name: value for name, value in vars(self).items() if name != "reason" and not name.startswith("_")}
        details = ", ".join(f"{name}={value}" for name, value in shown.items())
        return f"{self.reason} ({details})" if details else self.reason


class InvalidCode(Refused):
    """The code is wrong, or is no code at all.

    Attributes:
        malformed: If true, a typing slip (too short, a letter in it): it cost no attempt.
        attempts_left: How many more codes are answered before a wait begins; for `confirm`, before the set-up ends.
    """

    reason: str = "wrong"

    def __init__(self, *, malformed: bool = False, attempts_left: int = 0) -> None:
        super().__init__()
        self.malformed = malformed
        self.attempts_left = attempts_left
        if malformed:
            self.reason = "malformed"


class CodeReplayed(InvalidCode):
    """The code is right, but it has been spent (RFC 6238 section 5.2)."""

    reason: str = "replayed"


class ClockOff(InvalidCode):
    """The code fits another time: one of the two clocks is wrong. Only `confirm` raises it.

    Attributes:
        seconds: How far the phone is ahead of this machine; negative where it is behind.
    """

    reason: str = "clock_off"

    def __init__(self, *, seconds: int = 0, attempts_left: int = 0) -> None:
        super().__init__(attempts_left=attempts_left)
        self.seconds = seconds


class ClockBehind(Refused):
    """The last accepted code lies beyond the window: this machine's clock was set back, or had jumped ahead."""

    reason: str = "clock_behind"


class Throttled(Refused):
    """Too many wrong codes: nothing was looked at.

    Attributes:
        retry_after: Seconds until the next code is answered.
    """

    reason: str = "throttled"

    def __init__(self, *, retry_after: float = 0.0) -> None:
        super().__init__()
        self.retry_after = retry_after


class Locked(Refused):
    """Too many consecutive wrong codes (SP 800-63B-4 section 3.2.2): a recovery code, or `reset`, is the way out."""

    reason: str = "locked"


class NotEnrolled(Refused):
    """The user has no confirmed second factor."""

    reason: str = "not_enrolled"


class EnrolmentExpired(Refused):
    """There is nothing to confirm: set-up took too long, was tried too often, or is already done."""

    reason: str = "expired"


class StateError(TotpcoreError):
    """The call does not fit the state that the user's second factor is in."""


class AlreadyEnrolled(StateError):
    """The user has a second factor: `replace` it, with a code."""


class InvalidInput(TotpcoreError, ValueError):
    """An argument has the right type and a value that is not allowed. The text names the argument and what is."""


class InvalidSecret(InvalidInput):
    """A shared secret is too short, too long, all zero, or not base32.

    Attributes:
        position: The index of the first character of the text that is wrong, where there is one.
    """

    def __init__(self, message: str = "", *, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class InvalidURI(InvalidInput):
    """A text is not an `otpauth` URI that totpcore reads."""


class InvalidParameters(InvalidInput):
    """A number or a name is outside of what is allowed."""


class StoreError(TotpcoreError):
    """The store, or what it gave back, cannot be relied on: nothing was accepted."""


class StoreContended(StoreError):
    """Others changed the record so often that this call gave up; it can be tried again."""


class RecordUnreadable(StoreError):
    """The record's seal is broken, or its version is unknown. Only `reset` overwrites such a record."""


class RecordMissing(StoreError):
    """The application expects a confirmed second factor, and the store holds none: let nobody in."""
