"""A person walks through the Flask panel: the walks that every panel is taken on."""

from browser.walks import ElevenSteps, LogIn
from browser.walks_changes import Changes, Scripts, SetUp
from browser.walks_staff import Staff
from need import need

need("chromium", "oathtool")


class TestElevenSteps(ElevenSteps):
    """From a password to a second factor and in again."""


class TestLogIn(LogIn):
    """What is refused, what the message says, and the ways in without the device."""


class TestSetUp(SetUp):
    """From the QR code to the recovery codes."""


class TestScripts(Scripts):
    """What the page's script adds."""


class TestChanges(Changes):
    """Changes of a second factor that is on."""


class TestStaff(Staff):
    """What others do, and what the rule does to all."""
