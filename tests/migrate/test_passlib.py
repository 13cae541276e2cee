"""Reading what passlib writes; libpass, which goes on with it and is imported under its name, makes and uses it."""

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from passlib import totp as libpass
from passlib.exc import UsedTokenError

from migrate import BASE32, NOW, RAW, USER, adopted, keeps_what_was_spent, shows_nothing
from totpcore import TOTP, CodeReplayed, InvalidParameters, InvalidSecret, Secret
from totpcore.migrate import from_passlib
from totpcore.testing import HandClock

PLAIN: dict[str, object] = {"type": "totp", "v": 1, "key": BASE32}
ENCRYPTED: dict[str, object] = {"type": "totp", "v": 1, "enckey": {"v": 1, "c": 14, "t": "1", "s": "AA", "k": "AA"}}


# ---- what is read ----


def test_what_is_left_out_is_the_default() -> None:
    """It writes no more than what differs."""
    moved = from_passlib(PLAIN)
    assert moved.token == TOTP(Secret(RAW))
    assert (moved.spent, moved.steps_ahead, moved.account, moved.issuer) == (-1, 1, None, None)


def test_all_that_there_can_be() -> None:
    """As a dict, and as the text of it."""
    written = {**PLAIN, "alg": "sha256", "digits": 8, "period": 60, "label": "alice", "issuer": "ACME"}
    for source in (written, json.dumps(written)):
        moved = from_passlib(source, last_counter=9)
        assert moved.token == TOTP(Secret(RAW), digits=8, period=60, algorithm="SHA256")
        assert (moved.spent, moved.account, moved.issuer) == (9, "alice", "ACME")


def test_an_old_counter_in_the_data_tells_nothing() -> None:
    """The passlib of today reads over it and does not write it: it may be years old."""
    assert from_passlib({**PLAIN, "last_counter": 5}).spent == -1


@pytest.mark.parametrize(
    ("window", "period", "ahead"), [(0, 30, 0), (1, 30, 1), (30, 30, 1), (31, 30, 2), (30, 60, 1), (300, 30, 10)]
)
def test_a_window_is_seconds(window: int, period: int, ahead: int) -> None:
    """A step of which one second lies in it counts as a whole."""
    assert from_passlib({**PLAIN, "period": period}, window=window).steps_ahead == ahead


@pytest.mark.parametrize("made", [RAW, (RAW, False), (RAW, True)])
def test_an_encrypted_key_is_opened_by_the_caller(made: bytes | tuple[bytes, bool]) -> None:
    """Who is handed what stands under `enckey`, and may return what passlib's own function does."""
    seen: list[object] = []

    def decrypt(sealed: dict[str, object]) -> bytes | tuple[bytes, bool]:
        seen.append(sealed)
        return made

    assert from_passlib(ENCRYPTED, decrypt=decrypt).token == TOTP(Secret(RAW))
    assert seen == [ENCRYPTED["enckey"]]


def test_a_key_in_clear_needs_nobody() -> None:
    """A table may hold both kinds."""

    def decrypt(sealed: dict[str, object]) -> bytes:
        raise AssertionError(len(sealed))

    assert from_passlib(PLAIN, decrypt=decrypt).token == TOTP(Secret(RAW))


# ---- what is refused ----


