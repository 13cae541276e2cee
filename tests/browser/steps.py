"""Steps that many walks take."""

from playwright.sync_api import Page, expect

from browser.seeing import scan
from browser.site import PASSWORD, Account, Site


def give_password(page: Page, site: Site, login: str, password: str = PASSWORD) -> None:
    """The first step of the log-in."""
    page.goto(f"{site.url}{site.places.log_in}")
    page.get_by_label(site.words.user_name).fill(login)
    page.get_by_label(site.words.password).fill(password)
    page.get_by_role("button", name=site.words.log_in).click()


def give_code(page: Page, site: Site, code: str) -> None:
    """The second step of the log-in."""
    page.get_by_label(site.words.code).fill(code)
    page.get_by_role("button", name=site.words.send).click()


def give_recovery_code(page: Page, site: Site, code: str) -> None:
    """The second step of the log-in without the device: on the page of the code."""
    page.get_by_role("link", name=site.words.other_way).click()
    type_recovery_code(page, site, code)


def type_recovery_code(page: Page, site: Site, code: str) -> None:
    """The same where the page that asks for it is open."""
    page.get_by_label(site.words.recovery_code).fill(code)
    page.get_by_role("button", name=site.words.send).click()


def log_in(page: Page, site: Site, account: Account) -> None:
    """Both steps of the log-in."""
    give_password(page, site, account.login)
    if account.key:
        give_code(page, site, account.code(site.now()))
    is_in(page, site)


def open_set_up(page: Page, site: Site) -> str:
    """Go to the page with the QR code, and read it."""
    page.goto(f"{site.url}{site.places.second_factor}")
    site.begin(page)
    return scan(page)


def save(page: Page, site: Site, code: str) -> None:
    """Type a code on the page with the QR code."""
    page.get_by_label(site.words.code).fill(code)
    page.get_by_role("button", name=site.words.save).click()


def store_codes(page: Page, site: Site) -> None:
    """Say that the recovery codes are stored, and go on."""
    page.get_by_label(site.words.stored).check()
    page.get_by_role("button", name=site.words.done, exact=True).click()


def key_shown(page: Page, site: Site) -> str:
    """The key that is shown to type by hand, without spaces."""
    return "".join(site.key(page).inner_text().split())


def heading(page: Page, name: str) -> None:
    """The page has this heading, or part of it."""
    expect(page.get_by_role("heading", name=name).first).to_be_visible()


def is_in(page: Page, site: Site) -> None:
    """The visitor has a full session."""
    heading(page, site.words.welcome)


def asks_for_password(page: Page, site: Site) -> None:
    """The page is the one of the first step."""
    expect(page.get_by_label(site.words.user_name)).to_be_visible()
    expect(page.get_by_label(site.words.password)).to_be_visible()


def asks_for_code(page: Page, site: Site) -> None:
    """The page is the one of the second step."""
    expect(page.get_by_label(site.words.code)).to_be_visible()
    expect(page.get_by_role("button", name=site.words.send)).to_be_visible()
