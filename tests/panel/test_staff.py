"""What an owner does for others, the house rule, and the audit trail, seen from the browser."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing

from playwright.sync_api import Page, expect

from browser.codes import oath_code
from need import need
from panel.live import PASSWORD, Live, give_code, give_password, log_in
from totpcore import State

need("chromium", "oathtool")


def reset(page: Page, live: Live, name: str, own_password: str = PASSWORD) -> None:
    """Reset somebody's password and factor as an owner."""
    page.goto(f"{live.url}/setup/staff/administrators")
    page.get_by_role("link", name=f"Reset {name}").click()
    page.get_by_label("Reason").fill("phone lost, asked in person")
    page.get_by_label("Your own password").fill(own_password)
    page.get_by_role("button", name="Reset password and second factor").click()


def test_owner_resets_somebody(live: Live, page: Page, new_page: Callable[[], Page]) -> None:
    """Their session ends, the old password opens nothing, and the temporary one only the page to replace it."""
    ada, grace = live.add_with_factor("ada", owner=True), live.add_with_factor("grace")
    other = new_page()
    log_in(other, live, grace)
    log_in(page, live, ada)
    reset(page, live, "Grace", own_password="a guess")
    expect(page.get_by_role("alert")).to_contain_text("not your own password")
    assert live.factor.status(grace.id).state is State.ON

    reset(page, live, "Grace")
    temporary = page.locator("#temporary").inner_text()
    assert live.factor.status(grace.id).state is State.OFF
    other.goto(f"{live.url}/profile")
    expect(other.get_by_role("heading", name="Log in")).to_be_visible()
    give_password(other, live, "grace")
    expect(other.get_by_role("alert")).to_contain_text("not right")

    give_password(other, live, "grace", temporary)
    expect(other.get_by_role("heading", name="Choose your own password")).to_be_visible()
    other.goto(f"{live.url}/profile/two-factor")
    expect(other.get_by_role("heading", name="Choose your own password")).to_be_visible()
    other.get_by_label("Temporary password").fill(temporary)
    other.get_by_label("New password").fill("one that only Grace knows")
    other.get_by_role("button", name="Change password").click()
    expect(other.get_by_role("heading", name="Access granted")).to_be_visible()


def test_only_an_owner_resets(live: Live, page: Page) -> None:
    """Others see the table without the action, and the address of the action is refused."""
    grace, ada = live.add("grace"), live.add("ada", owner=True)
    log_in(page, live, grace)
    page.goto(f"{live.url}/setup/staff/administrators")
    expect(page.get_by_role("link", name="Reset")).to_have_count(0)
    page.goto(f"{live.url}/setup/staff/administrators/{ada.id}")
    expect(page.get_by_role("heading", name="Forbidden")).to_be_visible()


def test_table_tells_every_state(live: Live, page: Page) -> None:
    """On, off, pending, locked, few recovery codes, and a record that cannot be read, which hides nobody else."""
    ada = live.add_with_factor("ada", owner=True)
    live.add("bob")
    carol = live.add("carol")
    live.fail(live.add_with_factor("dave"), 100)
    eve, frank = live.add_with_factor("eve"), live.add_with_factor("frank")
    for code in eve.recovery_codes[:8]:
        live.factor.recover(eve.id, code)
    spoil(live, frank.id)
    live.factor.enrol(carol.id, account="carol")
    log_in(page, live, ada)
    page.goto(f"{live.url}/setup/staff/administrators")
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


def spoil(live: Live, user: str) -> None:
    """Write nonsense in the place of a record."""
    with closing(sqlite3.connect(live.folder / "second-factors.db", isolation_level=None)) as db:
        table = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()[0]
        keys = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        done = db.execute(f"UPDATE {table} SET {keys[1]} = x'00ff' WHERE {keys[0]} = ?", (user,)).rowcount
        assert done == 1


