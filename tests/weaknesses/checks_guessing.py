"""V17 to V27: guessing, and what a limit on it must not become.

Rules of this file:

1. `NOW` is when the attacker knows the password. Tallies are read from the record, as they are stored.
2. A malformed or replayed code costs no try, and each kind of code has a tally of its own: so says the contract, where
   the published advice would charge the first two and have one budget for all.
3. What a guess costs is counted in HMACs, never in time on the wall.
"""

import inspect
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar, cast
from unittest.mock import patch

import totpcore.otp
import totpcore.policy
from totpcore import (
    HOTP,
    TOTP,
    Accepted,
    Enrolment,
    InvalidCode,
    InvalidParameters,
    Policy,
    Refused,
    SQLiteStore,
    StateError,
    StoreContended,
    Throttled,
    TwoFactor,
    _spending,
    _states,
    _transitions,
)
from totpcore._core import Change
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_code, spend_recovery_code
from totpcore._states import TABLE, Decision, Moment, Proposal, Refusal
from totpcore._transitions import _propose
from totpcore.answers import State
from totpcore.events import EventKind
from totpcore.otp import LARGEST_COUNTER, scan
from totpcore.ports import Store
from totpcore.service import _spoken
from totpcore.testing._races import in_threads
from totpcore.throttle import Tally
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import (
    KEY,
    STEP,
    FirstLoadsTogether,
    Spent,
    adopted,
    changes_by,
    counting,
    failures,
    faulty,
    full,
    seeded,
    spent_of,
    surfaces,
    switching_often,
    verifies_by,
)

T = TypeVar("T")

DAY: Final = 86_400
FREE: Final = 5
NO_RECOVERY_CODE: Final = "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ"


def wait_of(user: User) -> float:
    """The seconds until the next one-time code is answered."""
    return user.service.status(user.user).retry_after


def guess_for(user: User, seconds: float) -> list[float]:
    """Guess wrong as often as the waits allow, and list the moments of the guesses that were answered."""
    answered, end, wrong = list[float](), user.clock() + seconds, user.wrong()
    while user.clock() < end and user.verify(wrong) == "wrong":
        answered.append(user.clock())
        user.clock.tick(wait_of(user))
    return answered


# ---- V17: no attempt limit ----


def charges_nothing() -> Library:
    """A wrong code is refused, and forgotten."""
    return replace(TOTPCORE, two_factor=faulty((_spending, "_charged", lambda tally, _moment: tally)))


@weakness("V17", twin=charges_nothing)
def the_right_code_waits_after_wrong_ones(lib: Library) -> None:
    """After five wrong codes the right one is refused until the wait is over; after a hundred in a row, for good.

    By the defaults, who guesses all day has less than one chance in a thousand: window / 10**digits for each answer.
    """
    user = adopted(lib)
    for number in range(FREE):
        holds(user.verify(user.wrong(number)) == "wrong", "a wrong code is refused")
    for second in (0, 1, 15, 29, 29.999):
        user.clock.now = NOW + second
        holds(user.verify(user.code()) == "throttled", "the right code waits too")
    user.clock.now = NOW + 30
    holds(user.verify(user.code()) == "ok", "after the wait it opens")
    user = adopted(lib)
    answered = len(guess_for(user, DAY))
    holds(FREE < answered < 100, "a day of guessing gets a few answers")
    holds(1 - (1 - 3 / 10**6) ** answered < 1e-3, "and so hardly a chance")
    told = user.policy.guess_probability(days=1, logins_per_day=0)
    holds(abs(told - (1 - (1 - 3 / 10**6) ** answered)) < 3 / 10**6, "which is what the policy says of itself")
    holds(user.policy.guess_probability(days=1, logins_per_day=4) < 1e-3, "also where the owner logs in meanwhile")
    holds(answered + len(guess_for(user, 30 * DAY)) == 100, "the hundredth wrong code in a row is the last")
    user.clock.tick(DAY)
    holds(user.verify(user.code()) == "locked", "the right code is refused for good")


def has_no_bounds() -> Library:
    """A policy takes any number."""

    class Unbounded(Policy):
        __slots__ = ()

        def __post_init__(self) -> None:
            """Let everything pass."""

    return replace(TOTPCORE, policy=Unbounded)


