"""A panel as the walks see it: its words, its places, its clock and its people.

Rules of this file:

1. The defaults are those of the example panels. A panel with other words, addresses or ways overrides them.
2. What a walk does to a panel otherwise than through the browser (adding people, letting time pass, wrong codes of
   somebody else) goes through `Site`, so that a walk knows no framework.
"""

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol

from playwright.sync_api import Locator, Page

from browser.codes import oath_code, wrong_code
from totpcore import Status

PASSWORD = "a password to test with"
START = 1_800_000_000.0  # Friday, 15 January 2027, 08:00 UTC


@dataclass(frozen=True)
class Account:
    """An administrator as a test needs them."""

    id: str
    login: str
    key: str = ""
    recovery_codes: tuple[str, ...] = ()

    def code(self, at: float) -> str:
        """What their app shows."""
        return oath_code(self.key, at)


@dataclass(frozen=True, kw_only=True)
class Words:
    """What stands on buttons, links, labels and headings, and the parts of sentences that a walk looks for."""

    # the log-in
    user_name: str = "User name"
    password: str = "Password"
    log_in: str = "Log in"
    log_out: str = "Log out"
    welcome: str = "Access granted"  # a heading: whoever reads it has a full session
    code: str = "Token Code"
    send: str = "Continue"
    other_way: str = "Use a recovery code"
    recovery_code: str = "Recovery code"
    # set-up
    overview: str = "Two-factor authentication"  # a heading
    begin: str = "Get started"
    go_on_with_it: str = "Go on with set-up"
    another_device: str = "Set up another device"
    in_the_app: str = "Open in the app on this device"
    save: str = "Save Changes"
    is_on: str = "Two-factor authentication is on"  # a heading, above the recovery codes
    stored: str = "I have stored them"
    done: str = "Go on"
    after_set_up: str = "My profile"  # a heading
    # changes of a confirmed factor: headings of forms, and their buttons
    any_code: str = "Token code or recovery code"
    renew: str = "New recovery codes"
    replace: str = "Replace device"
    disable: str = "Disable"
    # the table of the administrators
    column: str = "2FA"
    off: str = "off"
    # parts of sentences; {} stands for a number
    tries_left: tuple[str, ...] = ("4 more tries", "3 more tries", "2 more tries", "1 more try", "last try for now")
    wait: str = "Wait {} seconds"
    failures: str = "{} wrong codes since your last log-in"
    used: str = "has been used already"
    not_right: str = "not right"
    no_try: str = "did not count as a try"
    left: str = "{} left"
    locked: str = "token codes are locked"
    start_again: str = "start again"
    turned_off: str = "is off"
    clock_is: str = "{} seconds {}"  # "120 seconds ahead"
    automatic_time: str = "automatic date and time"
    nudge: str = "Please protect your account"
    required: str = "This panel requires a second factor"


@dataclass(frozen=True, kw_only=True)
class Places:
    """Paths of pages."""

    log_in: str = "/login"
    home: str = "/"
    second_factor: str = "/profile/two-factor"  # one's own: where everything about it begins
    confined: str = "/profile/two-factor"  # where a session that has to set up is led
    people: str = "/setup/staff/administrators"
    # Pages that take a full session, of all parts of the panel.
    guarded: tuple[str, ...] = (
        "/",
        "/profile",
        "/profile/password",
        "/profile/two-factor",
        "/setup/staff/administrators",
        "/setup/staff/two-factor-rule",
        "/setup/staff/audit",
        "/help",
    )
    # Those that a session which has to set up its second factor does not reach.
    unreached_confined: tuple[str, ...] = (
        "/",
        "/profile",
        "/setup/staff/administrators",
        "/setup/staff/two-factor-rule",
        "/help",
        "/nowhere/../",
    )


