"""Every form in which a QR code is drawn, on light and on dark, and small: two decoders read the URI off the screen."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from clients import pictures
from clients.scanners import by_zbar, by_zxing
from clients.tokens import TOKENS, uri_of
from totpcore import qr

DECODERS = (by_zbar, by_zxing)
FORMS: dict[str, Callable[[str], str]] = {
    "svg": qr.svg,
    "svg file": lambda uri: pictures.image(qr.svg_file(uri).encode(), "svg+xml"),
    "png": lambda uri: pictures.image(qr.png(uri), "png"),
}
SHORT, LONG = "default", "SHA512, 8 digits, 60 seconds"


def text(kind: str) -> str:
    """The URI of such a token."""
    return uri_of(TOKENS[kind]).text


def reads(picture: Path, uri: str) -> None:
    """Both decoders read this, and nothing else."""
    assert [decode(picture) for decode in DECODERS] == [uri, uri]


@pytest.mark.parametrize("kind", [SHORT, LONG])
@pytest.mark.parametrize("surroundings", pictures.PAGES)
@pytest.mark.parametrize("form", FORMS)
def test_in_a_page(form: str, surroundings: str, kind: str, page: Page, tmp_path: Path) -> None:
    """SVG and PNG are read off a page, as large as they are drawn, whatever colour the page has."""
    uri, file = text(kind), tmp_path / f"{form}-{surroundings}-{len(kind)}.png"
    reads(pictures.in_a_page(page, FORMS[form](uri), surroundings, file), uri)


@pytest.mark.parametrize("kind", [SHORT, LONG])
@pytest.mark.parametrize("surroundings", pictures.PAGES)
@pytest.mark.parametrize("form", FORMS)
def test_in_a_page_at_200_pixels(form: str, surroundings: str, kind: str, page: Page, tmp_path: Path) -> None:
    """A page that has room for 200 pixels makes the code smaller, and cuts nothing off."""
    uri, file = text(kind), tmp_path / f"{form}-{surroundings}-{len(kind)}-200.png"
    reads(pictures.in_a_page(page, FORMS[form](uri), surroundings, file, width=200), uri)


def test_an_svg_shrinks_with_its_page(page: Page) -> None:
    """Where a style sheet says `max-width: 100%`, as in a phone, all of a large code stays on the screen."""
    uri = uri_of(TOKENS[LONG], issuer="\N{CYRILLIC CAPITAL LETTER ZHE}" * 30).text
    page.set_viewport_size({"width": 390, "height": 844})
    page.set_content(f"<!doctype html><style>svg {{ max-width: 100%; height: auto }}</style>{qr.svg(uri)}")
    shown = page.locator("svg").evaluate("(one) => one.getBoundingClientRect().width / one.viewBox.baseVal.width")
    assert 0.1 < shown < 0.9
    drawn = page.locator("svg g").evaluate(
        "(one) => [one.getBoundingClientRect().width, one.ownerSVGElement.clientWidth]"
    )
    assert abs(drawn[0] - drawn[1]) <= 1


@pytest.mark.parametrize("kind", TOKENS)
def test_a_png_file(kind: str, tmp_path: Path) -> None:
    """The file itself is read, whatever is in it."""
    (tmp_path / "qr.png").write_bytes(qr.png(text(kind)))
    reads(tmp_path / "qr.png", text(kind))


@pytest.mark.parametrize("kind", [SHORT, LONG])
@pytest.mark.parametrize("scheme", pictures.TERMINALS)
def test_in_a_terminal(scheme: str, kind: str, tmp_path: Path) -> None:
    """What a terminal shows is read, whatever its colours are."""
    file = tmp_path / f"terminal-{scheme}-{len(kind)}.png"
    reads(pictures.in_a_terminal(qr.terminal(text(kind)), scheme, file), text(kind))


@pytest.mark.parametrize(
    ("scheme", "pixels"), [("light", 6), ("dark", 6), *((scheme, 8) for scheme in pictures.TERMINALS)]
)
def test_in_a_terminal_with_small_letters(scheme: str, pixels: int, tmp_path: Path) -> None:
    """Four or five pixels for a column: the code is some 200 pixels wide."""
    file = tmp_path / f"terminal-{scheme}-{pixels}.png"
    reads(pictures.in_a_terminal(qr.terminal(text(SHORT)), scheme, file, font_pixels=pixels), text(SHORT))


@pytest.mark.parametrize("pixels", range(6, 25))
def test_a_terminal_may_have_letters_of_any_size(pixels: int, tmp_path: Path) -> None:
    """The seams that a font leaves about its blocks do not cut the code apart."""
    file = tmp_path / f"terminal-letters-{pixels}.png"
    picture = pictures.in_a_terminal(qr.terminal(text(SHORT)), "dark", file, font_pixels=pixels)
    assert by_zbar(picture) == text(SHORT)
