"""What was read of a row of a file, and the fields of one that is not understood yet.

Rules of this file:

1. A row that is wrong is named by where it stands, and the next one is read all the same.
2. What stands in a field is in no message, and what may hold a secret is `Hidden`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from ._parsing import Mistake

if TYPE_CHECKING:
    from .._guard import Hidden
    from ..migrate import Moved

T = TypeVar("T")

Fields = dict[str, object]

CODES: Final = "recovery codes"

_LONGEST_NUMBER: Final = 20  # digits: the largest counter has as many


class Row(NamedTuple):
    """One second factor of a file, or why it cannot be moved.

    Attributes:
        where: Which row it is, such as `line 3`.
        name: Whose it is there; `None` where the file does not say.
        moved: What was read; `None` where it cannot be moved.
        reason: Why it cannot be moved.
        used: When it was last used, in Unix seconds; 0.0 where that is not known.
        other: What it is, where it is sound and of a kind that cannot come along.
    """

    where: str
    name: str | None
    moved: "Moved | None" = None
    reason: str = ""
    used: float = 0.0
    other: str = ""


class Found(NamedTuple):
    """What a file holds: its rows, and how many more were never confirmed."""

    rows: list[Row]
    unconfirmed: int = 0


class Settings(NamedTuple):
    """What a file does not say, and the settings of the other system do."""

    digits: int = 6
    period: int = 30


class Entry(NamedTuple):
    """A row that is not understood yet: its place, whose it is, and its other fields; or what is wrong with it."""

    where: str
    name: str | None
    fields: "Hidden[Fields]"
    reason: str = ""


def row_of(entry: Entry, read: "Callable[[Hidden[Fields]], Moved]", used: float = 0.0) -> Row:
    """Understand an entry. When it was last used is told by the counter too, where it holds one."""
    from ..errors import InvalidInput  # noqa: PLC0415

    where, name, fields, reason = entry
    if reason:
        return Row(where, name, reason=reason)
    try:
        moved = read(fields)
    except (InvalidInput, Mistake, TypeError) as error:
        return Row(where, name, reason=str(error))
    return Row(where, name, moved, used=max(used, _last_step(moved)))


def number_in(fields: "Hidden[Fields]", name: str, default: T) -> int | T:
    """Return a field that is a whole number, written as a number or as text; the default where it is empty.

    Raises:
        Mistake: If it is something else.
    """
    from .._guard import Hidden  # noqa: PLC0415

    held = Hidden(fields.value.get(name))
    if type(held.value) is int:
        return held.value
    if held.value is None or (isinstance(held.value, str) and not held.value.strip()):
        return default
    number = _number(Hidden(held.value.strip())) if isinstance(held.value, str) else None
    if number is None:
        raise Mistake(f"{name} must be a whole number")
    return number


def text_in(fields: "Hidden[Fields]", name: str, default: str = "") -> str:
    """Return a field that is text; the default where it is empty.

    Raises:
        TypeError: If it is something else.
    """
    from .._guard import Hidden, type_error  # noqa: PLC0415

    held = Hidden(fields.value.get(name))
    if held.value is not None and not isinstance(held.value, str):
        raise type_error(name, "a text", held.value)
    return (held.value or "").strip() or default


def name_in(value: object) -> str | None:
    """Return whose a row is, as text; `None` where it does not say. Primary keys may be numbers."""
    if type(value) is int:
        return str(value)
    return value if isinstance(value, str) and value.strip() else None


def _number(written: "Hidden[str]") -> int | None:
    """Return what is written in ASCII digits, perhaps after a minus sign; else nothing."""
    digits = written.value.removeprefix("-")
    if not 1 <= len(digits) <= _LONGEST_NUMBER or digits.strip("0123456789"):
        return None
    return int(digits) if len(digits) == len(written.value) else -int(digits)


def _last_step(moved: "Moved") -> float:
    """Return when a token was used last, by its spent counter; 0.0 where that does not tell."""
    from ..otp import TOTP  # noqa: PLC0415

    token = moved.token
    return float(token.t0 + moved.spent * token.period) if isinstance(token, TOTP) and moved.spent >= 0 else 0.0
