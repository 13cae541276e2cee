"""What an owner does for others, the house rule, the audit trail, and the keyboard, seen from the browser."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from browser.codes import oath_code
from browser.site import PASSWORD
from browser.steps import asks_for_password, give_code, give_password, heading, is_in, key_shown, log_in, save
from pages.live import Live
from totpcore import State


class People:
    """The pages of the staff, and of one's own profile."""

    def test_owner_resets_somebody(self, site: Live, page: Page, new_page: Callable[[], Page]) -> None:
        """It takes their own password; then the old one opens nothing, the temporary one only its replacement."""
        ada, grace = site.add_with_factor("ada", owner=True), site.add_with_factor("grace")
        log_in(page, site, ada)
        site.reset(page, grace, own_password="a guess")
        expect(site.alert(page)).to_contain_text("not your own password")
        expect(page.get_by_label("Reason")).to_have_value("phone lost, asked in person")
        assert site.status(grace).state is State.ON

        site.reset(page, grace)
        temporary = site.password_after_reset(page)
        assert site.status(grace).state is State.OFF
        other = new_page()
        give_password(other, site, "grace")
        expect(site.alert(other)).to_contain_text("not right")
        give_password(other, site, "grace", temporary)
        heading(other, "Choose your own password")
        other.goto(f"{site.url}/profile/two-factor")
        heading(other, "Choose your own password")
        site.come_in_after_reset(other, temporary)
        is_in(other, site)

    def test_only_an_owner_resets(self, site: Live, page: Page) -> None:
        """Others see the table without the action, and the address of the action is refused."""
        grace, ada = site.add("grace"), site.add("ada", owner=True)
        log_in(page, site, grace)
        page.goto(f"{site.url}/setup/staff/administrators")
        expect(page.get_by_role("link", name="Reset")).to_have_count(0)
        page.goto(f"{site.url}/setup/staff/administrators/{ada.id}")
        heading(page, "Forbidden")

    def test_table_tells_every_state(self, site: Live, page: Page) -> None:
        """On, off, pending, locked, few recovery codes, and a record that cannot be read, which hides nobody else."""
        ada = site.add_with_factor("ada", owner=True)
        site.add("bob")
        carol = site.add("carol")
        site.fail(site.add_with_factor("dave"), 100)
        eve, frank = site.add_with_factor("eve"), site.add_with_factor("frank")
        for code in eve.recovery_codes[:8]:
            site.factor.recover(eve.id, code)
        site.spoil(frank.id)
        site.factor.enrol(carol.id, account="carol")
        log_in(page, site, ada)
        page.goto(f"{site.url}/setup/staff/administrators")
        for name, words in {
            "Ada": "on 10 left",
            "Bob": "off none",
            "Carol": "pending",
            "Dave": "locked",
            "Eve": "on 2 left low",
            "Frank": "unreadable",
        }.items():
            row = " ".join(page.get_by_role("row", name=re.compile(name)).inner_text().split())
            assert words in row, row

    def test_unreadable_record_lets_nobody_in_until_reset(
        self, site: Live, page: Page, new_page: Callable[[], Page]
    ) -> None:
        """Log-in stops with a page that says whom to call; the owner's reset mends it."""
        ada, grace = site.add_with_factor("ada", owner=True), site.add_with_factor("grace")
        site.spoil(grace.id)
        give_password(page, site, "grace")
        heading(page, "Log-in is stopped")
        expect(site.alert(page)).to_contain_text("Call an owner")
        page.goto(f"{site.url}/")
        asks_for_password(page, site)

        owner = new_page()
        log_in(owner, site, ada)
        site.reset(owner, grace)
        give_password(page, site, "grace", site.password_after_reset(owner))
        heading(page, "Choose your own password")

    def test_rule_is_set_by_an_owner(self, site: Live, page: Page) -> None:
        """Encouraged, then required by a day: until that day ends there is a banner, after it one has to set up."""
        ada = site.add("ada", owner=True)
        log_in(page, site, ada)
        set_rule(page, site, "encouraged")
        page.goto(f"{site.url}/help")
        page.get_by_role("link", name="Set it up now").click()
        heading(page, "Two-factor authentication")
        expect(page.get_by_text("Please protect your account")).to_have_count(0)
        set_rule(page, site, "required", "2027-01-15")  # the day on which the test's clock stands
        page.goto(f"{site.url}/profile")
        expect(page.get_by_text("after 2027-01-15 it is required")).to_be_visible()
        site.tick(15 * 3600 + 59 * 60)
        give_password(page, site, "ada")
        is_in(page, site)
        site.tick(60)
        page.goto(f"{site.url}/help")
        expect(page).to_have_url(f"{site.url}/profile/two-factor")
        site.begin(page)
        save(page, site, site_code(page, site))
        heading(page, "Two-factor authentication is on")

    def test_audit_trail_tells_what_happened_and_no_code(self, site: Live, page: Page) -> None:
        """Accepted and refused codes, recovery and reset are in it, with names; no code, recovery code or key is."""
        ada, grace = site.add_with_factor("ada", owner=True), site.add_with_factor("grace")
        wrong, right = site.wrong_code(ada), ada.code(site.now())
        give_password(page, site, "ada")
        give_code(page, site, wrong)
        give_code(page, site, right)
        is_in(page, site)
        visitor = site.visitor()
        visitor.give_password("grace")
        visitor.post("/login/recovery", code=grace.recovery_codes[0])
        site.reset(page, grace)
        page.goto(f"{site.url}/setup/staff/audit")
        rows = [" ".join(row.split()) for row in page.get_by_role("row").all_inner_texts()]
        assert re.search(r"Grace reset phone lost, asked in person Ada", rows[1])
        assert re.search(r"Grace recover ok .*9$", rows[2])
        assert re.search(r"Ada verify ok", rows[3])
        assert re.search(r"Ada verify wrong .*1 10$", rows[4])
        content = re.sub(r"[0-9a-f]{16,}", "", page.content())  # ids and tokens, which may have a code's digits
        for hidden in (wrong, right, grace.recovery_codes[0], ada.key, grace.key):
            assert hidden not in content.replace(" ", "")

    def test_login_name_may_change(self, site: Live, page: Page) -> None:
        """The second factor hangs on the id: after a change of the login name the same app still works."""
        ada = site.add_with_factor("ada")
        log_in(page, site, ada)
        page.goto(f"{site.url}/profile")
        page.get_by_label("User name").fill("countess")
        page.get_by_role("button", name="Save").click()
        expect(site.notice(page)).to_contain_text("saved")
        site.log_out(page)
        asks_for_password(page, site)
        site.tick(60)
        give_password(page, site, "countess")
        give_code(page, site, ada.code(site.now()))
        is_in(page, site)

    def test_log_in_with_the_keyboard_alone(self, site: Live, page: Page) -> None:
        """The field to type in has the focus, Enter sends, Tab goes in reading order, and the focus is seen."""
        ada = site.add_with_factor("ada")
        page.goto(f"{site.url}/")
        expect(page.get_by_label("User name")).to_be_focused()
        page.keyboard.type("ada")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Tab")
        button = page.get_by_role("button", name="Log in")
        expect(button).to_be_focused()
        assert button.evaluate("(it) => getComputedStyle(it).outlineStyle") == "solid"
        page.keyboard.press("Enter")

        expect(page.get_by_label("Token Code")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Continue")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Use a recovery code")).to_be_focused()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Shift+Tab")
        page.keyboard.type(site.wrong_code(ada))
        page.keyboard.press("Enter")

        expect(site.alert(page)).to_be_visible()
        field = page.get_by_label("Token Code")
        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-invalid", "true")
        described = (field.get_attribute("aria-describedby") or "").split()
        assert "not right" in " ".join(page.locator(f"#{each}").inner_text() for each in described)
        assert page.title().startswith("Error: Token code")
        page.keyboard.type(ada.code(site.now()))
        page.keyboard.press("Enter")

        is_in(page, site)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_be_focused()


def set_rule(page: Page, site: Live, rule: str, deadline: str = "") -> None:
    """Change the house rule as an owner."""
    page.goto(f"{site.url}/setup/staff/two-factor-rule")
    page.get_by_label(re.compile(rule)).check()
    page.get_by_label("Required by").fill(deadline)
    page.get_by_role("button", name="Save").click()
    expect(site.notice(page)).to_contain_text("The rule is saved")


def site_code(page: Page, site: Live) -> str:
    """The code of the key that the page shows."""
    return oath_code(key_shown(page, site), site.now())
