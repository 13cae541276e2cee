"""V60, V61 and V64: how recovery codes are made and kept.

Rules of this file:

1. A code of totpcore has 120 random bits and is kept as HMAC-SHA-256 under one salt per set. What is asked elsewhere of
   short codes under a slow hash or a pepper does not apply: there is no slow hash and no pepper.
2. Where the text of a code matters (four characters that could stand elsewhere by chance), randomness is `seeded`.
"""

import base64
import gc
import hashlib
import hmac
import json
import math
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from inspect import isfunction
from random import Random
from types import ModuleType
from typing import Final, cast
from unittest.mock import patch

from totpcore import Confirmed, RecoveryCodes, TwoFactor, _record, _transitions
from totpcore.recovery import RecoverySet
from weaknesses.frame import TOTPCORE, Library, User, holds, weakness
from weaknesses.twins import altered_record, faulty, plain, seeded, stored

FEWEST_BITS: Final = 112  # from which on a fast keyed hash is enough: SP 800-63B-4 section 3.1.2.2


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

    def read(take: Callable[..., object]) -> RecoverySet:
        texts = {name: str(take(name, "")) for name in ("salt", "digests")}
        binary = [text.encode() if text.startswith("plain:") else base64.b64decode(text) for text in texts.values()]
        return RecoverySet(binary[0], binary[1], _record._whole(take("spent"), 0, 2**100))

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
