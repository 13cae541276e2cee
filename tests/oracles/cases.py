"""Random cases, fond of edges: a key, a counter, digits, a hash, and a moment whose time step is that counter."""

import random
from collections.abc import Iterator
from typing import Final, NamedTuple

from totpcore.otp import LARGEST_COUNTER, Algorithm

KEY_LENGTHS: Final = (0, 1, 10, 16, 20, 32, 63, 64, 65, 127, 128, 129, 200)
COUNTERS: Final = (
    0, 1, 2, 255, 256, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, LARGEST_COUNTER - 1,
    LARGEST_COUNTER,
)  # fmt: skip


class Case(NamedTuple):
    """What a code is computed from.

    Attributes:
        key: 0 to 200 bytes.
        counter: 0 to 2**64 - 1.
        digits: 6 to 8.
        algorithm: The hash.
        period: Seconds in a time step.
        t0: Where time steps begin to count.
        at: A moment in the time step that has the counter's number.
    """

    key: bytes
    counter: int
    digits: int
    algorithm: Algorithm
    period: int
    t0: int
    at: int


def cases(number: int, seed: int) -> Iterator[Case]:
    """The first cases of a seed."""
    source = random.Random(seed)
    algorithms = tuple(Algorithm)
    for _ in range(number):
        length = source.choice(KEY_LENGTHS) if source.random() < 0.5 else source.randint(0, 200)
        counter = source.choice(COUNTERS) if source.random() < 0.3 else source.getrandbits(source.randint(1, 64))
        period = source.choice((10, 30, 60, 300)) if source.random() < 0.5 else source.randint(10, 300)
        t0 = 0 if source.random() < 0.5 else source.getrandbits(source.randint(1, 40))
        yield Case(
            key=source.randbytes(length),
            counter=counter,
            digits=source.randint(6, 8),
            algorithm=source.choice(algorithms),
            period=period,
            t0=t0,
            at=t0 + counter * period + source.randrange(period),
        )
