"""Programs that a test starts and reads from."""

import subprocess
import sys
import time

import pytest

from browser.children import no_longer_than


def child(program: str) -> subprocess.Popen[str]:
    """A program in Python."""
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


def test_a_child_that_hangs_is_killed() -> None:
    """Reading from one that says something and goes on without an end ends, and says what was killed."""
    began = time.monotonic()
    with child("import time; print('a', flush=True); time.sleep(50)") as process:
        assert process.stdout
        with pytest.raises(TimeoutError, match=r"killed after 1 seconds.*sleep"), no_longer_than(process, 1):
            list(process.stdout)
    assert time.monotonic() - began < 40


def test_a_child_that_ends_in_time_is_left_alone() -> None:
    """What it says is read, nothing is raised, and it ends by itself."""
    with child("print('a')") as process:
        assert process.stdout
        with no_longer_than(process):
            assert process.stdout.read() == "a\n"
        assert process.wait(60) == 0
