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
# Where the example panel shows, in a browser or by its requests, what only an application can stop.
SHOWN: Final = {
    "V23": ("test_login.py::test_five_wrong_codes_then_a_wait", "test_login.py::test_locked_and_the_way_out"),
    "V36": ("test_hardening.py::test_unknown_name_costs_as_much_as_a_wrong_password",),
    "V49": (
        "test_hardening.py::test_secret_is_only_in_answers_to_post",
        "test_hardening.py::test_nothing_is_changed_by_get",
        "test_hardening.py::test_every_answer_is_hardened",
        "test_hardening.py::test_forms_without_their_token_change_nothing",
    ),
    "V57": (
        "test_staff.py::test_owner_resets_somebody",
        "test_hardening.py::test_reset_between_password_and_code_is_seen",
    ),
    "V58": ("test_hardening.py::test_half_session_reaches_nothing_else",),
    "V59": (
        "test_hardening.py::test_cookie_changes_at_each_step",
        "test_hardening.py::test_session_ends_when_the_factor_changes_elsewhere",
        "test_sessions.py::test_a_recovery_login_ends_every_other_session",
    ),
}
HEAD: Final = """# Known weaknesses, and what each became

Ninety classes of weakness that were published in real systems. Each that a library can answer for is a check in
`tests/weaknesses/`: totpcore passes it, and a *broken twin*, totpcore with that one fault, has to fail it. The others
are lines of the [integrator's checklist](../integrator-checklist.md); where the example panel can show them, its tests
do (`tests/panel`). `python -m weaknesses` writes this page.

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
    shown += [f"panel: `{test}`" for test in SHOWN.get(weakness.id, ())]
    cells = [
        f"{weakness.id} {weakness.title}",
        "; ".join(weakness.cases) or "derived",
        "<br>".join(shown),
        "<br>".join(dict.fromkeys(twins)) or "-",
        weakness.who,
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def missing_tests() -> set[str]:
    """The tests that the table names beside the checks, and that are not there."""
    named = {f"panel/{test}" for tests in SHOWN.values() for test in tests}
    named |= set(re.findall(r"`tests/([^`]+)`", " ".join(ELSEWHERE.values())))
    return {test for test in named if not _is_there(*test.partition("::")[::2])}


def _is_there(file: str, name: str) -> bool:
    path = DOCS.parent / "tests" / file
    return path.is_file() and (not name or f"def {name}(" in path.read_text("utf-8"))


def missing_from_checklist() -> set[str]:
    """The classes that only the application can stop and that its checklist does not name."""
    named = set(re.findall(r"V\d\d", CHECKLIST.read_text("utf-8")))
    return {weakness.id for weakness in classes().values() if "DOC" in weakness.who.split("/")} - named - set(ELSEWHERE)
