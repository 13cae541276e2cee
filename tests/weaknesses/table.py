"""The table *class, published cases, check, twin, who can stop it*, as it stands in the documentation."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .frame import Check, Weakness, answerable, checks, classes

TESTS: Final = Path(__file__).parents[1]
DOCS: Final = TESTS.parent / "docs"
PAGE: Final = DOCS / "reference" / "weaknesses.md"
CHECKLIST: Final = DOCS / "integrator-checklist.md"
# What is neither a check nor a line of the checklist, and where it is shown.
ELSEWHERE: Final = {
    "V89": "`tests/test_wheel.py`",
    "V90": "`tests/weaknesses/test_weaknesses.py::test_the_broken_twin_falls`: every check above fails on its twin",
}
# Where the panels show, in a browser or by their requests, what only an application can stop, and what it can undo.
SHOWN: Final = {
    "V18": (
        "pages/trouble.py::test_wrong_codes_of_all_sessions_are_one_tally",
        "django_app/test_login.py::test_wrong_codes_are_told_after_the_log_in",
    ),
    "V23": (
        "browser/walks.py::test_five_wrong_codes_then_a_wait",
        "browser/walks.py::test_locked_and_the_way_out",
        "django_app/test_login.py::test_a_locked_factor_asks_for_a_recovery_code",
    ),
    "V36": ("pages/trouble.py::test_unknown_name_costs_as_much_as_a_wrong_password",),
    "V46": (
        "pages/setups.py::test_a_secret_that_somebody_else_has_seen_is_not_shown_to_its_owner",
        "pages/setups.py::test_another_device_is_of_the_session_that_gave_the_code",
        "pages/setups.py::test_a_recovery_code_of_somebody_else_shares_no_secret",
        "django_app/test_set_up.py::test_a_secret_that_somebody_else_has_looked_at_is_not_shown_to_its_owner",
    ),
    "V49": (
        "pages/forms.py::test_secret_is_only_in_answers_to_post",
        "pages/forms.py::test_nothing_is_changed_by_get",
        "pages/forms.py::test_every_answer_is_hardened",
        "pages/forms.py::test_forms_without_their_token_change_nothing",
        "django_app/test_set_up.py::test_no_page_shows_a_secret_at_an_address",
        "django_app/test_set_up.py::test_a_passer_by_reaches_nothing_but_the_explanation",
        "django_app/test_sessions.py::test_forms_without_their_token_are_refused",
    ),
    "V52": (
        "pages/setups.py::test_a_set_up_that_somebody_else_began_anew_has_ended",
        "pages/setups.py::test_one_that_is_begun_anew_while_a_code_is_checked_has_ended_too",
        "django_app/test_set_up.py::test_of_two_sessions_that_set_up_the_later_one_does",
    ),
    "V53": (
        "pages/forms.py::test_set_up_is_not_a_way_around_the_old_factor",
        "django_app/test_set_up.py::test_only_the_session_that_recovered_sets_up_without_a_code",
    ),
    "V56": (
        "browser/walks_changes.py::test_disable_takes_a_code",
        "django_app/test_set_up.py::test_turning_it_off_takes_a_code",
        "django_app/test_set_up.py::test_another_device_takes_a_code",
    ),
    "V57": (
        "browser/walks_staff.py::test_another_administrator_resets",
        "pages/people.py::test_owner_resets_somebody",
        "pages/sessions.py::test_reset_between_password_and_code_is_seen",
        "django_app/test_sessions.py::test_the_link_of_a_forgotten_password_is_no_way_around",
        "django_app/test_admin.py::test_reset_takes_factor_password_and_flag",
    ),
    "V58": (
        "browser/walks.py::test_half_session_opens_no_page",
        "pages/sessions.py::test_half_session_reaches_nothing_else",
        "panel/test_hardening.py::test_a_new_door_is_closed_until_a_table_opens_it",
        "panel_fastapi/test_requests.py::test_a_new_door_is_closed_until_a_table_opens_it",
        "panel_fastapi/test_requests.py::test_every_route_is_behind_the_guard",
        "django_panel/test_every_address.py::test_a_half_session_reaches_the_code_and_nothing_else",
        "django_app/test_sessions.py::test_single_sign_on_is_no_way_around",
        "django_app/test_sessions.py::test_a_user_whom_a_server_names_is_asked_too",
    ),
    "V59": (
        "browser/walks_changes.py::test_a_change_in_one_browser_ends_the_session_in_another",
        "pages/sessions.py::test_cookie_changes_at_each_step",
        "pages/sessions.py::test_session_ends_when_the_factor_changes_elsewhere",
        "pages/sessions.py::test_a_recovery_login_ends_every_other_session",
        "django_app/test_sessions.py::test_each_step_gets_a_new_session_key_and_csrf_token",
        "django_app/test_sessions.py::test_another_device_ends_the_other_sessions",
        "django_app/test_sessions.py::test_a_session_holds_nothing_secret",
    ),
}
# On which panels the tests of a folder run; where they are shared, the folders in which these take them up.
PANELS: Final = {
    "browser": "Flask, FastAPI, Django",
    "pages": "Flask, FastAPI",
    "panel": "Flask",
    "panel_fastapi": "FastAPI",
    "django_app": "Django",
    "django_panel": "Django",
}
TAKEN_UP: Final = {"browser": ("panel", "panel_fastapi", "django_panel"), "pages": ("panel", "panel_fastapi")}
HEAD: Final = """# Known weaknesses, and what each became

Ninety classes of weakness that were published in real systems. Each that a library can answer for is a check in
`tests/weaknesses/`: totpcore passes it, and a *broken twin*, totpcore with that one fault, has to fail it. The others
are lines of the [integrator's checklist](../integrator-checklist.md). Where the three example panels (Flask, FastAPI,
Django's admin) can show a class, their tests do, and the table says on which: those in `tests/browser` run on all
three, those in `tests/pages` on the first two. `python -m weaknesses` writes this page.

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
    shown += [f"{PANELS[test.partition('/')[0]]}: `{test}`" for test in SHOWN.get(weakness.id, ())]
    cells = [
        f"{weakness.id} {weakness.title}",
        "; ".join(weakness.cases) or "derived",
        "<br>".join(shown),
        "<br>".join(dict.fromkeys(twins)) or "-",
        weakness.who,
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def missing_tests() -> set[str]:
    """The tests that the table names beside the checks, and that are not there, or not run by one of their panels."""
    named = {test for tests in SHOWN.values() for test in tests}
    named |= set(re.findall(r"`tests/([^`]+)`", " ".join(ELSEWHERE.values())))
    return {test for test in named if not _is_there(*test.partition("::")[::2])}


def _is_there(file: str, name: str) -> bool:
    path = TESTS / file
    there = path.is_file() and (not name or f"def {name}(" in path.read_text("utf-8"))
    return there and all(_takes_up(TESTS / panel, path) for panel in TAKEN_UP.get(path.parent.name, ()))


def _takes_up(panel: Path, shared: Path) -> bool:
    taken = f"from {shared.parent.name}.{shared.stem} import "
    return any(taken in file.read_text("utf-8") for file in panel.glob("test_*.py"))


def missing_from_checklist() -> set[str]:
    """The classes that only the application can stop and that its checklist does not name."""
    named = set(re.findall(r"V\d\d", CHECKLIST.read_text("utf-8")))
    return {weakness.id for weakness in classes().values() if "DOC" in weakness.who.split("/")} - named - set(ELSEWHERE)
