"""Throughput: the store, and the whole log-in, beside the raw driver that does the same two statements.

Each client has a user of its own. In a round each contender has its turn; a ratio is that of one round.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import Final, TypeVar

from totpcore import Plaintext
from totpcore.ports import Sealer

from ..crews import AsyncStep, Crew, Step, Tasks, Threads, crew_of, take_turns
from ..report import Row, Table
from ..steps import AsyncExchange, AsyncLogIn, Exchange, Hand, LogIn, keyring, put, record, records, reserve
from .effort import Effort
from .grounds import Ground, Place

S = TypeVar("S")

CLIENTS: Final = (1, 8, 32)
CONTENDERS: Final = ("load and swap alone", "log-in, Plaintext", "log-in, Keyring")
_FASTEST: Final = 10_000  # log-ins in a second: for so many the codes are made beforehand

Rates = list[list[float]]


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="Throughput beside the raw driver",
        about="The raw driver loads a value by its key and replaces it by compare-and-swap, on a connection of its own "
        "for each client. The ratio is that of totpcore's speed to the raw driver's in the same round.",
        base="raw driver",
    )


def name_of(ground: Ground, mode: str, clients: int, contender: str) -> str:
    """Return the name of a row."""
    return f"{ground.name}, {crew_of(clients, mode)}: {contender}"


def rows(ground: Ground, effort: Effort) -> Iterator[Row]:
    """Measure a store."""
    place = ground.place(1_000, record())
    reserve(round(_FASTEST * effort.seconds * effort.rounds))
    for mode, measure in MODES.items():
        for clients in CLIENTS:
            _fill(place, clients)
            base, *all_ours = measure(place, clients, effort)
            for contender, ours in zip(CONTENDERS, all_ours, strict=True):
                name = name_of(ground, mode, clients, contender)
                yield Row.of_rates(name, ours, base, clients=clients, at_least=ground.target)


def _sealers() -> tuple[Sealer, ...]:
    """Return the seals, in the order of the contenders."""
    return Plaintext(), keyring()


def _users(contender: str, clients: int) -> list[str]:
    return [f"{contender} {number}" for number in range(clients)]


def _fill(place: Place, clients: int) -> None:
    """Give each contender's users their records."""
    with closing(place.store(1)) as store:
        for contender in ("raw", "bare"):
            put(store, dict.fromkeys(_users(contender, clients), record()))
        for sealer in _sealers():
            put(store, records(_users(type(sealer).__name__, clients), sealer))


def _threads(place: Place, clients: int, effort: Effort) -> Rates:
    with Threads(clients) as crew, ExitStack() as opened:
        raws = [opened.enter_context(closing(place.raw())) for _ in range(clients)]
        store = opened.enter_context(closing(place.store(clients)))
        steps: list[Sequence[Step]] = [
            [Exchange(raw, user, record()) for raw, user in zip(raws, _users("raw", clients), strict=True)],
            [Exchange(store, user, record()) for user in _users("bare", clients)],
        ]
        for sealer in _sealers():
            users = _users(type(sealer).__name__, clients)
            steps.append([LogIn(store, user, sealer, Hand()) for user in users])
        return _take_turns(crew, steps, effort)


def _tasks(place: Place, clients: int, effort: Effort) -> Rates:
    with Tasks(clients) as crew:
        raws, store = crew.run(place.async_raw(clients)), crew.run(place.async_store(clients))
        try:
            steps: list[Sequence[AsyncStep]] = [
                [AsyncExchange(raw, user, record()) for raw, user in zip(raws, _users("raw", clients), strict=True)],
                [AsyncExchange(store, user, record()) for user in _users("bare", clients)],
            ]
            for sealer in _sealers():
                users = _users(type(sealer).__name__, clients)
                steps.append([AsyncLogIn(store, user, sealer, Hand()) for user in users])
            return _take_turns(crew, steps, effort)
        finally:
            for each in (*raws, store):
                crew.run(each.close())


def _take_turns(crew: Crew[S], steps: Sequence[Sequence[S]], effort: Effort) -> Rates:
    return take_turns([partial(crew.rate, each, effort.seconds) for each in steps], effort.rounds)


MODES: Final[dict[str, Callable[[Place, int, Effort], Rates]]] = {"threads": _threads, "tasks": _tasks}
