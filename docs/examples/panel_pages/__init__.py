"""What the example panels share, and nothing of a framework: every page, every sentence, and who reaches what.

Rule 1. Each page is given `url_for(name, **parts)`, `static(file)`, `csrf`, and of the visitor `user`, `full`,
`notice`, `confined`, `nudge`, `deadline` and `recovered`; what else it needs, the view hands over by name.
Rule 2. Names of views are the same in each panel, so that a link means the same everywhere.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

TEMPLATES: Final = Path(__file__).parent / "templates"
STATIC: Final = Path(__file__).parent / "static"

# For every answer, files and errors too.
HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def utc(at: float) -> str:
    """A time as administrators read it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


def day(at: float) -> str:
    """The day of a deadline."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))


FILTERS: Final[Mapping[str, Callable[[float], str]]] = {"utc": utc, "day": day}
