"""`--keep`: the figures become those of the documentation.

Rules of this file:

1. What was measured is kept as data, in `measured.json`. The tables of the pages are written from it and from nothing
   else; a test holds them alike, so that nobody mends a figure by hand.
2. Between two marks of a page stands what is written here; all else in it is written by people.
3. A benchmark that was not run keeps its figures of before.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from .planning import plan
from .report import Report
from .summary import summary

_HERE: Final = Path(__file__).resolve().parent
MEASURED: Final = _HERE / "measured.json"
_DOCS: Final = _HERE.parent / "docs"
_MARKED: Final = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def keep(reports: Sequence[Report]) -> None:
    """Keep the figures, and write them into the pages."""
    new = {report.title: report for report in reports}
    before = {report.title: report for report in kept()}
    fields = [report.fields() for report in {**before, **new}.values()]
    MEASURED.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
    for page in PAGES:
        page.write_text(written(page), encoding="utf-8")


def kept() -> list[Report]:
    """Return what was kept."""
    return [Report.of(fields) for fields in json.loads(MEASURED.read_text("utf-8"))] if MEASURED.exists() else []


def written(page: Path) -> str:
    """Return a page as it is with the figures that are kept."""
    reports = kept()

    def part(match: re.Match[str]) -> str:
        return f"{match[1]}\n{_PARTS[match[2]](reports)}\n{match[3]}"

    return _MARKED.sub(part, page.read_text("utf-8"))


def _tables(reports: Sequence[Report]) -> str:
    return "\n".join(report.markdown() for report in reports)


def _summary(reports: Sequence[Report]) -> str:
    return summary(reports).splitlines()[0] + ".\n"  # what is not reached, the tables say


_PARTS: Final[dict[str, Callable[[Sequence[Report]], str]]] = {"tables": _tables, "summary": _summary, "plan": plan}
PAGES: Final = (_DOCS / "reference" / "speed.md", _DOCS / "explanation" / "scale.md")
