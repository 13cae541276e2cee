"""The few shapes that a figure is made of, as SVG.

Rules of this file:

1. A `Card` is as wide as a column of text and is scaled with it. On a phone it is shown at about two thirds of its
   size, so that no letter is smaller than 14 units.
2. Coordinates are rounded to a tenth: a figure is the same text on every machine.
"""

from collections.abc import Iterable
from html import escape
from typing import Final, Literal

INK: Final = "#1f2328"
FAINT: Final = "#59636e"
LINE: Final = "#c8ced6"
# Okabe and Ito's colours, which the colour-blind tell apart; each has 3 to 1 against white.
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#c25100", "#00795a", "#a3517f"
PALE_BLUE, PALE_ORANGE = "#dcecf7", "#fbe3d2"

_LOOK: Final = f'aria-labelledby="title about" font-family="system-ui, sans-serif" font-size="15" fill="{INK}"'

Anchor = Literal["start", "middle", "end"]


class Card:
    """A white card to draw on.

    Attributes:
        width: In units, of which a line of text has about 500.
        height: In units.
    """

    def __init__(self, width: int, height: int, title: str, about: str) -> None:
        self.width, self.height = width, height
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" {_LOOK}>',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="about">{escape(about)}</desc>',
            f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10" fill="#fff" stroke="{LINE}"/>',
        ]

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: Anchor = "start",
        colour: str = INK,
        size: int = 15,
        mono: bool = False,
        bold: bool = False,
    ) -> None:
        """Write a line; `y` is where the letters stand."""
        more = ' font-family="ui-monospace, monospace"' if mono else ""
        more += ' font-weight="600"' if bold else ""
        more += f' text-anchor="{anchor}"' if anchor != "start" else ""
        more += f' fill="{colour}"' if colour != INK else ""
        more += f' font-size="{size}"' if size != 15 else ""
        self._parts.append(f'<text x="{_tenth(x)}" y="{_tenth(y)}"{more}>{escape(words)}</text>')

    def box(
        self, x: float, y: float, width: float, height: float, *, fill: str = "#fff", stroke: str = LINE, bold: int = 1
    ) -> None:
        """Draw a rectangle."""
        self._parts.append(
            f'<rect x="{_tenth(x)}" y="{_tenth(y)}" width="{_tenth(width)}" height="{_tenth(height)}" rx="3" '
            f'fill="{fill}" stroke="{stroke}" stroke-width="{bold}"/>'
        )

    def line(
        self, points: Iterable[tuple[float, float]], *, colour: str = INK, wide: float = 1.5, dashes: str = ""
    ) -> None:
        """Draw a line through points."""
        path = " ".join(f"{_tenth(x)},{_tenth(y)}" for x, y in points)
        more = f' stroke-dasharray="{dashes}"' if dashes else ""
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{wide}" '
            f'stroke-linejoin="round"{more}/>'
        )

    def arrow(self, points: list[tuple[float, float]], *, colour: str = INK) -> None:
        """Draw a line through points whose last piece goes straight down or to the right, with a head at its end."""
        self.line(points, colour=colour)
        (_, before), (x, y) = points[-2:]
        sides = [(x - 5, y - 8), (x + 5, y - 8)] if before != y else [(x - 8, y - 5), (x - 8, y + 5)]
        head = " ".join(f"{_tenth(each_x)},{_tenth(each_y)}" for each_x, each_y in [(x, y), *sides])
        self._parts.append(f'<polygon points="{head}" fill="{colour}"/>')

    def svg(self) -> str:
        """Return the text of the file."""
        return "\n".join([*self._parts, "</svg>", ""])


def _tenth(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
