"""The numbers and their bounds, what they give an attacker, and the one question after the password."""

import math
import random
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records.life import NOW, USER, Life, NewLife, caught, reason_of
from totpcore import TOTP, Enforcement, Gate, InvalidParameters, Policy, RecordMissing, Rule, Secret, State
from totpcore.otp import Algorithm
from totpcore.testing import Phone

pytest_plugins = ["records.fixtures"]

# ---- bounds ----

BOUNDS: list[tuple[str, float, float, dict[str, Any]]] = [
    ("digits", 6, 8, {}),
    ("period", 10, 120, {}),
    ("look_ahead", 0, 100, {}),
    ("secret_bytes", 16, 128, {}),
    ("pending_seconds", 60, 86_400, {}),
    ("free_attempts", 1, 20, {}),
    ("longest_wait", 1, 86_400, {"first_wait": 1}),
    ("first_wait", 1, 3600, {}),
    ("first_wait", 1, 7, {"longest_wait": 7}),
    ("lock_after", 5, 100, {}),
    ("lock_after", 20, 100, {"free_attempts": 20}),
    ("recovery_codes", 3, 100, {}),
    ("recovery_codes", 1, 100, {"recovery_low": 1}),
    ("recovery_codes", 1, 100, {"recovery_low": 0}),
    ("recovery_low", 0, 10, {}),
    ("recovery_low", 0, 2, {"recovery_codes": 2}),
]
each_bound = pytest.mark.parametrize(("name", "low", "high", "others"), BOUNDS)


@pytest.mark.requirement("R4226-5.3-3", "N63B4-3.2.2-5", "OMFA-7")
@each_bound
def test_a_number_may_be_as_low_and_as_high_as_this(name: str, low: float, high: float, others: dict[str, Any]) -> None:
    """Both ends of each range are allowed."""
    for value in (low, high):
        assert getattr(Policy(**others | {name: value}), name) == value


@pytest.mark.requirement(
    "R4226-4-R6a", "R4226-6-1", "R4226-7.3-4", "R4226-7.4-3", "R6238-5.2-6", "N63B4-3.1.4.1-5", "N63B4-3.2.2-2",
    "A5-11.2.3",
)  # fmt: skip
@each_bound
def test_a_number_may_not_be_lower_or_higher(name: str, low: float, high: float, others: dict[str, Any]) -> None:
    """One beyond is refused when the policy is built; the text names the number that is wrong, and what is allowed."""
    said = f"^{name} must be (a finite number )?from {low} to {high}$"
    if "recovery" in name:  # each bounds the other
        said += "|^recovery_(low|codes) must be from "
    for value in (low - 1, high + 1, -(2**70), 2**70):
        with pytest.raises(InvalidParameters, match=said):
            Policy(**others | {name: value})


@pytest.mark.parametrize("name", sorted({name for name, *_ in BOUNDS}))
@pytest.mark.parametrize("value", [True, "30", None, math.nan, 30.5j], ids=repr)
def test_a_number_is_a_number(name: str, value: Any) -> None:
    """A bool, a text and NaN are none; only `secret_bytes` may be left open."""
    if name == "secret_bytes" and value is None:
        assert Policy(secret_bytes=None).secret_bytes is None
        return
    with pytest.raises((TypeError, InvalidParameters), match=name):
        Policy(**{name: value})


@pytest.mark.parametrize("name", ["first_wait", "longest_wait"])
def test_waits_may_be_fractions(name: str) -> None:
    """Seconds of a wait need not be whole."""
    waits: dict[str, Any] = {name: 33.5}
    assert getattr(Policy(**waits), name) == 33.5


@pytest.mark.parametrize("name", ["digits", "period", "pending_seconds", "lock_after", "recovery_codes"])
def test_nothing_else_may_be_a_fraction(name: str) -> None:
    """All other numbers are whole, and 30.0 is no way to write one."""
    numbers: dict[str, Any] = {name: 30.0}
    with pytest.raises(TypeError, match=name):
        Policy(**numbers)


