"""Latency of one client's log-in with few users in the store, and with many.

Both stores are there at once, on the same server, and take turns; each log-in is of a user drawn at random.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from statistics import median
from typing import Final

from totpcore import Plaintext
from totpcore.ports import Store

from ..crews import take_turns
from ..report import Ratio, Row, Table
from .effort import Effort
from .grounds import Ground
from .steps import Hand, record, service_on

TARGET: Final = 1.5


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="Latency from few users to many",
        about="The median time of a whole log-in of one client, of users drawn at random. The ratio is that of the "
        "time with many users to the time with few, in the same round.",
        base="few users",
        ours="many users",
    )


def name_of(ground: Ground, effort: Effort) -> str:
    """Return the name of the row."""
    return f"{ground.name}, {effort.users[0]:,} to {effort.users[-1]:,} users"


def rows(ground: Ground, effort: Effort) -> Iterator[Row]:
    """Measure a store with each number of users; the row is of the fewest and the most."""
    places = [ground.place(size, record()) for size in effort.users]
    with ExitStack() as opened:
        stores = [opened.enter_context(closing(place.store(1))) for place in places]
        measures = [_log_ins(store, place.users, effort) for store, place in zip(stores, places, strict=True)]
        found = take_turns(measures, effort.rounds)
    yield Row(
        name=name_of(ground, effort),
        ratio=Ratio.of(found[-1], found[0]),
        at_most=TARGET,
        base=1 / median(found[0]),
        ours=1 / median(found[-1]),
        micros=median(found[-1]) * 1e6,
        note=", ".join(
            f"{size:,}: {median(times) * 1e6:,.0f} µs" for size, times in zip(effort.users, found, strict=True)
        ),
    )


def _log_ins(store: Store, users: Sequence[str], effort: Effort) -> Callable[[], float]:
    """Return what measures the median time of a log-in, in seconds."""
    hand = Hand()  # one for all: whoever logs in, the time step is a new one
    service = service_on(store, Plaintext(), hand)

    def once() -> float:
        times: list[float] = []
        service.status(users[0])  # the connection is open
        until = time.perf_counter() + effort.seconds
        while not times or time.perf_counter() < until:
            user, code = random.choice(users), hand.fresh()
            began = time.perf_counter()
            service.verify(user, code)
            times.append(time.perf_counter() - began)
        return median(times)

    return once
