"""How much is measured."""

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured.

    Attributes:
        seconds: How long each contender has in each round; 0 is one call.
        rounds: How many rounds.
        values: How many times pyperf measures in a round, but for what takes too long: the round has their median.
    """

    seconds: float
    rounds: int
    values: int

    def but(self, *, seconds: float | None) -> "Effort":
        """Return the same with what is given."""
        return replace(self, seconds=seconds or self.seconds)


FULL: Final = Effort(seconds=0.5, rounds=7, values=5)
QUICK: Final = Effort(seconds=0, rounds=1, values=1)
