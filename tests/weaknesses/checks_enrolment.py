"""V50 to V56: set-up, replacing, removing, and what each of them asks for.

Rules of this file:

1. Two secrets of one user are told apart by what a phone that scanned each shows; randomness is `seeded`, so that no
   two codes are alike by chance.
2. One secret is pending per user, and a code of a replaced one is a wrong code: so says the contract, which has no
   tokens and no receipts. Where the published advice has a receipt, a call takes the `code` itself.
3. A change is crashed by a store that raises, before or after it has written.
"""

import inspect
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, cast
from unittest.mock import patch

from totpcore import (
    AlreadyEnrolled,
    Confirmed,
    Gate,
    InvalidCode,
    NotEnrolled,
    RecoveryCodes,
    Refused,
    Secret,
    TwoFactor,
    _transitions,
)
from totpcore._core import Change
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_either
from totpcore._states import CONFIRM_ATTEMPTS, Decision, Moment, Proposal, confirmed
from totpcore._transitions import Fresh, _propose, _transition
from totpcore.answers import Enrolment, State
from totpcore.events import EventKind
from totpcore.ports import Store
from totpcore.recovery import SALT_BYTES, keep
from totpcore.testing import Phone
from totpcore.testing._races import in_threads
from weaknesses.frame import TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import (
    FirstLoadsTogether,
    InTheMiddle,
    WritesWhatItDecided,
    faulty,
    seeded,
    stored,
    switching_often,
)

RACERS: Final = 6


def shown(user: User, phone: Phone) -> str:
    """What a phone shows now."""
    return phone.code(user.clock())


def replacing(user: User) -> Phone:
    """Begin to replace the active secret, and scan the new one; the code of the time step is spent by it."""
    phone = Phone.scan(user.service.replace(user.user, user.code(), account=user.user).uri)
    user.clock.tick(user.policy.period)
    return phone


def state(user: User) -> State:
    """The state that the service tells."""
    return user.service.status(user.user).state


# ---- V50: enabled without confirming ----


def counts_what_is_pending() -> Library:
    """A secret that was shown is as good as one that was confirmed."""

    def either(record: Record, moment: Moment, call: EventKind) -> Active:
        waiting = record.pending
        if record.active is not None or waiting is None:
            return confirmed(record, moment, call)
        kept = keep(RecoveryCodes.generate(1), bytes(SALT_BYTES))
        return Active(waiting.token, -1, moment.now, None, "unconfirmed", kept)

    return replace(TOTPCORE, two_factor=faulty((_transitions, "confirmed", either)))


@weakness("V50", twin=counts_what_is_pending)
def what_is_pending_opens_and_asks_nothing(lib: Library) -> None:
    """Until it is confirmed, a secret is not on: no right code of it opens, and the gate does not ask for one."""
    with seeded(50):
        user = User(lib).enrol()
        for _ in range(3):
            holds(user.verify(user.code()) == "not_enrolled", "a right code of a pending secret opens nothing")
            holds(user.recover("0" * 24) == "not_enrolled", "there is no recovery code either")
            status = user.service.status("alice")
            holds(status.state is State.PENDING and not status.code_required, "it does not count as on")
            holds(status.enrolled_at is None and status.generation is None, "nor as enrolled")
            holds(user.service.gate("alice") is Gate.ALLOW, "the gate asks for no code")
            holds(
                outcome(partial(user.service.gate, "alice", expected=True)) == "RecordMissing", "and misses it if due"
            )
            user.clock.tick(30)
        beside = User(lib).on()
        pending = replacing(beside)
        holds(beside.verify(shown(beside, pending)) == "wrong", "a pending secret beside an active one opens nothing")


def turns_on_by_any_code() -> Library:
    """After a wrong code at set-up, the user is in all the same."""

    class Lenient(TwoFactor):
        def confirm(self, user: str, code: str) -> Confirmed:
            pending = self.pending(user)
            try:
                return super().confirm(user, code)
            except InvalidCode as refused:
                if pending is None or refused.malformed:
                    raise
                return super().confirm(user, Phone.scan(pending.uri).code(self._now()))

    return replace(TOTPCORE, two_factor=Lenient)


