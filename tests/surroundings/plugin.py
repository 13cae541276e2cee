"""A pytest plugin that makes a surrounding true, and fails the run where it is not."""

import locale
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping

import pytest

TURKISH = "tr_TR.UTF-8"
# By the flag that is passed to the interpreter: whether it took effect.
HAS: dict[str, Callable[[], bool]] = {
    "-O": lambda: not __debug__,
    "-bb": lambda: sys.flags.bytes_warning == 2,
    "-W": lambda: "error" in sys.warnoptions,
    "-X": lambda: sys.flags.dev_mode and sys.get_int_max_str_digits() == 640,
}


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
    missing = missing_from(os.environ)
    if missing:
        raise pytest.UsageError(f"this is another surrounding: {', '.join(missing)}")


def missing_from(wanted: Mapping[str, str]) -> list[str]:
    """What the variables of a surrounding ask for, and this interpreter has not."""
    missing = [f"no {flag}" for flag in wanted.get("TOTPCORE_TEST_FLAGS", "").split() if not HAS[flag]()]
    if wanted["TZ"] != "UTC" and time.timezone == 0:
        missing.append(f"the time zone {wanted['TZ']} is not known")
    if wanted.get("LC_ALL") == TURKISH and not _speaks_turkish():
        missing.append(f"the locale {TURKISH} is not installed")
    if wanted.get("TOTPCORE_TEST_NO_SOCKETS") and _opens_a_socket():
        missing.append("a socket can be opened")
    return missing


def _speaks_turkish() -> bool:
    try:
        locale.setlocale(locale.LC_ALL, TURKISH)
    except locale.Error:
        # Python's own text handling heeds only the variables; the C library's part needs the locale to be installed.
        return os.environ.get("TOTPCORE_TEST_REQUIRE_ALL") != "1"
    return True


def _opens_a_socket() -> bool:
    try:
        socket.socket().close()
    except RuntimeError:
        return False
    return True
