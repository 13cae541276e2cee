"""A person walks through Django's admin: the walks that every panel is taken on."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from browser.codes import oath_code
from browser.site import Site
from browser.steps import asks_for_code, is_in, log_in, open_set_up, save
from browser.walks import ElevenSteps, LogIn
from browser.walks_changes import Changes, Scripts, SetUp
from browser.walks_staff import Staff
from need import need

need("chromium", "oathtool")


class TestElevenSteps(ElevenSteps):
    """From a password to a second factor and in again, on the example project as it is started."""


class TestLogIn(LogIn):
    """What is refused, what the message says, and the ways in without the device."""


class TestSetUp(SetUp):
    """From the QR code to the recovery codes."""


class TestScripts(Scripts):
    """What the page's script adds."""


class TestChanges(Changes):
    """Changes of a second factor that is on."""

    def test_a_change_in_one_browser_ends_the_session_in_another(
        self, site: Site, page: Page, new_page: Callable[[], Page]
    ) -> None:
        """A session that Django opened by the password alone is a half one now, and gets no further without a code."""
        ada = site.add("ada")
        other = new_page()
        log_in(page, site, ada)
        log_in(other, site, ada)
        save(page, site, oath_code(open_set_up(page, site), site.now()))
        expect(site.codes(page)).to_have_count(10)
        other.goto(f"{site.url}{site.places.home}")
        asks_for_code(other, site)
        page.goto(f"{site.url}{site.places.home}")
        is_in(page, site)


class TestStaff(Staff):
    """What others do, and what the rule does to all."""
