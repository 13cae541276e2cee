"""V60 to V68: recovery codes.

Rules of this file:

1. A code of totpcore has 120 random bits and is kept as HMAC-SHA-256 under one salt per set. What is asked elsewhere
   of short codes under a slow hash or a pepper does not apply: there is no slow hash and no pepper.
2. Where the text of a code matters (a digit that looks like a letter, four characters that could stand elsewhere by
   chance), randomness is `seeded`.
3. `faulty` makes the twin of a fault inside of a module: it is there while the twin's calls run, and nowhere else.
"""

import base64
import gc
import hashlib
import hmac
import json
import math
import secrets
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from inspect import isfunction
from random import Random
from types import ModuleType
from typing import Final, cast
from unittest.mock import patch

from totpcore import (
    Accepted,
    CompatibilityWarning,
    Confirmed,
    InvalidCode,
    MemoryStore,
    Recovered,
    RecoveryCodes,
    TwoFactor,
    _record,
    _spending,
    _transitions,
)
from totpcore._guard import Hidden
from totpcore.recovery import RecoverySet
from totpcore.testing._races import in_threads
from weaknesses.frame import TOTPCORE, Library, User, holds, outcome, weakness
from weaknesses.twins import FirstLoadsTogether, altered_record, faulty, plain, seeded, stored

LOOKS_LIKE: Final = str.maketrans("01", "OI")
FEWEST_BITS: Final = 112  # from which on a fast keyed hash is enough: SP 800-63B-4 section 3.1.2.2


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


def texts_in(value: object) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_in(inner)


def altered_set(user: User, **fields: object) -> None:
    """Change fields of the set of recovery codes; `None` removes one."""

    def change(record: dict[str, dict[str, object]]) -> None:
        kept = cast("dict[str, object]", record["active"]["recovery"])
        kept.update(fields)
        record["active"]["recovery"] = {name: value for name, value in kept.items() if value is not None}

    altered_record(user, change)


# ---- V60: stored in clear ----


def keeps_them_in_clear() -> Library:
    """The codes themselves stand where their digests belong."""

    def keep(codes: RecoveryCodes, salt: bytes) -> RecoverySet:
        return RecoverySet(salt, b"".join(plain(code).encode().ljust(32) for code in codes), 0)

    return replace(TOTPCORE, two_factor=faulty((_transitions, "keep", keep)))


@weakness("V60", twin=keeps_them_in_clear)
def nothing_of_a_recovery_code_is_in_the_store(lib: Library) -> None:
    """Neither a code, nor its first four characters, nor an unsalted fast hash of it is stored, in any encoding."""
    with seeded(60):
        user = User(lib).on()
        sets = [(user.codes, stored(user))]
        renewed = list(user.service.renew_recovery_codes(user.user, user.code()))
        sets.append((renewed, stored(user)))
    for codes, raw in sets:
        fields = list(texts_in(json.loads(raw)["active"]["recovery"]))
        everything = [raw, *(base64.b64decode(field) for field in fields)]
        holds(len(codes) == user.policy.recovery_codes, "a set is handed out")
        holds(len(fields) == 2, "a salt and the digests are stored, and no other text")
        for text in (spelled for code in codes for spelled in (code, plain(code), code.lower(), plain(code).lower())):
            clear = text.encode()
            hashes = [hashlib.new(name, clear) for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "sha3_256")]
            traces = [clear[:4], base64.b64encode(clear)[:8], clear.hex().encode()]
            traces += [made for one in hashes for made in (one.digest(), one.hexdigest().encode())]
            holds(not any(trace in part for trace in traces for part in everything), "nothing of a code is stored")


def remembers_the_codes() -> Library:
    """The service keeps what it handed out, to show it again."""

    class Remembers(TwoFactor):
        def confirm(self, user: str, code: str) -> Confirmed:
            self.shown = super().confirm(user, code)
            return self.shown

    return replace(TOTPCORE, two_factor=Remembers)


