"""The oracles as a fixture: skipped where a library is missing, failed with `TOTPCORE_TEST_REQUIRE_ALL=1`."""

from collections.abc import Mapping

import pytest

from need import miss
from oracles.peers import Oracle, missing, oracles


@pytest.fixture(scope="session")
def independent() -> Mapping[str, Oracle]:
    """The oracles by name."""
    lacking = missing()
    if lacking:
        miss(f"needs {', '.join(lacking)}")
    return oracles()
