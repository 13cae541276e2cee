"""V01, V02 and V03: a code that opens twice.

Rules of this file:

1. Users are `adopted` with the secret of the RFCs, whose codes near `NOW` are known to differ: nothing here is up to
   chance. The checks of V04 to V27 do the same.
2. What is spent is read from the record, as it is stored: an answer could say something else.
3. `verifies_by` makes the twin whose log-in looks at a code in another way, `changes_by` the one whose changes do.
"""

import inspect
from contextlib import suppress
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from random import Random
from typing import cast, get_type_hints

import totpcore
from totpcore import TOTP, Accepted, Match, RecordUnreadable, Refused, TwoFactor
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_code
from totpcore._states import Moment
from totpcore.aio import AsyncTwoFactor
from totpcore.otp import scan
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import KEY, STEP, Spent, adopted, altered_record, spent_of, verifies_by

# ---- V01: code accepted again ----


def forgets_what_it_accepted() -> Library:
    """Whether a code is right depends on secret and clock alone."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        after, answer = spend_code(record, active, moment, typed)
        return after._replace(active=active), answer

    return verifies_by(spend)


@weakness("V01", twin=forgets_what_it_accepted)
def a_code_opens_once(lib: Library) -> None:
    """An accepted code is refused as replayed at every second for which it is still valid, on any service object."""
    for early, seconds in ((0, 60), (1, 90)):  # the code of now, and the next one, from a phone that is ahead
        user = adopted(lib)
        code = user.code(early)
        holds(user.verify(code) == "ok", "a right code is accepted")
        for second in range(seconds):
            user.clock.now = NOW + second
            holds(user.verify(code) == "replayed", "the same code is refused where it was accepted")
            another = user.another()
            again = outcome(partial(another.verify, user.user, code))
            holds(again == "replayed", "the same code is refused by another service on the store")
        user.clock.now = NOW + seconds
        holds(user.verify(code) == "wrong", "after the window it is an ordinary wrong code")


def has_a_stateless_answer() -> Library:
    """A method that takes a code and says yes or no."""

    class Handy(TOTP):
        __slots__ = ()

        def verify(self, code: str, at: float) -> bool:
            return self.match(code, at, after=-1) is not None

    return replace(TOTPCORE, totp_token=Handy)


@weakness("V01", twin=has_a_stateless_answer)
def nothing_takes_a_code_without_what_was_spent(lib: Library) -> None:
    """No public callable that takes a code returns a bool; those without a store need `after`, which has no default.

    There is no module for the dangerous ones: `match` is not one of them, since forgetting `after` is a `TypeError`.
    """
    with_a_store = (TwoFactor, AsyncTwoFactor, lib.two_factor)
    public = [getattr(totpcore, name) for name in totpcore.__all__] + [getattr(lib, one.name) for one in fields(lib)]
    kinds = [one for one in public if isinstance(one, type)]
    found = list(public) + [getattr(kind, name) for kind in kinds for name in dir(kind) if not name.startswith("_")]
    takers = [one for one in found if inspect.isfunction(one) and {"code", "codes"} & set(get_type_hints(one))]
    holds(
        {"verify", "recover", "match", "resync"} <= {one.__name__ for one in takers}, "those that take a code are found"
    )
    for taker in takers:
        holds("bool" not in str(get_type_hints(taker)["return"]), f"{taker.__qualname__} returns no bool")
        if not any(getattr(kind, taker.__name__, None) is taker for kind in with_a_store):
            after = inspect.signature(taker).parameters.get("after")
            holds(after is not None and after.default is after.empty, f"{taker.__qualname__} needs what was spent")


# ---- V02: only the last code is remembered ----


def remembers_only_the_last() -> Library:
    """The code that was used last is spent, and those before it are open again."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        is_the_last = scan(active.token, typed, active.spent, active.spent)
        return spend_code(record, active if is_the_last else active._replace(spent=-1), moment, typed)

    return verifies_by(spend)


@weakness("V02", twin=remembers_only_the_last)
def an_older_step_ends_with_a_newer_one(lib: Library) -> None:
    """After n and n + 1, both and n - 1 are refused; after n + 1 alone, from a clock that is ahead, n is too."""
    for accepted in ((0, 1), (1,), (-1, 0), (0,), (-1, 1)):
        user = adopted(lib)
        codes = {step: user.code(step) for step in (-1, 0, 1)}
        for step in accepted:
            holds(user.verify(codes[step]) == "ok", "a newer step is accepted")
        for step in range(-1, accepted[-1] + 1):
            holds(user.verify(codes[step]) == "replayed", "a step up to the newest accepted one is refused")
        user.clock.tick(30)
        for step in range(accepted[-1] + 1):
            holds(user.verify(codes[step]) == "replayed", "it is refused in the next time step too")