@weakness("V17", twin=has_no_bounds)
def no_policy_is_without_a_limit(lib: Library) -> None:
    """There is always a tally: no `None` in its place, no number that turns it off, no argument that leaves it out."""
    for name, numbers in {
        "free_attempts": (0, 21, -1, 10**9), "first_wait": (0, 0.5, -1, float("nan")), "lock_after": (0, 4, 101, 10**9),
        "longest_wait": (0, 29, -1, float("inf")),
    }.items():  # fmt: skip
        for number in numbers:
            holds(refuses(partial(lib.policy, **{name: number}), InvalidParameters), f"{name} is in its bounds")
        for other in (None, True, False, "5"):
            holds(refuses(partial(lib.policy, **{name: other}), TypeError), f"{name} is a number")
    build = partial(lib.two_factor, lib.memory_store(), issuer="ACME", sealer=lib.plaintext())
    holds(refuses(partial(build, policy=cast("Policy", None)), TypeError), "a service has a policy")
    parameters = set(inspect.signature(lib.two_factor).parameters)
    holds(parameters == {"store", "issuer", "sealer", "policy", "clock", "audit"}, "and no throttle to leave out")


# ---- V18: the limit is not the account's ----


def counts_in_the_session() -> Library:
    """Each service object counts for itself."""

    class PerSession(TwoFactor):
        failed = 0

        def verify(self, user: str, code: str) -> Accepted:
            if self.failed >= FREE:
                raise Throttled(retry_after=30)
            try:
                with patch.object(_spending, "_charged", lambda tally, _moment: tally):
                    return super().verify(user, code)
            except InvalidCode:
                self.failed += 1
                raise

    return replace(TOTPCORE, two_factor=PerSession)


@weakness("V18", twin=counts_in_the_session)
def sessions_share_the_tally_of_the_account(lib: Library) -> None:
    """Fifty service objects have five tries together, other users their own; a caller has no key to choose.

    No call takes an address, a session or a tenant: the user id alone names the tally.
    """
    user = adopted(lib)
    wrong, sessions = user.wrong(), [user.another() for _ in range(50)]
    said = Counter(outcome(partial(session.verify, user.user, wrong)) for session in sessions)
    holds(said == {"wrong": FREE, "throttled": 45}, "all sessions have five tries together")
    last = outcome(partial(sessions[-1].verify, user.user, user.code()))
    holds(last == "throttled", "the right code waits in a session that never guessed")
    for name in (" alice", "Alice", "alice ", "ALICE"):
        holds(outcome(partial(user.service.verify, name, wrong)) == "not_enrolled", "another spelling is another user")
    user.service.adopt("bob", lib.totp_token(lib.secret(KEY)), spent=-1)
    holds(outcome(partial(user.service.verify, "bob", user.code())) == "ok", "another user does not wait")
    calls = [call for name, call in inspect.getmembers(lib.two_factor, inspect.isfunction) if name[0] != "_"]
    taken = {name for call in calls for name in inspect.signature(call).parameters}
    keys = {"ip", "address", "remote", "session", "tenant", "key", "realm", "device"}
    holds(not taken & keys, "no call takes a key of the caller's choice")
    holds(list(inspect.signature(lib.two_factor.verify).parameters) == ["self", "user", "code"], "nor does `verify`")


# ---- V19: parallel guesses ----


class SpeaksFirst(TwoFactor):
    """A refusal is spoken, stored or not: somebody else will have counted."""

    def _run(self, user: str, change: Change[T]) -> T:
        for _ in range(128):
            old = Hidden(self._store.load(user))
            step = self._core.step(change, user, old, self._now())
            swapped = not step.swaps or self._store.swap(user, old.value, step.new.value)
            if swapped or isinstance(step.answer.value, Refused):
                return _spoken(step.answer)
        raise StoreContended


def speaks_first() -> Library:
    """A service that answers before the failure is stored."""
    return replace(TOTPCORE, two_factor=SpeaksFirst)


