"""What operators read of many second factors: lines, totals, and their writing as a table, JSON and CSV.

Rules of this file:

1. Statuses in, text out: no store, no framework, no output. Every command line writes the same.
2. A record that cannot be opened is a line like any other: one bad record hides nobody.
3. What somebody chose as their name is shown without control characters; in CSV it starts no formula.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, Self

from .answers import State, Status
from .errors import RecordUnreadable
from .otp import HOTP, TOTP

UNREADABLE: Final = "unreadable"

_HEAD: Final = ("USER", "STATE", "CODES LEFT", "LAST USED", "WEAK SECRET", "WAIT")
_ASKED: Final = (State.ON.value, State.LOCKED.value)  # for a code, at log-in
_FORMULA: Final = ("=", "+", "-", "@")  # a spreadsheet runs what begins so


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One user.

    Attributes:
        id: The user id in the store.
        user: The name that people know.
        state: A `State`, or `unreadable`.
        codes_left: Recovery codes left, 0 where none are.
        last_used_at: Unix seconds, or `None`.
        enrolled_at: Unix seconds, or `None`.
        weak_secret: Whether the secret has fewer than 128 bits.
        retry_after: Seconds until the next one-time code is answered.
    """

    id: str
    user: str
    state: str
    codes_left: int = 0
    last_used_at: float | None = None
    enrolled_at: float | None = None
    weak_secret: bool = False
    retry_after: float = 0.0

    @classmethod
    def of(cls, user_id: str, name: str, status: Status | RecordUnreadable) -> Self:
        """Return the line of a user."""
        if isinstance(status, RecordUnreadable):
            return cls(id=user_id, user=name, state=UNREADABLE)
        return cls(
            id=user_id,
            user=name,
            state=status.state.value,
            codes_left=status.codes_left,
            last_used_at=status.last_used_at,
            enrolled_at=status.enrolled_at,
            weak_secret=status.weak_secret,
            retry_after=status.retry_after,
        )

    @property
    def is_asked(self) -> bool:
        """Whether log-in asks this user for a code."""
        return self.state in _ASKED

    @property
    def cells(self) -> tuple[str, ...]:
        """What a person reads, under `_HEAD`; a hyphen where there is nothing to tell."""
        return (
            printable(self.user),
            self.state,
            str(self.codes_left) if self.is_asked else "-",
            utc(self.last_used_at) or "-",
            "yes" if self.weak_secret else "-",
            wait(self.retry_after) or "-",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How many users are in which state.

    Attributes:
        users: All of them.
        states: How many are in each state, in the order of their life; those that are nobody's stay out.
        adoption: The share of those who are asked for a code, 0.0 to 1.0.
    """

    users: int
    states: dict[str, int]
    adoption: float

    @classmethod
    def of(cls, lines: Iterable[Line]) -> Self:
        """Count."""
        counts = dict.fromkeys([*(state.value for state in State), UNREADABLE], 0)
        for line in lines:
            counts[line.state] += 1
        users = sum(counts.values())
        asked = sum(counts[state] for state in _ASKED)
        states = {state: count for state, count in counts.items() if count}
        return cls(users=users, states=states, adoption=asked / users if users else 0.0)

    def __str__(self) -> str:
        listed = ", ".join(f"{count} {state}" for state, count in self.states.items())
        users = f"{self.users} user{'' if self.users == 1 else 's'}"
        if not self.users:
            return users
        # Of whole numbers, and rounded down, so that 100 % means everybody.
        share = 100 * sum(self.states.get(state, 0) for state in _ASKED) // self.users
        return f"{users}: {listed}; {share} % have a second factor"


def lines_of(names: Mapping[str, str], statuses: Mapping[str, Status | RecordUnreadable]) -> list[Line]:
    """Return a line for each user, in the order of `names`, which maps ids to what people know them by."""
    return [Line.of(user, name, statuses[user]) for user, name in names.items()]


def as_table(lines: Iterable[Line]) -> Iterator[str]:
    """Yield a head and the lines, in columns."""
    rows = [_HEAD, *(line.cells for line in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def as_sheet(line: Line) -> Iterator[str]:
    """Yield what is to say of one user, a line each."""
    width = max(map(len, _HEAD)) + 1
    for head, cell in zip(_HEAD, line.cells, strict=True):
        yield f"{head.capitalize()}:".ljust(width) + f" {cell}"
    if line.enrolled_at is not None:
        yield "Since:".ljust(width) + f" {utc(line.enrolled_at)}"


def as_json(lines: Iterable[Line]) -> str:
    """Return the lines and their totals as JSON, with every field as it is."""
    kept = list(lines)
    return json.dumps({"users": [asdict(line) for line in kept], "totals": asdict(Totals.of(kept))}, indent=2)


def one_as_json(line: Line) -> str:
    """Return one line as JSON."""
    return json.dumps(asdict(line), indent=2)


def as_csv(lines: Iterable[Line]) -> Iterator[str]:
    """Yield a head and the lines as CSV (RFC 4180), without line ends; times are ISO 8601, UTC.

    A name is without control characters, as in the table, and has an apostrophe in front where a spreadsheet would run
    it; JSON has it as it is.
    """
    fields = ("id", "user", "state", "codes_left", "last_used_at", "enrolled_at", "weak_secret", "retry_after")
    yield ",".join(fields)
    for line in lines:
        shown = {**asdict(line), "last_used_at": utc(line.last_used_at), "enrolled_at": utc(line.enrolled_at)}
        for name in ("id", "user"):
            text = printable(shown[name])
            shown[name] = f"'{text}" if text.startswith(_FORMULA) else text
        row = io.StringIO()
        csv.writer(row, lineterminator="").writerow([shown[name] for name in fields])
        yield row.getvalue()


def printable(name: str) -> str:
    """Return a name without what moves a terminal's cursor or turns its text around."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in name)


def drift_told(token: TOTP | HOTP, drift: int, window: tuple[int, int]) -> str:
    """Return what is to say of a phone whose clock is off by more than is accepted; an empty text where it is not."""
    past, future = window
    if not isinstance(token, TOTP) or -past <= drift <= future:
        return ""
    seconds, way = abs(drift) * token.period, "ahead" if drift > 0 else "behind"
    return f"the phone was {seconds} s {way}: its codes are refused until its date and time are automatic"


def utc(at: float | None) -> str:
    """Return a time as ISO 8601, to the second; an empty text for none."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def wait(seconds: float) -> str:
    """Return a wait in words that a person reads at a glance, rounded up; an empty text for none."""
    left = math.ceil(seconds)
    if left <= 0:
        return ""
    return f"{left} s" if left < 120 else f"{-(-left // 60)} min"
