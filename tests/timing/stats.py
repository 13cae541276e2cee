"""Welch's t-test, and the size of a difference, on interleaved measurements.

Rules of this file:

1. The calls are measured in turn, in an order that is shuffled anew in every round, so that whatever slows the machine
   slows all of them. Each is a pool of calls of one kind on other values, one of which is drawn, and the pools are
   made anew for every measurement: where an object happens to lie in memory is no leak.
2. The slowest part of the samples, pooled, is cut off: interrupts and garbage collection are no leak.
3. The alarm is raised only where five measurements in a row exceed the threshold. A repetition can only make a false
   alarm less likely; a leak is there every time.
"""

import gc
import math
import random
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, variance
from time import perf_counter_ns
from typing import Final

THRESHOLD: Final = 10.0  # dudect calls 4.5 a leak; a busy machine of two cores needs room
ROUNDS: Final = 2500
KEPT: Final = 0.8
REPETITIONS: Final = 5

Call = Callable[[], object]
Calls = Mapping[str, Sequence[Call]]


def measure(calls: Calls, *, rounds: int = ROUNDS, seed: int = 1) -> dict[str, list[int]]:
    """The nanoseconds of a call of each kind in each round."""
    order, source = list(calls.items()), random.Random(seed)
    samples: dict[str, list[int]] = {name: [] for name in calls}
    collecting = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            source.shuffle(order)
            place = source.randrange(1 << 16)
            for name, pool in order:
                call = pool[place % len(pool)]
                began = perf_counter_ns()
                call()
                samples[name].append(perf_counter_ns() - began)
    finally:
        if collecting:
            gc.enable()
    return samples


def welch(one: list[int], other: list[int]) -> float:
    """Welch's t of two samples, cropped at one percentile of both."""
    pooled = sorted(one + other)
    most = pooled[int(len(pooled) * KEPT)]
    first, second = [value for value in one if value <= most], [value for value in other if value <= most]
    if min(len(first), len(second)) < len(one) // 10:
        return math.inf  # one of them lies all but wholly above the other
    spread = variance(first) / len(first) + variance(second) / len(second)
    difference = fmean(first) - fmean(second)
    return difference / math.sqrt(spread) if spread else math.copysign(math.inf, difference) if difference else 0.0


def largest_t(samples: Mapping[str, list[int]]) -> float:
    """The largest |t| of any two kinds of call."""
    names = list(samples)
    pairs = [(one, other) for place, one in enumerate(names) for other in names[:place]]
    return max(abs(welch(samples[one], samples[other])) for one, other in pairs)


def typical(sample: list[int]) -> float:
    """The mean of the middle half: what a call takes when nothing disturbs it."""
    ordered = sorted(sample)
    return fmean(ordered[len(ordered) // 4 : -(len(ordered) // 4)])


def smallest(make: Callable[[], Calls], figure: Callable[[Mapping[str, list[int]]], float], *, enough: float) -> float:
    """The smallest figure of up to five measurements; it stops at the first that is below `enough`."""
    found = math.inf
    for seed in range(REPETITIONS):
        found = min(found, figure(measure(make(), seed=seed)))
        if found < enough:
            break
    return found


def repeated(make: Callable[[], Calls], figure: Callable[[Mapping[str, list[int]]], float], *, above: float) -> float:
    """The largest figure of up to five measurements, for a leak that is there on purpose; it stops once above."""
    found = 0.0
    for seed in range(REPETITIONS):
        found = max(found, figure(measure(make(), seed=seed)))
        if found > above:
            break
    return found