class Site(Protocol):
    """One panel, running. An adapter inherits from it, and overrides what is different on its panel."""

    url: str  # without a slash at the end
    words: Words = Words()
    places: Places = Places()
    issuer: str = "Example Panel"

    # ---- its clock ----

    @abstractmethod
    def now(self) -> float:
        """Tell the time that the panel has."""

    @abstractmethod
    def tick(self, seconds: float) -> None:
        """Let time pass."""

    # ---- its people; a walk names them by their login names, of which the pages show the capitalized form ----

    @abstractmethod
    def add(self, login: str, *, owner: bool = False) -> Account:
        """Add an administrator with `PASSWORD` only; an owner may reset others and change the rule."""

    @abstractmethod
    def add_with_factor(self, login: str, *, owner: bool = False) -> Account:
        """Add an administrator with a confirmed second factor; the code it was confirmed with is a minute old."""

    @abstractmethod
    def fail(self, account: Account, times: int) -> None:
        """Let somebody who knows the password type this many wrong codes, waiting as long as needed."""

    @abstractmethod
    def status(self, account: Account) -> Status:
        """Look at somebody's second factor."""

    @abstractmethod
    def require(self, deadline: float | None = None) -> None:
        """Require a second factor of everybody, from `deadline` on."""

    @abstractmethod
    def encourage(self) -> None:
        """Remind everybody of a second factor."""

    def wrong_code(self, account: Account) -> str:
        """Return a code that is wrong now and for some minutes."""
        return wrong_code(account.key, self.now())

    # ---- ways that differ from panel to panel ----

    def open_people(self, page: Page) -> None:
        """Go from the start page to the table of the administrators, by its menu."""
        page.get_by_text("Setup", exact=True).click()
        page.get_by_role("navigation").get_by_role("link", name="Administrators").click()

    def row(self, page: Page, account: Account) -> Locator:
        """Find somebody in that table."""
        return page.get_by_role("row", name=re.compile(account.login.capitalize()))

    def open_own_factor(self, page: Page, account: Account) -> None:
        """Go from the table to one's own second factor, where set-up can begin."""
        self.row(page, account).get_by_role("link", name="Edit").click()
        section = page.locator("section", has=page.get_by_role("heading", name="Two-Factor Authentication"))
        section.get_by_role("link", name="Enable").click()

    def begin(self, page: Page) -> None:
        """Begin set-up, on the page of one's own second factor."""
        page.get_by_role("button", name=self.words.begin).click()

    def change(self, page: Page, form: str, code: str) -> None:
        """Fill one of the forms that change a confirmed factor: `words.renew`, `words.replace` or `words.disable`."""
        page.goto(f"{self.url}{self.places.second_factor}")
        card = page.locator("form", has=page.get_by_role("heading", name=form))
        card.get_by_label(self.words.any_code).fill(code)
        card.get_by_role("button", name=form).click()

    def log_out(self, page: Page) -> None:
        """Log out."""
        page.get_by_role("button", name=self.words.log_out).click()

    def reset(self, page: Page, account: Account, *, own_password: str = PASSWORD) -> None:
        """Reset somebody's second factor, logged in as another administrator who may; says why, and who they are."""
        page.goto(f"{self.url}{self.places.people}")
        page.get_by_role("link", name=f"Reset {account.login.capitalize()}").click()
        page.get_by_label("Reason").fill("phone lost, asked in person")
        page.get_by_label("Your own password").fill(own_password)
        page.get_by_role("button", name="Reset password and second factor").click()

    def password_after_reset(self, page: Page) -> str:
        """Return the password that the page of a finished reset tells; `PASSWORD` where a reset leaves it alone."""
        return page.locator("#temporary").inner_text()

    def come_in_after_reset(self, page: Page, given: str) -> None:
        """Do what is left between the password and the start page after a reset: choosing a password of one's own."""
        page.get_by_label("Temporary password").fill(given)
        page.get_by_label("New password").fill("one that nobody else knows")
        page.get_by_role("button", name="Change password").click()

    # ---- parts of pages ----

    def alert(self, page: Page) -> Locator:
        """Find what is wrong."""
        return page.get_by_role("alert")

    def notice(self, page: Page) -> Locator:
        """Find what was left for the visitor to read on this page."""
        return page.get_by_role("status").first

    def key(self, page: Page) -> Locator:
        """Find the key to type by hand, in groups."""
        return page.locator("#key")

    def codes(self, page: Page) -> Locator:
        """Find the recovery codes."""
        return page.locator("#codes li")
