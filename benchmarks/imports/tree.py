"""What an import is made of: the modules that take most of it, each below the one that imports it first.

Rules of this file:

1. The interpreter tells of a module once it is loaded, so of what it imports before it, and one step deeper.
2. The interpreter tells only of what a statement imports. totpcore loads the module of a name by a call, so what is run
   imports that module by its own name; the same modules are loaded.
3. Of some runs the one in the middle is shown: a tree of medians would not add up.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ..report import Row, Table
from .effort import Effort
from .fresh import Fresh

STATEMENT: Final = "from totpcore import TwoFactor"
_TRACED: Final = "import totpcore.service"  # rule 2
_LEAST: Final = 0.01  # of the whole
_STEP: Final = "\N{NO-BREAK SPACE}" * 2  # a plain space would be lost at the head of a cell of Markdown
_LINE: Final = re.compile(r"import time:\s*(\d+) \|\s*(\d+) \| ( *)(\S+)")


@dataclass(frozen=True, slots=True)
class Module:
    """A module that was loaded, and what it loaded. The times are in microseconds."""

    name: str
    alone: int
    whole: int
    inside: "list[Module]" = field(default_factory=list)


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="The import tree of `TwoFactor`",
        about=f"`{STATEMENT}`, run as `{_TRACED}` under `-X importtime`, which takes time itself: the modules that "
        "take 1 % of it or more, with what they import for the first time. What the bare interpreter has loaded before "
        "is not there.",
        base="",
    )


def rows(fresh: Fresh, effort: Effort) -> Iterator[Row]:
    """Show the run in the middle."""
    runs = [_loaded(fresh.import_times(_TRACED)) for _ in range(effort.rounds + 1)][1:]  # the first one compiles
    modules = sorted(runs, key=_total)[len(runs) // 2]
    total = _total(modules)
    yield Row(name=STATEMENT, micros=total, note="the whole")
    yield from _below(modules, total, _STEP)


def _below(modules: list[Module], total: int, indent: str) -> Iterator[Row]:
    for module in modules:
        if module.whole >= _LEAST * total:
            note = f"{module.whole / total:.0%}; {module.alone:,} µs without what it imports"
            yield Row(name=indent + module.name, micros=module.whole, note=note)
            yield from _below(module.inside, total, indent + _STEP)


def _loaded(told: str) -> list[Module]:
    """Read what the interpreter told, from the end of its own start on."""
    levels: list[list[Module]] = [[]]  # at each depth, what waits for the module that imported it
    for alone, whole, spaces, name in _LINE.findall(told):
        depth = len(spaces) // 2
        levels.extend([] for _ in range(depth + 2 - len(levels)))
        inside, levels[depth + 1] = levels[depth + 1], []
        levels[depth].append(Module(name, int(alone), int(whole), inside))
    names = [module.name for module in levels[0]]
    return levels[0][names.index("site") + 1 :]


def _total(modules: list[Module]) -> int:
    return sum(module.whole for module in modules)
