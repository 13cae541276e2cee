"""V20, V21 and V22: the tally of wrong codes, where it is lost, passed by or cleared.

Rules of this file:

1. `NOW` is when the attacker knows the password. Tallies are read from the record, as they are stored.
2. A malformed or replayed code costs no try, and each kind of code has a tally of its own: so says the contract, where
   the published advice would charge the first two and have one budget for all.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from totpcore import Enrolment, InvalidCode, Refused, SQLiteStore, TwoFactor, _spending, _states, _transitions
from totpcore._core import Change
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_code, spend_recovery_code
from totpcore._states import Decision, Moment, Proposal, Refusal
from totpcore._transitions import _propose
from totpcore.ports import Store
from totpcore.throttle import Tally
from weaknesses.frame import TOTPCORE, Library, User, holds, outcome, weakness
from weaknesses.twins import (
    FREE,
    KEY,
    NO_RECOVERY_CODE,
    Spent,
    adopted,
    asked_for,
    changes_by,
    failures,
    faulty,
    full,
    seeded,
    spent_of,
    surfaces,
)

T = TypeVar("T")


# ---- V20: the record of a failure is lost ----


def shares_the_transaction() -> Library:
    """The store works in a transaction that the request opened and, since the code was wrong, does not commit."""

    class Shared(SQLiteStore):
        def _connect(self, *, create: bool) -> sqlite3.Connection:
            connection = super()._connect(create=create)
            if not create:
                connection.execute("BEGIN")
            return connection

    return replace(TOTPCORE, sqlite_store=Shared)


@weakness("V20", twin=shares_the_transaction)
def a_rollback_takes_no_failure_back(lib: Library) -> None:
    """A caller's transaction that is rolled back, or a request that ends in the refusal, loses no failure.

    The same is a test of `StoreContract`, for the stores of others.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "records.db"
        first = lib.sqlite_store(path, create=True)
        user = adopted(lib, store=first)
        first.close()
        for tries in range(1, FREE + 1):
            caller = sqlite3.connect(path, isolation_level=None)
            caller.execute("BEGIN")
            caller.execute("SELECT user FROM totpcore").fetchall()
            request = lib.sqlite_store(path)
            user.store = request
            user.service = user.another()
            holds(user.verify(user.wrong()) == "wrong", "a wrong code is refused")
            caller.execute("ROLLBACK")
            caller.close()
            request.close()
            user.store = lib.sqlite_store(path)
            holds(failures(user) == tries, "the failure is stored, whatever became of the request")
            user.store.close()


class Breaks:
    """A store whose one method fails."""

    def __init__(self, inner: Store, method: str) -> None:
        self._inner, self._method = inner, method

    def load(self, user: str, /) -> bytes | None:
        """Load, unless that is what fails."""
        if self._method == "load":
            full()
        return self._inner.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap, unless that is what fails."""
        if self._method == "swap":
            full()
        return self._inner.swap(user, old, new)


class FailsOpen(TwoFactor):
    """Where the failure cannot be stored, it is not counted."""

    def _run(self, user: str, change: Change[T]) -> T:
        try:
            return super()._run(user, change)
        except OSError:
            step = self._core.step(change, user, Hidden(self._store.load(user)), self._now())
            if isinstance(step.answer.value, Refused):
                raise step.answer.value from None
            raise


def fails_open() -> Library:
    """A limiter that is inactive without its back end."""
    return replace(TOTPCORE, two_factor=FailsOpen)


@weakness("V20", twin=fails_open)
def what_cannot_be_charged_is_not_answered(lib: Library) -> None:
    """Where the store fails, right and wrong codes come to the same: an error, and neither yes nor no."""
    for method in ("load", "swap"):
        user = adopted(lib)
        inner = user.store
        user.store = Breaks(inner, method)
        user.service = user.another()
        user.events.clear()
        for call, code in (
            (user.verify, user.code()), (user.verify, user.wrong()), (user.recover, user.codes[0]),
            (user.recover, NO_RECOVERY_CODE),
        ):  # fmt: skip
            holds(call(code) == "OSError", "right and wrong cannot be told apart")
        holds(not user.events, "and nothing is reported as having happened")
        user.store = inner
        holds(failures(user) == 0 and spent_of(user) == -1, "nothing is half done")


# ---- V21: a second door without the limit ----


def leaves_recovery_codes_uncounted() -> Library:
    """Recovery codes can be tried for ever."""

    def spend(record: Record, active: Active, moment: Moment, canonical: Hidden[str] | None) -> tuple[Record, Active]:
        try:
            return spend_recovery_code(record, active, moment, canonical)
        except Refusal as refusal:
            raise Refusal(refusal.error) from None

    return replace(
        TOTPCORE,
        two_factor=faulty((_transitions, "spend_recovery_code", spend), (_spending, "spend_recovery_code", spend)),
    )


@weakness("V21", twin=leaves_recovery_codes_uncounted)
def recovery_codes_are_throttled_at_every_door(lib: Library) -> None:
    """Five wrong recovery codes are the limit, at whichever doors; the right one then waits at all of them.

    The two kinds have two tallies: exhausting the one is not exhausting the other, or a thief of passwords would shut
    the way that is meant for a lost phone.
    """
    user = adopted(lib)
    doors = [user.service.recover] * 2 + [user.service.disable, user.service.renew_recovery_codes, user.service.recover]
    for tries, door in enumerate(doors, 1):
        holds(outcome(partial(door, user.user, NO_RECOVERY_CODE)) == "wrong", "a wrong recovery code is refused")
        holds(failures(user, "recovery_tally") == tries, "and charged")
    changes = [call for name, call in surfaces(user).items() if name != "verify"]
    for call in [*changes, lambda code: user.service.recover(user.user, code)]:
        holds(outcome(partial(call, user.codes[0])) == "throttled", "the right one waits at every door")
    holds(user.verify(user.code()) == "ok", "one-time codes have a tally of their own")
    holds(user.recover(user.codes[0]) == "throttled", "which clears no other")
    user.clock.tick(30)
    for _ in range(FREE):
        user.verify(user.wrong())
    holds(user.recover(user.codes[0]) == "ok", "and stops no recovery")


def changes_without_counting() -> Library:
    """`disable` and its like refuse a wrong code without charging it."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        try:
            return spend_code(record, active, moment, typed)
        except Refusal as refusal:
            raise Refusal(refusal.error) from None

    return changes_by(spend)


