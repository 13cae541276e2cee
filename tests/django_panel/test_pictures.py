"""The pictures of Django's admin that the manual shows."""

import pytest
from playwright.sync_api import Page, expect

from browser.pictures import Pictures, pictures, steady_chance
from browser.steps import give_password, log_in, open_set_up
from django_panel.live import Live
from need import need
from totpcore.django import conf

__all__ = ["pictures", "steady_chance"]

need("chromium", "oathtool")


@pytest.mark.usefixtures("steady_chance")
def test_pictures_of_ones_own_factor(site: Live, page: Page, pictures: Pictures) -> None:
    """The QR code with the field for the code, and the question for the code at the next log-in."""
    log_in(page, site, site.add("ada", owner=True))
    open_set_up(page, site)
    page.locator("#toggle-nav-sidebar").click()  # the side bar, which would leave the page too narrow
    pictures.take(page, "django-setup", width=900)
    site.add_with_factor("grace")
    page.context.clear_cookies()
    give_password(page, site, "grace")
    pictures.take(page, "django-code")


@pytest.mark.usefixtures("steady_chance")
def test_pictures_of_the_staff(site: Live, page: Page, pictures: Pictures) -> None:
    """The column says who has a second factor; the form of a reset asks why, and who asks."""
    ada, grace = site.add_with_factor("ada", owner=True), site.add_with_factor("grace")
    for code in grace.recovery_codes[:8]:
        conf.two_factor().recover(grace.id, code)
    conf.two_factor().enrol(site.add("katherine").id, account="katherine")
    site.add("alan")
    log_in(page, site, ada)
    page.goto(f"{site.url}{site.places.people}")
    expect(page.locator(".field-second_factor")).to_have_count(4)
    page.locator("#toggle-nav-sidebar").click()
    pictures.take(page, "django-users", width=1200)
    page.goto(f"{site.url}{site.places.people}reset-second-factor/?user={grace.id}")
    pictures.take(page.locator("#content-main"), "django-reset", width=1024)
