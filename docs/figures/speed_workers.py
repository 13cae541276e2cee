"""The lower panel of `scale.svg`: how fast many workers are together, beside one.

Rules of this file:

1. The axis is logarithmic; one worker is at 1, without being measured.
2. Each store is named at the end of its line, and has marks of its own.
"""

import re
from typing import Final

from benchmarks.report import Ratio

from .drawing import BLUE, FAINT, GREEN, ORANGE, PURPLE, Card
from .speed import Axis, Shape, apart, mark, number, table
from .speed_panel import LEFT, RIGHT, frame, limit, rule

TITLE: Final = "Workers on one user, and on many"
STORES: Final[dict[str, tuple[Shape, str]]] = {
    "SQLite": ("circle", BLUE), "PostgreSQL": ("diamond", GREEN), "Redis": ("square", PURPLE),
}  # fmt: skip
HEIGHTS: Final = (328, 510)  # of the top and of the bottom

Workers = dict[int, Ratio]


def of(store: str) -> Workers:
    """Return the speed of all workers beside that of one, by their number."""
    found = {1: Ratio(1, 1, 1)}
    for row in table(TITLE).rows:
        workers = re.fullmatch(rf"{store}, (\d+) workers? on many users", row.name)
        if workers and row.ratio:
            found[int(workers[1])] = row.ratio
    return dict(sorted(found.items())) if len(found) > 1 else {}


def speeds() -> dict[str, Workers]:
    """Return it of each store of which it was measured."""
    return {store: found for store in STORES if (found := of(store))}


def draw(card: Card, measured: dict[str, Workers]) -> None:
    """Draw the panel."""
    top, bottom = HEIGHTS
    targets = {row.at_least for row in table(TITLE).rows if row.at_least}
    ratios = [ratio for by_count in measured.values() for ratio in by_count.values()]
    y = Axis([1, *targets, *(value for ratio in ratios for value in (ratio.low, ratio.high))], bottom, top)
    counts = sorted({count for by_count in measured.values() for count in by_count})
    x = Axis(counts, LEFT + 24, RIGHT - 24)
    card.text(16, HEIGHTS[0] - 34, "All workers together, as so many times one worker's speed", colour=FAINT)
    for tick in y.ticks:
        rule(card, y(tick), f"{tick:g}")
    for count in counts:
        card.text(x(count), bottom + 20, f"{count}", anchor="middle", size=14)
    frame(card, HEIGHTS, "workers, each a process")
    for target in sorted(targets):
        limit(card, y(target))
    words = [(f"at least {number(target)}", y(target), ORANGE) for target in sorted(targets)]
    for store, by_count in measured.items():
        shape, colour = STORES[store]
        beside = 6 * (list(STORES).index(store) - 1)  # so that no range hides another
        card.line([(x(count) + beside, y(ratio.middle)) for count, ratio in by_count.items()], colour=colour, wide=2)
        for count, ratio in by_count.items():
            at = x(count) + beside
            card.line([(at, y(ratio.low)), (at, y(ratio.high))], colour=colour, wide=1.5)
            mark(card, at, y(ratio.middle), shape, colour)
        words.append((store, y(by_count[max(by_count)].middle), colour))
    for (said, _, colour), height in zip(words, apart([height for _, height, _ in words], 19), strict=True):
        card.text(RIGHT + 10, height + 5, said, colour=colour, size=14, bold=colour != ORANGE)