@weakness("V19", twin=speaks_first)
def parallel_guesses_get_no_more_answers(lib: Library) -> None:
    """Of a hundred threads that guess at once on one record, five get an answer that depends on the code.

    More of them may have computed an HMAC: what is reserved is the answer, by the swap that stores it.
    """
    with switching_often():
        user = adopted(lib)
        wrong = user.wrong()
        user.store = FirstLoadsTogether(user.store, 100)
        user.service = user.another()
        said = Counter(in_threads([partial(user.verify, wrong)] * 100))
    holds(said == {"wrong": FREE, "throttled": 95}, "five guesses are answered")
    holds(failures(user) == FREE, "and each of them is stored")
    holds(user.verify(user.code()) == "throttled", "the right code waits too")


# ---- V20: the record of a failure is lost ----


def shares_the_transaction() -> Library:
    """The store works in a transaction that the request opened and, since the code was wrong, does not commit."""

    class Shared(SQLiteStore):
        def _connect(self, *, create: bool) -> sqlite3.Connection:
            connection = super()._connect(create=create)
            if not create:
                connection.execute("BEGIN")
            return connection

    return replace(TOTPCORE, sqlite_store=Shared)


@weakness("V20", twin=shares_the_transaction)
def a_rollback_takes_no_failure_back(lib: Library) -> None:
    """A caller's transaction that is rolled back, or a request that ends in the refusal, loses no failure.

    The same is a test of `StoreContract`, for the stores of others.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "records.db"
        first = lib.sqlite_store(path, create=True)
        user = adopted(lib, store=first)
        first.close()
        for tries in range(1, FREE + 1):
            caller = sqlite3.connect(path, isolation_level=None)
            caller.execute("BEGIN")
            caller.execute("SELECT user FROM totpcore").fetchall()
            request = lib.sqlite_store(path)
            user.store = request
            user.service = user.another()
            holds(user.verify(user.wrong()) == "wrong", "a wrong code is refused")
            caller.execute("ROLLBACK")
            caller.close()
            request.close()
            user.store = lib.sqlite_store(path)
            holds(failures(user) == tries, "the failure is stored, whatever became of the request")
            user.store.close()


class Breaks:
    """A store whose one method fails."""

    def __init__(self, inner: Store, method: str) -> None:
        self._inner, self._method = inner, method

    def load(self, user: str, /) -> bytes | None:
        """Load, unless that is what fails."""
        if self._method == "load":
            full()
        return self._inner.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap, unless that is what fails."""
        if self._method == "swap":
            full()
        return self._inner.swap(user, old, new)


class FailsOpen(TwoFactor):
    """Where the failure cannot be stored, it is not counted."""

    def _run(self, user: str, change: Change[T]) -> T:
        try:
            return super()._run(user, change)
        except OSError:
            step = self._core.step(change, user, Hidden(self._store.load(user)), self._now())
            if isinstance(step.answer.value, Refused):
                raise step.answer.value from None
            raise


def fails_open() -> Library:
    """A limiter that is inactive without its back end."""
    return replace(TOTPCORE, two_factor=FailsOpen)


@weakness("V20", twin=fails_open)
def what_cannot_be_charged_is_not_answered(lib: Library) -> None:
    """Where the store fails, right and wrong codes come to the same: an error, and neither yes nor no."""
    for method in ("load", "swap"):
        user = adopted(lib)
        inner = user.store
        user.store = Breaks(inner, method)
        user.service = user.another()
        user.events.clear()
        for call, code in (
            (user.verify, user.code()), (user.verify, user.wrong()), (user.recover, user.codes[0]),
            (user.recover, NO_RECOVERY_CODE),
        ):  # fmt: skip
            holds(call(code) == "OSError", "right and wrong cannot be told apart")
        holds(not user.events, "and nothing is reported as having happened")
        user.store = inner
        holds(failures(user) == 0 and spent_of(user) == -1, "nothing is half done")


# ---- V21: a second door without the limit ----


def leaves_recovery_codes_uncounted() -> Library:
    """Recovery codes can be tried for ever."""

    def spend(record: Record, active: Active, moment: Moment, canonical: Hidden[str] | None) -> tuple[Record, Active]:
        try:
            return spend_recovery_code(record, active, moment, canonical)
        except Refusal as refusal:
            raise Refusal(refusal.error) from None

    return replace(
        TOTPCORE,
        two_factor=faulty((_transitions, "spend_recovery_code", spend), (_spending, "spend_recovery_code", spend)),
    )


