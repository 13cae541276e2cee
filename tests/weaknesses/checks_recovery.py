"""V62 and V65 to V68: how a recovery code is used.

Rules of this file:

1. Where the text of a code matters (a digit that looks like a letter), randomness is `seeded`.
2. What an attempt costs is counted in hashes, never in time on the wall.
3. `faulty` makes the twin of a fault inside of a module: it is there while the twin's calls run, and nowhere else.
"""

import hashlib
import hmac
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from random import Random
from typing import Final, cast
from unittest.mock import patch

from totpcore import Accepted, CompatibilityWarning, InvalidCode, Recovered, TwoFactor, _spending, _transitions
from totpcore._guard import Hidden
from totpcore.recovery import RecoverySet
from weaknesses.frame import TOTPCORE, Library, User, holds, outcome, weakness
from weaknesses.twins import faulty, plain, seeded, stored

LOOKS_LIKE: Final = str.maketrans("01", "OI")


@contextmanager
def counted_hashes() -> Iterator[list[str]]:
    """List every call of HMAC and of the slow hashes."""
    calls: list[str] = []

    def counting(name: str, call: Callable[..., bytes]) -> Callable[..., bytes]:
        def counted(*args: object, **kwargs: object) -> bytes:
            calls.append(name)
            return call(*args, **kwargs)

        return counted

    with ExitStack() as patches:
        for module, name in ((hmac, "digest"), (hashlib, "pbkdf2_hmac"), (hashlib, "scrypt")):
            patches.enter_context(patch.object(module, name, counting(name, getattr(module, name))))
        yield calls


# ---- V62: reusable ----


def spends_nothing() -> Library:
    """The code that was found is not marked."""
    return replace(TOTPCORE, two_factor=faulty((RecoverySet, "spend", lambda kept, _number: kept)))


@weakness("V62", twin=spends_nothing)
def a_recovery_code_works_once(lib: Library) -> None:
    """A used code is `replayed`: at once, after a restart, after other codes, in another spelling, and for a change."""
    user = User(lib).on()
    first, second, *_ = user.codes
    holds(user.recover(first) == "ok", "a code opens")
    holds(user.recover(first) == "replayed", "it does not open again")
    user.service = user.another()
    holds(user.recover(first) == "replayed", "it does not open after a restart")
    holds(user.recover(second) == "ok", "another code opens")
    user.clock.tick(86_400 * 400)
    for spelling in (first, first.lower(), plain(first), f" {first.replace('-', ' ')}\n", first.translate(LOOKS_LIKE)):
        holds(user.recover(spelling) == "replayed", "it does not open a year later, however it is written")
    for call in (
        user.service.disable,
        user.service.renew_recovery_codes,
        partial(user.service.replace, account="alice"),
    ):
        holds(outcome(partial(call, user.user, first)) == "replayed", "it does not pay for a change either")
    holds(user.service.status(user.user).codes_left == len(user.codes) - 2, "two codes are gone, and no more")


# ---- V65: expensive verification ----


def hashes_once_for_each_code() -> Library:
    """A salt of its own for each code of the set."""

    def find(kept: RecoverySet, canonical: Hidden[str]) -> int | None:
        count = len(kept.digests) // 32
        for number in range(count):
            wanted = hmac.digest(kept.salt, canonical.value.encode(), "sha256")
            if kept.digests[number * 32 :][:32] == wanted:
                return number
        return None

    return replace(TOTPCORE, two_factor=faulty((_spending, "find", find)))


@weakness("V65", twin=hashes_once_for_each_code)
def an_attempt_costs_one_hash_at_most(lib: Library) -> None:
    """One HMAC for an attempt, however many codes there are; none where it is malformed, too long or throttled."""
    missing = "0000-0000-0000-0000-0000-0000"
    for count in (1, 10, 100):
        user = User(lib, policy=lib.policy(recovery_codes=count, recovery_low=0)).on()
        for code, told, cost in (
            (missing, "wrong", 1),
            (user.codes[-1], "ok", 1),
            (user.codes[-1], "replayed", 1),
            (missing[:-1], "malformed", 0),
            (missing + " " * 36, "malformed", 0),
            ("0" * 10_000_000, "malformed", 0),
        ):
            with counted_hashes() as calls:
                answer = user.recover(code)
            holds(answer == told and calls == ["digest"] * cost, f"{told} costs {cost} fast hashes, of {count} codes")
        for _ in range(user.policy.free_attempts):
            user.recover(missing)
        with counted_hashes() as calls:
            answer = user.recover(missing)
        holds(answer == "throttled" and not calls, "a throttled attempt costs no hash")


# ---- V66: normalisation, and the wrong code deleted ----


def reads_only_its_own_spelling() -> Library:
    """What was typed has to be written as it was shown."""

    def canonical(typed: Hidden[str]) -> Hidden[str] | None:
        exact = len(typed.value) == 29 and typed.value.count("-") == 5 and typed.value.isupper()
        return Hidden(plain(typed.value)) if exact else None

    return replace(TOTPCORE, two_factor=faulty((_transitions, "canonical_recovery_code", canonical)))


