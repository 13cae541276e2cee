"""A QR code as it stands on a screen: in a page of a browser, and in a terminal.

Rules of this file:

1. A picture is a screenshot, with what is around the code, and nothing is done to it afterwards.
2. A browser is Chromium. A terminal is drawn here, cell by cell, with a font that terminals use: the block characters
   are the font's, with its seams, and the colours are those of a real scheme.
3. With `TOTPCORE_TEST_SCREENSHOTS` set to a folder, each picture is written there to be looked at.
"""

import base64
import os
import re
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Page

from browser.seeing import picture
from need import miss

PAGES: Final = {"light": "#ffffff", "dark": "#121212", "black": "#000000"}
Colour = tuple[int, int, int]


class Scheme(NamedTuple):
    """The colours of a terminal: its own two, and what it shows for black and for bright white."""

    foreground: Colour
    background: Colour
    black: Colour = (0, 0, 0)
    bright_white: Colour = (255, 255, 255)


TERMINALS: Final = {
    "light": Scheme((0, 0, 0), (255, 255, 255)),
    "dark": Scheme((229, 229, 229), (0, 0, 0)),
    "Solarized dark": Scheme((0x83, 0x94, 0x96), (0x00, 0x2B, 0x36), (0x07, 0x36, 0x42), (0xFD, 0xF6, 0xE3)),
    "Tango on white": Scheme((0x2E, 0x34, 0x36), (0xFF, 0xFF, 0xFF), (0x2E, 0x34, 0x36), (0xEE, 0xEE, 0xEC)),
}
_FONT: Final = "DejaVuSansMono.ttf"
_ESCAPE: Final = re.compile(r"\x1b\[([0-9;]*)m")


def in_a_page(page: Page, body: str, surroundings: str, file: Path, *, width: int | None = None) -> Path:
    """Take a picture of an element in a page of this colour; with `width`, of so many CSS pixels."""
    page.set_viewport_size({"width": 760, "height": 760})
    sized = "" if width is None else f"<style>svg, img {{ width: {width}px; height: auto }}</style>"
    page.set_content(
        f'<!doctype html>{sized}<body style="margin: 0; padding: 20px; background: {PAGES[surroundings]}">{body}'
    )
    page.wait_for_function("[...document.images].every((one) => one.complete)")
    return kept(picture(page, file), file)


def image(file: bytes, kind: str) -> str:
    """A file of a kind, `png` or `svg+xml`, as an element of a page."""
    return f'<img alt="" src="data:image/{kind};base64,{base64.b64encode(file).decode()}">'


def in_a_terminal(text: str, scheme: str, file: Path, *, font_pixels: int = 16) -> Path:
    """Take a picture of a terminal in which a program has printed this text."""
    colours = TERMINALS[scheme]
    font = _font(font_pixels)
    ascent, descent = font.getmetrics()
    width, height = round(font.getlength("M")), ascent + descent
    lines = ["$ totpcore qr", *text.split("\n")[:-1], "$ "]
    columns = max(len(_ESCAPE.sub("", line)) for line in lines) + 4
    screen = Image.new("RGB", (columns * width, len(lines) * height), colours.background)
    draw = ImageDraw.Draw(screen)
    for row, line in enumerate(lines):
        ink, paper = colours.foreground, colours.background
        column = 0
        for number, piece in enumerate(_ESCAPE.split(line)):
            if number % 2:
                ink, paper = _colours(piece, colours)
                continue
            for character in piece:
                corner = (column * width, row * height)
                draw.rectangle((*corner, corner[0] + width - 1, corner[1] + height - 1), fill=paper)
                draw.text(corner, character, fill=ink, font=font)
                column += 1
    screen.save(file)
    return kept(file.read_bytes(), file)


def _colours(escape: str, scheme: Scheme) -> tuple[Colour, Colour]:
    """What `ESC [ … m` sets: everything back, or black and bright white. Nothing else is understood here."""
    known = {
        "0": (scheme.foreground, scheme.background),
        "30;107": (scheme.black, scheme.bright_white),
        "97;40": (scheme.bright_white, scheme.black),
    }
    return known[escape]


def _font(pixels: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(_FONT, pixels)
    except OSError:
        miss(f"needs the font {_FONT} (Debian: fonts-dejavu-core)")


def kept(shown: bytes, file: Path) -> Path:
    """The file; a copy stays where somebody wants to look."""
    if folder := os.environ.get("TOTPCORE_TEST_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / file.name).write_bytes(shown)
    return file
