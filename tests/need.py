"""One switch for tests that need a program of the machine.

Rule 1. Without the program its tests are skipped.
Rule 2. With `TOTPCORE_TEST_REQUIRE_ALL=1` a missing program is a failure: where everything must run, nothing is
skipped in silence.
"""

import os
import shutil
from typing import NoReturn

import pytest


def need(*programs: str) -> None:
    """Skip the module or the test that calls, or fail, unless all `programs` are on the path."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        miss(f"needs {', '.join(missing)}")


def miss(reason: str) -> NoReturn:
    """Skip the module or the test that calls, or fail, for want of something."""
    if os.environ.get("TOTPCORE_TEST_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def servers_missing() -> list[str]:
    """The servers that stores are tested on, and that this machine lacks."""
    from servers.postgres import binaries
    from servers.redis import installed

    found = {"PostgreSQL": binaries(), "Redis or Valkey": installed()}
    return [name for name, there in found.items() if there is None]
