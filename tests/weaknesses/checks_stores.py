"""V12 and V15: what a store loses of what was spent.

Rules of this file:

1. A store that fails or was restored is made by hand, around a `MemoryStore` or out of an older record.
2. What totpcore cannot stop is shown as it is, and said to be so: a restored store accepts twice.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar, cast

from totpcore import MemoryStore, StateError, TwoFactor, _transitions
from totpcore._core import Change
from totpcore._guard import Hidden
from totpcore._record import Active
from totpcore._shell import spoken
from totpcore.ports import Store
from weaknesses.frame import TOTPCORE, Library, holds, outcome, refuses, weakness
from weaknesses.twins import KEY, adopted, faulty, full, stored

T = TypeVar("T")


# ---- V12: consumption that is not written ----


class TakesItsWord(TwoFactor):
    """The store is told, and whatever it says is fine."""

    def _run(self, user: str, change: Change[T]) -> T:
        old = Hidden(self._store.load(user))
        step = self._core.step(change, user, old, self._now())
        if step.swaps:
            with suppress(Exception):
                self._store.swap(user, old.value, step.new.value)
        self._tell(step.event)
        return spoken(step.answer)


def takes_its_word() -> Library:
    """A service that does not look at what `swap` returns."""
    return replace(TOTPCORE, two_factor=TakesItsWord)


class Odd:
    """A store that swaps, or does not, and answers something else."""

    def __init__(self, inner: Store, answers: Callable[[], object], log: list[str]) -> None:
        self._inner, self._answers, self._log = inner, answers, log

    def load(self, user: str, /) -> bytes | None:
        """Load as the store inside does."""
        return self._inner.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Answer what was asked for; `True` swaps."""
        answer = self._answers()
        if answer is True:
            answer = self._inner.swap(user, old, new)
        self._log.append(f"swap {answer!r}")
        return cast("bool", answer)


@weakness("V12", twin=takes_its_word)
def only_true_from_the_store_is_an_acceptance(lib: Library) -> None:
    """Where a store raises or says anything but `True`, nothing is accepted; what is, is stored before it is told."""
    answers: tuple[Callable[[], object], ...] = (
        full,
        *(lambda one=one: one for one in (None, 1, 0, "ok", b"", [True])),
    )
    for answer in (*answers, lambda: False):
        user, log = adopted(lib), list[str]()
        inner, before = user.store, stored(user)
        user.events.clear()
        user.store = Odd(inner, answer, log)
        user.service = user.another()
        for call, code in ((user.verify, user.code()), (user.recover, user.codes[0])):
            holds(call(code) in ("StoreError", "OSError", "StoreContended"), "nothing is accepted that was not stored")
        holds(stored(user) == before and not user.events, "nothing is stored, and no event tells of an acceptance")
    user, log = adopted(lib), []
    user.store = Odd(user.store, lambda: True, log)
    user.service = lib.two_factor(
        user.store, issuer="ACME", sealer=user.sealer, clock=user.clock, audit=lambda event: log.append(event.reason)
    )
    log.append(user.verify(user.code()))
    holds(log == ["swap True", "ok", "ok"], "the swap comes first, then the event, then the answer")


def burns_everybodys() -> Library:
    """The code is spent for the user who is first in the store."""

    class WrongRow(MemoryStore):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            first = min(self._values, default=user)
            return super().swap(user if old is None else first, self.load(first) if old else None, new)

    return replace(TOTPCORE, memory_store=WrongRow)


@weakness("V12", twin=burns_everybodys)
def only_the_row_of_the_user_changes(lib: Library) -> None:
    """Of two users with one secret (a second device is a user of its own) only the one who logs in has spent it.

    Each answer is decided on what was loaded for it: no cache keeps an earlier one valid.
    """
    user = adopted(lib)
    code, service = user.code(), user.service
    service.adopt("zoe", lib.totp_token(lib.secret(KEY)), spent=-1)
    before = stored(user)
    holds(outcome(partial(service.verify, "zoe", code)) == "ok", "one of the two logs in")
    holds(stored(user) == before, "the record of the other is as it was")
    holds(outcome(partial(service.verify, "zoe", code)) == "replayed", "it is spent where it was used")
    holds(user.verify(code) == "ok", "and not where it was not")
    holds(user.verify(code) == "replayed", "an answer is no answer to the next request")


# ---- V15: a restored backup ----


def raises_no_floor() -> Library:
    """`raise_floor` voids recovery codes and leaves the counter."""
    return replace(
        TOTPCORE, two_factor=faulty((_transitions, "floor_of", lambda active, _moment: cast("Active", active).spent))
    )


@weakness("V15", twin=raises_no_floor)
def raising_the_floor_ends_what_a_backup_brings_back(lib: Library) -> None:
    """After a restore, `raise_floor` refuses every code up to then, and every recovery code; the next code opens.

    Without it, a restored store accepts a spent code again: this is the limit. An HOTP token, whose counter only its
    holder knows, cannot be helped so: `reset` it and bind it anew.
    """
    for restored_after in (0, 29, 60, 3600):
        user = adopted(lib)
        user.service.replace(user.user, user.codes[0], account=user.user)  # a pending secret is in the backup too
        user.clock.tick(60)
        snapshot, code = stored(user), user.code()
        holds(user.verify(code) == "ok" and user.recover(user.codes[1]) == "ok", "the codes are used")
        user.store.swap(user.user, stored(user), snapshot)
        holds(user.verify(code) == "ok", "a restored store does not know it: by design")
        user.store.swap(user.user, stored(user), snapshot)
        user.clock.tick(restored_after)
        user.service.raise_floor(user.user)
        for step in (-1, 0, 1):
            holds(
                user.verify(user.code(step)) == "replayed", "a code of the moment of the restore, or before, is refused"
            )
        holds({user.recover(one) for one in user.codes} == {"replayed"}, "so is every recovery code")
        holds(user.service.pending(user.user) is None, "and what was pending")
        user.clock.tick(30)
        holds(user.verify(user.code()) == "replayed" and user.verify(user.code(1)) == "ok", "the code after them opens")
    user = adopted(lib, lib.hotp_token(lib.secret(KEY)))
    holds(refuses(partial(user.service.raise_floor, user.user), StateError), "an HOTP token has no floor to be raised")
