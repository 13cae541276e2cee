"""What a benchmark found, and how it is shown: as text, as Markdown, as JSON.

Rules of this file:

1. A row has a ratio or a note; a row with a target has a verdict on it.
2. What was not run has a row too, which says why.
"""

import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Final

_COLUMNS: Final = (
    "", "target", "ratio (lowest to highest)", "{base}, 1/s", "{ours}, 1/s", "{ours}, µs",
    "{base}, bytes", "{ours}, bytes", "verdict", "",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ratio:
    """The ratios of some rounds: their median, the lowest and the highest."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, ours: Sequence[float], base: Sequence[float]) -> "Ratio":
        """Compare round by round."""
        ratios = [one / other for one, other in zip(ours, base, strict=True)]
        return cls(median(ratios), min(ratios), max(ratios))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a table.

    Attributes:
        name: What was measured.
        ratio: Ours to the base.
        at_least: The target, where a high ratio is good.
        at_most: The target, where a low ratio is good.
        base: How often in a second, of what is compared with.
        ours: How often in a second, of totpcore.
        micros: How long one took, for one client, in microseconds.
        base_bytes: How much memory or disk it takes, of what is compared with.
        our_bytes: The same, of totpcore.
        met: Whether a target that is no ratio is met.
        target: Such a target, in words.
        note: What else is to be said.
        skipped: Why it was not run.
    """

    name: str
    ratio: Ratio | None = None
    at_least: float | None = None
    at_most: float | None = None
    base: float | None = None
    ours: float | None = None
    micros: float | None = None
    base_bytes: float | None = None
    our_bytes: float | None = None
    met: bool | None = None
    target: str = ""
    note: str = ""
    skipped: str | None = None

    @classmethod
    def of_rates(
        cls, name: str, ours: Sequence[float], base: Sequence[float], *, clients: int, at_least: float
    ) -> "Row":
        """Compare how much was done in a second, round by round; `clients` did it together."""
        return cls(
            name=name,
            ratio=Ratio.of(ours, base),
            at_least=at_least,
            base=median(base),
            ours=median(ours),
            micros=clients / median(ours) * 1e6,
        )

    @property
    def verdict(self) -> str:
        """Whether the target is reached; or that there is none; or why nobody knows."""
        if self.skipped is not None:
            return f"skipped: {self.skipped}"
        met = self.met
        if self.ratio is not None and self.at_least is not None:
            met = self.ratio.middle >= self.at_least
        elif self.ratio is not None and self.at_most is not None:
            met = self.ratio.middle <= self.at_most
        return "shown" if met is None else "reached" if met else "not reached"

    def cells(self) -> tuple[str, ...]:
        """Return what stands in each column."""
        target = self.target
        if self.at_least is not None:
            target = f"at least {_written(self.at_least)}"
        elif self.at_most is not None:
            target = f"at most {_written(self.at_most)}"
        ratio = self.ratio
        return (
            self.name,
            target,
            "" if ratio is None else "{} ({} to {})".format(*map(_written, (ratio.middle, ratio.low, ratio.high))),
            *("" if number is None else f"{number:,.0f}" for number in (self.base, self.ours)),
            "" if self.micros is None else f"{self.micros:,.{0 if self.micros >= 100 else 1}f}",
            *("" if number is None else f"{number:,.0f}" for number in (self.base_bytes, self.our_bytes)),
            self.verdict,
            self.note,
        )


def _written(ratio: float) -> str:
    """Write a ratio with two decimals, or with two digits where there would be nothing but zeros."""
    return f"{ratio:.2f}" if ratio >= 0.1 or ratio == 0 else f"{ratio:.2g}" if ratio >= 1e-4 else f"{ratio:.1e}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under one question.

    Attributes:
        title: The question.
        about: What exactly is compared with what.
        base: What is compared with.
        ours: What of totpcore.
    """

    title: str
    about: str
    base: str
    ours: str = "totpcore"
    rows: list[Row] = field(default_factory=list)

    def fill(self, rows: Iterable[Row]) -> None:
        """Take rows, and tell of each on standard error as soon as it is there."""
        for row in rows:
            self.rows.append(row)
            sys.stderr.write(f"{'; '.join(filter(None, row.cells()))}\n")

    def lines(self) -> list[tuple[str, ...]]:
        """Return the head and the rows, without the columns that are empty in all of them."""
        head = [column.format(base=self.base, ours=self.ours) for column in _COLUMNS]
        cells = [row.cells() for row in self.rows]
        used = [index for index in range(len(head)) if any(line[index] for line in cells)]
        return [tuple(line[index] for index in used) for line in (head, *cells)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one benchmark found, and on what.

    Attributes:
        title: The benchmark.
        surroundings: The machine, the versions, the date.
    """

    title: str
    surroundings: dict[str, str]
    tables: list[Table]

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all tables."""
        for table in self.tables:
            yield from table.rows

    def text(self) -> str:
        """Return it for a terminal."""
        parts = [self.title, *(f"  {name}: {value}" for name, value in self.surroundings.items())]
        for table in self.tables:
            lines = table.lines()
            widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
            parts += ["", table.title, f"  {table.about}", ""]
            parts += ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join(parts) + "\n"

    def markdown(self) -> str:
        """Return it for the documentation."""
        facts = (_wrapped(f"- {name}: {value}", "  ") for name, value in self.surroundings.items())
        parts = [f"## {self.title}", "", *facts]
        for table in self.tables:
            head, *lines = table.lines()
            parts += ["", f"### {table.title}", "", _wrapped(table.about), ""]
            parts += [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines)]
        return "\n".join(parts) + "\n"

    def fields(self) -> dict[str, object]:
        """Return it for programs."""
        tables = [
            {**asdict(table), "rows": [{**asdict(row), "verdict": row.verdict} for row in table.rows]}
            for table in self.tables
        ]
        return {"title": self.title, "surroundings": self.surroundings, "tables": tables}

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Report":
        """Return the report that has these fields."""
        tables = [Table(**{**table, "rows": [_row(row) for row in table["rows"]]}) for table in fields["tables"]]
        return cls(title=fields["title"], surroundings=fields["surroundings"], tables=tables)


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _row(fields: dict[str, Any]) -> Row:
    ratio = fields["ratio"] and Ratio(**fields["ratio"])
    return Row(**{**{name: value for name, value in fields.items() if name != "verdict"}, "ratio": ratio})
