"""V53 and V56: enrolling anew, replacing, removing and renewing, and the code that each of them asks for.

Rules of this file:

1. Where the published advice has a receipt, a call takes the `code` itself: the contract has no tokens and no receipts.
2. Whatever is no fresh code of the user's own is tried by `refused_by` at `replace`, `disable` and
   `renew_recovery_codes`.
"""

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

from totpcore import AlreadyEnrolled, RecoveryCodes, TwoFactor, _transitions
from totpcore._guard import Hidden
from totpcore._record import Record
from totpcore._states import Decision, Moment, Proposal, confirmed
from totpcore._transitions import Fresh, _propose, _transition
from totpcore.answers import Enrolment, State
from totpcore.events import EventKind
from totpcore.testing import Phone
from weaknesses.frame import TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import asked_for, faulty, seeded, shown, state, stored

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
    holds(asked_for(lib.two_factor.replace, "code"), "it does not go without a code")
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
    holds(asked_for(lib.two_factor.reset, "actor"), "whoever resets is named")


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
    holds(asked_for(lib.two_factor.renew_recovery_codes, "code"), "it does not go without a code")
    with seeded(56):
        user = User(lib).on()
        refused_by(user, partial(user.service.renew_recovery_codes, "alice"))
        user.clock.tick(3600)
        holds(user.recover(user.codes[0]) == "ok", "the codes are those of before")
        user.clock.tick(90)
        holds(len(user.service.renew_recovery_codes("alice", user.code())) == 10, "a fresh code gets new ones")
