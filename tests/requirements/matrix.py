"""The requirements and their tests, side by side, and every gap between them.

Rules of this file:

1. A gap is a sentence that begins with what it is about: an id, or a place in the tests.
2. A place in the code is `module:name`, is found by importing, and stands in the module that defines it.
3. Nothing is taken on trust: a field that does not belong to a row is a gap like one that is missing.
"""

import inspect
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from requirements.marks import Marker, Stray, read

TESTS: Final = Path(__file__).parents[1]
DATA: Final = Path(__file__).with_name("requirements.json")
PACKAGE: Final = "totpcore"
LONGEST_DO: Final = 140
TOPICS: Final = (
    "Passwords and sessions", "Every way in", "Asking for the code", "Set-up", "Changing a factor", "Recovery codes",
    "Reset and support", "Notices to the user", "Transport and pages", "Log", "Keys and access", "The store", "Time",
    "Policy", "Authenticators and advice", "Life of an account",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One row.

    Attributes:
        id: A name of ours.
        source: The standard.
        section: Where it stands in it.
        level: How strongly the standard says it.
        text: What it asks for.
        responsibility: LIB, APP or OUT.
        where: LIB: the places in the code that carry it out.
        reason: LIB: why it is not carried out, or in which respect it is done otherwise.
        topic: APP: under what it stands in the integrator's checklist.
        do: APP: what the integrator does.
        why_out: OUT: why it is nobody's here.
    """

    id: str
    source: str
    section: str
    level: str
    text: str
    responsibility: str
    where: tuple[str, ...] = ()
    reason: str = ""
    topic: str = ""
    do: str = ""
    why_out: str = ""


OWN: Final = {"LIB": ("where", "reason"), "APP": ("topic", "do"), "OUT": ("why_out",)}


def load(file: Path = DATA) -> tuple[Requirement, ...]:
    """The rows, in the order of their sources. A name of a field that is unknown is a `TypeError`."""
    rows = json.loads(file.read_text("utf-8"))
    return tuple(Requirement(**row | {"where": tuple(row.get("where", ()))}) for row in rows)


@dataclass(frozen=True, slots=True)
class Matrix:
    """The rows, and the markers that the tests have."""

    rows: tuple[Requirement, ...]
    markers: tuple[Marker, ...]
    strays: tuple[Stray, ...] = ()

    @classmethod
    def now(cls) -> "Matrix":
        """The matrix as it stands in the files."""
        found = read(TESTS)
        markers = tuple(one for one in found if isinstance(one, Marker))
        return cls(load(), markers, tuple(one for one in found if isinstance(one, Stray)))

    def of(self, responsibility: str) -> tuple[Requirement, ...]:
        """The rows of the library, of the application, or of nobody."""
        return tuple(row for row in self.rows if row.responsibility == responsibility)

    def tests(self, id_: str) -> list[str]:
        """The tests that name a requirement."""
        return [marker.test for marker in self.markers if id_ in marker.ids]

    def gaps(self) -> list[str]:
        """Everything that is missing, or that is not as this folder's rules say."""
        marked = (gap for marker in self.markers for gap in self._gaps_of_marker(marker))
        strays = (f"{stray.place}: {stray.fault}" for stray in self.strays)
        rows = (gap for row in self.rows for gap in self._gaps_of_row(row))
        return [*repeated(row.id for row in self.rows), *rows, *marked, *strays]

    def _gaps_of_row(self, row: Requirement) -> Iterator[str]:
        if row.responsibility not in OWN:
            yield f"{row.id}: {row.responsibility} is nobody's name"
            return
        if not (row.id and row.source and row.section and row.level and row.text):
            yield f"{row.id}: what was published is not whole"
        for owner, names in OWN.items():
            for name in names:
                if owner != row.responsibility and getattr(row, name):
                    yield f"{row.id}: `{name}` is for {owner} rows"
        if row.responsibility == "LIB":
            yield from self._gaps_of_library(row)
        elif row.responsibility == "OUT" and not row.why_out.strip():
            yield f"{row.id}: nothing says why it is nobody's"
        elif row.responsibility == "APP":
            if row.topic not in TOPICS:
                yield f"{row.id}: {row.topic or 'nothing'} is no topic of the checklist"
            if not 1 <= len(row.do.strip()) <= LONGEST_DO or "\n" in row.do:
                yield f"{row.id}: what to do has to be one line of up to {LONGEST_DO} characters"

    def _gaps_of_library(self, row: Requirement) -> Iterator[str]:
        if not row.where and not row.reason.strip():
            yield f"{row.id}: no place in the code, and no reason"
        if row.where and not self.tests(row.id):
            yield f"{row.id}: no test names it"
        for gap in repeated(row.where):
            yield f"{row.id}: {gap}"
        for place in row.where:
            if fault := fault_of(place):
                yield f"{row.id}: {place} {fault}"

    def _gaps_of_marker(self, marker: Marker) -> Iterator[str]:
        known = {row.id for row in self.rows}
        for gap in repeated(marker.ids):
            yield f"{marker.test}: {gap}"
        for id_ in marker.ids:
            if id_ not in known:
                yield f"{marker.test}: there is no requirement {id_}"


def repeated(names: Iterable[str]) -> list[str]:
    """The names that stand more than once."""
    return [f"{name}: stands {count} times" for name, count in Counter(names).items() if count > 1]


def fault_of(place: str) -> str | None:
    """Why a place is none in the package's code; `None` where it is one."""
    module, _, name = place.partition(":")
    if module.split(".")[0] != PACKAGE:
        return f"is no place in {PACKAGE}"
    try:
        found: object = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return "does not exist"
    home = found.__module__ if inspect.isclass(found) or inspect.isroutine(found) else module
    return None if home == module else f"stands in {home}"


def sources(rows: Sequence[Requirement]) -> list[str]:
    """The standards, in the order in which they come."""
    return list(dict.fromkeys(row.source for row in rows))
