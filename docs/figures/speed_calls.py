"""How long a call takes beside the same call of others: the ratio of the times, from the lowest round to the highest.

Rules of this file:

1. The axis is logarithmic, so that twice as fast and twice as slow are equally far from the line of "as fast".
2. What is above its target has another shape than what is within it.
"""

from typing import Final, NamedTuple

from benchmarks.report import Ratio, Row

from .drawing import BLUE, FAINT, INK, LINE, ORANGE, PURPLE, Card
from .speed import Axis, Shape, mark, number, table

TITLES: Final = (
    "One code", "A wrong code in a window of three", "From base32 to a verdict", "A key URI", "A log-in in memory",
)  # fmt: skip
MARKS: Final[dict[str, tuple[Shape, str, str]]] = {
    "reached": ("circle", BLUE, "within its target"),
    "not reached": ("diamond", ORANGE, "above its target"),
    "shown": ("square", PURPLE, "has no target"),
}
RIGHT, TOP, STEP, HEADING = 470, 92, 23, 38


class Line(NamedTuple):
    """A line of the plot: the name of the other, and what was measured beside it."""

    name: str
    ratio: Ratio
    row: Row


def lines(title: str) -> list[Line]:
    """Return the lines of a table. Where its rows do not name the other, the table does."""
    found = table(title)
    return [
        Line(row.name.replace("beside ", "") if "beside " in row.name else f"{row.name}, {found.base}", row.ratio, row)
        for row in found.rows
        if row.ratio is not None
    ]


def draw() -> str:
    """Return the figure."""
    groups = {title: found for title in TITLES if (found := lines(title))}
    every = [line for found in groups.values() for line in found]
    left = 40 + 7.2 * max((len(line.name) for line in every), default=0)
    bottom = TOP + HEADING * len(groups) + STEP * len(every) + 6
    axis = Axis([1.0, *(value for line in every for value in (line.ratio.low, line.ratio.high)),
                 *(line.row.at_most for line in every if line.row.at_most)], left, RIGHT)  # fmt: skip
    card = Card(540, bottom + 104, "How long a call takes beside others", _about(groups))
    card.text(16, 30, "The time that totpcore takes, as so many times the other's", colour=FAINT)
    card.text(axis(1) - 36, 56, "\N{LEFTWARDS ARROW} faster", anchor="end", size=14)
    card.text(axis(1), 56, "as fast", anchor="middle", size=14, bold=True)
    card.text(axis(1) + 36, 56, "slower \N{RIGHTWARDS ARROW}", size=14)
    for tick in axis.ticks:
        card.line([(axis(tick), TOP - 8), (axis(tick), bottom)], colour=LINE, wide=1)
        for y in (TOP - 14, bottom + 18):
            card.text(axis(tick), y, f"{tick:g}", anchor="middle", size=14)
    card.line([(axis(1), TOP - 8), (axis(1), bottom)], colour=INK, wide=1.5)
    y = TOP
    for title, found in groups.items():
        y += HEADING
        card.box(1.5, y - 28, 537, 24, fill="#f1f3f5", stroke="#f1f3f5")
        card.text(16, y - 11, title, bold=True)
        for line in found:
            y += STEP
            _draw_line(card, axis, line, left, y - 8)
    _explain(card, bottom + 50)
    return card.svg()


def _draw_line(card: Card, axis: Axis, line: Line, left: float, y: float) -> None:
    shape, colour, _ = MARKS[line.row.verdict]
    card.text(left - 14, y + 5, line.name, anchor="end", size=14)
    card.line([(axis(line.ratio.low), y), (axis(line.ratio.high), y)], colour=colour, wide=2.5)
    if line.row.at_most:
        card.line([(axis(line.row.at_most), y - 8), (axis(line.row.at_most), y + 8)], colour=INK, wide=3)
    mark(card, axis(line.ratio.middle), y, shape, colour)
    card.text(524, y + 5, number(line.ratio.middle), anchor="end", size=14)


def _explain(card: Card, y: float) -> None:
    for place, (shape, colour, words) in enumerate(MARKS.values()):
        mark(card, 24 + 170 * place, y - 5, shape, colour)
        card.text(38 + 170 * place, y, words, size=14)
    card.line([(24, y + 17), (24, y + 33)], colour=INK, wide=3)
    card.text(38, y + 30, "the target: at most", size=14)
    card.line([(182, y + 25), (206, y + 25)], colour=BLUE, wide=2.5)
    card.text(214, y + 30, "lowest to highest; a mark is the median", size=14)


def _about(groups: dict[str, list[Line]]) -> str:
    told = "; ".join(
        f"{title}: " + " / ".join(f"{line.name} {number(line.ratio.middle)}" for line in found)
        for title, found in groups.items()
    )
    return f"The ratio of totpcore's time to the other's, in the median; less than 1 is faster. {told}."
