"""The oracles as a fixture: skipped where a library is missing, failed with `TOTPCORE_TEST_REQUIRE_ALL=1`."""

import os
from collections.abc import Mapping

import pytest

from oracles.peers import Oracle, missing, oracles


@pytest.fixture(scope="session")
def independent() -> Mapping[str, Oracle]:
    """The oracles by name."""
    lacking = missing()
    if lacking:
        (pytest.fail if os.environ.get("TOTPCORE_TEST_REQUIRE_ALL") == "1" else pytest.skip)(
            f"needs {', '.join(lacking)}"
        )
    return oracles()
