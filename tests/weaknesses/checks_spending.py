"""V09 to V16: where, when and for how long a code is spent.

Rules of this file:

1. A surface is any call that takes a code. They are found by looking, so that a new one cannot be forgotten.
2. What totpcore cannot stop is shown as it is, and said to be so: two stores accept twice, and so does a restored one.
"""

import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar, cast

from totpcore import (
    HOTP,
    TOTP,
    AlreadyEnrolled,
    InvalidParameters,
    MemoryStore,
    Secret,
    StateError,
    StoreContended,
    TwoFactor,
    _core,
    _spending,
    _transitions,
)
from totpcore._core import Change
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_code
from totpcore._states import Moment
from totpcore.events import EventKind
from totpcore.ports import Store
from totpcore.recovery import RecoverySet
from totpcore.service import _spoken
from totpcore.stores import memory
from totpcore.testing import Phone
from totpcore.testing._races import in_processes
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import (
    KEY,
    STEP,
    Spent,
    adopted,
    changes_by,
    faulty,
    field,
    full,
    seeded,
    spent_of,
    stored,
    surfaces,
    verifies_by,
)

T = TypeVar("T")

SURFACES: Final = {"verify", "recover", "confirm", "replace", "renew_recovery_codes", "disable", "resync"}
YEAR: Final = 365 * 86_400


# ---- V09: the confirming code works again at log-in ----


def confirms_without_spending() -> Library:
    """A new credential begins with nothing spent."""

    def unspent(
        token: TOTP | HOTP, _spent: int, since: float, used: float | None, generation: str, kept: RecoverySet
    ) -> Active:
        return Active(token, -1, since, used, generation, kept)

    return replace(TOTPCORE, two_factor=faulty((_transitions, "Active", unspent)))


@weakness("V09", twin=confirms_without_spending)
def confirming_spends_the_code(lib: Library) -> None:
    """The code that confirmed a new secret, first or replacing, opens nothing for as long as it is valid."""
    with seeded(9):
        for early in (-1, 0, 1):
            user = User(lib).enrol()
            code = user.code(early)
            counter = user.service.confirm(user.user, code).counter
            holds(counter == spent_of(user) == STEP + early, "the step of the confirming code is spent")
            for seconds in range(0, 30 * (early + 2), 15):
                user.clock.now = NOW + seconds
                holds(user.verify(code) == "replayed", "the confirming code does not log in")
                for name, call in surfaces(user).items():
                    holds(outcome(partial(call, code)) == "replayed", f"nor does it {name}")
            holds(outcome(partial(user.service.confirm, user.user, code)) == "expired", "nor does it confirm again")
        user = User(lib).on()
        user.phone = Phone.scan(user.service.replace(user.user, user.code(), account=user.user).uri)
        code = user.code()
        user.service.confirm(user.user, code)
        holds(user.verify(code) == "replayed", "the same where a secret was replaced")


# ---- V10: a surface without the check ----


def spends_for_each_purpose() -> Library:
    """A code that logged in has not been used to change anything."""
    return changes_by(
        lambda record, active, moment, typed: spend_code(record, active._replace(spent=-1), moment, typed)
    )


@weakness("V10", twin=spends_for_each_purpose)
def one_code_is_one_act(lib: Library) -> None:
    """A code that any surface accepted is refused by every other: there is one spent counter, not one per purpose.

    That a page asks once for all it does is the integrator's; `verify` again is the step-up.
    """
    public = [(name, call) for name, call in inspect.getmembers(lib.two_factor, inspect.isfunction) if name[0] != "_"]
    taking = {name for name, call in public if "code" in inspect.signature(call).parameters}
    holds(taking == SURFACES, "the surfaces are all known")
    for first in ("verify", "replace", "renew_recovery_codes"):
        for second in ("verify", "replace", "renew_recovery_codes", "disable"):
            user = adopted(lib)
            code = user.code()
            holds(outcome(partial(surfaces(user)[first], code)) == "ok", f"{first} accepts a code")
            holds(outcome(partial(surfaces(user)[second], code)) == "replayed", f"{second} refuses it afterwards")
    user = adopted(lib)
    code = user.codes[0]
    holds(user.recover(code) == "ok", "so it is with a recovery code")
    for name, call in surfaces(user).items():
        wanted = "malformed" if name == "verify" else "replayed"
        holds(outcome(partial(call, code)) == wanted, f"{name} refuses it afterwards")
    hotp = lib.hotp_token(lib.secret(KEY))
    user = adopted(lib, hotp)
    holds(user.verify(hotp.code(0)) == "ok", "an HOTP token logs in")
    resync = partial(user.service.resync, user.user)
    holds(outcome(partial(resync, hotp.code(0), hotp.code(1))) == "wrong", "its code is no half of a resync")
    holds(outcome(partial(resync, hotp.code(1), hotp.code(2))) == "ok", "two fresh ones are one")
    holds(user.verify(hotp.code(2)) == "replayed", "and both are spent")


