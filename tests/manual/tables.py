"""What a page of the reference lists, to be compared with the code."""

import re
from typing import Final

from manual import DOCS

REFERENCE: Final = DOCS / "reference"


def page(name: str) -> str:
    """The text of a page."""
    return (REFERENCE / f"{name}.md").read_text("utf-8")


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text that begin with a name, by their cells."""
    lines = [line.removeprefix("| ").removesuffix(" |") for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


def words(cell: str) -> list[str]:
    """What stands in a cell between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one that is no lower."""
    level = heading.partition(" ")[0]
    return re.split(rf"^#{{1,{len(level)}}} ", text.split(f"\n{heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
