"""Draws the state diagram out of the table that the calls themselves consult.

Rules of this file:

1. What is drawn comes from `TABLE`: each call in each state, and nothing else. An arrow that has no place here is an
   error and not left out.
2. What leaves a state as it is stands inside of its box; what leads on is an arrow.
3. It is a white card with dark ink, like the other figures: readable on a dark page too.
"""

from typing import Final, NamedTuple

from totpcore import EventKind, State
from totpcore._states import TABLE

WIDTH: Final = 610
HEIGHT: Final = 470
BOX: Final = 200  # the width of a state's box
LINE: Final = 17  # of text
LOCK: Final = "lock_after wrong codes"  # no call, and no row of the table


class Place(NamedTuple):
    """The corner of a state's box, and how high it is."""

    x: int
    y: int
    height: int


class Arrow(NamedTuple):
    """From where to where, and where the words stand."""

    line: tuple[int, int, int, int]
    words: tuple[int, int]
    anchor: str = "middle"


PLACES: Final = {
    State.OFF: Place(10, 14, 92),
    State.PENDING: Place(400, 14, 92),
    State.ON: Place(400, 270, 186),
    State.LOCKED: Place(10, 270, 186),
}
ARROWS: Final = {
    (State.OFF, State.PENDING): Arrow((210, 40, 400, 40), (305, 32)),
    (State.PENDING, State.OFF): Arrow((400, 80, 210, 80), (305, 99)),
    (State.PENDING, State.ON): Arrow((505, 106, 505, 270), (513, 180), "start"),
    (State.OFF, State.ON): Arrow((198, 106, 424, 270), (332, 184), "start"),
    (State.ON, State.OFF): Arrow((400, 296, 140, 106), (268, 230), "end"),
    (State.LOCKED, State.OFF): Arrow((60, 270, 60, 106), (68, 180), "start"),
    (State.ON, State.LOCKED): Arrow((400, 336, 210, 336), (305, 328)),
    (State.LOCKED, State.ON): Arrow((210, 410, 400, 410), (305, 402)),
}
STYLE: Final = """
  .card { fill: #ffffff; stroke: #c8ced6; } .box { fill: #dcecf7; stroke: #0072b2; } .head { fill: #1f2328; }
  .line { stroke: #1f2328; } text { fill: #1f2328; font: 14px ui-monospace, "DejaVu Sans Mono", monospace; }
  .name { font-weight: bold; font-size: 16px; } .over { stroke: #ffffff; stroke-width: 5; paint-order: stroke; }
  .event { font: italic 14px system-ui, sans-serif; }
"""


def edges() -> dict[tuple[State, State], list[str]]:
    """Every way from one state to the next, with the calls that lead there."""
    found: dict[tuple[State, State], list[str]] = {}
    for before, calls in TABLE.items():
        for call in EventKind:
            if call in calls:
                found.setdefault((before, calls[call]), []).append(call.value)
    found.setdefault((State.ON, State.LOCKED), []).append(LOCK)
    return found


def box(state: State, stays: list[str]) -> list[str]:
    """A state, with the calls that leave it as it is."""
    x, y, height = PLACES[state]
    if LINE * len(stays) + 32 > height:
        raise ValueError(f"the box of {state.name} is too low")
    words = [f'<text class="name" x="{x + BOX // 2}" y="{y + 22}" text-anchor="middle">{state.name}</text>']
    words += [
        f'<text x="{x + BOX // 2}" y="{y + 44 + LINE * row}" text-anchor="middle">{call}</text>'
        for row, call in enumerate(stays)
    ]
    return [f'<rect class="box" x="{x}" y="{y}" width="{BOX}" height="{height}" rx="8"/>', *words]


def arrow(place: Arrow, calls: list[str]) -> list[str]:
    """A way from one state to the next."""
    (x1, y1, x2, y2), (x, y) = place.line, place.words
    rows = [", ".join(calls)] if place.anchor == "middle" else calls
    line = f'<line class="line" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" marker-end="url(#head)"/>'
    words = [
        f'<text class="{"over event" if text == LOCK else "over"}" x="{x}" y="{y + LINE * row}" '
        f'text-anchor="{place.anchor}">{text}</text>'
        for row, text in enumerate(rows)
    ]
    return [line, *words]


def draw() -> str:
    """Return the figure."""
    found = edges()
    shapes = [shape for state in State for shape in box(state, found.pop((state, state), []))]
    drawn = {way: arrow(ARROWS[way], calls) for way, calls in found.items()}
    shapes += [shapes_of[0] for shapes_of in drawn.values()]
    shapes += [word for shapes_of in drawn.values() for word in shapes_of[1:]]  # over every line
    head = '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
            "<title>The states of a second factor, and the calls that lead from one to the next</title>",
            f"<style>{STYLE}</style>",
            f'<defs>{head}<path class="head" d="M0 0 10 5 0 10z"/></marker></defs>',
            f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10"/>',
            '<g stroke-width="1.5">',
            *shapes,
            "</g>",
            "</svg>\n",
        ]
    )
