"""How much is measured."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: How many processes each kind of token has.
        tokens: How many tokens are made in each.
        users: How many users each store has.
        log_ins: How many log-ins are counted by what they write.
        scattered: How many users there are on the pages of which one user each logs in after a checkpoint.
    """

    rounds: int
    tokens: int
    users: int
    log_ins: int
    scattered: int


FULL: Final = Effort(rounds=3, tokens=10_000, users=100_000, log_ins=1_000, scattered=5_000)
QUICK: Final = Effort(rounds=1, tokens=2_000, users=1_000, log_ins=20, scattered=80)
