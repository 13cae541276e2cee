"""Walks of a person through a panel: setting up, replacing and removing one's own second factor."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, Route, expect

from browser.codes import oath_code, wrong_code
from browser.seeing import scan
from browser.site import Site
from browser.steps import (
    asks_for_code,
    give_code,
    give_password,
    give_recovery_code,
    heading,
    is_in,
    log_in,
    open_set_up,
    save,
)
from totpcore import State


class SetUp:
    """From the QR code to the recovery codes."""

    def test_wrong_code_shows_the_same_picture(self, site: Site, page: Page) -> None:
        """After a wrong code, and after leaving and coming back, the QR code is the same; then the right code counts.

        Otherwise whoever scanned it has a dead entry in the app.
        """
        log_in(page, site, site.add("ada"))
        uri = open_set_up(page, site)
        save(page, site, wrong_code(uri, site.now()))
        expect(site.alert(page)).to_contain_text(site.words.not_right)
        assert scan(page) == uri
        page.goto(f"{site.url}{site.places.second_factor}")
        page.get_by_role("button", name=site.words.go_on_with_it).click()
        assert scan(page) == uri
        save(page, site, oath_code(uri, site.now()))
        heading(page, site.words.is_on)

    def test_set_up_runs_out(self, site: Site, page: Page) -> None:
        """After ten minutes the code is refused, the page says to start again, and a new key is made."""
        log_in(page, site, site.add("ada"))
        uri = open_set_up(page, site)
        site.tick(601)
        save(page, site, oath_code(uri, site.now()))
        expect(site.alert(page)).to_contain_text(site.words.start_again)
        site.begin(page)
        assert scan(page) != uri

    @pytest.mark.parametrize(("ahead", "way"), [(120, "ahead"), (-150, "behind")])
    def test_clock_of_the_phone_is_off(self, site: Site, page: Page, ahead: int, way: str) -> None:
        """A phone with a wrong clock is told by how much, and what to switch on."""
        log_in(page, site, site.add("ada"))
        uri = open_set_up(page, site)
        save(page, site, oath_code(uri, site.now() + ahead))
        expect(site.alert(page)).to_contain_text(site.words.clock_is.format(abs(ahead), way))
        expect(site.alert(page)).to_contain_text(site.words.automatic_time)

    def test_recovery_codes_are_shown_once(self, site: Site, page: Page) -> None:
        """Neither reload nor the back button brings them back."""
        log_in(page, site, site.add("ada"))
        uri = open_set_up(page, site)
        save(page, site, oath_code(uri, site.now()))
        code = site.codes(page).first.inner_text()
        page.reload()
        expect(page.get_by_text(code)).to_have_count(0)
        page.goto(f"{site.url}{site.places.second_factor}")
        # The browser has kept nothing to show, and says so instead of asking again.
        with contextlib.suppress(Error):
            page.go_back()
        expect(page.get_by_text(code)).to_have_count(0)

    def test_double_click_does_not_lose_the_recovery_codes(self, site: Site, page: Page) -> None:
        """A form is sent once, however often it is clicked before the answer is there."""
        log_in(page, site, site.add("ada"))
        uri = open_set_up(page, site)
        page.get_by_label(site.words.code).fill(oath_code(uri, site.now()))
        sent = list[Route]()
        page.route("**", lambda route: sent.append(route) if route.request.method == "POST" else route.continue_())
        # Two clicks in one moment are one to a browser; these are as far apart as those of a hand.
        with page.expect_request(lambda request: request.method == "POST"):
            page.get_by_role("button", name=site.words.save).evaluate(
                "async button => { button.click(); await new Promise(go => setTimeout(go, 150)); button.click(); }"
            )
        page.wait_for_timeout(300)  # a second one would be sent by then
        assert len(sent) == 1
        sent[0].continue_()
        expect(site.codes(page)).to_have_count(10)

    def test_page_works_without_javascript(self, site: Site, chromium_without_javascript: Page) -> None:
        """Without JavaScript every step works."""
        page = chromium_without_javascript
        log_in(page, site, site.add("ada"))
        uri = open_set_up(page, site)
        save(page, site, oath_code(uri, site.now()))
        expect(site.codes(page)).to_have_count(10)


class Scripts:
    """What the page's script adds to set-up."""

    def test_key_is_copied_without_spaces(self, site: Site, page: Page) -> None:
        """The copy button takes the key as apps want it."""
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        log_in(page, site, site.add("ada"))
        uri = open_set_up(page, site)
        page.evaluate("window.setTimeout = () => 0")  # after two seconds it would be gone, whether seen or not
        page.get_by_role("button", name="Copy key").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert f"secret={copied}&" in f"{uri}&"

    def test_buttons_of_the_script_are_hidden_without_it(self, site: Site, chromium_without_javascript: Page) -> None:
        """Where no script runs, there is no button that needs one."""
        page = chromium_without_javascript
        log_in(page, site, site.add("ada"))
        uri = open_set_up(page, site)
        expect(page.get_by_role("button", name="Copy key")).to_have_count(0)
        save(page, site, oath_code(uri, site.now()))
        for name in ("Download", "Print"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)

    def test_recovery_codes_are_downloaded(self, site: Site, page: Page, tmp_path: Path) -> None:
        """The file holds the ten codes, a line each; no request was needed. Print opens the browser's print."""
        log_in(page, site, site.add("ada"))
        uri = open_set_up(page, site)
        save(page, site, oath_code(uri, site.now()))
        expect(site.codes(page)).to_have_count(10)
        shown = site.codes(page).all_inner_texts()
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


