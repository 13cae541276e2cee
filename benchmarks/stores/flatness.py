"""Latency of one client's log-in with few users in the store, and with many.

All stores are there at once, on the same server, and take turns; each log-in is of a user drawn at random.
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
from ..steps import Hand, record, service_on
from .effort import Effort
from .grounds import Ground

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


def name_of(ground: Ground, few: int, many: int) -> str:
    """Return the name of a row."""
    return f"{ground.name}, {few:,} to {many:,} users"


def rows(ground: Ground, effort: Effort) -> Iterator[Row]:
    """Measure a store with each number of users: a row for each but the fewest."""
    few, *more = effort.users if ground.every_size else (effort.users[0], effort.users[-1])
    places = [ground.place(size, record()) for size in (few, *more)]
    with ExitStack() as opened:
        stores = [opened.enter_context(closing(place.store(1))) for place in places]
        measures = [_log_ins(store, place.users, effort) for store, place in zip(stores, places, strict=True)]
        base, *all_ours = take_turns(measures, effort.rounds)
    for many, ours in zip(more, all_ours, strict=True):
        yield Row(
            name=name_of(ground, few, many),
            ratio=Ratio.of(ours, base),
            at_most=TARGET,
            base=1 / median(base),
            ours=1 / median(ours),
            micros=median(ours) * 1e6,
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