@weakness("V50", twin=turns_on_by_any_code)
def wrong_codes_confirm_nothing(lib: Library) -> None:
    """However many wrong codes, old codes and malformed ones: it stays pending, and after 20 it has ended."""
    with seeded(50):
        user = User(lib).enrol()
        earlier, kept = user.phone, user.code()
        user.enrol()
        wrong = [shown(user, earlier), kept, *(user.wrong(number) for number in range(CONFIRM_ATTEMPTS - 2))]
        for code in wrong:
            for malformed in ("", "12345", "abcdef", "0" * 24):
                holds(outcome(partial(user.service.confirm, "alice", malformed)) == "malformed", "no code is no code")
            holds(state(user) is State.PENDING, "it stays pending")
            holds(
                outcome(partial(user.service.confirm, "alice", code)) in ("wrong", "clock_off"),
                "a wrong code is refused",
            )
        holds(state(user) is State.OFF and user.service.pending("alice") is None, "it ends, and is never on")
        holds(outcome(partial(user.service.confirm, "alice", user.code())) == "expired", "then no code confirms it")


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


# ---- V52: swapped between display and confirming ----


class RemembersAll(TwoFactor):
    """Confirms what is pending by a code of any secret that the user was shown."""

    def enrol(self, user: str, *, account: str) -> Enrolment:
        made = super().enrol(user, account=account)
        _SHOWN.append(Phone.scan(made.uri))
        return made

    def confirm(self, user: str, code: str) -> Confirmed:
        pending, now = self.pending(user), self._now()
        if pending is not None and code in {phone.code(now) for phone in _SHOWN}:
            return super().confirm(user, Phone.scan(pending.uri).code(now))
        return super().confirm(user, code)


_SHOWN: Final[list[Phone]] = []


def confirms_by_any_secret_shown() -> Library:
    """A service in which a code of one secret turns another one on."""
    _SHOWN.clear()
    return replace(TOTPCORE, two_factor=RemembersAll)


@weakness("V52", twin=confirms_by_any_secret_shown)
def a_secret_is_confirmed_by_its_own_code(lib: Library) -> None:
    """Of two tabs that set up, the first shows a secret that has ended: its code is wrong, and turns nothing on.

    The second's code confirms the second's secret, from whichever tab it is sent; there is one pending secret per user.
    """
    with seeded(52):
        for begin in ("enrol", "replace"):
            user = User(lib) if begin == "enrol" else User(lib).on()
            first, second = (user.enrol().phone if begin == "enrol" else replacing(user) for _ in range(2))
            said = outcome(partial(user.service.confirm, "alice", shown(user, first)))
            holds(said == "wrong", "a code of the first secret confirms nothing")
            other = User(lib, store=user.store, user="bob").enrol()
            said = outcome(partial(other.service.confirm, "bob", shown(user, second)))
            holds(
                said in ("wrong", "clock_off"), "nor does it for another user, each of whom has a secret of their own"
            )
            pending = user.service.pending("alice")
            holds(pending is not None and pending.secret == second.uri.token.secret, "the second is what is pending")
            user.service.confirm("alice", shown(user, second))
            user.clock.tick(30)
            holds(user.verify(shown(user, first)) == "wrong", "the first is not on")
            holds(user.verify(shown(user, second)) == "ok", "the second is")


def writes_over_a_newer_set_up() -> Library:
    """A service that checks, and then sets."""
    return replace(TOTPCORE, two_factor=WritesWhatItDecided)


