"""The two pages that are written from the requirements.

Rules of this file:

1. `docs/reference/requirements.md` is written whole. Of the integrator's checklist, what stands between the two
   comments is written, and nothing else is touched.
2. The text of a requirement stands as it is, but for what would break a table.
"""

from collections.abc import Iterable
from textwrap import fill
from typing import Final

from requirements.matrix import TESTS, TOPICS, Matrix, Requirement, sources

DOCS: Final = TESTS.parent / "docs"
TABLE: Final = DOCS / "reference" / "requirements.md"
CHECKLIST: Final = DOCS / "integrator-checklist.md"
START: Final = "<!-- generated: requirements -->\n"
END: Final = "<!-- end -->"

HEAD: Final = """\
# Requirements

{total} requirements of {sources} documents that bear on a second factor by one-time codes: {LIB} for the library, {APP}
for the application, {OUT} for neither. For each of the library's, this page says where in the code it is carried out
and which tests show it. Where the design decided otherwise, in part or in whole, it says why.

`totpcore.otp:hotp` is the name `hotp` in the module `totpcore.otp`; tests are named as below `tests/`. The rows are in
`tests/requirements/requirements.json`, a test names its requirements by `@pytest.mark.requirement("…")`, and
`python -m requirements` writes this page from both, with `PYTHONPATH=src:tests`. A requirement without a test and
without a reason is a failing test, and so is a page that is not in step.
"""


def write(matrix: Matrix) -> None:
    """Write both pages."""
    TABLE.write_text(table(matrix), encoding="utf-8")
    held = CHECKLIST.read_text("utf-8") if CHECKLIST.exists() else f"# Integrator's checklist\n\n{START}{END}\n"
    CHECKLIST.write_text(with_block(held, checklist(matrix)), encoding="utf-8")


def table(matrix: Matrix) -> str:
    """The page of requirements."""
    numbers = {owner: len(matrix.of(owner)) for owner in ("LIB", "APP", "OUT")}
    parts = [HEAD.format(total=len(matrix.rows), sources=len(sources(matrix.rows)), **numbers)]
    for source in sources(matrix.of("LIB")):
        rows = [_library_line(matrix, row) for row in matrix.of("LIB") if row.source == source]
        parts.append(_section(source, ("id", "section", "level", "requirement", "where", "tests, or reason"), rows))
    parts.append(
        "## The application's\n\n"
        "These are lines of the [integrator's checklist](../integrator-checklist.md), with their ids.\n"
    )
    rows = [(row.id, row.source, row.section, row.text, row.why_out) for row in matrix.of("OUT")]
    parts.append(_section("Neither's", ("id", "source", "section", "requirement", "why"), rows))
    return "\n".join(parts)


def checklist(matrix: Matrix) -> str:
    """The lines for the integrator, by topic. What several requirements ask for is one line."""
    parts = []
    for topic in TOPICS:
        ids: dict[str, list[str]] = {}
        for row in matrix.of("APP"):
            if row.topic == topic:
                ids.setdefault(row.do, []).append(row.id)
        parts.append("\n".join([f"### {topic}", "", *(_item(f"{do} ({', '.join(of)})") for do, of in ids.items()), ""]))
    return "\n".join(parts)


def with_block(page: str, block: str) -> str:
    """The page with the block between the two comments.

    Raises:
        ValueError: If the page does not have each comment once, in this order.
    """
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end) or START in rest or END in before + after:
        raise ValueError(f"the page has to have {START.strip()} and {END} once each, on lines of their own")
    return f"{before}{start}\n{block}\n{end}{after}"


def _section(title: str, names: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(names)
    lines = [_line(heads), _line(["---"] * len(heads)), *(_line(map(_escaped, row)) for row in rows)]
    return "\n".join([f"## {title}", "", *lines, ""])


def _item(text: str) -> str:
    return fill(f"- [ ] {text}", 120, subsequent_indent=" " * 6, break_long_words=False, break_on_hyphens=False)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _library_line(matrix: Matrix, row: Requirement) -> tuple[str, ...]:
    shown = [f"`{test}`" for test in matrix.tests(row.id)] + [row.reason] * bool(row.reason)
    where = "<br>".join(f"`{place}`" for place in row.where)
    return row.id, row.section, row.level, row.text, where, "<br>".join(shown)
