"""A clock that is set to and fro: by a second, an hour, a year, forwards and back, in the middle of everything.

Rules of this file:

1. The phone goes right, or goes with the server's clock: each is tried.
2. A jump costs no more than the wait after which it is forgotten: once the clock is right again, nobody waits longer
   than `longest_wait`, and a recovery code leads to a new secret. A wait that a jump left far ahead is over, until the
   right time is within that wait of its end: once for each tally, it comes back.
3. What has ended is ended by the next change that is stored. Until then nothing in the record says so, and a clock that
   is set back before anything was stored brings a pending secret back with it.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from records.life import NOW, USER, Life, wrong_recovery_code
from totpcore import TOTP, Accepted, Confirmed, Gate, RecoveryCodes, Throttled, TotpcoreError
from totpcore._record import Record
from totpcore.throttle import CLOCKS_DIFFER
from trouble.clean import clean, opened, run
from trouble.faults import World
from trouble.scenes import CALLS, POLICY, STATES, repeatable, scene

YEAR: Final = 31_557_600
JUMPS: Final = (1, 30, 90, 600, 3600, YEAR)
JUMP: Final = pytest.mark.parametrize("jump", [1, -1, 600, -3600, 3600, YEAR, -YEAR])


@JUMP
@pytest.mark.parametrize("state", STATES)
def test_a_jump_that_nobody_saw_changes_nothing(state: str, jump: int) -> None:
    """There and back again, with calls that only read in between: every call comes to what it would have."""
    for name in CALLS:
        world = World(scene(state))
        world.time.tick(jump)
        service = world.service()
        service.status(USER), service.pending(USER), service.gate(USER), service.statuses([USER])
        world.time.tick(-jump)
        assert run(World(scene(state), store=world.store, begun=True), name) == clean(state, name).outcome
        assert world.raw == clean(state, name).left


@JUMP
@pytest.mark.parametrize("state", STATES)
def test_a_call_in_the_midst_of_a_jump(state: str, jump: int) -> None:
    """Whatever is done while the clock is wrong: once it is right, no wait is too long and nothing spent is unspent."""
    before = opened(scene(state).held)
    for name in CALLS:
        world = World(scene(state))
        world.time.tick(jump)
        with repeatable(1):
            came_to = run(world, name)
        world.time.tick(-jump)
        status, after = world.service().status(USER), opened(world.raw)
        where = f"{name} in {state}, {jump}: {came_to}"
        assert status.retry_after <= POLICY.longest_wait, where
        if before.active and after.active and before.active.generation == after.active.generation:
            assert after.active.spent >= before.active.spent, where
            old, new = before.active.recovery, after.active.recovery
            assert old.salt != new.salt or old.spent | new.spent == new.spent, where
            if came_to != "ok":
                assert after.code_tally.failures >= before.code_tally.failures, where
        if before.active and after.active is None:
            assert (name.split(",")[0] in ("disable", "reset"), came_to) == (True, "ok"), where
        if status.code_required:
            assert world.service().gate(USER) is Gate.CHALLENGE, where
        check_way_out(world)


def check_way_out(world: World) -> None:
    """After the longest wait a recovery code that is left, or an administrator, leads to a factor that works."""
    service, clock = world.service(), world.time
    clock.tick(POLICY.longest_wait + CLOCKS_DIFFER)
    try:
        service.recover(USER, world.scene.codes[-1])
    except TotpcoreError:  # there is no factor, or the set was renewed or voided meanwhile
        service.reset(USER, actor="bob", reason="no codes left")
    with repeatable(3):  # of a random secret, one in a million has the same code in the next step, and spends both
        phone = TOTP(service.enrol(USER, account="alice").secret)
    service.confirm(USER, phone.code(clock()))
    clock.tick(30)
    assert service.verify(USER, phone.code(clock())).failures_before == 0


# ---- any sequence ----

ACTIONS: Final = (
    "verify", "verify, right phone", "verify, next", "wrong", "wrong", "recover", "wrong recovery code", "enrol",
    "replace", "confirm", "raise_floor", "renew", "set right",
)  # fmt: skip
TALLIED: Final = ("verify", "verify, right phone", "verify, next", "wrong", "renew")  # what takes a one-time code
scripts = st.lists(
    st.one_of(st.sampled_from(ACTIONS), st.sampled_from([*JUMPS, *(-jump for jump in JUMPS)])), max_size=40
)


class Story:
    """One user, a clock that jumps, and what must hold after each step."""

    def __init__(self) -> None:
        with repeatable(2):
            self.life = Life(POLICY).on()
        self.right = self.life.clock()
        self.accepted: dict[bytes, list[int]] = {}
        self.dead: set[bytes] = set()
        self.answered = 0

    @property
    def record(self) -> Record:
        """What is stored."""
        return self.life.record

    def do(self, action: str | int) -> None:
        """One step, and what must hold after it."""
        life = self.life
        if isinstance(action, int):
            life.clock.now = max(0.0, life.clock.now + action)
        elif action == "set right":
            life.clock.now = self.right
        else:
            self.call(action)
        self.right += 1
        life.clock.tick(1)
        self.check()

    def call(self, action: str) -> None:
        """Make the call, and keep what it was accepted for."""
        life, before, raw = self.life, self.record, self.life.raw
        waiting = life.service.pending(USER)
        try:
            answer = self.calls()[action](life.clock())
        except TotpcoreError as error:
            answer = error
        if isinstance(answer, Throttled):
            assert 0 < answer.retry_after <= POLICY.longest_wait
            return
        if before.pending is not None and waiting is None and life.raw != raw:
            self.dead.add(before.pending.token.secret.reveal())
        self.note(action, answer, before, life.raw != raw)

    def note(self, action: str, answer: object, before: Record, stored: bool) -> None:
        """Count the answers about codes, and the counters that were accepted."""
        if isinstance(answer, Accepted | Confirmed | RecoveryCodes):
            assert stored
            active = self.record.active
            assert active is not None
            counter = active.spent if isinstance(answer, RecoveryCodes) else answer.counter
            self.accepted.setdefault(active.token.secret.reveal(), []).append(counter)
            self.answered = 0
            if isinstance(answer, RecoveryCodes):
                self.life.codes = list(answer)
            elif isinstance(answer, Confirmed):
                assert before.pending is not None
                assert before.pending.token.secret.reveal() not in self.dead
                self.life.token, self.life.codes = active.token, list(answer.recovery_codes)
        elif action in TALLIED and getattr(answer, "reason", "") == "wrong":
            assert stored
            self.answered += 1
            assert self.record.code_tally.failures == self.answered

    def calls(self) -> dict[str, Callable[[float], object]]:
        """What can be done."""
        life, service = self.life, self.life.service
        assert isinstance(life.token, TOTP)
        code, waiting = life.token.code, self.record.pending
        new = code if waiting is None else TOTP(waiting.token.secret).code
        used = self.record.active.recovery.spent.bit_count() if self.record.active else 0
        recovery = life.codes[min(used, 9)]
        return {
            "verify": lambda now: service.verify(USER, code(now)),
            "verify, right phone": lambda _: service.verify(USER, code(self.right)),
            "verify, next": lambda now: service.verify(USER, code(now + 30)),
            "wrong": lambda _: service.verify(USER, life.wrong()),
            "recover": lambda _: service.recover(USER, recovery),
            "wrong recovery code": lambda _: service.recover(USER, wrong_recovery_code()),
            "enrol": lambda _: service.enrol(USER, account="alice"),
            "replace": lambda _: service.replace(USER, recovery, account="alice"),
            "confirm": lambda now: service.confirm(USER, new(now)),
            "raise_floor": lambda _: service.raise_floor(USER),
            "renew": lambda now: service.renew_recovery_codes(USER, code(now)),
        }

    def check(self) -> None:
        """What must hold at every moment."""
        for counters in self.accepted.values():
            assert all(one < other for one, other in pairwise(counters))
        assert self.answered <= POLICY.lock_after
        status, waiting = self.life.service.status(USER), self.life.service.pending(USER)
        assert status.code_required
        assert status.retry_after <= POLICY.longest_wait
        assert waiting is None or waiting.secret.reveal() not in self.dead
        assert waiting is None or waiting.expires_at - self.life.clock() <= POLICY.pending_seconds + 60


@settings(max_examples=100)
@given(script=scripts)
@example(script=[YEAR, *["wrong"] * 5])
# Each leaves a wait that is over when the clock is set right, and comes back a longest wait later.
@example(script=[3600, 90, *["wrong"] * 5])
@example(script=[3600, *["wrong"] * 5, 30, "wrong"])
@example(script=[3600, 3600, *["wrong"] * 5])
def test_any_jumps_in_any_life(script: list[str | int]) -> None:
    """No counter twice, no answer beyond the tally, no secret that ended, and a way out at the end."""
    story = Story()
    with repeatable(3):
        for action in script:
            story.do(action)
        life = story.life
        life.clock.now = story.right
        assert life.service.status(USER).retry_after <= POLICY.longest_wait
        for _ in range(2):  # a round in which a tally waits ends its wait for good, and there are two tallies
            tallies = life.record.code_tally, life.record.recovery_tally
            if any(tally.wait(life.clock(), POLICY.longest_wait) for tally in tallies):
                life.clock.tick(POLICY.longest_wait + CLOCKS_DIFFER + 1)
        assert life.service.status(USER).retry_after == 0
        if life.service.status(USER).codes_left:
            used = life.record.active.recovery.spent.bit_count() if life.record.active else 0
            life.service.recover(USER, life.codes[used])
            life.enrol()
            life.service.confirm(USER, life.code())
            life.clock.tick(60)  # two steps: the secret is another for each script
            assert life.service.verify(USER, life.code()).failures_before == 0


@pytest.mark.parametrize("ahead", [601, 3600, YEAR])
@pytest.mark.parametrize("change", ["wrong", "verify", "recover", "renew"])
def test_a_pending_secret_that_ended_stays_ended(ahead: int, change: str) -> None:
    """Once anything was stored after its end, no clock brings it back."""
    story = Story()
    with repeatable(3):
        story.call("replace")
        assert story.life.service.pending(USER) is not None
        story.life.clock.tick(ahead)
        story.call(change)
        assert len(story.dead) == 1
        for back in range(0, ahead + 700, max(1, ahead // 40)):
            story.life.clock.now = NOW + ahead + 30 - back
            assert story.life.service.pending(USER) is None


@pytest.mark.parametrize("ahead", [POLICY.longest_wait + CLOCKS_DIFFER, YEAR])
def test_failures_in_the_future_lock_nobody_out(ahead: int) -> None:
    """A wait that began while the clock was ahead is over once it is right; the failures still count."""
    story = Story()
    story.life.clock.tick(ahead)
    story.life.fail(POLICY.free_attempts)
    assert story.life.service.status(USER).retry_after > 0
    story.life.clock.tick(-ahead)
    assert story.life.service.status(USER).retry_after == 0
    assert story.life.service.verify(USER, story.life.code()).failures_before == POLICY.free_attempts
