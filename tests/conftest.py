"""What all tests share."""

import gc
import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from need import servers_missing

# So that their asserts are run under `python -O` as well, and say what they compared.
pytest.register_assert_rewrite(
    "records", "vectors", "browser", "pages", "panel.live", "panel_fastapi.live", "django_panel.live",
    "django_app.office", "django_app.visitors", "tutorial.reader", "tutorial.reading", "sealing.people",
    "silence.walking", "test_floors", "test_events", "migrate", "cli", "clients",
)  # fmt: skip

# Time limits per example fail on a busy machine and say nothing about the code.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=2000)
# A mutant has to be found in seconds, and by the same examples each time.
settings.register_profile(
    "mutation", parent=settings.get_profile("default"), max_examples=25, stateful_step_count=15, derandomize=True
)
settings.load_profile(os.environ.get("TOTPCORE_TEST_PROFILE", "default"))

# Where a shell runs the tests in the background, it has them ignore Ctrl-C, and so would every program they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Where a server is missing, its store's tests are skipped, and coverage of that store is not asked for."""
    coverage = session.config.pluginmanager.getplugin("_cov")
    if coverage is not None and servers_missing() and os.environ.get("TOTPCORE_TEST_REQUIRE_ALL") != "1":
        coverage.options.cov_fail_under = 0


def pytest_collection_finish() -> None:
    """Have `gc` look at what the tests make, not at the 15,000 tests, which stay: each look took a third of a second.

    A child of a fork need not copy them either.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let coverage look away from a test that is marked so. The mark of pytest-cov itself fails with `--no-cov`."""
    coverage = getattr(item.config.pluginmanager.getplugin("_cov"), "cov_controller", None)
    if coverage is None or item.get_closest_marker("uncounted") is None:
        return (yield)
    coverage.pause()
    try:
        return (yield)
    finally:
        coverage.resume()
