"""What all tests share."""

import os

from hypothesis import HealthCheck, settings

# Time limits per example fail on a busy machine and say nothing about the code.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("TOTPCORE_TEST_PROFILE", "default"))
