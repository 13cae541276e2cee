"""Who has to have a second factor, and who is missing.

Rule 1. One function says what holds for whom, and each `gate` asks it.
Rule 2. An account without a person behind it has no password log-in at all, so that the rule has no exception.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from totpcore import Enforcement, RecordUnreadable, Rule, TwoFactor

DEADLINE = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)  # a Friday morning, in the hours of the support desk


@dataclass(frozen=True, slots=True)
class User:
    """What this needs of a row of your user table."""

    id: str
    login: str
    staff: bool
    service: bool = False


def enforcement_for(user: User) -> Enforcement:
    """Return what holds for this user."""
    if user.staff:
        return Enforcement(Rule.REQUIRE, deadline=DEADLINE.timestamp())
    return Enforcement(Rule.ENCOURAGE)


def may_log_in_by_password(user: User) -> bool:
    """Whether a password opens anything for them."""
    return not user.service


def missing(two_factor: TwoFactor, users: Iterable[User]) -> dict[str, str]:
    """Return the staff who would be confined to set-up on the day, and where they are."""
    asked = {user.id: user.login for user in users if user.staff and may_log_in_by_password(user)}
    found = {}
    for user, status in two_factor.statuses(asked).items():
        if isinstance(status, RecordUnreadable):
            found[asked[user]] = "unreadable: see to it before the day"
        elif not status.code_required:
            found[asked[user]] = status.state.value
    return found