@weakness("V60", twin=remembers_the_codes)
def the_caller_has_the_only_copy(lib: Library) -> None:
    """After `confirm`, nothing that the service or the store holds leads to a code, and no call shows one again."""
    user = User(lib).on()
    holds(user.service.pending(user.user) is None, "nothing is shown again")
    seen, left = {id(user.codes)}, [user.service, user.store]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, type | ModuleType) or isfunction(one):
            continue
        seen.add(id(one))
        holds(not (isinstance(one, str) and one in user.codes), "no object of the service holds a code")
        left.extend(gc.get_referents(one))
    status, events = repr(user.service.status(user.user)), repr(user.events)
    holds(not any(code in status + events for code in user.codes), "neither the status nor an event shows a code")


# ---- V61: fast or unsalted hash of a low-entropy code ----


def hashes_without_a_salt() -> Library:
    """Bare SHA-256, the same for the same code in every set."""

    def keep(codes: RecoveryCodes, salt: bytes) -> RecoverySet:
        return RecoverySet(salt, b"".join(hashlib.sha256(plain(code).encode()).digest() for code in codes), 0)

    return replace(TOTPCORE, two_factor=faulty((_transitions, "keep", keep)))


@weakness("V61", twin=hashes_without_a_salt)
def a_fast_hash_is_keyed_and_the_code_is_long(lib: Library) -> None:
    """At least 112 bits, HMAC-SHA-256 under 128 random bits of the set: no digest comes again in another set.

    There is no pepper to be missing: the key is the salt, and it is in the record.
    """
    user, codes = User(lib).on(), RecoveryCodes(RecoveryCodes.generate(10))
    with patch.object(RecoveryCodes, "generate", lambda _count: codes):
        sets = []
        for _ in range(2):
            handed_out = user.service.renew_recovery_codes(user.user, user.code())
            holds(list(handed_out) == list(codes), "the same codes are handed out twice")
            sets.append(json.loads(stored(user))["active"]["recovery"])
            user.clock.tick(30)
    (salt, digests), (other_salt, other_digests) = (
        (base64.b64decode(kept["salt"]), base64.b64decode(kept["digests"])) for kept in sets
    )
    holds(min(len(plain(code)) for code in codes) * math.log2(32) >= FEWEST_BITS, "a code has at least 112 bits")
    holds(len(salt) == 16 and salt != other_salt, "each set has a salt of 128 bits of its own")
    pieces = {digests[start : start + 32] for start in range(0, len(digests), 32)}
    others = {other_digests[start : start + 32] for start in range(0, len(other_digests), 32)}
    holds(len(pieces) == len(codes) and not pieces & others, "the same codes in two sets have no digest alike")
    keyed = {hmac.new(salt, plain(code).encode(), hashlib.sha256).digest() for code in codes}
    holds(pieces == keyed, "a digest is HMAC-SHA-256 of the code under the salt")


def falls_back_to_what_it_finds() -> Library:
    """A set without a salt, or in clear, is from an older version: read it, and compare as it is."""

    def read(fields: _record._Fields) -> RecoverySet:
        texts = {name: str(fields._left.pop(name, "")) for name in ("salt", "digests")}
        binary = [text.encode() if text.startswith("plain:") else base64.b64decode(text) for text in texts.values()]
        return RecoverySet(binary[0], binary[1], fields.whole("spent", 0, 2**100))

    return replace(TOTPCORE, two_factor=faulty((_record, "_read_recovery", read)))


@weakness("V61", twin=falls_back_to_what_it_finds)
def a_weaker_set_is_never_read(lib: Library) -> None:
    """A stored set that is not the one format (no salt, a short one, short digests, clear text) is unreadable."""
    changes: dict[str, dict[str, object]] = {
        "no salt": {"salt": ""},
        "a short salt": {"salt": base64.b64encode(bytes(8)).decode()},
        "digests of 160 bits": {"digests": base64.b64encode(bytes(20 * 9)).decode()},
        "clear text": {"digests": "plain:0000-0000-0000-0000-0000-0000"},
        "no digests": {"digests": ""},
        "another hash by name": {"algorithm": "md5"},
    }
    for name, change in changes.items():
        user = User(lib).on()
        altered_set(user, **change)
        told = {user.recover("0000-0000-0000-0000-0000-0000"), user.recover(user.codes[0]), user.verify(user.code())}
        holds(told == {"RecordUnreadable"}, f"a set with {name} is not read")
    user = User(lib).on()
    altered_set(user, salt=None)
    holds(user.recover(user.codes[0]) == "RecordUnreadable", "a set without the field of the salt is not read")


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


