"""Benchmarks: `python -m benchmarks` lists them, `python -m benchmarks stores` runs one, `all` runs them all.

Rules of this package:

1. What is compared runs side by side: on one machine, in one run, in rounds that take turns, so that what slows the
   machine down slows both.
2. The ratio comes first, as the median over the rounds with the lowest and the highest; speeds are those of one
   machine.
3. A target is *reached* or *not reached*, and that gates nothing: the exit code is 0 either way. What could not be run
   is *skipped*, which is an error only with `TOTPCORE_TEST_REQUIRE_ALL=1`.

A benchmark is a package with `ABOUT`, `add_options(parser)` and `run(options)`, in `BENCHMARKS` of `__main__`.
"""

import sys
from pathlib import Path

# The servers that the tests start are the benchmarks' too.
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
