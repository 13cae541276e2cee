"""The pictures in the manual, made by browser tests and kept from going stale.

A test takes a picture where a page shows it:

    from browser.pictures import pictures, steady_chance  # in conftest.py; both are fixtures

    def test_pictures(page: Page, pictures: Pictures) -> None:
        page.goto(...)
        pictures.take(page, "django-code")                # the page
        pictures.take(page.locator("table"), "...")       # or a part of it, with a margin

and a page of the manual shows it with words for who cannot see it:

    ![The log-in page asks for a code](../pictures/django-code.png)

Rule 1. `take` compares what is on the screen with `docs/pictures/NAME.png` and `pictures.json` beside it. The visible
text has to be the recorded one. The picture has to look alike, on a machine with other fonts too.
Rule 2. With `TOTPCORE_KEEP_PICTURES=1` it writes both instead. What fails says with which command.
Rule 3. Time and secrets are set by the test, so that the same page is the same picture: a `HandClock`, and in the
test's own process the fixture `steady_chance`; in a program that the test starts, `steady.sitecustomize`. What differs
all the same from run to run (a port, a date, a key, a recovery code) is masked in the recorded text.
Rule 4. Light scheme, `WIDTH` pixels wide unless a test says otherwise, twice the density, few colours.
Rule 5. `tests/browser/test_pictures.py` sees to it that each picture is shown somewhere, with words, and has a record.
"""

import base64
import io
import json
import os
import re
from pathlib import Path
from typing import TypedDict

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Locator, Page

from browser.steady.sitecustomize import steady_bytes

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
RECORDS = PICTURES / "pictures.json"
WIDTH = 736  # of a page's text in the manual
DENSITY = 2
MARGIN = 16
COLOURS = 24
MASKS = {
    r"\b(?:[0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}\b": "(recovery code)",
    r"\b(?:[A-Z2-7]{4}\s+){3,}[A-Z2-7]{1,4}\b": "(key)",
    r"\b(?:127\.0\.0\.1|localhost):\d+": "(host)",
    r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?|\b\d\d:\d\d(?::\d\d)?\b": "(time)",
}
# Chosen so that other fonts pass (serif, sans, monospace, light and wide ones were tried), and another colour, a page
# without its shade or a QR code that is gone does not. What is fine print is in the text, which has to be the same.
UNLIKE = 10.0  # mean difference, of 255, of two pictures so small that letters are grey
LARGER = 0.2  # of the recorded size: another font breaks lines elsewhere
AREA = 0.005  # of a picture: a colour that covers as much of one...
LEAST = 8  # ... covers at least an eighth of that in the other
SAME_COLOUR = 8  # of 255, in each of red, green and blue; what is kept has one colour for such


class Record(TypedDict):
    """What is known of a picture besides the picture."""

    made_by: str
    width: int
    height: int
    text: list[str]


class Pictures:
    """Takes pictures for the test in `file`."""

    def __init__(self, file: str, folder: Path = PICTURES, *, keep: bool = False) -> None:
        self.taken: list[str] = []
        self.file = file
        self._folder = folder
        self._records = folder / RECORDS.name
        self.keep = keep

    def take(self, seen: Page | Locator, name: str, *, width: int = WIDTH) -> None:
        """Compare a page, or a part of it, with the picture of that name; or keep it."""
        self.taken.append(name)
        page = seen if isinstance(seen, Page) else seen.page
        page.wait_for_load_state()  # the style, and the buttons that a script shows, may come after the words
        before = page.viewport_size
        page.set_viewport_size({"width": width, "height": 400})
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.evaluate("document.activeElement && document.activeElement.blur()")
        text = visible_text(seen)
        picture = _photograph(page, seen)
        if before:
            page.set_viewport_size(before)
        now = Record(
            made_by=self.file, width=picture.width // DENSITY, height=picture.height // DENSITY, text=masked(text)
        )
        if self.keep:
            self.write(name, now, picture)
        elif trouble := self.differs(name, now, picture):
            pytest.fail(f"docs/pictures/{name}.png: {trouble}\nRenew it: {command(self.file)}", pytrace=False)

    def write(self, name: str, now: Record, picture: Image.Image) -> None:
        """Keep a picture, and its record."""
        self._folder.mkdir(exist_ok=True)
        _with_few_colours(picture).save(self._folder / f"{name}.png", optimize=True)
        records = dict(sorted({**read_records(self._records), name: now}.items()))
        self._records.write_text(json.dumps(records, indent=2, ensure_ascii=False) + "\n", "utf-8")

    def differs(self, name: str, now: Record, picture: Image.Image) -> str:
        """How what is on the screen differs from what was kept; nothing, if it does not."""
        known, file = read_records(self._records).get(name), self._folder / f"{name}.png"
        if known is None or not file.exists():
            return "is missing"
        if known["text"] != now["text"]:
            gone = [line for line in known["text"] if line not in now["text"]]
            new = [line for line in now["text"] if line not in known["text"]]
            return f"the page says something else.\nIt said: {gone or 'the same in another order'}\nIt says: {new}"
        if known["made_by"] != now["made_by"]:
            return f"{known['made_by']} makes it, and {now['made_by']} too"
        sides = ((known["width"], now["width"]), (known["height"], now["height"]))
        if any(abs(before - after) > LARGER * before for before, after in sides):
            return f"the page is {now['width']} by {now['height']}, and was {known['width']} by {known['height']}"
        with Image.open(file) as kept:
            return unlike(kept.convert("RGB"), picture)


