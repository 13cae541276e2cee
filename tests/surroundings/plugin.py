"""A pytest plugin that makes a surrounding true, and fails the run where it is not."""

import locale
import os
import socket
import sys
import time

import pytest

TURKISH = "tr_TR.UTF-8"


class _NoNetwork(socket.socket):
    """A socket that cannot reach another machine, nor this one by the network."""

    def __init__(self, family: int = -1, kind: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        if fileno is None and family in (-1, socket.AF_INET, socket.AF_INET6):
            raise RuntimeError("the network is switched off in this surrounding")
        super().__init__(family, kind, proto, fileno)


def pytest_configure() -> None:
    """Switch on what variables alone do not, and check the rest."""
    if "TOTPCORE_TEST_SURROUNDING" not in os.environ:
        raise pytest.UsageError("surroundings.plugin is for `python -m surroundings`")
    if os.environ.get("TOTPCORE_TEST_NO_SOCKETS"):
        socket.socket = _NoNetwork  # type: ignore[assignment,misc]  # the point of the plugin
    if os.environ.get("LC_ALL") == TURKISH:
        _speak_turkish()
    if os.environ["TZ"] != "UTC" and time.timezone == 0:
        raise pytest.UsageError(f"this machine does not know the time zone {os.environ['TZ']}")


def _speak_turkish() -> None:
    try:
        locale.setlocale(locale.LC_ALL, TURKISH)
    except locale.Error:
        # Python's own text handling heeds only the variables; the C library's part needs the locale to be installed.
        if os.environ.get("TOTPCORE_TEST_REQUIRE_ALL") == "1":
            raise pytest.UsageError(f"the locale {TURKISH} is not installed") from None


def pytest_report_header() -> str:
    """Say where this is."""
    flags = f"optimize {sys.flags.optimize}, bytes_warning {sys.flags.bytes_warning}"
    return f"surrounding: {os.environ['TOTPCORE_TEST_SURROUNDING']}; {flags}"
