"""What calls return.

Rules of this file:

1. An answer is a value, never a `bool`: what was refused raises, so that a check that was forgotten fails closed.
2. Answers are frozen. `Enrolment` and `Confirmed` hold what is shown once, hide it from `repr`, and refuse pickle:
   the `Secret` and the `RecoveryCodes` inside do.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from ._guard import Hidden
from .recovery import RecoveryCodes
from .secret import Secret


class State(StrEnum):
    """Where a user's second factor is in its life."""

    OFF = "off"
    PENDING = "pending"
    ON = "on"
    LOCKED = "locked"


class Gate(StrEnum):
    """What to do with somebody whose password was right.

    Attributes:
        CHALLENGE: Ask for the code; open nothing before it was accepted.
        MUST_ENROL: Let them set up a second factor, and nothing else.
        NUDGE: Let them in, and ask them to set one up.
        ALLOW: Let them in.
    """

    CHALLENGE = "challenge"
    MUST_ENROL = "must_enrol"
    NUDGE = "nudge"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A one-time code was right, and is spent.

    Attributes:
        user: The user.
        counter: The counter that the code belongs to.
        drift_steps: Steps from now (TOTP) or from the next counter expected (HOTP).
        failures_before: Wrong codes since the last acceptance. Tell the user: somebody may know the password.
    """

    user: str
    counter: int
    drift_steps: int
    failures_before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A recovery code was right, and is spent.

    Attributes:
        user: The user.
        codes_left: Recovery codes left.
        running_low: Whether that is `recovery_low` or fewer.
        failures_before: Wrong recovery codes since the last acceptance.
        must_replace: Whether the one-time code is locked, so that it has to be set up anew.
    """

    user: str
    codes_left: int
    running_low: bool
    failures_before: int
    must_replace: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The second factor is on.

    Attributes:
        recovery_codes: A fresh set, in clear for the only time; the set before it has ended.
        counter: The counter that was spent.
    """

    recovery_codes: RecoveryCodes
    counter: int


@dataclass(frozen=True, slots=True, repr=False)
class Enrolment:
    """A new secret, to be scanned or typed into an authenticator app, and confirmed by a code from it.

    Attributes:
        secret: The secret.
        expires_at: Unix seconds until which it can be confirmed.
    """

    secret: Secret
    expires_at: float
    _uri: Hidden[str] = field(compare=False)

    @property
    def uri(self) -> str:
        """The `otpauth` URI, which holds the secret: for the QR code, or a link on the same device."""
        return self._uri.value

    @property
    def manual_key(self) -> str:
        """The secret in base32, in groups of four, to type by hand."""
        return self.secret.grouped

    def qr_svg(self) -> str:
        """Return the QR code as an `<svg>` element, to be placed in a page. Needs `totpcore[qr]`.

        Raises:
            ImportError: If segno is not installed.
        """
        from . import qr  # noqa: PLC0415  # the outer wall, and an extra

        return qr.svg(self.uri)

    def qr_png(self) -> bytes:
        """Return the QR code as a PNG file. Needs `totpcore[qr]`.

        Raises:
            ImportError: If segno is not installed.
        """
        from . import qr  # noqa: PLC0415  # the outer wall, and an extra

        return qr.png(self.uri)

    def qr_terminal(self) -> str:
        """Return the QR code as text for a terminal, dark or light. Needs `totpcore[qr]`.

        Raises:
            ImportError: If segno is not installed.
        """
        from . import qr  # noqa: PLC0415  # the outer wall, and an extra

        return qr.terminal(self.uri)

    def __repr__(self) -> str:
        return f"<Enrolment: until {self.expires_at}, hidden>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What an administrator may see of a user's second factor.

    Attributes:
        state: `OFF`, `PENDING`, `ON` or `LOCKED`.
        code_required: Whether log-in asks for a code: `ON` and `LOCKED`.
        replacing: Whether a new secret waits beside the active one.
        codes_left: Recovery codes left.
        running_low: Whether these are `recovery_low` or fewer.
        retry_after: Seconds until the next one-time code is answered, 0.0 if that is now.
        weak_secret: Whether the secret has fewer than 128 bits.
        enrolled_at: Unix seconds at which it was confirmed or adopted.
        last_used_at: Unix seconds of the last acceptance, the confirming one included.
        generation: A random word, new at every confirm and adopt, and `None` when off. Tie sessions, remembered devices
            and tokens to it and to a version in your own user row, which a reset raises as well, and delete them when
            either changes: after a reset it is `None` again, as it was before the set-up.
    """

    state: State
    code_required: bool = False
    replacing: bool = False
    codes_left: int = 0
    running_low: bool = False
    retry_after: float = 0.0
    weak_secret: bool = False
    enrolled_at: float | None = None
    last_used_at: float | None = None
    generation: str | None = None
