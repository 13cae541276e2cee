"""V28, V82 and V85: what is refused, or goes wrong, lets nobody in.

Rules of this file:

1. Trouble comes from outside: a store, a sealer, a clock or a hash that raises, or that answers something odd.
2. A gate over the text of the package takes `lib.sources`, so that its twin is the same text with one line more.
3. The long run of the same kind is elsewhere: the trouble matrix.
"""

import hmac
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from random import Random
from typing import Final, TypeVar, cast
from unittest.mock import MagicMock, Mock, patch

from gates import offences
from totpcore import Accepted, Recovered, Refused, StoreError, TwoFactor
from totpcore._core import Change
from totpcore._guard import Hidden
from totpcore._shell import spoken
from totpcore.events import Event
from totpcore.ports import Store
from totpcore.testing import HandClock
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import KEY, adopted, stored, with_line

T = TypeVar("T")


# ---- V28: a result that fails open ----


def answers_with_a_pair() -> Library:
    """What was refused is returned, in a tuple that is true like any other."""

    class Pairs(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            try:
                return super().verify(user, code)
            except Refused as refused:
                return cast("Accepted", (False, refused.reason))

    return replace(TOTPCORE, two_factor=Pairs)


@weakness("V28", twin=answers_with_a_pair)
def what_is_refused_is_raised(lib: Library) -> None:
    """Thousands of wrong codes return nothing at all: each raises. What is returned is a value, no tuple and no `bool`.

    There is no result to test for truth: whoever forgets the test gets an exception, and whoever writes one loses
    nothing, since an answer is always true.
    """
    source, token, user = Random(28), lib.totp_token(lib.secret(KEY)), adopted(lib)
    near = {user.code(step) for step in range(-1, 2)}
    for _ in range(3000):
        code = f"{source.randrange(10**6):06d}"
        if code not in near:
            holds(token.match(code, NOW, after=-1) is None, "no wrong code matches")
    for number in range(lib.policy().free_attempts):
        for door in (user.service.verify, user.service.recover):
            code = user.wrong(number) if door == user.service.verify else f"{number:024d}"
            try:
                answer: object = door(user.user, code)
            except Refused:
                answer = None
            holds(answer is None, "what is refused is raised, and returns nothing")
    other = adopted(lib)
    for accepted in (other.service.verify("alice", other.code()), other.service.recover("alice", other.codes[0])):
        holds(type(accepted) in (Accepted, Recovered) and bool(accepted), "what is accepted is a value, and is true")
        holds(refuses(partial(tuple, cast("tuple[object]", accepted)), TypeError), "it cannot be taken apart")


class TakesTruthForSuccess(TwoFactor):
    """`if swap(...)`, where it has to be `is True`."""

    def _run(self, user: str, change: Change[T]) -> T:
        old = Hidden(self._store.load(user))
        step = self._core.step(change, user, old, self._now())
        if step.swaps and not self._store.swap(user, old.value, step.new.value):
            raise StoreError("the store says no")
        return spoken(step.answer)


def takes_truth_for_success() -> Library:
    """A service for which a coroutine, or a mock, is a yes."""
    return replace(TOTPCORE, two_factor=TakesTruthForSuccess)


@weakness("V28", twin=takes_truth_for_success)
def what_was_not_awaited_accepts_nothing(lib: Library) -> None:
    """A store whose `swap` or `load` returns a coroutine that nobody awaits, or a mock, accepts no right code."""

    async def promise() -> bool:
        return True

    def later(*_arguments: object) -> object:
        return unawaited.enter_context(closing(promise()))

    with ExitStack() as unawaited:
        what_is_not_true_accepts_nothing(lib, (later, Mock(), MagicMock()))


def what_is_not_true_accepts_nothing(lib: Library, answers: Iterable[Callable[..., object]]) -> None:
    """Try each of these in the place of `swap`, and of `load`."""
    for swap in answers:
        user = adopted(lib)
        before, inner = stored(user), user.store
        user.store = cast("Store", Mock(load=inner.load, swap=swap))
        user.service = user.another()
        for door, code in ((user.verify, user.code()), (user.recover, user.codes[0])):
            holds(door(code) == "StoreError", "only True itself from `swap` is a success")
        holds(inner.load(user.user) == before, "and nothing was stored")
    for load in answers:
        user = adopted(lib)
        user.store = cast("Store", Mock(load=load, swap=Mock(return_value=True)))
        user.service = user.another()
        holds(user.verify(user.code()) == "StoreError", "only bytes, or None, from `load` are a record")
        holds(outcome(partial(user.service.gate, "alice")) == "StoreError", "and nobody is let in without one")


# ---- V82: assert as a gate ----


def asserts() -> Library:
    """A gate that `-O` removes."""
    return with_line("_spending.py", "def _must(right):\n    assert right")


@weakness("V82", twin=asserts)
def nothing_depends_on_assert(lib: Library) -> None:
    """No module has an `assert` or asks `__debug__`: `-O` changes nothing. The suite is run under `-O` as well."""
    holds(len(lib.sources) > 20, "the package is looked at")
    for module, source in lib.sources.items():
        holds(not offences("assert", module, source), f"{module} has no assert and does not ask __debug__")


# ---- V85: exceptions ----


class Breaks:
    """A store, sealer and clock that raise at one of their calls, on demand, before or after they did their work."""

    def __init__(self, inner: Store) -> None:
        self._inner, self.clock, self.fails = inner, HandClock(NOW), ""

    def _at(self, place: str) -> None:
        if place == self.fails:
            raise OSError(place)

    def load(self, user: str, /) -> bytes | None:
        """Load."""
        self._at("load")
        return self._inner.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap."""
        self._at("before the swap")
        done = self._inner.swap(user, old, new)
        self._at("after the swap")
        return done

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Seal."""
        self._at("seal")
        return plaintext

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Open."""
        self._at("open")
        return sealed

    def __call__(self) -> float:
        """Say what time it is."""
        self._at("clock")
        return self.clock()

    def sink(self, event: Event) -> None:
        """Take an event."""
        self._at("audit")


PLACES: Final = ("clock", "load", "open", "seal", "before the swap", "after the swap")


def broken_user(lib: Library) -> tuple[User, Breaks]:
    """Somebody whose surroundings can be made to fail."""
    parts = Breaks(lib.memory_store())
    user = User(lib, store=parts)
    user.clock = parts.clock
    user.service = lib.two_factor(parts, issuer="ACME", sealer=parts, clock=parts, audit=parts.sink)
    return user.on(), parts


def lets_in_when_in_doubt() -> Library:
    """Trouble with the store must not keep people out."""

    class FailsOpen(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            try:
                return super().verify(user, code)
            except (OSError, StoreError):
                return Accepted(user=user, counter=0, drift_steps=0, failures_before=0)

    return replace(TOTPCORE, two_factor=FailsOpen)


@weakness("V85", twin=lets_in_when_in_doubt)
def trouble_is_never_an_acceptance(lib: Library) -> None:
    """Where the clock, the store, the sealer or HMAC raises, nobody gets in; what was stored stays charged."""
    for place in PLACES:
        user, parts = broken_user(lib)
        before, wrong, code, again = stored(user), user.wrong(), user.code(), user.wrong(1)
        parts.fails = place
        told = [user.verify(wrong), user.verify(code), user.recover(user.codes[0])]
        parts.fails = ""
        holds("ok" not in told and "Accepted" not in told, f"nobody gets in when {place} raises")
        if place == "after the swap":
            holds(
                user.verify(code) == "replayed" and user.recover(user.codes[0]) == "replayed", "what was stored stays"
            )
        else:
            holds(stored(user) == before, "what was not stored did not happen")
            holds(user.verify(again) == "wrong" and user.verify(code) == "ok", "and the code is still good")
    user, parts = broken_user(lib)
    wrong, code = user.wrong(), user.code()
    with patch.object(hmac, "compare_digest", side_effect=MemoryError):
        holds(user.verify(code) == user.recover(user.codes[0]) == "MemoryError", "a comparison that fails is no match")
    parts.fails = "after the swap"
    for _ in range(user.policy.free_attempts):
        holds(user.verify(wrong) == "OSError", "the refusal is lost")
    parts.fails = ""
    holds(user.verify(code) == "throttled", "each attempt was charged")
    parts.fails = "audit"
    holds(user.recover(user.codes[0]) == "ok", "an audit log that raises changes no answer")


def says_what_was_typed() -> Library:
    """A helpful message."""

    class Chatty(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            try:
                return super().verify(user, code)
            except OSError as error:
                raise OSError(f"{error}: cannot check {code}") from error

    return replace(TOTPCORE, two_factor=Chatty)


@weakness("V85", twin=says_what_was_typed)
def no_exception_says_what_was_typed_or_kept(lib: Library) -> None:
    """No exception on the way out, nor one that caused it, holds the code, the recovery code, or the secret."""
    for place in ("", *PLACES):
        user, parts = broken_user(lib)
        secret = user.phone.uri.token.secret
        parts.fails = place
        for call, typed in (
            (user.service.verify, user.wrong()), (user.service.verify, user.code()), (user.service.verify, "12"),
            (user.service.recover, user.codes[0]), (user.service.recover, user.codes[0] * 2),
            (user.service.disable, user.codes[1][:-1]), (user.service.confirm, user.code(1)),
        ):  # fmt: skip
            found: BaseException | None = None
            try:
                call(user.user, typed)
            except Exception as error:  # noqa: BLE001  # whatever it is
                found = error
            while found is not None:
                words = f"{found!s} {found!r} {found.args!r} {vars(found)!r}"
                hidden = [secret.base32, secret.reveal().hex(), *user.codes, *([typed] if len(typed) > 5 else [])]
                holds(not any(text in words for text in hidden), "no exception shows what was typed or kept")
                found = found.__cause__ or found.__context__
