"""V54 and V55: when a set of recovery codes begins and ends.

Rules of this file:

1. Whether a code belongs to the set is asked of `recover`: what a renewal said could be something else.
2. Randomness is `seeded`, so that no two codes are alike by chance.
"""

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import cast

from totpcore import Confirmed, NotEnrolled, RecoveryCodes, Refused, TwoFactor, _transitions
from totpcore._core import Change
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_either
from totpcore._states import Decision, Moment
from totpcore._transitions import Fresh, _transition
from totpcore.events import EventKind
from totpcore.recovery import SALT_BYTES, keep
from totpcore.testing._races import in_threads
from weaknesses.frame import TOTPCORE, Library, User, holds, outcome, weakness
from weaknesses.twins import FirstLoadsTogether, WritesWhatItDecided, faulty, seeded, stored

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
