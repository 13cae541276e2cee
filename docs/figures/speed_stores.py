"""How many log-ins in a second each store does, for one client and for many, beside its driver and beside django-otp.

Rules of this file:

1. The stores stand side by side on the same logarithmic axis.
2. A line is known by the shape of its marks and by its dashes, which are named below.
"""

from typing import Final, NamedTuple

from .drawing import BLUE, FAINT, GREEN, INK, LINE, ORANGE, PURPLE, Card
from .speed import Axis, Shape, mark, number, table

STORES: Final = ("SQLite", "PostgreSQL", "Redis")
CREWS: Final = {1: "1 thread", 8: "8 threads", 32: "32 threads"}
DRIVER, OTP = "Throughput beside the raw driver", "Beside django-otp"
LEFT, WIDTH, GAP, TOP, BOTTOM = 76, 136, 20, 78, 340

Rates = dict[int, float]


class Series(NamedTuple):
    """A line in each panel: where its figures stand, and how it looks."""

    words: str
    title: str
    row: str
    other: bool  # whether it is what totpcore is compared with
    shape: Shape
    colour: str
    dashes: str

    def rates(self, store: str) -> Rates:
        """Return how often in a second, for each number of threads that was measured."""
        found = {row.name: row.base if self.other else row.ours for row in table(self.title).rows}
        rates = {clients: found.get(f"{store}, {crew}: {self.row}") for clients, crew in CREWS.items()}
        return {clients: rate for clients, rate in rates.items() if rate is not None}


SERIES: Final = (
    Series("raw driver: load and swap", DRIVER, "log-in, Plaintext", True, "square", PURPLE, "2 3"),
    Series("log-in by django-otp", OTP, "DjangoStore", True, "cross", ORANGE, "9 3 2 3"),
    Series("log-in, Plaintext", DRIVER, "log-in, Plaintext", False, "circle", BLUE, ""),
    Series("log-in, Keyring", DRIVER, "log-in, Keyring", False, "diamond", GREEN, "7 3"),
)


def draw() -> str:
    """Return the figure."""
    measured = {store: {series: rates for series in SERIES if (rates := series.rates(store))} for store in STORES}
    axis = Axis([rate for lines in measured.values() for rates in lines.values() for rate in rates.values()],
                BOTTOM, TOP)  # fmt: skip
    card = Card(540, BOTTOM + 122, "How many log-ins a second a store does", _about(measured))
    card.text(16, 30, "Log-ins in a second, by the number of threads", colour=FAINT)
    for place, (store, lines) in enumerate(measured.items()):
        left = LEFT + place * (WIDTH + GAP)
        for tick in axis.ticks:
            card.line([(left, axis(tick)), (left + WIDTH, axis(tick))], colour=LINE, wide=1)
        card.line([(left, TOP - 8), (left, BOTTOM), (left + WIDTH, BOTTOM)], colour=INK, wide=1)
        card.text(left + WIDTH / 2, TOP - 18, store, anchor="middle", bold=True)
        for clients in CREWS:
            card.text(left + _x(clients), BOTTOM + 20, f"{clients}", anchor="middle", size=14)
        for series, rates in lines.items():
            _draw_line(card, series, [(left + _x(clients), axis(rate)) for clients, rate in rates.items()])
    for tick in axis.ticks:
        card.text(LEFT - 8, axis(tick) + 5, number(tick), anchor="end", size=14)
    card.text((LEFT + 524) / 2, BOTTOM + 42, "threads", anchor="middle", colour=FAINT, size=14)
    for place, series in enumerate(SERIES):
        x, y = 24 + 280 * (place % 2), BOTTOM + 72 + 28 * (place // 2)
        _draw_line(card, series, [(x, y), (x + 22, y), (x + 44, y)], marks=[1])
        card.text(x + 54, y + 5, series.words, colour=series.colour, size=14)
    return card.svg()


def _draw_line(card: Card, series: Series, points: list[tuple[float, float]], marks: list[int] | None = None) -> None:
    card.line(points, colour=series.colour, wide=2, dashes=series.dashes)
    for x, y in points if marks is None else [points[index] for index in marks]:
        mark(card, x, y, series.shape, series.colour)


def _x(clients: int) -> float:
    return 18 + (WIDTH - 36) * list(CREWS).index(clients) / (len(CREWS) - 1)


def _about(measured: dict[str, dict[Series, Rates]]) -> str:
    told = "; ".join(
        f"{store}, {series.words}: {', '.join(f'{CREWS[clients]} {number(rate)}' for clients, rate in rates.items())}"
        for store, lines in measured.items()
        for series, rates in lines.items()
    )
    return f"How often in a second, by the number of threads. {told}."
