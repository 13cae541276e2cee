"""The sheet to hand out: two sides of A4, with its pictures, in the words of the panel."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from need import miss

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SHEET = DOCS / "how-to/hand-out.md"
CONF = """
extensions = ["myst_parser"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["print.css"]
"""

pytest_plugins = ["browser.fixtures"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sheet alone, built as the manual is."""
    if importlib.util.find_spec("furo") is None:
        miss("needs furo")
    folder = tmp_path_factory.mktemp("sheet")
    source = folder / "source"
    (source / "how-to").mkdir(parents=True)
    shutil.copy(SHEET, source / "how-to/hand-out.md")
    shutil.copytree(DOCS / "figures/handout", source / "figures/handout")
    shutil.copytree(DOCS / "_static", source / "_static")
    (source / "conf.py").write_text(CONF)
    (source / "index.md").write_text("# The manual\n\n```{toctree}\nhow-to/hand-out\n```\n")
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-n", "-W", str(source), str(folder / "html")],
        check=True, capture_output=True, env={"PYTHONHASHSEED": "0"},
    )  # fmt: skip
    return folder / "html/how-to/hand-out.html"


def test_it_has_two_sides_with_all_pictures(built: Path, new_page: Callable[[], Page]) -> None:
    """Printed with what the style sheet says: without what is around the page, and with each picture."""
    page = new_page()
    page.goto(built.as_uri())
    drawn = page.locator("article img").evaluate_all("found => found.map(one => one.complete && one.naturalWidth > 0)")
    assert drawn == [True] * 4
    page.emulate_media(media="print")
    for aside in (".skip-to-content", ".sidebar-drawer", ".toc-drawer", "footer"):
        assert not page.locator(aside).first.is_visible(), aside
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2
    assert {tuple(map(round, map(float, box.split()))) for box in re.findall(rb"/MediaBox \[([^\]]+)\]", printed)} == {
        (0, 0, 595, 842)  # A4, in points
    }


def test_the_manual_has_that_style_sheet() -> None:
    """Otherwise the sheet would be printed on three sides, with a link over the text."""
    assert '"print.css"' in (DOCS / "conf.py").read_text("utf-8")


def test_its_words_are_those_of_the_panel() -> None:
    """What is to be pressed stands on a page of the example panels."""
    pages = " ".join(file.read_text("utf-8") for file in (DOCS / "examples/panel_pages").rglob("*.html"))
    sentences = re.compile(r"[.:…]|recovery codes$")
    words = [words for words in re.findall(r"\*\*([^*]+)\*\*", SHEET.read_text("utf-8")) if not sentences.search(words)]
    assert len(words) == 9
    assert [one for one in words if " ".join(one.split()) not in pages] == []
