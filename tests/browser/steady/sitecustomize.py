"""Time and chance set by a test, in a program that the test starts: put this folder first on its `PYTHONPATH`.

Rule 1. Python runs this file at its start. Without `TOTPCORE_STEADY` it changes nothing.
Rule 2. `TOTPCORE_STEADY` is a word; programs with the same word draw the same secrets, in the same order.
Rule 3. `TOTPCORE_CLOCK` is a file with the time in it, which the test writes whenever time shall pass.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path


def steady_bytes(word: str) -> Callable[[int | None], bytes]:
    """What stands in for `secrets.token_bytes`: it gives the same for the same word."""
    numbers = count()

    def token_bytes(nbytes: int | None = None) -> bytes:
        return hashlib.shake_256(f"{word} {next(numbers)}".encode()).digest(32 if nbytes is None else nbytes)

    return token_bytes


if word := os.environ.get("TOTPCORE_STEADY"):
    secrets.token_bytes = steady_bytes(word)  # type: ignore[assignment]  # its first argument is by position only
if "TOTPCORE_CLOCK" in os.environ:
    clock = Path(os.environ["TOTPCORE_CLOCK"])
    time.time = lambda: float(clock.read_text("ascii"))
