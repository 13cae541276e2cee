"""The rules of the lifecycle: the table of states, the order of the checks, and rules 1 to 9 one by one.

The walk through all of it in any order is in `test_machine.py`.
"""

import base64
import dataclasses
import secrets
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from records.life import NOW, RAW, STEP, USER, Life, NewLife, caught, reason_of, wrong_recovery_code
from totpcore import (
    HOTP,
    TOTP,
    Accepted,
    AlreadyEnrolled,
    ClockBehind,
    ClockOff,
    CodeReplayed,
    Confirmed,
    EnrolmentExpired,
    InvalidCode,
    InvalidParameters,
    Locked,
    NotEnrolled,
    Policy,
    Recovered,
    Secret,
    State,
    StateError,
    Throttled,
    _transitions,
)
from totpcore._record import Pending, Record
from totpcore._states import TABLE, Moment, Refusal, confirmed
from totpcore.events import EventKind
from totpcore.otp import LARGEST_COUNTER
from totpcore.testing import Phone
from totpcore.throttle import Tally

pytest_plugins = ["records.fixtures"]

SMALL = Policy(free_attempts=2, lock_after=4)
ORACLE_STEPS = (153567, 153569)  # of the RFCs' key; both have the code 468457
ORACLE_CODE = "468457"
ADJACENT_STEPS = (910737, 910738)
ADJACENT_CODE = "911617"


@pytest.fixture
def on(life: Life) -> Life:
    """A user with a confirmed second factor, whose code of now is unspent."""
    return life.on()


@pytest.fixture
def hotp(life: Life) -> Life:
    """A user with an HOTP token of which counter 9 was spent elsewhere."""
    return life.adopt(HOTP(Secret(RAW)), spent=9)


# ---- the table of states ----


def reach(life: Life, state: State) -> Life:
    """Bring a user from nothing into a state."""
    if state is State.PENDING:
        life.enrol()
    if state in (State.ON, State.LOCKED):
        life.on()
    if state is State.LOCKED:
        life.lock()
    return life


def good_call(life: Life, state: State, call: EventKind) -> Callable[[], object]:
    """The call with input that is good for it, so that only the state can be in its way.

    What is needed beforehand is done at once: a pending secret beside the active one, a recovery login, an HOTP token.
    """
    service, confirmed = life.service, state in (State.ON, State.LOCKED)
    either = life.codes[-1] if confirmed else wrong_recovery_code()
    if call is EventKind.CONFIRM and confirmed:
        life.token = TOTP(service.replace(USER, life.codes[1], account="alice").secret)
    if call is EventKind.ENROL and confirmed:
        service.recover(USER, life.codes[1])
    if call is EventKind.RESYNC and state is State.ON:
        service.reset(USER, actor="bob", reason="another kind of token")
        life.adopt(HOTP(Secret(RAW)), spent=-1)
    code, next_code = (life.code(), life.code(1)) if state is not State.OFF else ("123456", "654321")
    calls: dict[EventKind, Callable[[], object]] = {
        EventKind.VERIFY: lambda: service.verify(USER, code),
        EventKind.RECOVER: lambda: service.recover(USER, either),
        EventKind.ENROL: lambda: service.enrol(USER, account="alice"),
        EventKind.REPLACE: lambda: service.replace(USER, either, account="alice"),
        EventKind.CONFIRM: lambda: service.confirm(USER, code),
        EventKind.RENEW_RECOVERY_CODES: lambda: service.renew_recovery_codes(USER, either),
        EventKind.DISABLE: lambda: service.disable(USER, either),
        EventKind.RESYNC: lambda: service.resync(USER, code, next_code),
        EventKind.RESET: lambda: service.reset(USER, actor="bob", reason="lost phone"),
        EventKind.ADOPT: lambda: service.adopt(USER, TOTP(Secret(RAW)), spent=-1),
        EventKind.RAISE_FLOOR: lambda: service.raise_floor(USER),
    }
    return calls[call]


@pytest.mark.parametrize("name", [kind.value for kind in EventKind if kind is not EventKind.RESET])
def test_a_transition_is_called_as_it_is_written(name: str) -> None:
    """What turns a refusal into a decision keeps the name and the docstring, for who reads a traceback or `help`."""
    transition = getattr(_transitions, name)
    assert transition.__name__ == name
    assert transition.__doc__


ROWS = [(state, call, leads_to) for state, calls in TABLE.items() for call, leads_to in calls.items()]
OTHERS = [(state, call) for state in State for call in EventKind if call not in TABLE[state]]


@pytest.mark.parametrize(("state", "call", "leads_to"), ROWS)
def test_what_is_in_the_table_leads_where_it_says(life: Life, state: State, call: EventKind, leads_to: State) -> None:
    """A call that the table has for a state is accepted there, and leads to the state that the table names."""
    accepted = good_call(reach(life, state), state, call)
    assert life.service.status(USER).state is state
    accepted()
    assert life.service.status(USER).state is leads_to


@pytest.mark.requirement("A5-2.3.1")
@pytest.mark.parametrize(("state", "call"), OTHERS)
def test_what_is_not_in_the_table_is_refused(life: Life, state: State, call: EventKind) -> None:
    """A call that the table does not have for a state is refused, and the record stays as it was."""
    refused = good_call(reach(life, state), state, call)
    before = life.raw
    if call is EventKind.CONFIRM:
        expected: type[Exception] = EnrolmentExpired
    elif call in (EventKind.ENROL, EventKind.ADOPT):
        expected = AlreadyEnrolled
    else:
        expected = Locked if state is State.LOCKED else NotEnrolled
    with pytest.raises(expected):
        refused()
    assert life.raw == before


def test_the_table_has_every_state_and_every_call() -> None:
    """No state and no call is forgotten."""
    assert set(TABLE) == set(State)
    assert {call for calls in TABLE.values() for call in calls} == set(EventKind)


def test_the_table_is_the_picture_of_the_design() -> None:
    """The ways into a state: set-up, a code of the new secret, wrong codes alone for `LOCKED`, and out by a reset."""
    into = {
        leads_to: {call for _, call, to in ROWS if to is leads_to and call is not EventKind.RAISE_FLOOR}
        for leads_to in State
    }
    assert into[State.PENDING] == {EventKind.ENROL}
    assert into[State.OFF] == {EventKind.DISABLE, EventKind.RESET}
    assert {state for state, _, to in ROWS if to is State.LOCKED} == {State.LOCKED}
    assert all(TABLE[state][EventKind.RESET] is State.OFF for state in State)


@pytest.mark.requirement("N63B4-4.1.2.2-2")
def test_only_a_confirmed_credential_is_one() -> None:
    """A call that needs the confirmed credential finds none in a pending one, also where the table has the call."""
    pending = Record(pending=Pending(TOTP(Secret(RAW)), "alice", NOW + 600, 0))
    with pytest.raises(Refusal) as caught_refusal:
        confirmed(pending, Moment(USER, NOW, Policy(), "ACME"), EventKind.CONFIRM)
    assert isinstance(caught_refusal.value.error, NotEnrolled)


# ---- the order of the checks: state, lock, wait, malformed, clock behind, match ----

MALFORMED = "12345"


def at_wait(life: Life) -> Life:
    """Bring a user into a wait of one-time codes."""
    life.fail(life.policy.free_attempts)
    return life


def behind(life: Life) -> Life:
    """Set the clock back, so that the spent counter lies beyond the window."""
    life.service.verify(USER, life.code())
    life.clock.tick(-60)
    return life


def test_the_state_comes_before_a_malformed_code(life: Life) -> None:
    """Without a second factor no text is looked at."""
    assert isinstance(caught(lambda: life.service.verify(USER, MALFORMED)), NotEnrolled)


def test_the_lock_comes_before_the_wait(new_life: NewLife) -> None:
    """A locked secret says so also while a wait runs: waiting does not help."""
    life = new_life(SMALL).on().fail(SMALL.lock_after)
    assert life.service.status(USER).retry_after > 0
    assert isinstance(caught(lambda: life.service.verify(USER, life.code())), Locked)


def test_the_lock_comes_before_a_malformed_code(new_life: NewLife) -> None:
    """What is typed at a locked secret is not looked at."""
    life = new_life(SMALL).on().lock()
    assert isinstance(caught(lambda: life.service.verify(USER, MALFORMED)), Locked)


@pytest.mark.requirement("N63B4-8.1.1-1")
@pytest.mark.parametrize("code", [MALFORMED, "right", "replayed"])
def test_the_wait_comes_before_the_code(on: Life, code: str) -> None:
    """During a wait a malformed, a right and a spent code get the same answer, and nothing is written."""
    texts = {"right": on.code(), "replayed": on.code(-1)}
    at_wait(on)
    before = on.raw
    error = caught(lambda: on.service.verify(USER, texts.get(code, code)))
    assert isinstance(error, Throttled)
    assert error.retry_after == 30
    assert on.raw == before


