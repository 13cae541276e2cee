"""The pictures of the manual: each is shown, with words, and made by a test; what is compared, and what is forgiven."""

import re
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from browser.pictures import DENSITY, PICTURES, ROOT, Pictures, Record, command, masked, read_records, unlike

PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
MOST_BYTES = 60_000
SHOWN = re.compile(r"!\[(?P<words>[^]]*)\]\((?P<target>[^)]*\bpictures/(?P<name>[^)/]+)\.png)\)")
DIRECTIVE = re.compile(
    r"^[`:]{3,}\{(?:figure|image)\} (?P<target>\S*\bpictures/(?P<name>\S+)\.png)\n(?P<rest>(?::.*\n)*)", re.MULTILINE
)


def shown() -> list[tuple[Path, str, str, str]]:
    """Page, target, name and words of each picture in the manual."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        found += [(page, match["target"], match["name"], match["words"]) for match in SHOWN.finditer(text)]
        for match in DIRECTIVE.finditer(text):
            words = re.search(r"^:alt: (.+)$", match["rest"], re.MULTILINE)
            found.append((page, match["target"], match["name"], words[1] if words else ""))
    return found


def test_each_picture_that_is_shown_exists_and_has_words() -> None:
    """A page that shows a picture finds it, and says in words what is on it."""
    assert shown()
    for page, target, name, words in shown():
        assert (page.parent / target).resolve() == PICTURES / f"{name}.png", (page, target)
        assert (PICTURES / f"{name}.png").exists(), (page, target)
        assert len(words) > 15, (page, target)


def test_each_picture_is_shown_and_has_a_record() -> None:
    """Nothing is kept that nobody sees, and nothing that no test made."""
    names = {file.stem for file in PICTURES.glob("*.png")}
    assert names == set(read_records())
    assert names == {name for _, _, name, _ in shown()}


@pytest.mark.parametrize("name", sorted(read_records()))
def test_each_picture_is_small_and_has_a_maker(name: str) -> None:
    """It has few colours and bytes, the size of its record, and a test that takes it."""
    record, file = read_records()[name], PICTURES / f"{name}.png"
    assert file.stat().st_size <= MOST_BYTES
    with Image.open(file) as picture:
        assert picture.mode == "P"
        assert picture.size == (record["width"] * DENSITY, record["height"] * DENSITY)
    assert f'"{name}"' in (ROOT / record["made_by"]).read_text("utf-8")


def drawing(colour: str = "#2d53c4", paper: str = "#ffffff") -> Image.Image:
    """Something like a page: paper, a line of text, a button."""
    picture = Image.new("RGB", (736, 400), paper)
    draw = ImageDraw.Draw(picture)
    draw.text((20, 20), "This is a page with a button", fill="#1b2230", font_size=24)
    draw.rectangle((20, 80, 220, 130), fill=colour)
    return picture


def test_another_colour_is_seen_and_another_place_of_letters_is_not() -> None:
    """What changes with the fonts is forgiven; a colour that is gone, or new, is not."""
    page, moved = drawing(), drawing()
    ImageDraw.Draw(moved).text((20, 22), "This is a page with a button", fill="#1b2230", font_size=24)
    assert unlike(page, page) == ""
    assert unlike(page, moved) == ""
    assert "is gone" in unlike(page, drawing(colour="#c42d53"))
    assert "is gone" in unlike(page, drawing(colour="#ffffff"))
    assert unlike(page, drawing(paper="#202020"))


def test_what_differs_from_run_to_run_is_masked() -> None:
    """Recovery codes, keys, hosts and times; nothing else."""
    text = """Codes
      8SRD-FB64-CKPR-MADT-C4C0-TZXW
      MI3V V46H F4FK IXPE CIFV GXZ2 VS7Z 4S3B
      BQRK
      NHGR
      X2UN
      6CFF
      http://127.0.0.1:43211/ at 2027-01-15 08:10:00 UTC, 08:10
      THIS PAGE  says 10 left"""
    rest = ["http://(host)/ at (time) UTC, (time)", "THIS PAGE says 10 left"]
    assert masked(text) == ["Codes", "(recovery code)", "(key)", *rest]


class Screen(Pictures):
    """Takes what it is given for what is on the screen."""

    def compare(self, name: str, picture: Image.Image, *text: str) -> str:
        """What `take` does once it has looked."""
        width, height = picture.width // DENSITY, picture.height // DENSITY
        now = Record(made_by=self.file, width=width, height=height, text=list(text))
        if self.keep:
            self.write(name, now, picture)
        return self.differs(name, now, picture)


def test_a_picture_is_compared_with_what_was_kept(tmp_path: Path) -> None:
    """Missing, other words, another size, another look: each is said; `keep` writes it, and then it is the same."""
    page, before = drawing(), Screen("tests/x.py", tmp_path)
    assert before.compare("page", page, "Hello") == "is missing"
    Screen("tests/x.py", tmp_path, keep=True).compare("page", page, "Hello", "10 left")
    assert (tmp_path / "page.png").exists()
    assert before.compare("page", page, "Hello", "10 left") == ""
    assert "It says: ['9 left']" in before.compare("page", page, "Hello", "9 left")
    assert "another order" in before.compare("page", page, "10 left", "Hello")
    assert "368 by 500, and was 368 by 200" in before.compare("page", page.resize((736, 1000)), "Hello", "10 left")
    assert "is gone" in before.compare("page", drawing(colour="#c42d53"), "Hello", "10 left")
    assert "too" in Screen("tests/y.py", tmp_path).compare("page", page, "Hello", "10 left")


def test_what_fails_says_how_to_renew_it() -> None:
    """One line for a terminal."""
    assert command("tests/x.py") == "TOTPCORE_KEEP_PICTURES=1 python -m pytest --no-cov tests/x.py"
