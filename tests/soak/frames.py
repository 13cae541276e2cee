"""Racing, and clients that are killed.

Rule 1. Each frame returns what it saw, or raises an `AssertionError` that says which promise was broken, and where.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final, cast

from totpcore import TwoFactor
from totpcore.testing import HandClock
from totpcore.testing._contract import expect
from trouble.processes import told_by_child
from trouble.victims import Told, Victim

from .clients import Client
from .crew import Crew, crew
from .racing import CHAPTER, Figures, Rounds
from .sites import Site

KILLS_OF_ONE: Final = 8  # of clients, before there is another victim: each may have spent some recovery codes


@dataclass
class Killed:
    """What came of killing.

    Attributes:
        kills: How often.
        told: Answers that were told before, and true afterwards.
        unknown: Answers that were trouble of the store instead: of the server, killed with work in its hands.
    """

    kills: int = 0
    told: int = 0
    unknown: int = 0


def racing(site: Site, rounds: int, seed: int) -> Figures:
    """Let racers type the same right code, for so many rounds; those in which they guess come on top."""
    figures, random = Figures(), Random(seed)
    with client_of(site) as client, crew_of(site) as racers:
        chapter = Rounds(client, random, "racer 0")
        while figures.rounds < rounds:
            number = figures.rounds + figures.guessing
            with at(f"round {number}, seed {seed}"):
                if number and number % CHAPTER == 0:
                    chapter.check()
                    chapter = Rounds(client, random, f"racer {number}")
                expect(chapter.run(racers, figures), "the store was in trouble, and nobody killed its server")
        with at(f"after {rounds} rounds, seed {seed}"):
            chapter.check()
    return figures


def killed_clients(site: Site, kills: int, seed: int) -> Killed:
    """Kill a client at random moments, and see that what it was told is true, and that others go on."""
    seen, random, parent = Killed(), Random(seed), os.getpid()
    with client_of(site) as client:

        def serve(clock: HandClock) -> TwoFactor:
            return client.service if os.getpid() == parent else site.client(clock).service

        victim: Victim | None = None
        for number in range(kills):
            with at(f"kill {number} of a client, seed {seed}"):
                if victim is None or number % KILLS_OF_ONE == 0:
                    victim = Victim(serve, f"victim {number}", client.clock)
                now = victim.clock.now
                when = (random.randrange(4), random.uniform(0, 0.03))
                said = cast("list[Told]", told_by_child(partial(victim.work, seed + number), kill_after=when))
                victim.clock.now = now
                victim.check(said, late=1 if site.server else 0)
                victim.go_on(said)
                seen.kills += 1
                seen.told += len(said) - 1
    return seen


@contextmanager
def client_of(site: Site) -> Iterator[Client]:
    """A client, closed in the end."""
    client = site.client()
    try:
        yield client
    finally:
        client.close()


def crew_of(site: Site) -> AbstractContextManager[Crew]:
    """The racers of a store."""
    workers, racers = site.racers
    return crew(site.client, workers=workers, racers=racers, threads=site.threads)


@contextmanager
def at(place: str) -> Iterator[None]:
    """Inside it, a broken promise says where it was broken."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{place}: {error}") from error
