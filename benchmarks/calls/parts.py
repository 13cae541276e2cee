"""Where a sealed log-in in memory spends its time: its parts, beside the whole.

Rules of this file:

1. What follows on another is timed together with it, and a part is what it adds. A part that is done again and again by
   itself is faster than in its place, where it finds its memory cold: the parts would not add up to the whole.
2. What is left of the whole is a row of its own.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median
from typing import Final

from totpcore import Accepted, Event, EventKind, MemoryStore, Policy
from totpcore._core import context_of
from totpcore._guard import Hidden
from totpcore._record import Record, decode, encode
from totpcore._states import Moment
from totpcore._transitions import verify
from totpcore.audit import LOGGER_NAME, log_event

from ..report import Ratio, Row, Table
from ..steps import ISSUER, START, STEP, TOKEN, Exchange, keyring, records
from .contenders import Contender, Found, Step
from .log_ins import SEALED, USER


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="Where a log-in in memory spends its time",
        about="The parts of a log-in on a `MemoryStore` with a `Keyring`; from the seal to the seal, a part is what it "
        "adds to those before it. The ratio is that of the part's time to the whole log-in's in the same round.",
        base="the whole",
        ours="the part",
    )


def rows(found: Found) -> Iterator[Row]:
    """Set each part beside the whole, and show what is left of it."""
    missing = SEALED.missing()
    if missing is not None:
        yield from (Row(name=name, skipped=missing) for name in (WHOLE, *CHAIN, *ASIDE, REST))
        return
    whole, parts = found[SEALED.name], {}
    before: Sequence[float] = [0.0] * len(whole)
    for name, contender in CHAIN.items():
        parts[name] = _without(found[contender.name], before)
        before = found[contender.name]
    rest = _without(whole, before)
    for name, contender in ASIDE.items():
        parts[name] = found[contender.name]
        rest = _without(rest, parts[name])
    for name, seconds in ({WHOLE: whole} | parts | {REST: rest}).items():
        yield Row(name=name, ratio=Ratio.of(seconds, whole), micros=median(seconds) * 1e6)


def _without(seconds: Sequence[float], others: Sequence[float]) -> Sequence[float]:
    return [one - other for one, other in zip(seconds, others, strict=True)]


class _LogIn:
    """A log-in from the seal to the seal: each method does what those above it do, and one thing more."""

    def __init__(self) -> None:
        self._keyring, self._context = keyring(), context_of(USER)
        self._sealed = records([USER], self._keyring)[USER]
        self._moment = Moment(USER, START + STEP, Policy(), ISSUER)
        self._code = Hidden(TOKEN.code(START + STEP))
        after = decode(Hidden(self._keyring.open(self.sealed(), self._context)))
        if not isinstance(after, Record) or after.active is None or after.active.spent != TOKEN.counter(START + STEP):
            raise RuntimeError("the log-in did not go its way")

    def opened(self) -> Hidden[bytes]:
        return Hidden(self._keyring.open(self._sealed, self._context))

    def decoded(self) -> Record:
        record = decode(self.opened())
        if not isinstance(record, Record):
            raise RuntimeError("no record")
        return record

    def decided(self) -> Record:
        decision = verify(self.decoded(), self._moment, typed=self._code)
        if not isinstance(decision.answer, Accepted):
            raise RuntimeError("refused")
        return decision.record

    def encoded(self) -> Hidden[bytes]:
        return encode(self.decided())

    def sealed(self) -> bytes:
        return self._keyring.seal(self.encoded().value, self._context)


def _exchange() -> Step:
    store, value = MemoryStore(), records([USER], keyring())[USER]
    store.swap(USER, None, value)
    return Exchange(store, USER, value)


def _audit() -> Step:
    event = Event(kind=EventKind.VERIFY, user=USER, at=START, codes_left=10)
    if logging.getLogger(LOGGER_NAME).isEnabledFor(logging.INFO):
        raise RuntimeError("the log is set up")
    return partial(log_event, event)


def _part(name: str, make: Callable[[], Step]) -> Contender:
    return Contender(f"part, {name}", make, needs=("cryptography",))


WHOLE: Final = "the whole"
REST: Final = "the rest: the service around"
CHAIN: Final = {
    "opening the seal": _part("to the opened seal", lambda: _LogIn().opened),
    "decoding the record": _part("to the decoded record", lambda: _LogIn().decoded),
    "the transition": _part("to the transition", lambda: _LogIn().decided),
    "encoding the record": _part("to the encoded record", lambda: _LogIn().encoded),
    "sealing": _part("to the seal", lambda: _LogIn().sealed),
}
ASIDE: Final = {
    "loading and swapping": _part("loading and swapping", _exchange),
    "the audit log": _part("the audit log", _audit),
}
CONTENDERS: Final = (SEALED, *CHAIN.values(), *ASIDE.values())