class Changes:
    """Changes of a second factor that is on: each takes a code."""

    def test_replace_device(self, site: Site, page: Page, new_page: Callable[[], Page]) -> None:
        """The old device works until the new one is confirmed, and not afterwards."""
        ada = site.add_with_factor("ada")
        log_in(page, site, ada)
        site.tick(60)
        site.change(page, site.words.replace, ada.code(site.now()))
        uri = scan(page)
        site.tick(60)
        log_in(new_page(), site, ada)
        save(page, site, oath_code(uri, site.now()))
        expect(site.codes(page)).to_have_count(10)
        site.tick(60)
        late = new_page()
        give_password(late, site, "ada")
        give_code(late, site, ada.code(site.now()))
        expect(site.alert(late)).to_contain_text(site.words.not_right)
        give_code(late, site, oath_code(uri, site.now()))
        is_in(late, site)

    def test_new_recovery_codes(self, site: Site, page: Page, new_page: Callable[[], Page]) -> None:
        """A code makes ten new ones, and the old ones end."""
        ada = site.add_with_factor("ada")
        log_in(page, site, ada)
        site.tick(60)
        site.change(page, site.words.renew, site.wrong_code(ada))
        expect(site.alert(page)).to_contain_text(site.words.not_right)
        site.change(page, site.words.renew, ada.code(site.now()))
        expect(site.codes(page)).to_have_count(10)
        other = new_page()
        give_password(other, site, "ada")
        give_recovery_code(other, site, ada.recovery_codes[0])
        expect(site.alert(other)).to_contain_text(site.words.not_right)

    def test_disable_takes_a_code(self, site: Site, page: Page, new_page: Callable[[], Page]) -> None:
        """A wrong code leaves the factor on; a right one turns it off, and the next log-in takes the password alone."""
        ada = site.add_with_factor("ada")
        log_in(page, site, ada)
        site.tick(60)
        site.change(page, site.words.disable, site.wrong_code(ada))
        expect(site.alert(page)).to_be_visible()
        assert site.status(ada).state is State.ON
        site.change(page, site.words.disable, ada.code(site.now()))
        expect(site.notice(page)).to_contain_text(site.words.turned_off)
        assert site.status(ada).state is State.OFF
        other = new_page()
        give_password(other, site, "ada")
        is_in(other, site)

    def test_a_change_in_one_browser_ends_the_session_in_another(
        self, site: Site, page: Page, new_page: Callable[[], Page]
    ) -> None:
        """Whoever sat in the other one meets the log-in; whoever made the change goes on."""
        ada = site.add("ada")
        other = new_page()
        log_in(page, site, ada)
        log_in(other, site, ada)
        uri = open_set_up(page, site)
        save(page, site, oath_code(uri, site.now()))
        expect(site.codes(page)).to_have_count(10)
        other.goto(f"{site.url}{site.places.home}")
        expect(other.get_by_label(site.words.password)).to_be_visible()
        give_password(other, site, "ada")
        asks_for_code(other, site)
        page.goto(f"{site.url}{site.places.home}")
        is_in(page, site)