# ---- V11: the code that was on the screen when a recovery code was used ----


def recovers_and_spends_nothing_else() -> Library:
    """A recovery log-in leaves the one-time codes of that moment open."""
    return replace(
        TOTPCORE, two_factor=faulty((_spending, "floor_of", lambda active, _moment: cast("Active", active).spent))
    )


@weakness("V11", twin=recovers_and_spends_nothing_else)
def a_recovery_code_spends_the_codes_of_its_moment(lib: Library) -> None:
    """After a recovery code at step n, the codes of n - 1, n and n + 1 are refused while valid, and n + 2 opens.

    So it is for the changes. An HOTP token's next codes have no moment: none of them is spent.
    """
    for name in ("recover", "replace", "renew_recovery_codes"):
        user = adopted(lib)
        codes = {step: user.code(step) for step in range(-1, 3)}
        calls = surfaces(user) | {"recover": partial(user.service.recover, user.user)}
        holds(outcome(partial(calls[name], user.codes[0])) == "ok", f"{name} takes a recovery code")
        for now in (0, 1):
            user.clock.now = NOW + 30 * now
            for step in range(now - 1, 2):
                holds(user.verify(codes[step]) == "replayed", f"a code of the moment of {name} is spent")
        holds(user.verify(codes[2]) == "ok" and spent_of(user) == STEP + 2, "the one after them opens")
    user = adopted(lib, lib.hotp_token(lib.secret(KEY)))
    holds(user.recover(user.codes[0]) == "ok", "an HOTP user recovers")
    holds(user.verify("755224") == "ok", "and the token's next code opens")


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
        return _spoken(step.answer)


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


# ---- V13: replicas with replay state of their own ----


def works_after_a_fork() -> Library:
    """Each child goes on with its own copy of the memory."""

    class Copied(MemoryStore):
        def _check_owner(self) -> None:
            """A process is a process."""

    return replace(TOTPCORE, memory_store=Copied)


class Lagging:
    """A replica that shows what was, in front of the primary that takes the writes."""

    def __init__(self, primary: Store, user: str) -> None:
        self._primary, self._stale = primary, primary.load(user)

    def load(self, user: str, /) -> bytes | None:
        """Show what was there when the replica was made."""
        return self._stale

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Write to the primary."""
        return self._primary.swap(user, old, new)


@weakness("V13", twin=works_after_a_fork)
def a_store_in_memory_is_for_one_process(lib: Library) -> None:
    """`MemoryStore` says so in its first line and refuses to work in a child; a replica that lags accepts nothing.

    Two stores are two acceptances. No store of totpcore is two without saying so; asynchronous replicas are.
    """
    for said in (memory.__doc__, inspect.getdoc(lib.memory_store)):
        holds((said or "").startswith("For one process only"), "the first line says that it is for one process")
    user = adopted(lib)
    code = user.code()
    held = stored(user)
    holds(in_processes([partial(user.verify, code)]) == ["StoreError"], "a child accepts nothing")
    lagging = User(lib, store=Lagging(user.store, user.user))
    holds(user.verify(code) == "ok", "the parent goes on")
    holds(
        refuses(partial(lagging.service.verify, "alice", code), StoreContended), "behind a replica nothing is accepted"
    )
    other = User(lib)
    other.store.swap("alice", None, held)
    holds(other.verify(code) == "ok", "a second store accepts a second time: this is the limit")


# ---- V14: the clock goes backwards ----


def remembers_for_a_while() -> Library:
    """What was spent is forgotten once its window has gone by on the wall clock, or has not begun."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        kept = active.last_used_at is not None and 0 <= moment.now - active.last_used_at <= 90
        return spend_code(record, active if kept else active._replace(spent=-1), moment, typed)

    return verifies_by(spend)


