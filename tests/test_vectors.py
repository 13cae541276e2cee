"""The RFC vectors: that they are what the RFCs print, and that every entry point of totpcore meets them."""

import base64
import hmac
import json
import random
import subprocess
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from need import need
from totpcore.errors import InvalidSecret
from totpcore.otp import HASHES, HOTP, TOTP, Algorithm, Match, hotp, totp
from totpcore.secret import Secret
from totpcore.vectors import Base32Vector, HOTPVector, TOTPVector, Vector, rfc4226, rfc4648, rfc6238
from vectors import TEN_BYTES, TEN_IN_BASE32, load

ORACLE: dict[str, Any] = load("oracle.json")
ORACLE_KEY = bytes.fromhex(ORACLE["key"])
ORACLE_CODES = [(counter, row["code"]) for row in ORACLE["codes"] for counter in row["counters"]]

every_rfc4226 = pytest.mark.parametrize("vector", rfc4226(), ids=lambda vector: f"counter-{vector.counter}")
every_rfc6238 = pytest.mark.parametrize("vector", rfc6238(), ids=lambda vector: f"{vector.at}-{vector.algorithm}")
every_rfc4648 = pytest.mark.parametrize("vector", rfc4648(), ids=lambda vector: vector.data.decode() or "nothing")


def hotp_token(vector: HOTPVector | TOTPVector) -> HOTP:
    """A counter-based token with the numbers of a vector."""
    return HOTP(Secret(vector.key), digits=vector.digits, algorithm=vector.algorithm)


def totp_token(vector: TOTPVector) -> TOTP:
    """A time-based token with the numbers of a vector."""
    numbers: dict[str, Any] = {"digits": vector.digits, "algorithm": vector.algorithm}
    return TOTP(Secret(vector.key), period=vector.period, t0=vector.t0, **numbers)


def truncated(mac: bytes) -> int:
    """Dynamic truncation as RFC 4226 section 5.4 writes it, byte by byte."""
    offset = mac[-1] & 0xF
    return (mac[offset] & 0x7F) << 24 | mac[offset + 1] << 16 | mac[offset + 2] << 8 | mac[offset + 3]


# The data itself, without totpcore.


def test_the_tables_are_whole() -> None:
    """Ten values in RFC 4226, six times with three hashes in RFC 6238, seven texts in RFC 4648."""
    assert [vector.counter for vector in rfc4226()] == list(range(10))
    assert len({(vector.at, vector.algorithm) for vector in rfc6238()}) == len(rfc6238()) == 6 * 3
    assert [vector.data.decode() for vector in rfc4648()] == ["", "f", "fo", "foo", "foob", "fooba", "foobar"]


def test_every_vector_says_where_it_stands() -> None:
    """A failure can name the section of the RFC that it breaks."""
    every: tuple[Vector, ...] = (*rfc4226(), *rfc6238(), *rfc4648())
    assert {vector.section for vector in every} == {
        "RFC 4226, appendix D",
        "RFC 6238, appendix B",
        "RFC 4648, section 10",
    }


def test_the_seeds_have_the_length_of_the_hash() -> None:
    """RFC 6238's seeds are the digits 1 to 9 and 0, continued to the output of each hash (erratum 2866)."""
    for vector in rfc6238():
        assert vector.key == (b"1234567890" * 7)[: HASHES[Algorithm(vector.algorithm)]().digest_size]


@every_rfc4226
def test_rfc4226_holds_together(vector: HOTPVector) -> None:
    """HMAC, truncation and code of a line follow from each other by the standard library alone."""
    mac = hmac.digest(vector.key, vector.counter.to_bytes(8, "big"), vector.algorithm.lower())
    assert mac.hex() == vector.hmac
    assert truncated(mac) == vector.truncated
    assert f"{vector.truncated % 10**vector.digits:0{vector.digits}d}" == vector.expect