def test_the_wait_comes_before_a_clock_that_is_behind(on: Life) -> None:
    """During a wait nothing is said about the clock."""
    behind(on)
    on.clock.tick(60)
    at_wait(on)
    on.clock.tick(-60)
    assert isinstance(caught(lambda: on.service.verify(USER, on.code())), Throttled)


def test_a_malformed_code_comes_before_a_clock_that_is_behind(on: Life) -> None:
    """A typing slip is called one, wherever the clock stands."""
    assert reason_of(lambda: behind(on).service.verify(USER, MALFORMED)) == "malformed"


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_a_clock_that_is_behind_comes_before_the_match(on: Life, offset: int) -> None:
    """With the clock behind, right, spent and wrong codes get the same answer, and none is charged."""
    behind(on)
    before = on.raw
    for code in (on.code(offset), on.wrong()):
        assert isinstance(caught(partial(on.service.verify, USER, code)), ClockBehind)
    assert on.raw == before


# ---- rule 1: the pending secret ----


@pytest.mark.requirement("R4226-4-R6b", "R4226-5.1-2", "R6238-3-R5")
def test_rule_1_the_secret_is_made_here(life: Life) -> None:
    """`enrol` makes a secret of its own each time, as long as the output of the hash."""
    secrets = [life.enrol().secret for _ in range(3)]
    assert len({secret.base32 for secret in secrets}) == 3
    assert [len(secret.reveal()) for secret in secrets] == [20] * 3


@pytest.mark.requirement("R6238-5.1-2")
@pytest.mark.parametrize(("algorithm", "length"), [("SHA1", 20), ("SHA256", 32), ("SHA512", 64)])
@pytest.mark.filterwarnings("ignore::totpcore.CompatibilityWarning")
def test_rule_1_the_secret_has_the_length_of_the_hash(new_life: NewLife, algorithm: str, length: int) -> None:
    """A secret is as long as the output of the hash (RFC 6238 section 5.1), unless the policy says another length."""
    assert len(new_life(Policy(algorithm=algorithm)).enrol().secret.reveal()) == length
    assert len(new_life(Policy(algorithm=algorithm, secret_bytes=40)).enrol().secret.reveal()) == 40


@pytest.mark.requirement("R6238-3-R2", "R6238-3-R4")
@pytest.mark.parametrize(
    "policy", [Policy(), Policy(digits=8, period=60, algorithm="SHA256"), Policy(digits=7, algorithm="SHA512")]
)
@pytest.mark.filterwarnings("ignore::totpcore.CompatibilityWarning")
def test_rule_1_a_phone_that_scans_the_uri_shows_what_is_accepted(new_life: NewLife, policy: Policy) -> None:
    """The URI carries the secret and every number that the phone needs to show the codes that are accepted here."""
    life = new_life(policy)
    phone = Phone.scan(life.enrol().uri)
    assert life.service.confirm(USER, phone.code(NOW)).counter == NOW // policy.period
    life.clock.tick(policy.period)
    assert life.service.verify(USER, phone.code(life.clock())).drift_steps == 0


@pytest.mark.requirement("A5-2.3.1")
def test_rule_1_a_new_enrolment_ends_the_one_before(life: Life) -> None:
    """A code of the secret that was shown first is wrong once another one was shown."""
    life.enrol()
    first = life.token
    life.enrol()
    code = life.code()
    life.token, second = first, life.token
    assert reason_of(lambda: life.service.confirm(USER, life.code())) == "wrong"
    life.token = second
    assert life.service.confirm(USER, code).counter == STEP


@pytest.mark.requirement("N63B4-4.4-1", "A5-6.4.1")
@pytest.mark.parametrize(("seconds", "state"), [(599, State.PENDING), (600, State.OFF)])
def test_rule_1_a_pending_secret_lives_for_600_seconds(life: Life, seconds: int, state: State) -> None:
    """It can be confirmed until the last second, and is gone at the moment it expires."""
    assert life.enrol().expires_at == NOW + 600
    life.clock.tick(seconds)
    assert life.service.status(USER).state is state
    assert (life.service.pending(USER) is not None) is (state is State.PENDING)
    outcome = reason_of(lambda: life.service.confirm(USER, life.code()))
    assert outcome == ("ok" if state is State.PENDING else "expired")


def test_rule_1_twenty_wrong_codes_end_a_pending_secret(life: Life) -> None:
    """The 20th wrong code at `confirm` is still answered; then the secret is gone, and the right code too late."""
    life.enrol()
    for left in range(19, -1, -1):
        error = caught(lambda: life.service.confirm(USER, life.wrong()))
        assert type(error) is InvalidCode
        assert (error.attempts_left, error.malformed) == (left, False)
    assert life.service.status(USER).state is State.OFF
    assert life.service.pending(USER) is None
    assert isinstance(caught(lambda: life.service.confirm(USER, life.code())), EnrolmentExpired)


@pytest.mark.parametrize("failures", [20, 21, 1000])
def test_rule_1_more_wrong_codes_than_there_may_be_end_it_too(life: Life, failures: int) -> None:
    """A pending secret whose count is beyond the end, whoever wrote it, has ended."""
    life.enrol()
    waiting = life.record.pending
    assert waiting is not None
    life.put(Record(pending=waiting._replace(failures=failures)))
    assert life.service.status(USER).state is State.OFF
    assert isinstance(caught(lambda: life.service.confirm(USER, life.code())), EnrolmentExpired)


def test_rule_1_of_two_steps_that_share_a_code_the_newer_is_spent(life: Life) -> None:
    """Otherwise the code that confirmed would be good for a log-in as well."""
    first, last = ADJACENT_STEPS
    life.clock.now = first * 30.0
    waiting = Pending(TOTP(Secret(RAW)), "alice", life.clock() + 600, failures=0)
    life.put(Record(pending=waiting))
    assert life.service.confirm(USER, ADJACENT_CODE).counter == last
    assert life.spent == last
    assert reason_of(lambda: life.service.verify(USER, ADJACENT_CODE)) == "replayed"


def test_rule_1_nineteen_wrong_codes_leave_one(life: Life) -> None:
    """After 19 wrong codes the right one confirms."""
    life.enrol()
    for _ in range(19):
        caught(lambda: life.service.confirm(USER, life.wrong()))
    assert life.service.confirm(USER, life.code()).counter == STEP


def test_rule_1_malformed_codes_at_confirm_are_free(life: Life) -> None:
    """A typing slip at `confirm` costs nothing, however often."""
    life.enrol()
    before = life.raw
    for _ in range(25):
        error = caught(lambda: life.service.confirm(USER, MALFORMED))
        assert isinstance(error, InvalidCode)
        assert (error.malformed, error.attempts_left) == (True, 20)
    assert life.raw == before


def test_rule_1_wrong_codes_at_confirm_do_not_count_against_the_active_secret(on: Life) -> None:
    """Whoever confirms has seen the secret: these are no guesses at the active one."""
    on.service.replace(USER, on.codes[0], account="alice")
    for _ in range(6):
        assert reason_of(lambda: on.service.confirm(USER, on.wrong())) in ("wrong", "clock_off")
    assert on.record.code_tally.failures == 0
    assert on.service.status(USER).retry_after == 0


@pytest.mark.requirement("R4226-7.3-3")
def test_rule_1_a_wait_of_the_old_secret_is_no_obstacle_to_confirm(on: Life) -> None:
    """A new secret is confirmed while codes of the old one are throttled, and the tallies end with the old one."""
    enrolment = on.service.replace(USER, on.codes[0], account="alice")
    on.clock.tick(60)
    at_wait(on)
    on.token = TOTP(enrolment.secret)
    on.service.confirm(USER, on.code())
    assert on.record.code_tally == on.record.recovery_tally == (0, 0.0)


def test_rule_1_enrol_again_leaves_the_tallies(on: Life) -> None:
    """Beginning set-up anew, in either way, clears neither tally."""
    on.fail(3).fail_recovery(2)
    on.service.recover(USER, on.codes[0])
    on.fail_recovery(1)
    tallies = on.record.code_tally, on.record.recovery_tally
    assert [tally.failures for tally in tallies] == [3, 1]
    on.service.enrol(USER, account="alice")
    on.service.enrol(USER, account="alice")
    assert (on.record.code_tally, on.record.recovery_tally) == tallies


