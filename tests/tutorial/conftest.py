"""Fixtures: the wheels, the reader in an empty folder, and the browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.fixtures import chromium, new_page
from browser.pictures import pictures
from tutorial.reader import Reader
from tutorial.wheels import wheelhouse

__all__ = ["chromium", "new_page", "pictures"]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every wheel that the tutorial installs."""
    return wheelhouse(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def reader(tmp_path: Path, wheels: Path) -> Iterator[Reader]:
    """Somebody in an empty folder."""
    (tmp_path / "empty").mkdir()
    reader = Reader(tmp_path / "empty", wheels)
    yield reader
    reader.stop()
