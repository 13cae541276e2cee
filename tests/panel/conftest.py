"""Fixtures: a panel per test, one Chromium per module, and a fresh browser profile whenever one is asked for."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.security import generate_password_hash

from need import need
from panel.live import PATIENCE, START, Live
from totpcore.testing import HandClock

CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One real browser. It ends with its module: while Playwright runs, this thread refuses `asyncio.run`."""
    need("chromium", "oathtool")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM))
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[[], Page]]:
    """Makes pages, each in a browser profile of its own: a second call is a second person or a second device."""
    contexts = []

    def make() -> Page:
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(live: Live, new_page: Callable[[], Page]) -> Page:
    """A browser, and the panel listening for it."""
    live.serve()
    return new_page()


@pytest.fixture
def chromium_without_javascript(chromium: Browser) -> Iterator[Page]:
    """A browser that runs no script."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()
