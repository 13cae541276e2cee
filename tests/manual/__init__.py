"""What the tests of the manual share: its pages, their blocks of code, and the site that is built of them."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"


def pages() -> list[Path]:
    """Every page of the manual, and the README."""
    found = [page for page in DOCS.rglob("*.md") if page.relative_to(DOCS).parts[0] not in ("examples", "_build")]
    return [ROOT / "README.md", *sorted(found)]


def name_of(page: Path) -> str:
    """A page by its path from the root of the project."""
    return page.relative_to(ROOT).as_posix()
