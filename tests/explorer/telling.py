"""The way to a fault, in plain words.

Rules of this file:

1. A walk gives names anew at every step; what is told keeps one name for each client, secret and set from end to end.
2. Secrets and sets of recovery codes are numbered from 1, in the order in which they were made. Moments and time steps
   count from 0, the first.
"""

from typing import NamedTuple

from explorer.cast import NONE, Cast, Typed
from explorer.clients import Made


class Note(NamedTuple):
    """What one step is.

    Attributes:
        slot: Which client moves, the first or the second; -1 for the clock.
        made: The call that it decides on, if it does.
        said: What is told of it.
    """

    slot: int
    made: Made | None = None
    said: str = ""


class Fault(NamedTuple):
    """A promise that was broken, and a shortest way there.

    Attributes:
        invariant: The name of the promise.
        promise: The promise, in words.
        path: The steps, in words.
    """

    invariant: str
    promise: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        steps = (f"{number:3}. {words}" for number, words in enumerate(self.path, 1))
        return "\n".join([f"broken: {self.promise}", *steps])


class Telling:
    """The words of a way, step by step."""

    def __init__(self, cast: Cast) -> None:
        self.words: list[str] = []
        self._cast = cast
        self._names = ["A", "B"]
        self._secrets: dict[int, int] = {}
        self._sets: dict[int, int] = {}
        self._made = [0, 0]

    def step(self, note: Note) -> None:
        """Tell a step."""
        said = note.said
        if note.made is not None:
            typed = ", ".join(self._cast.words(self._named(typed)) for typed in note.made.typed)
            said = f"decides {note.made.call}({typed}): {said}"
            self._made[0] += self._is_new(note.made.secret, self._secrets, self._made[0])
            self._made[1] += self._is_new(note.made.codes, self._sets, self._made[1])
        self.words.append(said if note.slot < 0 else f"{self._names[note.slot]} {said}")

    def rename(self, slot: int, crossed: bool, order: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
        """Follow the names that the walk gives after a step: what was `order[n]` is now `n`."""
        mover, other = self._names[slot], self._names[1 - slot]
        self._names = [other, mover] if crossed else [mover, other]
        self._secrets = {new: self._secrets.get(old, NONE) for new, old in enumerate(order[0])}
        self._sets = {new: self._sets.get(old, NONE) for new, old in enumerate(order[1])}

    def _named(self, typed: Typed) -> Typed:
        known = self._sets if typed.is_recovery else self._secrets
        return typed._replace(number=known.get(typed.number, NONE))

    @staticmethod
    def _is_new(number: int, known: dict[int, int], made: int) -> bool:
        if number == NONE or number in known:
            return False
        known[number] = made + 1
        return True
