"""Tests of `code_view`: no sleep, no real clock, no file, no phone."""

import pytest
from flask.testing import FlaskClient

from howto.code_view import create_app
from totpcore import MemoryStore, Plaintext, Policy, TwoFactor
from totpcore.testing import HandClock, Phone

USER = "7"


# page: fixtures
@pytest.fixture
def clock() -> HandClock:
    """A clock that stands still until a test moves it."""
    return HandClock(1_800_000_000)


@pytest.fixture
def two_factor(clock: HandClock) -> TwoFactor:
    """The real thing, in memory; three free attempts, so that a test of the wait is short."""
    policy = Policy(free_attempts=3, lock_after=5)
    return TwoFactor(MemoryStore(), issuer="ACME", sealer=Plaintext(), policy=policy, clock=clock)


@pytest.fixture
def phone(two_factor: TwoFactor, clock: HandClock) -> Phone:
    """The phone of a user who is set up. The code that confirmed it is spent, so half a minute goes by."""
    phone = Phone.scan(two_factor.enrol(USER, account="alice").uri)
    two_factor.confirm(USER, phone.code(clock()))
    clock.tick(30)
    return phone


@pytest.fixture
def client(two_factor: TwoFactor) -> FlaskClient:
    """A visitor who gave the password."""
    client = create_app(two_factor).test_client()
    with client.session_transaction() as session:
        session["half"] = USER
    return client


# page: end
def is_in(client: FlaskClient) -> bool:
    """Whether the visitor has a session."""
    with client.session_transaction() as session:
        return session.get("user") == USER


def wrong_code(phone: Phone, clock: HandClock) -> str:
    """A code that is none of those that would be accepted now. A fixed one is right once in a million runs."""
    right = {phone.code(clock() + seconds) for seconds in (-30, 0, 30)}
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in right)


# page: tests
def test_the_code_of_the_phone_opens(client: FlaskClient, phone: Phone, clock: HandClock) -> None:
    """The first thing to see work."""
    assert client.post("/login/code", data={"code": phone.code(clock())}).status_code == 302
    assert is_in(client)


def test_a_code_opens_once(client: FlaskClient, phone: Phone, clock: HandClock) -> None:
    """A second visitor with the same code stays outside."""
    code = phone.code(clock())
    client.post("/login/code", data={"code": code})
    with client.session_transaction() as session:
        session.clear()
        session["half"] = USER
    assert client.post("/login/code", data={"code": code}).status_code == 422
    assert not is_in(client)


def test_a_code_ends(client: FlaskClient, phone: Phone, clock: HandClock) -> None:
    """Two minutes later it is as wrong as any."""
    code = phone.code(clock())
    clock.tick(120)
    client.post("/login/code", data={"code": code})
    assert not is_in(client)


def test_after_wrong_codes_the_right_one_waits(client: FlaskClient, phone: Phone, clock: HandClock) -> None:
    """429 says for how long; after that the right code opens, and the page can tell of the wrong ones."""
    for _ in range(3):
        assert client.post("/login/code", data={"code": wrong_code(phone, clock)}).status_code == 422
    refused = client.post("/login/code", data={"code": phone.code(clock())})
    assert refused.status_code == 429
    assert not is_in(client)
    clock.tick(int(refused.headers["Retry-After"]))
    opened = client.post("/login/code", data={"code": phone.code(clock())})
    assert opened.location.endswith("wrong_codes_before=3")
    assert is_in(client)


def test_a_locked_factor_points_to_the_recovery_codes(client: FlaskClient, phone: Phone, clock: HandClock) -> None:
    """`lock_after` wrong codes, with the waits between them: a minute of a clock that costs nothing."""
    for _ in range(5):
        client.post("/login/code", data={"code": wrong_code(phone, clock)})
        clock.tick(3600)
    assert "recovery code" in client.post("/login/code", data={"code": phone.code(clock())}).text
    assert not is_in(client)


@pytest.mark.parametrize("form", [{}, {"code": ""}, {"code": "12345"}, {"code": "x" * 10_000}, {"other": "123456"}])
def test_whatever_is_typed_is_an_answer(client: FlaskClient, phone: Phone, form: dict[str, str]) -> None:
    """Never a 500, and never a session."""
    assert client.post("/login/code", data=form).status_code == 422
    assert not is_in(client)


def test_without_the_password_there_is_nothing(two_factor: TwoFactor, phone: Phone, clock: HandClock) -> None:
    """A right code alone opens nothing."""
    client = create_app(two_factor).test_client()
    assert client.post("/login/code", data={"code": phone.code(clock())}).status_code == 403
    assert not is_in(client)


# page: end
