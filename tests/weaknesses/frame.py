"""What a check is run on, how it says that something does not hold, and the register of checks and their twins."""

import ast
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple

import totpcore
from totpcore import (
    HOTP,
    TOTP,
    KeyURI,
    MemoryStore,
    Plaintext,
    Policy,
    RecoveryCodes,
    Refused,
    Secret,
    SQLiteStore,
    TwoFactor,
)
from totpcore.events import Event
from totpcore.ports import Sealer, Store
from totpcore.testing import HandClock, Phone

HERE: Final = Path(__file__).parent
NOW: Final = 1_800_000_000
ROOT: Final = Path(totpcore.__file__).parent


class Vulnerable(Exception):
    """What a check says does not hold."""


def holds(condition: bool, claim: str) -> None:
    """Say so where the claim does not hold. A statement, not an `assert`: `-O` leaves it in."""
    if not condition:
        raise Vulnerable(claim)


def sources() -> Mapping[str, str]:
    """The text of every module of the package, by its path in it."""
    return {str(file.relative_to(ROOT)): file.read_text("utf-8") for file in sorted(ROOT.rglob("*.py"))}


@dataclass(frozen=True)
class Library:
    """What a check is run on: totpcore, or a twin of it, `replace(TOTPCORE, two_factor=...)`, that has one fault."""

    two_factor: type[TwoFactor] = TwoFactor
    hotp: Callable[..., str] = totpcore.hotp
    totp: Callable[..., str] = totpcore.totp
    hotp_token: type[HOTP] = HOTP
    totp_token: type[TOTP] = TOTP
    secret: type[Secret] = Secret
    key_uri: type[KeyURI] = KeyURI
    policy: Callable[..., Policy] = Policy
    memory_store: type[MemoryStore] = MemoryStore
    sqlite_store: type[SQLiteStore] = SQLiteStore
    recovery_codes: type[RecoveryCodes] = RecoveryCodes
    plaintext: type[Plaintext] = Plaintext
    sources: Mapping[str, str] = field(default_factory=sources)


TOTPCORE: Final = Library()


class User:
    """Somebody with a phone, whose second factor a check puts to the test."""

    def __init__(
        self,
        lib: Library,
        *,
        store: Store | None = None,
        policy: Policy | None = None,
        sealer: Sealer | None = None,
        user: str = "alice",
    ) -> None:
        self.lib, self.user = lib, user
        self.clock = HandClock(NOW)
        self.events: list[Event] = []
        self.store = store if store is not None else lib.memory_store()
        self.policy, self.sealer = policy or lib.policy(), sealer or lib.plaintext()
        self.phone: Phone
        self.codes: list[str] = []
        self.service = self.another()

    def another(self) -> TwoFactor:
        """Another service object on the same store: another session, process or host."""
        return self.lib.two_factor(
            self.store,
            issuer="ACME",
            sealer=self.sealer,
            policy=self.policy,
            clock=self.clock,
            audit=self.events.append,
        )

    def enrol(self) -> "User":
        """Begin set-up, and scan the QR code."""
        self.phone = Phone.scan(self.service.enrol(self.user, account=self.user).uri)
        return self

    def on(self) -> "User":
        """Set up, and let a time step pass: the code of now has not been used."""
        self.enrol()
        self.codes = list(self.service.confirm(self.user, self.code()).recovery_codes)
        self.clock.tick(self.policy.period)
        return self

    def code(self, steps: int = 0) -> str:
        """What the phone shows, or showed so many time steps from now."""
        return self.phone.code(self.clock() + steps * self.policy.period)

    def wrong(self, number: int = 0) -> str:
        """A well-formed code that no time step near now has; `number` tells several apart."""
        near = {self.code(step) for step in range(-25, 26)}
        return [code for code in (f"{n:0{self.policy.digits}d}" for n in range(1000)) if code not in near][number]

    def verify(self, code: str) -> str:
        """Log in: `ok`, or the reason of the refusal."""
        return outcome(lambda: self.service.verify(self.user, code))

    def recover(self, code: str) -> str:
        """Log in by a recovery code: `ok`, or the reason of the refusal."""
        return outcome(lambda: self.service.recover(self.user, code))


def outcome(call: Callable[[], object]) -> str:
    """`ok`, the reason of the refusal, or the name of another exception."""
    try:
        call()
    except Refused as refused:
        return refused.reason
    except Exception as error:  # noqa: BLE001  # whatever a twin raises is its answer
        return type(error).__name__
    return "ok"


def refuses(call: Callable[[], object], *kinds: type[Exception]) -> bool:
    """Whether the call raises one of these."""
    try:
        call()
    except kinds:
        return True
    except Exception:  # noqa: BLE001  # another exception is not the documented one
        return False
    return False


# ---- the register ----


Run = Callable[[Library], None]


class Check(NamedTuple):
    """A check of one class, and the twin that has to fail it."""

    weakness: str
    name: str
    module: str
    run: Run
    twin: Callable[[], Library]
    twin_name: str


CHECKS: Final[list[Check]] = []


def weakness(number: str, *, twin: Callable[[], Library]) -> Callable[[Run], Run]:
    """Register a check of the class `number`, with the function that makes its broken twin."""

    def register(run: Run) -> Run:
        CHECKS.append(Check(number, run.__name__, run.__module__, run, twin, twin.__name__))
        return run

    return register


class Weakness(NamedTuple):
    """A published class of weakness."""

    id: str
    title: str
    who: str
    cases: tuple[str, ...]


def classes() -> dict[str, Weakness]:
    """Every published class, by its id."""
    rows = json.loads((HERE / "classes.json").read_text("utf-8"))
    return {row["id"]: Weakness(row["id"], row["title"], row["who"], tuple(row["cases"])) for row in rows}


def checks() -> list[Check]:
    """Every check there is, in the order of the classes."""
    for file in sorted(HERE.glob("checks_*.py")):
        import_module(f"weaknesses.{file.stem}")
    return sorted(CHECKS, key=lambda check: (check.weakness, check.name))


def answerable(all_classes: Iterable[Weakness]) -> set[str]:
    """The classes that the library or the shape of its API answers for."""
    return {weakness.id for weakness in all_classes if {"LIB", "API"} & set(weakness.who.split("/"))}


def calls_in(source: str) -> Iterable[ast.Call]:
    """Every call that a module's text contains."""
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
