"""The corpus on every target, and on broken implementations, which it has to catch."""

import base64
import binascii
import json
import random
import unicodedata
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from fuzzing import base32, codes, corpus, stored
from fuzzing.inputs import Fault
from fuzzing.targets import TARGETS
from totpcore import _record, _spending, _urireading
from totpcore._guard import Hidden
from totpcore._record import Active, Record, Unreadable, decode
from totpcore.errors import InvalidURI
from totpcore.otp import TOTP, Match
from totpcore.secret import Secret

MOST = 20_000


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus(name: str) -> None:
    """Every input that the fuzzer found worth keeping passes."""
    inputs = corpus.inputs(name)
    assert len(inputs) == len(set(inputs)) >= 15
    for data in inputs:
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_of_the_corpus(name: str) -> None:
    """So do two thousand mutations of them: a small fuzzer that needs no other."""
    for data in mutations(name, 2000, seed=2):
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_an_input(name: str) -> None:
    """No bytes, one byte of each value, and long runs of one value are inputs like others."""
    for data in (b"", *(bytes([value]) for value in range(256)), b"\0" * 5000, b"\xff" * 5000):
        TARGETS[name](data)


def test_the_corpus_is_small() -> None:
    """It is kept in the repository, minimised."""
    assert sum(path.stat().st_size for path in corpus.HERE.iterdir()) < 300_000
    assert {path.stem for path in corpus.HERE.iterdir()} == set(TARGETS)


def test_the_full_run_is_on_record() -> None:
    """Ten million runs in all, on every target, without a crash."""
    record = json.loads(corpus.FULL_RUN.read_text(encoding="ascii"))
    assert record["runs"] >= 10_000_000
    assert set(record["targets"]) == set(TARGETS)
    assert not any(figures["crashes"] for figures in record["targets"].values())


def mutations(name: str, number: int, seed: int) -> Iterator[bytes]:
    """Inputs of the corpus, each with some bytes changed and some added."""
    source, inputs = random.Random(seed), corpus.inputs(name)
    for _ in range(number):
        data = bytearray(source.choice(inputs) + source.randbytes(source.randrange(16)))
        for _ in range(source.randrange(4)):
            data[source.randrange(len(data))] = source.randrange(256)
        yield bytes(data)


def first_fault(name: str) -> BaseException | None:
    """What the corpus and its mutations find."""
    try:
        for data in (*corpus.inputs(name), *mutations(name, MOST, seed=1)):
            TARGETS[name](data)
    except Exception as fault:  # noqa: BLE001  # whatever it is, it was found
        return fault
    return None


# ---- broken implementations ----

Break = Callable[[pytest.MonkeyPatch], None]


def any_script(typed: Hidden[str], digits: int) -> Hidden[str] | None:
    """A canonical code by `str.isdigit`, which takes the digits of every script."""
    plain = "".join(str(unicodedata.digit(one, one)) for one in typed.value.strip() if one not in " -")
    return Hidden(plain) if plain.isdigit() and len(plain) == digits and len(typed.value) <= 64 else None


def by_int(typed: Hidden[str], digits: int) -> Hidden[str] | None:
    """A canonical code by `int`, which raises."""
    return Hidden(f"{int(typed.value.replace(' ', '').replace('-', '')):0{digits}d}")


def ignores_what_is_spent(self: TOTP, code: str, at: float, *, after: int, window: tuple[int, int]) -> Match | None:
    """`TOTP.match` without replay protection."""
    return MATCH(self, code, at, after=-1, window=window)


MATCH = TOTP.match


def upper_first(typed: Hidden[str]) -> Hidden[str] | None:
    """A recovery code whose letters are folded before they are checked: the dotless i becomes an I."""
    plain = typed.value.strip(" \t\n\r\v\f").upper().translate(str.maketrans("OIL", "011", " -"))
    return Hidden(plain) if len(plain) == 24 and not plain.strip("0123456789ABCDEFGHJKMNPQRSTVWXYZ") else None


