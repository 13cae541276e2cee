"""Reading secrets and URIs of pyotp, which are made and used by pyotp itself."""

import base64
import hashlib

import pyotp
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from migrate import BASE32, NOW, RAW, USER, adopted, keeps_what_was_spent, shows_nothing
from totpcore import HOTP, TOTP, CodeReplayed, InvalidCode, InvalidParameters, InvalidSecret, InvalidURI, Secret
from totpcore.migrate import from_pyotp
from totpcore.testing import HandClock

HASHES = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}


# ---- what is read ----


def test_a_secret() -> None:
    """Without a word it is what pyotp makes of it: six digits, thirty seconds, SHA1, and no step ahead."""
    moved = from_pyotp(BASE32)
    assert moved.token == TOTP(Secret(RAW))
    assert (moved.spent, moved.steps_ahead, moved.account, moved.issuer) == (-1, 0, None, None)


def test_a_secret_with_what_was_passed_to_pyotp() -> None:
    """Under the names that pyotp has for it; the hash in any case."""
    moved = from_pyotp(BASE32, digits=8, interval=60, digest="sha512", valid_window=2)
    assert moved.token == TOTP(Secret(RAW), digits=8, period=60, algorithm="SHA512")
    assert moved.steps_ahead == 2


def test_a_counter_makes_it_counter_based() -> None:
    """It is the next one: the one before it is spent."""
    moved = from_pyotp(BASE32, counter=3, digits=7, digest="SHA256")
    assert moved.token == HOTP(Secret(RAW), digits=7, algorithm="SHA256")
    assert (moved.spent, moved.steps_ahead) == (2, 0)
    assert from_pyotp(BASE32, counter=0).spent == -1


def test_a_uri() -> None:
    """It says all but what was spent, and how far ahead codes were accepted."""
    there = pyotp.TOTP(BASE32, digits=8, interval=60, digest=hashlib.sha256)
    moved = from_pyotp(there.provisioning_uri(name="alice@example.com", issuer_name="A C"), valid_window=1)
    assert moved.token == TOTP(Secret(RAW), digits=8, period=60, algorithm="SHA256")
    assert (moved.account, moved.issuer, moved.spent, moved.steps_ahead) == ("alice@example.com", "A C", -1, 1)


def test_a_uri_and_what_was_passed_may_agree() -> None:
    """As they do where a script says it for all of a column."""
    there = pyotp.TOTP(BASE32, digits=8, interval=60, digest=hashlib.sha256)
    moved = from_pyotp(there.provisioning_uri(name="alice"), digits=8, interval=60, digest="SHA256")
    assert moved.token == TOTP(Secret(RAW), digits=8, period=60, algorithm="SHA256")


def test_a_counter_based_uri() -> None:
    """The counter in it is that of set-up, so the next one has to be said, and the least that it can be is that one."""
    uri = pyotp.HOTP(BASE32, initial_count=5).provisioning_uri(name="alice")
    moved = from_pyotp(uri, counter=9, valid_window=1, interval=60)
    assert moved.token == HOTP(Secret(RAW))
    assert (moved.spent, moved.steps_ahead, moved.account) == (8, 0, "alice")
    assert from_pyotp(uri, counter=5).spent == 4


# ---- what is refused ----

HOTP_URI = f"otpauth://hotp/alice?secret={BASE32}&counter=5"
TOTP_URI = f"otpauth://totp/alice?secret={BASE32}"


@pytest.mark.parametrize(
    ("text", "passed", "told"),
    [
        (BASE32, {"digits": 5}, "digits must be from 6 to 8"),
        (BASE32, {"digits": 10}, "digits must be from 6 to 8"),
        (BASE32, {"interval": 9}, "interval must be from 10 to 300"),
        (BASE32, {"digest": "SHA224"}, "digest must be one of SHA1, SHA256, SHA512"),
        (BASE32, {"digest": "\u017fha1"}, "digest must be one of SHA1, SHA256, SHA512"),
        (BASE32, {"valid_window": -1}, "valid_window must be from 0 to 10"),
        (BASE32, {"valid_window": 11}, "valid_window must be from 0 to 10"),
        (BASE32, {"counter": -1}, "counter must be from 0"),
        (BASE32, {"counter": 2**64}, "counter must be from 0"),
        (TOTP_URI, {"digits": 8}, "digits must be left out, or be what the URI says"),
        (TOTP_URI, {"interval": 60}, "interval must be left out, or be what the URI says"),
        (TOTP_URI, {"digest": "SHA256"}, "digest must be left out, or be what the URI says"),
        (TOTP_URI, {"counter": 0}, "counter must be left out: the token is time-based"),
        (HOTP_URI, {}, "counter must be given: the URI has the one of the day of set-up"),
        (HOTP_URI, {"counter": 4}, "counter must be from 5"),
    ],
)
def test_what_was_passed_is_refused_by_its_name(text: str, passed: dict[str, int], told: str) -> None:
    """With what is allowed, and nothing of the secret."""
    with pytest.raises(InvalidParameters, match=told) as refused:
        from_pyotp(text, **passed)  # type: ignore[arg-type]  # one of them is a str
    shows_nothing(refused.value)


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        (f"{BASE32}1", InvalidSecret, "text must be a secret in base32: character 33 is not in the base32 alphabet"),
        ("", InvalidSecret, "text must be a secret in base32: base32 ends in the middle of a byte"),
        ("A" * 32, InvalidSecret, "text must be a secret in base32: .* not all of them zero"),
        (BASE32[:15], InvalidSecret, "text must be a secret in base32"),
        (f"{TOTP_URI}&encoder=steam", InvalidURI, "Steam"),
        (f"http://example.com/?secret={BASE32}", InvalidURI, "must begin with otpauth://totp/ or otpauth://hotp/"),
    ],
)
def test_a_text_that_is_no_secret_is_refused(text: str, error: type[Exception], told: str) -> None:
    """By the position, or by what is wrong with a URI; and no traceback shows it."""
    with pytest.raises(error, match=told) as refused:
        from_pyotp(text)
    shows_nothing(refused.value, *filter(None, [text[:15] if "://" not in text else ""]))


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        ({"text": BASE32.encode()}, "text must be a str, not bytes"),
        ({"text": None}, "text must be a str, not NoneType"),
        ({"text": BASE32, "digest": hashlib.sha1}, "digest must be a str, not builtin_function_or_method"),
        ({"text": BASE32, "digits": "6"}, "digits must be an int, not str"),
        ({"text": BASE32, "counter": True}, "counter must be an int, not bool"),
    ],
)
def test_another_type_is_a_type_error(passed: dict[str, object], told: str) -> None:
    """It names the argument, what is allowed and the type that came."""
    with pytest.raises(TypeError, match=told) as refused:
        from_pyotp(**passed)  # type: ignore[arg-type]  # which is what is tried
    shows_nothing(refused.value)