@weakness("V21", twin=leaves_recovery_codes_uncounted)
def recovery_codes_are_throttled_at_every_door(lib: Library) -> None:
    """Five wrong recovery codes are the limit, at whichever doors; the right one then waits at all of them.

    The two kinds have two tallies: exhausting the one is not exhausting the other, or a thief of passwords would shut
    the way that is meant for a lost phone.
    """
    user = adopted(lib)
    doors = [user.service.recover] * 2 + [user.service.disable, user.service.renew_recovery_codes, user.service.recover]
    for tries, door in enumerate(doors, 1):
        holds(outcome(partial(door, user.user, NO_RECOVERY_CODE)) == "wrong", "a wrong recovery code is refused")
        holds(failures(user, "recovery_tally") == tries, "and charged")
    changes = [call for name, call in surfaces(user).items() if name != "verify"]
    for call in [*changes, lambda code: user.service.recover(user.user, code)]:
        holds(outcome(partial(call, user.codes[0])) == "throttled", "the right one waits at every door")
    holds(user.verify(user.code()) == "ok", "one-time codes have a tally of their own")
    holds(user.recover(user.codes[0]) == "throttled", "which clears no other")
    user.clock.tick(30)
    for _ in range(FREE):
        user.verify(user.wrong())
    holds(user.recover(user.codes[0]) == "ok", "and stops no recovery")


