"""What one client does again and again: a bare exchange of a record, or a whole log-in.

Rules of this file:

1. Every log-in shows a right code that is fresh: the client's own clock goes on by one time step before it.
2. All users have the same shared secret, so that one list of codes serves them all; it is made outside of the timing.
3. A step that does not do what it should raises: a benchmark of failures would be fast.
"""

from collections.abc import Iterable
from typing import Final

from totpcore import AsyncTwoFactor, MemoryStore, Plaintext, Secret, TwoFactor
from totpcore.otp import TOTP
from totpcore.ports import AsyncStore, Sealer, Store
from totpcore.sealing import Keyring
from totpcore.testing import HandClock

ISSUER: Final = "Benchmark"
START: Final = 1_800_000_000
STEP: Final = 30
SECRET: Final = Secret(bytes(range(1, 21)))
TOKEN: Final = TOTP(SECRET)
MASTER_KEY: Final = bytes(range(32))

_codes: Final[list[str]] = []


def reserve(codes: int) -> None:
    """See to it that the next so many time steps have their codes."""
    _codes.extend(TOKEN.code(START + STEP * index) for index in range(len(_codes), codes))


class Hand:
    """A client's clock, and the code of its time step."""

    __slots__ = ("clock", "index")

    def __init__(self, index: int = 0) -> None:
        self.index = index
        self.clock = HandClock(START + STEP * index)

    def fresh(self) -> str:
        """Go on by a time step, and return its code."""
        self.index += 1
        self.clock.now += STEP
        if self.index >= len(_codes):  # seldom: `reserve` was asked for too few
            reserve(self.index + 1000)
        return _codes[self.index]


def keyring() -> Keyring:
    """Return the seal of all benchmarks."""
    return Keyring({"k1": MASTER_KEY})


def records(users: Iterable[str], sealer: Sealer) -> dict[str, bytes]:
    """Return a record for each user, as it is after the first log-in."""
    store, clock = MemoryStore(), HandClock(START)
    service = TwoFactor(store, issuer=ISSUER, sealer=sealer, clock=clock, audit=lambda _event: None)
    made = {}
    for user in users:
        service.adopt(user, TOKEN, spent=-1)
        service.verify(user, TOKEN.code(START))
        held = store.load(user)
        if held is None:
            raise RuntimeError("no record was made")
        made[user] = held
    return made


def record() -> bytes:
    """Return a record of the size that records have."""
    return records(["user"], Plaintext())["user"]


def put(store: Store, made: dict[str, bytes]) -> None:
    """Store records, in the place of what there may be."""
    for user, new in made.items():
        if not store.swap(user, store.load(user), new):
            raise RuntimeError("a record was not stored")


class Exchange:
    """Load a value, and swap it for another of the same size."""

    __slots__ = ("_one", "_other", "_store", "_user")

    def __init__(self, store: Store, user: str, value: bytes) -> None:
        self._store = store
        self._user = user
        self._one, self._other = value, bytes(reversed(value))

    def __call__(self) -> None:
        old = self._store.load(self._user)
        if self._store.swap(self._user, old, self._one if old == self._other else self._other) is not True:
            raise RuntimeError("the swap failed")


class AsyncExchange:
    """The same, awaited."""

    __slots__ = ("_one", "_other", "_store", "_user")

    def __init__(self, store: AsyncStore, user: str, value: bytes) -> None:
        self._store = store
        self._user = user
        self._one, self._other = value, bytes(reversed(value))

    async def __call__(self) -> None:
        old = await self._store.load(self._user)
        if await self._store.swap(self._user, old, self._one if old == self._other else self._other) is not True:
            raise RuntimeError("the swap failed")


def service_on(store: Store, sealer: Sealer, hand: Hand) -> TwoFactor:
    """Return the service, with its audit log as an application has it that sets nothing up."""
    return TwoFactor(store, issuer=ISSUER, sealer=sealer, clock=hand.clock)


def async_service_on(store: AsyncStore, sealer: Sealer, hand: Hand) -> AsyncTwoFactor:
    """The same, awaited."""
    return AsyncTwoFactor(store, issuer=ISSUER, sealer=sealer, clock=hand.clock)


class LogIn:
    """A whole log-in."""

    __slots__ = ("_hand", "_service", "_user")

    def __init__(self, store: Store, user: str, sealer: Sealer, hand: Hand) -> None:
        self._hand = hand
        self._user = user
        self._service = service_on(store, sealer, hand)

    def __call__(self) -> None:
        self._service.verify(self._user, self._hand.fresh())


class AsyncLogIn:
    """The same, awaited."""

    __slots__ = ("_hand", "_service", "_user")

    def __init__(self, store: AsyncStore, user: str, sealer: Sealer, hand: Hand) -> None:
        self._hand = hand
        self._user = user
        self._service = async_service_on(store, sealer, hand)

    async def __call__(self) -> None:
        await self._service.verify(self._user, self._hand.fresh())