def test_rule_1_the_pending_secret_can_be_shown_again(life: Life) -> None:
    """`pending` gives the same secret, URI and end, also after a wrong code, and changes nothing."""
    first = life.enrol()
    caught(lambda: life.service.confirm(USER, life.wrong()))
    before, again = life.raw, life.service.pending(USER)
    assert again is not None
    assert (again.secret, again.uri, again.expires_at) == (first.secret, first.uri, first.expires_at)
    assert (again.manual_key, life.raw) == (first.secret.grouped, before)


@pytest.mark.requirement("R4226-5.1-2")
def test_rule_1_nothing_shows_a_confirmed_secret(on: Life) -> None:
    """After `confirm` there is no pending secret to show, and `enrol` refuses."""
    assert on.service.pending(USER) is None
    assert isinstance(caught(lambda: on.service.enrol(USER, account="alice")), AlreadyEnrolled)


# ---- rule 2: confirm ----


def test_rule_2_confirm_spends_its_code(life: Life) -> None:
    """The code that confirmed does not log in as well."""
    life.enrol()
    code = life.code()
    assert life.service.confirm(USER, code).counter == STEP
    assert isinstance(caught(lambda: life.service.verify(USER, code)), CodeReplayed)


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_rule_2_confirm_takes_the_whole_window(life: Life, offset: int) -> None:
    """A code of the window confirms, and its counter is the spent one."""
    life.enrol()
    assert life.service.confirm(USER, life.code(offset)).counter == STEP + offset
    assert life.spent == STEP + offset


@pytest.mark.requirement("A5-6.4.1")
def test_rule_2_a_second_confirm_is_expired(life: Life) -> None:
    """A form that was sent twice finds nothing to confirm, and changes nothing."""
    life.enrol()
    code = life.code()
    life.service.confirm(USER, code)
    before = life.raw
    assert isinstance(caught(lambda: life.service.confirm(USER, code)), EnrolmentExpired)
    assert life.raw == before


@pytest.mark.parametrize(("offset", "seconds"), [(-10, -300), (-2, -60), (2, 60), (10, 300), (-11, None), (11, None)])
def test_rule_2_confirm_says_how_far_a_clock_is_off(life: Life, offset: int, seconds: int | None) -> None:
    """A code that fits another time within 10 steps tells by how much, ahead positive. It is charged."""
    life.enrol()
    error = caught(lambda: life.service.confirm(USER, life.code(offset)))
    assert isinstance(error, InvalidCode)
    assert getattr(error, "seconds", None) == seconds
    assert isinstance(error, ClockOff) is (seconds is not None)
    assert (error.attempts_left, error.malformed) == (19, False)
    assert life.service.status(USER).state is State.PENDING


