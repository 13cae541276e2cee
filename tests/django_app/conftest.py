"""What the tests of the Django app share.

Rule 1. Each test has databases of its own: copies of two files that `migrate` made once.
"""

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from django.core.management import call_command
from django.test import override_settings

from browser.steady.sitecustomize import steady_bytes
from django_app.visitors import House
from stores.django_project import application, on_sqlite
from totpcore.testing import HandClock

FILES = ("db.sqlite3", "db.totpcore.sqlite3")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the databases of a new site."""
    folder = tmp_path_factory.mktemp("migrated")
    with application(tables=False, default=on_sqlite(folder / "db.sqlite3")):
        call_command("migrate", verbosity=0)
    return folder


@pytest.fixture
def house(
    migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[House]:
    """A site with an empty database, whose requests are transactions, at a time that a test sets."""
    monkeypatch.setattr("secrets.token_bytes", steady_bytes(request.node.name))  # no two codes are alike by chance
    for name in FILES:
        copyfile(migrated / name, tmp_path / name)
        (tmp_path / name).chmod(0o600)
    clock = HandClock(1_800_000_000)
    settings = override_settings(ROOT_URLCONF="django_app.urls", TOTPCORE_CLOCK=clock)
    database = on_sqlite(tmp_path / "db.sqlite3", ATOMIC_REQUESTS=True)
    with application(tables=False, default=database), settings:
        yield House(clock)
