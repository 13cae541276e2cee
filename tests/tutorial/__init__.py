"""The tutorial, followed word for word: its pages are read, and what they say is done."""

import pytest

pytest.register_assert_rewrite("tutorial.reader", "tutorial.reading", "tutorial.small_panel")
