"""`pytest_plugins = ["records.fixtures"]` gives a test module these fixtures.

Randomness is repeatable under them, so that no test fails by a chance of one in a million.
"""

import random
import secrets

import pytest

from records.life import Life, NewLife


@pytest.fixture
def new_life(monkeypatch: pytest.MonkeyPatch) -> NewLife:
    """Make a `Life` with a policy or a sealer of the test's own; randomness repeats."""
    monkeypatch.setattr(secrets, "token_bytes", random.Random(0).randbytes)
    return Life


@pytest.fixture
def life(new_life: NewLife) -> Life:
    """A user without a second factor."""
    return new_life()
