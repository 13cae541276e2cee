"""Reading `otpauth` URIs of whatever system."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate import BASE32, NOW, RAW, USER, adopted, keeps_what_was_spent, shows_nothing
from totpcore import HOTP, TOTP, InvalidCode, InvalidParameters, InvalidURI, KeyURI, Secret
from totpcore.migrate import from_uri
from totpcore.testing import HandClock

TIME_BASED = f"otpauth://totp/ACME:alice?secret={BASE32}&issuer=ACME&algorithm=SHA256&digits=8&period=60"
COUNTER_BASED = f"otpauth://hotp/alice?secret={BASE32}&counter=5"


def test_a_time_based_token() -> None:
    """All that the URI says comes along; what was spent, it does not say."""
    moved = from_uri(TIME_BASED)
    assert moved.token == TOTP(Secret(RAW), digits=8, period=60, algorithm="SHA256")
    assert (moved.account, moved.issuer, moved.spent, moved.drift) == ("alice", "ACME", -1, 0)


def test_a_counter_based_token() -> None:
    """There, `counter` is the next one that is expected; here, what is spent is kept."""
    moved = from_uri(COUNTER_BASED)
    assert moved.token == HOTP(Secret(RAW))
    assert (moved.account, moved.issuer, moved.spent, moved.steps_ahead) == ("alice", None, 4, 0)
    factor = adopted(moved, HandClock(NOW))
    for counter in range(5):
        with pytest.raises(InvalidCode):
            factor.verify(USER, moved.token.code(counter))
    assert factor.verify(USER, moved.token.code(5)).counter == 5
    assert from_uri(COUNTER_BASED.replace("5", "0")).spent == -1


def test_a_uri_without_names() -> None:
    """Nobody is nobody, not an empty name."""
    moved = from_uri(f"otpauth://totp/?secret={BASE32}")
    assert (moved.account, moved.issuer) == (None, None)


def test_names_of_others_are_kept() -> None:
    """As they are: they are no names that a developer sets here."""
    assert from_uri(f"otpauth://totp/a%3Ab%3Ac?secret={BASE32}&issuer=a").account == "b:c"


@given(st.integers(0, 10), st.integers(0, 10), st.integers(0, 29), st.integers(0, 90))
def test_what_can_have_been_accepted_is_refused(steps_ahead: int, step: int, second: int, ago: int) -> None:
    """Of all the codes that a system with this window accepted at or before now, none opens here."""
    now, token = NOW + second, TOTP(Secret(RAW))
    moved = from_uri(KeyURI(token, account="alice").text, steps_ahead=steps_ahead)
    keeps_what_was_spent(moved, now, token.code(now - ago + 30 * min(step, steps_ahead)))


def test_one_step_ahead_is_what_most_accept() -> None:
    """So that is void where nobody says otherwise."""
    assert from_uri(f"otpauth://totp/alice?secret={BASE32}").spent_by(NOW) == NOW // 30 + 1


@pytest.mark.parametrize("steps_ahead", [-1, 11])
def test_steps_ahead_are_bounded(steps_ahead: int) -> None:
    """`adopt` takes no more."""
    with pytest.raises(InvalidParameters, match="steps_ahead must be from 0 to 10"):
        from_uri(TIME_BASED, steps_ahead=steps_ahead)


@pytest.mark.parametrize(
    "uri",
    [
        TIME_BASED.replace("totp", "nothing"),
        f"{TIME_BASED}&digits=8",
        f"{TIME_BASED}#",
        TIME_BASED.replace("period=60", "period=5"),
        TIME_BASED.replace(BASE32, f"{BASE32}!"),
        BASE32,
    ],
)
def test_a_bad_uri_is_refused_without_a_word_of_it(uri: str) -> None:
    """By what is wrong with it."""
    with pytest.raises(InvalidURI) as refused:
        from_uri(uri)
    shows_nothing(refused.value)


def test_a_counter_has_to_be_told() -> None:
    """The default is 0 for those who parse: here, every code that was spent would be accepted again."""
    assert from_uri(COUNTER_BASED.replace("counter", "Counter")).spent == 4
    for uri in (COUNTER_BASED.replace("&counter=5", ""), COUNTER_BASED.replace("counter", "xcounter")):
        with pytest.raises(InvalidURI, match="counter must stand in the URI") as refused:
            from_uri(uri)
        shows_nothing(refused.value)


def test_another_type_is_a_type_error() -> None:
    """It names the argument and the type that came, and shows nothing."""
    with pytest.raises(TypeError, match="text must be a str, not list") as refused:
        from_uri([TIME_BASED])  # type: ignore[arg-type]  # which is what is tried
    shows_nothing(refused.value)
    with pytest.raises(TypeError, match="steps_ahead must be an int, not bool"):
        from_uri(TIME_BASED, steps_ahead=True)
