"""`python -m explorer`, with `src` and `tests` on the path: walk, and print what was seen.

Rule 1. A broken promise is printed with the nearest way to it, and the exit code is 1.
"""

import argparse
import json
import platform
import sys
import time

from explorer import Exploration, Universe, explore
from explorer.exploration import FIGURES, PATH, figures_of
from explorer.universes import FULL, chosen
from fingerprints import fingerprints_of

WALKED = ("_states", "_spending", "_transitions", "throttle")  # the modules that decide


def main(arguments: list[str] | None = None) -> int:
    """Walk the universes, print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(prog="explorer", description="Walk every state and every order of steps.")
    parser.add_argument("--full", action="store_true", help="all universes, as with TOTPCORE_TEST_EXPLORE=full")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--record", action="store_true", help="keep the figures beside the tests; takes --full")
    options = parser.parse_args(arguments)
    if options.record and not options.full:
        parser.error("--record takes --full")
    universes, seen = FULL if options.full else chosen(), []
    for universe in universes:
        found = explore(universe)
        seen.append((universe, found))
        if not options.json:
            sys.stdout.write(_line(universe, found))
            sys.stdout.flush()
    faults = [found.fault for _, found in seen if found.fault is not None]
    if options.json:
        json.dump([{"about": universe.about, **figures_of(found)} for universe, found in seen], sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        sys.stdout.write("".join(f"\n{fault}\n" for fault in faults))
        sys.stdout.write(_total([found for _, found in seen]))
    if options.record and not faults:
        _record([found for _, found in seen])
    return 1 if faults else 0


def _line(universe: Universe, found: Exploration) -> str:
    figures = ", ".join(f"{getattr(found, name):,} {name}" for name in FIGURES)
    return f"{universe.name}: {universe.about}\n    {figures}, {found.seconds:.1f} s\n"


def _total(seen: list[Exploration]) -> str:
    figures = ", ".join(f"{sum(getattr(found, name) for found in seen):,} {name}" for name in FIGURES)
    return f"together: {figures}, {sum(found.seconds for found in seen):.1f} s\n"


def _record(seen: list[Exploration]) -> None:
    """Keep the figures of a full walk, by which a later one is measured."""
    kept = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "python": platform.python_version(),
        "code": fingerprints_of(WALKED),
        "universes": {found.universe: figures_of(found) for found in seen},
    }
    PATH.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
