"""Walks of people through a panel: what one administrator does for another, and what the rule does to all."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from browser.codes import oath_code
from browser.site import Site
from browser.steps import asks_for_password, give_password, heading, is_in, key_shown, log_in, save, store_codes
from totpcore import State


class Staff:
    """Reset by another administrator, and a second factor that is required."""

    def test_another_administrator_resets(self, site: Site, page: Page, new_page: Callable[[], Page]) -> None:
        """Their session ends, the factor is gone, and they come in with what the reset left them."""
        ada, grace = site.add_with_factor("ada", owner=True), site.add_with_factor("grace")
        other = new_page()
        log_in(other, site, grace)
        log_in(page, site, ada)
        site.reset(page, grace, own_password="a guess")
        expect(site.alert(page)).to_contain_text("not your own password")
        assert site.status(grace).state is State.ON

        site.reset(page, grace)
        given = site.password_after_reset(page)
        assert site.status(grace).state is State.OFF
        other.goto(f"{site.url}{site.places.home}")
        asks_for_password(other, site)
        give_password(other, site, "grace", given)
        site.come_in_after_reset(other, given)
        is_in(other, site)

    def test_encourage_shows_a_banner(self, site: Site, page: Page) -> None:
        """Encouraged administrators are reminded, and reach everything."""
        ada = site.add("ada", owner=True)
        log_in(page, site, ada)
        expect(page.get_by_text(site.words.nudge)).to_have_count(0)
        site.encourage()
        page.goto(f"{site.url}{site.places.people}")
        expect(page.get_by_text(site.words.nudge)).to_be_visible()
        expect(page.get_by_role("columnheader", name=site.words.column)).to_be_visible()

    def test_require_by_a_day_nudges_then_confines(self, site: Site, page: Page) -> None:
        """Until the deadline there is a banner; after it only set-up and log-out are reached, until it is done."""
        ada = site.add("ada", owner=True)
        log_in(page, site, ada)
        site.require(site.now() + 3600)
        page.goto(f"{site.url}{site.places.home}")
        expect(page.get_by_text(site.words.nudge)).to_be_visible()
        site.tick(3601)
        for elsewhere in site.places.unreached_confined:
            page.goto(f"{site.url}{elsewhere}")
            expect(page).to_have_url(f"{site.url}{site.places.confined}")
        expect(page.get_by_text(site.words.required)).to_be_visible()
        expect(page.get_by_role("navigation")).to_have_count(0)
        site.begin(page)
        save(page, site, oath_code(key_shown(page, site), site.now()))
        store_codes(page, site)
        page.goto(f"{site.url}{site.places.people}")
        heading(page, "")
        expect(page.get_by_role("columnheader", name=site.words.column)).to_be_visible()
