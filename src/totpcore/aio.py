"""`AsyncTwoFactor`: the calls of `TwoFactor`, awaited, on an `AsyncStore`.

Rules of this file:

1. Load, decide, swap, else again: no answer leaves before the record that justifies it has been stored.
2. What was typed is `Hidden` before anything else is called.
3. Nothing is decided here that `TwoFactor` does not decide alike: both are the same few lines around `_core`. Names,
   signatures and documentation are those of `TwoFactor`, which the last lines give them; a test holds them together.
4. A swap that was begun goes on to its end, whoever is cancelled: what it spends stays spent, and its event is told.
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterable
from typing import Final, TypeVar

from . import _core as core
from ._core import Change, Step
from ._guard import Hidden, has_methods, type_error
from ._shell import Shell, contended, is_made, spoken, wanted_users
from .answers import Accepted, Confirmed, Enrolment, Gate, Recovered, Status
from .errors import RecordUnreadable
from .events import Event
from .otp import HOTP, TOTP
from .policy import Enforcement, Policy
from .ports import AsyncLoadsMany, AsyncStore, Sealer
from .recovery import RecoveryCodes
from .service import OFF, TwoFactor

T = TypeVar("T")


class AsyncTwoFactor(Shell[AsyncStore]):
    """The second factors of an application's users, for code that awaits: `TwoFactor` on an `AsyncStore`.

    Example:
        >>> from totpcore import MemoryStore, Plaintext
        >>> from totpcore.stores import InThreads
        >>> from totpcore.testing import HandClock, Phone
        >>> clock = HandClock(1_800_000_000)
        >>> async def set_up_and_log_in():
        ...     store = InThreads(MemoryStore())
        ...     two_factor = AsyncTwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=clock)
        ...     phone = Phone.scan((await two_factor.enrol("7", account="alice@example.com")).uri)
        ...     print((await two_factor.confirm("7", phone.code(clock()))).recovery_codes)
        ...     clock.tick(30)
        ...     return (await two_factor.verify("7", phone.code(clock()))).failures_before
        >>> asyncio.run(set_up_and_log_in())
        <RecoveryCodes: 10, hidden>
        0

    A call that is not awaited checks nothing, and Python only warns. Use what it returns, and let a type checker or the
    tests refuse what was not awaited (mypy's `unused-awaitable`, `-W error::RuntimeWarning`).

    It runs on asyncio. What `TwoFactor` says of its calls is true here too. The audit sink and the sealer are called
    on the event loop, so they must not wait for anything.

    A task that is cancelled while it waits for the store is told nothing, and changes nothing that a task that was not
    cancelled would not have changed: a swap that was begun is waited for, and goes on in a task of its own where the
    waiting one is cancelled once more.
    """

    __slots__ = ()

    def __init__(
        self,
        store: AsyncStore,
        *,
        issuer: str,
        sealer: Sealer,
        policy: Policy = Policy(),
        clock: Callable[[], float] | None = None,
        audit: Callable[[Event], None] | None = None,
    ) -> None:
        has_methods("store", store, "load", "swap")
        if not (inspect.iscoroutinefunction(store.load) and inspect.iscoroutinefunction(store.swap)):
            raise type_error("store", "an AsyncStore: wrap a Store in totpcore.stores.InThreads", store)
        super().__init__(store, issuer=issuer, sealer=sealer, policy=policy, clock=clock, audit=audit)

    # ---- after the password ----

    async def gate(self, user: str, enforcement: Enforcement = OFF, *, expected: bool | None = None) -> Gate:
        return await self._run(user, self._core.gate(enforcement, expected))

    async def verify(self, user: str, code: str) -> Accepted:
        typed = Hidden(code)
        del code
        return await self._run(user, self._core.verify(typed))

    async def recover(self, user: str, code: str) -> Recovered:
        typed = Hidden(code)
        del code
        return await self._run(user, self._core.recover(typed))

    # ---- set-up ----

    async def enrol(self, user: str, *, account: str) -> Enrolment:
        return await self._run(user, self._core.enrol(account))

    async def replace(self, user: str, code: str, *, account: str) -> Enrolment:
        typed = Hidden(code)
        del code
        return await self._run(user, self._core.replace(typed, account))

    async def pending(self, user: str) -> Enrolment | None:
        return await self._run(user, self._core.pending())

    async def confirm(self, user: str, code: str) -> Confirmed:
        typed = Hidden(code)
        del code
        return await self._run(user, self._core.confirm(typed))

    # ---- changes ----

    async def renew_recovery_codes(self, user: str, code: str) -> RecoveryCodes:
        typed = Hidden(code)
        del code
        return await self._run(user, self._core.renew_recovery_codes(typed))

    async def disable(self, user: str, code: str) -> None:
        typed = Hidden(code)
        del code
        await self._run(user, self._core.disable(typed))

    async def resync(self, user: str, code: str, next_code: str) -> Accepted:
        typed, typed_next = Hidden(code), Hidden(next_code)
        del code, next_code
        return await self._run(user, self._core.resync(typed, typed_next))

    # ---- operators ----

    async def status(self, user: str) -> Status:
        return await self._run(user, self._core.status())

    async def statuses(self, users: Iterable[str]) -> dict[str, Status | RecordUnreadable]:
        wanted = wanted_users(users)
        found = Hidden(dict(await self._store.load_many(wanted)) if isinstance(self._store, AsyncLoadsMany) else None)
        result: dict[str, Status | RecordUnreadable] = {}
        for user in wanted:
            held = Hidden(await self._store.load(user) if found.value is None else found.value.get(user))
            result[user] = self._status(user, held)
        return result

    async def reset(self, user: str, *, actor: str, reason: str) -> None:
        await self._run(user, self._core.reset(actor, reason))

    async def adopt(self, user: str, token: TOTP | HOTP, *, spent: int, allow_weak: bool = False) -> Confirmed:
        given = Hidden(token)
        del token  # a bare key, perhaps, where a token belongs
        return await self._run(user, self._core.adopt(given, spent, allow_weak))

    async def raise_floor(self, user: str) -> None:
        await self._run(user, self._core.raise_floor())

    async def _run(self, user: str, change: Change[T]) -> T:
        core.check_user(user)
        for _ in range(core.ROUNDS):
            old = Hidden(await self._store.load(user))
            step = self._core.step(change, user, old, self._now())
            if not step.swaps:
                self._tell(step.event)
                return spoken(step.answer)
            if await _settled(self._swap(user, old, step)):
                return spoken(step.answer)
        raise contended()

    async def _swap(self, user: str, old: Hidden[bytes | None], step: Step[T]) -> bool:
        made = is_made(await self._store.swap(user, old.value, step.new.value))
        if made:
            self._tell(step.event)
        return made


_unfinished: Final[set[asyncio.Task[bool]]] = set()  # the event loop itself holds a task only weakly


async def _settled(swap: Coroutine[object, object, bool]) -> bool:
    """Await a swap in a task of its own: rule 4.

    Whoever is cancelled meanwhile leaves once the swap is over, so that a record is settled when `CancelledError`
    comes out. Only who is cancelled again, by a loop that ends or a scope that insists, leaves before.
    """
    task = asyncio.ensure_future(swap)
    _unfinished.add(task)
    task.add_done_callback(_unfinished.discard)
    try:
        await asyncio.wait((task,))
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise
    return task.result()


for _name, _call in vars(AsyncTwoFactor).items():
    if not _call.__doc__ and hasattr(TwoFactor, _name):
        _call.__doc__ = getattr(TwoFactor, _name).__doc__
