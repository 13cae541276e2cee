"""`python -m benchmarks sizes`: what a token takes in memory, a user in each store, and a log-in in its log.

Each server is started by the program itself, and gone at the end. The rows of a server that the machine lacks are
skipped, and say what it lacks.
"""

import argparse
from collections.abc import Callable, Iterator
from typing import Final

from ..report import Report, Row, Table
from ..surroundings import surroundings
from . import tokens, users, writes
from .effort import FULL, QUICK, Effort
from .servers import PostgresShelf, RedisShelf
from .shelves import Dictionary, File, Shelf

ABOUT: Final = "what a token takes in memory, a user in each store, and a log-in in its log"
SHELVES: Final[tuple[type[Shelf], ...]] = (Dictionary, File, PostgresShelf, RedisShelf)
_PACKAGES: Final = ("pyotp", "psycopg", "redis", "cryptography")

Measure = Callable[[Shelf, Effort], Iterator[Row]]


def add_options(parser: argparse.ArgumentParser) -> None:  # each benchmark is asked
    """Add the options that only this benchmark has: none."""


def run(options: argparse.Namespace) -> Report:
    """Measure, and tell of each row on standard error as soon as it is there."""
    effort = QUICK if options.quick else FULL
    facts = surroundings(*_PACKAGES)
    of_tokens, of_users, of_writes = tokens.table(effort), users.table(effort), writes.table()
    of_tokens.fill(tokens.rows(effort))
    parts: list[tuple[Table, Measure]] = [(of_users, users.rows), (of_writes, _written)]
    for shelf in SHELVES:
        _measure(shelf(), parts, effort, facts)
    return Report(title="Sizes", surroundings=facts, tables=[of_tokens, of_users, of_writes])


def _measure(shelf: Shelf, parts: list[tuple[Table, Measure]], effort: Effort, facts: dict[str, str]) -> None:
    missing = shelf.missing()
    if missing is not None:
        for table, _ in parts:
            table.fill([Row(name=shelf.name, skipped=missing)])
        return
    with shelf:
        facts[shelf.name] = shelf.version()
        for table, rows in parts:
            table.fill(rows(shelf, effort))


def _written(shelf: Shelf, effort: Effort) -> Iterator[Row]:
    return shelf.written(effort)