@pytest.mark.parametrize(
    ("source", "error", "told"),
    [
        ({**PLAIN, "type": "hotp"}, InvalidParameters, "type totp, and v 1"),
        ({**PLAIN, "v": 2}, InvalidParameters, "type totp, and v 1"),
        ({**PLAIN, "v": True}, InvalidParameters, "type totp, and v 1"),
        ({"key": BASE32}, InvalidParameters, "type totp, and v 1"),
        ({"type": "totp", "v": 1}, InvalidParameters, "must have one of the fields key and enckey"),
        ({**PLAIN, **ENCRYPTED}, InvalidParameters, "must have one of the fields key and enckey"),
        ({**PLAIN, "digits": 10}, InvalidParameters, "digits must be from 6 to 8"),
        ({**PLAIN, "period": 1}, InvalidParameters, "period must be from 10 to 300"),
        ({**PLAIN, "alg": "md5"}, InvalidParameters, "alg must be one of SHA1, SHA256, SHA512"),
        ({**PLAIN, "key": f"{BASE32}8"}, InvalidSecret, "key must be a secret in base32: character 33"),
        ({**PLAIN, "key": BASE32[:8]}, InvalidSecret, "key must be a secret in base32: .* 10 to 128 bytes"),
        (ENCRYPTED, InvalidSecret, "enckey is encrypted: pass decrypt_key"),
        (json.dumps(PLAIN)[:-1], InvalidParameters, "source must be JSON of at most 16384 characters"),
        (json.dumps(PLAIN)[:-1] + ', "v": 1}', InvalidParameters, "with each name once"),
        (json.dumps({**PLAIN, "label": "x" * 17_000}), InvalidParameters, "at most 16384 characters"),
        ("[" * 16_000, InvalidParameters, "source must be JSON"),
        (f"otpauth://totp/alice?secret={BASE32}", InvalidParameters, "source must be JSON"),
    ],
)
def test_what_passlib_does_not_write_is_refused(source: Any, error: type[Exception], told: str) -> None:
    """By the name of the field and what is allowed; nothing of the key is shown, nor is the text."""
    with pytest.raises(error, match=told) as refused:
        from_passlib(source)
    shows_nothing(refused.value)


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        ({"last_counter": -2}, "last_counter must be from -1"),
        ({"window": -1}, "window must be from 0 to 300"),
        ({"window": 301}, "window must be from 0 to 300"),
    ],
)
def test_what_was_passed_is_refused_by_its_name(passed: dict[str, int], told: str) -> None:
    """A window of more than ten steps lies further ahead than `adopt` goes."""
    with pytest.raises(InvalidParameters, match=told) as refused:
        from_passlib(PLAIN, **passed)  # type: ignore[arg-type]  # none of them is `decrypt`
    shows_nothing(refused.value)


@pytest.mark.parametrize(
    ("source", "passed", "told"),
    [
        (json.dumps(PLAIN).encode(), {}, "source must be a str or a mapping, not bytes"),
        (json.dumps([PLAIN]), {}, "source must be a mapping of the names of fields to values, not list"),
        ({**PLAIN, "key": RAW}, {}, "key must be a str, not bytes"),
        ({**PLAIN, "digits": "6"}, {}, "digits must be an int, not str"),
        ({**PLAIN, "label": None}, {}, "label must be a str, not NoneType"),
        (PLAIN, {"last_counter": None}, "last_counter must be an int, not NoneType"),
        (PLAIN, {"window": 30.0}, "window must be an int, not float"),
        ({**PLAIN, "key": 3, "alg": BASE32}, {}, "key must be a str, not int"),
        ({"type": "totp", "v": 1, "enckey": BASE32}, {"decrypt": len}, "enckey must be a mapping"),
        (ENCRYPTED, {"decrypt": RAW}, "decrypt must be a function, not bytes"),
        (ENCRYPTED, {"decrypt": lambda _: BASE32}, "what decrypt returns must be bytes, or a tuple .*, not str"),
        (ENCRYPTED, {"decrypt": lambda _: ()}, "what decrypt returns must be bytes, or a tuple .*, not tuple"),
        (
            ENCRYPTED,
            {"decrypt": lambda _: (BASE32, True)},
            "what decrypt returns must be bytes, or a tuple .*, not str",
        ),
    ],
)
def test_another_type_is_a_type_error(source: Any, passed: dict[str, Any], told: str) -> None:
    """It names the field, what is allowed and the type that came."""
    with pytest.raises(TypeError, match=told) as refused:
        from_passlib(source, **passed)
    shows_nothing(refused.value)


def test_what_decrypting_raises_is_told_by_its_type_alone() -> None:
    """The words of others may hold the key, and so may their frames: the refusal does not stand on them."""

    def decrypt(sealed: dict[str, object]) -> bytes:
        raise RuntimeError(f"{BASE32} is not sealed by me, and there are {len(sealed)} fields")

    with pytest.raises(InvalidSecret, match=r"^enckey could not be decrypted: decrypt raised RuntimeError$") as refused:
        from_passlib(ENCRYPTED, decrypt=decrypt)
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)
    shows_nothing(refused.value)


# ---- libpass itself ----


