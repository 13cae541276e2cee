"""The tally of wrong codes and the waits that follow from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from totpcore.throttle import Tally, wait_after

frees = st.integers(1, 20)
firsts = st.integers(1, 3600)
failures = st.integers(0, 10_000)


@pytest.mark.requirement("R4226-7.3-6")
@given(failures, frees, firsts, st.integers(0, 86_400))
def test_waits_by_their_definition(failed: int, free: int, first: int, more: int) -> None:
    """The first few are free; then each wrong code doubles the wait, up to the longest: step by step."""
    longest, expect = first + more, 0
    for count in range(min(failed, free + 40)):
        expect = (expect * 2 or first) if count + 1 >= free else 0
    assert wait_after(failed, free, first, longest) == min(expect, longest)


@given(failures, frees, firsts, st.integers(0, 86_400))
def test_waits_never_fall(failed: int, free: int, first: int, more: int) -> None:
    """One more wrong code never means a shorter wait, and no wait is longer than the longest."""
    before, after = (wait_after(count, free, first, first + more) for count in (failed, failed + 1))
    assert before <= after <= first + more


@pytest.mark.requirement("N63B4-3.2.2-6")
@pytest.mark.parametrize(
    ("failed", "wait"), [(0, 0), (4, 0), (5, 30), (6, 60), (7, 120), (11, 1920), (12, 3600), (100, 3600), (10**9, 3600)]
)
def test_the_waits_of_the_defaults(failed: int, wait: float) -> None:
    """Five free attempts, 30 s, then twice as long each time, up to an hour; at any number of failures."""
    assert wait_after(failed, 5, 30, 3600) == wait


@pytest.mark.parametrize("first", [0.5, 1.5, 30.25])
def test_waits_need_not_be_whole(first: float) -> None:
    """A first wait of a fraction of a second doubles exactly."""
    assert [wait_after(count, 1, first, 10_000) for count in (1, 2, 3)] == [first, first * 2, first * 4]


@pytest.mark.parametrize(("now", "wait"), [(0, 100), (99, 1), (99.75, 0.25), (100, 0), (100.25, 0), (10**12, 0)])
def test_a_wait_ends_at_its_moment(now: float, wait: float) -> None:
    """What is left of a wait is never negative, and 0.0 from the moment on at which it ends."""
    left = Tally(5, 100).wait(now, longest=100)
    assert left == wait
    assert type(left) is float


def test_a_fresh_tally_waits_for_nothing() -> None:
    """Nothing was wrong yet: the next code is answered at any time."""
    assert Tally() == (0, 0.0)
    assert Tally().wait(0, longest=3600) == 0


@pytest.mark.parametrize(("now", "wait"), [(900, 100), (899.5, 100), (840, 100), (839.5, 0), (0, 0)])
def test_a_wait_that_a_clock_jump_left_behind_is_over(now: float, wait: float) -> None:
    """Far more than the longest wait is left only where the clock was set back: the user is not locked out by that.

    A minute more is left where another host's clock is ahead: no wait is skipped by that.
    """
    assert Tally(5, 1000).wait(now, longest=100) == wait
