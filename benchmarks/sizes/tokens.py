"""What a token takes in memory, in a fresh process that makes many.

Rules of this file:

1. Each token has a secret of its own and has made a code: whatever it prepares for that is there.
2. Python counts only what it allocates by itself. The states of a hash are OpenSSL's, so the whole process is looked
   at too, in another process: to count costs memory.
"""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Final

from ..crews import take_turns
from ..imports.fresh import Fresh
from ..report import Ratio, Row, Table
from .effort import Effort

_OURS: Final = """\
import totpcore

def token():
    made = totpcore.TOTP(totpcore.Secret.generate())
    made.code(59)
    return made
"""
_BASE: Final = """\
import base64, os, pyotp

def token():
    made = pyotp.TOTP(base64.b32encode(os.urandom(20)).decode())
    made.at(59)
    return made
"""
_TRACED: Final = """\
import tracemalloc
tracemalloc.start()

def held():
    return tracemalloc.get_traced_memory()[0]
"""
_PROCESS: Final = """\
import os

def held():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * os.sysconf("SC_PAGESIZE")
"""
_COUNT: Final = """
import gc
tokens = [token()] * {tokens}  # one before the first reading: it loads what is loaded only once
gc.collect()
before = held()
for index in range({tokens}):
    tokens[index] = token()
gc.collect()
print((held() - before) / {tokens})
"""
WAYS: Final = {"what Python allocates": _TRACED, "what the whole process grows by": _PROCESS}


def table(effort: Effort) -> Table:
    """Return the table, without rows."""
    return Table(
        title="A ready token",
        about=f"One `TOTP` with a secret of its own that has made a code, of {effort.tokens:,} in a fresh process. "
        "totpcore's keeps what it prepared of the secret, so that a code is made at once; pyotp's keeps the text of "
        "the secret, and prepares for each code anew.",
        base="pyotp",
    )


def name_of(way: str) -> str:
    """Return the name of a row."""
    return f"TOTP, {way}"


def rows(effort: Effort) -> Iterator[Row]:
    """Count in each way."""
    for way, held in WAYS.items():
        missing = _missing(held)
        yield Row(name=name_of(way), skipped=missing) if missing else _row(way, held, effort)


def _missing(held: str) -> str | None:
    if held is _PROCESS and not Path("/proc/self/statm").exists():
        return "no /proc/self/statm"
    return None if find_spec("pyotp") else "no pyotp"


def _row(way: str, held: str, effort: Effort) -> Row:
    programs = [token + held + _COUNT for token in (_BASE, _OURS)]
    with Fresh() as fresh:
        for program in programs:
            fresh.told(program.format(tokens=1))  # to compile leaves memory free, which would be used first
        contenders: list[Callable[[], float]] = [
            partial(fresh.number, program.format(tokens=effort.tokens)) for program in programs
        ]
        base, ours = take_turns(contenders, effort.rounds)
    return Row(name=name_of(way), ratio=Ratio.of(ours, base), base_bytes=median(base), our_bytes=median(ours))