def unlike(kept: Image.Image, seen: Image.Image) -> str:
    """How the picture that is kept differs from what is seen; nothing, if they look alike."""
    size = (46, max(1, round(46 * kept.height / kept.width)))
    small = [image.resize(size, Image.Resampling.BOX) for image in (kept, seen)]
    far = max(ImageStat.Stat(ImageChops.difference(*small)).mean)
    if far > UNLIKE:
        return f"the page looks otherwise (by {far:.1f} of {UNLIKE})"
    before, now = _areas(kept), _areas(seen)
    for name, one, other in (("is gone", before, now), ("is new", now, before)):
        for colour, share in one.items():
            if share >= AREA and sum(part for at, part in other.items() if _same(colour, at)) < share / LEAST:
                return f"the colour {colour} {name}"
    return ""


Colour = tuple[int, ...]


def _areas(picture: Image.Image) -> dict[Colour, float]:
    """The share of each colour."""
    return {colour: count / (picture.width * picture.height) for count, colour in _counted(picture)}


def _counted(picture: Image.Image) -> list[tuple[int, Colour]]:
    """How many pixels have each colour, the most frequent first."""
    found = picture.getcolors(picture.width * picture.height) or []
    return sorted(((count, colour) for count, colour in found if isinstance(colour, tuple)), reverse=True)


def _same(one: Colour, other: Colour) -> bool:
    return all(abs(a - b) <= SAME_COLOUR for a, b in zip(one, other, strict=True))


def _with_few_colours(picture: Image.Image) -> Image.Image:
    """The picture in its own most frequent colours: flat areas keep theirs, and the edges of letters lose little."""
    chosen: list[Colour] = []
    for _, colour in _counted(picture):
        # Pillow looks for the nearest colour four steps at a time; with neighbours in the palette, white may not be it.
        if len(chosen) < COLOURS and not any(_same(colour, other) for other in chosen):
            chosen.append(colour)
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for colour in chosen for value in colour])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def masked(text: str) -> list[str]:
    """The lines of a text, without what differs from run to run."""
    for pattern, word in MASKS.items():
        text = re.sub(pattern, word, text)
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line]


def visible_text(seen: Page | Locator) -> str:
    """What can be read."""
    return seen.locator("body").inner_text() if isinstance(seen, Page) else seen.inner_text()


def read_records(file: Path = RECORDS) -> dict[str, Record]:
    """What is known of each picture."""
    records: dict[str, Record] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return records


def command(file: str) -> str:
    """What renews the pictures that a test makes."""
    return f"TOTPCORE_KEEP_PICTURES=1 python -m pytest --no-cov {file}"


def _photograph(page: Page, seen: Page | Locator) -> Image.Image:
    width = page.evaluate("document.documentElement.clientWidth")
    if isinstance(seen, Page):
        box = {"x": 0.0, "y": 0.0, "width": width, "height": page.evaluate(_BOTTOM)}
    else:
        found = seen.bounding_box()
        assert found, "what a picture is taken of is on the screen"
        left, top = max(0.0, found["x"] - MARGIN), found["y"] + page.evaluate("window.scrollY") - MARGIN
        right = min(width, found["x"] + found["width"] + MARGIN)
        box = {"x": left, "y": max(0.0, top), "width": right - left, "height": found["height"] + 2 * MARGIN}
    box = {name: round(value) for name, value in box.items()}
    # Playwright's own screenshot has the density that the browser profile was made with.
    session = page.context.new_cdp_session(page)
    options = {"format": "png", "captureBeyondViewport": True, "clip": {**box, "scale": DENSITY}}
    answer = session.send("Page.captureScreenshot", options)
    session.detach()
    return Image.open(io.BytesIO(base64.b64decode(answer["data"]))).convert("RGB")


# Where the content of a page ends, which may be higher than the window or not. What only screen readers see is small.
_BOTTOM = """() => {
  const wide = e => e.getClientRects().length && e.getBoundingClientRect().width > 2;
  const shown = [...document.body.querySelectorAll("*")].filter(e => wide(e) && !e.children.length);
  const bottoms = shown.map(e => e.getBoundingClientRect().bottom + window.scrollY);
  return Math.min(document.documentElement.scrollHeight, Math.max(...bottoms) + 48);
}"""


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Pictures:
    """What a test takes pictures with."""
    keep = os.environ.get("TOTPCORE_KEEP_PICTURES") == "1"
    return Pictures(request.path.relative_to(ROOT).as_posix(), keep=keep)


@pytest.fixture
def steady_chance(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The same secrets and recovery codes each time, in the process of the test."""
    monkeypatch.setattr("secrets.token_bytes", steady_bytes(request.node.name))
