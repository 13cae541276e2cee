"""Broken on purpose, in a copy: the walk finds the nearest fault, and says how one gets there.

Rules of this file:

1. A fault has to be found where it is: the promise, the length and the words of the shortest way are those given here.
2. Where one fault breaks several promises, the others are watched alone too: what an attacker gains is shown, and not
   only the first sign of it.
3. Every fault is looked for, and every promise is broken by one.
"""

from typing import NamedTuple

import pytest

from explorer import Universe, explore
from explorer.breaks import BREAKS
from explorer.invariants import (
    INVARIANTS,
    Invariant,
    a_counter_is_accepted_at_most_once,
    a_locked_secret_accepts_no_one_time_code,
    a_lost_swap_changes_nothing,
    a_new_secret_begins_anew,
    a_new_secret_beside_a_working_one_takes_a_code,
    a_pending_secret_ends_in_time,
    a_pending_secret_never_opens_the_door,
    a_recovery_code_is_accepted_at_most_once,
    a_recovery_login_spends_the_codes_of_that_moment,
    a_refusal_is_stored_before_it_is_spoken,
    a_spent_counter_never_goes_down,
    an_old_recovery_code_never_comes_back,
    an_old_secret_never_comes_back,
    never_more_answers_than_the_tally_allows,
    no_acceptance_without_a_stored_record_that_shows_it,
    what_costs_nothing_writes_nothing,
    what_works_is_changed_by_a_code_alone,
)
from explorer.universes import DOOR, LIFE, LIFE_WITH_OPERATORS

pytestmark = pytest.mark.uncounted


class Case(NamedTuple):
    """A fault, and the way to it.

    Attributes:
        fault: Which copy is walked.
        promise: The promise that it breaks.
        path: The shortest way, in words.
        alone: Whether no other promise is watched.
        universe: Where it is looked for.
    """

    fault: str
    promise: Invariant
    path: list[str]
    alone: bool = False
    universe: Universe = LIFE


def call(said: str, outcome: str = "ok", *, by: str = "A") -> list[str]:
    """The three steps of a call that nobody disturbs."""
    return [f"{by} loads", f"{by} decides {said}: {outcome}", f"{by} swaps, and answers: {outcome}"]


ON = [*call("enrol()"), *call("confirm(the code of step 0 of secret 1)")]
BOTH_ENROL = ["A loads", "A decides enrol(): ok", "B loads", "A swaps, and answers: ok", "B decides enrol(): ok"]
THREE_WRONG = [
    words
    for moment in (1, 2, 3)
    for words in (
        "A loads",
        "A decides verify(a wrong code): wrong",
        f"the clock moves to moment {moment}",
        "A swaps, and answers: wrong",
    )
]