def test_unreadable_record_lets_nobody_in_until_reset(live: Live, page: Page, new_page: Callable[[], Page]) -> None:
    """Log-in stops with a page that says whom to call; the owner's reset mends it."""
    ada, grace = live.add_with_factor("ada", owner=True), live.add_with_factor("grace")
    spoil(live, grace.id)
    give_password(page, live, "grace")
    expect(page.get_by_role("heading", name="Log-in is stopped")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Call an owner")
    page.goto(f"{live.url}/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()

    owner = new_page()
    log_in(owner, live, ada)
    reset(owner, live, "Grace")
    give_password(page, live, "grace", owner.locator("#temporary").inner_text())
    expect(page.get_by_role("heading", name="Choose your own password")).to_be_visible()


def set_rule(page: Page, live: Live, rule: str, deadline: str = "") -> None:
    """Change the house rule as an owner."""
    page.goto(f"{live.url}/setup/staff/two-factor-rule")
    page.get_by_label(re.compile(rule)).check()
    page.get_by_label("Required by").fill(deadline)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("The rule is saved")


def test_encourage_shows_a_banner(live: Live, page: Page) -> None:
    """Encouraged administrators are reminded, and reach everything."""
    ada = live.add("ada", owner=True)
    log_in(page, live, ada)
    expect(page.get_by_text("Please protect your account")).to_have_count(0)
    set_rule(page, live, "encouraged")
    page.goto(f"{live.url}/help")
    expect(page.get_by_text("Please protect your account")).to_be_visible()
    page.get_by_role("link", name="Set it up now").click()
    expect(page.get_by_role("heading", name="Two-factor authentication")).to_be_visible()


def test_require_by_a_day_nudges_then_confines(live: Live, page: Page) -> None:
    """Until the end of that day there is a banner; after it only set-up and log-out are reached, until it is done."""
    ada = live.add("ada", owner=True)
    log_in(page, live, ada)
    set_rule(page, live, "required", "2027-01-15")  # the day on which the test's clock stands
    page.goto(f"{live.url}/profile")
    expect(page.get_by_text("after 2027-01-15 it is required")).to_be_visible()
    live.tick(16 * 3600)
    give_password(page, live, "ada")
    for elsewhere in (
        "/",
        "/profile",
        "/setup/staff/administrators",
        "/setup/staff/two-factor-rule",
        "/help",
        "/nowhere/../",
    ):
        page.goto(f"{live.url}{elsewhere}")
        expect(page).to_have_url(f"{live.url}/profile/two-factor")
    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(page.get_by_text("This panel requires a second factor")).to_be_visible()
    page.get_by_role("button", name="Get started").click()
    page.get_by_label("Token Code").fill(oath_code("".join(page.locator("#key").inner_text().split()), live.clock()))
    page.get_by_role("button", name="Save Changes").click()
    page.get_by_label("I have stored them").check()
    page.get_by_role("button", name="Go on").click()
    page.goto(f"{live.url}/setup/staff/administrators")
    expect(page.get_by_role("heading", name="Administrators")).to_be_visible()


def test_audit_trail_tells_what_happened_and_no_code(live: Live, page: Page) -> None:
    """Accepted and refused codes, recovery and reset are in it, with names; no code, recovery code or key is."""
    ada, grace = live.add_with_factor("ada", owner=True), live.add_with_factor("grace")
    wrong, right = live.wrong_code(ada), ada.code(live.clock())
    give_password(page, live, "ada")
    give_code(page, wrong)
    give_code(page, right)
    visitor = live.visitor()
    visitor.give_password("grace")
    visitor.post("/login/recovery", code=grace.recovery_codes[0])
    reset(page, live, "Grace")
    page.goto(f"{live.url}/setup/staff/audit")
    rows = [" ".join(row.split()) for row in page.get_by_role("row").all_inner_texts()]
    assert re.search(r"Grace reset phone lost, asked in person Ada", rows[1])
    assert re.search(r"Grace recover ok .*9$", rows[2])
    assert re.search(r"Ada verify ok", rows[3])
    assert re.search(r"Ada verify wrong .*1 10$", rows[4])
    content = page.content()
    for hidden in (wrong, right, grace.recovery_codes[0], ada.key, grace.key):
        assert hidden not in content.replace(" ", "")


def test_login_name_may_change(live: Live, page: Page) -> None:
    """The second factor hangs on the id: after a change of the login name the same app still works."""
    ada = live.add_with_factor("ada")
    log_in(page, live, ada)
    page.goto(f"{live.url}/profile")
    page.get_by_label("User name").fill("countess")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("saved")
    page.get_by_role("button", name="Log out").click()
    live.tick(60)
    give_password(page, live, "countess")
    give_code(page, ada.code(live.clock()))
    expect(page.get_by_role("heading", name="Access granted")).to_be_visible()
