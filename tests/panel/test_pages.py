"""The pages of the Flask panel, seen from the browser."""

from need import need
from pages.looks import Looks
from pages.people import People

need("chromium", "oathtool")


class TestPeople(People):
    """The pages of the staff, and of one's own profile."""


class TestLooks(Looks):
    """Every page, in both sizes and both schemes."""