def test_rule_2_confirm_reports_the_nearest_time(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a code fits two other times, the nearer one is taken to be the truth."""
    monkeypatch.setattr("secrets.token_bytes", lambda count: RAW if count == len(RAW) else bytes(count))
    first, last = ORACLE_STEPS
    for step, seconds in ((first - 3, 90), (last + 3, -90), (last + 8, -240)):
        life.clock.now = step * 30
        life.enrol()
        error = caught(lambda: life.service.confirm(USER, ORACLE_CODE))
        assert isinstance(error, ClockOff)
        assert error.seconds == seconds


def test_rule_2_only_confirm_says_that_a_clock_is_off(on: Life) -> None:
    """At log-in a code of another time is a wrong one: how it misses is nobody's business."""
    error = caught(lambda: on.service.verify(USER, on.code(2)))
    assert type(error) is InvalidCode
    assert on.record.code_tally.failures == 1


# ---- rule 3: changes take a code ----

CHANGES = ["replace", "renew_recovery_codes", "disable"]


def change(life: Life, name: str, code: str) -> object:
    """Make one of the three changes that take a code."""
    if name == "replace":
        return life.service.replace(USER, code, account="alice")
    return getattr(life.service, name)(USER, code)


each_change = pytest.mark.parametrize("name", CHANGES)


@each_change
def test_rule_3_a_change_spends_a_one_time_code(on: Life, name: str) -> None:
    """A change by a one-time code spends it in the same swap."""
    code = on.code()
    change(on, name, code)
    if name == "disable":
        assert on.raw is None
    else:
        assert on.spent == STEP + 1
        assert isinstance(caught(lambda: on.service.verify(USER, code)), CodeReplayed)


@each_change
def test_rule_3_a_change_spends_a_recovery_code(on: Life, name: str) -> None:
    """A change by a recovery code spends it in the same swap."""
    change(on, name, on.codes[0])
    if name == "replace":
        assert isinstance(caught(lambda: on.service.recover(USER, on.codes[0])), CodeReplayed)
    if name == "renew_recovery_codes":
        assert type(caught(lambda: on.service.recover(USER, on.codes[0]))) is InvalidCode
        assert on.service.status(USER).codes_left == 10


@each_change
@pytest.mark.parametrize(("kind", "reason"), [
    ("wrong", "wrong"), ("spent", "replayed"), ("other user's", "wrong"), ("12345", "malformed"), ("", "malformed"),
    ("spent recovery", "replayed"), ("wrong recovery", "wrong"),
])  # fmt: skip
def test_rule_3_a_change_without_a_good_code_changes_nothing(on: Life, name: str, kind: str, reason: str) -> None:
    """A refused change leaves credential, pending secret and recovery codes as they are."""
    on.service.recover(USER, on.codes[3])
    on.clock.tick(90)
    code = on.code()
    on.service.verify(USER, code)
    codes = {
        "wrong": on.wrong(), "spent": code, "other user's": on.wrong(1), "spent recovery": on.codes[3],
        "wrong recovery": wrong_recovery_code(),
    }  # fmt: skip
    before = on.record
    assert reason_of(lambda: change(on, name, codes.get(kind, kind))) == reason
    assert (on.record.active, on.record.pending) == (before.active, before.pending)


@each_change
def test_rule_3_each_kind_of_code_has_its_own_tally_in_a_change(on: Life, name: str) -> None:
    """24 Crockford characters are charged as a recovery code, everything else as a one-time code."""
    caught(lambda: change(on, name, wrong_recovery_code()))
    assert (on.record.code_tally.failures, on.record.recovery_tally.failures) == (0, 1)
    caught(lambda: change(on, name, on.wrong()))
    assert (on.record.code_tally.failures, on.record.recovery_tally.failures) == (1, 1)


@pytest.mark.requirement("N63B4-3.2.2-4")
@each_change
def test_rule_3_a_locked_secret_changes_by_recovery_code_only(new_life: NewLife, name: str) -> None:
    """When locked, a right one-time code, a wrong one and no code at all are all the same; a recovery code works."""
    life = new_life(SMALL).on().lock()
    before = life.raw
    for code in (life.code(), life.wrong(), MALFORMED):
        assert isinstance(caught(partial(change, life, name, code)), Locked)
    assert life.raw == before
    change(life, name, life.codes[0])


@pytest.mark.requirement("N63B4-4.1.2.2-2")
def test_rule_3_the_old_secret_works_until_the_new_one_is_confirmed(on: Life) -> None:
    """Beside a pending secret the old one logs in; with `confirm` it ends at once, and so do its recovery codes."""
    old, old_codes = on.token, on.codes
    enrolment = on.service.replace(USER, on.code(), account="alice")
    on.clock.tick(60)
    assert on.service.status(USER).replacing
    on.service.verify(USER, on.code())
    on.clock.tick(60)
    on.token = TOTP(enrolment.secret)
    confirmed = on.service.confirm(USER, on.code())
    assert not on.service.status(USER).replacing
    on.token = old
    assert reason_of(lambda: on.service.verify(USER, on.code())) == "wrong"
    assert reason_of(lambda: on.service.recover(USER, old_codes[0])) == "wrong"
    assert reason_of(lambda: on.service.recover(USER, confirmed.recovery_codes[0])) == "ok"


def test_rule_3_a_new_secret_that_expires_leaves_the_old_one(on: Life) -> None:
    """Set-up that was abandoned never breaks the working factor."""
    on.service.replace(USER, on.code(), account="alice")
    on.clock.tick(600)
    assert not on.service.status(USER).replacing
    assert reason_of(lambda: on.service.confirm(USER, "123456")) == "expired"
    assert on.service.verify(USER, on.code()).user == USER


@pytest.mark.requirement("N63B4-4.1.2.2-2")
def test_rule_3_a_pending_secret_logs_nobody_in(on: Life) -> None:
    """Until it is confirmed, the new secret's code is an ordinary wrong one."""
    enrolment = on.service.replace(USER, on.codes[0], account="alice")
    on.clock.tick(60)
    assert reason_of(lambda: on.service.verify(USER, TOTP(enrolment.secret).code(on.clock()))) == "wrong"


@pytest.mark.parametrize(("seconds", "outcome"), [(0, "ok"), (599, "ok"), (600, "AlreadyEnrolled")])
def test_rule_3_enrol_stands_in_for_replace_after_recover(on: Life, seconds: int, outcome: str) -> None:
    """For `pending_seconds` after a recovery login `enrol` is allowed, and from the last second on no more."""
    on.service.recover(USER, on.codes[0])
    on.clock.tick(seconds)
    assert reason_of(lambda: on.service.enrol(USER, account="alice")) == outcome


@pytest.mark.parametrize("name", ["replace", "renew_recovery_codes"])
def test_rule_3_only_a_recovery_login_opens_enrol(on: Life, name: str) -> None:
    """A recovery code that was spent on a change has bought that change, and nothing else."""
    change(on, name, on.codes[0])
    assert isinstance(caught(lambda: on.service.enrol(USER, account="alice")), AlreadyEnrolled)


@pytest.mark.parametrize("locked", [False, True])
def test_rule_3_the_last_recovery_code_is_no_dead_end(new_life: NewLife, locked: bool) -> None:
    """With the last recovery code and no phone, log-in, set-up and a fresh set are still possible."""
    life = new_life(Policy(free_attempts=2, lock_after=4, recovery_codes=1, recovery_low=1)).on()
    if locked:
        life.lock()
    recovered = life.service.recover(USER, life.codes[0])
    assert (recovered.codes_left, recovered.running_low, recovered.must_replace) == (0, True, locked)
    life.enrol()
    assert len(life.service.confirm(USER, life.code()).recovery_codes) == 1
    assert life.service.status(USER).state is State.ON


def test_rule_3_confirm_ends_the_time_for_enrol(on: Life) -> None:
    """Once the new secret is confirmed, the recovery login that led to it has had its use."""
    on.service.recover(USER, on.codes[0])
    on.enrol()
    on.service.confirm(USER, on.code())
    assert isinstance(caught(lambda: on.service.enrol(USER, account="alice")), AlreadyEnrolled)


# ---- rule 4: two kinds of codes ----


def test_rule_4_verify_takes_no_recovery_code(on: Life) -> None:
    """A recovery code at `verify` is an ordinary malformed one: not spent, not charged."""
    assert reason_of(lambda: on.service.verify(USER, on.codes[0])) == "malformed"
    assert on.service.recover(USER, on.codes[0]).failures_before == 0


def test_rule_4_recover_takes_no_one_time_code(on: Life) -> None:
    """A one-time code at `recover` is an ordinary malformed one: not spent, not charged."""
    code = on.code()
    assert reason_of(lambda: on.service.recover(USER, code)) == "malformed"
    assert on.service.verify(USER, code).counter == STEP + 1


@pytest.mark.requirement("N63B4-3.2.2-8")
def test_rule_4_each_kind_has_its_own_tally(on: Life) -> None:
    """Wrong codes of one kind neither count for nor delay the other."""
    on.fail(5)
    assert isinstance(caught(lambda: on.service.verify(USER, on.code())), Throttled)
    recovered = on.service.recover(USER, on.codes[0])
    assert recovered.failures_before == 0
    assert on.record.code_tally.failures == 5


@pytest.mark.requirement("N63B4-3.1.2.2-4", "N63B4-3.2.2-8", "N63B4-4.2.1.1-5")
def test_rule_4_wrong_recovery_codes_do_not_delay_one_time_codes(on: Life) -> None:
    """While recovery codes are throttled, a one-time code logs in, and does not clear their tally."""
    on.fail_recovery(5)
    assert isinstance(caught(lambda: on.service.recover(USER, on.codes[0])), Throttled)
    assert on.service.verify(USER, on.code()).failures_before == 0
    assert on.record.recovery_tally.failures == 5


@pytest.mark.parametrize("failures", [4, 5, 99])
def test_rule_4_a_stricter_policy_locks_at_once(new_life: NewLife, failures: int) -> None:
    """Who has as many wrong codes as a new policy allows, or more, is locked from the moment that it holds."""
    life = new_life(SMALL).on()
    tally = Tally(failures, 0.0)
    life.put(life.record._replace(code_tally=tally))
    assert life.service.status(USER).state is State.LOCKED
    assert reason_of(lambda: life.service.verify(USER, life.code())) == "locked"


def test_rule_4_a_free_attempt_leaves_no_moment_to_wait_for(on: Life) -> None:
    """So that it stays free whatever the clock does next."""
    on.fail(4).fail_recovery(4)
    assert on.record.code_tally == on.record.recovery_tally == Tally(4, 0.0)


def test_rule_4_a_tally_at_its_end_stays_there(on: Life) -> None:
    """One more wrong code than a record can count leaves a record that can be read, with its wait."""
    full = on.record._replace(recovery_tally=Tally(LARGEST_COUNTER, 0.0))
    on.put(full)
    on.fail_recovery(1)
    assert on.record.recovery_tally == Tally(LARGEST_COUNTER, on.clock() + on.policy.longest_wait)


@pytest.mark.requirement("N63B4-3.2.2-8")
def test_rule_4_only_an_acceptance_clears_a_tally(on: Life) -> None:
    """Neither time nor replays, slips and other calls clear the tally; the next acceptance does and tells it."""
    on.fail(3)
    on.clock.tick(86_400)
    on.service.status(USER)
    on.service.gate(USER)
    on.service.raise_floor(USER)
    caught(lambda: on.service.verify(USER, on.code()))
    caught(lambda: on.service.verify(USER, MALFORMED))
    assert on.record.code_tally.failures == 3
    on.clock.tick(60)
    assert on.service.verify(USER, on.code()).failures_before == 3
    assert on.record.code_tally.failures == 0


def test_rule_4_a_recovery_login_tells_and_clears_its_own_tally(on: Life) -> None:
    """`Recovered` tells the wrong recovery codes before it, and the next one starts at none."""
    on.fail_recovery(2)
    assert on.service.recover(USER, on.codes[0]).failures_before == 2
    assert on.service.recover(USER, on.codes[1]).failures_before == 0


# ---- rule 5: the tally ----


@pytest.mark.requirement(
    "R4226-7.1-RP2b", "R4226-7.3-1", "R4226-7.3-5", "R4226-7.3-6", "N63B4-3.1.4.2-7", "N63B4-3.2.2-1", "N63B4-3.2.2-6",
    "OMFA-5",
)  # fmt: skip
def test_rule_5_five_free_attempts_and_doubling_waits(on: Life) -> None:
    """After 5 wrong codes in a row each further one doubles the wait: 30 s, 60 s ... up to an hour."""
    seen = []
    for _ in range(14):
        on.fail(1)
        seen.append(on.service.status(USER).retry_after)
    assert seen == [0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


@pytest.mark.requirement("N63B4-8.1.1-1")
def test_rule_5_attempts_left_counts_down(on: Life) -> None:
    """Each wrong code tells how many more are answered before a wait begins."""
    left = []
    for _ in range(6):
        on.wait_over()
        error = caught(lambda: on.service.verify(USER, on.wrong()))
        assert isinstance(error, InvalidCode)
        left.append(error.attempts_left)
    assert left == [4, 3, 2, 1, 0, 0]


@pytest.mark.parametrize(("seconds", "outcome"), [(29.999, "throttled"), (30, "ok"), (31, "ok")])
def test_rule_5_a_wait_is_over_at_its_last_moment(on: Life, seconds: float, outcome: str) -> None:
    """The right code is throttled until the wait is exactly over, and accepted from then on."""
    on.fail(5)
    on.clock.tick(seconds)
    assert reason_of(lambda: on.service.verify(USER, on.code())) == outcome


@pytest.mark.parametrize("seconds", [1, 30, 60])
def test_rule_5_a_free_attempt_stays_free_when_the_clock_is_set_back(on: Life, seconds: int) -> None:
    """Where no wait has begun, a clock that was set back begins none: two hosts never agree to the second."""
    on.fail(4)
    on.clock.tick(-seconds)
    assert on.service.status(USER).retry_after == 0
    assert reason_of(lambda: on.service.verify(USER, on.wrong())) == "wrong"


def test_rule_5_a_throttled_call_writes_nothing_and_computes_nothing(on: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a single HMAC is computed for a code that is throttled."""
    on.fail(5).fail_recovery(5)
    before, code = on.raw, on.code()

    def never(*_arguments: object) -> str:
        raise AssertionError("computed")

    monkeypatch.setattr("totpcore.otp._PreparedKey.code", never)
    monkeypatch.setattr("totpcore.recovery.hmac.digest", never)
    for call in (lambda: on.service.verify(USER, code), lambda: on.service.recover(USER, on.codes[0])):
        assert isinstance(caught(call), Throttled)
    assert on.raw == before


@pytest.mark.requirement(
    "R4226-7.1-RP2b", "R4226-7.2-2", "R4226-7.3-1", "R4226-7.3-2", "N63B4-3.1.4.2-7", "N63B4-3.2.2-2", "N63B4-8.1.1-1",
)  # fmt: skip
def test_rule_5_the_hundredth_wrong_code_locks(on: Life) -> None:
    """99 wrong codes in a row leave the secret on; the 100th is answered as wrong, and then it is locked."""
    on.fail(99)
    assert on.service.status(USER).state is State.ON
    on.fail(1)
    assert on.service.status(USER).state is State.LOCKED
    on.wait_over()
    assert isinstance(caught(lambda: on.service.verify(USER, on.code())), Locked)


def test_rule_5_an_acceptance_before_the_lock_starts_anew(new_life: NewLife) -> None:
    """Only consecutive wrong codes lock."""
    life = new_life(SMALL).on().fail(3)
    life.wait_over()
    life.service.verify(USER, life.code())
    life.fail(3)
    assert life.service.status(USER).state is State.ON


@pytest.mark.requirement("N63B4-3.2.2-4")
def test_rule_5_a_recovery_code_opens_a_locked_door(new_life: NewLife) -> None:
    """It says `must_replace`, and does not unlock: the secret stays locked until it is bound anew."""
    life = new_life(SMALL).on().lock()
    assert life.service.recover(USER, life.codes[0]).must_replace
    assert life.service.status(USER).state is State.LOCKED
    assert isinstance(caught(lambda: life.service.verify(USER, life.code(2))), Locked)


@pytest.mark.requirement("N63B4-3.2.2-4")
@pytest.mark.parametrize("way", ["replace", "recover and enrol", "reset"])
def test_rule_5_the_ways_out_of_a_lock(new_life: NewLife, way: str) -> None:
    """A recovery code and a new secret, or another administrator, lead out."""
    life = new_life(SMALL).on().lock()
    if way == "replace":
        life.token = TOTP(life.service.replace(USER, life.codes[0], account="alice").secret)
    elif way == "reset":
        life.service.reset(USER, actor="bob", reason="locked out")
        life.enrol()
    else:
        life.service.recover(USER, life.codes[0])
        life.enrol()
    life.service.confirm(USER, life.code())
    life.clock.tick(30)
    assert life.service.status(USER).state is State.ON
    assert life.service.verify(USER, life.code()).failures_before == 0


@pytest.mark.requirement("N63B4-3.2.2-2")
def test_rule_5_recovery_codes_are_never_locked(new_life: NewLife) -> None:
    """However many wrong recovery codes came before, the right one opens after the wait."""
    life = new_life(SMALL).on().fail_recovery(30)
    life.clock.now = life.record.recovery_tally.until
    recovered = life.service.recover(USER, life.codes[0])
    assert (recovered.failures_before, recovered.must_replace) == (30, False)


@pytest.mark.requirement("N63B4-3.1.2.2-4", "N63B4-4.2.1.1-5")
def test_rule_5_recovery_codes_wait_like_one_time_codes(on: Life) -> None:
    """The right recovery code is refused until a wait is over that doubles like the other, from the fifth on."""
    waits = []
    for _ in range(7):
        on.fail_recovery(1)
        wait = max(0, on.record.recovery_tally.until - on.clock())
        if wait:
            error = caught(lambda: on.service.recover(USER, on.codes[0]))
            assert isinstance(error, Throttled)
            assert error.retry_after == wait
        waits.append(wait)
    assert waits == [0, 0, 0, 0, 30, 60, 120]


@pytest.mark.requirement("A4-2.2.1")
def test_rule_5_an_hour_of_guessing(on: Life) -> None:
    """Whoever guesses as often as is answered gets 11 answers an hour to each kind of code."""
    answered = {"verify": 0, "recover": 0}
    for _ in range(360):
        for name, guess in (("verify", on.wrong()), ("recover", wrong_recovery_code())):
            while answered[name] < 100 and reason_of(partial(getattr(on.service, name), USER, guess)) == "wrong":
                answered[name] += 1
        on.clock.tick(10)
    assert answered == {"verify": 11, "recover": 11}


@pytest.mark.parametrize("kind", ["malformed", "replayed"])
def test_rule_5_a_malformed_or_replayed_code_costs_no_try(on: Life, kind: str) -> None:
    """However often: nothing is written, and the free attempts are all left."""
    code = on.code()
    on.service.verify(USER, code)
    before = on.raw
    for _ in range(12):
        error = caught(lambda: on.service.verify(USER, MALFORMED if kind == "malformed" else code))
        assert isinstance(error, InvalidCode)
        assert (error.reason, error.attempts_left, error.malformed) == (kind, 5, kind == "malformed")
    assert on.raw == before


# ---- rule 6: spent counters ----


@pytest.mark.requirement("N63B4-2.2.2-3", "N63B4-3.2.7-1", "A4-2.2.7", "OMFA-5")
def test_rule_6_a_code_is_accepted_once(on: Life) -> None:
    """For as long as the window shows it, a code that was accepted is a replayed one."""
    code = on.code()
    assert on.service.verify(USER, code) == Accepted(user=USER, counter=STEP + 1, drift_steps=0, failures_before=0)
    for seconds in (0, 1, 29, 29):
        on.clock.tick(seconds)
        assert isinstance(caught(lambda: on.service.verify(USER, code)), CodeReplayed)


@pytest.mark.parametrize("spelling", ["{0}", " {0}\n", "{1} {2}", "{1}-{2}"])
def test_rule_6_another_spelling_is_the_same_code(on: Life, spelling: str) -> None:
    """What is spent is the counter, not the text."""
    code = on.code()
    on.service.verify(USER, spelling.format(code, code[:3], code[3:]))
    assert isinstance(caught(lambda: on.service.verify(USER, code)), CodeReplayed)


@pytest.mark.requirement("R6238-5.2-1", "R6238-5.2-2", "R6238-6-1")
@pytest.mark.parametrize(("window", "past", "future"), [((1, 1), 1, 1), ((0, 0), 0, 0), ((2, 0), 2, 0), ((0, 2), 0, 2)])
def test_rule_6_exactly_the_window_is_accepted(
    new_life: NewLife, window: tuple[int, int], past: int, future: int
) -> None:
    """Of the codes around now, each of the window is accepted with its drift, and no other."""
    for offset in range(-4, 5):
        life = new_life(Policy(window=window)).adopt()
        outcome = reason_of(partial(life.service.verify, USER, life.code(offset)))
        assert outcome == ("ok" if -past <= offset <= future else "wrong")
        assert life.spent == (STEP + offset if outcome == "ok" else -1)


def test_rule_6_an_older_code_of_the_window_is_spent_with_a_newer_one(on: Life) -> None:
    """After the code of the next step, those of now and of the step before do not work any more."""
    older = [on.code(-1), on.code(0)]
    assert on.service.verify(USER, on.code(1)).drift_steps == 1
    for code in older:
        assert reason_of(partial(on.service.verify, USER, code)) == "replayed"


@pytest.mark.parametrize("seconds", [30, 60, 3600, 86_400 * 365])
def test_rule_6_a_clock_that_goes_back_brings_no_code_back(on: Life, seconds: int) -> None:
    """Whatever the clock does, a code that was accepted is never accepted again."""
    code = on.code()
    on.service.verify(USER, code)
    on.clock.tick(-seconds)
    for offset in (-1, 0, 1):
        assert reason_of(partial(on.service.verify, USER, on.code(offset))) != "ok"
    on.clock.tick(seconds)
    assert isinstance(caught(lambda: on.service.verify(USER, code)), CodeReplayed)


@pytest.mark.parametrize(("steps", "outcome"), [(0, "replayed"), (-1, "replayed"), (-2, "clock_behind")])
def test_rule_6_a_spent_counter_beyond_the_window_is_told(on: Life, steps: int, outcome: str) -> None:
    """`ClockBehind` begins where no code of the window can be accepted any more."""
    on.service.verify(USER, on.code())
    on.clock.tick(30 * steps)
    assert reason_of(lambda: on.service.verify(USER, on.code(-steps))) == outcome


def test_rule_6_a_corrected_clock_heals(on: Life) -> None:
    """A clock that had jumped ahead leaves the user waiting until time has caught up, and then all is well."""
    on.clock.tick(3600)
    on.service.verify(USER, on.code())
    on.clock.tick(-3600)
    assert isinstance(caught(lambda: on.service.verify(USER, on.code())), ClockBehind)
    on.clock.tick(3600 + 30)
    assert on.service.verify(USER, on.code()).drift_steps == 0


def test_rule_6_of_two_equal_codes_the_newest_is_spent(life: Life) -> None:
    """Two steps of the window with the same code: the newer is spent, so that the code works once."""
    first, last = ORACLE_STEPS
    life.clock.now = (first + 1) * 30
    life.adopt()
    assert life.service.verify(USER, ORACLE_CODE).counter == last
    assert reason_of(lambda: life.service.verify(USER, ORACLE_CODE)) == "replayed"


def test_rule_6_an_equal_code_of_a_newer_step_is_no_replay(life: Life) -> None:
    """Where the older of two equal codes was spent and still lies in the window, the newer one is good, once."""
    first, last = ADJACENT_STEPS
    life.clock.now = last * 30
    life.adopt(spent=first)
    assert life.service.verify(USER, ADJACENT_CODE).counter == last
    assert reason_of(lambda: life.service.verify(USER, ADJACENT_CODE)) == "replayed"


# ---- rule 7: recovery codes ----


@pytest.mark.requirement("N63B4-3.2.7-1")
def test_rule_7_a_recovery_code_works_once(on: Life) -> None:
    """It opens once; the second time it is told as spent and costs no try."""
    assert on.service.recover(USER, on.codes[4]) == Recovered(
        user=USER, codes_left=9, running_low=False, failures_before=0, must_replace=False
    )
    before = on.raw
    for _ in range(12):
        error = caught(lambda: on.service.recover(USER, on.codes[4]))
        assert isinstance(error, CodeReplayed)
        assert error.attempts_left == 5
    assert on.raw == before


def test_rule_7_recovery_codes_work_in_any_order(on: Life) -> None:
    """Each of the ten opens once, in whatever order, and the count goes down."""
    left = [on.service.recover(USER, code).codes_left for code in on.codes[::-1]]
    assert left == list(range(9, -1, -1))
    assert on.service.status(USER).codes_left == 0


def test_rule_7_few_codes_are_called_low(on: Life) -> None:
    """From three left on, log-in and status say so."""
    low = []
    for code in on.codes:
        low.append(on.service.recover(USER, code).running_low)
        assert on.service.status(USER).running_low is low[-1]
    assert low == [False] * 6 + [True] * 4


def test_rule_7_a_recovery_login_spends_the_codes_valid_now(on: Life) -> None:
    """The codes of the window were perhaps seen by somebody: after a recovery login they are all spent."""
    codes = [on.code(offset) for offset in (-1, 0, 1)]
    on.service.recover(USER, on.codes[0])
    assert [reason_of(partial(on.service.verify, USER, code)) for code in codes] == ["replayed"] * 3
    on.clock.tick(30)
    assert on.service.verify(USER, on.code(1)).drift_steps == 1


@pytest.mark.parametrize("window", [(0, 0), (2, 2)])
def test_rule_7_the_window_says_which_codes_are_valid(new_life: NewLife, window: tuple[int, int]) -> None:
    """A recovery login spends up to the window ahead, and not one step more."""
    life = new_life(Policy(window=window)).adopt()
    life.service.recover(USER, life.codes[0])
    assert life.spent == STEP + window[1]


def test_rule_7_a_recovery_login_never_lowers_the_spent_counter(on: Life) -> None:
    """With the clock behind, the spent counter stays where it is."""
    on.service.verify(USER, on.code(1))
    on.clock.tick(-3600)
    on.service.recover(USER, on.codes[0])
    assert on.spent == STEP + 2


def test_rule_7_a_recovery_login_leaves_the_counter_of_an_hotp_token(hotp: Life) -> None:
    """The codes of an HOTP token have no moment, so none of them is valid now more than another."""
    hotp.service.recover(USER, hotp.codes[0])
    assert hotp.spent == 9
    assert hotp.service.verify(USER, hotp.code()).counter == 10


@pytest.mark.requirement("N63B4-3.1.1.2-2")
def test_rule_7_each_set_has_a_salt_of_its_own(on: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """At confirm and at each renewal the salt is 128 new bits of the system's randomness, kept with the set."""
    drawn: list[bytes] = []
    draw = secrets.token_bytes

    def spy(count: int) -> bytes:
        drawn.append(draw(count))
        return drawn[-1]

    monkeypatch.setattr(secrets, "token_bytes", spy)
    assert on.record.active is not None
    salts = [on.record.active.recovery.salt]
    for _ in range(2):
        on.service.renew_recovery_codes(USER, on.code())
        salts.append(on.record.active.recovery.salt)
        assert salts[-1] in drawn
        on.clock.tick(30)
    assert len(set(salts)) == 3
    assert {len(salt) for salt in salts} == {16}


@pytest.mark.requirement("N63B4-3.1.2.2-2", "OMFA-6")
def test_rule_7_the_store_never_holds_what_was_typed(life: Life) -> None:
    """No value that is stored, in clear as here, holds a one-time code or a recovery code, right, wrong or spent."""
    life.adopt()
    typed, kept = [life.code(), life.code(1), life.wrong()], [life.raw]
    for call, code in (("verify", typed[0]), ("verify", typed[2]), ("recover", life.codes[0]), ("verify", typed[1])):
        reason_of(partial(getattr(life.service, call), USER, code))
        kept.append(life.raw)
    assert len(set(kept)) >= 4
    for text in [*typed, *life.codes, *(code.replace("-", "") for code in life.codes)]:
        for held in kept:
            assert held is not None
            for form in (text.encode(), text.encode().hex().encode(), base64.b64encode(text.encode()).rstrip(b"=")):
                assert form not in held


# ---- rule 8: HOTP, and nothing learns drift ----


@pytest.mark.requirement("R4226-4-R5", "R4226-7.2-2", "R4226-7.4-1", "R4226-7.4-4", "R4226-A.3-1", "R4226-E.3-1")
@pytest.mark.parametrize(("offset", "outcome"), [
    (-2, "wrong"), (-1, "replayed"), (0, "ok"), (1, "ok"), (10, "ok"), (11, "wrong"),
])  # fmt: skip
def test_rule_8_the_look_ahead(hotp: Life, offset: int, outcome: str) -> None:
    """An HOTP code is the next one or one of ten more; one counter back is told as replayed."""
    assert reason_of(lambda: hotp.service.verify(USER, hotp.code(offset))) == outcome
    assert hotp.spent == (10 + offset if outcome == "ok" else 9)


@pytest.mark.requirement("R4226-7.2-1", "R4226-A.3-1")
def test_rule_8_an_hotp_code_spends_those_before_it(hotp: Life) -> None:
    """After a code from further ahead the ones before it are gone, and the next is expected."""
    skipped = hotp.code(2)
    assert hotp.service.verify(USER, hotp.code(4)) == Accepted(user=USER, counter=14, drift_steps=4, failures_before=0)
    assert reason_of(lambda: hotp.service.verify(USER, skipped)) == "wrong"
    assert hotp.service.verify(USER, hotp.code()).counter == 15


@pytest.mark.requirement("R4226-4-R3", "R4226-7.2-1")
def test_rule_8_a_fresh_hotp_token_starts_at_zero(life: Life) -> None:
    """With nothing spent, counter 0 is the next, and there is nothing to look back at."""
    life.adopt(HOTP(Secret(RAW)), spent=-1)
    assert life.service.verify(USER, "755224").counter == 0  # RFC 4226, appendix D
    assert reason_of(lambda: life.service.verify(USER, "755224")) == "replayed"


@pytest.mark.requirement("N63B4-3.1.4.1-2")
def test_rule_8_the_last_counter_of_all(life: Life) -> None:
    """At 2**64 - 1 an HOTP token has come to its end: nothing wraps around, and its last code is told as replayed."""
    token = HOTP(Secret(RAW))
    life.adopt(token, spent=LARGEST_COUNTER - 1)
    last = token.code(LARGEST_COUNTER)
    assert life.service.verify(USER, last).counter == LARGEST_COUNTER
    assert reason_of(lambda: life.service.verify(USER, last)) == "replayed"
    assert reason_of(lambda: life.service.verify(USER, token.code(0))) == "wrong"
    assert reason_of(lambda: life.service.resync(USER, token.code(0), token.code(1))) == "wrong"


@pytest.mark.parametrize(("offset", "outcome"), [(-2, "wrong"), (-1, "wrong"), (0, "ok"), (100, "ok"), (101, "wrong")])
def test_rule_8_resync_finds_a_token_that_ran_away(hotp: Life, offset: int, outcome: str) -> None:
    """Two consecutive codes within 100 counters are accepted, and both are spent."""
    code, next_code = hotp.code(offset), hotp.code(offset + 1)
    assert reason_of(lambda: hotp.service.resync(USER, code, next_code)) == outcome
    if outcome == "ok":
        assert hotp.spent == 11 + offset
        assert reason_of(lambda: hotp.service.verify(USER, next_code)) == "replayed"
        assert reason_of(lambda: hotp.service.verify(USER, hotp.code())) == "ok"
    else:
        assert hotp.record.code_tally.failures == 1


@pytest.mark.requirement("R4226-7.4-4")
@pytest.mark.parametrize("order", ["same twice", "swapped", "one left out", "second wrong"])
def test_rule_8_resync_takes_only_consecutive_codes(hotp: Life, order: str) -> None:
    """Anything but a code and the next one is a wrong guess, and charged once."""
    codes = {
        "same twice": (hotp.code(5), hotp.code(5)), "swapped": (hotp.code(6), hotp.code(5)),
        "one left out": (hotp.code(5), hotp.code(7)), "second wrong": (hotp.code(5), hotp.wrong()),
    }[order]  # fmt: skip
    assert reason_of(lambda: hotp.service.resync(USER, *codes)) == "wrong"
    assert (hotp.record.code_tally.failures, hotp.spent) == (1, 9)


@pytest.mark.parametrize("place", [0, 1])
def test_rule_8_a_malformed_code_at_resync_costs_no_try(hotp: Life, place: int) -> None:
    """It is enough that one of the two is malformed."""
    codes = [hotp.code(), hotp.code(1)]
    codes[place] = MALFORMED
    before = hotp.raw
    assert reason_of(lambda: hotp.service.resync(USER, *codes)) == "malformed"
    assert hotp.raw == before


def test_rule_8_resync_waits_and_locks_like_verify(new_life: NewLife) -> None:
    """It guesses against the same tally."""
    life = new_life(SMALL).adopt(HOTP(Secret(RAW)), spent=9)
    wrong = life.wrong(), life.wrong(1)
    for _ in range(2):
        assert reason_of(lambda: life.service.resync(USER, *wrong)) == "wrong"
    assert reason_of(lambda: life.service.resync(USER, *wrong)) == "throttled"
    for _ in range(2):
        life.wait_over()
        life.service.status(USER)
        assert reason_of(lambda: life.service.resync(USER, *wrong)) == "wrong"
    assert isinstance(caught(lambda: life.service.resync(USER, life.code(), life.code(1))), Locked)


def test_rule_8_resync_tells_the_wrong_codes_before_it(hotp: Life) -> None:
    """An accepted `resync` is an acceptance: it tells the tally and clears it."""
    hotp.fail(2)
    assert hotp.service.resync(USER, hotp.code(50), hotp.code(51)).failures_before == 2
    assert hotp.record.code_tally.failures == 0


def test_rule_8_resync_is_for_hotp(on: Life) -> None:
    """A TOTP token has only the time to go by: that is a developer's mistake, whatever was typed, and not charged."""
    before = on.raw
    for codes in ((on.code(), on.code(1)), (MALFORMED, MALFORMED)):
        error = caught(partial(on.service.resync, USER, *codes))
        assert type(error) is StateError
    assert on.raw == before
    assert on.events == []


def test_rule_8_nothing_learns_drift(on: Life) -> None:
    """A phone that is a step ahead at each log-in is accepted with the same drift each time, and never further out."""
    for _ in range(5):
        on.clock.tick(60)
        assert on.service.verify(USER, on.code(1)).drift_steps == 1
    on.clock.tick(60)
    assert reason_of(lambda: on.service.verify(USER, on.code(2))) == "wrong"


# ---- rule 9: operators ----


@pytest.mark.requirement("A5-6.4.6")
@pytest.mark.parametrize("state", State)
def test_rule_9_reset_leaves_nothing(life: Life, state: State) -> None:
    """In whatever state, after `reset` the store holds nothing about the user."""
    reach(life, state)
    life.service.reset(USER, actor="bob", reason="lost phone")
    assert life.raw is None
    assert life.service.status(USER).state is State.OFF


def test_rule_9_raise_floor_voids_codes_up_to_now(on: Life) -> None:
    """After a backup was restored, codes up to the window ahead and all recovery codes are void; the secret lives."""
    codes = [on.code(offset) for offset in (-1, 0, 1)]
    on.service.replace(USER, on.codes[0], account="alice")
    on.service.raise_floor(USER)
    assert [reason_of(partial(on.service.verify, USER, code)) for code in codes] == ["replayed"] * 3
    assert {reason_of(partial(on.service.recover, USER, code)) for code in on.codes} == {"replayed"}
    assert not on.service.status(USER).replacing
    on.clock.tick(30)
    assert on.service.verify(USER, on.code(1)).drift_steps == 1


def test_rule_9_raise_floor_keeps_the_tallies_and_ends_a_recent_recovery(on: Life) -> None:
    """What a restored backup says about wrong codes stays, what it says about a recent recovery login does not."""
    on.service.recover(USER, on.codes[0])
    on.fail(2).fail_recovery(1)
    on.service.raise_floor(USER)
    assert (on.record.code_tally.failures, on.record.recovery_tally.failures) == (2, 1)
    assert isinstance(caught(lambda: on.service.enrol(USER, account="alice")), AlreadyEnrolled)


def test_rule_9_raise_floor_never_lowers_the_spent_counter(on: Life) -> None:
    """With the clock behind, the spent counter stays where it is."""
    on.clock.tick(-3600)
    on.service.raise_floor(USER)
    assert on.spent == STEP


def test_rule_9_raise_floor_is_for_totp(hotp: Life) -> None:
    """Only its holder knows the counter of an HOTP token: nothing is changed."""
    before = hotp.raw
    assert type(caught(lambda: hotp.service.raise_floor(USER))) is StateError
    assert hotp.raw == before


def test_rule_9_raise_floor_at_the_first_step(life: Life) -> None:
    """At the moment its steps begin a token has step 0: it and the window ahead are void."""
    life.adopt(TOTP(Secret(RAW), t0=NOW))
    life.service.raise_floor(USER)
    assert life.spent == 1


def test_rule_9_raise_floor_clears_what_is_over(on: Life) -> None:
    """Where codes are void already, a pending secret and a recovery login that are over go from the store."""
    active = on.record.active
    assert active is not None
    void = active._replace(spent=STEP + 5, recovery=active.recovery.void())
    over = Pending(TOTP(Secret(RAW)), "alice", expires_at=NOW - 1000, failures=0)
    on.put(Record(active=void, pending=over, enrol_until=NOW - 1000))
    on.service.raise_floor(USER)
    assert on.record == Record(active=void)


def test_rule_9_raise_floor_ends_what_is_pending(life: Life) -> None:
    """A pending secret that a backup brought back may have been seen: it cannot be confirmed."""
    life.enrol()
    life.service.raise_floor(USER)
    assert reason_of(lambda: life.service.confirm(USER, life.code())) == "expired"
    life.service.raise_floor(USER)
    assert life.raw is None


def test_rule_9_raise_floor_ends_what_has_run_out(life: Life) -> None:
    """A pending secret that ran out goes too: it is not open again where the clock is set back afterwards."""
    life.clock.now = life.enrol().expires_at
    life.service.raise_floor(USER)
    life.clock.tick(-1)
    assert life.service.status(USER).state is State.OFF
    assert life.raw is None


# ---- adopt ----


def test_adopt_takes_a_token_with_what_was_spent(life: Life) -> None:
    """Codes up to the counter that was spent elsewhere do not work here, the next one does."""
    life.adopt(spent=STEP)
    assert reason_of(lambda: life.service.verify(USER, life.code())) == "replayed"
    assert life.service.verify(USER, life.code(1)).counter == STEP + 1


def test_adopt_says_what_was_spent(life: Life) -> None:
    """`adopt` returns fresh recovery codes and the counter; nothing was used here yet."""
    confirmed = life.service.adopt(USER, TOTP(Secret(RAW)), spent=41)
    assert isinstance(confirmed, Confirmed)
    assert (confirmed.counter, len(confirmed.recovery_codes)) == (41, 10)
    status = life.service.status(USER)
    assert (status.enrolled_at, status.last_used_at, status.codes_left) == (NOW, None, 10)


@pytest.mark.parametrize(("spent", "good"), [(STEP + 10, True), (STEP + 11, False), (NOW, False)])
def test_adopt_refuses_a_time_in_the_place_of_a_time_step(life: Life, spent: int, good: bool) -> None:
    """A counter that lies in the future is a mistake that would lock its owner out for centuries."""
    if good:
        life.adopt(spent=spent)
    else:
        with pytest.raises(InvalidParameters, match="spent"):
            life.adopt(spent=spent)
        assert life.raw is None


def test_adopt_takes_a_counter_of_any_size_for_hotp(life: Life) -> None:
    """A counter has nothing to do with the time."""
    life.adopt(HOTP(Secret(RAW)), spent=NOW)
    assert life.service.verify(USER, life.code()).counter == NOW + 1


def test_adopt_ends_what_is_pending(life: Life) -> None:
    """The pending secret of a set-up that was begun before cannot be confirmed any more."""
    life.enrol()
    code = life.code()
    life.adopt()
    assert reason_of(lambda: life.service.confirm(USER, code)) == "expired"


@pytest.mark.requirement("R6238-4.2-3", "N63B4-3.1.4.1-5")
@pytest.mark.parametrize("digits", [6, 7, 8])
@pytest.mark.parametrize("period", [10, 30, 300])
def test_an_adopted_token_keeps_its_parameters(life: Life, digits: int, period: int) -> None:
    """The policy's numbers are for what is made here: another system's token goes on as it was."""
    life.adopt(TOTP(Secret(RAW), digits=digits, period=period, algorithm="SHA512", t0=5))
    life.clock.tick(period)
    assert life.service.verify(USER, life.code()).counter == (NOW + period - 5) // period


# ---- what status tells ----


def generations(life: Life) -> Iterator[str | None]:
    """The generation after each call that makes a new one, and after some that do not."""
    yield life.on().service.status(USER).generation
    life.service.verify(USER, life.code())
    yield life.service.status(USER).generation
    life.token = TOTP(life.service.replace(USER, life.codes[0], account="alice").secret)
    yield life.service.status(USER).generation
    life.service.confirm(USER, life.code())
    yield life.service.status(USER).generation
    life.service.reset(USER, actor="bob", reason="lost phone")
    yield life.service.status(USER).generation
    yield life.adopt().service.status(USER).generation


def test_the_generation_changes_with_the_credential(life: Life) -> None:
    """It stays through log-in and a replacement that is begun, and is a new one at confirm, adopt and reset."""
    first, used, begun, confirmed, reset, adopted = generations(life)
    assert first == used == begun
    assert reset is None
    assert len({first, confirmed, adopted}) == 3


@pytest.mark.requirement("N63B4-3.2.12-1", "A5-11.5.1")
def test_what_is_random_has_112_bits_and_more(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret, its recovery codes, their salt and the generation draw 20, 15, 16 and 16 bytes of the system's."""
    drawn: list[int] = []
    draw = secrets.token_bytes

    def spy(count: int) -> bytes:
        drawn.append(count)
        return draw(count)

    monkeypatch.setattr(secrets, "token_bytes", spy)  # `token_urlsafe` takes its bytes from it too
    life.enrol()
    assert drawn == [20]
    life.service.confirm(USER, life.code())
    assert drawn == [20, *[15] * 10, 16, 16]


def test_status_tells_when_the_factor_was_used(on: Life) -> None:
    """`last_used_at` is the last acceptance of any kind, the confirming one included; refusals do not move it."""
    assert (on.service.status(USER).enrolled_at, on.service.status(USER).last_used_at) == (NOW, NOW)
    on.clock.tick(7)
    on.service.verify(USER, on.code())
    on.clock.tick(7)
    caught(lambda: on.service.verify(USER, on.wrong()))
    assert on.service.status(USER).last_used_at == NOW + 30 + 7
    on.service.recover(USER, on.codes[0])
    assert on.service.status(USER).last_used_at == NOW + 30 + 14


@pytest.mark.requirement("N63B4-3.1.4.1-1")
@pytest.mark.parametrize(("length", "weak"), [(10, True), (15, True), (16, False)])
def test_status_tells_a_weak_secret(life: Life, length: int, weak: bool) -> None:
    """A secret of fewer than 128 bits, which only `adopt` can bring, is shown to operators."""
    life.service.adopt(USER, TOTP(Secret(bytes(range(length)))), spent=-1, allow_weak=True)
    assert life.service.status(USER).weak_secret is weak


def test_status_of_a_user_without_a_factor_tells_nothing(life: Life) -> None:
    """Without a confirmed factor every field but the state is at rest, also while one is pending."""
    off = life.service.status(USER)
    life.enrol()
    assert dataclasses.replace(life.service.status(USER), state=State.OFF) == off
    assert (off.state, off.code_required, off.generation) == (State.OFF, False, None)


def test_a_locked_factor_still_requires_a_code(new_life: NewLife) -> None:
    """`code_required` holds when locked: a lock never lets anybody in."""
    status = new_life(SMALL).on().lock().service.status(USER)
    assert (status.state, status.code_required) == (State.LOCKED, True)


# ---- clocks that jump ----

YEAR = 365 * 86_400


def test_a_clock_set_back_opens_enrol_no_longer_than_it_was(on: Life) -> None:
    """A clock that was a year ahead at `recover` leaves no year in which `enrol` takes no code."""
    on.clock.tick(YEAR)
    on.service.recover(USER, on.codes[0])
    on.clock.tick(-YEAR / 2)
    with pytest.raises(AlreadyEnrolled):
        on.service.enrol(USER, account="alice")


@pytest.mark.requirement("N63B4-4.4-1")
def test_what_ended_by_a_clock_set_back_stays_ended(on: Life) -> None:
    """The next thing that is stored takes it out of the record, so that it does not open again when its time comes."""
    start = on.clock()
    on.clock.tick(YEAR)
    on.service.recover(USER, on.codes[0])
    on.enrol()
    on.clock.now = start
    assert reason_of(lambda: on.service.recover(USER, wrong_recovery_code(0))) == "wrong"
    on.clock.now = start + YEAR + 1
    assert on.service.pending(USER) is None
    with pytest.raises(AlreadyEnrolled):
        on.service.enrol(USER, account="alice")


def test_what_has_expired_leaves_the_record_with_the_next_change(on: Life) -> None:
    """A pending secret that was never confirmed is not kept for long; a refusal that stores nothing keeps it."""
    token = on.token
    on.service.replace(USER, on.code(), account="alice")
    on.clock.tick(600)
    before = on.raw
    assert reason_of(lambda: on.service.verify(USER, "typo")) == "malformed"
    assert on.raw == before
    on.service.verify(USER, token.code(on.clock()) if isinstance(token, TOTP) else "")
    assert on.record.pending is None


@pytest.mark.parametrize("behind", [0.01, 1, 30, 60])
def test_hosts_with_other_clocks_answer_no_more(on: Life, behind: float) -> None:
    """A host whose clock is up to a minute behind skips no wait that another host began, not even the longest."""
    on.fail(30)
    on.clock.tick(-behind)
    assert reason_of(lambda: on.service.verify(USER, on.wrong())) == "throttled"


def test_a_clock_set_back_keeps_no_secret_pending(life: Life) -> None:
    """A secret that was shown by a clock a year ahead cannot be confirmed months later."""
    life.clock.tick(YEAR)
    life.enrol()
    life.clock.tick(-YEAR / 2)
    assert life.service.pending(USER) is None
    assert reason_of(lambda: life.service.confirm(USER, life.code())) == "expired"


@pytest.mark.parametrize(("seconds", "still"), [(0, True), (60, True), (61, False)])
def test_hosts_may_differ_by_a_minute(life: Life, seconds: int, still: bool) -> None:
    """A host whose clock is up to a minute behind the one that began set-up lets it be confirmed."""
    life.enrol()
    life.clock.tick(-seconds)
    assert (life.service.pending(USER) is not None) is still


def test_a_clock_set_back_ends_a_wait(on: Life) -> None:
    """A wait that a jump left behind is over; the next wrong code begins one by the right time."""
    on.clock.tick(YEAR)
    on.fail(5)
    on.clock.tick(-YEAR)
    assert on.service.status(USER).retry_after == 0
    assert reason_of(lambda: on.service.verify(USER, on.wrong())) == "wrong"
    assert on.service.status(USER).retry_after == 60


def test_a_clock_at_the_first_step_is_not_behind(life: Life) -> None:
    """From the moment its steps begin, a token's codes are good."""
    life.adopt(TOTP(Secret(RAW), t0=NOW))
    assert life.service.verify(USER, life.code()).counter == 0


def test_a_clock_before_the_first_step_is_behind(life: Life) -> None:
    """A token whose steps have not begun by this clock is refused as `ClockBehind`, and nothing moves."""
    life.adopt(TOTP(Secret(RAW), t0=NOW - 1000))
    life.clock.tick(-2000)
    before = life.raw
    assert reason_of(lambda: life.service.verify(USER, "123456")) == "clock_behind"
    assert life.raw == before
    life.service.recover(USER, life.codes[0])
    life.service.raise_floor(USER)
    assert life.spent == -1
