"""Recovery codes: how they are made, read, kept and spent."""

import copy
import hashlib
import hmac
import pickle
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import kept as kept_sets
from totpcore._guard import Hidden
from totpcore.errors import InvalidParameters
from totpcore.recovery import RecoveryCodes, RecoverySet, canonical_recovery_code, find, keep

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
CODE = "0123-4567-89AB-CDEF-GHJK-MNPQ"
PLAIN = CODE.replace("-", "")
SALT = bytes(range(16))

codes = st.text(st.sampled_from(ALPHABET), min_size=24, max_size=24)


def canonical(typed: str) -> str | None:
    """What is understood, as plain text."""
    found = canonical_recovery_code(Hidden(typed))
    return None if found is None else found.value


# ---- how they are made ----


def test_codes_are_24_characters_in_groups_of_four() -> None:
    """They are written as people can read them out: six groups, upper case, hyphens between."""
    for code in RecoveryCodes.generate(100):
        groups = code.split("-")
        assert [len(group) for group in groups] == [4] * 6
        assert set("".join(groups)) <= set(ALPHABET)


@pytest.mark.requirement(
    "N63B4-3.1.1.2-1", "N63B4-3.1.2.1-1", "N63B4-3.1.2.1-3", "N63B4-3.1.2.2-3", "N63B4-3.2.12-1", "N63B4-4.2.1.1-2",
    "A5-6.5.2", "A5-6.5.3", "A5-6.5.4", "A4-2.6.2", "A4-2.6.3",
)  # fmt: skip
@pytest.mark.parametrize("number", [0, 1, 31, 32, 2**120 - 1, int.from_bytes(b"fifteen bytes!!")])
def test_a_code_is_its_random_bits(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A code is 120 bits of the system's randomness in Crockford's base32, all of them and nothing else."""
    asked = []

    def drawn(count: int) -> bytes:
        asked.append(count)
        return number.to_bytes(15, "big")

    monkeypatch.setattr(secrets, "token_bytes", drawn)
    (code,) = RecoveryCodes.generate(1)
    read = 0
    for character in code.replace("-", ""):
        read = read * 32 + ALPHABET.index(character)
    assert (read, asked) == (number, [15])


@pytest.mark.requirement("N63B4-3.1.2.1-1", "A4-2.6.3")
def test_every_character_is_equally_likely() -> None:
    """In 2 000 codes each character of the alphabet comes up at its share, at every place: no bias of a modulus."""
    made = [code.replace("-", "") for _ in range(20) for code in RecoveryCodes.generate(100)]
    for seen in (Counter("".join(made)), Counter(code[0] for code in made), Counter(code[-1] for code in made)):
        share = seen.total() / 32
        chi_square = sum((seen[character] - share) ** 2 / share for character in ALPHABET)
        assert chi_square < 90  # 31 degrees of freedom: exceeded by chance once in ten million runs


def test_no_two_codes_are_equal() -> None:
    """All codes of many sets differ."""
    made = [code for _ in range(20) for code in RecoveryCodes.generate(100)]
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("count", [1, 10, 100])
def test_as_many_codes_as_asked_for(count: int) -> None:
    """A set has from 1 to 100 codes."""
    assert len(RecoveryCodes.generate(count)) == count


@pytest.mark.parametrize("count", [-1, 0, 101])
def test_no_other_number_of_codes(count: int) -> None:
    """Neither none nor more than a hundred."""
    with pytest.raises(InvalidParameters, match="count"):
        RecoveryCodes.generate(count)


@pytest.mark.parametrize("count", [None, True, 10.0, "10"])
def test_the_number_of_codes_is_an_int(count: Any) -> None:
    """Another type is a `TypeError`."""
    with pytest.raises(TypeError, match="count"):
        RecoveryCodes.generate(count)


# ---- how they are read ----


@given(codes, st.data())
def test_every_spelling_is_the_same_code(code: str, data: st.DataObject) -> None:
    """Case, look-alikes, and spaces and hyphens anywhere change nothing."""
    looks = {"0": "0Oo", "1": "1IiLl"}
    drawn = st.sampled_from(["", "", "", " ", "-"])
    written = "".join(
        data.draw(st.sampled_from(looks.get(character, character + character.lower()))) + data.draw(drawn)
        for character in code
    )
    assert canonical(written) == (code if len(written) <= 64 else None)


@pytest.mark.parametrize(("length", "read"), [(63, True), (64, True), (65, False)])
def test_sixty_four_characters_are_room_enough(length: int, read: bool) -> None:
    """Longer text is refused unread, whatever is in it."""
    (code,) = RecoveryCodes.generate(1)
    assert (canonical(code.ljust(length)) is not None) is read


@pytest.mark.parametrize("written", [
    CODE, PLAIN, CODE.lower(), f"  {CODE}\n", CODE.replace("-", " "), "-".join(PLAIN), CODE.replace("01", "OI"),
    CODE.replace("01", "ol"),
])  # fmt: skip
def test_spellings_that_people_use(written: str) -> None:
    """With and without hyphens, in lower case, with spaces, with a letter for the digit that it looks like."""
    assert canonical(written) == PLAIN


@pytest.mark.parametrize("written", [
    "", " ", "-", "123456", PLAIN[:-1], PLAIN + "0", PLAIN[:-1] + "U", PLAIN[:-1] + "u", PLAIN[:-1] + "*",
    PLAIN[:-1] + "=",
    PLAIN[:-1] + "\0", PLAIN[:12] + "\n" + PLAIN[12:], PLAIN[:12] + "_" + PLAIN[12:],
    PLAIN[:-1] + "\N{FULLWIDTH DIGIT ONE}",
    PLAIN[:-1] + "\N{LATIN SMALL LETTER LONG S}", PLAIN[:-1] + "\N{LATIN SMALL LETTER DOTLESS I}",
    PLAIN + "\N{NO-BREAK SPACE}",
    PLAIN[:-1] + "\N{KELVIN SIGN}", PLAIN.replace("4", "\N{ARABIC-INDIC DIGIT FOUR}"), PLAIN[:-1] + "\ud800",
    PLAIN + " " * 41, "0" * 10**6, "-" * 10**6,
], ids=lambda text: ascii(text[-8:]))  # fmt: skip
def test_what_is_no_recovery_code(written: str) -> None:
    """Other lengths, letters that are not in the alphabet, and other scripts: no recovery code, and no exception."""
    assert canonical(written) is None


@given(st.text(st.characters(exclude_categories=[]), max_size=80))
def test_any_text_is_a_code_or_none(written: str) -> None:
    """Whatever is typed gives 24 characters of the alphabet or nothing."""
    found = canonical(written)
    assert found is None or (len(found) == 24 and set(found) <= set(ALPHABET))


@pytest.mark.parametrize("digits", ["123456", "1234567", "12345678", "123 456"])
def test_a_one_time_code_is_no_recovery_code(digits: str) -> None:
    """The two kinds cannot be taken for each other."""
    assert canonical(digits) is None


# ---- how they are kept and spent ----


@given(st.integers(1, 12), st.data())
def test_each_code_is_spent_once(count: int, data: st.DataObject) -> None:
    """In whatever order: a code is found, spends its own entry and no other, and is then told as spent."""
    made = RecoveryCodes.generate(count)
    kept, left = keep(made, SALT), count
    for place in data.draw(st.permutations(range(count))):
        plain = Hidden(made[place].replace("-", ""))
        assert find(kept, plain) == place
        assert not kept.is_spent(place)
        after = kept.spend(place)
        left -= 1
        assert (after.spent ^ kept.spent, after.left) == (1 << place, left)
        assert find(after, plain) == place
        assert after.is_spent(place)
        kept = after


@given(st.integers(1, 100).flatmap(kept_sets), codes)
def test_another_code_is_not_in_the_set(kept: RecoverySet, code: str) -> None:
    """A code that was not issued with the set is not found, whatever is spent."""
    assert find(kept, Hidden(code)) is None


@given(st.integers(1, 100).flatmap(kept_sets))
def test_what_is_left(kept: RecoverySet) -> None:
    """As many codes are left as have no mark; once void, none is, and the digests stay."""
    count = len(kept.digests) // 32
    assert kept.left == count - kept.spent.bit_count()
    assert (kept.void().left, kept.void().digests, kept.void().salt) == (0, kept.digests, kept.salt)
    assert kept.void().spent == 2**count - 1


def test_a_set_keeps_no_code() -> None:
    """What is stored holds no code and no half of one; under another salt it is another value."""
    made = RecoveryCodes.generate(10)
    kept, other = keep(made, SALT), keep(made, SALT[::-1])
    assert len(kept.digests) == 320
    assert kept.digests != other.digests
    assert len({kept.digests[start : start + 32] for start in range(0, 320, 32)}) == 10
    for code in made:
        plain = code.replace("-", "")
        for half in (plain[:12], plain[12:]):
            assert half.encode() not in kept.digests + kept.salt


@pytest.mark.requirement("N63B4-3.1.1.2-1", "N63B4-3.1.2.2-2", "N63B4-4.2.1.1-6", "A5-6.5.2", "A4-2.6.3")
def test_a_code_is_kept_as_its_hmac_under_the_salt() -> None:
    """HMAC-SHA-256, key is the salt, message the code without hyphens: computed here from the hash, by RFC 2104."""
    made = RecoveryCodes.generate(10)
    kept = keep(made, SALT)
    inner, outer = (bytes(byte ^ pad for byte in SALT.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    for place, code in enumerate(made):
        message = code.replace("-", "").encode()
        expect = hashlib.sha256(outer + hashlib.sha256(inner + message).digest()).digest()
        assert kept.digests[32 * place : 32 * place + 32] == expect
    assert kept.salt == SALT


@pytest.mark.requirement("N63B4-3.1.1.2-2")
def test_a_code_of_another_salt_is_wrong() -> None:
    """A set is bound to its salt."""
    made = RecoveryCodes.generate(1)
    kept = keep(made, SALT)._replace(salt=SALT[::-1])
    assert find(kept, Hidden(made[0].replace("-", ""))) is None


@pytest.mark.requirement("A5-11.2.4")
@pytest.mark.parametrize("place", [0, 4, 9, None])
def test_every_entry_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, place: int | None) -> None:
    """One HMAC and ten comparisons, wherever the code is, and where it is not."""
    made = RecoveryCodes.generate(10)
    kept = keep(made, SALT)
    compare, digest = Mock(wraps=hmac.compare_digest), Mock(wraps=hmac.digest)
    monkeypatch.setattr(hmac, "compare_digest", compare)
    monkeypatch.setattr(hmac, "digest", digest)
    find(kept, Hidden(PLAIN if place is None else made[place].replace("-", "")))
    assert (compare.call_count, digest.call_count) == (10, 1)


# ---- codes as a value ----


def test_codes_are_a_sequence() -> None:
    """They can be counted, indexed, sliced, reversed, searched and iterated, and a slice hides as well."""
    made = RecoveryCodes(["a", "b", "c"])
    assert isinstance(made, Sequence)
    assert (len(made), made[0], made[-1], list(made), list(reversed(made))) == (
        3,
        "a",
        "c",
        ["a", "b", "c"],
        ["c", "b", "a"],
    )
    assert ("b" in made, "x" in made, made.index("c"), made.count("a")) == (True, False, 2, 1)
    assert isinstance(made[1:], RecoveryCodes)
    assert (list(made[1:]), repr(made[1:])) == (["b", "c"], "<RecoveryCodes: 2, hidden>")
    with pytest.raises(IndexError):
        made[3]


def test_codes_are_kept_as_they_were() -> None:
    """Changing the list they came from changes nothing."""
    source = ["a", "b"]
    made = RecoveryCodes(source)
    source.append("c")
    assert list(made) == ["a", "b"]


@pytest.mark.parametrize("way", [repr, str, "{}".format, "{!s:>27}".format])
def test_no_text_shows_the_codes(way: Callable[[RecoveryCodes], str]) -> None:
    """Only how many there are."""
    assert way(RecoveryCodes.generate(10)) == "<RecoveryCodes: 10, hidden>"


@pytest.mark.parametrize("way", [*(lambda s, p=p: pickle.dumps(s, p) for p in range(6)), copy.copy, copy.deepcopy])
def test_no_copy_takes_the_codes_along(way: Callable[[RecoveryCodes], object]) -> None:
    """Pickle in every protocol, `copy` and `deepcopy` are refused."""
    with pytest.raises(TypeError, match="refuses to be pickled or copied"):
        way(RecoveryCodes.generate(1))


def test_codes_cannot_be_changed() -> None:
    """There is no way to put another code in, and no `__dict__`."""
    made = RecoveryCodes(["a", "b"])
    for name in ("something", "_codes"):
        with pytest.raises(AttributeError):
            setattr(made, name, ("x",))
    with pytest.raises(AttributeError):
        del made._codes
    with pytest.raises(TypeError):
        made[0] = "x"  # type: ignore[index]
    with pytest.raises(TypeError):
        vars(made)
    assert list(made) == ["a", "b"]


def test_a_kept_set_hides_itself() -> None:
    """The `repr` of what is stored tells how many are left, and neither salt nor digests."""
    assert repr(keep(RecoveryCodes.generate(3), SALT)) == "<RecoverySet: 3 left>"
