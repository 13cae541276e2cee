"""The attacker's view of the FastAPI panel: every address, every form and every cookie, without a browser."""

from need import need
from pages.forms import Forms
from pages.sessions import Sessions
from pages.setups import Setups
from pages.slow import Slow
from pages.trouble import Trouble

need("oathtool")

pytest_plugins = ["servers.fixtures"]


class TestSessions(Sessions):
    """Half sessions, rotation, and what ends a session."""


class TestSetups(Setups):
    """Two sessions, one password, and whose secret is confirmed."""


class TestForms(Forms):
    """What is sent, and what comes back."""


class TestSlow(Slow):
    """Forms that are finished later than they were begun."""


class TestTrouble(Trouble):
    """Nobody is let in who should not be, whatever is out of order."""
