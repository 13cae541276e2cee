"""What `TwoFactor` and `AsyncTwoFactor` share: the parts they are made of, and all of their loop but the waiting.

Rules of this file:

1. The clock is read after each load, so that a store that took its time accepts no expired code.
2. Only `True` from the store is success, only `False` is a lost race; anything else is trouble and accepts nothing.
3. The audit sink is called after the swap. Where it raises, that is logged and the answer stands: a broken log must
   not swallow recovery codes that were just made.
"""

import inspect
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Generic, TypeVar

from . import _core as core
from ._core import Core
from ._guard import LATEST, Hidden, number, type_error
from .answers import Status
from .errors import RecordUnreadable, StoreContended, StoreError, TotpcoreError
from .events import Event
from .policy import Policy
from .ports import Sealer

S = TypeVar("S")
T = TypeVar("T")


class Shell(Generic[S]):
    """The base of both services: the store, the clock, the audit sink, and the core that decides."""

    __slots__ = ("_audit", "_clock", "_core", "_store")

    def __init__(
        self,
        store: S,
        *,
        issuer: str,
        sealer: Sealer,
        policy: Policy = Policy(),
        clock: Callable[[], float] | None = None,
        audit: Callable[[Event], None] | None = None,
    ) -> None:
        for name, hook in (("clock", clock), ("audit", audit)):
            if hook is not None and not callable(hook):
                raise type_error(name, "callable", hook)
            if inspect.iscoroutinefunction(hook):  # nobody would await it: every event would be lost
                raise type_error(name, "a plain function, in both services", hook)
        self._core = Core(issuer, sealer, policy)
        self._store = store
        self._clock = clock
        self._audit = audit

    def _now(self) -> float:
        return number("the clock's answer", time.time() if self._clock is None else self._clock(), high=LATEST)

    def _status(self, user: str, held: Hidden[bytes | None]) -> Status | RecordUnreadable:
        """Return the status in a record, or why there is none to be had: one bad record hides nobody."""
        try:
            return spoken(self._core.step(self._core.status(), user, held, self._now()).answer)
        except RecordUnreadable as unreadable:
            return unreadable.with_traceback(None)

    def _tell(self, event: Event | None) -> None:
        if event is None:
            return
        try:
            self._sink()(event)
        except Exception:  # noqa: BLE001  # rule 3
            with suppress(Exception):  # the log may be what is broken, or may not load any more
                from . import audit  # noqa: PLC0415  # the outer wall

                audit.log_broken_sink(event)

    def _sink(self) -> Callable[[Event], None]:
        if self._audit is not None:
            return self._audit
        from . import audit  # noqa: PLC0415  # the outer wall

        return audit.log_event


def wanted_users(users: Iterable[str]) -> list[str]:
    """Return the user ids, each checked."""
    if isinstance(users, str) or not isinstance(users, Iterable):
        raise type_error("users", "an iterable of user ids", users)
    return [core.check_user(user) for user in users]


def is_made(swapped: bool) -> bool:
    """Whether a swap was made: rule 2."""
    if swapped is not True and swapped is not False:
        raise StoreError(f"swap must return True or False, not {type(swapped).__name__}")
    return swapped


def contended() -> StoreContended:
    """Return what is raised where every round of the loop was lost."""
    return StoreContended(f"the record was changed by others in each of {core.ROUNDS} rounds")


def spoken(answer: Hidden[T | TotpcoreError]) -> T:
    """Return the answer, or raise it where it is a refusal."""
    if isinstance(answer.value, TotpcoreError):
        raise answer.value
    return answer.value
