"""Fixtures: a Flask panel per test, and the browser."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from browser.fixtures import chromium, chromium_without_javascript, new_page
from browser.pictures import steady_chance
from panel.live import START, Live
from totpcore.testing import HandClock

__all__ = ["chromium", "chromium_without_javascript", "new_page", "steady_chance"]


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steady_chance: None) -> Iterator[Live]:
    """A panel on a clock that is moved by hand, served on a port of its own when a browser asks for it.

    No two codes are alike by chance.
    """
    # A password hash is slow on purpose, and these tests make hundreds; the eleven steps keep the real one.
    monkeypatch.setattr(f"{Live.module}.generate_password_hash", Live.hash)
    live = Live(tmp_path, HandClock(START))
    yield live
    live.stop()


@pytest.fixture
def site(live: Live) -> Live:
    """The same, listening."""
    live.serve()
    return live


@pytest.fixture
def real_site(tmp_path: Path) -> Iterator[Live]:
    """A panel on the real clock, listening."""
    live = Live(tmp_path, time.time)
    live.serve()
    yield live
    live.stop()


@pytest.fixture
def page(site: Live, new_page: Callable[[], Page]) -> Page:
    """A browser, and the panel listening for it."""
    return new_page()
