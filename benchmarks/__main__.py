"""`python -m benchmarks`: list the benchmarks, or run one or all."""

import argparse
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

from . import stores

BENCHMARKS: Final[dict[str, ModuleType]] = {"stores": stores}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 1 only where something was skipped that must not be."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description="Benchmarks of totpcore, beside what it is measured by."
    )
    commands = parser.add_subparsers(dest="command", metavar="BENCHMARK")
    for name, benchmark in BENCHMARKS.items():
        command = commands.add_parser(name, help=benchmark.ABOUT, description=benchmark.__doc__)
        benchmark.add_options(command)
        _add_options(command)
    everything = commands.add_parser("all", help="all of them")
    for benchmark in BENCHMARKS.values():
        benchmark.add_options(everything)
    _add_options(everything)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    chosen = [options.command] if options.command in BENCHMARKS else list(BENCHMARKS)
    reports = [BENCHMARKS[name].run(options) for name in chosen]
    sys.stdout.write("\n".join(report.text() for report in reports))
    if options.markdown:
        options.markdown.write_text("\n".join(report.markdown() for report in reports), encoding="utf-8")
    if options.json:
        fields = [report.fields() for report in reports]
        options.json.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
    skipped = any(row.skipped for report in reports for row in report.rows())
    return 1 if skipped and os.environ.get("TOTPCORE_TEST_REQUIRE_ALL") == "1" else 0


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add what every benchmark can be told."""
    parser.add_argument("--quick", action="store_true", help="run everything for a blink: the figures mean nothing")
    parser.add_argument("--seconds", type=float, help="how long each contender has in each round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")


if __name__ == "__main__":
    sys.exit(main())
