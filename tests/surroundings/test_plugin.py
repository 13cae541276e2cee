"""A surrounding that did not take effect is found out: nothing of them is true in an ordinary run."""

import os
import time
import tomllib

import pytest

from surroundings.__main__ import SURROUNDINGS, TESTS
from surroundings.plugin import HAS, missing_from


def test_each_surrounding_has_its_own_time_zone() -> None:
    """And every flag can be checked; a tongue and the missing network are among them."""
    assert len(SURROUNDINGS) == len({dict(one.variables)["TZ"] for one in SURROUNDINGS})
    assert {flag for one in SURROUNDINGS for flag in one.flags if flag.startswith("-")} == set(HAS)
    assert any(dict(one.variables).get("LC_ALL") == "tr_TR.UTF-8" for one in SURROUNDINGS)
    assert any("TOTPCORE_TEST_NO_SOCKETS" in dict(one.variables) for one in SURROUNDINGS)


def test_two_pythons_have_time_zones_of_their_own() -> None:
    """No zone is run twice, and one that a Python is started with is known there."""
    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text("utf-8"))
    given = [project["tool"]["tox"]["env"][name]["set_env"]["TZ"] for name in ("3.12", "3.13")]
    assert len({*given, *(dict(one.variables)["TZ"] for one in SURROUNDINGS)}) == len(given) + len(SURROUNDINGS)
    assert os.environ.get("TZ") not in given or time.timezone != 0


@pytest.mark.skipif(not __debug__, reason="this is a surrounding")
@pytest.mark.parametrize("flag", ["-O", "-bb", "-X"])
def test_a_flag_that_is_not_there_is_missed(flag: str) -> None:
    """This interpreter was started without it."""
    assert missing_from({"TZ": "UTC", "TOTPCORE_TEST_FLAGS": flag}) == [f"no {flag}"]


def test_a_zone_that_is_not_there_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The C library reads a zone that it does not know as UTC."""
    monkeypatch.setattr("time.timezone", 0)
    assert missing_from({"TZ": "Pacific/Nowhere"}) == ["the time zone Pacific/Nowhere is not known"]


def test_a_socket_that_opens_is_missed() -> None:
    """The network is there in an ordinary run."""
    assert missing_from({"TZ": "UTC", "TOTPCORE_TEST_NO_SOCKETS": "1"}) == ["a socket can be opened"]