@pytest.mark.requirement("R6238-6-2")
@pytest.mark.parametrize("window", [(0, 0), (1, 1), (2, 2), (0, 2)])
def test_windows_of_up_to_two_steps(window: tuple[int, int]) -> None:
    """None, one or two steps, each way on its own."""
    assert Policy(window=window).window == window


@pytest.mark.requirement("R4226-6-1", "R6238-5.2-3", "R6238-6-1")
@pytest.mark.parametrize(
    "window", [(3, 0), (0, 3), (-1, 0), (1,), (1, 1, 1), [1, 1], 1, None, (True, 1), (1.0, 1)], ids=repr
)
def test_no_other_windows(window: Any) -> None:
    """More than two steps are never accepted (RFC 6238 section 6)."""
    with pytest.raises((TypeError, InvalidParameters), match="window"):
        Policy(window=window)


@pytest.mark.parametrize("name", ["sha1", "SHA256", "Sha512"])
def test_the_algorithm_is_read_by_name(name: str) -> None:
    """A name in any case is kept as the `Algorithm`."""
    assert Policy(algorithm=name).algorithm is Algorithm(name.upper())


@pytest.mark.requirement("N63B4-2.2.2-1", "A5-11.4.1", "A4-2.8.3")
@pytest.mark.parametrize("name", ["MD5", "", None, 1])
def test_no_other_algorithm(name: Any) -> None:
    """Only the three of RFC 6238."""
    with pytest.raises((TypeError, InvalidParameters), match="algorithm"):
        Policy(algorithm=name)


@pytest.mark.requirement("R4226-7.3-5", "R6238-5.2-3", "R6238-5.2-4", "A5-11.4.1")
def test_the_defaults() -> None:
    """What every app can do, and what SP 800-63B-4 asks for."""
    assert Policy() == Policy(
        digits=6, period=30, algorithm="SHA1", window=(1, 1), look_ahead=10, secret_bytes=None, pending_seconds=600,
        free_attempts=5, first_wait=30, longest_wait=3600, lock_after=100, recovery_codes=10, recovery_low=3,
    )  # fmt: skip


def test_strict_is_the_window_of_one_step() -> None:
    """`strict` differs from the defaults in the window, and in nothing else."""
    assert Policy.strict() == Policy(window=(0, 0))


@pytest.mark.requirement("A5-6.5.5")
def test_strict_accepts_the_code_of_now_alone(new_life: NewLife) -> None:
    """Under `strict` the codes of the steps before and after are wrong."""
    outcomes = {}
    for offset in (-1, 0, 1):
        life = new_life(Policy.strict()).adopt()
        try:
            outcomes[offset] = life.service.verify(USER, life.code(offset)).drift_steps
        except Exception as error:  # noqa: BLE001  # the name of it is what is compared
            outcomes[offset] = type(error).__name__  # type: ignore[assignment]
    assert outcomes == {-1: "InvalidCode", 0: 0, 1: "InvalidCode"}


