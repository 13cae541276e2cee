"""The shared secret: base32 both ways, what is no secret, and that nothing shows it unasked.

RFC 4648's own vectors are in `test_vectors.py`.
"""

import base64
import copy
import hmac
import pickle
import re
import secrets as os_secrets
import string
import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from records import secrets
from records.pretender import Pretender
from totpcore.errors import InvalidParameters, InvalidSecret
from totpcore.secret import Secret

RAW = b"12345678901234567890"
TEXT = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
ALPHABET = string.ascii_uppercase + "234567"
LOOK_ALIKES = "\N{LATIN SMALL LETTER LONG S}\N{LATIN SMALL LETTER DOTLESS I}\N{KELVIN SIGN}\N{LATIN SMALL LIGATURE ST}"


# ---- base32 ----


@given(secrets)
def test_base32_round_trip(secret: Secret) -> None:
    """What `base32` and `grouped` write, `from_base32` reads."""
    assert Secret.from_base32(secret.base32) == Secret.from_base32(secret.grouped) == secret


@pytest.mark.requirement("R4648-3.1-1", "R4648-3.2-1", "R4648-3.5-1", "R4648-6-1", "R4648-6-3", "KEYURI-secret-1")
@given(secrets)
def test_base32_is_that_of_the_rfc(secret: Secret) -> None:
    """It is the standard library's base32, upper case, without padding."""
    assert secret.base32 == base64.b32encode(secret.reveal()).decode().rstrip("=")
    assert set(secret.base32) <= set(ALPHABET)


@given(secrets)
def test_grouped_is_made_to_be_typed(secret: Secret) -> None:
    """Groups of four with single spaces, and the same letters."""
    groups = secret.grouped.split(" ")
    assert "".join(groups) == secret.base32
    assert [len(group) for group in groups[:-1]] == [4] * (len(groups) - 1)
    assert 1 <= len(groups[-1]) <= 4


@pytest.mark.requirement("R4648-6-3", "R4648-12-2")
@given(secrets, st.data())
def test_typing_by_hand_is_forgiven(secret: Secret, data: st.DataObject) -> None:
    """Spaces, hyphens and lower case anywhere, and padding, change nothing."""
    drawn = st.sampled_from(["", "", "", " ", "-"])
    written = "".join(
        data.draw(drawn) + (letter.lower() if data.draw(st.booleans()) else letter) for letter in secret.base32
    )
    padding = "=" * (-len(secret.base32) % 8)
    assert Secret.from_base32(written) == Secret.from_base32(written + padding) == secret


@pytest.mark.requirement("R4648-6-2")
@given(st.text(st.sampled_from(ALPHABET), min_size=16, max_size=204))
def test_any_length_reads_or_is_refused(written: str) -> None:
    """Lengths of 1, 3 and 6 beyond a multiple of 8 end in the middle of a byte, and are refused; others are read."""
    if len(written) % 8 in (1, 3, 6):
        with pytest.raises(InvalidSecret) as caught:
            Secret.from_base32(written)
        assert caught.value.position == len(written)
    elif any(base64.b32decode(written + "=" * (-len(written) % 8))):
        assert len(Secret.from_base32(written).reveal()) == len(written) * 5 // 8


@pytest.mark.requirement("R4648-3.5-2")
@pytest.mark.parametrize("last", "QRST")
def test_leftover_bits_are_ignored(last: str) -> None:
    """Non-zero bits beyond the last byte, which widely used software emits, change nothing."""
    assert Secret.from_base32(f"{TEXT}G{last}") == Secret(RAW + b"4")


@pytest.mark.requirement("R4648-3.3-1")
@given(st.integers(0, 31), st.characters(exclude_categories=[]))
@example(31, "=")  # 31 characters and the padding that completes them: nothing is wrong with that
def test_a_bad_character_is_named_by_its_position(place: int, character: str) -> None:
    """A character outside of the alphabet is refused by its place, counted in what was typed, and not shown."""
    if (character.upper() in [*ALPHABET, " ", "-"] and character.isascii()) or (place, character) == (31, "="):
        return
    with pytest.raises(InvalidSecret) as caught:
        Secret.from_base32(TEXT[:place] + character + TEXT[place + 1 :])
    assert caught.value.position is not None
    if character != "=":
        assert caught.value.position == place
        assert f"character {place + 1} " in str(caught.value)


@pytest.mark.requirement("R4648-3.4-1")
@pytest.mark.parametrize("character", [*"0189", *LOOK_ALIKES])
def test_look_alikes_are_never_guessed(character: str) -> None:
    """`0`, `1`, `8` and `9` are in nobody's alphabet, and letters that upper-case into it are other letters."""
    with pytest.raises(InvalidSecret) as caught:
        Secret.from_base32(f"gezd {character}nbv")
    assert caught.value.position == 5


