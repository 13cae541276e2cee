"""On what a benchmark was run."""

import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median


def surroundings(*packages: str) -> dict[str, str]:
    """Return the date, the machine, and the versions of Python, totpcore and the packages."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{_processor()}, {os.cpu_count()} cores; {platform.system()} {platform.release()}",
        "disk": f"an fsync of one page takes {_fsync() * 1e6:,.0f} µs",
        "Python": platform.python_version(),
        **{package: _version(package) for package in packages},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _fsync() -> float:
    """Return the median time of an fsync where temporary files are: most of a swap that is durable."""
    times = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(50):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fsync(file)
            times.append(time.perf_counter() - began)
    return median(times)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
