"""How the rows of a file are named in what is told of them.

Rule 1. A file whose columns are the wrong way round has secrets for names: what looks like one is not shown.
Rule 2. A name moves no cursor.
"""

import re
from typing import Final

from ._rows import Row

_LONGEST_NAME: Final = 255  # that is shown
_LIKE_A_SECRET: Final = re.compile(
    r"[A-Z2-7= -]{16,}|[A-Za-z2-7]{26,}|(?=.*[2-7])[A-Za-z2-7= ]{16,}|([a-z2-7]{4}[ -]){3,}[a-z2-7]*"  # base32
    r"|[0-9A-Fa-f]{40,}"
    r"|.*otpauth.*|[\[{].*",
    re.DOTALL,
)


def label(row: Row) -> str:
    """Return how a row is named: its place, and whose it is."""
    from .._operators import printable  # noqa: PLC0415

    if row.name is None or is_hidden(row.name):
        return row.where or "a file"
    name = printable(row.name)
    return f"{row.where} ({name})" if row.where else name


def is_hidden(name: str) -> bool:
    """Whether a name may be a secret, or floods the terminal."""
    return len(name) > _LONGEST_NAME or _LIKE_A_SECRET.fullmatch(name) is not None


def renamed(row: Row, user: str) -> str:
    """Return whose it is here, where that is another id: a wrong `--map` shows in the rehearsal."""
    from .._operators import printable  # noqa: PLC0415

    return "" if user == row.name or is_hidden(user) else f"user {printable(user)}, "