@weakness("V21", twin=changes_without_counting)
def changes_share_the_limit_of_log_in(lib: Library) -> None:
    """One-time codes have five tries at all doors together; the right code then waits at each, `resync` included."""
    user = adopted(lib)
    doors, wrong = surfaces(user), user.wrong()
    for tries, name in enumerate(("disable", "verify", "replace", "renew_recovery_codes", "disable"), 1):
        holds(outcome(partial(doors[name], wrong)) == "wrong", f"{name} refuses a wrong code")
        holds(failures(user) == tries, f"{name} charges it")
    for name, call in doors.items():
        holds(outcome(partial(call, user.code())) == "throttled", f"the right code waits at {name}")
    hotp = lib.hotp_token(lib.secret(KEY))
    user = adopted(lib, hotp)
    for tries in range(1, FREE + 1):
        wrong_pair = partial(user.service.resync, user.user, hotp.code(200), hotp.code(201))
        holds(outcome(wrong_pair) == "wrong" and failures(user) == tries, "a wrong pair is charged")
    right_pair = partial(user.service.resync, user.user, hotp.code(0), hotp.code(1))
    holds(outcome(right_pair) == user.verify(hotp.code(0)) == "throttled", "a right pair waits, and so does log-in")


def confirms_for_ever() -> Library:
    """Wrong codes at `confirm` end nothing."""
    return replace(TOTPCORE, two_factor=faulty((_states, "CONFIRM_ATTEMPTS", 10**9)))


@weakness("V21", twin=confirms_for_ever)
def confirming_has_a_limit_of_its_own(lib: Library) -> None:
    """The 20th wrong code ends a pending secret; neither that nor showing it again changes the tallies or the limit."""
    with seeded(21):
        user = User(lib).enrol()
        left = list[int]()
        for _ in range(20):
            try:
                user.service.confirm(user.user, user.wrong())
            except InvalidCode as refused:
                left.append(refused.attempts_left)
            user.service.pending(user.user)
        holds(left == list(range(19, -1, -1)), "twenty wrong codes are refused, and it says how many are left")
        late = outcome(partial(user.service.confirm, user.user, user.code()))
        holds(late == "expired", "then the right one is too late")
        user = User(lib).on()
        user.verify(user.wrong())
        old = user.phone
        user.phone = type(old).scan(user.service.replace(user.user, user.codes[0], account=user.user).uri)
        wrong = partial(user.service.confirm, user.user, user.wrong())
        holds({outcome(wrong) for _ in range(20)} == {"wrong"}, "so it is beside an active secret")
        holds(outcome(wrong) == "expired" and failures(user) == 1, "whose tally is not touched")


# ---- V22: the tally is cleared by the wrong event ----


def forgives_at_set_up() -> Library:
    """Beginning set-up begins the count anew."""

    def propose(record: Record, moment: Moment, proposal: Proposal) -> Decision[Enrolment]:
        return _propose(record._replace(code_tally=Tally(), recovery_tally=Tally()), moment, proposal)

    return replace(TOTPCORE, two_factor=faulty((_transitions, "_propose", propose)))


@weakness("V22", twin=forgives_at_set_up)
def only_an_acceptance_of_the_kind_clears_the_tally(lib: Library) -> None:
    """No question, refusal, set-up begun, recovery, renewal or new process clears it; an accepted one-time code does.

    A public `reset` of the tally is not there: `reset` names an actor and a reason, and removes the whole factor.
    """
    user = adopted(lib)
    name, wrong = user.user, user.wrong()
    holds(user.verify(user.code()) == "ok", "a code is spent")
    for _ in range(4):
        holds(user.verify(wrong) == "wrong", "wrong codes are charged")
    service = user.another()
    harmless: Mapping[str, Callable[[], object]] = {
        "a new service": user.another,
        "the password": partial(service.gate, name),
        "looking": partial(service.status, name),
        "a slip": partial(service.verify, name, "12345"),
        "a replay": partial(service.verify, name, user.code()),
        "a recovery": partial(service.recover, name, user.codes[0]),
        "set-up begun": partial(service.enrol, name, account=name),
        "set-up shown again": partial(service.pending, name),
        "set-up not confirmed": partial(service.confirm, name, wrong),
        "a set-up to replace it": partial(service.replace, name, user.codes[1], account=name),
        "new recovery codes": partial(service.renew_recovery_codes, name, user.codes[2]),
        "a raised floor": partial(service.raise_floor, name),
    }
    for what, call in harmless.items():
        said = outcome(call)
        holds(said in ("ok", "malformed", "replayed", "wrong"), f"{what} is answered")
        holds(failures(user) == 4, f"{what} clears no tally")
    user.clock.tick(60)
    accepted = user.service.verify(name, user.code())
    holds(accepted.failures_before == 4 and failures(user) == 0, "an acceptance does, and tells of them")
    holds(asked_for(lib.two_factor.reset, "actor", "reason"), "who resets is named")
    user.service.reset(name, actor="root", reason="lost")
    holds(user.verify(user.code()) == "not_enrolled", "and nothing is left to be guessed at")
