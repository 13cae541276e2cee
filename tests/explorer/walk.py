"""The walk: every state that can be reached, breadth first, so that the first fault it meets is a nearest one.

Rules of this file:

1. A state is what is on the shelf, the moment, where each client is in its call, and the history. Nothing else exists.
2. A client loads, then decides, then swaps; between any two of these steps the clock and the other client may do
   anything. After a lost swap it starts anew: the service's loop carries nothing from one round to the next.
3. Which call a client makes is chosen when it decides. It loads the same whatever it is about to do, so this leaves
   nothing out; and two decisions that store and say the same are one.
4. Clients are alike. Two states that differ only in which of them is which are one state.
"""

import gc
import time
from itertools import pairwise
from typing import NamedTuple

from explorer.book import BITS, IDLE, MASK, TICK_BITS, Book, Canonical, Client, numbers
from explorer.cast import MOST
from explorer.clients import Clients, Made, Outcome
from explorer.exploration import Exploration
from explorer.history import Answer, followed
from explorer.invariants import INVARIANTS, Invariant, Step
from explorer.telling import Fault, Note, Telling
from explorer.universe import Universe


class Decisions(NamedTuple):
    """What a client may decide: the clients that it becomes, what it says at once, and how many inputs lead there."""

    clients: tuple[int, ...]
    spoken: tuple[Answer, ...]
    inputs: int
    notes: tuple[Note, ...]


class Found(Exception):
    """A promise is broken in this step."""

    def __init__(self, invariant: Invariant, note: Note) -> None:
        super().__init__(invariant.__name__)
        self.invariant, self.note = invariant, note


