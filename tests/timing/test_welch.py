"""An alarm: how long it takes to say no does not tell how much of the code was right.

What it can and cannot show stands at the head of this folder.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pytest

from records.life import NOW, RAW, STEP
from timing.stats import THRESHOLD, Call, Calls, largest_t, repeated, smallest, typical, welch
from totpcore import HOTP, TOTP, Secret
from totpcore._guard import Hidden
from totpcore.otp import canonical_code
from totpcore.recovery import RecoveryCodes, find, keep

CLEAR_LEAK = 50.0  # the smallest |t| that the positive controls have to reach; they reach more than a hundred
HALF_A_CANDIDATE = 0.5

CLOCK = TOTP(Secret(RAW), digits=8)
COUNTER = HOTP(Secret(RAW), digits=8)
PLACES = range(600)
RECOVERY = ["".join(random.Random(number).choices("0123456789", k=24)) for number in range(100)]  # none near another
KEPT = keep(RecoveryCodes(RECOVERY), b"a salt of 16 byt")


def nearly(right: str) -> dict[str, str]:
    """Wrong codes: in the first digit, in the last, and in every one.

    The digits are no others, taken together, than those of right codes: what is typed may cost what it likes.
    """
    every = "".join(str((int(digit) + 1 + number % 9) % 10) for number, digit in enumerate(right, int(right)))
    return {"first": every[0] + right[1:], "last": right[:-1] + every[-1], "all": every}


def wrong(rights: Sequence[str], call: Callable[[int, str], object]) -> Calls:
    """For each way to be wrong a pool of calls, on the codes that are right at their places."""
    return {
        kind: [partial(call, place, nearly(right)[kind]) for place, right in enumerate(rights)]
        for kind in ("first", "last", "all")
    }


def match_time(offset: int, after: int = -1) -> list[Call]:
    """`TOTP.match` in the widest window, on codes whose time steps are so far from the time."""
    moments = [NOW + 30 * place for place in PLACES]
    codes = [CLOCK.code(at + 30 * offset) for at in moments]
    return [
        partial(CLOCK.match, code, at, after=at // 30 + after if after >= 0 else -1, window=(2, 2))
        for at, code in zip(moments, codes, strict=True)
    ]


def wrong_times() -> Calls:
    """Wrong codes for `TOTP.match`."""
    return wrong(
        [CLOCK.code(NOW + 30 * place) for place in PLACES],
        lambda place, code: CLOCK.match(code, NOW + 30 * place, after=-1, window=(2, 2)),
    )


def wrong_counters() -> Calls:
    """Wrong codes for `HOTP.match`."""
    rights = [COUNTER.code(place) for place in PLACES]
    return wrong(rights, lambda place, code: COUNTER.match(code, after=place - 1, look_ahead=4))


def wrong_recovery_codes() -> Calls:
    """Wrong recovery codes for `find`."""
    return wrong(RECOVERY, lambda _, code: find(KEPT, Hidden(code)))


@pytest.mark.parametrize("calls", [wrong_times, wrong_counters, wrong_recovery_codes])
def test_a_wrong_code_does_not_tell_how_wrong_it_is(calls: Callable[[], Calls]) -> None:
    """The first digit wrong, the last one, or all: Welch's |t| is not above the threshold five times running."""
    assert smallest(calls, largest_t, enough=THRESHOLD) < THRESHOLD


# ---- the size of a difference ----

ONE = "one candidate"


def answers() -> Calls:
    """What `TOTP.match` may come to, and the cost of one candidate."""
    return {
        "hit, oldest": match_time(-2),
        "hit, newest": match_time(2),
        "replay": match_time(0, after=2),
        "miss": match_time(7),
        ONE: one_candidate(),
    }


def one_candidate() -> list[Call]:
    """The cost of a candidate."""
    return [partial(COUNTER.code, STEP + place) for place in PLACES]


def in_candidates(samples: Mapping[str, list[int]]) -> float:
    """The largest difference between calls, in the cost of one candidate."""
    times = [typical(sample) for name, sample in samples.items() if name != ONE]
    return (max(times) - min(times)) / typical(samples[ONE])


def test_hit_miss_and_replay_cost_the_same_candidates() -> None:
    """They differ by less than half the cost of a candidate: by making the answer, not by leaving one out."""
    assert smallest(answers, in_candidates, enough=HALF_A_CANDIDATE) < HALF_A_CANDIDATE


# ---- the alarm rings ----


def compare_early(one: str, two: str) -> bool:
    """A comparison that stops at the first difference. It looks ten times, so that a busy machine does not hide it."""
    return all(mine == theirs for mine, theirs in zip(one, two, strict=True) for _ in range(10))


def leaky_compare(place: int, code: str) -> bool:
    """One candidate, compared character by character."""
    typed = canonical_code(Hidden(code), 8)
    return typed is not None and compare_early(COUNTER.code(place), typed.value)


def leaky_window(first: int, code: str) -> int | None:
    """A window of five counters, left at the first hit."""
    for counter in range(first, first + 5):
        if COUNTER.code(counter) == code:
            return counter
    return None


def leaky_comparisons() -> Calls:
    """Wrong codes for the comparison that stops early."""
    return wrong([COUNTER.code(place) for place in PLACES], leaky_compare)


def leaky_windows() -> Calls:
    """The first of a window that stops early, and none."""
    return {
        "oldest": [partial(leaky_window, place, COUNTER.code(place)) for place in PLACES],
        "miss": [partial(leaky_window, place, COUNTER.code(place + 9)) for place in PLACES],
        ONE: one_candidate(),
    }


def test_a_comparison_that_stops_early_rings() -> None:
    """Eight digits compared one by one give a |t| that leaves no doubt."""
    assert repeated(leaky_comparisons, largest_t, above=CLEAR_LEAK) > CLEAR_LEAK


def test_a_window_that_stops_early_rings() -> None:
    """Leaving the window at the first hit shows in |t|, and as several candidates."""
    assert (
        repeated(leaky_windows, lambda samples: abs(welch(samples["oldest"], samples["miss"])), above=CLEAR_LEAK)
        > CLEAR_LEAK
    )
    assert repeated(leaky_windows, in_candidates, above=2.0) > 2.0


def test_the_same_call_twice_does_not_ring() -> None:
    """Two names for one kind of call differ by nothing."""
    assert smallest(lambda: {"once": match_time(9), "again": match_time(9)}, largest_t, enough=THRESHOLD) < THRESHOLD
