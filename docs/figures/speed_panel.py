"""The parts of a panel of `scale.svg`: the lines across with their numbers, the axes, the target.

Rule 1. Both panels are equally wide, and what is named beside them stands in the same column.
"""

from typing import Final

from .drawing import FAINT, INK, LINE, ORANGE, Card

LEFT: Final = 76
RIGHT: Final = 410


def rule(card: Card, y: float, words: str) -> None:
    """Draw a line across, and what it stands for."""
    card.line([(LEFT, y), (RIGHT, y)], colour=LINE, wide=1)
    card.text(LEFT - 8, y + 5, words, anchor="end", size=14)


def frame(card: Card, heights: tuple[int, int], words: str) -> None:
    """Draw the axes, and name the lower one."""
    top, bottom = heights
    card.line([(LEFT, top - 6), (LEFT, bottom), (RIGHT, bottom)], colour=INK, wide=1)
    card.text((LEFT + RIGHT) / 2, bottom + 42, words, anchor="middle", colour=FAINT, size=14)


def limit(card: Card, y: float) -> None:
    """Draw the target."""
    card.line([(LEFT, y), (RIGHT, y)], colour=ORANGE, wide=2, dashes="6 4")
