"""Timing contenders with pyperf, in turns, each time in a process of its own.

Rules of this file:

1. How many calls make a value is found out once, before the rounds: in each round everybody does the same work again.
2. A process of its own means that no contender's imports, caches or garbage are another's. It finds its modules where
   this one does. For the blink of one call, whose figures mean nothing, those of a table share a process.
3. A process that fails ends the benchmark, and says what it said: there is no figure for a call that does not work.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from ..crews import take_turns
from .contenders import Contender, Found
from .effort import Effort

if TYPE_CHECKING:
    import pyperf

_PROBE: Final = 0.02  # seconds in which the number of calls is found out
_BLINK: Final = ("--loops=1", "--values=1", "--warmups=0")


def times(table: ModuleType, effort: Effort) -> Found:
    """Time the contenders of a table that the machine can run, in turns, round by round."""
    contenders: Sequence[Contender] = table.CONTENDERS
    able = [contender.name for contender in contenders if contender.missing() is None]
    if not able:
        return {}
    if not effort.seconds:
        blink = _timed(table, able, _BLINK)
        return {name: [blink.get_benchmark(name).median()] for name in able}
    turns = [partial(_seconds, table, name, _options(table, name, effort)) for name in able]
    return dict(zip(able, take_turns(turns, effort.rounds), strict=True))


def _options(table: ModuleType, name: str, effort: Effort) -> list[str]:
    """Return the options by which pyperf takes as long as the effort says; one more value is to warm up."""
    probe = ["--calibrate-loops", "--values=1", "--warmups=0", f"--min-time={_PROBE}"]
    _, one = _timed(table, [name], probe).get_benchmark(name).get_runs()[0].warmups[-1]
    values = max(1, min(effort.values, round(effort.seconds / one) - 1))
    loops = max(1, round(effort.seconds / (values + 1) / one))
    return [f"--loops={loops}", f"--values={values}", "--warmups=1"]


def _seconds(table: ModuleType, name: str, options: Sequence[str]) -> float:
    """Return how long a call takes."""
    return float(_timed(table, [name], options).get_benchmark(name).median())


def _timed(table: ModuleType, names: Sequence[str], options: Sequence[str]) -> "pyperf.BenchmarkSuite":
    """Have pyperf time contenders in a new process."""
    import pyperf

    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "output"
        worker = [sys.executable, "-P", "-m", __package__, table.__name__, *names]
        done = subprocess.run(
            [*worker, "--worker", *options, "--output", str(output)],
            env=_environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{', '.join(names)}: it could not be timed\n{done.stderr or done.stdout}")
        return pyperf.BenchmarkSuite.load(str(output))


def _environment() -> dict[str, str]:
    path = [str(Path(entry).resolve()) for entry in sys.path]  # "" is the working directory
    return os.environ | {"PYTHONPATH": os.pathsep.join(path)}