@every_rfc6238
def test_rfc6238_holds_together(vector: TOTPVector) -> None:
    """Time step and code of a line follow from each other by the standard library alone."""
    assert vector.counter == (vector.at - vector.t0) // vector.period
    mac = hmac.digest(vector.key, vector.counter.to_bytes(8, "big"), vector.algorithm.lower())
    assert f"{truncated(mac) % 10**vector.digits:0{vector.digits}d}" == vector.expect


@every_rfc4648
def test_rfc4648_holds_together(vector: Base32Vector) -> None:
    """Data and text of a line are each other's base32."""
    assert base64.b32encode(vector.data).decode() == vector.expect
    assert base64.b32decode(vector.expect) == vector.data


def test_vectors_cannot_be_changed() -> None:
    """A vector is frozen and slotted, so that no test can bend what another one reads."""
    for vector in (rfc4226()[0], rfc6238()[0], rfc4648()[0]):
        with pytest.raises(FrozenInstanceError):
            vector.expect = "000000"  # type: ignore[misc]
        assert not hasattr(vector, "__dict__")


def test_vectors_are_equal_by_value_and_can_be_hashed() -> None:
    """Reading twice gives the same vectors; they work as keys and in sets."""
    assert rfc4226() == rfc4226()
    assert len({*rfc4226(), *rfc4226()}) == len(rfc4226())


@pytest.mark.parametrize("table", [[], {}, {"common": {}, "vectors": []}, {"common": {}}])
def test_an_empty_file_is_an_error(monkeypatch: pytest.MonkeyPatch, table: object) -> None:
    """A damaged installation raises, instead of letting a self-test succeed on no vectors."""
    monkeypatch.setattr(json, "loads", lambda _text: table)
    with pytest.raises(ValueError, match=r"rfc4226\.json holds no vectors"):
        rfc4226()


# RFC 4226 through every entry point.


@pytest.mark.requirement("R4226-5.2-1", "R4226-D-1")
@every_rfc4226
def test_hotp_meets_rfc4226(vector: HOTPVector) -> None:
    """`hotp` gives the code."""
    assert hotp(vector.key, vector.counter, digits=vector.digits, algorithm=vector.algorithm) == vector.expect


@pytest.mark.requirement("R4226-5.3-1", "R4226-5.3-2", "N63B4-3.1.4.1-4")
@every_rfc4226
def test_hotp_meets_the_truncated_values(vector: HOTPVector) -> None:
    """With 6, 7 and 8 digits the code is the end of the truncated value in decimal."""
    for digits in (6, 7, 8):
        expect = f"{vector.truncated % 10**digits:0{digits}d}"
        assert hotp(vector.key, vector.counter, digits=digits) == expect
        assert HOTP(Secret(vector.key), digits=digits).code(vector.counter) == expect


@pytest.mark.requirement("R4226-D-1")
@every_rfc4226
def test_hotp_tokens_meet_rfc4226(vector: HOTPVector) -> None:
    """`HOTP.code` gives the code, and `HOTP.match` the counter; once spent, it gives nothing."""
    token = hotp_token(vector)
    assert token.code(vector.counter) == vector.expect
    assert token.match(vector.expect, after=vector.counter - 1, look_ahead=0) == Match(vector.counter, 0)
    assert token.match(vector.expect, after=-1, look_ahead=9) == Match(vector.counter, vector.counter)
    assert token.match(vector.expect, after=vector.counter) is None


@pytest.mark.requirement("R4226-4-R1", "R6238-4.1-1", "R6238-4.2-1")
@every_rfc4226
def test_totp_meets_rfc4226(vector: HOTPVector) -> None:
    """The counter of RFC 4226 is the time step of RFC 6238, at its first and at its last moment."""
    for at in (vector.counter * 30, vector.counter * 30 + 29.999):
        assert totp(vector.key, at) == TOTP(Secret(vector.key)).code(at) == vector.expect


def test_resync_meets_rfc4226() -> None:
    """Each two consecutive codes of the table tell the counter of the second (RFC 4226 section 7.4)."""
    for first, second in zip(rfc4226()[:-1], rfc4226()[1:], strict=True):
        match = hotp_token(first).resync([first.expect, second.expect], after=-1)
        assert match is not None
        assert match.counter == second.counter


