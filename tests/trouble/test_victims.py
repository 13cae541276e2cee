"""What looks at a killed client's work forgives what the server did late, whenever that was, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest

from records.life import reason_of
from totpcore import MemoryStore, TwoFactor
from totpcore.testing import HandClock
from trouble.scenes import POLICY, Seal
from trouble.victims import Told, Victim

LOADS = 5  # more than a check of one acceptance has: the record, the verification, and the record again


@dataclass
class LateStore:
    """A store in which something is done right before the loads of these numbers, counted from when it is set."""

    before: tuple[int, ...] = ()
    late: Callable[[], object] | None = None
    store: MemoryStore = field(default_factory=MemoryStore)
    loads: int = 0

    def load(self, user: str, /) -> bytes | None:
        """Load, after what comes late."""
        if self.late is not None:
            self.loads += 1
            if self.loads in self.before:
                self.late()
        return self.store.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap."""
        return self.store.swap(user, old, new)


def checked(*before: int, late: int) -> LateStore:
    """Check one told acceptance; a dead client's wrong codes are charged right before those loads."""
    store = LateStore(before)

    def serve(clock: HandClock) -> TwoFactor:
        return TwoFactor(store, issuer="ACME", sealer=Seal(), policy=POLICY, clock=clock)

    victim = Victim(serve)
    told: list[Told] = [("begun", victim.clock(), 0)]
    victim.clock.tick(90)
    victim.service().verify(victim.user, victim.code())
    told.append(("verify", victim.clock(), 0))
    dead = TwoFactor(store.store, issuer="ACME", sealer=Seal(), policy=POLICY, clock=HandClock(victim.clock() + 3690))
    store.late = partial(reason_of, partial(dead.verify, victim.user, victim.person.wrong(victim.clock() + 3690)))
    victim.check(told, late=late)
    return store


@pytest.mark.parametrize("number", range(1, LOADS + 1))
def test_one_swap_that_came_late_is_forgiven_whenever_it_comes(number: int) -> None:
    """Between any two looks, and after the last: a server may do what it was sent after the death of who sent it."""
    checked(number, late=1)


def test_each_moment_of_a_check_was_tried() -> None:
    """With nothing late a check loads fewer times than the test above tries."""
    assert 2 < checked(late=1).loads < LOADS


@pytest.mark.parametrize(("numbers", "late"), [((2,), 0), ((3,), 0), ((2, 5), 1), ((3, 6), 1)])
def test_what_no_server_can_have_done_is_not_forgiven(numbers: tuple[int, ...], late: int) -> None:
    """A file does nothing late; and a client sends one swap, and waits for the answer."""
    with pytest.raises(AssertionError, match="must not even be charged again"):
        checked(*numbers, late=late)
