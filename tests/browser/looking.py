"""Looking at a page: axe-core finds nothing, nothing sticks out, on phone and desktop, light and dark.

Rule 1. With `TOTPCORE_TEST_SCREENSHOTS` set to a folder, each page is written there as a picture to look at.
Rule 2. Which page it is, somebody has seen before it is looked at: `look_for`, or the caller of `look`.
"""

import os
from pathlib import Path
from typing import Final, Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it ships no `py.typed`
from playwright.sync_api import Page, ViewportSize, expect

from browser.seeing import picture

SIZES: Final = {"phone": ViewportSize(width=390, height=844), "desktop": ViewportSize(width=1280, height=900)}
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
AA: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
Part = str | dict[str, list[list[str]]] | None  # a selector, or what axe-core takes as its context

# Colours that change slowly are none yet. A sheet that is made so is allowed by a strict content security policy too.
_AT_ONCE: Final = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { transition: none !important }");
  document.adoptedStyleSheets = [sheet];
}"""


def look_for(page: Page, name: str, says: str, *also: str, part: Part = None) -> None:
    """Wait for the page that says this, and look at it.

    No other page says all of it, unless it is the same one with more on it: a refusal or a banner.
    """
    for words in (says, *also):
        expect(page.get_by_text(words).filter(visible=True).first, f"the page {name}").to_be_visible()
    look(page, name, part=part)


def look(page: Page, name: str, *, part: Part = None) -> None:
    """Look at the page as it stands, or have axe-core look at a part of it, in both sizes and both schemes."""
    folder = os.environ.get("TOTPCORE_TEST_SCREENSHOTS")
    page.wait_for_load_state()
    page.evaluate(_AT_ONCE)
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if folder:
                Path(folder).mkdir(parents=True, exist_ok=True)
                picture(page, Path(folder) / f"{name}-{size}-{scheme}.png", whole=True)
            # Colours depend on the scheme and layout on the size; two of the four see every colour and every layout.
            if (size, scheme) in {("phone", "light"), ("desktop", "dark")}:
                found = Axe().run(page, context=part, options=AA)
                assert found.violations_count == 0, f"{name}, {size}, {scheme}: {found.generate_report()}"
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is wider than a {size}"
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