@weakness("V52", twin=writes_over_a_newer_set_up)
def a_set_up_that_comes_between_is_seen(lib: Library) -> None:
    """A set-up that begins between the check of a code and its writing ends the first one: its code is then wrong.

    Threads that set up and confirm at once end with the secret of one that was told so.
    """
    with seeded(52):
        user = User(lib).enrol()
        code, phones, inner = user.code(), list[Phone](), user.store
        fast = user.another()
        user.store = InTheMiddle(inner, lambda: phones.append(Phone.scan(fast.enrol("alice", account="alice").uri)))
        user.service = user.another()
        holds(outcome(partial(user.service.confirm, "alice", code)) == "wrong", "the slow confirming is decided again")
        holds(state(user) is State.PENDING, "nothing is on")
        holds(outcome(partial(fast.confirm, "alice", shown(user, phones[0]))) == "ok", "the newer one can be confirmed")
    racer, drawn = User(lib), [lib.secret(bytes([number]) * 20) for number in range(1, RACERS + 1)]

    def sets_up() -> object:
        service = racer.another()
        try:
            phone = Phone.scan(service.enrol("alice", account="alice").uri)
            service.confirm("alice", phone.code(racer.clock()))
        except (Refused, AlreadyEnrolled):
            return None
        return phone

    with switching_often(), patch.object(Secret, "generate", lambda _nbytes: drawn.pop()):
        won = [phone for phone in in_threads([sets_up] * RACERS) if isinstance(phone, Phone)]
    racer.clock.tick(30)
    holds(len(won) == 1, "one of them is told that it is on")
    holds(racer.verify(shown(racer, won[0])) == "ok", "and it is that one's secret")


# ---- V53: a new factor without the old one ----


def enrols_over_it() -> Library:
    """Whoever knows the password sets up a factor of their own."""

    @_transition
    def enrol(record: Record, moment: Moment, proposal: Proposal) -> Decision[Enrolment]:
        return _propose(record, moment, proposal)

    return replace(TOTPCORE, two_factor=faulty((_transitions, "enrol", enrol)))


@weakness("V53", twin=enrols_over_it)
def an_active_factor_is_not_enrolled_over(lib: Library) -> None:
    """With an active factor, `enrol` and `adopt` are refused, but for ten minutes after an accepted recovery code."""
    with seeded(53):
        user = User(lib).on()
        begin = partial(user.service.enrol, "alice", account="alice")
        adopt = partial(user.service.adopt, "alice", user.phone.uri.token, spent=-1)
        before = stored(user)
        for call in (begin, adopt):
            holds(refuses(call, AlreadyEnrolled), "a password alone sets up no new factor")
        user.verify(user.wrong())
        user.verify(user.code())
        holds(refuses(begin, AlreadyEnrolled), "nor does a log-in, right or wrong")
        holds(json.loads(stored(user))["pending"] is None and stored(user) != before, "nothing is pending")
        holds(user.recover("0" * 24) == "wrong" and refuses(begin, AlreadyEnrolled), "nor does a wrong recovery code")
        user.recover(user.codes[0])
        user.clock.tick(user.policy.pending_seconds - 1)
        holds(outcome(begin) == "ok", "a recovery code does, for a while")
        user.clock.tick(1)
        holds(refuses(begin, AlreadyEnrolled), "and then no more")
        user.recover(user.codes[1])
        user.clock.tick(90)
        phone = Phone.scan(begin().uri)
        user.service.confirm("alice", shown(user, phone))
        holds(refuses(begin, AlreadyEnrolled), "nor after the new factor is on")


def replaces_without_a_code() -> Library:
    """`replace` takes a code, and does not look at it."""

    @_transition
    def change(record: Record, moment: Moment, typed: Hidden[str], proposal: Proposal) -> Decision[Enrolment]:
        confirmed(record, moment, EventKind.REPLACE)
        return _propose(record, moment, proposal)

    return replace(TOTPCORE, two_factor=faulty((_transitions, "replace", change)))


