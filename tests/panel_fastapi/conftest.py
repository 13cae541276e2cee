"""Fixtures: a FastAPI panel per test, on a database of its own, and the browser.

Rule 1. The database is a fixture of `servers.fixtures`, which each module here names among its `pytest_plugins`.
"""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from browser.fixtures import chromium, chromium_without_javascript, new_page
from browser.pictures import steady_chance
from browser.site import START, Account
from panel_fastapi.live import Live, Visitor
from servers.postgres import as_url
from totpcore.testing import HandClock

__all__ = ["chromium", "chromium_without_javascript", "new_page", "steady_chance"]


@pytest.fixture
def live(postgres_database: str, monkeypatch: pytest.MonkeyPatch, steady_chance: None) -> Iterator[Live]:
    """A panel on a clock that is moved by hand, served on a port of its own when a browser asks for it.

    No two codes are alike by chance.
    """
    # A password hash is slow on purpose, and these tests make hundreds; the eleven steps keep the real one.
    monkeypatch.setattr(f"{Live.module}.generate_password_hash", Live.hash)
    live = Live(as_url(postgres_database), HandClock(START))
    yield live
    live.stop()


@pytest.fixture
def site(live: Live) -> Live:
    """The same, listening."""
    live.serve()
    return live


@pytest.fixture
def real_site(postgres_database: str) -> Iterator[Live]:
    """A panel on the real clock, listening."""
    live = Live(as_url(postgres_database), time.time)
    live.serve()
    yield live
    live.stop()


@pytest.fixture
def page(site: Live, new_page: Callable[[], Page]) -> Page:
    """A browser, and the panel listening for it."""
    return new_page()


@pytest.fixture
def ada(live: Live) -> Account:
    """An owner with a second factor."""
    return live.add_with_factor("ada", owner=True)


@pytest.fixture
def half(live: Live, ada: Account) -> Visitor:
    """Somebody who gave the password."""
    visitor = live.visitor()
    visitor.give_password(ada.login)
    return visitor