# RFC 6238 through every entry point.


@pytest.mark.requirement("R6238-1.2-1", "R6238-B-1", "N63B4-2.2.2-1")
@every_rfc6238
def test_totp_meets_rfc6238(vector: TOTPVector) -> None:
    """`totp` gives the code."""
    numbers: dict[str, Any] = {"digits": vector.digits, "algorithm": vector.algorithm}
    assert totp(vector.key, vector.at, period=vector.period, t0=vector.t0, **numbers) == vector.expect


@pytest.mark.requirement("R6238-3-R3")
@every_rfc6238
def test_hotp_meets_rfc6238(vector: TOTPVector) -> None:
    """TOTP is HOTP of the time step: `hotp` and `HOTP` give the code for the column T."""
    assert hotp(vector.key, vector.counter, digits=vector.digits, algorithm=vector.algorithm) == vector.expect
    assert hotp_token(vector).code(vector.counter) == vector.expect


@pytest.mark.requirement("R6238-1.2-1", "R6238-B-1", "N63B4-2.2.2-1", "A5-11.4.1", "A4-2.8.3")
@every_rfc6238
def test_totp_tokens_meet_rfc6238(vector: TOTPVector) -> None:
    """`TOTP.counter` gives the column T, `TOTP.code` the code, `TOTP.match` the step; once spent, it gives nothing."""
    token = totp_token(vector)
    assert token.counter(vector.at) == vector.counter
    assert token.code(vector.at) == vector.expect
    assert token.match(vector.expect, vector.at, after=-1, window=(0, 0)) == Match(vector.counter, 0)
    assert token.match(vector.expect, vector.at + 30, after=-1) == Match(vector.counter, -1)
    assert token.match(vector.expect, vector.at - 30, after=-1) == Match(vector.counter, 1)
    assert token.match(vector.expect, vector.at, after=vector.counter) is None


@pytest.mark.requirement("R6238-B-1")
@pytest.mark.parametrize("vector", [vector for vector in rfc6238() if vector.algorithm != "SHA1"], ids=repr)
def test_the_short_seed_does_not_meet_rfc6238(vector: TOTPVector) -> None:
    """The 20 bytes that the appendix's text names give other codes for SHA-256 and SHA-512 (erratum 2866)."""
    short = replace(vector, key=vector.key[:20])
    assert totp_token(short).code(vector.at) != vector.expect
    assert totp(short.key, vector.at, digits=vector.digits, algorithm=vector.algorithm) != vector.expect


# RFC 4648 through `Secret`, which takes ten bytes and more.


@pytest.mark.requirement("R4648-3.5-1", "R4648-6-1", "R4648-10-1")
@every_rfc4648
def test_secrets_meet_rfc4648(vector: Base32Vector) -> None:
    """Behind ten bytes, which are two whole groups of base32, data reads and writes as the RFC prints it."""
    secret = Secret(TEN_BYTES + vector.data)
    assert secret.base32 == TEN_IN_BASE32 + vector.expect.rstrip("=")
    for text in (vector.expect, vector.expect.rstrip("="), vector.expect.lower()):
        assert Secret.from_base32(TEN_IN_BASE32 + text) == secret


@every_rfc4648
def test_secrets_refuse_what_rfc4648_shortens(vector: Base32Vector) -> None:
    """The data of the RFC alone is no secret: it has at most six bytes."""
    with pytest.raises(InvalidSecret):
        Secret(vector.data)
    with pytest.raises(InvalidSecret):
        Secret.from_base32(vector.expect)


# Rare codes, and an independent program.


@pytest.mark.requirement("R4226-4-R4")
@pytest.mark.parametrize(("counter", "code"), ORACLE_CODES)
def test_rare_codes(counter: int, code: str) -> None:
    """Codes with leading zeros, codes that look made up, and codes that neighbours share, are made and matched."""
    token = HOTP(Secret(ORACLE_KEY))
    assert hotp(ORACLE_KEY, counter) == token.code(counter) == code
    assert token.match(code, after=counter - 1, look_ahead=0) == Match(counter, 0)


