"""The command line, run as its users run it."""

import pytest

# So that their asserts are run under `python -O` as well, and say what they compared.
pytest.register_assert_rewrite("cli.running", "cli.stores")
