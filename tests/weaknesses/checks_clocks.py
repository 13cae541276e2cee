"""V14, V80 and V81: clocks that go backwards, time zones, and whose clock it is.

Rules of this file:

1. A time is a number of Unix seconds. What a broken clock may say beyond that is tried by V79.
2. Time zones are written out as POSIX has them, and the clock of the machine is replaced: no check waits.
"""

import inspect
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final
from unittest.mock import patch

from totpcore import Accepted, TwoFactor
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_code
from totpcore._states import Moment
from totpcore.events import Event, EventKind
from totpcore.testing import HandClock, Phone
from totpcore.vectors import rfc6238
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import KEY, STEP, Spent, adopted, spent_of, verifies_by

YEAR: Final = 365 * 86_400


# ---- V14: the clock goes backwards ----


def remembers_for_a_while() -> Library:
    """What was spent is forgotten once its window has gone by on the wall clock, or has not begun."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        kept = active.last_used_at is not None and 0 <= moment.now - active.last_used_at <= 90
        return spend_code(record, active if kept else active._replace(spent=-1), moment, typed)

    return verifies_by(spend)


@weakness("V14", twin=remembers_for_a_while)
def what_is_spent_stays_spent_whatever_the_clock_says(lib: Library) -> None:
    """After the clock was set back, no step up to the spent one opens: there is no time to live, and no silent way out.

    A clock that was a year ahead locks the user out until another administrator's `reset`, which is an event with a
    name in it. Local time, which jumps back in autumn, is not taken: a `datetime` is a `TypeError`, see V80.
    """
    for back in (0, 1, 30, 60, 90, 3600, 86_400):
        user = adopted(lib)
        holds(user.verify(user.code()) == "ok", "a code is accepted")
        user.clock.tick(-back)
        wanted = "replayed" if back < 60 else "clock_behind"  # the spent step is the next one at most, or beyond that
        for step in range(-1, min(back // 30, 1) + 1):
            holds(user.verify(user.code(step)) == wanted, "a step up to the spent one is refused")
        holds(spent_of(user) == STEP, "and the spent counter stays")
    user = adopted(lib)
    user.clock.tick(YEAR)
    holds(user.verify(user.code()) == "ok", "a clock that is a year ahead accepts that time's code")
    user.clock.tick(-YEAR)
    for _ in range(10):
        user.clock.tick(30)
        holds(user.verify(user.code()) == "clock_behind", "set right, it accepts none")
    user.service.reset(user.user, actor="root", reason="clock was ahead")
    last = user.events[-1]
    told = (last.kind, last.actor, last.reason)
    holds(told == (EventKind.RESET, "root", "clock was ahead"), "the way out is audited")
    holds(user.verify(user.code()) == "not_enrolled", "and ends the secret rather than its spent counter")


# ---- V80: naive datetimes, DST, time zones ----


def takes_a_datetime() -> Library:
    """A `datetime` is converted, a naive one by the zone of the machine."""

    def totp(key: bytes, at: float | datetime, *, digits: int = 6, algorithm: str = "SHA1") -> str:
        seconds = at.timestamp() if isinstance(at, datetime) else at
        return TOTPCORE.totp(key, seconds, digits=digits, algorithm=algorithm)

    return replace(TOTPCORE, totp=totp)


@weakness("V80", twin=takes_a_datetime)
def a_datetime_is_no_time(lib: Library) -> None:
    """Times are Unix seconds: a `datetime`, naive or aware, a `struct_time` and an ISO text are `TypeError`."""
    token = lib.totp_token(lib.secret(KEY))
    naive = datetime(2027, 1, 15, 8)  # naive on purpose
    for at in (naive, datetime(2027, 1, 15, 8, tzinfo=UTC), naive.date(), time.gmtime(NOW), "2027-01-15T08:00:00Z"):
        takes_time: list[Callable[..., object]] = [partial(lib.totp, KEY), token.code, token.counter]
        takes_time += [token.seconds_left, partial(token.match, "755224", after=-1)]
        for call in takes_time:
            holds(refuses(partial(call, at), TypeError), "a datetime is refused")
        user = User(lib).on()
        code = user.code()
        user.clock.now = at  # type: ignore[assignment]  # what a clock must not say
        holds(user.verify(code) == "TypeError", "a clock that says a datetime accepts nothing")


def reads_the_local_clock() -> Library:
    """The time goes over the local calendar and back."""

    class Local(TwoFactor):
        def _now(self) -> float:
            return time.mktime(time.gmtime(time.time()))

    return replace(TOTPCORE, two_factor=Local)


@weakness("V80", twin=reads_the_local_clock)
def the_zone_of_the_machine_changes_nothing(lib: Library) -> None:
    """In five zones, about the hour that comes twice: the code of a moment is the same, and opens.

    The zones are written out as POSIX has them, so that they hold on a machine that knows none. The whole suite is run
    in several zones and under a Turkish locale as well.
    """
    rfc = {vector.at: vector.expect for vector in rfc6238() if vector.algorithm == "SHA1"}
    for zone, hour_that_comes_twice in (
        ("UTC0", 1_793_512_800), ("EST5EDT,M3.2.0,M11.1.0", 1_793_512_800), ("NPT-5:45", 1_793_512_800),
        ("GMT0BST,M3.5.0/1,M10.5.0", 1_792_890_000), ("LHST-10:30LHDT-11,M10.1.0,M4.1.0", 1_775_314_800),
    ):  # fmt: skip
        with in_zone(zone):
            holds(all(lib.totp(KEY, at, digits=8) == code for at, code in rfc.items()), "the RFC's codes hold anywhere")
            seen: list[Event] = []
            for now in range(hour_that_comes_twice - 3600, hour_that_comes_twice + 3601, 1800):
                with patch.object(time, "time", lambda now=now: now):
                    service = lib.two_factor(
                        lib.memory_store(), issuer="ACME", sealer=lib.plaintext(), audit=seen.append
                    )
                    phone = Phone.scan(service.enrol("alice", account="alice").uri)
                    holds(
                        outcome(partial(service.confirm, "alice", phone.code(now))) == "ok", "the code of now is right"
                    )
                with patch.object(time, "time", lambda now=now: now + 30):
                    holds(outcome(partial(service.verify, "alice", phone.code(now + 30))) == "ok", "and the next one")
            holds({event.reason for event in seen} == {"ok"}, "nothing was refused")


@contextmanager
def in_zone(zone: str) -> Iterator[None]:
    """Be in another time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