@pytest.mark.parametrize(
    "row", [row for row in ORACLE["codes"] if len(row["counters"]) > 1], ids=lambda row: row["code"]
)
def test_shared_codes_match_the_newest_step(row: dict[str, Any]) -> None:
    """Where two steps of the window share a code the newer one is spent, so that the code works once."""
    first, last = row["counters"]
    token = TOTP(Secret(ORACLE_KEY))
    now = (first + 1) * 30  # both steps lie within one step of this moment
    assert token.match(row["code"], now, after=-1) == Match(last, last - first - 1)
    assert token.match(row["code"], now, after=first) == Match(last, last - first - 1)
    assert token.match(row["code"], now, after=last) is None


def test_keys_of_zeros_are_the_empty_key() -> None:
    """HMAC pads keys with NUL bytes: `hotp` gives one code for both, and `Secret` takes neither."""
    for key in ORACLE["zero_keys"]["keys"]:
        assert hotp(bytes.fromhex(key), *ORACLE["zero_keys"]["counters"]) == ORACLE["zero_keys"]["code"]
        with pytest.raises(InvalidSecret):
            Secret(bytes.fromhex(key))


def oathtool(*arguments: str) -> list[str]:
    """What oathtool prints."""
    command = ["oathtool", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def chance(seed: object) -> random.Random:
    """A source of random input that gives the same in every run."""
    return random.Random(str(seed))


@pytest.mark.parametrize("seed", range(20))
def test_hotp_agrees_with_oathtool(seed: int) -> None:
    """For random keys, counters and digits, oathtool gives the same twenty codes in a row."""
    need("oathtool")
    rng = chance(seed)
    key, digits = rng.randbytes(rng.randint(10, 128)), rng.choice((6, 7, 8))
    first = rng.choice((rng.randrange(100), rng.randrange(2**31), rng.randrange(2**63 - 20)))
    token, counters = HOTP(Secret(key), digits=digits), range(first, first + 20)
    expect = oathtool("--hotp", f"--counter={first}", f"--digits={digits}", "--window=19", key.hex())
    assert [token.code(counter) for counter in counters] == expect
    assert [hotp(key, counter, digits=digits) for counter in counters] == expect


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("seed", range(10))
def test_totp_agrees_with_oathtool(seed: int, algorithm: Algorithm) -> None:
    """For random keys, times, periods, starts of time and digits, oathtool gives the same ten codes in a row."""
    need("oathtool")
    rng = chance(f"{algorithm} {seed}")
    key, digits, period = rng.randbytes(rng.randint(10, 128)), rng.choice((6, 7, 8)), rng.choice((10, 30, 60, 300))
    t0 = rng.choice((0, rng.randrange(10**9)))
    at = t0 + rng.randrange(2 * 10**9)
    token = TOTP(Secret(key), digits=digits, period=period, t0=t0, algorithm=algorithm)
    times = range(at, at + 10 * period, period)
    mode = f"--totp={algorithm}"
    steps = (f"--time-step-size={period}s", f"--start-time=@{t0}", f"--now=@{at}", "--window=9")
    expect = oathtool(mode, f"--digits={digits}", *steps, key.hex())
    assert [token.code(moment) for moment in times] == expect
    numbers: dict[str, Any] = {"digits": digits, "period": period, "t0": t0, "algorithm": algorithm}
    assert [totp(key, moment, **numbers) for moment in times] == expect


@pytest.mark.parametrize("seed", range(5))
def test_base32_agrees_with_oathtool(seed: int) -> None:
    """Oathtool reads our base32, grouped or not, as the same key."""
    need("oathtool")
    secret = Secret(chance(seed).randbytes(10 + seed))
    for text in (secret.base32, secret.grouped):
        assert oathtool("--hotp", "--base32", text) == [HOTP(secret).code(0)]
