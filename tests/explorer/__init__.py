"""A walk through every state of a second factor and every order of two clients' steps, on the real transitions.

Rules of this folder:

1. `universe` says what is covered, `invariants` what must hold. Who reads these two knows what is shown.
2. `cast`, `clients` and `history` are the people: what is typed, what is decided, what has happened. `book` and `walk`
   are the search, `telling` is how a way is told, `breaks` are faults put in on purpose.

Example:
    >>> from explorer import explore
    >>> from explorer.universes import COUNTERS
    >>> explore(COUNTERS).fault is None
    True
"""

from explorer.exploration import Exploration
from explorer.invariants import INVARIANTS, Invariant
from explorer.universe import Universe
from explorer.walk import Walk

__all__ = ["Exploration", "Universe", "explore"]


def explore(universe: Universe, *, invariants: tuple[Invariant, ...] = INVARIANTS) -> Exploration:
    """Walk through a universe to its end, or to the nearest fault."""
    return Walk(universe, invariants).explore()
