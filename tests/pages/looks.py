"""Every page, phone and desktop, light and dark: axe-core finds nothing, nothing sticks out, the code can be read."""

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page

from browser.codes import oath_code, wrong_code
from browser.looking import SCHEMES, SIZES, look_for
from browser.seeing import scan
from browser.site import PASSWORD
from browser.steps import give_code, give_password, give_recovery_code, key_shown, log_in, save, store_codes
from pages.live import Live


class Looks:
    """A person who sees badly, or only hears, or has a small screen."""

    def test_pages_of_the_log_in(self, site: Live, page: Page) -> None:
        """The password, the code, a refusal, the recovery code."""
        ada = site.add_with_factor("ada")
        page.goto(f"{site.url}/login")
        look_for(page, "login", "User name", "Log in")
        give_password(page, site, "ada", "wrong")
        look_for(page, "login-wrong", "User name or password is not right")
        give_password(page, site, "ada")
        look_for(page, "code", "type the six digits it shows")
        for _ in range(6):
            give_code(page, site, site.wrong_code(ada))
        look_for(page, "code-throttled", "Too many wrong codes. Wait")
        page.get_by_role("link", name="Use a recovery code").click()
        look_for(page, "recovery", "Type one of the codes you stored")

    def test_pages_of_the_set_up(self, site: Live, page: Page) -> None:
        """Start, QR code, refusal, recovery codes, and the page of a factor that is on."""
        log_in(page, site, site.add("ada", owner=True))
        look_for(page, "home-off", "Who may log in here", "Your password alone opens this account.")
        page.goto(f"{site.url}/profile")
        look_for(page, "profile-off", "Add a second step to your log-in")
        page.get_by_role("link", name="Enable").click()
        look_for(page, "two-factor-off", "It works without a network")
        site.begin(page)
        look_for(page, "setup", "point the camera here")
        key = key_shown(page, site)
        save(page, site, wrong_code(key, site.now()))
        look_for(page, "setup-wrong", "point the camera here", "This code is not right")
        save(page, site, oath_code(key, site.now()))
        look_for(page, "recovery-codes", "They are shown this one time.")
        store_codes(page, site)
        look_for(page, "profile-on", "Logging in takes your password and a code")
        page.get_by_role("link", name="Manage").click()
        look_for(page, "two-factor-on", "The codes you have stored so far stop working.")
        site.change(page, site.words.disable, wrong_code(key, site.now()))
        look_for(page, "two-factor-wrong", "The codes you have stored so far stop working.", "This code is not right")

    def test_pages_of_a_recovery(self, site: Live, page: Page) -> None:
        """What comes after a recovery code, also when token codes are locked."""
        ada = site.add_with_factor("ada")
        site.fail(ada, 100)
        site.tick(3600)
        give_password(page, site, "ada")
        look_for(page, "code-locked", "token codes are locked. Use a recovery code")
        give_recovery_code(page, site, ada.recovery_codes[0])
        look_for(page, "two-factor-locked", "Token codes are locked after too many wrong ones.")

    def test_pages_of_the_staff(self, site: Live, page: Page) -> None:
        """The table, one administrator, the hand-over, the rule, the audit trail, help, and the menu."""
        ada, grace = site.add_with_factor("ada", owner=True), site.add_with_factor("grace")
        site.add("alan")
        katherine = site.add("katherine")
        site.fail(site.add_with_factor("margaret"), 100)
        for code in grace.recovery_codes[:8]:
            site.factor.recover(grace.id, code)
        site.fail(ada, 3)
        site.factor.enrol(katherine.id, account="katherine")
        log_in(page, site, ada)
        page.locator("nav summary").click()
        look_for(page, "home-on", "Who may log in here", "10 recovery codes left", "Audit trail")
        page.goto(f"{site.url}/setup/staff/administrators")
        look_for(page, "administrators", "Setup → Staff Management → Administrators", "pending", "locked")
        page.get_by_role("link", name="Reset Grace").click()
        look_for(page, "administrator", "Be sure who asks")
        site.reset(page, grace, own_password="wrong")
        look_for(page, "administrator-wrong", "That is not your own password.")
        site.reset(page, grace)
        look_for(page, "handover", "Hand this to Grace in person.")
        for path, says in {
            "setup/staff/two-factor-rule": "encouraged: a banner reminds",
            "setup/staff/audit": "Codes and keys are never kept here.",
            "help": "What it does not do",
            "profile/password": "Present password",
            "nowhere": "There is no such page.",
        }.items():
            page.goto(f"{site.url}/{path}")
            look_for(page, path.rpartition("/")[2], says)

    def test_pages_under_the_rule(self, site: Live, page: Page, new_page: Callable[[], Page]) -> None:
        """The banner, the confinement, the first log-in with a temporary password."""
        site.require(site.now() + 86400)
        log_in(page, site, site.add("ada", owner=True))
        look_for(page, "home-nudged", "Who may log in here", "after 2027-01-16 it is required")
        site.require()
        page.reload()
        look_for(page, "two-factor-required", "This panel requires a second factor.")
        temporary = site.users.reset_password(site.add("grace").id)
        other = new_page()
        give_password(other, site, "grace", temporary)
        look_for(other, "password-temporary", "Somebody else has seen the password")

    def test_page_of_a_stopped_log_in(self, site: Live, page: Page) -> None:
        """The page that says whom to call."""
        site.users.expect_factor(site.add("ada").id, expected=True)
        give_password(page, site, "ada", PASSWORD)
        look_for(page, "stopped", "it cannot be found or read on the server")

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_code_is_read_in_both_schemes(
        self, site: Live, page: Page, size: str, scheme: Literal["light", "dark"]
    ) -> None:
        """The QR code stays black on white, with its margin, and fits on a phone."""
        log_in(page, site, site.add("ada"))
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{site.url}/profile/two-factor")
        site.begin(page)
        assert scan(page, whole=True).startswith("otpauth://totp/")
