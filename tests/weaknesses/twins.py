"""What several checks need: ways to make a twin, users with known codes, stores that stand in, doors, looks inside.

Rules of this file:

1. A twin's fault is there only while one of its calls runs, and in one thread at a time: totpcore itself stays whole.
2. Randomness and secrets repeat, so that no two codes are alike by chance.
"""

import inspect
import json
import secrets
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial, wraps
from random import Random
from typing import Final, TypeVar, cast
from unittest.mock import patch

import totpcore
import totpcore.otp
import totpcore.policy
from totpcore import HOTP, TOTP, Accepted, CompatibilityWarning, Enrolment, Policy, TwoFactor, _spending, _transitions
from totpcore._core import Change
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._shell import spoken
from totpcore._states import Moment
from totpcore.answers import State
from totpcore.ports import Store
from totpcore.testing import Phone
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, sources

T = TypeVar("T")
Spent = tuple[Record, Accepted]
Spend = Callable[[Record, Active, Moment, Hidden[str]], Spent]
KEY: Final = b"12345678901234567890"
BASE32: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # of KEY
STEP: Final = NOW // 30
FREE: Final = 5
NO_RECOVERY_CODE: Final = "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ"
_ONE_AT_A_TIME = threading.RLock()  # two threads that patch the same name would restore each other's fault


def adopted(
    lib: Library,
    token: TOTP | HOTP | None = None,
    *,
    spent: int = -1,
    at: float = NOW,
    policy: Policy | None = None,
    store: Store | None = None,
) -> User:
    """Somebody with a known token: that of the RFCs, which is on the phone, or another, which is on none."""
    own = lib.totp_token(lib.secret(KEY))
    user = User(lib, policy=policy, store=store)
    user.clock.now, user.phone = at, Phone(lib.key_uri(own, account=user.user))
    user.codes = list(user.service.adopt(user.user, token or own, spent=spent).recovery_codes)
    return user


def field(user: User, *names: str) -> object:
    """What is stored in a field of the record."""
    value: object = json.loads(stored(user))
    for name in names:
        value = cast("dict[str, object]", value)[name]
    return value


def spent_of(user: User) -> object:
    """The spent counter that is stored."""
    return field(user, "active", "spent")


def verifies_by(spend: Spend) -> Library:
    """A twin whose `verify` looks at a code in this way."""
    return replace(TOTPCORE, two_factor=faulty((_transitions, "spend_code", spend)))


def changes_by(spend: Spend) -> Library:
    """A twin whose changes (`disable`, `replace`, `renew_recovery_codes`) look at a code in this way."""
    return replace(TOTPCORE, two_factor=faulty((_spending, "spend_code", spend)))


def has_no_bounds() -> Library:
    """A policy takes any number."""

    class Unbounded(Policy):
        __slots__ = ()

        def __post_init__(self) -> None:
            """Let everything pass."""

    return replace(TOTPCORE, policy=Unbounded)


def enrols_as(kind: type[Enrolment]) -> Library:
    """A twin whose `enrol` returns another kind of enrolment."""

    class Enrols(TwoFactor):
        def enrol(self, user: str, *, account: str) -> Enrolment:
            made = super().enrol(user, account=account)
            return kind(made.secret, made.expires_at, Hidden(made.uri))

    return replace(TOTPCORE, two_factor=Enrols)


def asked_for(call: Callable[..., object], *names: str) -> bool:
    """Whether a call does not go without these arguments."""
    parameters = inspect.signature(call).parameters
    return all(parameters[name].default is inspect.Parameter.empty for name in names)


@contextmanager
def switching_often() -> Iterator[None]:
    """Let threads take turns after every few bytecodes."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class WritesWhatItDecided(TwoFactor):
    """Read, decide, write: what others wrote in between is overwritten."""

    def _run(self, user: str, change: Change[T]) -> T:
        step = self._core.step(change, user, Hidden(self._store.load(user)), self._now())
        while not self._store.swap(user, self._store.load(user), step.new.value):
            pass
        return spoken(step.answer)


class InTheMiddle:
    """A store on which somebody else acts before the first swap."""

    def __init__(self, inner: Store, act: Callable[[], object]) -> None:
        self._inner, self._acts = inner, [act]

    def load(self, user: str, /) -> bytes | None:
        """Load as the store inside does."""
        return self._inner.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Let the other act, and swap."""
        while self._acts:
            self._acts.pop()()
        return self._inner.swap(user, old, new)


