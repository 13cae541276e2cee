"""The process that times contenders: `python -m benchmarks.calls TABLE NAME --worker`, and pyperf's own options.

The time is the processor's, of all threads of the process: none of the calls waits for anything, and what else runs on
the machine is not counted.
"""

import time
from collections.abc import Sequence
from functools import partial
from importlib import import_module

import pyperf

from .contenders import Contender, Step


def main() -> None:
    """Time the contenders; pyperf writes what it found."""
    runner = pyperf.Runner()
    runner.argparser.add_argument("table", help="the module")
    runner.argparser.add_argument("names", nargs="+")
    options = runner.parse_args()
    contenders: Sequence[Contender] = import_module(options.table).CONTENDERS
    by_name = {contender.name: contender for contender in contenders}
    for name in options.names:
        runner.bench_time_func(name, partial(_time, by_name[name].make()))


def _time(step: Step, loops: int) -> float:
    """Return how long so many calls take: what `bench_func` does, by another clock."""
    calls = range(loops)
    began = time.process_time()
    for _ in calls:
        step()
    return time.process_time() - began


if __name__ == "__main__":
    main()
