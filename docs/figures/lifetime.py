"""When the code of one time step is accepted, for several windows, found by asking `TOTP.match` at each second.

Rule 1. Nothing is drawn from a formula: a bar is the seconds at which the code was accepted.
"""

from typing import Final

from totpcore import TOTP, Secret

from .drawing import BLUE, FAINT, INK, LINE, ORANGE, PALE_BLUE, PALE_ORANGE, Card

WINDOWS: Final = ((0, 0), (1, 0), (1, 1), (2, 2))
TOKEN: Final = TOTP(Secret(b"12345678901234567890"))
START: Final = 30 * 60_000_000  # where the step begins whose code is looked at
AROUND: Final = 90  # seconds before and after it
LEFT, RIGHT, TOP = 110, 400, 84


def accepted(window: tuple[int, int]) -> list[int]:
    """Return the seconds, counted from the beginning of its time step, at which the code is accepted."""
    code = TOKEN.code(START)
    moments = range(-AROUND, AROUND + TOKEN.period)
    return [second for second in moments if TOKEN.match(code, START + second, after=-1, window=window)]


def draw() -> str:
    """Return the figure."""
    lifetimes = {window: accepted(window) for window in WINDOWS}
    told = "; ".join(f"window {window}: from {times[0]} to {times[-1] + 1}" for window, times in lifetimes.items())
    card = Card(540, 356, "How long a code lives", f"Seconds at which the server accepts the code of one step. {told}.")
    card.text(16, 30, "When the server accepts the code of one time step", colour=FAINT)
    bottom = TOP + 48 * len(WINDOWS)
    card.box(_x(0), TOP - 14, _x(TOKEN.period) - _x(0), bottom - TOP + 14, fill=PALE_ORANGE, stroke=PALE_ORANGE)
    card.text(_x(15), TOP - 20, "the app shows it", anchor="middle", colour=ORANGE, size=14)
    for number, (window, times) in enumerate(lifetimes.items()):
        y = TOP + 48 * number
        card.box(_x(times[0]), y, _x(times[-1] + 1) - _x(times[0]), 30, fill=PALE_BLUE, stroke=BLUE, bold=2)
        card.text(LEFT - 14, y + 21, str(window), anchor="end", mono=True)
        card.text(RIGHT + 14, y + 21, f"{len(times)} seconds", bold=True)
    card.line([(LEFT, bottom), (RIGHT, bottom)], colour=INK, wide=1)
    for second in range(-AROUND, AROUND + TOKEN.period + 1, TOKEN.period):
        card.line([(_x(second), TOP - 14), (_x(second), bottom)], colour=LINE, wide=0.5)
        card.line([(_x(second), bottom), (_x(second), bottom + 6)], colour=INK, wide=1)
        card.text(_x(second), bottom + 24, str(second).replace("-", "\N{MINUS SIGN}"), anchor="middle", size=14)
    card.text(
        (LEFT + RIGHT) / 2, bottom + 52, "The server's clock, in seconds from the step", anchor="middle", colour=FAINT
    )
    card.text(LEFT - 14, TOP - 20, "window", anchor="end", colour=FAINT, size=14)
    return card.svg()


def _x(second: float) -> float:
    return LEFT + (RIGHT - LEFT) * (second + AROUND) / (2 * AROUND + TOKEN.period)