def takes_an_equal_step() -> Library:
    """Newer or equal, where it has to be newer."""
    return verifies_by(
        lambda record, active, moment, typed: spend_code(
            record, active._replace(spent=max(-1, active.spent - 1)), moment, typed
        )
    )


@weakness("V02", twin=takes_an_equal_step)
def accepted_steps_only_rise(lib: Library) -> None:
    """However codes and clock go to and fro, accepted steps are strictly increasing.

    A seeded walk. All interleavings of two clients are those of tests/explorer, and the machine is in test_machine.py.
    """
    source, accepted = Random(2), list[int]()
    user = adopted(lib, policy=lib.policy(free_attempts=20, first_wait=1, longest_wait=1))
    for _ in range(300):
        user.clock.tick(source.choice((0, 0, 1, 14, 30, 31, 60, -1, -15, -30)))
        code = user.code(source.choice((-1, 0, 0, 1)))
        with suppress(Refused):
            accepted.append(user.service.verify(user.user, code).counter)
            holds(spent_of(user) == accepted[-1], "what is accepted is what is stored")
    holds(len(accepted) > 30, "the walk gets in often")
    holds(all(one < next_one for one, next_one in pairwise(accepted)), "accepted steps are strictly increasing")


# ---- V03: the matched step is lost ----


def stores_true_on_first_use() -> Library:
    """Where nothing was spent before, the answer is `True`, and `True` is stored as 1."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        after, answer = spend_code(record, active, moment, typed)
        if active.spent == -1:
            after = after._replace(active=active._replace(spent=int(True)))
        return after, answer

    return verifies_by(spend)


@weakness("V03", twin=stores_true_on_first_use)
def the_first_acceptance_stores_its_step(lib: Library) -> None:
    """With nothing spent before, the first acceptance stores an `int`, the matched step, and the code is spent."""
    for step in (-1, 0, 1):
        user = adopted(lib)
        code = user.code(step)
        accepted = user.service.verify(user.user, code)
        holds(type(accepted.counter) is int and accepted.counter == STEP + step, "the answer names the step")
        holds(type(spent_of(user)) is int and spent_of(user) == STEP + step, "the step is stored")
        holds(user.verify(code) == "replayed", "the second use is refused")
    user = adopted(lib, lib.hotp_token(lib.secret(KEY)))
    holds(user.service.verify(user.user, "755224").counter == 0 == spent_of(user), "so is counter 0, which is falsy")
    holds(user.verify("755224") == "replayed", "counter 0 is spent")


def takes_any_truth_for_a_step() -> Library:
    """What is no whole number is made one."""

    class Obliging(TOTP):
        __slots__ = ()

        def match(self, code: str, at: float, *, after: int, window: tuple[int, int] = (1, 1)) -> Match | None:
            return super().match(code, at, after=int(after or -1), window=window)

    return replace(TOTPCORE, totp_token=Obliging)


@weakness("V03", twin=takes_any_truth_for_a_step)
def a_step_is_an_int_and_nothing_else(lib: Library) -> None:
    """No answer is a union with `bool`, and no `bool`, `float`, `None` or `datetime` passes as a spent counter.

    The column is the record's own field, so that none of a wrong type can be made: such a record is unreadable.
    """
    for annotated, name, wanted in (
        (lib.totp_token.match, "return", Match | None),
        (lib.hotp_token.match, "return", Match | None),
        (lib.hotp_token.resync, "return", Match | None),
        (lib.two_factor.verify, "return", Accepted),
        (Match, "counter", int),
        (Accepted, "counter", int),
    ):
        holds(get_type_hints(annotated)[name] == wanted, "the type of the answer is one that says the step")
    token, hotp = lib.totp_token(lib.secret(KEY)), lib.hotp_token(lib.secret(KEY))
    for step in cast("list[int]", [True, False, 1.0, None, datetime.fromtimestamp(NOW, UTC), "1"]):
        user = User(lib)
        holds(refuses(partial(token.match, "000000", NOW, after=step), TypeError), "the TOTP token refuses it")
        holds(refuses(partial(hotp.match, "000000", after=step), TypeError), "the HOTP token refuses it")
        holds(refuses(partial(user.service.adopt, "alice", token, spent=step), TypeError), "the service refuses it")
    for value in (True, 1.0, None, "1", "2027-01-15T08:00:00"):
        user = adopted(lib, spent=STEP)
        altered_record(user, partial(with_spent, value))
        holds(refuses(partial(user.service.verify, "alice", user.code()), RecordUnreadable), "no record holds it")


def with_spent(value: object, record: dict[str, dict[str, object]]) -> None:
    """Put this where the spent counter belongs."""
    record["active"]["spent"] = value
