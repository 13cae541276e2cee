"""V36 and V37: who is there, and whose a code is.

Rules of this file:

1. Of a refusal all is compared: its type, its texts, what was computed and what was written.
2. Two users share a store, and are told apart by nothing but their ids.
"""

import unicodedata
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast
from unittest.mock import patch

import totpcore.otp
from totpcore import (
    Accepted,
    Gate,
    MemoryStore,
    NotEnrolled,
    Recovered,
    Refused,
    StoreError,
    TotpcoreError,
    TwoFactor,
    _core,
)
from weaknesses.frame import TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import KEY, AgreeableText, adopted, counting, every_door, failures, faulty, seeded, stored

# ---- V36: who is there ----


def tells_who_is_setting_up() -> Library:
    """Somebody whose set-up was never confirmed gets another answer than somebody who is not there."""

    class Talkative(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            try:
                return super().verify(user, code)
            except NotEnrolled:
                known = self._store.load(user) is not None
                raise (StoreError("set-up is not finished") if known else NotEnrolled()) from None

    return replace(TOTPCORE, two_factor=Talkative)


@weakness("V36", twin=tells_who_is_setting_up)
def who_has_no_factor_looks_like_who_is_not_there(lib: Library) -> None:
    """Unknown, not set up, given up or disabled: the same refusal, the same text, no HMAC, nothing written, one event.

    `NotEnrolled` itself is told: the question comes after the password, and an application that asks it earlier
    catches `Refused` for it as for a wrong code. The reason in full is in the audit log, and no text names the user.
    """
    unknown, pending, given_up, disabled = User(lib), User(lib).enrol(), User(lib).enrol(), User(lib).on()
    given_up.clock.tick(given_up.policy.pending_seconds + 1)
    disabled.service.disable("alice", disabled.code())
    said = set[tuple[object, ...]]()
    for user in (unknown, pending, given_up, disabled):
        user.events.clear()
        before = user.store.load("alice")
        for code in ("000000", "755224", "", "0" * 24, pending.code()):
            for door in (user.service.verify, user.service.recover):
                computed = list[bytes]()
                with patch.object(totpcore.otp, "_truncate", counting(computed)):
                    said.add(told(partial(door, "alice", code)))
                holds(not computed, "nothing is computed")
        holds(user.service.gate("alice") is Gate.ALLOW, "the gate makes no difference either")
        holds(user.store.load("alice") == before, "nothing is written")
        holds({event.reason for event in user.events} == {"not_enrolled"}, "the audit log is told")
    holds(said == {(NotEnrolled, "not_enrolled", "NotEnrolled()", "()", "{}")}, "all get one and the same answer")
    wrong = adopted(lib)
    answer = told(partial(wrong.service.verify, "alice", wrong.wrong()))
    holds(answer[1] == "wrong (malformed=False, attempts_left=4)", "a wrong code says how many more are answered")
    holds(not any("alice" in str(part) for part in answer), "and no text names anybody")
    holds(issubclass(NotEnrolled, Refused), "an application that must not tell has one thing to catch")


def told(call: Callable[[], object]) -> tuple[object, ...]:
    """All that a refusal says."""
    try:
        call()
    except TotpcoreError as error:
        return type(error), str(error), repr(error), str(error.args), str(vars(error))
    return ("ok",)


# ---- V37: bound to the user ----


def takes_anybodys_recovery_code() -> Library:
    """The code is looked for, and whose it is does not matter."""

    class Anybodys(TwoFactor):
        def recover(self, user: str, code: str) -> Recovered:
            everybody = cast("MemoryStore", self._store).users()
            for one in (user, *everybody):
                if outcome(partial(super().recover, one, code)) == "ok":
                    return Recovered(user=user, codes_left=9, running_low=False, failures_before=0, must_replace=False)
            return super().recover(user, code)

    return replace(TOTPCORE, two_factor=Anybodys)


@weakness("V37", twin=takes_anybodys_recovery_code)
def what_is_somebody_elses_is_a_wrong_code(lib: Library) -> None:
    """Of another user neither a code, nor a recovery code, nor a pending secret opens; the try is charged to the door.

    The other's code is not spent by it, and their record is not touched: also where both have the same secret.
    """
    with seeded(37):
        alice = User(lib).on()
        bob = User(lib, store=alice.store, user="bob").on()
        carol = User(lib, store=alice.store, user="carol").enrol()
        dave = User(lib, store=alice.store, user="dave").enrol()
    before = stored(alice)
    holds(bob.recover(alice.codes[0]) == "wrong", "another's recovery code is a wrong one")
    holds(bob.verify(alice.code()) == "wrong", "another's code is a wrong one")
    for name, door in every_door(bob).items():
        if name not in {"recover", "verify", "confirm"}:
            holds(outcome(partial(door, alice.codes[1])) == "wrong", f"another's recovery code is wrong for {name} too")
    holds(failures(bob, "recovery_tally") == 4, "whoever knocks is charged")
    holds(stored(alice) == before, "and the other has lost nothing")
    holds(alice.recover(alice.codes[0]) == "ok", "their code still opens their door")
    holds(
        outcome(partial(dave.service.confirm, "dave", carol.code())) in ("wrong", "clock_off"), "nor a pending secret"
    )
    holds(outcome(partial(dave.service.confirm, "erin", carol.code())) == "expired", "nor for who has none")
    holds(outcome(partial(carol.service.confirm, "carol", carol.code())) == "ok", "it is confirmed by its own user")
    twins = adopted(lib)
    twins.service.adopt("bob", lib.totp_token(lib.secret(KEY)), spent=-1)
    code = twins.code()
    holds(twins.verify(code) == "ok", "one of two with the same secret logs in")
    holds(outcome(partial(twins.service.verify, "bob", code)) == "ok", "and has not spent the other's step")


def folds_user_ids() -> Library:
    """A store that compares user ids as a database with a friendly collation does."""

    class Friendly(MemoryStore):
        def load(self, user: str, /) -> bytes | None:
            return super().load(unicodedata.normalize("NFC", user).casefold().strip())

        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            return super().swap(unicodedata.normalize("NFC", user).casefold().strip(), old, new)

    return replace(TOTPCORE, memory_store=Friendly)


USER_IDS: Final = (
    "1", "01", "1 ", " 1", "1.0", "a", "A", "a:b", "a", "b:c", "a:b:c", "a\x1fb", "ab", "aa", "\u00e9", "e\u0301",
    "ss", "\u00df", "i", "I", "\u0130", "\u0131", "\u212a", "k", "\uff11", "a/../b", "%61", "x" * 254, "x" * 255,
)  # fmt: skip


@weakness("V37", twin=folds_user_ids)
def user_ids_that_look_alike_are_two_users(lib: Library) -> None:
    """Case, accents in two forms, spaces and separators keep users apart, on each shipped store; an id is a `str`."""
    wanted = list(dict.fromkeys(USER_IDS))
    with TemporaryDirectory() as folder, closing(lib.sqlite_store(Path(folder) / "records.db", create=True)) as file:
        for store in (lib.memory_store(), file):
            for number, user in enumerate(wanted):
                holds(store.swap(user, None, b"%d" % number) is True, "each has a place of their own")
            for number, user in enumerate(wanted):
                holds(store.load(user) == b"%d" % number, "and finds there what is theirs")
    service = User(lib).on().service
    for other in cast("list[str]", [1, True, None, b"alice", ("alice",), AgreeableText("alice")]):
        holds(refuses(partial(service.gate, other), TypeError), "an id of another type is an error")
        holds(refuses(partial(service.verify, other, "000000"), TypeError), "at every call")


def seals_by_a_folded_name() -> Library:
    """The seal is bound to a name that two users may share."""
    folded = (_core, "context_of", lambda user: user.replace(":", "").casefold().strip().encode())
    return replace(TOTPCORE, two_factor=faulty(folded))


@weakness("V37", twin=seals_by_a_folded_name)
def no_two_users_share_a_seal(lib: Library) -> None:
    """What a record is sealed with names the user and nobody else, whole, with its length before it."""
    contexts: dict[bytes, str] = {}

    class Listening(lib.plaintext):  # type: ignore[name-defined, misc]  # a class that is known at run time only
        def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
            holds(contexts.setdefault(context, user) == user, "no two users share a context")
            return plaintext

    for user in dict.fromkeys(USER_IDS):
        owner = User(lib, user=user, sealer=Listening())
        owner.service.enrol(user, account="somebody")
    holds(len(contexts) == len(set(USER_IDS)), "each user has a context")
    for context, user in contexts.items():
        ends = len(user.encode()).to_bytes(2, "big") + user.encode()
        holds(context.endswith(ends), "whole, with its length before it")
