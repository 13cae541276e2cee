"""How much is measured."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: How many rounds.
        processes: How many processes each contender has in each round.
    """

    rounds: int
    processes: int


FULL: Final = Effort(rounds=9, processes=7)
QUICK: Final = Effort(rounds=1, processes=1)