def changes_without_counting() -> Library:
    """`disable` and its like refuse a wrong code without charging it."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        try:
            return spend_code(record, active, moment, typed)
        except Refusal as refusal:
            raise Refusal(refusal.error) from None

    return changes_by(spend)


@weakness("V21", twin=changes_without_counting)
def changes_share_the_limit_of_log_in(lib: Library) -> None:
    """One-time codes have five tries at all doors together; the right code then waits at each, `resync` included."""
    user = adopted(lib)
    doors, wrong = surfaces(user), user.wrong()
    for tries, name in enumerate(("disable", "verify", "replace", "renew_recovery_codes", "disable"), 1):
        holds(outcome(partial(doors[name], wrong)) == "wrong", f"{name} refuses a wrong code")
        holds(failures(user) == tries, f"{name} charges it")
    for name, call in doors.items():
        holds(outcome(partial(call, user.code())) == "throttled", f"the right code waits at {name}")
    hotp = lib.hotp_token(lib.secret(KEY))
    user = adopted(lib, hotp)
    for tries in range(1, FREE + 1):
        wrong_pair = partial(user.service.resync, user.user, hotp.code(200), hotp.code(201))
        holds(outcome(wrong_pair) == "wrong" and failures(user) == tries, "a wrong pair is charged")
    right_pair = partial(user.service.resync, user.user, hotp.code(0), hotp.code(1))
    holds(outcome(right_pair) == user.verify(hotp.code(0)) == "throttled", "a right pair waits, and so does log-in")


def confirms_for_ever() -> Library:
    """Wrong codes at `confirm` end nothing."""
    return replace(TOTPCORE, two_factor=faulty((_states, "CONFIRM_ATTEMPTS", 10**9)))


@weakness("V21", twin=confirms_for_ever)
def confirming_has_a_limit_of_its_own(lib: Library) -> None:
    """The 20th wrong code ends a pending secret; neither that nor showing it again changes the tallies or the limit."""
    with seeded(21):
        user = User(lib).enrol()
        left = list[int]()
        for _ in range(20):
            try:
                user.service.confirm(user.user, user.wrong())
            except InvalidCode as refused:
                left.append(refused.attempts_left)
            user.service.pending(user.user)
        holds(left == list(range(19, -1, -1)), "twenty wrong codes are refused, and it says how many are left")
        late = outcome(partial(user.service.confirm, user.user, user.code()))
        holds(late == "expired", "then the right one is too late")
        user = User(lib).on()
        user.verify(user.wrong())
        old = user.phone
        user.phone = type(old).scan(user.service.replace(user.user, user.codes[0], account=user.user).uri)
        wrong = partial(user.service.confirm, user.user, user.wrong())
        holds({outcome(wrong) for _ in range(20)} == {"wrong"}, "so it is beside an active secret")
        holds(outcome(wrong) == "expired" and failures(user) == 1, "whose tally is not touched")


# ---- V22: the tally is cleared by the wrong event ----


def forgives_at_set_up() -> Library:
    """Beginning set-up begins the count anew."""

    def propose(record: Record, moment: Moment, proposal: Proposal) -> Decision[Enrolment]:
        return _propose(record._replace(code_tally=Tally(), recovery_tally=Tally()), moment, proposal)

    return replace(TOTPCORE, two_factor=faulty((_transitions, "_propose", propose)))


@weakness("V22", twin=forgives_at_set_up)
def only_an_acceptance_of_the_kind_clears_the_tally(lib: Library) -> None:
    """No question, refusal, set-up begun, recovery, renewal or new process clears it; an accepted one-time code does.

    A public `reset` of the tally is not there: `reset` names an actor and a reason, and removes the whole factor.
    """
    user = adopted(lib)
    name, wrong = user.user, user.wrong()
    holds(user.verify(user.code()) == "ok", "a code is spent")
    for _ in range(4):
        holds(user.verify(wrong) == "wrong", "wrong codes are charged")
    service = user.another()
    harmless: Mapping[str, Callable[[], object]] = {
        "a new service": user.another,
        "the password": partial(service.gate, name),
        "looking": partial(service.status, name),
        "a slip": partial(service.verify, name, "12345"),
        "a replay": partial(service.verify, name, user.code()),
        "a recovery": partial(service.recover, name, user.codes[0]),
        "set-up begun": partial(service.enrol, name, account=name),
        "set-up shown again": partial(service.pending, name),
        "set-up not confirmed": partial(service.confirm, name, wrong),
        "a set-up to replace it": partial(service.replace, name, user.codes[1], account=name),
        "new recovery codes": partial(service.renew_recovery_codes, name, user.codes[2]),
        "a raised floor": partial(service.raise_floor, name),
    }
    for what, call in harmless.items():
        said = outcome(call)
        holds(said in ("ok", "malformed", "replayed", "wrong"), f"{what} is answered")
        holds(failures(user) == 4, f"{what} clears no tally")
    user.clock.tick(60)
    accepted = user.service.verify(name, user.code())
    holds(accepted.failures_before == 4 and failures(user) == 0, "an acceptance does, and tells of them")
    reset = inspect.signature(lib.two_factor.reset).parameters
    holds(all(reset[one].default is reset[one].empty for one in ("actor", "reason")), "who resets is named")
    user.service.reset(name, actor="root", reason="lost")
    holds(user.verify(user.code()) == "not_enrolled", "and nothing is left to be guessed at")


# ---- V23: lock-out as a weapon ----


def waits_longer_while_it_waits() -> Library:
    """A try during a wait begins the longest wait anew."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        tally = record.code_tally
        if wait := tally.wait(moment.now, moment.policy.longest_wait):
            tally = tally._replace(until=moment.now + moment.policy.longest_wait)
            raise Refusal(Throttled(retry_after=wait), record._replace(code_tally=tally), tally.failures)
        return spend_code(record, active, moment, typed)

    return verifies_by(spend)


@weakness("V23", twin=waits_longer_while_it_waits)
def the_owner_gets_in_between(lib: Library) -> None:
    """Waits double up to an hour and end, however often somebody tries meanwhile: a day of it leaves the owner a turn.

    To whom a code is asked is the integrator's: `gate` is the question after the password.
    """
    user = adopted(lib)
    wrong, ends = user.wrong(), list[float]()
    while user.clock() < NOW + DAY:
        holds(user.verify(wrong) == "wrong", "each wait ends")
        wait = wait_of(user)
        ends.append(wait)
        for _ in range(4):
            user.clock.tick(wait / 4)
            if wait_of(user):
                holds(user.verify(wrong) == "throttled", "a try during the wait is not answered")
    doubled = [0.0] * 4 + [30.0 * 2**doublings for doublings in range(7)]
    holds(ends[:11] == doubled and set(ends[11:]) == {3600.0}, "a wait doubles up to the longest one")
    holds(wait_of(user) == 0, "after a day of attack it is somebody's turn")
    holds(user.verify(user.code()) == "ok", "and the owner, who comes first, is let in")