def faulty(*faults: tuple[object, str, object]) -> type[TwoFactor]:
    """A `TwoFactor` that has these faults, (where, name, value), while one of its calls runs."""

    def with_faults(call: Callable[..., object]) -> Callable[..., object]:
        @wraps(call)
        def run(*args: object, **kwargs: object) -> object:
            with _ONE_AT_A_TIME, ExitStack() as patches:
                for where, name, value in faults:
                    patches.enter_context(patch.object(where, name, value))
                return call(*args, **kwargs)

        return run

    calls = {
        name: with_faults(call) for name, call in vars(TwoFactor).items() if name[0] != "_" and inspect.isfunction(call)
    }
    return cast("type[TwoFactor]", type("Faulty", (TwoFactor,), calls))


@contextmanager
def seeded(number: int) -> Iterator[list[bytes]]:
    """Make `secrets` draw the same each time, and list what it drew."""
    source, drawn = Random(number), list[bytes]()

    def token_bytes(nbytes: int) -> bytes:
        drawn.append(source.randbytes(nbytes))
        return drawn[-1]

    with patch.object(secrets, "token_bytes", token_bytes):
        yield drawn


class FirstLoadsTogether:
    """A store whose first loads wait for each other: all racers decide on the same record."""

    def __init__(self, inner: Store, racers: int) -> None:
        self._inner, self._barrier, self._left = inner, threading.Barrier(racers, timeout=30), racers
        self._lock = threading.Lock()

    def load(self, user: str, /) -> bytes | None:
        """Load, and hand it out when as many have loaded as there are racers."""
        value = self._inner.load(user)
        with self._lock:
            self._left -= 1
            waits = self._left >= 0
        if waits:
            self._barrier.wait()
        return value

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap as the store inside does."""
        return self._inner.swap(user, old, new)


def stored(user: User) -> bytes:
    """What the store holds of the user."""
    return user.store.load(user.user) or b""


def altered_record(user: User, change: Callable[[dict[str, dict[str, object]]], object]) -> None:
    """Change the record in the store, as somebody who writes to the database could."""
    before = stored(user)
    record = json.loads(before)
    change(record)
    holds(user.store.swap(user.user, before, json.dumps(record).encode()), "the store takes the changed record")


def surfaces(user: User) -> dict[str, Callable[[str], object]]:
    """Every call that a one-time code of the active secret opens, by its name."""
    service, name = user.service, user.user
    return {
        "verify": partial(service.verify, name),
        "replace": partial(service.replace, name, account=name),
        "renew_recovery_codes": partial(service.renew_recovery_codes, name),
        "disable": partial(service.disable, name),
    }


def every_door(user: User) -> dict[str, Callable[[str], object]]:
    """Every call that takes a code, by its name."""
    service, name = user.service, user.user
    doors: dict[str, Callable[[str], object]] = dict(surfaces(user))
    doors["recover"], doors["confirm"] = partial(service.recover, name), partial(service.confirm, name)
    return doors


def full() -> object:
    """Fail as a disk does."""
    raise OSError(28, "No space left on device")


def failures(user: User, kind: str = "code_tally") -> object:
    """The wrong codes in a row that are stored."""
    return field(user, kind, "failures")


def counting(computed: list[bytes]) -> Callable[[bytes, int], str]:
    """Truncation that also lists what it was given."""
    truncate = totpcore.otp._truncate

    def truncated(mac: bytes, digits: int) -> str:
        computed.append(mac)
        return truncate(mac, digits)

    return truncated


def with_line(module: str, line: str) -> Library:
    """The package with a line more in one module."""
    texts = dict(sources())
    return replace(TOTPCORE, sources=texts | {module: f"{texts[module]}\n{line}\n"})


def plain(code: str) -> str:
    """A code without its hyphens."""
    return code.replace("-", "")


def shown(user: User, phone: Phone) -> str:
    """What a phone shows now."""
    return phone.code(user.clock())


def replacing(user: User) -> Phone:
    """Begin to replace the active secret, and scan the new one; the code of the time step is spent by it."""
    phone = Phone.scan(user.service.replace(user.user, user.code(), account=user.user).uri)
    user.clock.tick(user.policy.period)
    return phone


def state(user: User) -> State:
    """The state that the service tells."""
    return user.service.status(user.user).state


class Agreeable:
    """Equals whatever it is compared with."""

    def __eq__(self, _other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __len__(self) -> int:
        return 6


class AgreeableText(Agreeable, str):
    """A text that does."""


@contextmanager
def quiet() -> Iterator[None]:
    """What apps are known to garble is not the matter of a check here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompatibilityWarning)
        yield
