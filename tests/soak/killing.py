"""Servers that are killed at random moments of a race, and started again.

Rules of this file:

1. Whoever races goes on until the server is dead, so that it dies with work in its hands.
2. Rounds take turns among several people. Whatever is told on a server that has come back hides only what was told of
   the same person before; the others are looked at as they were at its death.
3. Before the next kill everything that was told is looked at: in the record, and by every racer, who asks again on the
   store object that it had before.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count, cycle
from random import Random
from typing import Final, TypeVar

from totpcore import StoreError
from totpcore.testing._contract import expect
from trouble.victims import record_in

from .clients import Ask, Client
from .crew import Crew
from .frames import Killed, at, client_of, crew_of
from .racing import Figures, Rounds
from .sites import Server, Site

T = TypeVar("T")

PEOPLE: Final = 3  # at once, on each part of a server
MOST_USED: Final = 20  # recovery codes of a user, of 30
RACING: Final = 0.12  # seconds, at most, before the server is killed
BACK_IN: Final = 60.0  # seconds in which every client has to be told something again
MOST_TROUBLED: Final = 10  # rounds after the server has come back: each connection of a pool may be in trouble once


def killed_servers(site: Site, server: Server, kills: int, seed: int) -> Killed:
    """Kill the server at random moments of a race, start it again, and see that what was told is true.

    Its parts take turns: the next one is raced on and killed while the last one comes back.
    """
    figures, random = Figures(), Random(seed)
    people: list[list[Rounds]] = [[] for _ in range(server.parts)]
    past = list[Rounds]()
    with client_of(site) as client, crew_of(site) as racers:
        for number in range(kills):
            part = number % server.parts
            with at(f"kill {number} of the server, seed {seed}"):
                _settle(people[part], racers)
                past += [one for one in people[part] if len(one.ledger.used) > MOST_USED]
                people[part] = [one for one in people[part] if len(one.ledger.used) <= MOST_USED]
                names = (f"{chance} at kill {number}" for chance in count())
                ours = (name for name in names if server.part_of(name) == part)
                people[part] += [Rounds(client, random, next(ours)) for _ in range(PEOPLE - len(people[part]))]
                _race_until_all_is_well(people[part], racers, figures)
                _race_until_killed(server, part, people[part], racers, figures, after=random.uniform(0, RACING))
                with server.survivor() as open_store:
                    if open_store is not None:
                        _check_elsewhere(site.client(open_store=open_store), people[part])
        with at(f"after {kills} kills of the server, seed {seed}"):
            for some in people:
                _settle(some, racers)
            for one in past:
                one.check()
    return Killed(kills, figures.acceptances + figures.refusals, figures.unknown)


def _race_until_all_is_well(people: list[Rounds], racers: Crew, figures: Figures) -> None:
    """Race until everybody is told something: what holds a connection of before may be in trouble once."""
    for one, _ in zip(cycle(people), range(MOST_TROUBLED), strict=False):
        if one.run(racers, figures):
            return
        _settle(people, racers)
    raise AssertionError("the store does not come back")


def _race_until_killed(
    server: Server, part: int, people: list[Rounds], racers: Crew, figures: Figures, *, after: float
) -> None:
    """Race for that many seconds, and return once the server was killed and started again."""
    dead, failed = threading.Event(), list[BaseException]()

    def kill() -> None:
        time.sleep(after)
        try:
            server.kill(part)
            dead.set()  # no round begins on what comes back before it was looked at
            server.revive(part)
        except BaseException as error:  # noqa: BLE001  # raised below, where somebody sees it
            failed.append(error)
        finally:
            dead.set()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        for one in cycle(people):
            if dead.is_set() or not one.run(racers, figures):
                break
    finally:
        killer.join()
    for error in failed:
        raise error


def _settle(people: list[Rounds], racers: Crew) -> None:
    """See that what was told is true."""
    records = [_once_told(partial(record_in, one.client.service, one.user)) for one in people]
    for one, record in zip(people, records, strict=True):
        one.ledger.check(record)
        for ask in one.accepted.values():
            words = _words_once_told(ask, racers)
            expect(words <= {"replayed", "clock_behind", "throttled"}, f"what was told as accepted is now {words}")
        again = record_in(one.client.service, one.user)
        expect(again == record, "what was spent must not even be charged again")
        one.ledger.adopt(record)


def _words_once_told(ask: Ask, racers: Crew) -> set[str]:
    """Let the racers ask until none of them is told of trouble of the store."""
    deadline = time.monotonic() + BACK_IN
    while True:
        words = {word for word, _ in racers.race(ask).told}
        if "store error" not in words or time.monotonic() > deadline:
            return words


def _check_elsewhere(client: Client, people: list[Rounds]) -> None:
    """See that what was told is true on the server that took over."""
    try:
        for one in people:
            one.ledger.check(record_in(client.service, one.user))
    finally:
        client.close()


def _once_told(call: Callable[[], T]) -> T:
    """Call until the answer is no trouble of the store."""
    deadline = time.monotonic() + BACK_IN
    while True:
        try:
            return call()
        except StoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
