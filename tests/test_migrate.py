"""Reading what other systems keep: `from_django_otp`, on rows as they stand in its tables."""

import traceback

import pytest

from totpcore import HOTP, TOTP, InvalidParameters, InvalidSecret, MemoryStore, Plaintext, TwoFactor
from totpcore.migrate import from_django_otp
from totpcore.testing import HandClock

KEY = b"12345678901234567890".hex()  # of RFC 6238, appendix B
TIME_BASED = {"confirmed": True, "key": KEY, "step": 30, "t0": 0, "digits": 6, "drift": 0, "last_t": -1}
COUNTER_BASED = {"confirmed": True, "key": KEY, "digits": 6, "counter": 0}


def test_a_time_based_device() -> None:
    """Its parameters are the token's, and its last time step is the spent counter."""
    row = {**TIME_BASED, "digits": 8, "step": 60, "t0": 59, "last_t": 37_037_036, "drift": -2, "tolerance": 1, "id": 7}
    moved = from_django_otp(row)
    assert moved.token == TOTP(moved.token.secret, digits=8, period=60, t0=59)
    assert moved.token.secret.reveal().hex() == KEY
    assert (moved.spent, moved.drift) == (37_037_036, -2)
    assert from_django_otp({**TIME_BASED, "digits": 8}).token.code(59) == "94287082"


def test_a_counter_based_device() -> None:
    """There, `counter` is the next one that is expected; here, what is spent is kept."""
    moved = from_django_otp({**COUNTER_BASED, "counter": 5})
    assert isinstance(moved.token, HOTP)
    assert (moved.spent, moved.drift) == (4, 0)
    assert from_django_otp(COUNTER_BASED).spent == -1


def test_what_is_not_known_to_be_spent_is_now() -> None:
    """Where nothing was recorded, codes up to now are void; a counter that never moved has nothing to void."""
    assert from_django_otp(TIME_BASED).spent == -1
    assert from_django_otp(TIME_BASED).spent_by(1_800_000_000) == 60_000_000
    assert from_django_otp({**TIME_BASED, "last_t": 5}).spent_by(1_800_000_000) == 5
    assert from_django_otp(COUNTER_BASED).spent_by(1_800_000_000) == -1


def test_it_is_adopted_as_it_is() -> None:
    """What is read goes into `adopt`, and a code that was spent there is refused here."""
    clock = HandClock(1_111_111_109)
    factor = TwoFactor(MemoryStore(), issuer="ACME", sealer=Plaintext(), clock=clock, audit=lambda _event: None)
    moved = from_django_otp({**TIME_BASED, "last_t": 37_037_036})
    factor.adopt("7", moved.token, spent=moved.spent_by(clock()))
    clock.tick(30)
    assert factor.verify("7", "050471").counter == 37_037_037


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"confirmed": False}, "confirmed must be true"),
        ({"confirmed": 1}, "confirmed must be true"),
        ({"key": ""}, "key must be hexadecimal"),
        ({"key": KEY[:-1]}, "key must be hexadecimal"),
        ({"key": f"{KEY[:-2]} 3"}, "key must be hexadecimal"),
        ({"key": f"{KEY}\n"}, "key must be hexadecimal"),
        ({"key": "zz" * 20}, "key must be hexadecimal"),
        ({"key": KEY[:18]}, "10 to 128 bytes"),
        ({"key": "00" * 20}, "not all of them zero"),
        ({"digits": 5}, "digits must be from 6 to 8"),
        ({"step": 0}, "step must be from 10 to 300"),
        ({"step": 301}, "step must be from 10 to 300"),
        ({"t0": -1}, "t0 must be from 0"),
        ({"last_t": -2}, "last_t must be from -1"),
        ({"drift": 32_768}, "drift must be from -32768 to 32767"),
        ({"counter": -1, "step": None}, "counter must be from 0"),
        ({"counter": 2**64, "step": None}, "counter must be from 0"),
    ],
)
def test_a_bad_row_is_refused_by_the_name_of_the_field(change: dict[str, object], told: str) -> None:
    """The message names the field and what is allowed, in the words of the row, and neither key nor value."""
    row = {name: value for name, value in {**TIME_BASED, **change}.items() if value is not None}
    with pytest.raises((InvalidParameters, InvalidSecret), match=told) as refused:
        from_django_otp(row)
    assert KEY[:16] not in str(refused.value)


@pytest.mark.parametrize("field", sorted({*TIME_BASED, *COUNTER_BASED}))
def test_a_field_that_is_missing_is_named(field: str) -> None:
    """Rather than taken for something else."""
    row = dict(COUNTER_BASED if field == "counter" else TIME_BASED)
    del row[field]
    missing = "counter" if field == "step" else field  # which tells the two kinds apart
    with pytest.raises(InvalidParameters, match=f"^row must have the field {missing}$"):
        from_django_otp(row)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({**TIME_BASED, "digits": "6"}, "digits must be an int, not str"),
        ({**TIME_BASED, "last_t": True}, "last_t must be an int, not bool"),
        ({**TIME_BASED, "key": KEY.encode()}, "key must be a str, not bytes"),
        ([KEY], "row must be a mapping"),
    ],
)
def test_another_type_is_a_type_error(row: dict[str, object], told: str) -> None:
    """It names the field, what is allowed and the type that came."""
    with pytest.raises(TypeError, match=told):
        from_django_otp(row)


@pytest.mark.parametrize("change", [{"key": f"{KEY}x"}, {"digits": 9}, {"t0": -1}, {"confirmed": False}])
def test_no_traceback_shows_a_key(change: dict[str, object]) -> None:
    """Not even one that prints the local variables of totpcore's frames; nor does the answer's `repr`."""
    assert KEY not in repr(from_django_otp(TIME_BASED))
    with pytest.raises((InvalidParameters, InvalidSecret)) as refused:
        from_django_otp({**TIME_BASED, **change})
    frames = traceback.TracebackException.from_exception(refused.value, capture_locals=True).stack
    ours = [frame for frame in frames if "totpcore" in frame.filename and "tests" not in frame.filename]
    assert ours
    assert all(KEY not in str(frame.locals) for frame in ours)
