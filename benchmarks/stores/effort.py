"""How much is measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured.

    Attributes:
        seconds: How long each contender has in each round.
        rounds: How many rounds.
        users: How many users there are, for the latency: from few to many.
        workers: How many worker processes there are: the first number is one, which the others are compared with.
        crowds: How often a crowd, or all workers, log in to one user.
    """

    seconds: float
    rounds: int
    users: Sequence[int]
    workers: Sequence[int]
    crowds: int

    def but(self, *, seconds: float | None, users: Sequence[int] | None) -> "Effort":
        """Return the same with what is given."""
        return replace(self, seconds=seconds or self.seconds, users=users or self.users)


FULL: Final = Effort(
    seconds=0.5, rounds=7, users=(1_000, 10_000, 100_000, 1_000_000), workers=(1, 4, 16, 64), crowds=200
)
QUICK: Final = Effort(seconds=0.01, rounds=1, users=(100, 1_000), workers=(1, 2), crowds=2)