@weakness("V53", twin=replaces_without_a_code)
def replacing_takes_a_fresh_code(lib: Library) -> None:
    """`replace` needs a code of the user's own, unspent and of now; without one nothing is pending, and it is spent."""
    code = inspect.signature(lib.two_factor.replace).parameters["code"]
    holds(code.default is code.empty, "it does not go without a code")
    with seeded(53):
        user = User(lib).on()
        refused_by(user, partial(user.service.replace, "alice", account="alice"))
        holds(
            user.service.pending("alice") is None and not user.service.status("alice").replacing, "nothing is pending"
        )
        user.clock.tick(3600)
        code_of_now = user.code()
        holds(
            outcome(partial(user.service.replace, "alice", code_of_now, account="alice")) == "ok", "a fresh code does"
        )
        again = partial(user.service.replace, "alice", code_of_now, account="alice")
        holds(outcome(again) == "replayed" and user.verify(code_of_now) == "replayed", "it is spent by it")


def refused_by(user: User, call: Callable[..., object]) -> None:
    """Whatever is no fresh code of the user's own is refused, and changes nothing of the factor."""
    anything = cast("Callable[[Any], object]", call)
    other = User(user.lib, store=user.store, user="bob").on()
    other.clock.now = user.clock()
    used, spent = user.code(), user.codes[-1]
    holds(user.verify(used) == "ok" and user.recover(spent) == "ok", "codes are used to log in")
    user.clock.tick(90)
    active = factor(user)
    foreign, early, late, guess = shown(user, other.phone), user.code(-3), user.code(3), user.wrong()
    for value in (None, True, False, 1, 1.0, b"123456", ["123456"], object(), 123456):
        holds(refuses(partial(anything, value), TypeError), "what is no text is a TypeError")
    holds(refuses(call, TypeError), "so is no code at all")
    for text in ("", "session-4711", "true", "12345", "1234567", "\N{FULLWIDTH DIGIT ONE}23456"):
        holds(outcome(partial(anything, text)) == "malformed", "what is no code is malformed")
    for text, wanted in ((spent, "replayed"), (foreign, "wrong"), (other.codes[0], "wrong"), (early, "wrong")):
        holds(outcome(partial(anything, text)) == wanted, "a used, foreign or old code does not do")
    for text in (late, guess):
        holds(outcome(partial(anything, text)) == "wrong", "nor does a code to come, or a guess")
    holds(factor(user) == active, "the factor is as it was")
    user.clock.tick(-90)
    holds(outcome(partial(anything, used)) == "replayed", "nor does a code that was used to log in")
    user.clock.tick(90)


def factor(user: User) -> object:
    """What is stored of the active credential."""
    return json.loads(stored(user))["active"]


# ---- V54: recovery codes before the factor is on ----


class MintsEarly(TwoFactor):
    """Recovery codes can be had in advance."""

    def renew_recovery_codes(self, user: str, code: str) -> RecoveryCodes:
        try:
            return super().renew_recovery_codes(user, code)
        except NotEnrolled:
            return RecoveryCodes.generate(10)


def mints_early() -> Library:
    """A service that makes recovery codes for a factor that is not on."""
    return replace(TOTPCORE, two_factor=MintsEarly)


@weakness("V54", twin=mints_early)
def no_recovery_code_comes_before_the_factor(lib: Library) -> None:
    """Off or pending there are none, none is handed out and none is stored; they come with `confirm`, or `adopt`."""
    with seeded(54):
        user = User(lib)
        for begun in (False, True):
            code = user.enrol().code() if begun else "000000"
            for text in (code, "0" * 24):
                renew = partial(user.service.renew_recovery_codes, "alice", text)
                holds(outcome(renew) == "not_enrolled", "none is handed out before")
                holds(user.recover(text) == "not_enrolled", "and none opens")
            holds(user.service.status("alice").codes_left == 0, "there are none")
            holds(b"digests" not in stored(user), "and none is stored")
        names = {name for name in dir(user.service.pending("alice")) if not name.startswith("_")}
        holds(not any("recovery" in name or "codes" in name for name in names), "what shows the secret shows none")
        confirmed_ = user.service.confirm("alice", user.code())
        holds(len(confirmed_.recovery_codes) == user.policy.recovery_codes, "they come with the confirming")
        holds(user.recover(confirmed_.recovery_codes[0]) == "ok", "and open")


