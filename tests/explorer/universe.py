"""What a walk covers: how many clients, which calls, which moments, under which numbers.

Rules of this file:

1. A universe is finite, and everything that bounds it stands in it: what is not written here is not left out.
2. The calls and the store's way to compare are part of the universe. A test that breaks one on purpose passes a broken
   one in; nothing in the package is touched.
3. Time is whole moments, each as long after the one before. Nothing in the package knows of anything between them.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from totpcore import Policy, _transitions
from totpcore._states import Decision
from totpcore.events import EventKind

START: Final = 1_800_000_000  # a multiple of every period that is used here
K: Final = EventKind

Call = Callable[..., Decision[Any]]  # what is inside differs from call to call, and is not looked at
Held = Hashable  # what a store keeps: the bytes alone, or the bytes and what a broken store keeps beside them

SOUND: Final[Mapping[EventKind, Call]] = {
    K.VERIFY: _transitions.verify,
    K.RECOVER: _transitions.recover,
    K.ENROL: _transitions.enrol,
    K.REPLACE: _transitions.replace,
    K.CONFIRM: _transitions.confirm,
    K.RENEW_RECOVERY_CODES: _transitions.renew_recovery_codes,
    K.DISABLE: _transitions.disable,
    K.RESYNC: _transitions.resync,
    K.RESET: _transitions.reset,
    K.ADOPT: _transitions.adopt,
    K.RAISE_FLOOR: _transitions.raise_floor,
}


class Shelf(Protocol):
    """How a store keeps one value and replaces it. `None` is an empty shelf."""

    def value(self, held: Held) -> bytes | None:
        """What `load` gives of what is held."""
        ...

    def swap(self, held: Held, loaded: Held, new: bytes | None) -> tuple[Held, bool]:
        """Return what is held after the swap, and what the store says of it."""
        ...

    def renamed(self, held: Held, raw: bytes | None) -> Held:
        """Return the same with other bytes, in which only names differ."""
        ...


class ByValue:
    """The store of the contract: it replaces what is still exactly what was loaded."""

    def value(self, held: Held) -> bytes | None:
        return held if isinstance(held, bytes) else None

    def swap(self, held: Held, loaded: Held, new: bytes | None) -> tuple[Held, bool]:
        return (new, True) if held == loaded else (held, False)

    def renamed(self, held: Held, raw: bytes | None) -> Held:
        return raw


@dataclass(frozen=True, kw_only=True)
class Universe:
    """What a walk covers.

    Attributes:
        name: What the figures are printed under.
        about: What it covers, in a line.
        clients: One, or two whose steps come in any order.
        ticks: How many moments the clock has, each `seconds` after the one before.
        seconds: From one moment to the next.
        policy: The numbers.
        made: The calls that are made.
        adopts: What `adopt` brings, where it is made: "totp" or "hotp".
        slips: How many wrong codes anybody types at `confirm`. The package ends a pending secret after 20.
        codes: HOTP only: codes with counters below this number are typed.
        back: Whether the clock may also step back.
        calls: What is called, by its kind.
        shelf: How the store replaces a value.
    """

    name: str
    about: str
    clients: int
    ticks: int
    policy: Policy
    seconds: int = 60
    made: frozenset[EventKind] = frozenset(K) - {K.ADOPT, K.RESYNC, K.RAISE_FLOOR}
    adopts: str = "totp"
    slips: int = 1
    codes: int = 0
    back: bool = False
    calls: Mapping[EventKind, Call] = field(default_factory=lambda: SOUND)
    shelf: Shelf = field(default_factory=ByValue)

    def now(self, tick: int) -> int:
        """The Unix time of a moment."""
        return START + tick * self.seconds

    @property
    def hotp(self) -> bool:
        """Whether the tokens count instead of looking at the time."""
        return self.adopts == "hotp"

    def last_valid(self, tick: int) -> int:
        """The highest counter whose code a time-based token accepts at a moment."""
        return self.now(tick) // self.policy.period + self.policy.window[1]

    def still_open(self, since: int, tick: int) -> bool:
        """Whether what was opened for `pending_seconds` at one moment is open at another."""
        return (tick - since) * self.seconds < self.policy.pending_seconds
