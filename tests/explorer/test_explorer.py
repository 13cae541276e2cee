"""Every state that can be reached keeps every promise.

Rules of this file:

1. The walks through the sound package are made once; with `TOTPCORE_TEST_EXPLORE=full` the large ones are among them.
2. What was not seen was not shown: every call, every state and every refusal is seen somewhere, and no walk sees less
   than was seen before.
3. The walk itself is held against a plainer walk, and its decisions against those of `_core`.
"""

import json
from dataclasses import replace
from functools import cache, partial

import pytest

from explorer import Exploration, Universe, explore
from explorer.__main__ import main
from explorer.book import BITS, TICK_BITS, Book, Canonical, Client
from explorer.breaks import BREAKS
from explorer.cast import MOST, NONE
from explorer.clients import USER
from explorer.exploration import FIGURES, recorded
from explorer.universe import K
from explorer.universes import CHANGES, COUNTERS, NARROW, ORDINARY, chosen
from explorer.walk import Walk
from totpcore import Plaintext, TotpcoreError
from totpcore._core import Change, Core
from totpcore._guard import Hidden
from totpcore.answers import State
from totpcore.events import EventKind

pytestmark = pytest.mark.uncounted
UNIVERSES = {universe.name: universe for universe in chosen()}

SMALL = replace(CHANGES, name="small", made=frozenset({K.ENROL, K.CONFIRM, K.DISABLE, K.RESET}), slips=0)


@cache
def explored(name: str) -> Exploration:
    """The walk through a sound universe, made once."""
    return explore(UNIVERSES[name])


# ---- the sound package ----


@pytest.mark.parametrize("name", UNIVERSES)
def test_every_state_keeps_every_promise(name: str) -> None:
    """No way through the universe leads to a broken promise."""
    assert explored(name).fault is None, str(explored(name).fault)


@pytest.mark.parametrize("name", UNIVERSES)
def test_a_walk_sees_at_least_what_was_seen_before(name: str) -> None:
    """A walk that ends early, or tries less than it did, is noticed."""
    found = explored(name)
    assert {
        figure: getattr(found, figure) for figure in FIGURES if getattr(found, figure) < recorded(name)[figure]
    } == {}


def test_every_call_is_accepted_somewhere() -> None:
    """Each kind of call is made in some universe, and said yes to."""
    assert set().union(*(explored(universe.name).calls for universe in ORDINARY)) == set(EventKind)


def test_every_state_of_a_second_factor_is_seen() -> None:
    """Off, pending, on and locked are all reached."""
    assert set().union(*(explored(universe.name).factors for universe in ORDINARY)) == set(State)


def test_every_refusal_is_seen() -> None:
    """Each reason of the documentation is given somewhere, and so are the two mistakes of a program."""
    reasons = "wrong malformed replayed clock_off clock_behind throttled locked not_enrolled expired".split()  # noqa: SIM905
    seen = set().union(*(explored(universe.name).refusals for universe in ORDINARY))
    assert seen == {*reasons, "AlreadyEnrolled", "StateError"}


@pytest.mark.parametrize(
    "universe", [universe for universe in ORDINARY if universe.clients == 2], ids=lambda each: each.name
)
def test_clients_get_in_each_other_s_way(universe: Universe) -> None:
    """Two clients are under way at once, in both orders, and some of their swaps are lost."""
    found = explored(universe.name)
    assert found.interleavings > found.states
    assert found.lost > found.states / 2


# ---- the walk itself ----


class Unnamed(Book):
    """Gives nothing a new name: there is a state for each numbering, and for each order of the clients."""

    def canonically(self, shelf: int, mover: int, other: int) -> Canonical:
        number = ((other << BITS | mover) << BITS | shelf) << TICK_BITS
        return Canonical(number, self.names(shelf, mover, other), crossed=False)

    def maps(self, names: int) -> tuple[list[int], list[int]]:
        first, second = (
            [number if number in order else NONE for number in range(MOST)] for order in self.orders.values[names]
        )
        return first, second


def test_names_and_the_order_of_clients_hide_no_state() -> None:
    """A walk that takes states apart which differ in names alone reaches the same states, each under several names."""
    plain, named = Walk(SMALL, book=Unnamed), Walk(SMALL)
    plain.explore()
    named.explore()
    book, other = plain.book, named.book
    seen = set()
    for state in plain.came_from:
        mask = (1 << BITS) - 1
        shelf, *clients = (state >> TICK_BITS + place * BITS & mask for place in range(3))
        here = []
        for number in clients:
            client = book.clients.values[number]
            there = client._replace(loaded=other.on(book.shelves.values[client.loaded])) if number else Client(-1)
            here.append(other.client(there) if number else 0)
        history = other.histories.number(book.histories.values[state >> TICK_BITS + 3 * BITS])
        seen.add(other.state(other.on(book.shelves.values[shelf]), 0, here[0], here[1], history))
    assert len(plain.came_from) > 2 * len(named.came_from)
    assert seen == set(named.came_from)


def test_names_and_the_order_of_clients_hide_no_shorter_way() -> None:
    """The plainer walk finds the same fault, as far away."""
    broken = BREAKS["the store compares version numbers"].of(SMALL)
    plain, named = Walk(broken, book=Unnamed).explore().fault, Walk(broken).explore().fault
    assert plain is not None
    assert named is not None
    assert (plain.invariant, len(plain.path)) == (named.invariant, len(named.path))


def test_a_decision_of_the_walk_is_one_of_the_core() -> None:
    """What a client decides, step by step, is what `_core` makes of the same bytes."""
    walk = Walk(replace(CHANGES, clients=1, made=frozenset(K) - {K.RESYNC}))
    walk.explore()
    core, do = Core("ACME", Plaintext(), NARROW), walk.do
    assert len(walk.outcomes) > 1_000
    for (loaded, tick, made), outcome in walk.outcomes.items():
        value, now = walk.book.values[loaded], walk.universe.now(tick)
        change = Change(made.call, partial(walk.universe.calls[made.call], **do.arguments(made)))
        step = core.step(change, USER, Hidden(value.raw), now)
        assert (step.swaps, step.new.value) == (outcome.swaps, outcome.raw)
        assert isinstance(step.answer.value, TotpcoreError) == (outcome.answer.outcome != "ok")
    assert do.decided == len(walk.outcomes)


def test_two_walks_see_the_same() -> None:
    """Nothing in a walk is left to chance."""
    first, second = (explore(COUNTERS)._replace(seconds=0) for _ in range(2))
    assert first == second


# ---- the command ----


def test_the_command_prints_what_was_seen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each universe and one for all, or the same as JSON; 0 where no promise was broken."""
    monkeypatch.setattr("explorer.__main__.chosen", lambda: (SMALL,))
    assert main([]) == 0
    text = capsys.readouterr().out
    assert text.startswith("small: ")
    assert "interleavings" in text.splitlines()[-1]
    assert main(["--json"]) == 0
    (figures,) = json.loads(capsys.readouterr().out)
    assert figures["universe"] == "small"
    assert figures["fault"] is None
    assert f"{figures['states']:,} states" in text


def test_the_command_prints_the_way_to_a_fault(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken promise is told in words, and the exit code is 1."""
    broken = BREAKS["the store never compares"].of(SMALL)
    monkeypatch.setattr("explorer.__main__.chosen", lambda: (broken,))
    assert main([]) == 1
    assert "broken: Where the shelf holds anything but" in capsys.readouterr().out
    assert main(["--json"]) == 1
    assert "A loads" in json.loads(capsys.readouterr().out)[0]["fault"]
