"""How long an import takes, beside the imports of others.

Rules of this file:

1. The process itself measures: its start is not counted, nor is what the bare interpreter has loaded already.
2. In a round each contender has some processes, which take turns with those of the others; the fastest one counts. What
   else the machine does can only make an import slower.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Final

from ..crews import take_turns
from ..report import Ratio, Row, Table
from .effort import Effort
from .fresh import Fresh


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What an import is compared with.

    Attributes:
        name: What it is called.
        statement: How it is imported.
        at_most: How many times as long totpcore may take.
        package: What must be installed.
    """

    name: str
    statement: str
    at_most: float | None
    package: str | None = None

    def missing(self) -> str | None:
        """Return what the machine lacks for it."""
        return None if self.package is None or find_spec(self.package) else f"no {self.package}"


PEERS: Final = (
    Peer(name="the standard library alone", statement="import dataclasses, enum, hmac, json, secrets", at_most=2.0),
    Peer(name="pyotp", statement="import pyotp", at_most=None, package="pyotp"),
    Peer(name="passlib.totp", statement="import passlib.totp", at_most=1.0, package="passlib"),
    Peer(
        name="cryptography's twofactor.totp",
        statement="import cryptography.hazmat.primitives.twofactor.totp",
        at_most=1.0,
        package="cryptography",
    ),
)
BARE: Final = ("import totpcore",)
USED: Final = ("from totpcore import TOTP", "from totpcore import TwoFactor")
_ABOUT: Final = (
    "Each import is the first one of a fresh process, with its bytecode at hand; the start of the interpreter is not "
    "counted. Of the standard library it is dataclasses, enum, hmac, json and secrets. The ratio is that of totpcore's "
    "time to the other's in the same round."
)
_ABOUT_USED: Final = "The same, of what programs import: what `import totpcore` leaves until it is used counts here."
_TIMED: Final = "import time\nbegan = time.perf_counter()\n{}\nprint(time.perf_counter() - began)\n"


def tables() -> tuple[Table, Table]:
    """Return the tables, without rows: the bare import, and that of what is used."""
    return (
        Table(title="An import", about=_ABOUT, base="the other"),
        Table(title="An import of what is used", about=_ABOUT_USED, base="the other"),
    )


def name_of(statement: str, peer: Peer) -> str:
    """Return the name of a row."""
    return f"{statement}, beside {peer.name}"


def rows(fresh: Fresh, effort: Effort) -> tuple[Iterator[Row], Iterator[Row]]:
    """Measure all imports in the same rounds; return the rows of each table."""
    peers = [peer.statement for peer in PEERS if peer.missing() is None]
    found = _measure(fresh, [*peers, *BARE, *USED], effort)
    return _compare(BARE, found), _compare(USED, found)


def _measure(fresh: Fresh, statements: Sequence[str], effort: Effort) -> dict[str, list[float]]:
    programs = [_TIMED.format(statement) for statement in statements]
    for program in programs:
        fresh.told(program)  # compiles what it imports

    contenders: list[Callable[[], float]] = [partial(fresh.number, program) for program in programs]
    taken = take_turns(contenders, effort.rounds * effort.processes)
    fastest = [[min(times) for times in zip(*[iter(each)] * effort.processes, strict=True)] for each in taken]
    return dict(zip(statements, fastest, strict=True))


def _compare(statements: Sequence[str], found: dict[str, list[float]]) -> Iterator[Row]:
    for statement in statements:
        ours = found[statement]
        for peer in PEERS:
            missing = peer.missing()
            if missing is not None:
                yield Row(name=name_of(statement, peer), skipped=missing)
                continue
            base = found[peer.statement]
            yield Row(
                name=name_of(statement, peer),
                ratio=Ratio.of(ours, base),
                at_most=peer.at_most,
                micros=median(ours) * 1e6,
                note=f"the other {median(base) * 1e6:,.0f} µs",
            )
