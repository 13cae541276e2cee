"""Every page, phone and desktop, light and dark: axe-core finds nothing, nothing sticks out, the code can be read.

Rule 1. With `TOTPCORE_TEST_SCREENSHOTS` set to a folder, each page is written there as a picture to look at.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, ViewportSize

from browser.seeing import picture, scan
from need import need
from panel.live import PASSWORD, Account, Live, give_code, give_password, log_in
from totpcore import Enforcement, Rule

need("chromium", "oathtool")

SIZES = {"phone": ViewportSize(width=390, height=844), "desktop": ViewportSize(width=1280, height=900)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


def look(page: Page, name: str) -> None:
    """Look at the page as it stands, in both sizes and both schemes."""
    folder = os.environ.get("TOTPCORE_TEST_SCREENSHOTS")
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if folder:
                Path(folder).mkdir(parents=True, exist_ok=True)
                picture(page, Path(folder) / f"{name}-{size}-{scheme}.png", whole=True)
            # Colours depend on the scheme and layout on the size; two of the four see every colour and every layout.
            if (size, scheme) in {("phone", "light"), ("desktop", "dark")}:
                found = Axe().run(page, options=AA)
                assert found.violations_count == 0, f"{name}, {size}, {scheme}: {found.generate_report()}"
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is wider than a {size}"
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1


def code_cases(live: Live, page: Page, ada: Account) -> None:
    """The log-in with its refusals."""
    page.goto(f"{live.url}/login")
    look(page, "login")
    give_password(page, live, "ada", "wrong")
    look(page, "login-wrong")
    give_password(page, live, "ada")
    look(page, "code")
    for _ in range(6):
        give_code(page, live.wrong_code(ada))
    look(page, "code-throttled")
    page.get_by_role("link", name="Use a recovery code").click()
    look(page, "recovery")


def test_pages_of_the_log_in(live: Live, page: Page) -> None:
    """The password, the code, a refusal, the recovery code."""
    code_cases(live, page, live.add_with_factor("ada"))


def test_pages_of_the_set_up(live: Live, page: Page) -> None:
    """Start, QR code, refusal, recovery codes, and the page of a factor that is on."""
    ada = live.add("ada", owner=True)
    log_in(page, live, ada)
    look(page, "home-off")
    page.goto(f"{live.url}/profile")
    look(page, "profile-off")
    page.get_by_role("link", name="Enable").click()
    look(page, "two-factor-off")
    page.get_by_role("button", name="Get started").click()
    look(page, "setup")
    key = "".join(page.locator("#key").inner_text().split())
    ada = Account(ada.id, "ada", key)
    page.get_by_label("Token Code").fill(live.wrong_code(ada))
    page.get_by_role("button", name="Save Changes").click()
    look(page, "setup-wrong")
    page.get_by_label("Token Code").fill(ada.code(live.clock()))
    page.get_by_role("button", name="Save Changes").click()
    look(page, "recovery-codes")
    page.get_by_label("I have stored them").check()
    page.get_by_role("button", name="Go on").click()
    look(page, "profile-on")
    page.get_by_role("link", name="Manage").click()
    look(page, "two-factor-on")
    page.locator("form", has=page.get_by_role("heading", name="Disable")).get_by_role("textbox").fill(
        live.wrong_code(ada)
    )
    page.get_by_role("button", name="Disable").click()
    look(page, "two-factor-wrong")


def test_pages_of_a_recovery(live: Live, page: Page) -> None:
    """What comes after a recovery code, also when token codes are locked."""
    ada = live.add_with_factor("ada")
    live.fail(ada, 100)
    live.tick(3600)
    give_password(page, live, "ada")
    look(page, "code-locked")
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(ada.recovery_codes[0])
    page.get_by_role("button", name="Continue").click()
    look(page, "two-factor-locked")


def test_pages_of_the_staff(live: Live, page: Page) -> None:
    """The table, one administrator, the hand-over, the rule, the audit trail, help, and the menu."""
    ada = live.add_with_factor("ada", owner=True)
    grace = live.add_with_factor("grace")
    live.add("alan")
    katherine = live.add("katherine")
    live.fail(live.add_with_factor("margaret"), 100)
    for code in grace.recovery_codes[:8]:
        live.factor.recover(grace.id, code)
    live.fail(ada, 3)
    live.factor.enrol(katherine.id, account="katherine")
    log_in(page, live, ada)
    page.locator("nav summary").click()
    look(page, "home-on")
    page.goto(f"{live.url}/setup/staff/administrators")
    look(page, "administrators")
    page.get_by_role("link", name="Reset Grace").click()
    look(page, "administrator")
    page.get_by_label("Reason").fill("phone lost")
    page.get_by_label("Your own password").fill("wrong")
    page.get_by_role("button", name="Reset password and second factor").click()
    look(page, "administrator-wrong")
    page.get_by_label("Reason").fill("phone lost")
    page.get_by_label("Your own password").fill(PASSWORD)
    page.get_by_role("button", name="Reset password and second factor").click()
    look(page, "handover")
    for path in ("setup/staff/two-factor-rule", "setup/staff/audit", "help", "profile/password", "nowhere"):
        page.goto(f"{live.url}/{path}")
        look(page, path.rpartition("/")[2])


def test_pages_under_the_rule(live: Live, page: Page, new_page: Callable[[], Page]) -> None:
    """The banner, the confinement, the first log-in with a temporary password."""
    live.panel.users.set_enforcement(Enforcement(Rule.REQUIRE, deadline=live.clock() + 86400))
    ada = live.add("ada", owner=True)
    log_in(page, live, ada)
    look(page, "home-nudged")
    live.panel.users.set_enforcement(Enforcement(Rule.REQUIRE))
    page.reload()
    look(page, "two-factor-required")
    temporary = live.panel.users.reset_password(live.add("grace").id)
    other = new_page()
    give_password(other, live, "grace", temporary)
    look(other, "password-temporary")


def test_page_of_a_stopped_log_in(live: Live, page: Page) -> None:
    """The page that says whom to call."""
    ada = live.add("ada")
    live.panel.users.expect_factor(ada.id, expected=True)
    give_password(page, live, "ada")
    look(page, "stopped")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_code_is_read_in_both_schemes(live: Live, page: Page, size: str, scheme: Literal["light", "dark"]) -> None:
    """The QR code stays black on white, with its margin, and fits on a phone."""
    log_in(page, live, live.add("ada"))
    page.set_viewport_size(SIZES[size])
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{live.url}/profile/two-factor")
    page.get_by_role("button", name="Get started").click()
    assert scan(page, whole=True).startswith("otpauth://totp/")
