"""`MemoryStore`, and opening stores by their URL."""

import os
from pathlib import Path

import pytest

from totpcore import InvalidParameters, MemoryStore, SQLiteStore, StoreError
from totpcore.stores import from_url


def test_a_forked_child_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a child, every spent code would be unspent: each call says so, and none answers."""
    store = MemoryStore()
    store.swap("7", None, b"value")
    there = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: there)
    for call in (
        lambda: store.load("7"),
        lambda: store.swap("7", b"value", b"another"),
        lambda: list(store.users()),
        lambda: store.load_many(["7"]),
    ):
        with pytest.raises(StoreError, match="one process"):
            call()


def test_it_says_in_its_first_line_that_it_is_for_one_process() -> None:
    """Nobody has to read to the end to learn what it is not for."""
    assert (MemoryStore.__doc__ or "").startswith("For one process only")


def test_its_repr_shows_no_value() -> None:
    """How many users there are, and nothing of them."""
    store = MemoryStore()
    store.swap("canary", None, b"canary")
    assert repr(store) == "<MemoryStore: 1 users>"


def test_urls_open_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path has three slashes, an absolute one four."""
    monkeypatch.chdir(tmp_path)
    assert isinstance(from_url("memory:"), MemoryStore)
    relative = from_url("sqlite:///factors.db", create=True)
    assert relative.swap("7", None, b"value")
    absolute = from_url(f"sqlite:///{tmp_path}/factors.db")
    assert isinstance(absolute, SQLiteStore)
    assert absolute.load("7") == b"value"
    assert repr(absolute) == "<SQLiteStore: factors.db>"


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    """By URL as by path."""
    with pytest.raises(FileNotFoundError):
        from_url(f"sqlite:///{tmp_path}/factors.db")


@pytest.mark.parametrize("url", ["", "sqlite:///", "sqlite://factors.db", "postgresql://user:canary@host/db", "canary"])
def test_other_urls_are_refused_and_not_shown(url: str) -> None:
    """The message tells what is allowed, and shows nothing of a URL that may hold a password."""
    with pytest.raises(InvalidParameters, match="url") as refused:
        from_url(url)
    assert "canary" not in str(refused.value)


def test_create_is_true_or_false() -> None:
    """The message names the argument."""
    with pytest.raises(TypeError, match="create"):
        from_url("memory:", create="yes")  # type: ignore[arg-type]  # what a developer may pass
