"""The universes that are walked: those of every test run, and those of the full walk.

Rules of this file:

1. One free attempt, a wait of one moment, a lock after three wrong codes, one recovery code, a pending secret that
   lives for one moment: the smallest numbers that a policy allows, so that everything happens within few moments.
2. Each universe is walked to its end. What a universe leaves out is said in its line, and is in another one.
3. `LIFE` is all of it at once, too large to be walked to its end. Faults put in on purpose are found in it.
"""

import os
from dataclasses import replace
from typing import Final

from explorer.universe import K, Universe
from totpcore import Policy

NARROW: Final = Policy(
    digits=8,  # so that no two codes of a universe are equal
    period=60,
    window=(0, 0),
    pending_seconds=60,
    free_attempts=1,
    first_wait=60,
    longest_wait=60,
    lock_after=3,
    recovery_codes=1,
    recovery_low=0,
)
AHEAD: Final = replace(NARROW, window=(0, 1))
HALF_STEPS: Final = replace(NARROW, period=30, first_wait=30, longest_wait=60)

DOOR_CALLS: Final = frozenset({K.ENROL, K.CONFIRM, K.VERIFY, K.RESET})
TOTP_CALLS: Final = frozenset(K) - {K.RESYNC}
HOTP_CALLS: Final = frozenset({K.ADOPT, K.VERIFY, K.RESYNC, K.RECOVER, K.RAISE_FLOOR, K.RESET})

CHANGES: Final = Universe(
    name="changes",
    about="two clients; enrol, confirm, verify, recover, renew, replace, disable, reset; one moment",
    clients=2,
    ticks=1,
    policy=NARROW,
)
DOOR: Final = Universe(
    name="door",
    about="two clients; enrol, confirm, verify, reset, with waits and the lock; four moments, two codes valid in each",
    clients=2,
    ticks=4,
    policy=AHEAD,
    made=DOOR_CALLS,
)
ALONE: Final = Universe(
    name="alone",
    about="one client; the calls of `changes`; four moments; nobody types a wrong code at confirm",
    clients=1,
    ticks=4,
    policy=NARROW,
    slips=0,
)
OPERATORS: Final = Universe(
    name="operators",
    about="one client; the calls of `changes`, adopt and raise_floor; two moments, two codes valid in each",
    clients=1,
    ticks=2,
    policy=AHEAD,
    made=TOTP_CALLS,
)
CLOCK_BACK: Final = Universe(
    name="clock back",
    about="two clients; enrol, confirm, verify, reset; three moments, and the clock may step back",
    clients=2,
    ticks=3,
    seconds=30,
    policy=HALF_STEPS,
    made=DOOR_CALLS,
    back=True,
)
COUNTERS: Final = Universe(
    name="counters",
    about="two clients, HOTP: adopt, verify, resync, recover, raise_floor, reset; codes 0 to 2; one moment",
    clients=2,
    ticks=1,
    policy=NARROW,
    made=HOTP_CALLS,
    adopts="hotp",
    codes=3,
)
BACK_AND_RECOVERY: Final = replace(
    CLOCK_BACK,
    name="back and recovery",
    about="one client; enrol, confirm, verify, recover; two moments, and the clock may step back",
    clients=1,
    ticks=2,
    made=frozenset({K.ENROL, K.CONFIRM, K.VERIFY, K.RECOVER}),
)
ORDINARY: Final = (CHANGES, DOOR, ALONE, OPERATORS, CLOCK_BACK, BACK_AND_RECOVERY, COUNTERS)

RACE: Final = replace(CHANGES, name="race", about="as `changes`, in two moments", ticks=2)
CHANGES_AHEAD: Final = replace(
    CHANGES, name="changes ahead", about="as `changes`, with two codes valid in the moment", policy=AHEAD
)
LOCK: Final = replace(
    CHANGES,
    name="lock",
    about="two clients; enrol, confirm, verify, recover, reset, with both tallies and the lock; three moments",
    ticks=3,
    made=DOOR_CALLS | {K.RECOVER},
)
LOCKED_AT_ONCE: Final = replace(
    CHANGES,
    name="locked at once",
    about="as `changes`, where one wrong code locks",
    policy=replace(NARROW, lock_after=1),
)
ALONE_SLIPS: Final = replace(ALONE, name="alone, slips", about="as `alone`, with a wrong code at confirm", slips=1)
TWENTY: Final = replace(
    ALONE,
    name="twenty slips",
    about="as `alone`, with wrong codes at confirm until it ends; two moments",
    ticks=2,
    slips=20,
)
OPERATORS_RACE: Final = replace(
    OPERATORS,
    name="operators race",
    about="two clients; enrol, confirm, verify, recover, adopt, raise_floor; two moments",
    clients=2,
    policy=NARROW,
    made=frozenset({K.ENROL, K.CONFIRM, K.VERIFY, K.RECOVER, K.ADOPT, K.RAISE_FLOOR}),
)
ALONE_BACK: Final = replace(
    CLOCK_BACK,
    name="alone, clock back",
    about="one client; the calls of `changes`; three moments, and the clock may step back",
    clients=1,
    made=CHANGES.made,
)
COUNTERS_ALONE: Final = replace(
    COUNTERS,
    name="counters, alone",
    about="one client, HOTP: as `counters`, and renew and disable; three moments",
    clients=1,
    ticks=3,
    made=HOTP_CALLS | {K.DISABLE, K.RENEW_RECOVERY_CODES},
)
FULL: Final = (
    *ORDINARY, CHANGES_AHEAD, RACE, LOCK, LOCKED_AT_ONCE, ALONE_SLIPS, TWENTY, OPERATORS_RACE, ALONE_BACK,
    COUNTERS_ALONE,
)  # fmt: skip

LIFE: Final = replace(CHANGES, name="life", about="two clients, every call, four moments", ticks=4, policy=AHEAD)
LIFE_WITH_OPERATORS: Final = replace(LIFE, name="life with operators", made=TOTP_CALLS)


def chosen() -> tuple[Universe, ...]:
    """The universes to walk: all where `TOTPCORE_TEST_EXPLORE=full` is set, else those of every test run."""
    return FULL if os.environ.get("TOTPCORE_TEST_EXPLORE") == "full" else ORDINARY
