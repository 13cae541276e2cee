"""Every page of ours in the admin, phone and desktop, light and dark: axe-core finds nothing, nothing sticks out."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import pytest
from playwright.sync_api import Page

from browser.codes import oath_code
from browser.looking import SCHEMES, SIZES, look_for
from browser.seeing import scan
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

look = partial(look_for, part=OURS)


def test_pages_of_the_log_in(site: Live, page: Page) -> None:
    """The code, refusals, the recovery code, the explanation."""
    ada = site.add_with_factor("ada")
    give_password(page, site, "ada")
    look(page, "code", "type the code that it shows for this site")
    give_code(page, site, "12")
    look(page, "code-malformed", site.words.no_try)
    for _ in range(6):
        give_code(page, site, site.wrong_code(ada))
    look(page, "code-throttled", "Too many wrong codes. Wait")
    page.get_by_role("link", name="Use a recovery code").click()
    look(page, "recovery", "Type one of the codes you stored")
    page.goto(f"{site.url}/2fa/help/")
    look(page, "help-half", "What it does not do", "Back to the code of your app")


def test_pages_of_the_set_up(site: Live, page: Page) -> None:
    """Start, QR code, refusal, recovery codes, and the page of a factor that is on."""
    ada = site.add("ada", owner=True)
    log_in(page, site, ada)
    page.goto(f"{site.url}/2fa/")
    look(page, "overview-off", "It works without a network")
    site.begin(page)
    look(page, "setup", "point the camera here")
    ada = Account(ada.id, "ada", key_shown(page, site))
    save(page, site, site.wrong_code(ada))
    look(page, "setup-wrong", "point the camera here", "This code is not right")
    save(page, site, ada.code(site.now()))
    look(page, "recovery-codes", "They are shown this one time.")
    store_codes(page, site)
    look(page, "overview-on", "The codes you have stored so far stop working.")
    site.change(page, site.words.disable, site.wrong_code(ada))
    look(page, "overview-wrong", "The codes you have stored so far stop working.", "This code is not right")
    page.goto(f"{site.url}/2fa/help/")
    look(page, "help", "What it does not do", "Change password")


def test_pages_of_a_recovery(site: Live, page: Page) -> None:
    """What comes after a recovery code when the codes of the app are locked."""
    ada = site.add_with_factor("ada", owner=True)
    site.fail(ada, 100)
    site.tick(3600)
    give_password(page, site, "ada")
    look(page, "code-locked", site.words.locked, "Use a recovery code")
    give_recovery_code(page, site, ada.recovery_codes[0])
    look(page, "overview-locked", "The codes of your app are locked after too many wrong ones.")


def test_pages_of_a_factor_that_was_brought_along(site: Live, page: Page) -> None:
    """Whose recovery codes nobody has seen."""
    ada = site.add_with_factor("ada", owner=True)
    models.Expectation.objects.update(codes_shown=False)
    log_in(page, site, ada)
    look(page, "home-codes-unseen", "Make them on the page of your second factor", part=".messagelist")
    page.goto(f"{site.url}/2fa/")
    look(page, "overview-codes-unseen", "Make them here and store them")


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
    look(page, "users", "on, 2 codes left", "being set up", part=".field-second_factor")
    for account, says in (
        (ada, ("on since", "10 recovery codes left")),
        (grace, ("on since", "2 recovery codes left")),
        (katherine, ("unreadable: log-in is stopped",)),
    ):
        page.goto(f"{site.url}{site.places.people}{account.id}/change/")
        look(page, f"user-{account.login}", *says, part=".field-second_factor_details")
    site.reset(page, grace, own_password="a guess")
    heading(page, "Reset the second factor")
    look(page, "reset-wrong", "Be sure who asks", "That is not your own password.")
    page.goto(f"{site.url}{site.places.people}reset-second-factor/?user={grace.id}&user={alan.id}")
    look(page, "reset", "Be sure who asks", "alan")
    site.reset(page, grace)
    heading(page, "The second factor is reset")
    look(page, "reset-done", "Hand a new password over in person.")


def test_pages_under_the_rule(site: Live, page: Page, new_page: Callable[[], Page]) -> None:
    """The nudge with its day, and the page that a session is confined to."""
    site.require(site.now() + 86400)
    ada = site.add("ada", owner=True)
    log_in(page, site, ada)
    look(page, "home-nudged", "Please protect your account with a second factor", part=".messagelist")
    site.tick(86401)
    other = new_page()
    give_password(other, site, "ada")
    heading(other, site.words.overview)
    look(other, "overview-required", "This site requires a second factor.")


def test_page_of_a_stopped_log_in(site: Live, page: Page) -> None:
    """The page that says whom to call."""
    site.add_with_factor("ada")
    store = DjangoStore()
    assert store.swap("1", store.load("1"), None)
    give_password(page, site, "ada")
    look(page, "stopped", "Call whoever runs this site.")


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
