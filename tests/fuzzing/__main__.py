"""Drive atheris over the targets: `PYTHONPATH=src:tests python -m fuzzing --target all --seconds 15`.

Rules of this file:

1. Each target runs in a process of its own, on a copy of its corpus, so that a crash ends one target and the figures of
   the others stand.
2. Any crash, time-out, or growth of memory is an exit code of 1; libFuzzer's words and the input, in base64, are shown.
3. `--full` is the run that is on record: the runs of `FULL`, one process at a time, the corpus minimised and kept, the
   figures written to `full_run.json`, where those of a single target replace what it had.
"""

import argparse
import base64
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypedDict

from fingerprints import fingerprints_of

from . import corpus

FULL: Final[Mapping[str, int]] = {"codes": 4_500_000, "base32": 4_000_000, "uris": 1_000_000, "stored": 1_000_000}
# The modules that read what a target makes up.
READERS: Final[Mapping[str, tuple[str, ...]]] = {
    "codes": ("otp", "recovery"), "base32": ("secret",), "uris": ("_urireading", "keyuri"), "stored": ("_record",),
}  # fmt: skip
LIMITS: Final = ("-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-max_len=1024")


class Figures(TypedDict):
    """What the run of one target came to."""

    date: str
    python: str
    code: dict[str, str]
    atheris: str
    seed: int
    runs: int
    seconds: float
    runs_per_second: int
    crashes: list[str]
    corpus: int


def _child(name: str, *arguments: str, work: Path) -> subprocess.CompletedProcess[str]:
    program = work / "fuzz"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fuzzing.child {name} "$0" "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    (work / "found").mkdir(exist_ok=True)
    command = [str(program), f"-artifact_prefix={work}/found/", *arguments]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)


def fuzz(name: str, *, runs: int, seconds: int, seed: int, keep: bool) -> Figures:
    """Fuzz one target, and tell what it came to."""
    with tempfile.TemporaryDirectory() as made:
        work, found = Path(made), Path(made) / "found"
        grown = corpus.unpack(name, work / "grown")
        bounds = [f"-runs={runs}"] * bool(runs) + [f"-max_total_time={seconds}"] * bool(seconds)
        began = time.monotonic()
        done = _child(name, *LIMITS, *bounds, f"-seed={seed}", str(grown), work=work)
        took = time.monotonic() - began
        counted = re.search(r"stat::number_of_executed_units: *([0-9]+)", done.stderr)
        crashes = [
            f"{path.name.partition('-')[0]} {base64.b64encode(path.read_bytes()).decode()}" for path in found.iterdir()
        ]
        if done.returncode and not crashes:
            crashes = [f"exit code {done.returncode}"]
        if crashes:
            sys.stderr.write(done.stderr[-8000:])
        if keep and not crashes:
            _minimise(name, work, grown)
        executed = int(counted[1]) if counted else 0
        if not crashes and not executed:
            crashes = ["nothing was run"]
        return Figures(
            date=datetime.now(UTC).date().isoformat(),
            python=platform.python_version(),
            code=fingerprints_of(READERS[name]),
            atheris=version("atheris"),
            seed=seed,
            runs=executed,
            seconds=round(took, 1),
            runs_per_second=round(executed / took),
            crashes=crashes,
            corpus=len(corpus.inputs(name)),
        )


def _minimise(name: str, work: Path, grown: Path) -> None:
    """Keep the smallest part of the corpus that covers what all of it covers."""
    (work / "small").mkdir()
    merged = _child(name, "-merge=1", "-max_len=1024", str(work / "small"), str(grown), work=work)
    if merged.returncode or not any((work / "small").iterdir()):
        raise SystemExit(f"the corpus of {name} could not be minimised:\n{merged.stderr[-2000:]}")
    corpus.pack(name, work / "small")


def record(targets: Mapping[str, Figures]) -> None:
    """Put the figures of a full run on record."""
    known = json.loads(corpus.FULL_RUN.read_text(encoding="ascii"))["targets"] if corpus.FULL_RUN.exists() else {}
    kept = {name: figures for name, figures in {**known, **targets}.items() if name in FULL}
    report = {"runs": sum(figures["runs"] for figures in kept.values()), "targets": kept}
    corpus.FULL_RUN.write_text(json.dumps(report, indent=1) + "\n", encoding="ascii")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="fuzzing", description="Fuzz totpcore.")
    parser.add_argument("--target", choices=["all", *FULL], default="all")
    parser.add_argument("--runs", type=int, default=0, help="of each target; 0 for no bound")
    parser.add_argument("--seconds", type=int, default=0, help="of each target; 0 for no bound")
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer; 0 draws one")
    parser.add_argument("--jobs", type=int, default=1, help="targets at the same time")
    parser.add_argument("--keep", action="store_true", help="minimise the corpus that has grown, and keep it")
    parser.add_argument("--full", action="store_true", help="the run that is on record")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args(arguments)
    if not (given.full or given.runs or given.seconds):
        parser.error("give --runs, --seconds or --full")
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed")
    names = list(FULL) if given.target == "all" else [given.target]

    def run(name: str) -> Figures:
        runs = FULL[name] if given.full else given.runs
        return fuzz(name, runs=runs, seconds=given.seconds, seed=given.seed, keep=given.keep or given.full)

    with ThreadPoolExecutor(1 if given.full else given.jobs) as pool:
        targets = dict(zip(names, pool.map(run, names), strict=True))
    report = {"runs": sum(figures["runs"] for figures in targets.values()), "targets": targets}
    if given.full:
        record(targets)
    shown = [f"{name}: {figures}" for name, figures in targets.items()]
    sys.stdout.write((json.dumps(report) if given.json else "\n".join(shown)) + "\n")
    return 1 if any(figures["crashes"] for figures in targets.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
