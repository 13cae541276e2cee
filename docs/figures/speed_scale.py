"""What many users and many workers do to the speed of a log-in, and how far it may go.

Rules of this file:

1. Above is the time with many users, from zero; beneath is the speed of many workers.
2. The target is a dashed line, and named.
"""

import math
import re
from typing import Final

from . import speed_workers
from .drawing import BLUE, FAINT, ORANGE, Card
from .speed import Axis, mark, number, table
from .speed_panel import LEFT, RIGHT, frame, limit, rule

TITLE: Final = "Latency from few users to many"
HEIGHTS: Final = (64, 220)  # of the top and of the bottom


def times() -> tuple[dict[int, float], float | None]:
    """Return the microseconds of a log-in on SQLite by the number of users, and how many they may be."""
    found: dict[int, float] = {}
    most = None
    for row in table(TITLE).rows:
        sizes = re.fullmatch(r"SQLite, ([\d,]+) to ([\d,]+) users", row.name)
        if sizes and row.base and row.ours:
            few, many = (int(size.replace(",", "")) for size in sizes.groups())
            found |= {few: 1e6 / row.base, many: 1e6 / row.ours}
            most = row.at_most and row.at_most * found[few]
    return dict(sorted(found.items())), most


def draw() -> str:
    """Return the figure."""
    (took, most), measured = times(), speed_workers.speeds()
    told = ", ".join(f"{number(micros)} µs with {users:,} users" for users, micros in took.items())
    more = "; ".join(
        f"{store}: {', '.join(f'{number(its.middle)} with {count}' for count, its in by_count.items() if count > 1)}"
        for store, by_count in measured.items()
    )
    card = Card(
        540, speed_workers.HEIGHTS[1] + 64, "What many users and many workers do to a log-in",
        f"The median time of a log-in on SQLite: {told}. The speed of many workers beside one: {more}.",
    )  # fmt: skip
    _draw_times(card, took, most)
    speed_workers.draw(card, measured)
    return card.svg()


def _draw_times(card: Card, took: dict[int, float], most: float | None) -> None:
    top, bottom = HEIGHTS
    highest = max([*took.values(), most or 0, 1]) * 1.1
    step = 10 ** math.floor(math.log10(highest))
    step = next(part * step / 10 for part in (1, 2, 5, 10, 20) if highest / (part * step / 10) < 6)
    x = Axis(took, LEFT + 24, RIGHT - 24)

    def y(micros: float) -> float:
        return bottom - (bottom - top) * micros / highest

    card.text(16, 30, "A log-in on SQLite: the median time, in µs", colour=FAINT)
    for micros in (count * step for count in range(int(highest / step) + 1)):
        rule(card, y(micros), number(micros))
    for users in took:
        card.text(x(users), bottom + 20, f"{users:,}", anchor="middle", size=14)
    frame(card, HEIGHTS, "users in the database")
    if most:
        limit(card, y(most))
        card.text(RIGHT + 10, y(most) + 5, f"at most {number(most)}", colour=ORANGE, size=14)
    card.line([(x(users), y(micros)) for users, micros in took.items()], colour=BLUE, wide=2.5)
    for users, micros in took.items():
        mark(card, x(users), y(micros), "circle", BLUE)
        below = y(micros) < bottom - 30
        card.text(x(users), y(micros) + (22 if below else -12), number(micros), anchor="middle", colour=BLUE, size=14)
