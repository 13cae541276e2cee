"""What all tests share."""

import os

import pytest
from hypothesis import HealthCheck, settings

# So that their asserts are run under `python -O` as well, and say what they compared.
pytest.register_assert_rewrite("records", "vectors", "panel.live", "test_floors", "test_events")

# Time limits per example fail on a busy machine and say nothing about the code.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=2000)
# A mutant has to be found in seconds, and by the same examples each time.
settings.register_profile(
    "mutation", parent=settings.get_profile("default"), max_examples=25, stateful_step_count=15, derandomize=True
)
settings.load_profile(os.environ.get("TOTPCORE_TEST_PROFILE", "default"))
