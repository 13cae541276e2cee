"""Reading rows of django-otp, as they stand in its tables; and of django-otp itself, in a project of its own."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from migrate import NOW, RAW, USER, adopted, elsewhere, keeps_what_was_spent, shows_nothing
from totpcore import HOTP, TOTP, CodeReplayed, InvalidCode, InvalidParameters, InvalidSecret, Refused
from totpcore.migrate import from_django_otp
from totpcore.testing import HandClock

KEY = b"12345678901234567890".hex()  # of RFC 6238, appendix B
TIME_BASED = {"confirmed": True, "key": KEY, "step": 30, "t0": 0, "digits": 6, "drift": 0, "last_t": -1}
COUNTER_BASED = {"confirmed": True, "key": KEY, "digits": 6, "counter": 0}


# ---- what is read ----


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


@pytest.mark.parametrize(("drift", "last_t", "ahead"), [(2, -1, 2), (-2, -1, 0), (2, 37_037_036, 0)])
def test_the_code_of_set_up_was_not_written_down(drift: int, last_t: int, ahead: int) -> None:
    """Forms of set-up learn the drift of a code that they accept: so far ahead of the time one may be spent."""
    moved = from_django_otp({**TIME_BASED, "drift": drift, "last_t": last_t})
    assert moved.steps_ahead == ahead


def test_what_is_not_known_to_be_spent_is_now() -> None:
    """Where nothing was recorded, codes up to now are void; a counter that never moved has nothing to void."""
    assert from_django_otp(TIME_BASED).spent == -1
    assert from_django_otp(TIME_BASED).spent_by(1_800_000_000) == 60_000_000
    assert from_django_otp({**TIME_BASED, "last_t": 5}).spent_by(1_800_000_000) == 5
    assert from_django_otp(COUNTER_BASED).spent_by(1_800_000_000) == -1


def test_it_is_adopted_as_it_is() -> None:
    """What is read goes into `adopt`, and the code after the one that was spent there is accepted here."""
    clock = HandClock(1_111_111_109)
    factor = adopted(from_django_otp({**TIME_BASED, "last_t": 37_037_036}), clock)
    clock.tick(30)
    assert factor.verify(USER, "050471").counter == 37_037_037


# ---- what is refused ----


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


@pytest.mark.parametrize(
    "change", [{"key": f"{RAW.hex()}x"}, {"digits": 9}, {"t0": -1}, {"confirmed": False}, {"key": [RAW.hex()]}]
)
def test_no_traceback_shows_a_key(change: dict[str, object]) -> None:
    """Not even one that prints the local variables of totpcore's frames; nor does the answer's `repr`."""
    row = {**TIME_BASED, "key": RAW.hex()}
    assert RAW.hex() not in repr(from_django_otp(row))
    with pytest.raises((InvalidParameters, InvalidSecret, TypeError)) as refused:
        from_django_otp({**row, **change})
    shows_nothing(refused.value)


# ---- django-otp itself ----


@given(
    key=st.binary(min_size=10, max_size=40).filter(any),
    step=st.integers(10, 300),
    t0=st.integers(0, NOW),
    digits=st.sampled_from([6, 8]),
    drift=st.integers(-3, 3),
    tolerance=st.integers(0, 3),
    offset=st.integers(-3, 3),
)
def test_what_django_otp_accepted_is_refused(
    *, key: bytes, step: int, t0: int, digits: int, drift: int, tolerance: int, offset: int
) -> None:
    """Whatever the device: the step that its own code says it was is spent, and the next one is not."""
    from django_otp import oath

    assume(abs(offset) <= tolerance)
    there = oath.TOTP(key, step, t0, digits, drift + offset)
    there.time = NOW
    assume(there.t() > 0 or (there.t() == 0 and there.t0 > NOW - step))  # a step 0 in the past counts as not known
    code = there.token()
    there.drift = drift
    assert there.verify(code, tolerance, min_t=0)
    row = {"confirmed": True, "key": key.hex(), "step": step, "t0": t0, "digits": digits, "drift": there.drift}
    moved = from_django_otp({**row, "last_t": there.t()})
    assert moved.spent == moved.spent_by(NOW)
    keeps_what_was_spent(moved, NOW, f"{code:0{digits}d}")


@pytest.fixture(scope="module")
def there() -> dict[str, object]:
    """What a project with django-otp has after a log-in with each kind of device."""
    told: dict[str, object] = elsewhere("django_otp_site.py", now=NOW, key=RAW.hex())
    return told


def test_devices_of_a_project(there: dict[str, dict[str, object]]) -> None:
    """Its code of now was accepted there and is refused here; the next one is accepted, and is the same in both."""
    device = there["TOTPDevice"]
    moved, clock = from_django_otp(_row(device)), HandClock(NOW)
    factor = adopted(moved, clock)
    assert (device["accepted"], device["again"]) == (True, False)
    with pytest.raises(CodeReplayed):
        factor.verify(USER, str(device["code"]))
    clock.tick(30)
    assert factor.verify(USER, str(device["next"])).counter == moved.spent + 1
    assert [moved.token.code(NOW + 30 * step) for step in range(100)] == device["codes"]


def test_counter_based_devices_of_a_project(there: dict[str, dict[str, object]]) -> None:
    """With those that were passed over."""
    device = there["HOTPDevice"]
    moved = from_django_otp(_row(device))
    factor = adopted(moved, HandClock(NOW))
    assert (device["accepted"], device["again"], moved.spent) == (True, False, 3)
    for code in [str(device["code"]), *_codes(device)[:4]]:
        with pytest.raises(InvalidCode):
            factor.verify(USER, code)
    assert factor.verify(USER, str(device["next"])).counter == 4
    assert [moved.token.code(counter) for counter in range(100)] == device["codes"]


def test_a_device_that_nobody_confirmed_is_refused(there: dict[str, dict[str, object]]) -> None:
    """It is a row like the others, but for that."""
    with pytest.raises(InvalidParameters, match="confirmed must be true"):
        from_django_otp(_row(there["unconfirmed"]))


def test_static_tokens_are_no_recovery_codes(there: dict[str, dict[str, object]]) -> None:
    """They are shorter than what a recovery code has to be, so that none is accepted here, moved or not."""
    factor = adopted(from_django_otp(_row(there["TOTPDevice"])), HandClock(NOW))
    with pytest.raises(Refused):
        factor.recover(USER, str(there["StaticDevice"]["code"]))
    with pytest.raises(InvalidParameters, match="row must have the field key"):
        from_django_otp(_row(there["StaticDevice"]))


def _row(device: dict[str, object]) -> dict[str, object]:
    row = device["row"]
    assert isinstance(row, dict)
    return row


def _codes(device: dict[str, object]) -> list[str]:
    codes = device["codes"]
    assert isinstance(codes, list)
    return codes
