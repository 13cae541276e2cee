"""V50 and V52: a new secret is confirmed by a code of its own.

Rules of this file:

1. Two secrets of one user are told apart by what a phone that scanned each shows; randomness is `seeded`, so that no
   two codes are alike by chance.
2. One secret is pending per user, and a code of a replaced one is a wrong code: so says the contract, which has no
   tokens and no receipts.
"""

from dataclasses import replace
from functools import partial
from typing import Final
from unittest.mock import patch

from totpcore import (
    AlreadyEnrolled,
    Confirmed,
    Gate,
    InvalidCode,
    RecoveryCodes,
    Refused,
    Secret,
    TwoFactor,
    _transitions,
)
from totpcore._record import Active, Record
from totpcore._states import CONFIRM_ATTEMPTS, Moment, confirmed
from totpcore.answers import Enrolment, State
from totpcore.events import EventKind
from totpcore.recovery import SALT_BYTES, keep
from totpcore.testing import Phone
from totpcore.testing._races import in_threads
from weaknesses.frame import TOTPCORE, Library, User, holds, outcome, weakness
from weaknesses.twins import InTheMiddle, WritesWhatItDecided, faulty, replacing, seeded, shown, state, switching_often

RACERS: Final = 6


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
