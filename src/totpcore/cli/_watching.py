"""`totpcore code --watch`: the code of now, and how long it lasts.

Rules of this file:

1. In a terminal there is one line. It is drawn anew each second, never wider than the terminal, and gone at the end.
2. It is drawn with a carriage return and spaces alone. Whatever ends the program, the terminal is as it was.
3. Elsewhere each new code is a line of its own, written through at once.
"""

import math
import shutil
import sys
import time
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from ..otp import TOTP

_LONGEST_BAR: Final = 30
_SHORTEST_BAR: Final = 5
_CTRL_C: Final = "^C"  # which terminals show behind the line
_BLOCKS: Final = ("\N{FULL BLOCK}", "\N{LIGHT SHADE}")


def watch(token: "TOTP") -> NoReturn:
    """Show the code of now until somebody stops it.

    Raises:
        KeyboardInterrupt: If somebody does.
    """
    if sys.stdout.isatty():
        _redraw(token)
    _list(token)


def _redraw(token: "TOTP") -> NoReturn:
    from .._guard import Hidden  # noqa: PLC0415  # of totpcore, once it is needed

    drawn = 0
    try:
        while True:
            at = time.time()
            room = _room()
            line = Hidden(line_of(token, at, room, _cells()))
            sys.stdout.write(f"\r{line.value.ljust(min(drawn, room))}")
            sys.stdout.flush()
            drawn = len(line.value)
            _until_the_next_second(at)
    finally:
        sys.stdout.write(f"\r{' ' * min(drawn + len(_CTRL_C), _room())}\r")


def _list(token: "TOTP") -> NoReturn:
    shown = -1
    while True:
        at = time.time()
        step = token.counter(at)
        if step != shown:
            shown = step
            sys.stdout.write(f"{token.code(at)}\n")
            sys.stdout.flush()
        _until_the_next_second(at)


def line_of(token: "TOTP", at: float, room: int, cells: tuple[str, str]) -> str:
    """Return the code, a bar of what is left of its time, and the seconds; in a narrow terminal less."""
    left = token.seconds_left(at)
    seconds = f"{math.ceil(left):{len(str(token.period))}} s"
    width = min(_LONGEST_BAR, room - token.digits - len(seconds) - 4)
    if width >= _SHORTEST_BAR:
        filled = math.ceil(width * left / token.period)
        bar = cells[0] * filled + cells[1] * (width - filled)
        return f"{token.code(at)}  {bar}  {seconds}"
    return f"{token.code(at)}  {seconds}"[:room]


def _cells() -> tuple[str, str]:
    """Return what a bar is made of: a full and an empty cell that the terminal's encoding has."""
    try:
        "".join(_BLOCKS).encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return "#", "."
    return _BLOCKS


def _room() -> int:
    """Return how many columns there are. In the last one, some terminals begin a new line."""
    return shutil.get_terminal_size().columns - 1


def _until_the_next_second(at: float) -> None:
    time.sleep(1 - at % 1)
