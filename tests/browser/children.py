"""Programs that a test starts and reads from: one that hangs must not hang the tests."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import AnyStr

PATIENCE = 60  # seconds: for a busy machine


@contextmanager
def no_longer_than(process: subprocess.Popen[AnyStr], seconds: float = PATIENCE) -> Iterator[None]:
    """Kill it if what is done inside takes longer: whoever reads from it is at the end then, and this raises."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if late.is_set():
            raise TimeoutError(f"killed after {seconds} seconds: {process.args!r}")