# ---- V81: whose clock ----


def lets_the_caller_say_when() -> Library:
    """`verify` takes a time, for tests."""

    class Asks(TwoFactor):
        def verify(self, user: str, code: str, *, at: float | None = None) -> Accepted:
            if at is None:
                return super().verify(user, code)
            return TwoFactor(
                self._store, issuer="ACME", sealer=self._core._sealer, clock=HandClock(at), audit=self._audit
            ).verify(user, code)

    return replace(TOTPCORE, two_factor=Asks)


@weakness("V81", twin=lets_the_caller_say_when)
def time_is_the_clock_of_the_constructor(lib: Library) -> None:
    """No call of `TwoFactor` takes a time. Without a clock it is `time.time`, looked up at each call, and no other."""
    user = User(lib).on()
    for word in ("at", "now", "time", "clock", "timestamp"):
        call: Callable[..., object] = user.service.verify
        holds(
            refuses(partial(call, user.user, user.code(-1), **{word: NOW}), TypeError),
            "a time is refused, whatever the code",
        )
    for name in (name for name in dir(lib.two_factor) if not name.startswith("_")):
        words = set(inspect.signature(getattr(lib.two_factor, name)).parameters)
        holds(not words & {"at", "now", "time", "timestamp", "when", "clock", "for_time", "t"}, "no call takes a time")
    service = lib.two_factor(user.store, issuer="ACME", sealer=user.sealer, audit=user.events.append)
    wrong_clocks = [patch.object(time, name, side_effect=OSError) for name in ("monotonic", "perf_counter")]
    with wrong_clocks[0], wrong_clocks[1]:
        for later in (0, 30):
            now = user.clock() + later
            with patch.object(time, "time", lambda now=now: now):
                holds(
                    outcome(partial(service.verify, user.user, user.phone.code(now))) == "ok", "time.time is the time"
                )
        with patch.object(time, "time", user.clock):
            told = outcome(partial(service.verify, user.user, user.code()))
            holds(told == "replayed", "a clock that goes back brings no code back")