@pytest.mark.requirement("R4648-3.3-1", "R4648-12-1")
def test_every_other_character_is_refused() -> None:
    """Only the 32 letters and digits, space and hyphen; tried on much of Unicode."""
    good = set(ALPHABET + ALPHABET.lower() + " -")
    for point in range(sys.maxunicode + 1):
        character = chr(point)
        if character not in good and (point < 0x3000 or point % 97 == 0 or character.upper() in good):
            with pytest.raises(InvalidSecret):
                Secret.from_base32(f"{TEXT[:8]}{character}{TEXT[8:]}")


@pytest.mark.requirement("R4648-3.2-1", "R4648-3.3-2")
@pytest.mark.parametrize("length", [16, 18, 20, 21, 23, 24])
@pytest.mark.parametrize("pads", range(9))
def test_padding_is_right_or_not_there(length: int, pads: int) -> None:
    """Padding may be left out; where it stands it has to complete the last group of eight."""
    written = TEXT[:length] + "=" * pads
    if pads in (0, -length % 8):
        assert Secret.from_base32(written).base32[: length - 1] == TEXT[: length - 1]
    else:
        with pytest.raises(InvalidSecret, match="padding"):
            Secret.from_base32(written)


@pytest.mark.requirement("R4648-3.3-2")
@pytest.mark.parametrize(
    "written", ["GEZD=NBVGY3TQOJQ", "=GEZDGNBVGY3TQOJQ", "GEZDGNBV=======GY3TQOJQ", "GE==ZDGNBVGY3TQOJQ"]
)
def test_padding_stands_at_the_end(written: str) -> None:
    """Inside of the text `=` is no character of the alphabet."""
    with pytest.raises(InvalidSecret) as caught:
        Secret.from_base32(written)
    assert caught.value.position == written.index("=")


def test_padding_may_be_spaced() -> None:
    """Spaces between and behind the padding are typing, too."""
    assert Secret.from_base32(f"{TEXT} GE==  ==== ") == Secret(RAW + b"1")


@pytest.mark.parametrize("written", ["", " ", "-", "=", "======", "A", "AA", "GEZDGNBV", "A" * 16, "A" * 32, "a a a a"])
def test_what_is_too_little(written: str) -> None:
    """Nothing, a few characters, and zeros are no secret."""
    with pytest.raises(InvalidSecret):
        Secret.from_base32(written)


@pytest.mark.requirement("R4648-12-1")
@pytest.mark.parametrize("length", [513, 10**6])
def test_long_text_is_refused_unread(length: int) -> None:
    """Whatever it holds, text of more than 512 characters is refused by its length alone."""
    for written in ("A" * length, "\0" * length, " " * length):
        with pytest.raises(InvalidSecret, match="at most 512"):
            Secret.from_base32(written)
    assert Secret.from_base32(TEXT + " " * (512 - len(TEXT))).base32 == TEXT


@pytest.mark.requirement("R4648-12-1")
@given(st.text(st.characters(exclude_categories=[]), max_size=40))
def test_any_text_is_a_secret_or_refused(written: str) -> None:
    """Whatever text comes in, a `Secret` or `InvalidSecret` comes out, and the text is in neither."""
    text = ""
    try:
        text = repr(Secret.from_base32(written))
    except InvalidSecret as error:
        text = str(error)
    # By the words that are known, because one of them may have been typed: "bytes" is base32 too.
    assert re.fullmatch(
        r"<Secret: [0-9]+ bytes, hidden>|character [0-9]+ is not in the base32 alphabet"
        r"|base32 ends in the middle of a byte|the padding does not complete the last group"
        r"|a secret must have 10 to 128 bytes, not all of them zero",
        text,
    )


@pytest.mark.parametrize(
    "value", [None, 5, TEXT.encode(), RAW, [TEXT], Pretender()], ids=lambda value: type(value).__name__
)
def test_base32_is_a_str(value: Any) -> None:
    """Bytes, of which nobody knows whether they are encoded, are a `TypeError`."""
    with pytest.raises(TypeError, match="text must be a str"):
        Secret.from_base32(value)


# ---- bytes ----


@pytest.mark.parametrize("length", [0, 1, 9, 129, 10_000])
def test_lengths_that_are_no_secret(length: int) -> None:
    """Fewer than 10 or more than 128 bytes are refused."""
    with pytest.raises(InvalidSecret, match="10 to 128"):
        Secret(b"x" * length)


@pytest.mark.parametrize("length", [10, 20, 64, 128])
def test_zeros_are_no_secret(length: int) -> None:
    """HMAC pads with zeros, so that a key of zeros is the empty key. One bit is enough for a secret."""
    with pytest.raises(InvalidSecret, match="zero"):
        Secret(bytes(length))
    assert Secret(bytes(length - 1) + b"\x01").reveal()[-1] == 1


@pytest.mark.parametrize("value", [None, TEXT, bytearray(RAW), memoryview(RAW), 20, list(RAW), Secret(RAW),
                                   Pretender()],
                         ids=lambda value: type(value).__name__)  # fmt: skip
def test_a_secret_is_made_of_bytes(value: Any) -> None:
    """Anything else, a `str` above all, is a `TypeError`: is it base32, hex, or the secret itself?"""
    with pytest.raises(TypeError, match="raw must be bytes"):
        Secret(value)


