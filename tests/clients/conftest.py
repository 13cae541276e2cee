"""What the tests of the clients share."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from browser.fixtures import chromium
from browser.seeing import PATIENCE
from django_app.conftest import house, migrated

__all__ = ["chromium", "house", "migrated", "page"]


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """One page for all pictures of a module: each puts its own content there."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()