def locks_recovery_too() -> Library:
    """What is locked has no way out."""
    closed = {call: then for call, then in TABLE[State.LOCKED].items() if call is not EventKind.RECOVER}
    return replace(TOTPCORE, two_factor=faulty((_states, "TABLE", {**TABLE, State.LOCKED: closed})))


@weakness("V23", twin=locks_recovery_too)
def what_is_locked_has_a_way_out(lib: Library) -> None:
    """The lock at 100 is SP 800-63B-4's; a recovery code, which is never locked, still opens, and set-up ends it."""
    user = adopted(lib)
    for _ in range(150):
        user.recover(NO_RECOVERY_CODE)
        user.clock.tick(3600)
    holds(failures(user, "recovery_tally") == 150, "wrong recovery codes are counted")
    holds(len(guess_for(user, 30 * DAY)) == 100, "a hundred wrong one-time codes are answered")
    user.clock.tick(30 * DAY)
    holds(user.verify(user.code()) == "locked", "then the one-time code is locked")
    holds(user.recover(user.codes[0]) == "ok", "and a recovery code opens")
    with seeded(23):
        user.enrol()
    holds(outcome(partial(user.service.confirm, user.user, user.code())) == "ok", "what is set up anew is confirmed")
    user.clock.tick(30)
    holds(user.verify(user.code()) == "ok", "and opens")


# ---- V24: an over-wide window ----


def accepts_a_step_more() -> Library:
    """The window is two steps each way, whatever was asked for."""
    return verifies_by(
        lambda record, active, moment, typed: spend_code(
            record, active, moment._replace(policy=replace(moment.policy, window=(2, 2))), typed
        )
    )


@weakness("V24", twin=accepts_a_step_more)
def exactly_the_window_is_accepted(lib: Library) -> None:
    """Of the steps from -10 to +10, by default -1, 0 and 1 open, to the second; other windows are as wide as told."""
    token = lib.totp_token(lib.secret(KEY))
    holds(lib.policy().window == (1, 1), "the default is one step each way")
    holds(Policy.strict().window == (0, 0), "the profile of ASVS 5.0, 6.5.5 is the current step alone")
    for window in [(past, future) for past in range(3) for future in range(3)]:
        policy = lib.policy(window=window, recovery_codes=1, recovery_low=1)
        for second in (0, 29, 29.999) if window == (1, 1) else (15,):
            for step in range(-10, 11) if window == (1, 1) else range(-3, 4):
                user = adopted(lib, at=NOW + second, policy=policy)
                inside, code = -window[0] <= step <= window[1], lib.hotp(KEY, STEP + step)
                holds(user.verify(code) == ("ok" if inside else "wrong"), "what is in the window opens, and no more")
                matched = token.match(code, NOW + second, after=-1, window=window) is not None
                holds(matched is inside, "so does the stateless match")
    for second, wanted in ((-30.001, "wrong"), (-30, "ok"), (0, "ok"), (59.999, "ok"), (60, "wrong")):
        user = adopted(lib, at=NOW + second)
        holds(user.verify(lib.hotp(KEY, STEP)) == wanted, "the edges are exact")


@weakness("V24", twin=has_no_bounds)
def a_window_is_two_small_numbers_of_steps(lib: Library) -> None:
    """`window` is a pair of ints, 0 to 2 steps each, not seconds; anything else is refused where it is given."""
    token = lib.totp_token(lib.secret(KEY))
    for window in ((3, 1), (1, 3), (-1, 1), (1, -1), (30, 30), (10**9, 0)):
        holds(refuses(partial(lib.policy, window=window), InvalidParameters), "the policy refuses it")
        match = partial(token.match, "000000", NOW, after=-1, window=window)
        holds(refuses(match, InvalidParameters), "the stateless match refuses it")
    others = [(1.0, 1), (True, 1), (1, None), 1, None, [1, 1], (1,), (1, 1, 1), "11"]
    for window in cast("list[tuple[int, int]]", others):
        holds(refuses(partial(lib.policy, window=window), TypeError), "the policy wants two ints")
        holds(refuses(partial(token.match, "000000", NOW, after=-1, window=window), TypeError), "and so does the match")


