"""V51: replacing the active secret.

Rules of this file:

1. Two secrets of one user are told apart by what a phone that scanned each shows; randomness is `seeded`, so that no
   two codes are alike by chance.
2. A change is crashed by a store that raises, before or after it has written.
"""

import json
from dataclasses import replace
from functools import partial

from totpcore import Confirmed, TwoFactor, _transitions
from totpcore._record import Record
from totpcore._states import CONFIRM_ATTEMPTS, Decision, Moment, Proposal
from totpcore._transitions import _propose
from totpcore.answers import Enrolment
from totpcore.ports import Store
from weaknesses.frame import TOTPCORE, Library, User, holds, outcome, weakness
from weaknesses.twins import faulty, replacing, seeded, shown

# ---- V51: set-up that harms the active secret ----


def ends_the_old_one_at_once() -> Library:
    """Who begins to replace a secret has none any more."""

    def propose(record: Record, moment: Moment, proposal: Proposal) -> Decision[Enrolment]:
        return _propose(record._replace(active=None), moment, proposal)

    return replace(TOTPCORE, two_factor=faulty((_transitions, "_propose", propose)))


@weakness("V51", twin=ends_the_old_one_at_once)
def the_active_secret_works_until_the_new_one_is_confirmed(lib: Library) -> None:
    """While a new secret is pending, and after it was given up, the old one opens; from the confirming on it does not.

    Its recovery codes go the same way.
    """
    with seeded(51):
        for ends in ("given up", "guessed at", "confirmed"):
            user = User(lib).on()
            new = replacing(user)
            holds(user.verify(user.code()) == "ok", "the old secret opens while the new one is pending")
            holds(user.recover(user.codes[0]) == "ok", "so do its recovery codes")
            user.clock.tick(90)
            if ends == "given up":
                user.clock.tick(user.policy.pending_seconds + 1)
            elif ends == "guessed at":
                for number in range(CONFIRM_ATTEMPTS):
                    outcome(partial(user.service.confirm, "alice", f"{number:06d}"))
            if ends == "confirmed":
                code = shown(user, new)
                holds(
                    outcome(partial(user.service.confirm, "alice", code)) == "ok", "a code of the new one confirms it"
                )
                holds(user.verify(user.code()) == "wrong", "from then on the old secret opens nothing")
                holds(user.recover(user.codes[1]) == "wrong", "nor do its recovery codes")
                holds(user.verify(shown(user, new)) == "replayed", "the confirming code is spent")
                user.phone = new
                user.clock.tick(30)
            else:
                said = outcome(partial(user.service.confirm, "alice", shown(user, new)))
                holds(said == "expired", "what was given up is not confirmed")
            holds(user.verify(user.code()) == "ok", "the active secret opens")


class TurnsOffFirst(TwoFactor):
    """Removes the old secret, and then confirms the new one."""

    def confirm(self, user: str, code: str) -> Confirmed:
        before = self._store.load(user) or b"{}"
        without = json.dumps(json.loads(before) | {"active": None}).encode()
        self._store.swap(user, before, without)
        return super().confirm(user, code)


def turns_off_first() -> Library:
    """A service that confirms in two steps."""
    return replace(TOTPCORE, two_factor=TurnsOffFirst)


class Crashes:
    """A store that raises at one of its calls, after it has done what was asked, or before."""

    def __init__(self, inner: Store, at: int, *, after: bool) -> None:
        self._inner, self._left, self._after, self.swaps = inner, at, after, 0

    def load(self, user: str, /) -> bytes | None:
        """Load, or crash."""
        self._now(before=True)
        value = self._inner.load(user)
        self._now(before=False)
        return value

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap, or crash."""
        self._now(before=True)
        self.swaps += 1
        swapped = self._inner.swap(user, old, new)
        self._now(before=False)
        return swapped

    def _now(self, *, before: bool) -> None:
        if before is not self._after:
            self._left -= 1
            if self._left == -1:
                raise OSError(5, "Input/output error")


@weakness("V51", twin=turns_off_first)
def confirming_is_one_step(lib: Library) -> None:
    """Whether it crashes before or after any call of the store: the old secret opens, or the new one, exactly one."""
    for after in (False, True):
        for at in range(4):
            with seeded(51):
                user = User(lib).on()
                new = replacing(user)
            code, inner = shown(user, new), user.store
            user.store = Crashes(inner, at, after=after)
            user.service = user.another()
            said = outcome(partial(user.service.confirm, "alice", code))
            holds(said in ("ok", "OSError"), "it is confirmed, or has crashed")
            holds(user.store.swaps <= 1, "there is one swap")
            user.store = inner
            user.service = user.another()
            user.clock.tick(30)
            opens = [user.verify(user.code()), user.verify(shown(user, new))]
            holds(sorted(opens) == ["ok", "wrong"], "one of the two secrets opens, and the other does not")
            holds(said != "ok" or opens[1] == "ok", "it is the new one where that was said")
