"""Who reaches what, and for how long: the same in each panel, as views have the same names.

Rule 1. What the tables below do not open is closed.
Rule 2. A session is tied to the password and the second factor it was made under, by a word that either changes.
Rule 3. Of the word in a cookie only a hash is kept.
"""

import hashlib
from dataclasses import dataclass

from totpcore import Status

HALF, FULL = "half", "full"
LIFETIME = {HALF: 300, FULL: 8 * 3600}

GUEST_REACHES = {"login.password"}
HALF_REACHES = {"login.code", "login.recovery", "login.logout"}
PASSWORD_REACHES = {"staff.password", "login.logout"}
SET_UP_REACHES = {f"second_factor.{view}" for view in ("overview", "setup", "confirm", "replace")} | {"login.logout"}
OWNER_ONLY = {f"staff.{view}" for view in ("administrator", "reset", "rule", "audit")}
LOGGED_OUT_ONLY = {"login.password", "login.code", "login.recovery"}


@dataclass(frozen=True, slots=True)
class User:
    """One administrator. `id` never changes and is what totpcore knows; `login` may change."""

    id: str
    login: str
    name: str
    owner: bool
    temporary: bool
    two_factor: bool
    codes_shown: bool
    version: int


@dataclass(frozen=True, slots=True)
class Session:
    """One session, half or full.

    `recovered` is no text, "yes", or "replace" if the device has to be replaced; `setup` is the mark of the set-up that
    the session began.
    """

    hash: str
    user: str
    stage: str
    tie: str
    expires: float
    recovered: str
    notice: str
    setup: str = ""


def goes_on(session: Session, now: float) -> bool:
    """Whether it has not ended. If it has longer to go than it may last, the clock was set back, and it has."""
    return 0 < session.expires - now <= LIFETIME[session.stage]


def tie(user: User, status: Status) -> str:
    """The word of rule 2. A set-up that nobody has confirmed is not a second factor yet."""
    return f"{user.version}/{status.generation if status.code_required else None}"


def digest(cookie: str) -> str:
    """The hash of rule 3."""
    return hashlib.sha256(cookie.encode()).hexdigest()