@weakness("V66", twin=reads_only_its_own_spelling)
def every_spelling_of_a_code_is_that_code(lib: Library) -> None:
    """Hyphens, spaces, lower case, and O, I, L for the digits they look like: each spelling opens, and opens once."""
    spellings: list[Callable[[str], str]] = [
        str.lower,
        plain,
        lambda code: code.replace("-", " "),
        lambda code: f"\t{code.replace('-', ' - ')}\r\n",
        lambda code: code.translate(LOOKS_LIKE),
        lambda code: code.lower().replace("1", "l").replace("0", "o"),
        lambda code: plain(code).translate(str.maketrans("01", "oL")),
    ]
    with seeded(66):
        user = User(lib).on()
    looks_alike = [code for code in user.codes if set("01") & set(code)]
    holds(len(looks_alike) >= 7, "the seed gives codes that hold 0 or 1")
    for number, (code, spelling) in enumerate(zip(looks_alike, spellings, strict=False)):
        holds(user.recover(spelling(code)) == "ok", f"spelling {number} opens")
        holds({user.recover(other(code)) for other in spellings} == {"replayed"}, f"after {number}, no other does")


def deletes_by_another_index() -> Library:
    """The code is checked, and then the first one that is left is deleted."""

    def spend(kept: RecoverySet, _number: int) -> RecoverySet:
        return kept._replace(spent=kept.spent | kept.spent + 1)

    return replace(TOTPCORE, two_factor=faulty((RecoverySet, "spend", spend)))


@weakness("V66", twin=deletes_by_another_index)
def the_code_that_was_typed_is_the_one_that_is_spent(lib: Library) -> None:
    """Using one code spends that record and no other: every other one still opens, in any place of the set."""
    for place in (0, 4, 9):
        user = User(lib).on()
        used = user.codes.pop(place)
        holds(user.recover(used) == "ok", "a code opens")
        holds(user.recover(used) == "replayed", "it is the one that is spent")
        holds([user.recover(code) for code in user.codes] == ["ok"] * 9, "every other one still opens")


# ---- V67: fixed order ----


def wants_the_next_one() -> Library:
    """Codes are taken in the order of the list."""

    def find(kept: RecoverySet, canonical: Hidden[str]) -> int | None:
        following = kept.spent.bit_count()
        wanted = hmac.digest(kept.salt, canonical.value.encode(), "sha256")
        return following if kept.digests[following * 32 :][:32] == wanted else None

    return replace(TOTPCORE, two_factor=faulty((_spending, "find", find)))


@weakness("V67", twin=wants_the_next_one)
def recovery_codes_work_in_any_order(lib: Library) -> None:
    """Any order opens; what is told of the rest is how many, and from three on that they run low."""
    user = User(lib).on()
    user.events.clear()
    order = Random(67).sample(user.codes, len(user.codes))
    holds(order[0] != user.codes[0], "the order is not the one of the list")
    for left in range(len(order) - 1, -1, -1):
        code = order[len(order) - 1 - left]
        holds(user.recover(code) == "ok", "codes open in any order")
        holds(user.events[-1].codes_left == left, "the event counts")
        status = user.service.status(user.user)
        holds((status.codes_left, status.running_low) == (left, left <= 3), "the status counts, and warns at three")
    holds(len(user.events) == len(order), "each use left one event")
    user = User(lib).on()
    answers = [user.service.recover(user.user, code) for code in reversed(user.codes)]
    told = [(answer.codes_left, answer.running_low) for answer in answers]
    holds(told == [(left, left <= 3) for left in range(9, -1, -1)], "the answer counts, and warns at three")


# ---- V68: one kind in the other's field ----


def tries_both_kinds() -> Library:
    """One field for whatever the visitor has."""

    class Lenient(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            try:
                return super().verify(user, code)
            except InvalidCode:
                return cast("Accepted", super().recover(user, code))

        def recover(self, user: str, code: str) -> Recovered:
            try:
                return super().recover(user, code)
            except InvalidCode:
                return cast("Recovered", super().verify(user, code))

    return replace(TOTPCORE, two_factor=Lenient)


@weakness("V68", twin=tries_both_kinds)
def each_kind_of_code_has_its_own_door(lib: Library) -> None:
    """A one-time code never reaches the hash of recovery codes, nor a recovery code the one of one-time codes.

    The other kind is malformed there: it costs no try and spends nothing, so it still opens its own door.
    """
    for digits in (6, 8):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CompatibilityWarning)  # that apps differ in is not the matter here
            user = User(lib, policy=lib.policy(digits=digits)).on()
        before, recovery, code, wrong = stored(user), user.codes[0], user.code(), user.wrong()
        with counted_hashes() as calls, patch.object(_spending, "scan", side_effect=AssertionError("looked at")):
            told = [user.recover(code), user.recover(wrong), user.verify(recovery), user.verify(plain(recovery))]
        holds(told == ["malformed"] * 4 and not calls, "the other kind is malformed, and nothing is computed for it")
        holds(stored(user) == before, "nothing is spent and nothing is charged")
        holds(user.verify(code) == "ok" and user.recover(recovery) == "ok", "each opens its own door")
