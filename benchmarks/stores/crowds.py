"""Many clients who show the same code of the same user at the same moment.

One is accepted, and nobody has to give up.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain
from statistics import quantiles
from threading import Lock
from typing import Final

from totpcore import Plaintext, Refused, TotpcoreError

from ..crews import Tasks, Threads, crew_of
from ..report import Row, Table
from ..steps import Hand, async_service_on, put, record, records, service_on
from .effort import Effort
from .grounds import Ground, Place

CLIENTS: Final = 32
USER: Final = "crowd"

Crowd = tuple[list[float], Counter[str]]  # how long each took, and what they were told


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="A crowd on one user",
        about=f"{CLIENTS} clients are released at once, with the same right code of the same user, again and again. "
        "The time is that from the release to the answer.",
        base="",
    )


def name_of(ground: Ground, mode: str) -> str:
    """Return the name of a row."""
    return f"{ground.name}, {crew_of(CLIENTS, mode)}"


def rows(ground: Ground, effort: Effort) -> Iterator[Row]:
    """Let the crowds loose."""
    place = ground.place(1_000, record())
    for mode, crowd in MODES.items():
        with closing(place.store(1)) as store:
            put(store, records([USER], Plaintext()))
        yield row(name_of(ground, mode), CLIENTS, list(crowd(place, effort.crowds)))


def row(name: str, clients: int, rounds: Sequence[Crowd]) -> Row:
    """Return the row of crowds of so many clients, all on the same user."""
    took, answers = zip(*rounds, strict=True)
    total = sum(answers, Counter[str]())
    cuts = quantiles(chain(*took), n=100, method="inclusive")
    return Row(
        name=name,
        target="one acceptance a round, no StoreContended",
        met=all(each["accepted"] == 1 and each["replayed"] == clients - 1 for each in answers),
        micros=cuts[49] * 1e6,
        note=f"p50 {cuts[49] * 1e3:.1f} ms, p99 {cuts[98] * 1e3:.1f} ms; in {len(rounds)} rounds "
        + ", ".join(f"{total[answer]:,} {answer}" for answer in sorted({"accepted", "StoreContended", *total})),
    )


def answer_of(error: TotpcoreError) -> str:
    """Return what somebody is told who is not accepted."""
    return error.reason if isinstance(error, Refused) else type(error).__name__


def _threads(place: Place, rounds: int) -> Iterator[Crowd]:
    hand = Hand()
    with Threads(CLIENTS) as crew, closing(place.store(CLIENTS)) as store:
        service = service_on(store, Plaintext(), hand)
        crew.each(partial(service.status, USER))  # the connections are open
        for _ in range(rounds):
            answers, code = Counter[str](), hand.fresh()

            def log_in(answers: Counter[str] = answers, code: str = code) -> None:
                with _counted(answers):
                    service.verify(USER, code)

            yield crew.at_once([log_in] * CLIENTS), answers


def _tasks(place: Place, rounds: int) -> Iterator[Crowd]:
    hand = Hand()
    with Tasks(CLIENTS) as crew:
        store = crew.run(place.async_store(CLIENTS))
        service = async_service_on(store, Plaintext(), hand)
        crew.at_once([partial(service.status, USER)] * CLIENTS)
        for _ in range(rounds):
            answers, code = Counter[str](), hand.fresh()

            async def log_in(answers: Counter[str] = answers, code: str = code) -> None:
                with _counted(answers):
                    await service.verify(USER, code)

            yield crew.at_once([log_in] * CLIENTS), answers
        crew.run(store.close())


@contextmanager
def _counted(answers: Counter[str]) -> Iterator[None]:
    answer = "accepted"
    try:
        yield
    except TotpcoreError as error:
        answer = answer_of(error)
    with _counting:
        answers[answer] += 1


_counting: Final = Lock()

MODES: Final[dict[str, Callable[[Place, int], Iterator[Crowd]]]] = {"threads": _threads, "tasks": _tasks}