def keeps_the_codes_of_a_life_before() -> Library:
    """Recovery codes are the user's, whatever factor they came with."""
    kept = dict[str, RecoveryCodes]()

    class Keeps(TwoFactor):
        def confirm(self, user: str, code: str) -> Confirmed:
            made = super().confirm(user, code)
            codes = kept.setdefault(user, made.recovery_codes)
            self._run(user, _with_codes(codes))
            return Confirmed(recovery_codes=codes, counter=made.counter)

    return replace(TOTPCORE, two_factor=Keeps)


def _with_codes(codes: RecoveryCodes) -> Change[None]:
    """A change that puts these recovery codes in the place of the new ones."""

    def put(record: Record, _moment: Moment) -> Decision[None]:
        active = cast("Active", record.active)
        return Decision(record._replace(active=active._replace(recovery=keep(codes, bytes(SALT_BYTES)))), None)

    return Change(EventKind.CONFIRM, put)


@weakness("V54", twin=keeps_the_codes_of_a_life_before)
def recovery_codes_belong_to_their_factor(lib: Library) -> None:
    """After `disable` or `reset` they are deleted, and after a new set-up those of before open nothing."""
    with seeded(54):
        user = User(lib).on()
        old = user.codes
        for removal in ("disable", "reset"):
            if removal == "disable":
                user.service.disable("alice", user.code())
            else:
                user.service.reset("alice", actor="root", reason="lost")
            holds(user.store.load("alice") is None, "they are deleted with the factor")
            holds(user.recover(old[0]) == "not_enrolled", "without a factor none opens")
            user.enrol()
            holds(user.recover(old[0]) == "not_enrolled", "nor while a new one is pending")
            user.on()
            holds(not set(old) & set(user.codes), "the new factor has new ones")
            holds(
                user.recover(old[1]) == "wrong" and user.recover(user.codes[0]) == "ok", "and those of before are wrong"
            )
            old = user.codes
            user.clock.tick(90)


# ---- V55: the old set survives ----


def adds_to_the_old_set() -> Library:
    """Who asks for new recovery codes has more of them."""

    @_transition
    def renew(record: Record, moment: Moment, typed: Hidden[str], fresh: Fresh) -> Decision[RecoveryCodes]:
        record, active = spend_either(record, moment, EventKind.RENEW_RECOVERY_CODES, typed)
        old = active.recovery
        both = old._replace(digests=old.digests + keep(fresh.codes, old.salt).digests)
        return Decision(record._replace(active=active._replace(recovery=both)), fresh.codes)

    return replace(TOTPCORE, two_factor=faulty((_transitions, "renew_recovery_codes", renew)))


@weakness("V55", twin=adds_to_the_old_set)
def a_new_set_ends_the_old_one(lib: Library) -> None:
    """After a renewal every code of the set before, used or not, is a wrong one; each of the new set opens once."""
    with seeded(55):
        user = User(lib, policy=lib.policy(free_attempts=20)).on()
        user.recover(user.codes[0])
        user.clock.tick(90)
        for code in (user.code(), None):
            old = user.codes
            user.codes = list(user.service.renew_recovery_codes("alice", code or user.codes[1]))
            holds(not set(old) & set(user.codes), "the new set has none of the old one's codes")
            holds(user.service.status("alice").codes_left == len(user.codes) == 10, "and is whole")
            for number, one in enumerate(old):
                holds(user.recover(one) == "wrong", f"code {number} of the old set opens nothing")
            holds(user.recover(user.codes[0]) == "ok" and user.recover(user.codes[0]) == "replayed", "the new ones do")
        holds({user.recover(one) for one in user.codes[1:]} == {"ok"}, "each of them")


def writes_both_sets() -> Library:
    """A service that checks, and then sets: the set that is written last stays, and both are handed out."""
    return replace(TOTPCORE, two_factor=WritesWhatItDecided)