CASES = [
    Case(
        "the spent counter is not stored",
        no_acceptance_without_a_stored_record_that_shows_it,
        [*ON, *call("verify(the code of step 1 of secret 1)")],
    ),
    Case(
        "an older code is taken",
        a_counter_is_accepted_at_most_once,
        [
            *call("enrol()"),
            *call("confirm(the code of step 1 of secret 1)"),
            *call("verify(the code of step 0 of secret 1)"),
        ],
    ),
    Case(
        "a refusal is spoken before it is stored",
        a_refusal_is_stored_before_it_is_spoken,
        [*ON, "A loads", "A decides verify(a wrong code): wrong"],
    ),
    Case(
        "the wait is skipped",
        never_more_answers_than_the_tally_allows,
        [*ON, *call("verify(a wrong code)", "wrong"), *call("verify(a wrong code)", "wrong")],
        universe=DOOR,
    ),
    Case(
        "the lock is skipped",
        never_more_answers_than_the_tally_allows,
        [*ON, *THREE_WRONG, *call("verify(a wrong code)", "wrong")],
        universe=DOOR,
    ),
    Case(
        "a pending secret opens the door",
        a_pending_secret_never_opens_the_door,
        [*ON, *call("replace(the code of step 1 of secret 1)"), *call("verify(the code of step 0 of secret 2)")],
    ),
    Case(
        "a replayed code is charged",
        what_costs_nothing_writes_nothing,
        [*ON, *call("verify(the code of step 0 of secret 1)", "replayed")],
    ),
    Case(
        "a recovery code is not spent",
        no_acceptance_without_a_stored_record_that_shows_it,
        [*ON, *call("recover(recovery code 1 of set 1)")],
    ),
    Case(
        "recovery codes are not throttled",
        never_more_answers_than_the_tally_allows,
        [*ON, *call("recover(a wrong recovery code)", "wrong"), *call("recover(a wrong recovery code)", "wrong")],
    ),
    Case(
        "a recovery login leaves the code of the moment",
        a_recovery_login_spends_the_codes_of_that_moment,
        [*ON, *call("recover(recovery code 1 of set 1)")],
    ),
    Case("enrol asks for nothing", a_new_secret_beside_a_working_one_takes_a_code, [*ON, *call("enrol()")]),
    Case(
        "replace drops the active secret",
        what_works_is_changed_by_a_code_alone,
        [*ON, *call("replace(the code of step 1 of secret 1)")],
    ),
    Case(
        "replace lowers the spent counter",
        no_acceptance_without_a_stored_record_that_shows_it,
        [*ON, *call("replace(the code of step 1 of secret 1)")],
    ),
    Case("confirm does not spend its code", no_acceptance_without_a_stored_record_that_shows_it, ON),
    Case(
        "a pending secret never expires",
        a_pending_secret_ends_in_time,
        [
            "A loads",
            "A decides enrol(): ok",
            "the clock moves to moment 1",
            "A swaps, and answers: ok",
            *call("confirm(the code of step 1 of secret 1)"),
        ],
    ),
    Case(
        "confirm keeps the old recovery codes",
        a_new_secret_begins_anew,
        [*ON, *call("replace(the code of step 1 of secret 1)"), *call("confirm(the code of step 0 of secret 2)")],
    ),
    Case(
        "renew keeps the old recovery codes",
        no_acceptance_without_a_stored_record_that_shows_it,
        [*ON, *call("renew_recovery_codes(recovery code 1 of set 1)")],
    ),
    Case(
        "disable takes any code",
        a_refusal_is_stored_before_it_is_spoken,
        [*ON, *call("disable(a wrong code)", "wrong")],
    ),
    Case(
        "raise_floor spares the recovery codes",
        a_recovery_code_is_accepted_at_most_once,
        [*call("adopt()"), *call("raise_floor()"), *call("recover(recovery code 1 of set 1)")],
        universe=LIFE_WITH_OPERATORS,
    ),
    Case("the store never compares", a_lost_swap_changes_nothing, [*BOTH_ENROL, "B swaps, and answers: ok"]),
    Case(
        "the store writes and says no", a_lost_swap_changes_nothing, [*BOTH_ENROL, "B swaps in vain, and begins anew"]
    ),
    Case(
        "the store inserts over what is there", a_lost_swap_changes_nothing, [*BOTH_ENROL, "B swaps, and answers: ok"]
    ),
    Case(
        "the store compares version numbers",
        an_old_secret_never_comes_back,
        [
            *call("enrol()"),
            "A loads",
            "A decides confirm(a wrong code): wrong",
            *call("reset()", by="B"),
            *call("enrol()", by="B"),
            "A swaps, and answers: wrong",
        ],
    ),
    Case(
        "the spent counter is not stored",
        a_counter_is_accepted_at_most_once,
        [*ON, *call("verify(the code of step 1 of secret 1)"), *call("verify(the code of step 1 of secret 1)")],
        alone=True,
    ),
    Case(
        "the store never compares",
        a_counter_is_accepted_at_most_once,
        [
            *ON,
            "A loads",
            "A decides verify(the code of step 1 of secret 1): ok",
            "B loads",
            "A swaps, and answers: ok",
            "B decides verify(the code of step 1 of secret 1): ok",
            "B swaps, and answers: ok",
        ],
        alone=True,
    ),
    Case(
        "the store never compares",
        an_old_secret_never_comes_back,
        [
            *call("enrol()"),
            "A loads",
            "A decides confirm(a wrong code): wrong",
            *call("enrol()", by="B"),
            "A swaps, and answers: wrong",
        ],
        alone=True,
    ),
    Case(
        "the store never compares",
        never_more_answers_than_the_tally_allows,
        [
            *ON,
            "A loads",
            "A decides verify(a wrong code): wrong",
            "B loads",
            "A swaps, and answers: wrong",
            "B decides verify(a wrong code): wrong",
            "B swaps, and answers: wrong",
        ],
        alone=True,
    ),
    Case(
        "a refusal is spoken before it is stored",
        never_more_answers_than_the_tally_allows,
        [
            *ON,
            "A loads",
            "A decides replace(a wrong code): wrong",
            "B loads",
            "A swaps, and answers: wrong",
            "B decides verify(a wrong code): wrong",
        ],
        alone=True,
    ),
    Case(
        "the lock is skipped",
        a_locked_secret_accepts_no_one_time_code,
        [*ON, *THREE_WRONG, *call("verify(the code of step 3 of secret 1)")],
        alone=True,
        universe=DOOR,
    ),
    Case(
        "renew keeps the old recovery codes",
        an_old_recovery_code_never_comes_back,
        [
            *ON,
            *call("renew_recovery_codes(the code of step 1 of secret 1)"),
            *call("recover(recovery code 1 of set 1)"),
        ],
        alone=True,
    ),
    Case(
        "replace lowers the spent counter",
        a_spent_counter_never_goes_down,
        [*ON, *call("replace(the code of step 1 of secret 1)")],
        alone=True,
    ),
    Case(
        "confirm does not spend its code",
        a_counter_is_accepted_at_most_once,
        [*ON, *call("verify(the code of step 0 of secret 1)")],
        alone=True,
    ),
    Case(
        "a recovery code is not spent",
        a_recovery_code_is_accepted_at_most_once,
        [*ON, *call("recover(recovery code 1 of set 1)"), *call("recover(recovery code 1 of set 1)")],
        alone=True,
    ),
    Case(
        "disable takes any code",
        what_works_is_changed_by_a_code_alone,
        [*ON, *call("disable(a wrong code)", "wrong")],
        alone=True,
    ),
    Case(
        "the store inserts over what is there",
        what_works_is_changed_by_a_code_alone,
        [*BOTH_ENROL, *call("confirm(the code of step 0 of secret 1)"), "B swaps, and answers: ok"],
        alone=True,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.fault}: {case.promise.__name__}" for case in CASES])
def test_the_nearest_fault_is_found(case: Case) -> None:
    """A copy that is broken on purpose breaks the promise, and the walk tells the shortest way there."""
    watched = (case.promise,) if case.alone else INVARIANTS
    found = explore(BREAKS[case.fault].of(case.universe), invariants=watched).fault
    assert found is not None
    assert found.invariant == case.promise.__name__
    assert len(found.path) == len(case.path)
    assert list(found.path) == case.path


def test_every_fault_is_looked_for() -> None:
    """No broken copy is left without a test."""
    assert {case.fault for case in CASES} == set(BREAKS)


def test_every_promise_can_be_broken() -> None:
    """Each promise is broken by some copy: none is true whatever happens."""
    assert {case.promise for case in CASES} == set(INVARIANTS)


def test_every_promise_is_in_plain_words() -> None:
    """Each promise has a sentence that can be read without the code."""
    for invariant in INVARIANTS:
        assert (invariant.__doc__ or "").rstrip().endswith("."), invariant.__name__
