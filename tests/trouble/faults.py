"""A store, a sealer, a clock and an audit sink in one, of which some calls go wrong.

Rules of this file:

1. Calls are numbered as they come, over all ports. A clean run says how many there are and which is which.
2. What goes wrong may raise before it was done or after, or answer something else; all other calls are honest.
"""

from asyncio import CancelledError
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from errno import ENOSPC
from typing import Final, Literal, TypeVar

from records.life import USER
from totpcore import MemoryStore, TwoFactor
from totpcore.events import Event
from totpcore.testing import HandClock
from trouble.scenes import POLICY, Scene, Seal

T = TypeVar("T")
Step = Literal["load", "load_many", "clock", "open", "seal", "swap"]

KINDS: Final[tuple[Callable[[], BaseException], ...]] = (
    RuntimeError, lambda: OSError(ENOSPC, "No space left on device"), MemoryError, RecursionError, TimeoutError,
    StopIteration, KeyError, KeyboardInterrupt, SystemExit, GeneratorExit, CancelledError,
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """What goes wrong at the call of that number.

    Attributes:
        at: The number of the call.
        raises: Makes the exception; `None` where nothing is raised.
        after: Whether the call does its work first.
        answers: What it answers in the place of the truth, given the truth.
    """

    at: int
    raises: Callable[[], BaseException] | None = None
    after: bool = False
    answers: Callable[[object], object] | None = None


def lie(at: int, answer: object, *, done: bool = False) -> Fault:
    """An answer that is not the truth, whether the work was done or not."""
    return Fault(at, answers=lambda _: answer, after=done)


@dataclass
class World:
    """The surroundings of a service, on the records of a scene."""

    scene: Scene
    faults: tuple[Fault, ...] = ()
    store: MemoryStore = field(default_factory=MemoryStore)
    steps: list[Step] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)
    raised: BaseException | None = None
    begun: bool = False

    def __post_init__(self) -> None:
        self.seals, self.time = Seal(), HandClock(self.scene.now)
        if not self.begun:
            self.store.swap(USER, None, self.scene.held)

    @property
    def raw(self) -> bytes | None:
        """What the store holds."""
        return self.store.load(USER)

    def service(self, audit: Callable[[Event], None] | None = None) -> TwoFactor:
        """A service in this world."""
        return TwoFactor(
            self, issuer="ACME", sealer=self, policy=POLICY, clock=self.clock, audit=audit or self.heard.append
        )

    def healed(self) -> "World":
        """The same records, and nothing that goes wrong."""
        return type(self)(self.scene, store=self.store, begun=True)

    def load(self, user: str, /) -> bytes | None:
        """Load."""
        return self._do("load", lambda: self.store.load(user))

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap."""
        return self._do("swap", lambda: self.store.swap(user, old, new))

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Seal."""
        return self._do("seal", lambda: self.seals.seal(plaintext, context))

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Open."""
        return self._do("open", lambda: self.seals.open(sealed, context))

    def clock(self) -> float:
        """The time."""
        return self._do("clock", self.time)

    def _do(self, step: Step, work: Callable[[], T]) -> T:
        number = len(self.steps)
        self.steps.append(step)
        fault = next((fault for fault in self.faults if fault.at == number), None)
        if fault is None:
            return work()
        if fault.raises is not None and not fault.after:
            self.raised = fault.raises()
            raise self.raised
        done = work() if fault.after else None
        if fault.raises is not None:
            self.raised = fault.raises()
            raise self.raised
        return fault.answers(done) if fault.answers else done  # type: ignore[return-value]  # a lie, on purpose


@dataclass
class WorldOfMany(World):
    """The same, where the store can load many at once."""

    def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]:
        """Load many."""
        return self._do("load_many", lambda: self.store.load_many(users))
