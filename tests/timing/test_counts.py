"""Hit, miss and replay compute the same; what is refused before the match computes nothing."""

from collections.abc import Callable

import pytest

from records.life import NOW, RAW, STEP, USER, Life, NewLife, wrong_recovery_code
from timing.counting import NOTHING, Meter, candidates, work
from totpcore import HOTP, TOTP, Policy, Secret, _spending, otp
from totpcore._guard import Hidden

pytest_plugins = ["records.fixtures"]

SPENT = 41


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Meter:
    """Counts from before the first token of the test is made."""
    return Meter().install(monkeypatch)


def never(token: HOTP | TOTP, first: int, last: int) -> str:
    """A code that no counter of the range has."""
    plain = HOTP(token.secret, digits=token.digits, algorithm=token.algorithm)
    taken = {plain.code(counter) for counter in range(max(first, 0), last + 1)}
    return next(code for number in range(10**6) if (code := f"{number:0{token.digits}d}") not in taken)


# ---- the values ----


@pytest.mark.parametrize("window", [(past, future) for past in range(3) for future in range(3)])
def test_totp_match(window: tuple[int, int], meter: Meter) -> None:
    """`TOTP.match` computes the whole window, wherever the code lies in it, lies beyond it, or was spent."""
    token, size = TOTP(Secret(RAW)), sum(window) + 1
    codes = [token.code(NOW + offset * 30) for offset in range(-window[0] - 1, window[1] + 2)]
    codes.append(never(token, STEP - 3, STEP + 3))
    seen = [
        work(meter.of(token.match, code, NOW, after=after, window=window))
        for code in codes
        for after in (-1, STEP - 1, STEP, STEP + 5)
    ]
    assert seen == [candidates(size)] * len(seen)


@pytest.mark.parametrize("look_ahead", [0, 1, 10, 100])
def test_hotp_match(look_ahead: int, meter: Meter) -> None:
    """`HOTP.match` computes all the counters that it looks ahead, for the first, the last, a spent one and none."""
    token = HOTP(Secret(RAW), algorithm="SHA512", digits=8)
    codes = [token.code(counter) for counter in (SPENT, SPENT + 1, SPENT + 1 + look_ahead, SPENT + 2 + look_ahead)]
    codes.append(never(token, SPENT, SPENT + 200))
    seen = [work(meter.of(token.match, code, after=SPENT, look_ahead=look_ahead)) for code in codes]
    assert seen == [candidates(look_ahead + 1)] * len(seen)


def test_hotp_resync(meter: Meter) -> None:
    """`HOTP.resync` computes its range once for each code, whether both, one or none of them is in it."""
    token = HOTP(Secret(RAW))
    wrong = never(token, 0, 300)
    first, last = [token.code(SPENT + 1), token.code(SPENT + 2)], [token.code(SPENT + 101), token.code(SPENT + 102)]
    given = [first, last, [first[0], wrong], [wrong, last[1]], [wrong, wrong], [first[1], first[0]]]
    seen = [work(meter.of(token.resync, codes, after=SPENT, look_ahead=100)) for codes in given]
    assert seen == [candidates(2 * 102)] * len(seen)


def test_what_is_no_code_is_not_computed(meter: Meter) -> None:
    """A malformed code costs no hash at all."""
    clock, counter = TOTP(Secret(RAW)), HOTP(Secret(RAW))
    for text in ("", "12345", "1234567", "12345a", "\uff11" * 6, "1" * 1_000_000):
        assert work(meter.of(clock.match, text, NOW, after=-1)) == NOTHING
        assert work(meter.of(counter.match, text, after=-1)) == NOTHING
        assert work(meter.of(counter.resync, [text, text], after=-1)) == NOTHING


# ---- the calls ----


def verified(life: Life, code: str, meter: Meter) -> dict[str, int]:
    """What `verify` computes on a code, on the record as it is; the record is put back."""
    before = life.raw
    counts = meter.of(life.service.verify, USER, code)
    assert life.store.swap(USER, life.raw, before)
    return counts


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "SHA512"])
def test_verify_with_a_time_based_token(algorithm: str, new_life: NewLife, meter: Meter) -> None:
    """`verify` computes as much, the key's part too, for the oldest and the newest step, a spent one, and none."""
    life = new_life(Policy(window=(2, 2))).adopt(TOTP(Secret(RAW), algorithm=algorithm), spent=STEP - 1)
    codes = {
        "oldest and spent": life.code(-2),
        "spent": life.code(-1),
        "first unspent": life.code(0),
        "newest": life.code(2),
        "beyond": life.code(3),
        "wrong": life.wrong(),
    }
    seen = {name: verified(life, code, meter) for name, code in codes.items()}
    assert len({tuple(sorted(counts.items())) for counts in seen.values()}) == 1, seen
    assert work(seen["wrong"]) == candidates(5)


