"""Fixtures: an admin per test, and the browser."""

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from django.core.management import call_command
from django.test import override_settings
from playwright.sync_api import Page

from browser.fixtures import chromium, chromium_without_javascript, new_page
from browser.pictures import steady_chance
from browser.site import START
from django_panel.live import Live, Started
from stores.django_project import application, on_sqlite
from totpcore.testing import HandClock

__all__ = ["chromium", "chromium_without_javascript", "new_page", "steady_chance"]

FILES = ("db.sqlite3", "db.totpcore.sqlite3")
UNSAFE = ("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright has an event loop in this thread, where none of the site runs


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the databases of a new site."""
    folder = tmp_path_factory.mktemp("migrated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*UNSAFE)
        with application(tables=False, default=on_sqlite(folder / "db.sqlite3")):
            call_command("migrate", verbosity=0)
    return folder


@pytest.fixture
def site(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steady_chance: None) -> Iterator[Live]:
    """An admin with the addresses, the middleware and the templates of the example project, listening.

    No two codes are alike by chance.
    """
    monkeypatch.setenv(*UNSAFE)
    for name in ("DJANGO_SECRET_KEY", "TOTPCORE_KEYS"):
        monkeypatch.setenv(name, "of no use")
    from django_admin import settings

    for name in FILES:
        copyfile(migrated / name, tmp_path / name)
        (tmp_path / name).chmod(0o600)
    clock = HandClock(START)
    project = override_settings(
        ALLOWED_HOSTS=settings.ALLOWED_HOSTS,
        MIDDLEWARE=settings.MIDDLEWARE,
        ROOT_URLCONF=settings.ROOT_URLCONF,
        TEMPLATES=settings.TEMPLATES,
        TIME_ZONE=settings.TIME_ZONE,
        TOTPCORE_CLOCK=clock,
        TOTPCORE_ISSUER=settings.TOTPCORE_ISSUER,
    )
    with application(tables=False, default=on_sqlite(tmp_path / "db.sqlite3")), project:
        live = Live(clock)
        yield live
        live.stop()


@pytest.fixture
def real_site(tmp_path: Path) -> Iterator[Started]:
    """The example project as a person starts it, on the real clock."""
    started = Started(tmp_path)
    yield started
    started.stop()


@pytest.fixture
def page(site: Live, new_page: Callable[[], Page]) -> Page:
    """A browser, and the admin listening for it."""
    return new_page()
