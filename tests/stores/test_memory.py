"""`MemoryStore`: what it says, and what it refuses."""

import os

import pytest

from totpcore import MemoryStore, StoreError


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