@pytest.mark.parametrize(("length", "weak"), [(10, True), (15, True), (16, False), (128, False)])
def test_weak_is_fewer_than_128_bits(length: int, weak: bool) -> None:
    """RFC 4226 R6 asks for 128 bits; other systems' secrets may have fewer, and say so."""
    assert Secret(b"x" * length).weak is weak


# ---- generation ----


@pytest.mark.requirement("R4226-4-R6b")
def test_generate_makes_160_bits() -> None:
    """The default is 20 bytes, as long as the output of SHA-1: 32 characters of base32."""
    assert len(Secret.generate().reveal()) == 20
    assert len(Secret.generate().base32) == 32


@pytest.mark.parametrize("nbytes", [16, 32, 64, 128])
def test_generate_makes_the_length_asked_for(nbytes: int) -> None:
    """`nbytes` counts bytes, not characters and not bits."""
    assert len(Secret.generate(nbytes).reveal()) == nbytes


@pytest.mark.requirement(
    "R4226-7.5-3", "R4226-7.5-4", "R6238-3-R6", "R6238-5.1-1", "R6238-5.1-3", "N63B4-3.2.12-1", "A5-6.4.1", "A5-6.5.3",
    "A4-2.8.3", "OMFA-7",
)  # fmt: skip
def test_generate_takes_the_system_s_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte comes from `secrets.token_bytes`, and nothing is done to it."""
    asked = []

    def drawn(count: int) -> bytes:
        asked.append(count)
        return bytes(range(1, count + 1))

    monkeypatch.setattr(os_secrets, "token_bytes", drawn)
    assert Secret.generate(30).reveal() == bytes(range(1, 31))
    assert asked == [30]


@pytest.mark.requirement("R6238-5.1-1")
def test_generate_never_repeats() -> None:
    """Of a thousand secrets no two are equal."""
    assert len({Secret.generate().base32 for _ in range(1000)}) == 1000


@pytest.mark.requirement("R4226-4-R6a", "N63B4-3.1.4.1-1", "A5-11.2.3", "A5-11.5.1")
@pytest.mark.parametrize("nbytes", [-1, 0, 15, 129])
def test_generate_refuses_other_lengths(nbytes: int) -> None:
    """Nothing below 128 bits is made here."""
    with pytest.raises(InvalidParameters, match="nbytes"):
        Secret.generate(nbytes)


@pytest.mark.parametrize("nbytes", [None, True, 20.0, "20"])
def test_generate_wants_a_number(nbytes: Any) -> None:
    """Another type is a `TypeError`."""
    with pytest.raises(TypeError, match="nbytes"):
        Secret.generate(nbytes)


# ---- a secret as a value ----


@pytest.mark.requirement("R4648-12-2")
@given(secrets, secrets)
def test_equality_is_that_of_the_bytes(one: Secret, other: Secret) -> None:
    """Two secrets are equal where their bytes are."""
    assert one == Secret(one.reveal())
    assert (one == other) is (one.reveal() == other.reveal())


@pytest.mark.parametrize("other", [RAW, TEXT, None, 5])
def test_a_secret_equals_nothing_else(other: object) -> None:
    """Neither its bytes nor its base32."""
    assert Secret(RAW) != other


def test_equality_takes_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is `hmac.compare_digest` on the bytes."""
    compare = Mock(return_value=True)
    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert Secret(RAW) == Secret(RAW[::-1])
    compare.assert_called_once_with(RAW, RAW[::-1])


def test_a_secret_cannot_be_hashed() -> None:
    """It cannot end up as a key of a dictionary or in a cache."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(Secret(RAW))


@pytest.mark.parametrize("way", [repr, str, "{}".format, "{!r:>60}".format, "{0} {0!r}".format])
def test_no_text_shows_a_secret(way: Callable[[Secret], str]) -> None:
    """`repr`, `str` and `format` tell its length, and hide the rest."""
    assert re.fullmatch(r"( *<Secret: 20 bytes, hidden>)+", way(Secret(RAW)))


@pytest.mark.parametrize("way", [*(lambda s, p=p: pickle.dumps(s, p) for p in range(6)), copy.copy, copy.deepcopy])
def test_no_copy_takes_a_secret_along(way: Callable[[Secret], object]) -> None:
    """Pickle in every protocol, `copy` and `deepcopy` are refused, by name of the type and without the secret."""
    with pytest.raises(TypeError, match=r"^Secret holds a secret and refuses to be pickled or copied$"):
        way(Secret(RAW))


def test_a_secret_cannot_be_changed() -> None:
    """No attribute can be set, deleted or added, and there is no `__dict__` to reach into."""
    secret = Secret(RAW)
    for name in ("_raw", "base32", "something"):
        with pytest.raises(AttributeError, match="cannot be changed"):
            setattr(secret, name, RAW)
    with pytest.raises(AttributeError, match="cannot be changed"):
        del secret._raw
    with pytest.raises(TypeError):
        vars(secret)
    assert secret.reveal() == RAW