class Walk:
    """One walk through a universe."""

    def __init__(
        self, universe: Universe, invariants: tuple[Invariant, ...] = INVARIANTS, book: type[Book] = Book
    ) -> None:
        self.universe, self.invariants, self.do = universe, invariants, Clients(universe)
        self.book = book(self.do.cast, universe.shelf)
        self.came_from: dict[int, int] = {}
        self.steps = self.interleavings = self.lost = 0
        self.outcomes: dict[tuple[int, int, Made], Outcome] = {}
        self._decisions: dict[tuple[int, int, int, int, int], Decisions] = {}
        self._swaps: dict[tuple[int, int, int], tuple[int, int, bool]] = {}
        self._spoken: set[tuple[int, int, int, tuple[Answer, ...]]] = set()
        self.slot = 0  # which client moved last

    # ---- the walk ----

    def explore(self) -> Exploration:
        """Walk until no state is new, or a promise is broken."""
        began, collects = time.process_time(), gc.isenabled()
        gc.disable()  # nothing here is a cycle, and looking for some would take a fifth of the time
        try:
            fault, depth = self._levels()
        finally:
            if collects:
                gc.enable()
        return Exploration(
            universe=self.universe.name,
            states=len(self.came_from),
            steps=self.steps,
            interleavings=self.interleavings,
            records=len(self.book.shelves.values),
            decisions=self.do.decided,
            lost=self.lost,
            depth=depth,
            seconds=time.process_time() - began,
            calls=frozenset(self.do.accepted),
            factors=frozenset(self.do.states),
            refusals=frozenset(self.do.refusals),
            fault=fault,
        )

    def _levels(self) -> tuple[Fault | None, int]:
        """Walk level by level; return the fault, if there is one, and how far it went."""
        state, depth, came_from = self.book.state(self.book.on(None), 0, IDLE, IDLE, 0), 0, self.came_from
        came_from[state], level = state, [state]
        try:
            while level:
                following: list[int] = []
                for state in level:
                    for successor in self._expand(state, None):
                        if successor not in came_from:
                            came_from[successor] = state
                            following.append(successor)
                level, depth = following, depth + bool(following)
        except Found as found:
            return self._fault(state, found), depth + 1
        return None, depth

    def _expand(self, state: int, notes: list[Note] | None) -> list[int]:
        """Return the states that are one step away, and note the steps where somebody wants to know."""
        tick, first = state & (1 << TICK_BITS) - 1, state >> TICK_BITS + BITS & MASK
        second = state >> TICK_BITS + 2 * BITS & MASK
        reached = [state + 1] if tick + 1 < self.universe.ticks else []
        if tick and self.universe.back:
            reached.append(state - 1)
        self.steps += len(reached)
        if notes is not None:
            notes.extend(Note(-1, said=f"the clock moves to moment {to & (1 << TICK_BITS) - 1}") for to in reached)
        self.slot = 0
        moves = moved = self._move(state, first, second, reached, notes)
        if self.universe.clients == 2 and first != second:
            self.slot = 1
            moved = self._move(state, second, first, reached, notes)
            moves += moved
        self.steps += moves
        if IDLE not in {first, second}:
            self.interleavings += (moves - moved or moved) * moved
        return reached

    # ---- the steps ----

    def _move(self, state: int, mover: int, other: int, reached: list[int], notes: list[Note] | None) -> int:
        """Let one client take its next step in every way it can, and return in how many ways."""
        book, tick, shelf = self.book, state & (1 << TICK_BITS) - 1, state >> TICK_BITS & MASK
        history, client = state >> TICK_BITS + 3 * BITS, book.clients.values[mover]
        inputs, told = 1, [Note(0, said="loads")]
        if mover == IDLE:
            reached.append(book.state(shelf, tick, book.client(Client(shelf)), other, history))
        elif client.answer is None:
            everywhere = book.on_shelf[shelf] | book.hands[mover] | book.hands[other]
            found = self._decide(client.loaded, tick, everywhere)
            reached.extend(book.state(shelf, tick, decided, other, history) for decided in found.clients)
            if found.spoken:
                self._speak(shelf, client.loaded, history, found)
                reached.append(book.state(shelf, tick, IDLE, other, history))
            inputs, told = found.inputs, list(found.notes[: len(found.clients) + bool(found.spoken)])
        else:
            after, followed_by, says_so = self._swap(shelf, mover, history)
            self.lost += not says_so
            reached.append(book.state(after, tick, IDLE, other, followed_by))
            told = [Note(0, said=_swapped(client.answer if says_so else None))]
        if notes is not None:
            notes.extend(note._replace(slot=self.slot) for note in told)
        return inputs

    def _decide(self, loaded: int, tick: int, everywhere: int) -> Decisions:
        """Everything that a client may decide on what it loaded."""
        fresh = ~everywhere
        secret = (fresh & -fresh).bit_length() - 1
        fresh >>= 2 * MOST
        codes = (fresh & -fresh).bit_length() - 1
        if max(secret, codes) >= MOST:
            raise OverflowError("more secrets are in somebody's hands than a walk has numbers for")
        others = everywhere & ~self.book.on_shelf[loaded] & (1 << 2 * MOST) - 1
        key = (loaded, tick, secret, codes, others)
        found = self._decisions.get(key)
        if found is None:
            found = self._decisions[key] = self._decided(*key)
        return found

    def _decided(self, loaded: int, tick: int, secret: int, codes: int, others: int) -> Decisions:
        value, inputs = self.book.values[loaded], 0
        clients: dict[int, Note] = {}
        spoken: dict[Answer, Note] = {}
        elsewhere = numbers(others & (1 << MOST) - 1), numbers(others >> MOST)
        for made in self.do.calls(value, tick, elsewhere, (secret, codes)):
            inputs += 1
            key = (loaded, tick, made)
            outcome = self.outcomes.get(key) or self.outcomes.setdefault(key, self.do.decide(value, tick, made))
            note = Note(0, made, outcome.answer.outcome)
            if outcome.swaps:
                clients.setdefault(self.book.client(Client(loaded, outcome.raw, outcome.answer)), note)
            else:
                spoken.setdefault(outcome.answer, note)
        return Decisions(tuple(clients), tuple(spoken), inputs, (*clients.values(), *spoken.values()))

    def _speak(self, shelf: int, loaded: int, history: int, found: Decisions) -> None:
        """Answer at once, where there is nothing to store."""
        key = (shelf, loaded, history, found.spoken)
        if key in self._spoken:
            return
        value, known = self.book.values[shelf], self.book.histories.values[history]
        for answer, note in zip(found.spoken, found.notes[len(found.clients) :], strict=True):
            self._check(Step(self.universe, known, answer, False, shelf == loaded, value, value), note)
        self._spoken.add(key)

    def _swap(self, shelf: int, mover: int, history: int) -> tuple[int, int, bool]:
        """Ask the shelf to replace what was loaded, and answer where it did."""
        key, book = (shelf, mover, history), self.book
        found = self._swaps.get(key)
        if found is None:
            client, known = book.clients.values[mover], book.histories.values[history]
            held, loaded = book.shelves.values[shelf], book.shelves.values[client.loaded]
            now_held, told = self.universe.shelf.swap(held, loaded, client.raw)
            before, after, answer = book.values[shelf], book.on(now_held), client.answer if told else None
            current = before.raw == book.values[client.loaded].raw
            step = Step(self.universe, known, answer, True, current, before, book.values[after])
            self._check(step, Note(0, said=_swapped(answer)))
            if answer is not None:
                known = followed(known, answer, before, book.values[after], self.universe)
            found = self._swaps[key] = (after, book.histories.number(known), told)
        return found

    def _check(self, step: Step, note: Note) -> None:
        for invariant in self.invariants:
            if not invariant(step):
                raise Found(invariant, note)

    # ---- the way to a fault ----

    def _fault(self, state: int, found: Found) -> Fault:
        """Walk the way once more and tell it, with one name for each client, secret and set from end to end."""
        way, slot, told = [state], self.slot, Telling(self.do.cast)
        counted = self.steps, self.interleavings, self.lost
        while self.came_from[way[-1]] != way[-1]:
            way.append(self.came_from[way[-1]])
        way.reverse()
        for before, after in pairwise(way):
            notes: list[Note] = []
            trail: list[Canonical] = []
            self.book.trail = trail
            reached = self._expand(before, notes)
            place = reached.index(after)
            told.step(notes[place])
            named = place - (len(reached) - len(trail))  # the clock's steps come first, and rename nothing
            if named >= 0:
                told.rename(notes[place].slot, trail[named].crossed, self.book.orders.values[trail[named].names])
        told.step(found.note._replace(slot=slot))
        self.steps, self.interleavings, self.lost = counted
        promise = " ".join((found.invariant.__doc__ or "").split())
        return Fault(found.invariant.__name__, promise, tuple(told.words))


def _swapped(answer: Answer | None) -> str:
    return "swaps in vain, and begins anew" if answer is None else f"swaps, and answers: {answer.outcome}"
