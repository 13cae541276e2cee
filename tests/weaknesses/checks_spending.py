"""V09, V10, V11 and V16: a code is spent at every surface, and in every life of a factor.

Rules of this file:

1. A surface is any call that takes a code. They are found by looking, so that a new one cannot be forgotten.
2. What is spent is read from the record, as it is stored: an answer could say something else.
"""

import inspect
from dataclasses import replace
from functools import partial
from typing import Final, cast

from totpcore import HOTP, TOTP, AlreadyEnrolled, InvalidParameters, MemoryStore, Secret, _core, _spending, _transitions
from totpcore._record import Active
from totpcore._spending import spend_code
from totpcore.recovery import RecoverySet
from totpcore.testing import Phone
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import (
    KEY,
    STEP,
    adopted,
    asked_for,
    changes_by,
    faulty,
    field,
    seeded,
    spent_of,
    stored,
    surfaces,
)

SURFACES: Final = {"verify", "recover", "confirm", "replace", "renew_recovery_codes", "disable", "resync"}


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
    holds(asked_for(lib.two_factor.adopt, "spent"), "what was spent has to be said")
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
