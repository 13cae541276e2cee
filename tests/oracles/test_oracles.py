"""Codes as others compute them, and the faults that the comparison would see."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from oracles.cases import COUNTERS, KEY_LENGTHS, Case, cases
from oracles.compare import TOTPCORE, compare
from oracles.peers import Oracle
from totpcore.otp import HOTP, LARGEST_COUNTER, TOTP, Algorithm, hotp, totp
from totpcore.secret import Secret

NUMBER = 10_000
SEED = 6238
FULL_RUN = Path(__file__).parent / "full_run.json"

Mac = Callable[[Case], bytes]


def test_ten_thousand_random_cases(independent: Mapping[str, Oracle]) -> None:
    """`hotp`, `totp`, `HOTP.code` and `TOTP.code` give what liboath and cryptography give."""
    outcome = compare(TOTPCORE, independent, cases(NUMBER, SEED))
    assert outcome.mismatches == 0, outcome.shown
    assert outcome.cases == NUMBER
    assert set(outcome.comparisons) == set(independent)
    assert all(count > NUMBER / 2 for count in outcome.answers.values())
    assert all(count > NUMBER for count in outcome.comparisons.values())


@pytest.mark.parametrize("algorithm", Algorithm)
def test_every_edge_with_every_other(algorithm: Algorithm, independent: Mapping[str, Oracle]) -> None:
    """Each length of key about the block sizes meets each counter about the powers of two, with 6, 7 and 8 digits."""
    edges = (
        Case(bytes(range(1, length + 1)), counter, digits, algorithm, period, 0, counter * period + period - 1)
        for length in KEY_LENGTHS
        for counter in COUNTERS
        for digits in (6, 7, 8)
        for period in (30, 299)
    )
    outcome = compare(TOTPCORE, independent, edges)
    assert outcome.mismatches == 0, outcome.shown
    assert outcome.cases == len(KEY_LENGTHS) * len(COUNTERS) * 3 * 2


def test_the_cases_reach_the_edges() -> None:
    """The generator gives every length of key from 0 to 200, every edge, every hash and number of digits."""
    seen = list(cases(NUMBER, SEED))
    assert {len(case.key) for case in seen} == set(range(201))
    assert set(COUNTERS) <= {case.counter for case in seen}
    assert {(case.digits, case.algorithm) for case in seen} == {(d, a) for d in (6, 7, 8) for a in Algorithm}
    assert all((case.at - case.t0) // case.period == case.counter for case in seen)
    assert seen == list(cases(NUMBER, SEED))
    assert seen[:100] != list(cases(100, SEED + 1))


# ---- the comparison has teeth ----


def _mac(case: Case, key: bytes | None = None, message: bytes | None = None) -> bytes:
    told = case.counter.to_bytes(8, "big") if message is None else message
    return hmac.digest(case.key if key is None else key, told, case.algorithm.lower())


def _cut(mac: bytes, offset: int, digits: int, mask: int = 0x7FFF_FFFF) -> str:
    return f"{(int.from_bytes(mac[offset : offset + 4], 'big') & mask) % 10**digits:0{digits}d}"


def _right(case: Case, **changed: bytes) -> str:
    mac = _mac(case, **changed)
    return _cut(mac, mac[-1] & 15, case.digits)


def _block(case: Case) -> int:
    return hashlib.new(case.algorithm.lower()).block_size


def _hashed_at_block_size(case: Case) -> str:
    at_block = len(case.key) == _block(case)
    return _right(case, key=hashlib.new(case.algorithm.lower(), case.key).digest() if at_block else case.key)


WRONG: dict[str, Callable[[Case], str]] = {
    "the offset from byte 19, which is the last of SHA-1 alone": lambda case: _cut(
        _mac(case), _mac(case)[19] & 15, case.digits
    ),
    "the offset from the first byte": lambda case: _cut(_mac(case), _mac(case)[0] & 15, case.digits),
    "the offset without its highest bit": lambda case: _cut(_mac(case), _mac(case)[-1] & 7, case.digits),
    "the sign bit not masked": lambda case: _cut(_mac(case), _mac(case)[-1] & 15, case.digits, 0xFFFF_FFFF),
    "one bit too many masked": lambda case: _cut(_mac(case), _mac(case)[-1] & 15, case.digits, 0x3FFF_FFFF),
    "the counter little-endian": lambda case: _right(case, message=case.counter.to_bytes(8, "little")),
    "the counter in 32 bits": lambda case: _right(case, message=(case.counter % 2**32).to_bytes(8, "big")),
    "the counter signed, and cut at 2**63": lambda case: _right(
        case, message=min(case.counter, 2**63 - 1).to_bytes(8, "big")
    ),
    "leading zeros lost": lambda case: str(int(_right(case))),
    "always six digits": lambda case: _right(case._replace(digits=6)),
    "always SHA-1": lambda case: _right(case._replace(algorithm=Algorithm.SHA1)),
    "a key of the block's size hashed": _hashed_at_block_size,
    "a long key cut, not hashed": lambda case: _right(case, key=case.key[: _block(case)]),
    "trailing spaces of the key lost": lambda case: _right(case, key=case.key.rstrip(b" ")),
    "the key ends at a NUL": lambda case: _right(case, key=case.key.partition(b"\0")[0]),
    "the next counter": lambda case: _right(case._replace(counter=min(case.counter + 1, LARGEST_COUNTER))),
    "time in floating point": lambda case: _right(
        case._replace(counter=min(int((case.at - case.t0) / case.period), LARGEST_COUNTER))
    ),
}


def test_a_right_implementation_passes(independent: Mapping[str, Oracle]) -> None:
    """What the wrong implementations are made of is right, so that each is wrong by its one fault."""
    assert compare({"right": _right}, independent, cases(1000, SEED)).mismatches == 0


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_implementation_is_seen(fault: str, independent: Mapping[str, Oracle]) -> None:
    """An implementation with one fault does not pass two thousand cases."""
    outcome = compare({"wrong": WRONG[fault]}, independent, cases(2000, SEED))
    assert outcome.mismatches > 0
    assert outcome.shown


def test_an_oracle_that_is_wrong_is_seen(independent: Mapping[str, Oracle]) -> None:
    """A single oracle that differs once is a mismatch, whatever the others say."""
    case = next(cases(1, SEED))
    broken = {**independent, "broken": lambda _: "000000"}
    assert compare(TOTPCORE, broken, [case]).mismatches >= 2


def test_a_case_that_nobody_answers_is_an_error() -> None:
    """A comparison with nothing is no success."""
    with pytest.raises(RuntimeError, match="no oracle answers"):
        compare(TOTPCORE, {"silent": lambda _: None}, cases(1, SEED))


# ---- the run on record ----


def test_the_full_run_is_on_record() -> None:
    """A million cases were compared with every oracle, without a mismatch."""
    record = json.loads(FULL_RUN.read_text(encoding="ascii"))
    assert record["cases"] >= 1_000_000
    assert record["mismatches"] == 0
    assert set(record["answers"]) == set(TOTPCORE)
    assert sum(record["comparisons"].values()) > 10 * record["cases"]


# ---- the cases of Wycheproof ----

WYCHEPROOF = json.loads((Path(__file__).parent / "wycheproof.json").read_text(encoding="ascii"))
ROWS = [
    pytest.param(
        Algorithm(name), bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(tag), result, id=f"{name} {tcid}"
    )
    for name, tcid, key, message, tag, result in WYCHEPROOF["cases"]
]


@pytest.mark.parametrize(("algorithm", "key", "message", "tag", "result"), ROWS)
def test_the_hmac_of_a_token(algorithm: Algorithm, key: bytes, message: bytes, tag: bytes, result: str) -> None:
    """The two hash states that a token prepares, run on any message, are HMAC; so is `hmac.digest`, which `hotp` uses.

    A token itself only ever authenticates the eight bytes of a counter. The longer and shorter messages go through
    copies of its states, which is what `_PreparedKey.code` does with a counter: they show that the key's half of HMAC
    is right (short keys, keys longer than a block), and that a tag with a bit changed is another. Tags may be cut.
    """
    prepared = HOTP(Secret(key), algorithm=algorithm)._key
    inner, outer = prepared._inner.copy(), prepared._outer.copy()
    inner.update(message)
    outer.update(inner.digest())
    found = {outer.digest(), hmac.digest(key, message, algorithm.lower())}
    assert len(found) == 1
    assert hmac.compare_digest(found.pop()[: len(tag)], tag) is (result == "valid")


@pytest.mark.parametrize(
    "row", [row for row in WYCHEPROOF["cases"] if len(row[3]) == 16], ids=lambda row: f"{row[0]} {row[1]}"
)
def test_the_code_of_an_eight_byte_message(row: list[str]) -> None:
    """Where the message has the length of a counter, the codes of every kind are cut from the tag of the case."""
    algorithm, key, tag = Algorithm(row[0]), bytes.fromhex(row[2]), bytes.fromhex(row[4])
    counter = int(row[3], 16)
    for digits in (6, 7, 8):
        expect = _cut(tag, tag[-1] & 15, digits)
        assert hotp(key, counter, digits=digits, algorithm=algorithm) == expect
        assert totp(key, counter * 30, digits=digits, algorithm=algorithm) == expect
        assert HOTP(Secret(key), digits=digits, algorithm=algorithm).code(counter) == expect
        assert TOTP(Secret(key), digits=digits, algorithm=algorithm).code(counter * 30) == expect


def test_the_cases_of_wycheproof_are_of_every_kind() -> None:
    """Each hash has valid and changed tags, cut tags, keys shorter and longer than a block, and a counter's length."""
    for algorithm in Algorithm:
        rows = [row for row in WYCHEPROOF["cases"] if row[0] == algorithm]
        size = hashlib.new(algorithm.lower()).digest_size
        assert {row[5] for row in rows} == {"valid", "invalid"}
        assert any(len(row[4]) < 2 * size for row in rows)
        assert any(len(row[2]) == 2 * 65 for row in rows)
        assert any(len(row[2]) < 2 * size for row in rows)
        assert any(len(row[3]) == 16 for row in rows)
