"""`python -m benchmarks`: measure everything, or the benchmarks that are named."""

import argparse
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

from . import calls, imports, keeping, sizes, stores
from .summary import summary

BENCHMARKS: Final[dict[str, ModuleType]] = {"calls": calls, "imports": imports, "sizes": sizes, "stores": stores}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 1 only where something was skipped that must not be."""
    options = _parser().parse_args(arguments)
    reports = [BENCHMARKS[name].run(options) for name in options.benchmarks or BENCHMARKS]
    sys.stdout.write("\n".join([*(report.text() for report in reports), summary(reports)]))
    if options.markdown:
        options.markdown.write_text("\n".join(report.markdown() for report in reports), encoding="utf-8")
    if options.json:
        fields = [report.fields() for report in reports]
        options.json.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
    if options.keep:
        keeping.keep(reports)
    skipped = any(row.skipped for report in reports for row in report.rows())
    return 1 if skipped and os.environ.get("TOTPCORE_TEST_REQUIRE_ALL") == "1" else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks",
        description="Measure totpcore beside what it is measured by; without a name, everything.",
        epilog="\n".join(f"{name:8} {benchmark.ABOUT}" for name, benchmark in BENCHMARKS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help="what to measure", type=_known)
    parser.add_argument("--quick", action="store_true", help="run everything for a blink: the figures mean nothing")
    parser.add_argument("--seconds", type=float, help="how long each contender has in each round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")
    parser.add_argument("--keep", action="store_true", help="make these the figures of the documentation")
    for benchmark in BENCHMARKS.values():
        benchmark.add_options(parser)
    return parser


def _known(name: str) -> str:
    if name not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"none of {', '.join(BENCHMARKS)}")
    return name


if __name__ == "__main__":
    sys.exit(main())
