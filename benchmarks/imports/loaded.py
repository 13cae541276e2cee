"""Whether what only some programs need is loaded before it is used."""

from collections.abc import Iterator
from typing import Final

from ..report import Row, Table
from .fresh import Fresh

STATEMENT: Final = "from totpcore import KeyURI, MemoryStore, TOTP, TwoFactor"
MODULES: Final = ("sqlite3", "logging", "argparse", "urllib")
TARGET: Final = "not loaded by an import"
_LIST: Final = "print(*sys.modules)\n"  # `sys` is there: `Fresh` imports it


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="Loaded when used",
        about=f"`{STATEMENT}` in a fresh process: all that a log-in with a store in memory asks for. What the bare "
        "interpreter has loaded before is not counted.",
        base="",
    )


def rows(fresh: Fresh) -> Iterator[Row]:
    """Look for each module, and for what is inside it."""
    bare = set(fresh.told(_LIST).split())
    after = set(fresh.told(f"{STATEMENT}\n{_LIST}").split())
    for module in MODULES:
        loaded = sorted(name for name in after - bare if name.partition(".")[0] == module)
        notes = [f"loaded: {', '.join(loaded)}"] if loaded else []
        if module in bare:
            notes.append("the bare interpreter loads it")
        yield Row(name=module, target=TARGET, met=not loaded, note="; ".join(notes))
