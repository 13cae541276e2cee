"""All records sealed anew: after a new key, or on the way from one seal to another.

Rules of this file:

1. A record is replaced by compare-and-swap, like by any other call: beside running traffic no change is lost.
2. Only what opens, and is a record that this version reads, is sealed. `Plaintext` opens everything, so the second
   half is what keeps garbage from being sealed as if it were whole. What does not open is counted, and left as it is.
3. Each user is a step of its own. Wherever it is stopped, what was done stays done, and a new start passes over it.
4. What is opened, and what the store gives, is `Hidden`.
"""

import inspect
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from typing import Final, Protocol, runtime_checkable

from .._core import ROUNDS, check_user, context_of
from .._guard import Hidden, has_methods, type_error
from .._record import Unreadable, decode
from .._shell import contended, is_made
from ..errors import StoreError
from ..ports import ListsUsers, LoadsMany, Sealer, Store

MOST_NAMED: Final = 1000  # of unreadable records; where all are, a key is missing, and a million names say no more

_BATCH: Final = 500  # records that are loaded at once: half a megabyte


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far `reseal` has come.

    Attributes:
        done: How many users were looked at.
        resealed: How many records of these were sealed anew.
        unreadable: How many did not open, and were left as they are.
        unreadable_users: Whose these are, the first 1 000.
    """

    done: int = 0
    resealed: int = 0
    unreadable: int = 0
    unreadable_users: tuple[str, ...] = ()


@runtime_checkable
class _KnowsNewest(Protocol):
    """A sealer that can tell whether its newest key sealed something."""

    def is_newest(self, sealed: bytes, /) -> bool:
        """Whether it did; asked only of what the sealer has opened."""
        ...


class _Outcome(Enum):
    RESEALED = auto()
    LEFT = auto()  # sealed by the newest key already, or gone meanwhile
    UNREADABLE = auto()


def reseal(
    store: Store, sealer: Sealer, *, previous: Sealer | None = None, progress: Callable[[Progress], None] | None = None
) -> Progress:
    """Seal the record of every user anew, where the sealer's newest key did not seal it already.

    Example:
        >>> from totpcore import MemoryStore, TwoFactor
        >>> from totpcore.sealing import Keyring
        >>> old, new = bytes(range(1, 33)), bytes(range(2, 34))
        >>> store = MemoryStore()
        >>> service = TwoFactor(store, issuer="ACME", sealer=Keyring({"2025": old}))
        >>> _ = service.enrol("7", account="alice@example.com")
        >>> reseal(store, Keyring({"2026": new, "2025": old}))
        Progress(done=1, resealed=1, unreadable=0, unreadable_users=())

    It can run beside log-ins, be stopped at any moment, by Ctrl-C or by an exception of `progress`, and be started
    again. The old key is no longer needed once it has come to its end with nothing unreadable, and no process is left
    that seals with the old key.

    Args:
        store: Where the records are. It needs `users()`, and is the quicker with `load_many`.
        sealer: What seals them from now on, and has opened them so far.
        previous: What opens the records that the sealer does not: `Plaintext()` on the way to a `Keyring`, and the
            keyring on the way back. With `Plaintext()`, whatever is a record by its form is taken for one.
        progress: Is given the figures after each user.

    Raises:
        TypeError: If the store cannot list its users, or an argument is not what it should be.
        StoreContended: If others changed a record in each of 128 rounds.
        StoreError: If the store or the sealer breaks its contract; and whatever they raise themselves.
    """
    has_methods("store", store, "load", "swap")
    if not isinstance(store, ListsUsers):
        raise type_error("store", "a store that lists its users, by a method users", store)
    sealers = (sealer,) if previous is None else (sealer, previous)
    for name, one in zip(("sealer", "previous"), sealers, strict=False):
        has_methods(name, one, "seal", "open")
    if progress is not None and not callable(progress):
        raise type_error("progress", "callable", progress)
    if inspect.iscoroutinefunction(store.load):
        raise type_error("store", "a Store: open the one that waits, on the same records", store)
    now, users = Progress(), iter(store.users())
    try:
        while batch := list(islice(users, _BATCH)):
            many = Hidden(store.load_many(batch) if isinstance(store, LoadsMany) else None)
            for user in batch:
                held = Hidden(store.load(user) if many.value is None else many.value.get(user))
                now = _counted(now, user, _reseal_one(store, sealers, check_user(user), held))
                if progress is not None:
                    progress(now)
    finally:
        if isinstance(users, Generator):
            users.close()  # it may have a connection, which a traceback would keep
    return now


def _reseal_one(store: Store, sealers: tuple[Sealer, ...], user: str, held: Hidden[bytes | None]) -> _Outcome:
    context = context_of(user)
    for _ in range(ROUNDS):
        if held.value is None:
            return _Outcome.LEFT
        if type(held.value) is not bytes:
            raise StoreError(f"load must return bytes or None, not {type(held.value).__name__}")
        old = Hidden(held.value)
        opened = _open(sealers[0], old, context)
        if opened is not None and isinstance(sealers[0], _KnowsNewest) and sealers[0].is_newest(old.value):
            return _Outcome.LEFT
        for sealer in sealers[1:]:
            opened = opened or _open(sealer, old, context)
        if opened is None:
            return _Outcome.UNREADABLE
        new = _seal(sealers[0], opened, context)
        if new.value == old.value:  # not sealed before, nor now
            return _Outcome.LEFT
        if is_made(store.swap(user, old.value, new.value)):
            return _Outcome.RESEALED
        held = Hidden(store.load(user))
    raise contended()


def _open(sealer: Sealer, sealed: Hidden[bytes], context: bytes) -> Hidden[bytes] | None:
    """Return the record in clear; `None` where it does not open, or is no record: rule 2."""
    try:
        opened = Hidden(sealer.open(sealed.value, context))
        return None if isinstance(decode(opened), Unreadable) else opened
    except Exception:  # noqa: BLE001  # whatever a sealer raises, it does not open
        return None


def _seal(sealer: Sealer, opened: Hidden[bytes], context: bytes) -> Hidden[bytes]:
    sealed = Hidden(sealer.seal(opened.value, context))
    if type(sealed.value) is not bytes or not sealed.value:
        raise StoreError(f"seal must return bytes, not {type(sealed.value).__name__} or nothing")
    return sealed


def _counted(before: Progress, user: str, outcome: _Outcome) -> Progress:
    unreadable = outcome is _Outcome.UNREADABLE
    named = before.unreadable_users
    return Progress(
        done=before.done + 1,
        resealed=before.resealed + (outcome is _Outcome.RESEALED),
        unreadable=before.unreadable + unreadable,
        unreadable_users=(*named, user) if unreadable and len(named) < MOST_NAMED else named,
    )
