"""What the figures of the benchmark share: the tables that were kept, a logarithmic axis, and marks.

Rules of this file:

1. Every figure is read from what `python -m benchmarks --keep` kept. A row that was skipped is left out.
2. An axis reaches just beyond what stands on it, from one round number to another.
3. A mark is known by its shape; its colour says the same.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Literal

from benchmarks import keeping
from benchmarks.report import Table

from .drawing import Card

Shape = Literal["circle", "square", "diamond", "cross"]

_LABELS: Final = 8  # of an axis, at most
_EDGES: Final = {
    "square": [[(-5, -5), (5, -5), (5, 5), (-5, 5), (-5, -5)]],
    "diamond": [[(0, -6), (6, 0), (0, 6), (-6, 0), (0, -6)]],
    "cross": [[(-5, -5), (5, 5)], [(-5, 5), (5, -5)]],
}


def table(title: str) -> Table:
    """Return the table of that title with the rows that were measured; without any where none was kept."""
    for found in (each for report in keeping.kept() for each in report.tables if each.title == title):
        return replace(found, rows=[row for row in found.rows if row.skipped is None])
    return Table(title=title, about="", base="")


def number(value: float) -> str:
    """Write a number with two digits or more."""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


class Axis:
    """A logarithmic axis on which all of some values have a place.

    Attributes:
        ticks: The numbers to be written at it.
    """

    def __init__(self, values: Iterable[float], start: float, end: float) -> None:
        low, high = _ends(list(values) or [1.0])
        steps = [step for step in _steps(low, high) if low <= step <= high]
        self.ticks = steps if len(steps) <= _LABELS else [step for step in steps if math.log10(step).is_integer()]
        self._low, self._ratio, self._start, self._end = low, math.log(high / low), start, end

    def __call__(self, value: float) -> float:
        """Return where a value stands."""
        return self._start + (self._end - self._start) * math.log(value / self._low) / self._ratio


def _ends(values: list[float]) -> tuple[float, float]:
    """Return the round numbers around some values; there is always room between them."""
    steps = _steps(min(values), max(values))
    low = max(step for step in steps if step <= min(values))
    return low, min(step for step in steps if step >= max(values) and step > low)


def _steps(low: float, high: float) -> list[float]:
    """Return ones, twos and fives of each power of ten, from below the lowest to above the highest."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    return [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]


def mark(card: Card, x: float, y: float, shape: Shape, colour: str) -> None:
    """Draw a mark: a full circle, an empty square, an empty diamond, or a cross."""
    if shape == "circle":
        card.box(x - 3, y - 3, 6, 6, fill=colour, stroke=colour, bold=3)
    for edge in _EDGES.get(shape, []):
        card.line([(x + right, y + down) for right, down in edge], colour=colour, wide=2.5)


def apart(heights: list[float], least: float) -> list[float]:
    """Return the heights moved down as far as they have to be, so that none is closer than that to another."""
    moved = dict.fromkeys(range(len(heights)), 0.0)
    above = -math.inf
    for index in sorted(moved, key=heights.__getitem__):
        above = moved[index] = max(heights[index], above + least)
    return list(moved.values())
