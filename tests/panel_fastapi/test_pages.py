"""The pages of the FastAPI panel, seen from the browser."""

from need import need
from pages.looks import Looks
from pages.people import People

need("chromium", "oathtool")

pytest_plugins = ["servers.fixtures"]


class TestPeople(People):
    """The pages of the staff, and of one's own profile."""


class TestLooks(Looks):
    """Every page, in both sizes and both schemes."""