def guesses(text: str) -> Secret:
    """Base32 that takes 0 for O and 1 for L."""
    plain = text.replace(" ", "").replace("-", "").rstrip("=").replace("0", "O").replace("1", "L").upper()
    return Secret.from_base32(plain)


def raises_another(text: str) -> Secret:
    """Base32 by the standard library alone, whose error is another."""
    plain = text.replace(" ", "").replace("-", "").upper().rstrip("=")
    return Secret(base64.b32decode(plain + "=" * (-len(plain) % 8)))


def forgets_padding(text: str) -> Secret:
    """Base32 that takes any number of `=`."""
    return Secret.from_base32(text.rstrip("= -"))


def last_one_wins(query: Hidden[str]) -> dict[str, str]:
    """Parameters of which the last of two stands."""
    pairs = (part.partition("=") for part in query.value.split("&"))
    found = {name.lower(): value for name, _, value in pairs}
    return {name: value for name, value in found.items() if name in _urireading._PARAMETERS}


def any_number(given: Hidden[dict[str, str]], name: str, default: int, low: int, high: int) -> int:
    """A number by `int`, which takes signs, spaces and other scripts' digits."""
    try:
        found = int(given.value.get(name, default))
    except ValueError:
        found = -1
    if not low <= found <= high:
        raise InvalidURI(f"{name} must be a number from {low} to {high}")
    return found


def raising(data: Hidden[bytes]) -> Record | Unreadable:
    """A decoder that lets a `KeyError` out."""
    if data.value.startswith(b'{"v":1,') and b'"code_tally"' not in data.value:
        raise KeyError("code_tally")
    return decode(data)


def forgives_spent(data: Hidden[bytes]) -> Record | Unreadable:
    """A decoder that reads a spent counter that is missing as nothing spent."""
    return decode(Hidden(data.value.replace(b'"spent":null', b'"spent":-1').replace(b'"spent":true', b'"spent":1')))


def without(owner: object, name: str, replacement: object) -> Break:
    """Break one function of totpcore's, or of a target's."""
    return lambda patch: patch.setattr(owner, name, replacement)


def any_whole(value: int, low: int, high: int) -> int:
    """A check that takes any number."""
    return value


def zero_floor(active: Active, moment: Any) -> int:
    """A floor that a recovery login lets fall."""
    return -1


BROKEN: dict[str, tuple[str, Break]] = {
    "digits of other scripts": ("codes", without(codes, "canonical_code", any_script)),
    "int for a code": ("codes", without(codes, "canonical_code", by_int)),
    "spent codes match": ("codes", without(TOTP, "match", ignores_what_is_spent)),
    "a recovery code folded first": ("codes", without(codes, "canonical_recovery_code", upper_first)),
    "base32 that guesses": ("base32", without(base32, "Secret", SimpleNamespace(from_base32=guesses))),
    "another error for base32": ("base32", without(base32, "Secret", SimpleNamespace(from_base32=raises_another))),
    "any padding": ("base32", without(base32, "Secret", SimpleNamespace(from_base32=forgets_padding))),
    "the last parameter wins": ("uris", without(_urireading, "_parameters", last_one_wins)),
    "int for a number": ("uris", without(_urireading, "_number", any_number)),
    "half a character is read": ("uris", without(_urireading, "has_lone_surrogate", lambda _: False)),
    "a KeyError from the decoder": ("stored", without(stored, "decode", raising)),
    "a spent counter forgiven": ("stored", without(stored, "decode", forgives_spent)),
    "fields that stand twice": ("stored", without(_record, "_parse", json.loads)),
    "fields that nobody knows": ("stored", without(_record, "_read", lambda source, read: read(source.value.pop))),
    "any number": ("stored", without(_record, "_whole", any_whole)),
    "a floor that falls": ("stored", without(_spending, "floor_of", zero_floor)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_implementation_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one thing broken, the corpus and its mutations find a fault or an error that is not documented."""
    target, broken = BROKEN[name]
    broken(monkeypatch)
    fault = first_fault(target)
    assert isinstance(fault, Fault | ValueError | KeyError | TypeError | binascii.Error), "nothing was found"
