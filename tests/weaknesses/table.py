"""The table *class, published cases, check, twin, who can stop it*, as it stands in the documentation."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .frame import Check, Weakness, answerable, checks, classes

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "reference" / "weaknesses.md"
CHECKLIST: Final = DOCS / "integrator-checklist.md"
# What is neither a check nor a line of the checklist, and where it is shown.
ELSEWHERE: Final = {
    "V89": "`tests/test_wheel.py`",
    "V90": "`tests/weaknesses/test_weaknesses.py::test_the_broken_twin_falls`: every check above fails on its twin",
}
HEAD: Final = """# Known weaknesses, and what each became

Ninety classes of weakness that were published in real systems. Each that a library can answer for is a check in
`tests/weaknesses/`: totpcore passes it, and a *broken twin*, totpcore with that one fault, has to fail it. The others
are lines of the [integrator's checklist](../integrator-checklist.md). `python -m weaknesses` writes this page.

Who can stop it: `LIB` the library alone; `API` the shape of the interface makes the mistake hard; `DOC` only the
application. Cases: `ADV` advisory, `DB` advisory database, `THR` issue or pull request, `LOG` changelog or commit; a
class without a case was derived.

| class | published cases | check | broken twin | who |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """The whole page."""
    found = checks()
    return HEAD + "".join(row(weakness, found) for weakness in classes().values())


def row(weakness: Weakness, found: Iterable[Check]) -> str:
    """One class."""
    own = [check for check in found if check.weakness == weakness.id]
    shown = [f"`{check.module.removeprefix('weaknesses.')}.py`: `{check.name}`" for check in own]
    twins = [f"`{check.twin_name}`" for check in own]
    if not own:
        told = "none" if weakness.id in answerable([weakness]) else "[checklist](../integrator-checklist.md)"
        shown = [ELSEWHERE.get(weakness.id, told)]
    cells = [
        f"{weakness.id} {weakness.title}",
        "; ".join(weakness.cases) or "derived",
        "<br>".join(shown),
        "<br>".join(dict.fromkeys(twins)) or "-",
        weakness.who,
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def missing_from_checklist() -> set[str]:
    """The classes that only the application can stop and that its checklist does not name."""
    named = set(re.findall(r"V\d\d", CHECKLIST.read_text("utf-8")))
    return {weakness.id for weakness in classes().values() if "DOC" in weakness.who.split("/")} - named - set(ELSEWHERE)