@given(
    raw=st.binary(min_size=10, max_size=64).filter(any),
    digits=st.integers(6, 8),
    period=st.integers(10, 300),
    alg=st.sampled_from(["sha1", "sha256", "sha512"]),
    window=st.integers(0, 120),
    early=st.integers(-120, 120),
    ago=st.integers(0, 700),
    second=st.integers(0, 300),
)
def test_what_libpass_accepted_is_refused(
    *, raw: bytes, digits: int, period: int, alg: str, window: int, early: int, ago: int, second: int
) -> None:
    """Whatever its numbers: no code that it took at or before now opens here, and the next one does, as it does there.

    With the counter that it returned, the same holds, and nobody has to wait for longer than for the next code.
    """
    assume(abs(early) <= window <= 10 * period)
    there, now = libpass.TOTP(raw, format="raw", digits=digits, period=period, alg=alg), NOW + second
    code = there.generate(now - ago + early).token
    last = there.match(code, now - ago, window=window).counter
    unknown, known = from_passlib(there.to_json(), window=window), from_passlib(there.to_dict(), last_counter=last)
    keeps_what_was_spent(unknown, now, code)
    assert known.spent_by(now) == last
    keeps_what_was_spent(known, now, code)
    assert known.token.code(now) == there.generate(now).token


def test_an_application_moves() -> None:
    """A token that libpass made and whose code it took: that one is refused here, the next one opens in both."""
    column = libpass.TOTP.new(label="alice", issuer="ACME").to_json()
    there = libpass.TOTP.from_json(column)
    code = there.generate(NOW).token
    last = libpass.TOTP.verify(code, column, time=NOW).counter
    with pytest.raises(UsedTokenError):
        libpass.TOTP.verify(code, column, time=NOW, last_counter=last)
    clock = HandClock(NOW)
    moved = from_passlib(column, last_counter=last)
    factor = adopted(moved, clock)
    assert (moved.account, moved.issuer) == ("alice", "ACME")
    with pytest.raises(CodeReplayed):
        factor.verify(USER, code)
    clock.tick(30)
    assert factor.verify(USER, there.generate(NOW + 30).token).counter == last + 1
    assert libpass.TOTP.verify(TOTP(moved.token.secret).code(NOW + 60), column, time=NOW + 60, last_counter=last + 1)


def test_an_application_that_encrypts_moves() -> None:
    """Through its own wallet, also where that has a newer secret than the one under which the key was written."""
    wallet = libpass.AppWallet({"1": "an old secret of the application", "2": "the one of today"}, encrypt_cost=4)
    old = libpass.AppWallet({"1": "an old secret of the application"}, encrypt_cost=4)
    factory = libpass.TOTP.using(wallet=wallet)
    for column in (factory.new().to_json(), libpass.TOTP.using(wallet=old).new().to_json()):
        assert "enckey" in json.loads(column)
        there = factory.from_json(column)
        code = there.generate(NOW).token
        assert factory.verify(code, column, time=NOW)
        clock = HandClock(NOW)
        moved = from_passlib(column, decrypt=wallet.decrypt_key, window=0)
        factor = adopted(moved, clock)
        with pytest.raises(CodeReplayed):
            factor.verify(USER, code)
        clock.tick(30)
        assert factor.verify(USER, there.generate(NOW + 30).token).user == USER


def test_a_function_that_holds_a_key_shows_none() -> None:
    """A `partial` has its arguments in its `repr`; and a key is no function, where one stands in its place."""
    holding: list[Any] = [partial(bytes.join, RAW), BASE32]
    for decrypt in holding:
        for source in (ENCRYPTED, {**PLAIN, "key": "0"}):
            with pytest.raises((InvalidSecret, TypeError)) as refused:
                from_passlib(source, decrypt=decrypt)
            shows_nothing(refused.value)


def test_a_wallet_that_does_not_know_the_secret_is_told() -> None:
    """By the kind of what it raises. One that knows another under the same name is not: compare a code."""
    column = libpass.TOTP.using(secrets={"1": "the one"}, encrypt_cost=4)(RAW, format="raw").to_json()
    with pytest.raises(InvalidSecret, match=r"^enckey could not be decrypted: decrypt raised KeyError$") as refused:
        from_passlib(column, decrypt=libpass.AppWallet({"2": "another"}).decrypt_key)
    shows_nothing(refused.value, "the one", "another")
    wrong = from_passlib(column, decrypt=libpass.AppWallet({"1": "another"}).decrypt_key)
    assert wrong.token.secret != Secret(RAW)
