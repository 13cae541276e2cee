"""Setting up, replacing and removing one's own second factor, seen from the browser."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect

from browser.codes import oath_code
from browser.seeing import scan
from need import need
from panel.live import Live, log_in
from totpcore import State

need("chromium", "oathtool")


def open_set_up(page: Page, live: Live) -> str:
    """Go to the page with the QR code, and read it."""
    page.goto(f"{live.url}/profile/two-factor")
    page.get_by_role("button", name="Get started").click()
    return scan(page)


def save(page: Page, code: str) -> None:
    """Type a code on the page with the QR code."""
    page.get_by_label("Token Code").fill(code)
    page.get_by_role("button", name="Save Changes").click()


def change(page: Page, live: Live, form: str, code: str) -> None:
    """Fill one of the forms that change a confirmed factor."""
    page.goto(f"{live.url}/profile/two-factor")
    card = page.locator("form", has=page.get_by_role("heading", name=form))
    card.get_by_label("Token code or recovery code").fill(code)
    card.get_by_role("button", name=form).click()


def test_wrong_code_shows_the_same_picture(live: Live, page: Page) -> None:
    """After a wrong code, and after leaving and coming back, the QR code is the same; then the right code counts."""
    ada = live.add("ada")
    log_in(page, live, ada)
    uri = open_set_up(page, live)
    save(page, oath_code(uri, live.clock() + 3000))
    expect(page.get_by_role("alert")).to_contain_text("not right")
    assert scan(page) == uri
    page.goto(f"{live.url}/profile/two-factor")
    page.get_by_role("button", name="Go on with set-up").click()
    assert scan(page) == uri
    save(page, oath_code(uri, live.clock()))
    expect(page.get_by_role("heading", name="Two-factor authentication is on")).to_be_visible()


def test_set_up_runs_out(live: Live, page: Page) -> None:
    """After ten minutes the code is refused, the page says to start again, and a new key is made."""
    ada = live.add("ada")
    log_in(page, live, ada)
    uri = open_set_up(page, live)
    live.tick(601)
    save(page, oath_code(uri, live.clock()))
    expect(page.get_by_role("alert")).to_contain_text("start again")
    page.get_by_role("button", name="Get started").click()
    assert scan(page) != uri


@pytest.mark.parametrize(("ahead", "way"), [(120, "120 seconds ahead"), (-150, "150 seconds behind")])
def test_clock_of_the_phone_is_off(live: Live, page: Page, ahead: int, way: str) -> None:
    """A phone with a wrong clock is told by how much, and what to switch on."""
    ada = live.add("ada")
    log_in(page, live, ada)
    uri = open_set_up(page, live)
    save(page, oath_code(uri, live.clock() + ahead))
    expect(page.get_by_role("alert")).to_contain_text(way)
    expect(page.get_by_role("alert")).to_contain_text("automatic date and time")


def test_key_is_copied_without_spaces(live: Live, page: Page) -> None:
    """The copy button takes the key as apps want it."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada = live.add("ada")
    log_in(page, live, ada)
    uri = open_set_up(page, live)
    page.get_by_role("button", name="Copy key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"secret={copied}&" in f"{uri}&"


def test_recovery_codes_are_downloaded(live: Live, page: Page, tmp_path: Path) -> None:
    """The file holds the ten codes, a line each; no request was needed for it. Print opens the browser's print."""
    ada = live.add("ada")
    log_in(page, live, ada)
    uri = open_set_up(page, live)
    save(page, oath_code(uri, live.clock()))
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    shown = page.locator("#codes li").all_inner_texts()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.startswith("http") else None)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "codes.txt")
    assert (tmp_path / "codes.txt").read_text().split() == shown
    assert not asked
    page.evaluate("window.print = () => { document.title = 'printed'; }")
    page.get_by_role("button", name="Print").click()
    assert page.title() == "printed"


def test_page_works_without_javascript(live: Live, chromium_without_javascript: Page) -> None:
    """Without JavaScript every step works; only the buttons that need it are not there."""
    live.serve()
    page = chromium_without_javascript
    ada = live.add("ada")
    log_in(page, live, ada)
    uri = open_set_up(page, live)
    expect(page.get_by_role("button", name="Copy key")).to_have_count(0)
    save(page, oath_code(uri, live.clock()))
    expect(page.locator("#codes li")).to_have_count(10)


def test_double_click_does_not_lose_the_recovery_codes(live: Live, page: Page) -> None:
    """A form is sent once, however often it is clicked."""
    ada = live.add("ada")
    log_in(page, live, ada)
    uri = open_set_up(page, live)
    page.get_by_label("Token Code").fill(oath_code(uri, live.clock()))
    page.get_by_role("button", name="Save Changes").dblclick()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()


def test_recovery_codes_are_shown_once(live: Live, page: Page) -> None:
    """Neither reload nor the back button brings them back."""
    ada = live.add("ada")
    log_in(page, live, ada)
    uri = open_set_up(page, live)
    save(page, oath_code(uri, live.clock()))
    code = page.locator("#codes li").first.inner_text()
    page.reload()
    expect(page.get_by_text("This form is out of date")).to_be_visible()
    expect(page.get_by_text(code)).to_have_count(0)
    page.goto(f"{live.url}/profile")
    # The browser has kept nothing to show, and says so instead of asking again.
    with contextlib.suppress(Error):
        page.go_back()
    expect(page.get_by_text(code)).to_have_count(0)


def test_replace_device(live: Live, page: Page, new_page: Callable[[], Page]) -> None:
    """The old device works until the new one is confirmed, and not afterwards."""
    ada = live.add_with_factor("ada")
    log_in(page, live, ada)
    live.tick(60)
    change(page, live, "Replace device", ada.code(live.clock()))
    uri = scan(page)
    live.tick(60)
    log_in(new_page(), live, ada)
    save(page, oath_code(uri, live.clock()))
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    live.tick(60)
    late = live.visitor()
    late.give_password("ada")
    assert late.post("/login/code", code=ada.code(live.clock())).status_code == 422
    assert late.post("/login/code", code=oath_code(uri, live.clock())).status_code == 302


def test_new_recovery_codes(live: Live, page: Page) -> None:
    """A code makes ten new ones, and the old ones end."""
    ada = live.add_with_factor("ada")
    log_in(page, live, ada)
    live.tick(60)
    change(page, live, "New recovery codes", live.wrong_code(ada))
    expect(page.get_by_role("alert")).to_contain_text("not right")
    change(page, live, "New recovery codes", ada.code(live.clock()))
    expect(page.locator("#codes li")).to_have_count(10)
    visitor = live.visitor()
    visitor.give_password("ada")
    assert visitor.post("/login/recovery", code=ada.recovery_codes[0]).status_code == 422


def test_disable_takes_a_code(live: Live, page: Page) -> None:
    """A wrong code leaves the factor on; a right one turns it off, and the next log-in takes the password alone."""
    ada = live.add_with_factor("ada")
    log_in(page, live, ada)
    live.tick(60)
    change(page, live, "Disable", live.wrong_code(ada))
    expect(page.get_by_role("alert")).to_be_visible()
    assert live.factor.status(ada.id).state is State.ON
    change(page, live, "Disable", ada.code(live.clock()))
    expect(page.get_by_role("status").first).to_contain_text("is off")
    assert live.factor.status(ada.id).state is State.OFF
    answer = live.visitor().give_password("ada")
    assert answer.headers["Location"] == "/"