def test_verify_with_a_counter_based_token(new_life: NewLife, meter: Meter) -> None:
    """`verify` computes one counter back, the next one and ten more, whatever was typed."""
    life = new_life().adopt(HOTP(Secret(RAW)), spent=SPENT)
    codes = {"spent": life.code(-1), "next": life.code(0), "last": life.code(10), "beyond": life.code(11)}
    codes["wrong"] = life.wrong()
    seen = {name: verified(life, code, meter) for name, code in codes.items()}
    assert len({tuple(sorted(counts.items())) for counts in seen.values()}) == 1, seen
    assert work(seen["wrong"]) == candidates(12)


def test_resync(new_life: NewLife, meter: Meter) -> None:
    """`resync` computes its hundred counters twice, whichever of the codes are right."""
    life = new_life().adopt(HOTP(Secret(RAW)), spent=SPENT)
    wrong = life.wrong()
    given = [(life.code(90), life.code(91)), (life.code(90), wrong), (wrong, life.code(91)), (wrong, wrong)]
    before, seen = life.raw, []
    for codes in given:
        seen.append(work(meter.of(life.service.resync, USER, *codes)))
        assert life.store.swap(USER, life.raw, before)
    assert seen == [candidates(2 * 102)] * len(seen)


def test_confirm(new_life: NewLife, meter: Meter) -> None:
    """`confirm` computes ten steps each way, for a right code, a code of another time, and a wrong one."""
    seen = []
    for offset in (-10, -1, 0, 1, 10, None):
        life = new_life()
        life.enrol()
        code = life.wrong() if offset is None else life.code(offset)
        counts = work(meter.of(life.service.confirm, USER, code))
        # What `confirm` makes on each call, the digests of new recovery codes, has nothing to do with what was typed.
        assert counts.pop("hmac.digest") == life.policy.recovery_codes
        seen.append(counts)
    assert seen == [{name: count for name, count in candidates(21).items() if name != "hmac.digest"}] * len(seen)


@pytest.mark.parametrize("place", [0, 4, 9])
def test_recover(place: int, life: Life, meter: Meter) -> None:
    """`recover` compares all ten entries with one digest, for the first, the last, a spent one and none."""
    life.on()
    expect = {"copies": 0, "digests": 0, "hmac.digest": 1, "hmac.compare_digest": 10}
    for code in (life.codes[place], life.codes[place], wrong_recovery_code(place)):
        assert work(meter.of(life.service.recover, USER, code)) == expect


Preparation = Callable[[Life], object]
REFUSED: dict[str, tuple[str, Preparation]] = {
    "malformed": ("malformed", lambda _: None),
    "throttled": ("throttled", lambda life: life.fail(5)),
    "locked": ("locked", lambda life: life.lock()),
    "clock behind": ("clock_behind", lambda life: life.clock.tick(-600)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_before_the_match_computes_nothing(case: str, life: Life, meter: Meter) -> None:
    """A code that is malformed, throttled, locked out or met by a wrong clock is not looked at, right or wrong."""
    reason, prepare = REFUSED[case]
    life.on()
    life.service.verify(USER, life.code())
    prepare(life)
    codes = ["12345", "12345a"] if case == "malformed" else [life.code(), life.wrong()]
    for code in codes:
        life.events.clear()
        assert work(meter.of(life.service.verify, USER, code)) == NOTHING
        assert [event.reason for event in life.events] == [reason]


def test_a_throttled_or_malformed_recovery_code_computes_nothing(life: Life, meter: Meter) -> None:
    """A recovery code is not looked at during a wait, nor where it is none."""
    life.on()
    assert work(meter.of(life.service.recover, USER, "ABCD")) == NOTHING
    life.fail_recovery(5)
    for code in (life.codes[0], wrong_recovery_code(77)):
        life.events.clear()
        assert work(meter.of(life.service.recover, USER, code)) == NOTHING
        assert [event.reason for event in life.events] == ["throttled"]


# ---- the counting has teeth ----


def early_exit(token: HOTP | TOTP, typed: Hidden[str], first: int, last: int) -> list[int]:
    """A scan that stops at the first hit."""
    for counter in range(max(first, 0), last + 1):
        found = otp.scan(token, typed, counter, counter)
        if found:
            return found
    return []


def skips_what_is_spent(token: HOTP | TOTP, typed: Hidden[str], first: int, last: int) -> list[int]:
    """A scan that leaves out what lies before the current step."""
    return otp.scan(token, typed, last - 2, last)


@pytest.mark.parametrize("leaky", [early_exit, skips_what_is_spent])
def test_a_leaky_scan_is_seen(
    leaky: Callable[..., list[int]], new_life: NewLife, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a scan that stops early, or leaves out what is spent, the counts are others."""
    life = new_life(Policy(window=(2, 2))).adopt(TOTP(Secret(RAW)), spent=STEP - 1)
    right, wrong = life.code(-1), life.wrong()
    assert work(verified(life, right, meter)) == work(verified(life, wrong, meter)) == candidates(5)
    monkeypatch.setattr(_spending, "scan", leaky)
    assert work(verified(life, right, meter)) != candidates(5)
