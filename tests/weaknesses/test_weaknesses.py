"""Each published class of weakness: totpcore stands, its broken twin falls, and nothing is left out."""

import pytest

from weaknesses.frame import TOTPCORE, Check, Vulnerable, answerable, checks, classes
from weaknesses.table import ELSEWHERE, PAGE, SHOWN, missing_from_checklist, missing_tests, page

CHECKS = checks()


def name_of(check: Check) -> str:
    """The class and what is checked."""
    return f"{check.weakness}-{check.name}"


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_totpcore_stands(check: Check) -> None:
    """The check passes on totpcore."""
    check.run(TOTPCORE)


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_the_broken_twin_falls(check: Check) -> None:
    """A library with this fault does not pass, and fails by the claim that does not hold, not by an accident."""
    with pytest.raises(Vulnerable):
        check.run(check.twin())


def test_every_class_has_a_check_with_a_twin() -> None:
    """A class that the library answers for, and that nothing checks, is a gap."""
    assert {check.weakness for check in CHECKS} == answerable(classes().values())


def test_no_two_checks_are_one() -> None:
    """Each check belongs to one class only, has a name of its own and says what it checks."""
    assert len({check.run for check in CHECKS}) == len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.run.__doc__ for check in CHECKS)


def test_all_ninety_classes_are_there() -> None:
    """The catalogue is whole."""
    assert list(classes()) == [f"V{number:02d}" for number in range(1, 91)]


def test_the_table_is_in_step() -> None:
    """The page of the documentation is what `python -m weaknesses` writes."""
    assert PAGE.read_text("utf-8") == page()


def test_what_the_table_names_beside_the_checks_is_there() -> None:
    """A test of the panel, or of what ships, that is gone is missed; each class of the application's alone has one."""
    assert missing_tests() == set()
    assert {weakness.id for weakness in classes().values() if weakness.who.startswith("DOC")} <= {*SHOWN, *ELSEWHERE}


def test_what_only_the_application_can_stop_is_in_its_checklist() -> None:
    """A class that no library can answer for is told to whoever can."""
    assert missing_from_checklist() == set()
