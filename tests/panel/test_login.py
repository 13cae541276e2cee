"""Logging in, seen from the browser: what is refused, what the message says, and the ways in without the device."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from need import need
from panel.live import Live, give_code, give_password, log_in

need("chromium", "oathtool")


def test_five_wrong_codes_then_a_wait(live: Live, page: Page) -> None:
    """Each wrong code says how many tries are left, after five how long to wait; then a right code works."""
    ada = live.add_with_factor("ada")
    give_password(page, live, "ada")
    for left in ("4 more tries", "3 more tries", "2 more tries", "1 more try", "last try for now"):
        give_code(page, live.wrong_code(ada))
        expect(page.get_by_role("alert")).to_contain_text(left)
    give_code(page, ada.code(live.clock()))
    expect(page.get_by_role("alert")).to_contain_text("Wait 30 seconds")
    live.tick(20)
    give_code(page, ada.code(live.clock()))
    expect(page.get_by_role("alert")).to_contain_text("Wait 10 seconds")
    live.tick(10)
    give_code(page, ada.code(live.clock()))
    expect(page.get_by_role("heading", name="Access granted")).to_be_visible()
    expect(page.get_by_role("status").first).to_contain_text("5 wrong codes since your last log-in")


def test_wrong_codes_are_told_after_the_next_log_in(live: Live, page: Page) -> None:
    """Whoever logs in learns of failed tries, once."""
    ada = live.add_with_factor("ada")
    live.fail(ada, 3)
    log_in(page, live, ada)
    expect(page.get_by_role("status").first).to_contain_text("3 wrong codes since your last log-in")
    page.reload()
    expect(page.get_by_text("wrong codes")).to_have_count(0)


def test_recovery_code_works_once(live: Live, page: Page, new_page: Callable[[], Page]) -> None:
    """A recovery code opens the door, says how many are left, and is refused the second time."""
    ada = live.add_with_factor("ada")
    give_password(page, live, "ada")
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(ada.recovery_codes[0].lower().replace("-", " "))
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("status").first).to_contain_text("9 left")

    again = new_page()
    give_password(again, live, "ada")
    again.get_by_role("link", name="Use a recovery code").click()
    again.get_by_label("Recovery code").fill(ada.recovery_codes[0])
    again.get_by_role("button", name="Continue").click()
    expect(again.get_by_role("alert")).to_contain_text("has been used already")


def test_lost_phone_costs_one_recovery_code(live: Live, page: Page) -> None:
    """After a log-in with a recovery code another device is set up without a further code."""
    ada = live.add_with_factor("ada")
    give_password(page, live, "ada")
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(ada.recovery_codes[0])
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Set up another device").click()
    expect(page.get_by_role("heading", name="Set up time-based tokens")).to_be_visible()


def test_locked_and_the_way_out(live: Live, page: Page) -> None:
    """A hundred wrong codes lock; a recovery code opens nothing but set-up, and set-up ends it."""
    ada = live.add_with_factor("ada")
    live.fail(ada, 100)
    live.tick(3600)
    give_password(page, live, "ada")
    expect(page.get_by_role("alert")).to_contain_text("token codes are locked")
    expect(page.get_by_role("alert")).to_contain_text("Use a recovery code")
    expect(page.get_by_role("textbox")).to_have_count(0)
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(ada.recovery_codes[0])
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Two-factor authentication")).to_be_visible()
    for elsewhere in ("/", "/profile", "/setup/staff/administrators", "/help"):
        page.goto(f"{live.url}{elsewhere}")
        expect(page).to_have_url(f"{live.url}/profile/two-factor")
    page.get_by_role("button", name="Set up another device").click()
    key = "".join(page.locator("#key").inner_text().split())
    page.get_by_label("Token Code").fill(type(ada)(ada.id, "ada", key).code(live.clock()))
    page.get_by_role("button", name="Save Changes").click()
    page.get_by_label("I have stored them").check()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="My profile")).to_be_visible()


def test_recovery_codes_are_throttled_too(live: Live, page: Page) -> None:
    """Guessing recovery codes leads to a wait as well."""
    live.add_with_factor("ada")
    give_password(page, live, "ada")
    page.get_by_role("link", name="Use a recovery code").click()
    for _ in range(6):
        page.get_by_label("Recovery code").fill("0000-1111-2222-3333-4444-5555")
        page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("Wait 30 seconds")


def test_whatever_is_typed_gets_a_sentence(live: Live, page: Page) -> None:
    """A slip costs no try and never breaks the page."""
    ada = live.add_with_factor("ada")
    give_password(page, live, "ada")
    for typed in (
        "",
        " ",
        "\N{GRINNING FACE}" * 6,
        "１２３４５６",
        "123",
        "12345a",
        "9" * 5000,
        "'; --",
        "\u202e123456",
    ):
        page.get_by_label("Token Code").evaluate("(field) => { field.required = false; }")
        give_code(page, typed)
        expect(page.get_by_role("alert")).to_contain_text("did not count as a try")
    spaced = ada.code(live.clock())
    give_code(page, f" {spaced[:3]} {spaced[3:]}")
    expect(page.get_by_role("heading", name="Access granted")).to_be_visible()


def test_log_in_with_the_keyboard_alone(live: Live, page: Page) -> None:
    """The field to type in has the focus, Enter sends, Tab goes in reading order, and the focus is seen."""
    ada = live.add_with_factor("ada")
    page.goto(f"{live.url}/")
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type("a password to test with")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Log in")).to_be_focused()
    assert page.get_by_role("button", name="Log in").evaluate("(it) => getComputedStyle(it).outlineStyle") == "solid"
    page.keyboard.press("Enter")

    expect(page.get_by_label("Token Code")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Use a recovery code")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type(live.wrong_code(ada))
    page.keyboard.press("Enter")

    field = page.get_by_label("Token Code")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    described = (field.get_attribute("aria-describedby") or "").split()
    assert "not right" in " ".join(page.locator(f"#{each}").inner_text() for each in described)
    assert page.title().startswith("Error: Token code")
    page.keyboard.type(ada.code(live.clock()))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Access granted")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_back_button_after_log_out_shows_nothing(live: Live, page: Page) -> None:
    """What a page showed is gone after log-out."""
    ada = live.add_with_factor("ada")
    log_in(page, live, ada)
    page.goto(f"{live.url}/profile")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
