"""Every page of ours in the admin, phone and desktop, light and dark: axe-core finds nothing, nothing sticks out."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

from browser.codes import oath_code
from browser.looking import AA, SCHEMES, SIZES
from browser.seeing import picture, scan
from browser.site import Account
from browser.steps import (
    give_code,
    give_password,
    give_recovery_code,
    heading,
    key_shown,
    log_in,
    open_set_up,
    save,
    store_codes,
)
from django_panel.live import Live
from need import need
from totpcore.django import conf, models
from totpcore.stores.django import DjangoStore

need("chromium", "oathtool")


# Of Django, and not ours to mend: the links of the breadcrumbs differ from their text by colour alone.
OURS: dict[str, list[list[str]]] = {"include": [["body"]], "exclude": [[".breadcrumbs"]]}


def look(page: Page, name: str, part: str = "") -> None:
    """Look at a page of ours, in both sizes and both schemes; or at our part of a page of Django's."""
    folder = os.environ.get("TOTPCORE_TEST_SCREENSHOTS")
    page.wait_for_load_state()
    page.add_style_tag(content="* { transition: none !important }")  # colours that change slowly are none yet
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if folder:
                Path(folder).mkdir(parents=True, exist_ok=True)
                picture(page, Path(folder) / f"{name}-{size}-{scheme}.png", whole=True)
            if (size, scheme) in {("phone", "light"), ("desktop", "dark")}:
                found = Axe().run(page, context=part or OURS, options=AA)
                assert found.violations_count == 0, f"{name}, {size}, {scheme}: {found.generate_report()}"
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is wider than a {size}"
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1


def test_pages_of_the_log_in(site: Live, page: Page) -> None:
    """The code, refusals, the recovery code, the explanation."""
    ada = site.add_with_factor("ada")
    give_password(page, site, "ada")
    look(page, "code")
    give_code(page, site, "12")
    look(page, "code-malformed")
    for _ in range(6):
        give_code(page, site, site.wrong_code(ada))
    look(page, "code-throttled")
    page.get_by_role("link", name="Use a recovery code").click()
    look(page, "recovery")
    page.goto(f"{site.url}/2fa/help/")
    look(page, "help-half")


def test_pages_of_the_set_up(site: Live, page: Page) -> None:
    """Start, QR code, refusal, recovery codes, and the page of a factor that is on."""
    ada = site.add("ada", owner=True)
    log_in(page, site, ada)
    page.goto(f"{site.url}/2fa/")
    look(page, "overview-off")
    site.begin(page)
    look(page, "setup")
    ada = Account(ada.id, "ada", key_shown(page, site))
    save(page, site, site.wrong_code(ada))
    look(page, "setup-wrong")
    save(page, site, ada.code(site.now()))
    look(page, "recovery-codes")
    store_codes(page, site)
    look(page, "overview-on")
    site.change(page, site.words.disable, site.wrong_code(ada))
    look(page, "overview-wrong")
    page.goto(f"{site.url}/2fa/help/")
    look(page, "help")


def test_pages_of_a_recovery(site: Live, page: Page) -> None:
    """What comes after a recovery code when the codes of the app are locked."""
    ada = site.add_with_factor("ada", owner=True)
    site.fail(ada, 100)
    site.tick(3600)
    give_password(page, site, "ada")
    look(page, "code-locked")
    give_recovery_code(page, site, ada.recovery_codes[0])
    look(page, "overview-locked")


def test_pages_of_a_factor_that_was_brought_along(site: Live, page: Page) -> None:
    """Whose recovery codes nobody has seen."""
    ada = site.add_with_factor("ada", owner=True)
    models.Expectation.objects.update(codes_shown=False)
    log_in(page, site, ada)
    look(page, "home-codes-unseen", ".messagelist")
    page.goto(f"{site.url}/2fa/")
    look(page, "overview-codes-unseen")


def test_pages_of_the_staff(site: Live, page: Page) -> None:
    """The list, a user, one's own form, and the reset with what it hands over."""
    ada, grace = site.add_with_factor("ada", owner=True), site.add_with_factor("grace")
    alan, katherine = site.add("alan"), site.add_with_factor("katherine")
    site.fail(site.add_with_factor("margaret"), 100)
    for code in grace.recovery_codes[:8]:
        conf.two_factor().recover(grace.id, code)
    conf.two_factor().enrol(alan.id, account="alan")
    store = DjangoStore()
    assert store.swap(katherine.id, store.load(katherine.id), b"nonsense")
    log_in(page, site, ada)
    page.goto(f"{site.url}{site.places.people}")
    look(page, "users", ".field-second_factor")
    for account in (ada, grace, katherine):
        page.goto(f"{site.url}{site.places.people}{account.id}/change/")
        look(page, f"user-{account.login}", ".field-second_factor_details")
    site.reset(page, grace, own_password="a guess")
    heading(page, "Reset the second factor")
    look(page, "reset-wrong")
    page.goto(f"{site.url}{site.places.people}reset-second-factor/?user={grace.id}&user={alan.id}")
    look(page, "reset")
    site.reset(page, grace)
    heading(page, "The second factor is reset")
    look(page, "reset-done")


def test_pages_under_the_rule(site: Live, page: Page, new_page: Callable[[], Page]) -> None:
    """The nudge with its day, and the page that a session is confined to."""
    site.require(site.now() + 86400)
    ada = site.add("ada", owner=True)
    log_in(page, site, ada)
    look(page, "home-nudged", ".messagelist")
    site.tick(86401)
    other = new_page()
    give_password(other, site, "ada")
    heading(other, site.words.overview)
    look(other, "overview-required")


def test_page_of_a_stopped_log_in(site: Live, page: Page) -> None:
    """The page that says whom to call."""
    site.add_with_factor("ada")
    store = DjangoStore()
    assert store.swap("1", store.load("1"), None)
    give_password(page, site, "ada")
    look(page, "stopped")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_code_is_read_in_both_schemes(site: Live, page: Page, size: str, scheme: Literal["light", "dark"]) -> None:
    """The QR code stays black on white, with its margin, and fits on a phone."""
    log_in(page, site, site.add("ada"))
    page.set_viewport_size(SIZES[size])
    page.emulate_media(color_scheme=scheme)
    assert open_set_up(page, site).startswith("otpauth://totp/")
    assert scan(page, whole=True) == page.get_by_role("link", name=site.words.in_the_app).get_attribute("href")
    assert oath_code(key_shown(page, site), site.now())
