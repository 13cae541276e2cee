"""`python -m benchmarks calls`: single calls beside the bare HMAC and other libraries, and a log-in beside one by hand.

Each contender is timed by pyperf, in each round in a process of its own, by the time of the processor. The row of a
library that the machine lacks is skipped, and says which one it lacks.
"""

import argparse
from typing import Final

from ..report import Report
from ..surroundings import surroundings

ABOUT: Final = "single calls beside the bare HMAC and other libraries, and a log-in in memory beside one by hand"


def add_options(_parser: argparse.ArgumentParser) -> None:
    """Add the options that only this benchmark has: none."""


def run(options: argparse.Namespace) -> Report:
    """Measure, and tell of each row on standard error as soon as it is there."""
    # Loaded when used: a process that times one contender passes here too.
    from . import codes, liboath, log_ins, parts, recovery, uris, verdicts, windows
    from .contenders import PEERS
    from .effort import FULL, QUICK
    from .timing import times

    effort = (QUICK if options.quick else FULL).but(seconds=options.seconds)
    facts = surroundings(*PEERS) | {"liboath": liboath.version() or "not installed"}
    tables = []
    for each in (codes, windows, verdicts, uris, log_ins, parts, recovery):
        table, found = each.table(), times(each, effort)
        table.fill(each.rows(found))
        tables.append(table)
    return Report(title="Calls", surroundings=facts, tables=tables)
