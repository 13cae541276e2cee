"""`python -m benchmarks stores`: every store beside the raw driver, by users and workers, and beside django-otp.

Each server is started by the program itself, and gone at the end. The rows of a server that the machine lacks are
skipped, and say what it lacks.
"""

import argparse
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from totpcore.audit import LOGGER_NAME

from ..report import Report, Row, Table
from ..surroundings import surroundings
from . import crowds, flatness, throughput, versus, workers
from .effort import FULL, QUICK, Effort
from .grounds import Ground
from .on_postgres import Postgres
from .on_redis import Redis
from .on_sqlite import SQLite

ABOUT: Final = "every store beside the raw driver, by users and workers, and beside django-otp"
GROUNDS: Final[dict[str, type[Ground]]] = {ground.key: ground for ground in (SQLite, Postgres, Redis)}
_PACKAGES: Final = ("psycopg", "redis", "Django", "django-otp", "cryptography")

Measure = Callable[[Ground, Effort], Iterator[Row]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this benchmark has."""
    parser.add_argument("--store", choices=list(GROUNDS), action="append", help="only this one; may be given again")
    parser.add_argument("--users", type=_sizes, metavar="FEW,MANY", help="how many users there are: 1000,1000000")


def run(options: argparse.Namespace) -> Report:
    """Measure, and tell of each row on standard error as soon as it is there."""
    effort = (QUICK if options.quick else FULL).but(seconds=options.seconds, users=options.users)
    # Refusals are logged as warnings. Whatever that log is written to is not measured here.
    logging.getLogger(LOGGER_NAME).setLevel(logging.ERROR)
    grounds = [GROUNDS[key]() for key in options.store or GROUNDS]
    parts: list[tuple[Table, Measure]] = [
        (part.table(), part.rows) for part in (throughput, flatness, crowds, workers, versus)
    ]
    facts = surroundings(*_PACKAGES)
    with ExitStack() as started:
        for ground in grounds:
            if ground.missing() is None:
                started.enter_context(ground)
                facts[ground.name] = ground.version()
        versus.set_up(ground for ground in grounds if ground.missing() is None)
        for table, rows in parts:
            for ground in grounds:
                if rows is not versus.rows or ground.with_django:
                    _measure(table, ground, rows, effort)
    return Report(title="Stores", surroundings=facts, tables=[table for table, _ in parts])


def _measure(table: Table, ground: Ground, rows: Measure, effort: Effort) -> None:
    missing = ground.missing()
    table.fill(rows(ground, effort) if missing is None else [Row(name=ground.name, skipped=missing)])


def _sizes(text: str) -> Sequence[int]:
    sizes = [int(size) for size in text.split(",")]
    if len(sizes) < 2 or min(sizes) < 1:
        raise argparse.ArgumentTypeError("at least two numbers of users")
    return sizes