# ---- V25: drift that is learned ----


def learns_the_drift() -> Library:
    """The window is centred on where the last code was found."""
    learned = [0]

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        after, answer = spend_code(record, active, moment._replace(now=moment.now + 30 * learned[0]), typed)
        learned[0] += answer.drift_steps
        return after, answer

    return verifies_by(spend)


@weakness("V25", twin=learns_the_drift)
def the_window_stays_where_the_clock_is(lib: Library) -> None:
    """However often a phone was ahead or behind, what is accepted does not move, and no step outside ever opens."""
    for drift in (-1, 1):
        user = adopted(lib)
        for _ in range(20):
            accepted = user.service.verify(user.user, user.code(drift))
            holds(accepted.drift_steps == drift, "a phone that is off by a step is accepted, and it is said")
            user.clock.tick(60)
            holds(user.verify(user.code(2 * drift)) in ("wrong", "replayed"), "one that is off by two is not")
        holds(user.verify(user.code()) == "ok", "the right time is right all along")
        holds(spent_of(user) == user.clock() // 30, "and is what is spent")


def resyncs_by_one_code() -> Library:
    """The second of two codes, found anywhere ahead, is enough."""

    def spend(record: Record, active: Active, moment: Moment, *typed: Hidden[str]) -> Spent:
        token = active.token
        found = [] if isinstance(token, TOTP) else scan(token, typed[-1], active.spent + 1, active.spent + 100)
        if not found:
            raise Refusal(InvalidCode())
        answer = Accepted(user=moment.user, counter=found[-1], drift_steps=0, failures_before=0)
        return record._replace(active=active._replace(spent=found[-1])), answer

    return replace(TOTPCORE, two_factor=faulty((_transitions, "spend_two_codes", spend)))


@weakness("V25", twin=resyncs_by_one_code)
def resync_is_explicit_and_bounded(lib: Library) -> None:
    """It takes two consecutive codes of an HOTP token, within 100 counters, and spends both; a TOTP token has none."""
    hotp = lib.hotp_token(lib.secret(KEY))
    for first, second, wanted in (
        (20, 22, "wrong"), (21, 20, "wrong"), (20, 20, "wrong"), (120, 121, "wrong"), (-1, 20, "wrong"),
        (20, -1, "wrong"), (10, 11, "wrong"), (9, 10, "wrong"), (112, 113, "wrong"),
        (11, 12, "ok"), (20, 21, "ok"), (111, 112, "ok"),
    ):  # fmt: skip
        user = adopted(lib, hotp, spent=10)
        codes = [hotp.code(counter) if counter >= 0 else "000000" for counter in (first, second)]
        holds(outcome(partial(user.service.resync, user.user, *codes)) == wanted, f"{first}, {second} is {wanted}")
        holds(spent_of(user) == (second if wanted == "ok" else 10), "both are spent, or nothing")
        holds(failures(user) == (wanted == "wrong"), "and what was no pair is charged")
    user = adopted(lib)
    pair = partial(user.service.resync, user.user, user.code(), user.code(1))
    holds(refuses(pair, StateError), "a TOTP token has only the time to go by")
    holds(user.verify(hotp.code(0)) == "wrong", "no log-in resyncs by the way")


# ---- V26: HOTP looks behind the counter ----


def looks_behind() -> Library:
    """What is not found ahead is looked for behind the counter."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        try:
            return spend_code(record, active, moment, typed)
        except Refusal:
            return spend_code(record, active._replace(spent=max(-1, active.spent - 5)), moment, typed)

    return verifies_by(spend)


@weakness("V26", twin=looks_behind)
def hotp_looks_only_ahead(lib: Library) -> None:
    """With counter 10 spent, 0 to 10 are refused, and 11 and `look_ahead` more open; what was skipped is spent.

    Counter 10 itself is looked at only to tell a form that was sent twice (`replayed`) from a wrong code.
    """
    hotp = lib.hotp_token(lib.secret(KEY))
    for look_ahead in (0, 10):
        for counter in range(30):
            user = adopted(lib, hotp, spent=9, policy=lib.policy(look_ahead=look_ahead))
            holds(user.verify(hotp.code(10)) == "ok" and spent_of(user) == 10, "10 is accepted")
            wanted = "replayed" if counter == 10 else "ok" if 11 <= counter <= 11 + look_ahead else "wrong"
            holds(user.verify(hotp.code(counter)) == wanted, f"{counter} is {wanted}")
            holds(spent_of(user) == (counter if wanted == "ok" else 10), "what is spent is the highest accepted")
            matched = hotp.match(hotp.code(counter), after=10, look_ahead=look_ahead)
            holds((matched is not None) == (wanted == "ok"), "the stateless match is the same")
    user = adopted(lib, hotp, spent=10, policy=lib.policy(free_attempts=20))
    holds(user.verify(hotp.code(14)) == "ok", "14 is accepted")
    holds({user.verify(hotp.code(counter)) for counter in range(14)} == {"wrong"}, "what was skipped is spent")
    holds(user.verify(hotp.code(14)) == "replayed" and user.verify(hotp.code(15)) == "ok", "15 is the next")


# ---- V27: a huge look-ahead ----


def wraps_around() -> Library:
    """After the largest counter comes 0."""

    def wrapping(token: HOTP | TOTP, typed: Hidden[str], first: int, last: int) -> list[int]:
        beyond = scan(token, typed, 0, last - LARGEST_COUNTER - 1) if last > LARGEST_COUNTER else []
        return scan(token, typed, first, last) + [counter + LARGEST_COUNTER + 1 for counter in beyond]

    return replace(TOTPCORE, two_factor=faulty((_spending, "scan", wrapping)))


@weakness("V27", twin=wraps_around)
def counters_end_and_do_not_wrap(lib: Library) -> None:
    """At 2**64 - 1 the search ends: no code of counter 0 opens, and where all is spent the refusal is a plain one."""
    hotp = lib.hotp_token(lib.secret(KEY))
    for spent in (LARGEST_COUNTER - 1, LARGEST_COUNTER):
        for counter in range(3):
            user = adopted(lib, hotp, spent=spent)
            holds(user.verify(hotp.code(counter)) == "wrong", "no counter from the beginning opens at the end")
            pair = partial(user.service.resync, user.user, hotp.code(counter), hotp.code(counter + 1))
            holds(outcome(pair) == "wrong" and spent_of(user) == spent, "nor do two of them")
            holds(hotp.match(hotp.code(counter), after=spent, look_ahead=100) is None, "nor in the stateless match")
        user, last = adopted(lib, hotp, spent=spent), hotp.code(LARGEST_COUNTER)
        holds(user.verify(last) == ("ok" if spent < LARGEST_COUNTER else "replayed"), "the last counter opens once")
        holds(user.verify(last) == "replayed" and spent_of(user) == LARGEST_COUNTER, "and is the last")


@weakness("V27", twin=has_no_bounds)
def a_look_ahead_is_at_most_a_hundred(lib: Library) -> None:
    """`look_ahead` is 0 to 100, everywhere, and each log-in computes so many codes and two more, whatever is typed.

    The bound is the contract's; by default it is 10, one guess in 90 909.
    """
    hotp = lib.hotp_token(lib.secret(KEY))
    for number in (-1, 101, 10**6, LARGEST_COUNTER):
        for call in (
            partial(lib.policy, look_ahead=number),
            partial(hotp.match, "000000", after=0, look_ahead=number),
            partial(hotp.resync, ["000000", "000000"], after=0, look_ahead=number),
        ):
            holds(refuses(call, InvalidParameters), "a look-ahead is from 0 to 100")
    for other in cast("list[int]", [True, 1.0, None, "1"]):
        holds(refuses(partial(lib.policy, look_ahead=other), TypeError), "it is an int")
    for look_ahead in (0, 10, 100):
        for code in (hotp.code(5), hotp.code(6), hotp.code(150), "123"):
            user = adopted(lib, hotp, spent=5, policy=lib.policy(look_ahead=look_ahead))
            computed = list[bytes]()
            with patch.object(totpcore.otp, "_truncate", counting(computed)):
                user.verify(code)
            computes = 0 if code == "123" else look_ahead + 2
            holds(len(computed) == computes, "a log-in computes so many codes, and no more")
    holds(lib.policy().look_ahead == 10, "by default it is 10")