@pytest.mark.requirement("N63B4-3.1.4.2-6", "N63B4-8.1.2.4-1", "A5-6.5.5", "A4-2.8.1", "OMFA-5")
@pytest.mark.parametrize(("policy", "seconds"), [
    (Policy(), 90), (Policy.strict(), 30), (Policy(window=(2, 1)), 120), (Policy(period=60, window=(1, 0)), 120),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::totpcore.CompatibilityWarning")
def test_a_code_lives_for_as_many_seconds_as_the_policy_says(new_life: NewLife, policy: Policy, seconds: int) -> None:
    """Tried at every second: `period * (1 + before + after)` of them, in one piece, and none beside."""
    assert seconds == policy.period * (1 + sum(policy.window))
    token = TOTP(Secret(b"12345678901234567890"), period=policy.period)
    shown = NOW - NOW % policy.period  # the moment at which an app begins to show the code
    accepted = []
    for second in range(shown - 4 * policy.period, shown + 5 * policy.period):
        life = new_life(policy)
        life.clock.now = second
        life.adopt(token)
        if reason_of(partial(life.service.verify, USER, token.code(shown))) == "ok":
            accepted.append(second)
    first = shown - policy.window[1] * policy.period
    assert accepted == list(range(first, first + seconds))


@pytest.mark.requirement("R4226-7.3-2", "N63B4-3.2.2-5")
@pytest.mark.parametrize("lock_after", [1, 3, 7])
def test_a_policy_s_lock_is_the_one_that_locks(new_life: NewLife, lock_after: int) -> None:
    """Fewer than 100 wrong codes in a row may lock: exactly as many as the policy says."""
    life = new_life(Policy(free_attempts=1, lock_after=lock_after)).on()
    life.fail(lock_after - 1)
    assert life.service.status(USER).state is State.ON
    life.fail(1)
    assert life.service.status(USER).state is State.LOCKED


def test_a_policy_is_frozen() -> None:
    """Its numbers were checked, and stay as they are; there is no positional argument to mix up."""
    with pytest.raises(FrozenInstanceError):
        Policy().digits = 4  # type: ignore[misc]
    with pytest.raises(TypeError):
        Policy(6)  # type: ignore[call-arg]


@pytest.mark.requirement("R6238-3-R4", "R6238-4.2-3", "A5-11.2.2")
def test_a_policy_is_for_what_is_made_from_now_on(new_life: NewLife) -> None:
    """A credential keeps the parameters that it was enrolled with."""
    life = new_life(Policy()).on()
    other = new_life(Policy(digits=8, period=60, algorithm="SHA256"))
    raw = life.raw
    assert other.store.swap(USER, None, raw)
    other.clock.now = life.clock.now
    assert other.service.verify(USER, life.code()).drift_steps == 0


@pytest.mark.requirement("A5-11.2.2")
@pytest.mark.filterwarnings("ignore::totpcore.CompatibilityWarning")
def test_replace_takes_the_numbers_of_the_policy_of_now(new_life: NewLife) -> None:
    """A credential is brought up to another hash, length and number of digits by a replacement."""
    old, policy = new_life().on(), Policy(digits=8, period=60, algorithm="SHA512")
    life = new_life(policy)
    assert life.store.swap(USER, None, old.raw)
    life.clock.now = old.clock.now
    life.service.confirm(USER, Phone.scan(life.service.replace(USER, old.code(), account="a").uri).code(life.clock()))
    assert life.record.active is not None
    token = life.record.active.token
    assert isinstance(token, TOTP)
    assert (token.digits, token.period, token.algorithm, len(token.secret.reveal())) == (8, 60, Algorithm.SHA512, 64)


# ---- what an attacker gets ----


def simulated(policy: Policy, seconds: float, logins_per_day: float) -> int:
    """How many guesses fit into so many seconds, second by second of the attacker's patience."""
    logins = [86_400 / logins_per_day * number for number in range(1, 10**5)] if logins_per_day else []
    guesses, in_a_row, now = 0, 0, 0.0
    while now < seconds and in_a_row < policy.lock_after:
        while logins and logins[0] <= now:
            logins.pop(0)
            in_a_row = 0
        guesses, in_a_row = guesses + 1, in_a_row + 1
        if in_a_row >= policy.free_attempts:
            wait = policy.first_wait
            for _ in range(in_a_row - policy.free_attempts):
                wait = min(policy.longest_wait, wait * 2)
            now = min(now + min(wait, policy.longest_wait), *logins[:1]) if logins else now + wait
    return guesses


def bound(policy: Policy, guesses: int) -> float:
    """The chance that one of so many guesses is right."""
    return float(1 - (1 - (1 + sum(policy.window)) / 10**policy.digits) ** guesses)


@pytest.mark.requirement("R4226-6-1")
@pytest.mark.parametrize(("days", "logins", "guesses"), [
    (0, 1, 0),  # nobody guesses in no time
    (1, 86_400 / 90.5, 7 * 955),  # 5 at once, one after 30 s and one after 90 s, each time
    (1, 0, 34),  # 5 at once, 6 more in 3 810 s, 23 more by the hour
    (1, 1, 34), (365, 1, 34 * 365), (1, 2, 2 * 22), (365, 0, 100), (10_000, 0, 100),  # the lock ends it
    (30, 1 / 7, 100),  # 34 on the first day and 24 on each of the next: locked before the owner logs in
])  # fmt: skip
def test_guess_probability_by_hand(days: float, logins: float, guesses: int) -> None:
    """The defaults: five guesses at once, then after 30, 60 ... 1920 s, then one each hour."""
    found = Policy().guess_probability(days=days, logins_per_day=logins)
    assert found == pytest.approx(bound(Policy(), guesses), abs=1e-15)


@pytest.mark.uncounted
@pytest.mark.requirement("R4226-E.1-1")
@settings(max_examples=200)
@given(
    st.builds(
        Policy,
        digits=st.integers(6, 8),
        window=st.tuples(st.integers(0, 2), st.integers(0, 2)),
        free_attempts=st.integers(1, 8),
        first_wait=st.integers(1, 600),
        longest_wait=st.integers(600, 86_400),
        lock_after=st.integers(8, 100),
    ),
    st.integers(0, 40),
    st.sampled_from([0, 0.25, 0.5, 1, 2, 4]),
)
def test_guess_probability_agrees_with_a_simulation(policy: Policy, periods: int, logins: float) -> None:
    """Over whole times between log-ins, the figure is that of an attacker who guesses whenever a wait is over."""
    days = periods / (logins or 1)
    guesses = simulated(policy, days * 86_400, logins)
    found = policy.guess_probability(days=days, logins_per_day=logins)
    assert found == pytest.approx(bound(policy, guesses), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("name", "low", "high"), [("days", 0, 36_500), ("logins_per_day", 0, 1000)])
def test_odds_are_asked_for_a_century_and_a_thousand_logins(name: str, low: float, high: float) -> None:
    """Both ends are allowed, and one beyond is refused by its name."""
    asked = {"days": 1.0, "logins_per_day": 1.0}
    for value in (low, high):
        assert 0 <= Policy().guess_probability(**asked | {name: value}) <= 1
    for value in (low - 1, high + 1):
        with pytest.raises(InvalidParameters, match=f"^{name} must be a finite number from {low} to {high}$"):
            Policy().guess_probability(**asked | {name: value})


@pytest.mark.uncounted
@settings(max_examples=200)
@given(st.integers(0, 400), st.sampled_from([0.1, 0.3, 1, 3]))
def test_guess_probability_is_an_upper_bound(hours: int, logins: float) -> None:
    """Also where the time is no multiple of the time between log-ins, an attacker gets no more than the figure says."""
    guesses = simulated(Policy(), hours * 3600, logins)
    found = Policy().guess_probability(days=hours / 24, logins_per_day=logins)
    assert found >= bound(Policy(), guesses) - 1e-12


@given(st.floats(0, 1000), st.floats(0, 50))
def test_guess_probability_is_a_probability(days: float, logins: float) -> None:
    """It lies between 0 and 1, and does not fall with more time."""
    one, more = (Policy().guess_probability(days=some, logins_per_day=logins) for some in (days, days * 2))
    assert 0 <= one <= more <= 1


def test_guess_probability_is_that_of_random_guessing() -> None:
    """Guessing against made-up codes succeeds about as often as the figure says."""
    policy = Policy(window=(2, 2))
    rng, tries, guesses = random.Random(1), 20_000, simulated(policy, 86_400 * 365, 1)
    hits = sum(any(rng.randrange(10**6) < 5 for _ in range(40)) for _ in range(tries))
    expect = bound(policy, 40)
    assert abs(hits / tries - expect) < 5 * math.sqrt(expect / tries)
    assert policy.guess_probability(days=365, logins_per_day=1) == pytest.approx(bound(policy, guesses))


BAD: list[tuple[str, dict[str, Any]]] = [
    ("days", {"days": -1, "logins_per_day": 1}), ("days", {"days": 36_501, "logins_per_day": 1}),
    ("days", {"days": math.nan, "logins_per_day": 1}), ("days", {"days": True, "logins_per_day": 1}),
    ("days", {"days": "1", "logins_per_day": 1}), ("logins_per_day", {"days": 1, "logins_per_day": -0.1}),
    ("logins_per_day", {"days": 1, "logins_per_day": 1001}), ("logins_per_day", {"days": 1, "logins_per_day": None}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments"), BAD, ids=repr)
def test_guess_probability_checks_its_arguments(name: str, arguments: dict[str, Any]) -> None:
    """What is no number of days or log-ins is refused by name."""
    with pytest.raises((TypeError, InvalidParameters), match=name):
        Policy().guess_probability(**arguments)


# ---- enforcement and the gate ----

STATES: dict[str, Callable[[Life], object]] = {
    "off": lambda _life: None,
    "pending": lambda life: life.enrol(),
    "on": lambda life: life.on(),
    "locked": lambda life: life.on().lock(),
    "expired": lambda life: life.clock.tick(life.enrol().expires_at - NOW),
}
CONFIRMED = ("on", "locked")
RULES: dict[str, tuple[Enforcement, Gate]] = {
    "off": (Enforcement(Rule.OFF), Gate.ALLOW),
    "off, with a deadline": (Enforcement(Rule.OFF, deadline=0), Gate.ALLOW),
    "encourage": (Enforcement(Rule.ENCOURAGE), Gate.NUDGE),
    "encourage, long since": (Enforcement(Rule.ENCOURAGE, deadline=0), Gate.NUDGE),
    "require": (Enforcement(Rule.REQUIRE), Gate.MUST_ENROL),
    "require, since long": (Enforcement(Rule.REQUIRE, deadline=0), Gate.MUST_ENROL),
    "require, not yet": (Enforcement(Rule.REQUIRE, deadline=NOW * 2), Gate.NUDGE),
}
each_state = pytest.mark.parametrize("state", STATES)
each_rule = pytest.mark.parametrize("rule", RULES)
SMALL = Policy(free_attempts=1, lock_after=1)


@pytest.mark.requirement("N63B4-2.2.2-3", "A4-2.2.7")
@each_state
@each_rule
@pytest.mark.parametrize("expected", [None, False, True])
def test_the_gate(new_life: NewLife, state: str, rule: str, expected: bool | None) -> None:
    """Who has a confirmed factor is asked for the code, whatever else holds; others are let in as the rule says.

    Where the application expects a factor and the store has none, nobody is let in.
    """
    life = new_life(SMALL)
    STATES[state](life)
    enforcement, otherwise = RULES[rule]
    before = life.raw

    def gate() -> Gate:
        return life.service.gate(USER, enforcement, expected=expected)

    if expected and state not in CONFIRMED:
        assert isinstance(caught(gate), RecordMissing)
    else:
        assert gate() is (Gate.CHALLENGE if state in CONFIRMED else otherwise)
    assert life.raw == before


def test_without_a_rule_a_factor_is_everybody_s_choice(life: Life) -> None:
    """The rule has a default: nobody is made to enrol."""
    assert life.service.gate(USER) is Gate.ALLOW


@pytest.mark.parametrize(("seconds", "gate"), [(-0.5, Gate.NUDGE), (0, Gate.MUST_ENROL), (1, Gate.MUST_ENROL)])
def test_a_deadline_holds_from_its_moment_on(life: Life, seconds: float, gate: Gate) -> None:
    """Until the deadline `REQUIRE` nudges, and from the very moment on it confines."""
    life.clock.tick(seconds)
    assert life.service.gate(USER, Enforcement(Rule.REQUIRE, deadline=NOW)) is gate


def test_the_gate_leaves_no_event(life: Life) -> None:
    """It only reads."""
    life.service.gate(USER, Enforcement(Rule.REQUIRE))
    assert life.events == []


@pytest.mark.parametrize("rule", ["require", "off", None, True, Gate.ALLOW])
def test_a_rule_is_a_rule(rule: Any) -> None:
    """A word is no rule, since a misspelt one would require nothing."""
    with pytest.raises(TypeError, match="rule"):
        Enforcement(rule)


@pytest.mark.parametrize("deadline", [-1, math.nan, math.inf, "2027-01-01", True], ids=repr)
def test_a_deadline_is_a_time(deadline: Any) -> None:
    """Unix seconds, or nothing."""
    with pytest.raises((TypeError, InvalidParameters), match="deadline"):
        Enforcement(Rule.REQUIRE, deadline=deadline)
