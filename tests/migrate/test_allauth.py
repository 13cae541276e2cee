"""Reading rows of django-allauth, as they stand in its table; and of allauth itself, in a project of its own."""

import json
from functools import partial
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from hypothesis import given
from hypothesis import strategies as st

from migrate import BASE32, NOW, RAW, USER, adopted, elsewhere, keeps_what_was_spent, shows_nothing
from totpcore import TOTP, InvalidParameters, InvalidSecret, Refused, Secret
from totpcore.migrate import BadRow, Moved, from_allauth, read_each
from totpcore.testing import HandClock

ROW: dict[str, object] = {
    "id": 1,
    "user_id": 7,
    "type": "totp",
    "data": {"secret": BASE32},
    "created_at": "2026-01-01T00:00:00Z",
    "last_used_at": None,
}


# ---- what is read ----


def test_a_row() -> None:
    """Without a word it is what allauth makes of it: six digits, thirty seconds, SHA1, and no step ahead."""
    moved = from_allauth(ROW)
    assert moved.token == TOTP(Secret(RAW))
    assert (moved.spent, moved.steps_ahead, moved.account, moved.issuer) == (-1, 0, None, None)


def test_settings_of_the_project() -> None:
    """They are in no row, so they are passed."""
    moved = from_allauth(ROW, digits=8, period=60, tolerance=2)
    assert moved.token == TOTP(Secret(RAW), digits=8, period=60)
    assert (moved.spent, moved.steps_ahead) == (-1, 2)


def test_data_may_be_text() -> None:
    """As a driver hands it out where the database has no type for JSON."""
    assert from_allauth({**ROW, "data": json.dumps({"secret": BASE32})}).token == TOTP(Secret(RAW))


def test_when_it_was_used_is_not_which_code_it_was() -> None:
    """So it voids no less than all."""
    for used in (None, "2027-01-15T08:00:00Z", NOW):
        assert from_allauth({**ROW, "last_used_at": used}).spent_by(NOW) == NOW // 30


def test_an_encrypted_secret_is_opened_by_the_caller() -> None:
    """Who is handed what stands in the row."""
    seen: list[str] = []

    def decrypt(sealed: str) -> str:
        seen.append(sealed)
        return BASE32

    assert from_allauth({**ROW, "data": {"secret": "gAAAAA=="}}, decrypt=decrypt).token == TOTP(Secret(RAW))
    assert seen == ["gAAAAA=="]


@given(
    period=st.integers(10, 300),
    tolerance=st.integers(0, 5),
    step=st.integers(-5, 5),
    ago=st.integers(0, 900),
    now=st.integers(NOW, NOW + 900),
)
def test_what_a_tolerance_let_in_is_refused(*, period: int, tolerance: int, step: int, ago: int, now: int) -> None:
    """No code that was accepted within it at or before now opens here, and the next one does."""
    moved = from_allauth(ROW, period=period, tolerance=tolerance)
    within = max(-tolerance, min(step, tolerance))
    keeps_what_was_spent(moved, now, TOTP(Secret(RAW), period=period).code(now - ago + within * period))


# ---- what is refused ----


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"type": "recovery_codes"}, "type must be totp: recovery codes cannot come along"),
        ({"type": "webauthn"}, "type must be totp: a security key or passkey cannot come along"),
        ({"type": "email"}, r"type must be totp$"),
        ({"type": BASE32}, r"type must be totp$"),
        ({"data": {}}, "row must have the field secret"),
        ({"data": "{"}, "data must be JSON"),
        ({"data": '{"secret": "", "secret": ""}'}, "with each name once"),
    ],
)
def test_another_row_is_refused_by_the_name_of_the_field(change: dict[str, object], told: str) -> None:
    """With what becomes of it, and nothing that stands in it."""
    with pytest.raises(InvalidParameters, match=told) as refused:
        from_allauth({**ROW, **change})
    shows_nothing(refused.value)


@pytest.mark.parametrize("field", ["type", "data"])
def test_a_field_that_is_missing_is_named(field: str) -> None:
    """Rather than taken for something else."""
    row = {name: value for name, value in ROW.items() if name != field}
    with pytest.raises(InvalidParameters, match=f"^row must have the field {field}$") as refused:
        from_allauth(row)
    shows_nothing(refused.value)


@pytest.mark.parametrize("secret", [f"{BASE32}!", BASE32[:8], "", "A" * 32])
def test_a_bad_secret_is_refused(secret: str) -> None:
    """By its position, or by its length; one that is encrypted looks like that."""
    with pytest.raises(InvalidSecret, match="secret must be a secret in base32") as refused:
        from_allauth({**ROW, "data": {"secret": secret}})
    shows_nothing(refused.value)


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        ({"digits": 5}, "digits must be from 6 to 8"),
        ({"digits": 9}, "digits must be from 6 to 8"),
        ({"period": 9}, "period must be from 10 to 300"),
        ({"tolerance": -1}, "tolerance must be from 0 to 10"),
        ({"tolerance": 11}, "tolerance must be from 0 to 10"),
    ],
)
def test_a_setting_is_refused_by_its_name(passed: dict[str, int], told: str) -> None:
    """With what is allowed."""
    with pytest.raises(InvalidParameters, match=told) as refused:
        from_allauth(ROW, **passed)  # type: ignore[arg-type]  # none of them is `decrypt`
    shows_nothing(refused.value)


