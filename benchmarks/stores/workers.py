"""Worker processes, as a server has them: each with a store of its own, on the same place.

On many users each logs in users of its own, and the workers take turns: one alone, and more of them together. On one
user all show the same code at the same moment.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Final

from totpcore import Plaintext

from ..crews import crew_of, take_turns
from ..report import Row, Table
from ..steps import put, record, records
from . import crowds
from .crowds import Crowd
from .effort import Effort
from .gang import Gang
from .grounds import Ground, Place
from .worker import LogInAll, LogInOne

TARGET: Final = 0.67  # "flat within 1.5": more workers are not slower than one, all of them together
_USERS: Final = 1_000


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="Workers on one user, and on many",
        about="Each worker is a process with a store of its own on the same records. On many users each logs in users "
        "of its own; the ratio is that of the speed of all workers together to that of one worker, in the same round. "
        "On one user all workers are released at once, with the same right code, again and again; the time is that "
        "from the release to the answer.",
        base="one worker",
        ours="all workers",
    )


def name_of(ground: Ground, workers: int, users: str) -> str:
    """Return the name of a row; `users` is "many users" or "one user"."""
    return f"{ground.name}, {crew_of(workers, 'workers')} on {users}"


def rows(ground: Ground, effort: Effort) -> Iterator[Row]:
    """Let the workers work: first on many users, then on one."""
    place = ground.place(_USERS, record())
    with Gang(max(effort.workers), place) as gang:
        yield from _on_many(gang, ground, effort)
        for workers in effort.workers:
            yield crowds.row(
                name_of(ground, workers, "one user"), workers, list(_on_one(gang, place, workers, effort.crowds))
            )


def _on_many(gang: Gang, ground: Ground, effort: Effort) -> Iterator[Row]:
    job = LogInAll(effort.seconds)

    def rate(workers: int) -> float:
        results = gang.do(job, workers)
        return sum(done for done, _ in results) / max(took for _, took in results)

    base, *more = take_turns([partial(rate, workers) for workers in effort.workers], effort.rounds)
    for workers, ours in zip(effort.workers[1:], more, strict=True):
        name = name_of(ground, workers, "many users")
        yield Row.of_rates(name, ours, base, clients=workers, at_least=TARGET)


def _on_one(gang: Gang, place: Place, workers: int, rounds: int) -> Iterator[Crowd]:
    with closing(place.store(1)) as store:
        put(store, records([crowds.USER], Plaintext()))  # so that the time steps of those before are not spent
    for index in range(1, rounds + 1):
        took, answers = zip(*gang.do(LogInOne(index), workers), strict=True)
        yield list(took), Counter(answers)