@weakness("V14", twin=remembers_for_a_while)
def what_is_spent_stays_spent_whatever_the_clock_says(lib: Library) -> None:
    """After the clock was set back, no step up to the spent one opens: there is no time to live, and no silent way out.

    A clock that was a year ahead locks the user out until another administrator's `reset`, which is an event with a
    name in it. Local time, which jumps back in autumn, is not taken: a `datetime` is a `TypeError`, see V80.
    """
    for back in (0, 1, 30, 60, 90, 3600, 86_400):
        user = adopted(lib)
        holds(user.verify(user.code()) == "ok", "a code is accepted")
        user.clock.tick(-back)
        wanted = "replayed" if back < 60 else "clock_behind"  # the spent step is the next one at most, or beyond that
        for step in range(-1, min(back // 30, 1) + 1):
            holds(user.verify(user.code(step)) == wanted, "a step up to the spent one is refused")
        holds(spent_of(user) == STEP, "and the spent counter stays")
    user = adopted(lib)
    user.clock.tick(YEAR)
    holds(user.verify(user.code()) == "ok", "a clock that is a year ahead accepts that time's code")
    user.clock.tick(-YEAR)
    for _ in range(10):
        user.clock.tick(30)
        holds(user.verify(user.code()) == "clock_behind", "set right, it accepts none")
    user.service.reset(user.user, actor="root", reason="clock was ahead")
    last = user.events[-1]
    told = (last.kind, last.actor, last.reason)
    holds(told == (EventKind.RESET, "root", "clock was ahead"), "the way out is audited")
    holds(user.verify(user.code()) == "not_enrolled", "and ends the secret rather than its spent counter")


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


# ---- V16: the secret is used again ----


def gives_the_same_secret_again() -> Library:
    """Who sets up again gets the secret that was there before."""
    kept = dict[int, Secret]()

    class Kept(Secret):
        __slots__ = ()

        @classmethod
        def generate(cls, nbytes: int = 20) -> Secret:
            return kept.setdefault(nbytes, Secret.generate(nbytes))

    return replace(TOTPCORE, two_factor=faulty((_core, "Secret", Kept)))


@weakness("V16", twin=gives_the_same_secret_again)
def each_set_up_has_a_secret_of_its_own(lib: Library) -> None:
    """After `disable` or `reset` and set-up anew, secret and generation are new, and no old code opens anything."""
    with seeded(16):
        user = User(lib).on()
        for _ in range(3):
            old, generation = user.phone, field(user, "active", "generation")
            user.service.disable(user.user, user.code())
            user.enrol()
            holds(
                outcome(partial(user.service.confirm, user.user, old.code(user.clock()))) == "wrong",
                "no old code confirms",
            )
            user.on()
            holds(user.phone.uri.token.secret != old.uri.token.secret, "the secret is new")
            holds(field(user, "active", "generation") != generation, "so is the name of the credential")
            for step in (-1, 0, 1):
                code = old.code(user.clock() + 30 * step)
                holds(user.verify(code) in ("wrong", "throttled"), "no code of the old secret opens")
            user.clock.tick(3600)
            holds(user.verify(user.code()) == "ok", "those of the new one do")
            user.clock.tick(30)


def writes_over_what_is_new() -> Library:
    """A store that compares nothing but whether there is a value, as one that counts versions from 1 again would."""

    class Versions(MemoryStore):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            there = self.load(user)
            return super().swap(user, old if (old is None) != (there is None) else there, new)

    return replace(TOTPCORE, memory_store=Versions)


@weakness("V16", twin=writes_over_what_is_new)
def no_spent_counter_goes_down(lib: Library) -> None:
    """A known secret is adopted with what was spent of it; no call sets a counter, no slow request brings one back.

    There is no tombstone: nothing of a removed factor is kept. What stands for it is `spent`, which has no default.
    """
    spent = inspect.signature(lib.two_factor.adopt).parameters["spent"]
    holds(spent.default is spent.empty, "what was spent has to be said")
    names = {name for name in dir(lib.two_factor) if not name.startswith("_")}
    others = {"gate", "enrol", "pending", "status", "statuses", "reset", "adopt", "raise_floor"}
    holds(names == SURFACES | others, "no call sets a counter but `adopt`")
    user = adopted(lib)
    token, code, before = lib.totp_token(lib.secret(KEY)), user.code(), stored(user)
    again = partial(user.service.adopt, user.user, token)
    holds(user.verify(code) == "ok", "a code is spent")
    holds(refuses(partial(again, spent=-1), AlreadyEnrolled), "an active secret is not adopted once more")
    user.clock.tick(30)
    user.service.disable(user.user, user.code())
    holds(refuses(partial(again, spent=NOW), InvalidParameters), "a time is no spent counter")
    again(spent=STEP + 1)
    holds(user.verify(code) == user.verify(user.code()) == "replayed", "adopted anew, the spent codes stay spent")
    holds(not user.store.swap(user.user, before, before), "a request from before writes nothing back")
    holds(spent_of(user) == STEP + 1, "and the spent counter stays")
