"""The comparison in full: `PYTHONPATH=src:tests python -m oracles --comparisons 1000000 --seed 4226`.

With `--keep` the figures are written to `full_run.json`, which is what is on record. Any mismatch is an exit code of 1.
"""

import argparse
import json
import platform
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fingerprints import fingerprints_of

from .cases import cases
from .compare import TOTPCORE, compare
from .peers import oracles

FULL_RUN: Final = Path(__file__).parent / "full_run.json"


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="oracles", description="Compare totpcore with independent implementations.")
    parser.add_argument("--comparisons", type=int, default=1_000_000, help="random keys, counters, digits and hashes")
    parser.add_argument("--seed", type=int, default=4226)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--keep", action="store_true", help="write the figures to full_run.json")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    outcome = compare(TOTPCORE, oracles(), cases(given.comparisons, given.seed))
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "cryptography": version("cryptography"),
        "seed": given.seed,
        "code": fingerprints_of(["otp"]),
        "seconds": round(time.monotonic() - began),
        "cases": outcome.cases,
        "comparisons": dict(outcome.comparisons),
        "answers": dict(outcome.answers),
        "mismatches": outcome.mismatches,
    }
    if given.keep:
        FULL_RUN.write_text(json.dumps(report, indent=1) + "\n", encoding="ascii")
    lines = [f"{name}: {figure}" for name, figure in report.items()]
    sys.stdout.write((json.dumps(report) if given.json else "\n".join(lines)) + "\n")
    sys.stderr.writelines(f"{line}\n" for line in outcome.shown)
    return 1 if outcome.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
