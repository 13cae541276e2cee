"""What totpcore answers with: values that say what they are about by name, that are equal by value, and stay so."""

import dataclasses

import pytest

from records.life import USER, Life
from totpcore import Accepted, Confirmed, Enforcement, Enrolment, Match, Recovered, RecoveryCodes, Rule, State, Status

pytest_plugins = ["records.fixtures"]


@pytest.mark.parametrize("kind", [Accepted, Recovered, Confirmed, Status])
def test_an_answer_is_made_by_name(kind: type) -> None:
    """A number by position could be a counter or a count of failures: each is named."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    assert all(field.kw_only for field in fields.values())
    with pytest.raises(TypeError, match="positional"):
        kind(*fields)


@pytest.mark.parametrize(
    "value",
    [
        Accepted(user=USER, counter=1, drift_steps=0, failures_before=0),
        Recovered(user=USER, codes_left=9, running_low=False, failures_before=0, must_replace=False),
        Confirmed(recovery_codes=RecoveryCodes([]), counter=1),
        Status(state=State.OFF),
        Enforcement(Rule.REQUIRE),
        Match(1, 0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_answer_stays_as_it_was_given(
    value: Accepted | Recovered | Confirmed | Status | Enforcement | Match,
) -> None:
    """No field can be set to something else, and none added."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, None)
    assert not hasattr(value, "__dict__")


def test_a_pending_enrolment_is_equal_to_the_first(life: Life) -> None:
    """What `pending` shows again is the same value: the secret and its end tell, and another secret is another."""
    first = life.enrol()
    assert life.service.pending(USER) == first
    assert isinstance(first, Enrolment)
    assert life.enrol() != first