# ---- pyotp itself ----


@given(
    raw=st.binary(min_size=14, max_size=64).filter(any),
    digits=st.integers(6, 8),
    interval=st.integers(10, 120),
    digest=st.sampled_from(sorted(HASHES)),
    valid_window=st.integers(0, 5),
    offset=st.integers(-5, 5),
    ago=st.integers(0, 700),
    second=st.integers(0, 120),
)
def test_what_pyotp_accepted_is_refused(
    *, raw: bytes, digits: int, interval: int, digest: str, valid_window: int, offset: int, ago: int, second: int
) -> None:
    """Whatever its numbers: no code that it took at or before now opens here; the next one does, as there."""
    assume(abs(offset) <= valid_window)
    text, now = base64.b32encode(raw).decode().rstrip("="), NOW + second
    there = pyotp.TOTP(text, digits=digits, interval=interval, digest=HASHES[digest])
    code = there.at(now - ago, counter_offset=offset)
    assert there.verify(code, for_time=now - ago, valid_window=valid_window)
    bare = from_pyotp(text, digits=digits, interval=interval, digest=digest, valid_window=valid_window)
    uri = from_pyotp(there.provisioning_uri(name="alice"), valid_window=valid_window)
    assert bare.token == uri.token
    keeps_what_was_spent(bare, now, code)
    assert bare.token.code(now) == there.at(now)


def test_an_application_moves() -> None:
    """A secret that pyotp made and whose code it took: that one is refused here, the next one opens in both."""
    column = pyotp.random_base32()
    there = pyotp.TOTP(column)
    code = there.at(NOW)
    assert there.verify(code, for_time=NOW)
    assert there.verify(code, for_time=NOW), "pyotp takes it as often as it is typed"
    clock = HandClock(NOW)
    factor = adopted(from_pyotp(column), clock)
    with pytest.raises(CodeReplayed):
        factor.verify(USER, code)
    clock.tick(30)
    assert factor.verify(USER, there.at(NOW + 30)).user == USER
    assert there.verify(TOTP(Secret.from_base32(column)).code(NOW + 60), for_time=NOW + 60)


def test_an_application_that_kept_the_step_moves() -> None:
    """`verify_and_get_timecode` says which it was: that is what `adopt` takes, and nobody has to wait."""
    there = pyotp.TOTP(BASE32)
    last = there.verify_and_get_timecode(there.at(NOW - 30), for_time=NOW, valid_window=1)
    moved, clock = from_pyotp(BASE32, valid_window=1), HandClock(NOW)
    factor = adopted(moved, clock)
    factor.reset(USER, actor="test", reason="to take it over with the step")
    factor.adopt(USER, moved.token, spent=last)
    with pytest.raises(CodeReplayed):
        factor.verify(USER, there.at(NOW - 30))
    assert factor.verify(USER, there.at(NOW)).counter == last + 1


def test_a_counter_based_application_moves() -> None:
    """Whose counter begins at another than 0: `at` adds that one, and so does whoever moves."""
    there = pyotp.HOTP(BASE32, initial_count=5)
    code = there.at(2)
    assert there.verify(code, 2)
    moved = from_pyotp(there.provisioning_uri(name="alice"), counter=there.initial_count + 3)
    factor = adopted(moved, HandClock(NOW))
    with pytest.raises(InvalidCode):
        factor.verify(USER, code)
    assert factor.verify(USER, there.at(3)).counter == 8
    assert there.verify(moved.token.code(9), 4)
