"""Walks of a person through a panel: the eleven steps, and the ways in.

Rules of this file, and of `walks_changes` and `walks_staff`:

1. A class is a contract to inherit, as stores inherit theirs: `class TestLogIn(LogIn)` beside a fixture `site`. The
   eleven steps take `real_site`, a panel on the real clock.
2. A walk knows no panel: words, addresses and ways are those of its `Site`.
3. Codes come from oathtool, pictures from the screen, never from the library that is under test.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.codes import now_with_time_left, oath_code
from browser.seeing import decode_by_zbar, scan
from browser.site import Site
from browser.steps import (
    asks_for_code,
    asks_for_password,
    give_code,
    give_password,
    give_recovery_code,
    heading,
    is_in,
    key_shown,
    log_in,
    save,
    store_codes,
    type_recovery_code,
)
from need import need


class ElevenSteps:
    """The walk that a panel with a second factor is for."""

    def test_the_eleven_steps(self, real_site: Site, new_page: Callable[[], Page], tmp_path: Path) -> None:
        """From a password to a second factor and in again; the code that was used is refused in a second browser."""
        need("zbarimg")
        site, words = real_site, real_site.words
        ada = site.add("ada", owner=True)
        page = new_page()

        give_password(page, site, "ada")  # 1
        is_in(page, site)

        site.open_people(page)  # 2
        expect(page.get_by_role("columnheader", name=words.column)).to_be_visible()
        expect(site.row(page, ada)).to_contain_text(words.off)

        site.open_own_factor(page, ada)  # 3, 4
        site.begin(page)  # 5

        screen = tmp_path / "screen.png"  # 6
        uri = scan(page, screen)
        assert decode_by_zbar(screen) == uri, "two unrelated decoders read the same"
        assert uri.startswith(f"otpauth://totp/{site.issuer.replace(' ', '%20')}:ada?secret=")
        assert page.get_by_role("link", name=words.in_the_app).get_attribute("href") == uri
        assert re.fullmatch(r"([A-Z2-7]{4}\s+)+[A-Z2-7]{4}", site.key(page).inner_text().strip())
        assert f"secret={key_shown(page, site)}&" in f"{uri}&"

        field = page.get_by_label(words.code)  # 7
        assert field.get_attribute("inputmode") == "numeric"
        assert field.get_attribute("autocomplete") == "one-time-code"
        save(page, site, oath_code(uri, now_with_time_left()))

        heading(page, words.is_on)  # 8
        expect(site.codes(page)).to_have_count(10)
        page.get_by_role("button", name=words.done, exact=True).click()
        heading(page, words.is_on)
        store_codes(page, site)
        heading(page, words.after_set_up)

        site.log_out(page)  # 9
        give_password(page, site, "ada")  # 10
        asks_for_code(page, site)
        # The code of step 7 is spent; a phone that is half a minute ahead spares the test the wait for the next one.
        code = oath_code(uri, now_with_time_left() + 30)
        give_code(page, site, code)
        is_in(page, site)  # 11

        thief = new_page()
        give_password(thief, site, "ada")
        give_code(thief, site, code)
        expect(site.alert(thief)).to_contain_text(words.used)
        thief.goto(f"{site.url}{site.places.home}")
        asks_for_code(thief, site)


class LogIn:
    """Logging in: what is refused, what the message says, and the ways in without the device."""

    def test_five_wrong_codes_then_a_wait(self, site: Site, page: Page) -> None:
        """Each wrong code says how many tries are left, after five how long to wait; then a right code works."""
        ada = site.add_with_factor("ada")
        give_password(page, site, "ada")
        for left in site.words.tries_left:
            give_code(page, site, site.wrong_code(ada))
            expect(site.alert(page)).to_contain_text(left)
        give_code(page, site, ada.code(site.now()))
        expect(site.alert(page)).to_contain_text(site.words.wait.format(30))
        site.tick(20)
        give_code(page, site, ada.code(site.now()))
        expect(site.alert(page)).to_contain_text(site.words.wait.format(10))
        site.tick(10)
        give_code(page, site, ada.code(site.now()))
        is_in(page, site)
        expect(site.notice(page)).to_contain_text(site.words.failures.format(5))

    def test_wrong_codes_are_told_after_the_next_log_in(self, site: Site, page: Page) -> None:
        """Whoever logs in learns of failed tries, once."""
        ada = site.add_with_factor("ada")
        site.fail(ada, 3)
        log_in(page, site, ada)
        told = site.words.failures.format(3)
        expect(site.notice(page)).to_contain_text(told)
        page.reload()
        expect(page.get_by_text(told)).to_have_count(0)

    def test_recovery_code_works_once(self, site: Site, page: Page, new_page: Callable[[], Page]) -> None:
        """A recovery code opens the door, says how many are left, and is refused the second time."""
        ada = site.add_with_factor("ada")
        give_password(page, site, "ada")
        give_recovery_code(page, site, ada.recovery_codes[0].lower().replace("-", " "))
        expect(site.notice(page)).to_contain_text(site.words.left.format(9))

        again = new_page()
        give_password(again, site, "ada")
        give_recovery_code(again, site, ada.recovery_codes[0])
        expect(site.alert(again)).to_contain_text(site.words.used)

    def test_lost_phone_costs_one_recovery_code(self, site: Site, page: Page, new_page: Callable[[], Page]) -> None:
        """After a log-in with a recovery code another device is set up without a further code, and works."""
        ada = site.add_with_factor("ada")
        give_password(page, site, "ada")
        give_recovery_code(page, site, ada.recovery_codes[0])
        page.get_by_role("button", name=site.words.another_device).click()
        uri = scan(page)
        save(page, site, oath_code(uri, site.now()))
        heading(page, site.words.is_on)
        site.tick(60)
        other = new_page()
        give_password(other, site, "ada")
        give_code(other, site, ada.code(site.now()))
        expect(site.alert(other)).to_contain_text(site.words.not_right)
        give_code(other, site, oath_code(uri, site.now()))
        is_in(other, site)

    def test_locked_and_the_way_out(self, site: Site, page: Page) -> None:
        """A hundred wrong codes lock; a recovery code opens nothing but set-up, and set-up ends it."""
        ada = site.add_with_factor("ada")
        site.fail(ada, 100)
        site.tick(3600)
        give_password(page, site, "ada")
        expect(site.alert(page)).to_contain_text(site.words.locked)
        expect(site.alert(page)).to_contain_text("Use a recovery code")
        expect(page.get_by_role("textbox")).to_have_count(0)
        give_recovery_code(page, site, ada.recovery_codes[0])
        heading(page, site.words.overview)
        for elsewhere in site.places.unreached_confined:
            page.goto(f"{site.url}{elsewhere}")
            expect(page).to_have_url(f"{site.url}{site.places.confined}")
        page.get_by_role("button", name=site.words.another_device).click()
        save(page, site, oath_code(key_shown(page, site), site.now()))
        store_codes(page, site)
        heading(page, site.words.after_set_up)

    def test_recovery_codes_are_throttled_too(self, site: Site, page: Page) -> None:
        """Guessing recovery codes leads to a wait as well."""
        site.add_with_factor("ada")
        give_password(page, site, "ada")
        page.get_by_role("link", name=site.words.other_way).click()
        for _ in range(6):
            type_recovery_code(page, site, "0000-1111-2222-3333-4444-5555")
        expect(site.alert(page)).to_contain_text(site.words.wait.format(30))

    def test_whatever_is_typed_gets_a_sentence(self, site: Site, page: Page) -> None:
        """A slip costs no try and never breaks the page."""
        ada = site.add_with_factor("ada")
        give_password(page, site, "ada")
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
            # Whoever wants to sends what no browser would.
            page.get_by_label(site.words.code).evaluate(
                "(field) => { for (const rule of ['required', 'maxlength', 'pattern']) field.removeAttribute(rule); }"
            )
            give_code(page, site, typed)
            expect(site.alert(page)).to_contain_text(site.words.no_try)
        spaced = ada.code(site.now())
        give_code(page, site, f" {spaced[:3]} {spaced[3:]}")
        is_in(page, site)

    def test_half_session_opens_no_page(self, site: Site, page: Page) -> None:
        """With the password alone, every page leads back to the one that asks for the code."""
        site.add_with_factor("ada", owner=True)
        give_password(page, site, "ada")
        for path in site.places.guarded:
            page.goto(f"{site.url}{path}")
            asks_for_code(page, site)

    def test_half_session_ends(self, site: Site, page: Page) -> None:
        """After five minutes without a code the password is asked for again."""
        ada = site.add_with_factor("ada")
        give_password(page, site, "ada")
        asks_for_code(page, site)
        site.tick(301)
        give_code(page, site, ada.code(site.now()))
        asks_for_password(page, site)

    @pytest.mark.parametrize("way", ["back", "address"])
    def test_after_log_out_nothing_is_shown(self, site: Site, page: Page, way: str) -> None:
        """What a page showed is gone after log-out, by the back button and by its address."""
        ada = site.add_with_factor("ada")
        log_in(page, site, ada)
        page.goto(f"{site.url}{site.places.second_factor}")
        site.log_out(page)
        page.get_by_role("button", name=site.words.log_out).wait_for(state="hidden")
        if way == "back":
            page.go_back()
        else:
            page.goto(f"{site.url}{site.places.second_factor}")
        asks_for_password(page, site)
