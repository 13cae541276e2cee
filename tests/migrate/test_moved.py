"""What comes out of another system, and row after row of it."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate import BASE32, NOW, RAW, adopted, shows_nothing
from totpcore import HOTP, TOTP, InvalidParameters, Secret
from totpcore import migrate as moving
from totpcore.migrate import BadRow, Moved, from_pyotp, read_each
from totpcore.testing import HandClock

TIME_BASED = TOTP(Secret(RAW))
COUNTER_BASED = HOTP(Secret(RAW))


@given(st.integers(0, 2**33), st.integers(10, 300), st.integers(0, 10))
def test_what_is_not_known_to_be_spent_is_now(now: int, period: int, steps_ahead: int) -> None:
    """Where nothing was recorded, codes up to now are void, and those that were accepted ahead of their time."""
    token = TOTP(Secret(RAW), period=period)
    assert Moved(token=token, steps_ahead=steps_ahead).spent_by(now) == now // period + steps_ahead


@given(st.integers(1, 2**64 - 1), st.integers(0, 10))
def test_what_is_known_to_be_spent_is_kept(spent: int, steps_ahead: int) -> None:
    """Neither the time nor what was accepted ahead of it changes that."""
    for token in (TIME_BASED, COUNTER_BASED):
        assert Moved(token=token, spent=spent, steps_ahead=steps_ahead).spent_by(NOW) == spent


def test_a_column_that_begins_with_zero_tells_nothing() -> None:
    """The first time step was in 1970. A counter of 0 is the first one, and known."""
    assert Moved(token=TIME_BASED, spent=0, steps_ahead=2).spent_by(NOW) == NOW // 30 + 2
    assert Moved(token=COUNTER_BASED, spent=0).spent_by(NOW) == 0


@given(st.integers(1, 2**33), st.integers(1, 2**33), st.sampled_from([6, 7, 8]), st.integers(0, 10))
def test_of_one_secret_in_two_rows_the_highest_counter_holds(
    spent: int, other: int, digits: int, steps_ahead: int
) -> None:
    """Also where one of them shows fewer digits, which are the last ones of the other's, or does not know its own."""
    beside = TOTP(Secret(RAW), digits=digits)
    assert Moved(token=TIME_BASED, spent=spent).spent_by(NOW, beside=[Moved(token=beside, spent=other)]) == max(
        spent, other
    )
    unknown = Moved(token=beside, steps_ahead=steps_ahead)
    assert Moved(token=TIME_BASED, spent=spent).spent_by(NOW, beside=[unknown]) == max(spent, NOW // 30 + steps_ahead)


@pytest.mark.parametrize(
    "other",
    [TOTP(Secret(RAW[::-1])), TOTP(Secret(RAW), period=60), TOTP(Secret(RAW), algorithm="SHA256"), HOTP(Secret(RAW))],
)
def test_another_token_tells_nothing(other: TOTP | HOTP) -> None:
    """Its codes are others, or its counter counts something else."""
    assert Moved(token=TIME_BASED, spent=5).spent_by(NOW, beside=[Moved(token=other, spent=9)]) == 5


def test_a_counter_that_never_moved_has_nothing_to_void() -> None:
    """Time tells nothing of it."""
    assert Moved(token=COUNTER_BASED).spent_by(NOW) == -1


def test_no_clock_is_trusted_blindly() -> None:
    """What is no time, or lies before the token's first step, is refused."""
    for now in (-1, float("nan"), float("inf")):
        with pytest.raises(InvalidParameters):
            Moved(token=TIME_BASED).spent_by(now)
    with pytest.raises(InvalidParameters, match="before t0"):
        Moved(token=TOTP(Secret(RAW), t0=NOW)).spent_by(NOW - 1)


@pytest.mark.parametrize("steps_ahead", [0, moving._moved.FARTHEST_AHEAD])
def test_whatever_can_be_read_can_be_adopted(steps_ahead: int) -> None:
    """The most that is read as ahead is the most that `adopt` takes."""
    adopted(Moved(token=TIME_BASED, steps_ahead=steps_ahead), HandClock(NOW))
    with pytest.raises(InvalidParameters, match="in the future"):
        adopted(Moved(token=TIME_BASED, steps_ahead=moving._moved.FARTHEST_AHEAD + 1), HandClock(NOW))


def test_it_shows_no_secret_and_cannot_be_copied() -> None:
    """The token in it is what refuses."""
    moved = from_pyotp(f"otpauth://totp/ACME:alice?secret={BASE32}&issuer=ACME")
    assert BASE32 not in repr(moved)
    assert "alice" not in repr(moved)
    with pytest.raises(TypeError, match="refuses to be pickled or copied"):
        copy.deepcopy(moved)


def test_a_bad_row_is_named_and_the_next_ones_are_read() -> None:
    """By its number, from 1, and the reason, for a wrong value and for a wrong type."""
    rows: list[Any] = [BASE32, "no secret!", BASE32[:8], 3, BASE32]
    read = list(read_each(from_pyotp, rows))
    assert [type(one) for one in read] == [Moved, BadRow, BadRow, BadRow, Moved]
    assert [(one.number, one.reason) for one in read if isinstance(one, BadRow)] == [
        (2, "text must be a secret in base32: character 10 is not in the base32 alphabet"),
        (3, "text must be a secret in base32: a secret must have 10 to 128 bytes, not all of them zero"),
        (4, "text must be a str, not int"),
    ]


def test_rows_are_read_as_they_come() -> None:
    """A long table is not held in memory, and no more of it is read than is asked for."""
    taken = list[int]()

    def rows() -> Iterator[str]:
        for number in range(1000):
            taken.append(number)
            yield BASE32

    assert isinstance(next(read_each(from_pyotp, rows())), Moved)
    assert taken == [0]


def test_a_fault_of_ones_own_is_not_taken_for_a_bad_row() -> None:
    """It ends the reading, and shows no row: neither this one nor those before and after it."""

    def read(text: str) -> Moved:
        raise KeyError(len(text))

    with pytest.raises(KeyError) as failed:
        list(read_each(read, [BASE32, BASE32]))
    shows_nothing(failed.value)


def test_a_mapping_with_names_that_hide_is_a_mapping() -> None:
    """A row may be of any kind that maps names to values, as rows of database drivers are."""
    from types import MappingProxyType

    row = MappingProxyType({"type": "totp", "data": MappingProxyType({"secret": BASE32})})
    assert moving.from_allauth(row).token == TIME_BASED