@weakness("V55", twin=writes_both_sets)
def of_two_renewals_one_hands_out_codes(lib: Library) -> None:
    """Of two requests at once, by one code or by two, one gets a set, which is live; the other is told it failed."""
    for receipts in ("one code", "two recovery codes", "a code and a recovery code"):
        with seeded(55):
            user = User(lib).on()
        code, inner = user.code(), user.store
        given = {"one code": [code] * 2, "two recovery codes": user.codes[:2]}.get(receipts, [code, user.codes[0]])
        user.store = FirstLoadsTogether(inner, 2)
        services = [user.another(), user.another()]

        def renews(service: TwoFactor, receipt: str) -> object:
            try:
                return list(service.renew_recovery_codes("alice", receipt))
            except Refused as refused:
                return refused.reason

        said = in_threads([partial(renews, *pair) for pair in zip(services, given, strict=True)])
        sets = [one for one in said if isinstance(one, list)]
        holds(len(sets) == 1, "one of the two gets a set")
        holds(Counter(type(one) for one in said)[str] == 1, "and the other a refusal")
        user.store = inner
        user.service = user.another()
        user.clock.tick(3600)
        holds({user.recover(one) for one in sets[0]} == {"ok"}, "the set that was handed out is the one that opens")


# ---- V56: removed or changed without a code ----


class Believes(TwoFactor):
    """Whoever is logged in may turn it off."""

    def disable(self, user: str, code: str = "") -> None:
        self.reset(user, actor=user, reason="asked for it")


def believes_the_session() -> Library:
    """A service that removes the factor for a session alone."""
    return replace(TOTPCORE, two_factor=Believes)


@weakness("V56", twin=believes_the_session)
def removing_takes_a_fresh_code(lib: Library) -> None:
    """`disable` needs a code of the user's own, unspent and of now, or a recovery code; a session or `True` is none.

    Nothing else turns a factor off but `reset`, which names another administrator and leaves an event.
    """
    code = inspect.signature(lib.two_factor.disable).parameters["code"]
    holds(code.default is code.empty and code.annotation in ("str", str), "it does not go without a code")
    with seeded(56):
        for kind in ("code", "recovery code"):
            user = User(lib).on()
            refused_by(user, partial(user.service.disable, "alice"))
            holds(state(user) is State.ON, "it is still on")
            user.clock.tick(3600)
            right = user.code() if kind == "code" else user.codes[0]
            holds(outcome(partial(user.service.disable, "alice", right)) == "ok", f"a fresh {kind} does")
            holds(state(user) is State.OFF and user.store.load("alice") is None, "and nothing of it is left")
            last = user.events[-1]
            holds(last.kind is EventKind.DISABLE and last.reason == "ok", "and it is in the audit log")
    reset = inspect.signature(lib.two_factor.reset).parameters
    holds(reset["actor"].default is reset["actor"].empty, "whoever resets is named")


def renews_for_a_session() -> Library:
    """New recovery codes for whoever is logged in."""

    @_transition
    def renew(record: Record, moment: Moment, typed: Hidden[str], fresh: Fresh) -> Decision[RecoveryCodes]:
        active = confirmed(record, moment, EventKind.RENEW_RECOVERY_CODES)
        return Decision(record._replace(active=active._replace(recovery=fresh.kept)), fresh.codes)

    return replace(TOTPCORE, two_factor=faulty((_transitions, "renew_recovery_codes", renew)))


@weakness("V56", twin=renews_for_a_session)
def new_recovery_codes_take_a_fresh_code(lib: Library) -> None:
    """`renew_recovery_codes` needs the same: a set that anybody at an open session could print is a way around it."""
    code = inspect.signature(lib.two_factor.renew_recovery_codes).parameters["code"]
    holds(code.default is code.empty, "it does not go without a code")
    with seeded(56):
        user = User(lib).on()
        refused_by(user, partial(user.service.renew_recovery_codes, "alice"))
        user.clock.tick(3600)
        holds(user.recover(user.codes[0]) == "ok", "the codes are those of before")
        user.clock.tick(90)
        holds(len(user.service.renew_recovery_codes("alice", user.code())) == 10, "a fresh code gets new ones")
