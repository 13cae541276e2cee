"""`python -m benchmarks imports`: how long an import takes, what it loads, and what it is made of.

Every import is in a fresh process. Beside it are the modules of the standard library that it needs most, and others
who make one-time codes. The rows of a package that is not installed are skipped.
"""

import argparse
from collections.abc import Iterable
from typing import Final

from ..report import Report, Row
from ..surroundings import surroundings
from . import durations, loaded, tree
from .effort import FULL, QUICK
from .fresh import Fresh

ABOUT: Final = "how long an import takes, what it loads, and what it is made of"
_PACKAGES: Final = ("pyotp", "libpass", "cryptography")


def add_options(parser: argparse.ArgumentParser) -> None:  # each benchmark is asked
    """Add the options that only this benchmark has: none."""


def run(options: argparse.Namespace) -> Report:
    """Measure, and tell of each row on standard error as soon as it is there."""
    effort = QUICK if options.quick else FULL
    facts = surroundings(*_PACKAGES)
    with Fresh() as fresh:
        tables = [*durations.tables(), loaded.table(), tree.table()]
        parts: list[Iterable[Row]] = [*durations.rows(fresh, effort), loaded.rows(fresh), tree.rows(fresh, effort)]
        for table, rows in zip(tables, parts, strict=True):
            table.fill(rows)
    return Report(title="Imports", surroundings=facts, tables=tables)
