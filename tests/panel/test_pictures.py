"""The pictures of the Flask panel that the README and the manual show."""

import pytest
from playwright.sync_api import Page

from browser.pictures import Pictures, pictures, steady_chance
from browser.steps import give_password, key_shown, log_in, open_set_up, save
from need import need
from panel.live import Account, Live

__all__ = ["pictures", "steady_chance"]

need("chromium", "oathtool")


@pytest.mark.usefixtures("steady_chance")
def test_pictures_of_the_set_up(live: Live, page: Page, pictures: Pictures) -> None:
    """The QR code with the field for the code, the recovery codes, and the question for the code at the next log-in."""
    ada = live.add("ada", owner=True)
    log_in(page, live, ada)
    open_set_up(page, live)
    pictures.take(page, "panel-setup", width=900)
    ada = Account(ada.id, "ada", key_shown(page, live))
    save(page, live, ada.code(live.now()))
    pictures.take(page, "panel-recovery-codes")
    live.tick(60)
    page.context.clear_cookies()
    give_password(page, live, "ada")
    pictures.take(page, "panel-code")


@pytest.mark.usefixtures("steady_chance")
def test_picture_of_the_administrators(live: Live, page: Page, pictures: Pictures) -> None:
    """The table says who has a second factor."""
    ada = live.add_with_factor("ada", owner=True)
    live.add_with_factor("grace")
    live.factor.enrol(live.add("katherine").id, account="katherine")
    live.add("alan")
    log_in(page, live, ada)
    page.goto(f"{live.url}{live.places.people}")
    pictures.take(page, "panel-administrators")
