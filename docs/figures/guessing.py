"""How likely a guesser gets in, over time, by `Policy.guess_probability`; and what they would do without throttling.

Rules of this file:

1. Both axes are logarithmic: from an hour to a year, from one in ten million to certain.
2. Each curve is named beside its right end, so that no colour has to be looked up.
3. Without throttling there is no policy to ask. Somebody then guesses once a second, which is slow for a web site.
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from totpcore import Policy

from .drawing import BLUE, FAINT, GREEN, INK, LINE, ORANGE, PURPLE, Card

HOUR, DAY = 1 / 24, 1.0
TIMES: Final = {"1 hour": HOUR, "1 day": DAY, "10 days": 10.0, "1 year": 365.0}
CHANCES: Final = ("100 %", "10 %", "1 %", "0.1 %", "0.01 %", "0.001 %", "0.0001 %", "0.00001 %")
LEFT, RIGHT, TOP, BOTTOM = 90, 366, 50, 330
_POINTS: Final = 160


class Curve(NamedTuple):
    """One line of the plot: its name in up to two lines, and the chance after so many days."""

    name: tuple[str, ...]
    colour: str
    dashes: str
    chance: Callable[[float], float]


def of(policy: Policy, logins_per_day: float) -> Callable[[float], float]:
    """Return the chance after so many days under a policy."""
    return lambda days: policy.guess_probability(days=days, logins_per_day=logins_per_day)


def unthrottled(days: float) -> float:
    """Return the chance after so many days of one guess a second, three codes of a million being right each time."""
    return 1 - (1 - 3 / 10**6) ** round(days * 86_400)


CURVES: Final = (
    Curve(("no throttling,", "a guess a second"), ORANGE, "2 3", unthrottled),
    Curve(("Policy()", "owner logs in daily"), BLUE, "", of(Policy(), 1)),
    Curve(("Policy.strict()", "owner logs in daily"), GREEN, "9 3", of(Policy.strict(), 1)),
    Curve(("Policy()", "owner is away"), BLUE, "5 4", of(Policy(), 0)),
    Curve(("Policy(digits=8)", "owner logs in daily"), PURPLE, "10 3 2 3", of(Policy(digits=8), 1)),
)


def draw() -> str:
    """Return the figure."""
    ends = "; ".join(f"{', '.join(curve.name)}: {curve.chance(365):.2%}" for curve in CURVES).replace(",,", ",")
    card = Card(
        540, 400, "The chance of guessing a code, over time",
        f"For somebody who knows the password and guesses whenever they may. After a year: {ends}.",
    )  # fmt: skip
    card.text(16, 30, "Chance of getting in, for whoever knows the password", colour=FAINT)
    for decade, words in enumerate(CHANCES):
        chance = 10.0**-decade
        card.line([(LEFT, _y(chance)), (RIGHT, _y(chance))], colour=LINE, wide=1)
        card.text(LEFT - 8, _y(chance) + 5, words, anchor="end", size=14)
    for words, days in TIMES.items():
        card.line([(_x(days), BOTTOM), (_x(days), BOTTOM + 6)], colour=INK, wide=1)
        card.text(_x(days), BOTTOM + 24, words, anchor="middle", size=14)
    card.line([(LEFT, TOP), (LEFT, BOTTOM), (RIGHT, BOTTOM)], colour=INK, wide=1)
    card.text((LEFT + RIGHT) / 2, BOTTOM + 52, "Time that nobody notices", anchor="middle", colour=FAINT)
    for curve in CURVES:
        steps = [HOUR * (365 / HOUR) ** (number / _POINTS) for number in range(_POINTS + 1)]
        card.line([(_x(days), _y(curve.chance(days))) for days in steps], colour=curve.colour, wide=2.5,
                  dashes=curve.dashes)  # fmt: skip
    for curve, y in zip(CURVES, _beside_the_ends(), strict=True):
        for number, words in enumerate(curve.name):
            card.text(RIGHT + 10, y + 17 * number, words, colour=curve.colour, size=14, bold=not number)
    return card.svg()


def _beside_the_ends() -> list[float]:
    """Where the names stand: at the end of their curve, and clear of the one above."""
    heights: list[float] = []
    for curve in CURVES:
        wanted = _y(curve.chance(365)) + 2
        heights.append(max(wanted, heights[-1] + 40) if heights else wanted)
    return heights


def _x(days: float) -> float:
    return LEFT + (RIGHT - LEFT) * math.log(days / HOUR) / math.log(365 / HOUR)


def _y(chance: float) -> float:
    return TOP + (BOTTOM - TOP) * math.log10(1 / chance) / (len(CHANCES) - 1)