@pytest.mark.parametrize(
    ("row", "passed", "told"),
    [
        ([ROW], {}, "row must be a mapping of the names of fields to values, not list"),
        ({**ROW, "type": 1}, {}, "type must be a str, not int"),
        ({**ROW, "data": [BASE32]}, {}, "data must be a mapping of the names of fields to values, not list"),
        (
            {**ROW, "data": json.dumps([BASE32])},
            {},
            "data must be a mapping of the names of fields to values, not list",
        ),
        ({**ROW, "data": {"secret": RAW}}, {}, "secret must be a str, not bytes"),
        (ROW, {"digits": "6"}, "digits must be an int, not str"),
        (ROW, {"decrypt": BASE32}, "decrypt must be a function, not str"),
        (ROW, {"decrypt": lambda _: RAW}, "secret must be a str, not bytes"),
    ],
)
def test_another_type_is_a_type_error(row: Any, passed: dict[str, Any], told: str) -> None:
    """It names the field, what is allowed and the type that came."""
    with pytest.raises(TypeError, match=told) as refused:
        from_allauth(row, **passed)
    shows_nothing(refused.value)


def test_what_decrypting_raises_is_told_by_its_type_alone() -> None:
    """As of a key that was changed."""

    def decrypt(sealed: str) -> str:
        raise InvalidToken(sealed)

    with pytest.raises(InvalidSecret, match=r"^secret could not be decrypted: decrypt raised InvalidToken$") as refused:
        from_allauth(ROW, decrypt=decrypt)
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)
    shows_nothing(refused.value)


def test_a_function_that_holds_a_key_shows_none() -> None:
    """A `partial` has its arguments in its `repr`."""
    holding: Any = partial(str.join, BASE32)
    with pytest.raises(InvalidSecret) as refused:
        from_allauth({**ROW, "data": {"secret": "01"}}, decrypt=holding)
    shows_nothing(refused.value)


# ---- allauth itself ----


@pytest.fixture(scope="module", params=[(6, 30, 0, False), (8, 60, 1, True)], ids=["as it comes", "all set otherwise"])
def there(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a project with allauth has after a log-in: with its defaults, and with all set otherwise and encrypted."""
    digits, period, tolerance, seals = request.param
    numbers = {"digits": digits, "period": period, "tolerance": tolerance}
    key = Fernet.generate_key().decode() if seals else ""
    told: dict[str, Any] = elsewhere("allauth_site.py", now=NOW, secret=BASE32, sealed_with=key, **numbers)
    opened = {"decrypt": lambda sealed: Fernet(key).decrypt(sealed).decode()} if seals else {}
    return {**told, **numbers, "passed": {**numbers, **opened}}


def test_a_project_moves(there: dict[str, Any]) -> None:
    """What was accepted there is refused here, the next code is accepted, and all codes are the same in both."""
    [moved] = [
        one
        for one in read_each(lambda row: from_allauth(row, **there["passed"]), there["rows"])
        if isinstance(one, Moved)
    ]
    ahead, period, clock = there["tolerance"], there["period"], HandClock(NOW)
    assert there["accepted"] == [True, True]
    factor = adopted(moved, clock)
    for code in (there["codes"][0], there["ahead"]):
        with pytest.raises(Refused):
            factor.verify(USER, code)
    clock.tick((ahead + 1) * period)
    assert factor.verify(USER, there["codes"][ahead + 1]).counter == moved.spent_by(NOW) + 1
    assert [moved.token.code(NOW + step * period) for step in range(100)] == there["codes"]


def test_what_was_used_is_in_no_row(there: dict[str, Any]) -> None:
    """Once the cache has forgotten it, allauth accepts it again: nothing else could be moved."""
    assert there["again"] == [False, False]
    assert there["once forgotten"] == [True, True] if there["tolerance"] else [True, False]


def test_an_encrypted_row_needs_its_adapter(there: dict[str, Any]) -> None:
    """In clear, it needs none."""
    [row] = [row for row in there["rows"] if row["type"] == "totp"]
    assert (row["data"]["secret"] == BASE32) is ("decrypt" not in there["passed"])
    if "decrypt" in there["passed"]:
        with pytest.raises(InvalidSecret, match="secret must be a secret in base32"):
            from_allauth(row)


def test_what_cannot_come_along_is_named(there: dict[str, Any]) -> None:
    """Its recovery codes and security keys; and no such code is accepted here."""
    read = list(read_each(lambda row: from_allauth(row, **there["passed"]), there["rows"]))
    told = sorted(one.reason.partition(": ")[2].split()[0] for one in read if isinstance(one, BadRow))
    assert [type(one) for one in read].count(Moved) == 1
    assert told == ["a", "recovery"]
    [moved] = [one for one in read if isinstance(one, Moved)]
    factor = adopted(moved, HandClock(NOW))
    for code in there["recovery codes"][:3]:
        with pytest.raises(Refused):
            factor.recover(USER, code)
