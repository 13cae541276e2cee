"""Fixtures: a panel per test, and the browser."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page
from werkzeug.security import generate_password_hash

from browser.fixtures import chromium, chromium_without_javascript, new_page
from panel.live import START, Live
from totpcore.testing import HandClock

__all__ = ["chromium", "chromium_without_javascript", "new_page"]


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """A panel on a clock that is moved by hand, served on a port of its own when a browser asks for it."""
    # A password hash is slow on purpose, and these tests make hundreds; `test_walk.py` keeps the real one.
    monkeypatch.setattr(
        "admin_panel.users.generate_password_hash", partial(generate_password_hash, method="pbkdf2:sha256:10")
    )
    live = Live(tmp_path, HandClock(START))
    yield live
    live.stop()


@pytest.fixture
def page(live: Live, new_page: Callable[[], Page]) -> Page:
    """A browser, and the panel listening for it."""
    live.serve()
    return new_page()
