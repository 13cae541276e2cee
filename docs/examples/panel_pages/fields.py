"""What may stand in a field of a form.

Rule 1. Text in, value out; `None` or a `ValueError` where it will not do.
"""

import re
from datetime import UTC, date, datetime
from typing import Final

from totpcore import Enforcement, Rule

LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}", re.ASCII)
SHORTEST_PASSWORD: Final = 12


def login_name(typed: str) -> str | None:
    """A login name: it is part of the name under which the app keeps the account, so it has no colon."""
    login = typed.strip().lower()
    return login if LOGIN.fullmatch(login) else None


def display_name(typed: str) -> str | None:
    """A name that is not empty."""
    return typed.strip()[:80] or None


def good_password(typed: str, *, old: str) -> bool:
    """Whether this will do as a new password."""
    return len(typed) >= SHORTEST_PASSWORD and typed != old


def rule(chosen: str, by: str) -> Enforcement:
    """The house rule; "by" a day includes that day."""
    try:
        named = Rule[chosen]
    except KeyError:
        raise ValueError("rule must be one of the three") from None
    if named is not Rule.REQUIRE or not by:
        return Enforcement(named)
    return Enforcement(named, deadline=datetime.combine(date.fromisoformat(by), datetime.max.time(), UTC).timestamp())
