"""One store object and the service on it, for as long as a process or a thread lives.

Rules of this file:

1. A client answers with words and never raises: what is no answer of totpcore's is named as it is.
2. Trouble of the store is a word of its own, `store error`; only while a server is down may it be said.
3. A client of an asynchronous store answers several racers at once, each in a task.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Final, Literal, NamedTuple, Protocol, TypeVar, cast

from totpcore import AsyncTwoFactor, Policy, TwoFactor
from totpcore.answers import Accepted, Recovered
from totpcore.errors import InvalidCode, Refused, StoreError
from totpcore.ports import AsyncStore, Sealer, Store
from totpcore.testing import HandClock
from trouble.processes import ignore
from trouble.victims import START

T = TypeVar("T")

POLICY: Final = Policy(lock_after=100, recovery_codes=30)


class Ask(NamedTuple):
    """What every racer types, and when."""

    call: Literal["verify", "recover"]
    user: str
    code: str
    now: float


class Told(NamedTuple):
    """What a racer was told.

    Attributes:
        word: `ok`, the word of a refusal, `store error`, or the name of something that must not be.
        number: With `ok` the failures before, or the recovery codes left; with a wrong code the attempts left; else -1.
    """

    word: str
    number: int = -1


class Client(Protocol):
    """What the frames need of a client.

    Attributes:
        service: The service; that of an asynchronous store is waited for.
        clock: The clock of the service.
        lost: How many swaps came too late so far: how much of a race it was.
    """

    service: TwoFactor
    clock: HandClock
    lost: int

    def answer(self, ask: Ask, racers: int) -> list[Told]:
        """Let so many racers ask, and return what each was told."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...


class Waiting:
    """A client of a `Store`: its racers come one after the other, so it has one.

    With `pause`, other threads have so many seconds between its load and its swap: by themselves they rarely do.
    """

    def __init__(self, store: Store, sealer: Sealer, clock: HandClock | None = None, *, pause: float = 0.0) -> None:
        self.clock = clock or HandClock(START)
        self._store = store
        self._pause = pause
        self.lost = 0
        self.service = TwoFactor(self, issuer="ACME", sealer=sealer, policy=POLICY, clock=self.clock, audit=ignore)

    def load(self, user: str, /) -> bytes | None:
        """Load."""
        held = self._store.load(user)
        if self._pause:
            time.sleep(self._pause)
        return held

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap, and count what came too late."""
        made = self._store.swap(user, old, new)
        self.lost += made is False
        return made

    def answer(self, ask: Ask, racers: int) -> list[Told]:
        """Ask."""
        self.clock.now = ask.now
        call = self.service.verify if ask.call == "verify" else self.service.recover
        return [told(lambda: call(ask.user, ask.code)) for _ in range(racers)]

    def close(self) -> None:
        """Close the store, where it can be."""
        close: Callable[[], None] | None = getattr(self._store, "close", None)
        if close is not None:
            close()


class Awaiting:
    """A client of an `AsyncStore`, with an event loop of its own."""

    def __init__(self, store: Callable[[], AsyncStore], sealer: Sealer, clock: HandClock | None = None) -> None:
        self.clock = clock or HandClock(START)
        self._loop = asyncio.Runner()
        self._store = self._run(_opened(store))
        self.lost = 0
        self._awaited = AsyncTwoFactor(
            self, issuer="ACME", sealer=sealer, policy=POLICY, clock=self.clock, audit=ignore
        )
        self.service = cast("TwoFactor", _Waited(self._awaited, self._run))

    async def load(self, user: str, /) -> bytes | None:
        """Load."""
        return await self._store.load(user)

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap, and count what came too late."""
        made = await self._store.swap(user, old, new)
        self.lost += made is False
        return made

    def answer(self, ask: Ask, racers: int) -> list[Told]:
        """Ask, in as many tasks."""
        self.clock.now = ask.now
        return self._run(self._race(ask, racers))

    async def _race(self, ask: Ask, racers: int) -> list[Told]:
        return list(await asyncio.gather(*(self._one(ask) for _ in range(racers))))

    async def _one(self, ask: Ask) -> Told:
        call = self._awaited.verify if ask.call == "verify" else self._awaited.recover
        try:
            answer: object = await call(ask.user, ask.code)
        except Exception as error:  # noqa: BLE001  # rule 1
            return told_of(error)
        return told_of(answer)

    def close(self) -> None:
        """Close the store, and end the loop."""
        close: Callable[[], Coroutine[object, object, None]] | None = getattr(self._store, "close", None)
        if close is not None:
            self._run(close())
        self._loop.close()

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return self._loop.run(work)


async def _opened(store: Callable[[], AsyncStore]) -> AsyncStore:
    return store()


class _Waited:
    """An asynchronous service or store whose calls are waited for."""

    def __init__(self, inner: object, run: Callable[[Coroutine[object, object, object]], object]) -> None:
        self._inner, self._run = inner, run
        if isinstance(inner, AsyncTwoFactor):
            self._core, self._store = inner._core, _Waited(inner._store, run)

    def __getattr__(self, name: str) -> Callable[..., object]:
        method: Callable[..., Coroutine[object, object, object]] = getattr(self._inner, name)
        return lambda *given, **named: self._run(method(*given, **named))


def told(call: Callable[[], object]) -> Told:
    """Call, and return what was told."""
    try:
        answer = call()
    except Exception as error:  # noqa: BLE001  # rule 1
        return told_of(error)
    return told_of(answer)


def told_of(answer: object) -> Told:
    """Return an answer, or what was raised in its place, in words."""
    if isinstance(answer, Accepted):
        return Told("ok", answer.failures_before)
    if isinstance(answer, Recovered):
        return Told("ok", answer.codes_left)
    if isinstance(answer, Refused):
        return Told(answer.reason, answer.attempts_left if isinstance(answer, InvalidCode) else -1)
    if type(answer) is StoreError:
        return Told("store error")
    return Told(f"{type(answer).__name__}: {answer}")