# ---- V63: race ----


def swaps_blindly() -> Library:
    """A store that writes without looking at what is there."""

    class Blind(MemoryStore):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            if new is not None:
                self._values[user] = new
            return True

    return replace(TOTPCORE, memory_store=Blind)


def raced(lib: Library, codes: Callable[[User], Sequence[str]]) -> tuple[User, list[object]]:
    """Let one racer for each code loose, all on the same record."""
    user = User(lib).on()
    typed, switch = codes(user), sys.getswitchinterval()
    user.store = FirstLoadsTogether(user.store, len(typed))
    services = [user.another() for _ in typed]
    sys.setswitchinterval(1e-6)
    try:
        told = in_threads(
            [
                partial(outcome, partial(service.recover, user.user, code))
                for service, code in zip(services, typed, strict=True)
            ]
        )
    finally:
        sys.setswitchinterval(switch)
    return user, told


@weakness("V63", twin=swaps_blindly)
def one_recovery_code_opens_once_in_a_race(lib: Library) -> None:
    """Of 32 threads with one code, all on the same record, one gets in; processes race in the contract of stores."""
    user, told = raced(lib, lambda user: [user.codes[0]] * 32)
    holds(sorted(map(str, told)) == ["ok"] + ["replayed"] * 31, "exactly one racer gets in")
    holds(user.service.status(user.user).codes_left == 9, "one code is gone")


@weakness("V63", twin=swaps_blindly)
def two_recovery_codes_in_a_race_are_both_spent(lib: Library) -> None:
    """Two different codes at once both open, and both end spent: no update is lost."""
    user, told = raced(lib, lambda user: user.codes[:2])
    holds(told == ["ok", "ok"], "both codes open")
    holds([user.recover(code) for code in user.codes[:2]] == ["replayed"] * 2, "both codes are spent")
    holds(user.service.status(user.user).codes_left == 8, "two codes are gone")


# ---- V64: low entropy, guessable, ambiguous ----


def forty_bits() -> Library:
    """Ten hexadecimal digits."""

    class Short(RecoveryCodes):
        @classmethod
        def generate(cls, count: int) -> RecoveryCodes:
            return cls([secrets.token_hex(5).upper() for _ in range(count)])

    return replace(TOTPCORE, recovery_codes=Short)


@weakness("V64", twin=forty_bits)
def a_recovery_code_is_long_and_easy_to_read(lib: Library) -> None:
    """The characters that occur, to the power of the length, are 2**120; none of them is taken for another."""
    codes = [plain(code) for _ in range(20) for code in lib.recovery_codes.generate(100)]
    alphabet = set("".join(codes))
    holds(min(len(code) for code in codes) * math.log2(len(alphabet)) >= 120, "a code has at least 120 bits")
    holds(not alphabet & set("ILOU") and "".join(codes).isupper(), "no character looks like another")
    holds(len(set(codes)) == len(codes), "no code comes twice")


def from_a_seeded_generator() -> Library:
    """The right form, from `random`."""

    class Guessable(RecoveryCodes):
        @classmethod
        def generate(cls, count: int) -> RecoveryCodes:
            source = Random(count)
            text = ["".join(source.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=24)) for _ in range(count)]
            return cls(["-".join(code[start : start + 4] for start in range(0, 24, 4)) for code in text])

    return replace(TOTPCORE, recovery_codes=Guessable)


@weakness("V64", twin=from_a_seeded_generator)
def a_recovery_code_is_what_the_system_drew(lib: Library) -> None:
    """Each code is the very bits that `secrets` drew for it, so it has no bias of its own; chi square agrees."""
    with seeded(64) as drawn:
        codes = [plain(code) for _ in range(20) for code in lib.recovery_codes.generate(100)]
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    numbers = [sum(alphabet.index(char) << 5 * place for place, char in enumerate(reversed(code))) for code in codes]
    holds(numbers == [int.from_bytes(raw, "big") for raw in drawn], "a code is the bytes that were drawn for it")
    text, expected = "".join(codes), 24 * len(codes) / 32
    chi_square = sum((text.count(char) - expected) ** 2 / expected for char in alphabet)
    holds(chi_square < 62, "every character is as frequent as another: 31 degrees of freedom, p = 0.001")


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
