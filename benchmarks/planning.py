"""From what was measured on one machine to what many would need: the table of `docs/explanation/scale.md`.

Rules of this file:

1. Nothing is assumed that was not measured, but that databases on machines of their own do not slow each other down.
2. What was not measured is said to be so.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from .report import Report, Row

USERS: Final = 10**8
LOG_INS: Final = 10**5  # in a second
_MISSING: Final = "not measured"
_NOTHING: Final = -1.0  # it has no such thing
_WRITES: Final = {
    "PostgreSQL": (
        "PostgreSQL, log-ins of the same users",
        "PostgreSQL, each user on a page of its own, after a checkpoint",
    ),
    "Redis": ("Redis, append-only file", None),
}

Figure = Callable[[Row], float | None]


def plan(reports: Sequence[Report]) -> str:
    """Return the table in Markdown: a line for each question, a column for each store."""
    lines = [["", *_WRITES], ["---"] * (1 + len(_WRITES))]
    columns = [_column(reports, store) for store in _WRITES]
    lines += [[question, *(column[question] for column in columns)] for question in columns[0]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _column(reports: Sequence[Report], store: str) -> dict[str, str]:
    def figure(title: str, name: str, of: Figure) -> float | None:
        return max((of(row) or 0 for row in _rows(reports, title, name)), default=None)

    size = figure("A user in each store", f"{store}, Keyring", lambda row: row.our_bytes)
    rate = figure("Workers on one user, and on many", rf"{store}, \d+ workers on many users", lambda row: row.ours)
    ours = figure("Where a log-in in memory spends its time", "the whole", lambda row: row.micros)
    warm, cold = (_NOTHING if name is None else figure("What a log-in writes", name, lambda row: row.our_bytes)
                  for name in _WRITES[store])  # fmt: skip
    return {
        "a user takes": _said(size, lambda number: f"{number:,.0f} bytes"),
        "10⁸ users take": _said(size, lambda number: f"{number * USERS / 1e9:,.0f} GB"),
        "one server does, with its clients on the same two cores": _said(
            rate, lambda number: f"{number:,.0f} log-ins a second"
        ),
        "10⁵ log-ins a second need": _said(rate, lambda number: f"{math.ceil(LOG_INS / number):,} such servers"),
        "of the processors, totpcore itself needs": _said(
            ours, lambda number: f"{math.ceil(LOG_INS * number / 1e6):,} cores"
        ),
        "a log-in writes": _said(warm, lambda number: f"{number:,.0f} bytes"),
        "10⁵ of them write": _said(warm, lambda number: f"{number * LOG_INS / 1e6:,.0f} MB a second"),
        "the first of a page after a checkpoint writes": _said(cold, lambda number: f"{number:,.0f} bytes"),
        "10⁵ of those write": _said(cold, lambda number: f"{number * LOG_INS / 1e6:,.0f} MB a second"),
    }


def _rows(reports: Sequence[Report], title: str, name: str) -> Iterator[Row]:
    tables = (table for report in reports for table in report.tables if table.title == title)
    return (row for table in tables for row in table.rows if re.fullmatch(name, row.name))


def _said(number: float | None, words: Callable[[float], str]) -> str:
    return "" if number == _NOTHING else _MISSING if not number else words(number)
