"""Every page, phone and desktop, light and dark: axe-core finds nothing, nothing sticks out, the code can be read."""

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page

from browser.codes import oath_code, wrong_code
from browser.looking import SCHEMES, SIZES, look
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
        look(page, "login")
        give_password(page, site, "ada", "wrong")
        look(page, "login-wrong")
        give_password(page, site, "ada")
        look(page, "code")
        for _ in range(6):
            give_code(page, site, site.wrong_code(ada))
        look(page, "code-throttled")
        page.get_by_role("link", name="Use a recovery code").click()
        look(page, "recovery")

    def test_pages_of_the_set_up(self, site: Live, page: Page) -> None:
        """Start, QR code, refusal, recovery codes, and the page of a factor that is on."""
        log_in(page, site, site.add("ada", owner=True))
        look(page, "home-off")
        page.goto(f"{site.url}/profile")
        look(page, "profile-off")
        page.get_by_role("link", name="Enable").click()
        look(page, "two-factor-off")
        site.begin(page)
        look(page, "setup")
        key = key_shown(page, site)
        save(page, site, wrong_code(key, site.now()))
        look(page, "setup-wrong")
        save(page, site, oath_code(key, site.now()))
        look(page, "recovery-codes")
        store_codes(page, site)
        look(page, "profile-on")
        page.get_by_role("link", name="Manage").click()
        look(page, "two-factor-on")
        site.change(page, site.words.disable, wrong_code(key, site.now()))
        look(page, "two-factor-wrong")

    def test_pages_of_a_recovery(self, site: Live, page: Page) -> None:
        """What comes after a recovery code, also when token codes are locked."""
        ada = site.add_with_factor("ada")
        site.fail(ada, 100)
        site.tick(3600)
        give_password(page, site, "ada")
        look(page, "code-locked")
        give_recovery_code(page, site, ada.recovery_codes[0])
        look(page, "two-factor-locked")

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
        look(page, "home-on")
        page.goto(f"{site.url}/setup/staff/administrators")
        look(page, "administrators")
        page.get_by_role("link", name="Reset Grace").click()
        look(page, "administrator")
        site.reset(page, grace, own_password="wrong")
        look(page, "administrator-wrong")
        site.reset(page, grace)
        look(page, "handover")
        for path in ("setup/staff/two-factor-rule", "setup/staff/audit", "help", "profile/password", "nowhere"):
            page.goto(f"{site.url}/{path}")
            look(page, path.rpartition("/")[2])

    def test_pages_under_the_rule(self, site: Live, page: Page, new_page: Callable[[], Page]) -> None:
        """The banner, the confinement, the first log-in with a temporary password."""
        site.require(site.now() + 86400)
        log_in(page, site, site.add("ada", owner=True))
        look(page, "home-nudged")
        site.require()
        page.reload()
        look(page, "two-factor-required")
        temporary = site.users.reset_password(site.add("grace").id)
        other = new_page()
        give_password(other, site, "grace", temporary)
        look(other, "password-temporary")

    def test_page_of_a_stopped_log_in(self, site: Live, page: Page) -> None:
        """The page that says whom to call."""
        site.users.expect_factor(site.add("ada").id, expected=True)
        give_password(page, site, "ada", PASSWORD)
        look(page, "stopped")

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
