"""Settings and numbers are those of the code: each is tried at the bounds that its page has."""

import dataclasses
import re

import pytest

from manual.tables import page, rows, section, words
from totpcore import (
    Algorithm,
    Enforcement,
    InvalidParameters,
    Policy,
    Rule,
    _core,
    _states,
    _transitions,
    otp,
    recovery,
    secret,
    throttle,
)
from totpcore._record import LONGEST_BYTES


def bounds(cell: str, policy: Policy) -> tuple[float, float]:
    """What a cell allows, as two numbers; a field of the policy stands for its default."""
    low, high = re.sub(r"(\d) (\d)", r"\1\2", cell).replace(" each", "").split(" to ")
    return tuple(getattr(policy, words(end)[0]) if words(end) else int(end) for end in (low, high))  # type: ignore[return-value]  # two ends


def test_every_number_of_a_policy() -> None:
    """The table has each field, in order, with the default that it has."""
    shown = rows(section(page("numbers"), "## Policy"))
    fields = {field.name: field.default for field in dataclasses.fields(Policy)}
    assert [words(row[0])[0] for row in shown] == list(fields)
    for row in shown:
        default = fields[words(row[0])[0]]
        assert row[1].strip("`") == str(getattr(default, "value", default)), row[0]


@pytest.mark.parametrize("row", rows(section(page("numbers"), "## Policy")), ids=lambda row: row[0])
def test_what_a_policy_allows(row: list[str]) -> None:
    """Each number is taken at the bounds that the page has, and refused beyond."""
    (name,), standard = words(row[0]), Policy()
    if name == "algorithm":
        assert words(row[2]) == list(Algorithm)
        return
    low, high = bounds(row[2], standard)

    def made(value: float) -> Policy:
        others = {"recovery_low": 0} if name == "recovery_codes" else {}
        others |= {"first_wait": 1} if name == "longest_wait" else {}
        given = (value, value) if name == "window" else value
        return dataclasses.replace(standard, **others, **{name: given})  # type: ignore[arg-type]  # tried as it is

    made(low)
    made(high)
    for beyond in (low - 1, high + 1):
        with pytest.raises(InvalidParameters):
            made(beyond)


def test_what_an_enforcement_takes() -> None:
    """The table has its fields, and the rules."""
    shown = rows(section(page("numbers"), "## Enforcement"))
    assert [words(row[0])[0] for row in shown] == [field.name for field in dataclasses.fields(Enforcement)]
    assert words(shown[0][-2]) == [rule.value for rule in Rule]


def test_the_constants() -> None:
    """Each number that is a constant of the code stands in the table as it is there."""
    text = section(page("numbers"), "## Constants")
    for said in (
        f"| bytes of a secret that is taken over | {secret.SHORTEST_BYTES} to {secret.LONGEST_BYTES} |",
        f"| bytes of a secret that is generated | at least {secret.STRONG_BYTES} |",
        f"| counters that `resync` searches | {otp.FARTHEST_LOOK_AHEAD} |",
        f"| characters of a recovery code | {recovery.CODE_CHARACTERS}, in groups of four: ",
        f" in groups of four: {recovery.CODE_BYTES * 8} random bits |",
        f"| salt of a set of recovery codes | {recovery.SALT_BYTES * 8} bits |",
        f"| wrong codes at `confirm` | {_states.CONFIRM_ATTEMPTS} |",
        f"| time steps each way in which `confirm` looks for a clock that is off | {_transitions.CLOCK_SEARCH} |",
        f"| seconds by which the clocks of hosts may differ | {throttle.CLOCKS_DIFFER} |",
        f"| rounds of load, decide, swap | {_core.ROUNDS} |",
        f"| characters of a code that is read at all | {otp.LONGEST_CODE_TEXT} |",
        f"| bytes of a record | at most {LONGEST_BYTES // 1000} {LONGEST_BYTES % 1000} |",
    ):
        assert said in text
    assert otp.LARGEST_COUNTER == 2**64 - 1
