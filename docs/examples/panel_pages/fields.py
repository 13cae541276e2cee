"""What may stand in a field of a form.

Rule 1. Text in, value out; `None` or a `ValueError` where it will not do.
Rule 2. What others will read is one line of signs that are seen: no name looks like another by what is hidden in it,
and no database and no log is handed what it cannot keep.
"""

import re
from datetime import UTC, date, datetime
from typing import Final

from totpcore import Enforcement, Rule

LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}", re.ASCII)
SHORTEST_PASSWORD: Final = 12
UNREADABLE: Final = "\N{REPLACEMENT CHARACTER}"  # frameworks put it where what was sent is no text


def login_name(typed: str) -> str | None:
    """A login name: it is part of the name under which the app keeps the account, so it has no colon."""
    login = typed.strip().lower()
    return login if LOGIN.fullmatch(login) else None


def display_name(typed: str) -> str | None:
    """A name that is not empty, and can be seen."""
    return _line(typed, 80)


def reason(typed: str) -> str | None:
    """Why something is done to somebody, for the audit trail."""
    return _line(typed, 200)


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


def _line(typed: str, longest: int) -> str | None:
    line = " ".join(typed.split())[:longest].strip()
    return line if line.isprintable() and UNREADABLE not in line and line else None
