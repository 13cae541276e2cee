"""The figures of the manual are what the code draws, and say what the pages say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import keeping
from totpcore import Policy

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs/figures"
DRAWN = ("calls", "guessing", "lifetime", "scale", "states", "stores", "truncation")
CARDS = ("calls", "guessing", "lifetime", "scale", "stores", "truncation")  # by `figures.drawing`
SVG = "{http://www.w3.org/2000/svg}"

each_figure = pytest.mark.parametrize("name", DRAWN)
each_card = pytest.mark.parametrize("name", CARDS)


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every figure, drawn anew by the command that the package names."""
    folder = tmp_path_factory.mktemp("figures")
    path = os.pathsep.join([str(ROOT / "docs"), *filter(None, sys.path)])
    subprocess.run(
        [sys.executable, "-m", "figures", "--into", str(folder)],
        check=True, cwd=folder, env=os.environ | {"PYTHONPATH": path}, capture_output=True,
    )  # fmt: skip
    return folder


def texts(name: str) -> list[str]:
    """The lines of text in a figure."""
    root = ElementTree.parse(FIGURES / f"{name}.svg").getroot()
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def test_every_drawing_is_a_figure(again: Path) -> None:
    """The command draws these, and no other that nobody compares."""
    assert sorted(file.stem for file in again.glob("*.svg")) == sorted(DRAWN)


@each_figure
def test_a_figure_is_what_the_code_draws(name: str, again: Path) -> None:
    """The file is the drawing, letter for letter."""
    assert (FIGURES / f"{name}.svg").read_text("utf-8") == (again / f"{name}.svg").read_text("utf-8")


@each_card
def test_a_figure_can_be_read_by_everybody(name: str) -> None:
    """It brings a white ground, a title and a description; its letters are large enough for a phone; no script."""
    text = (FIGURES / f"{name}.svg").read_text("utf-8")
    root = ElementTree.fromstring(text)
    ground = root.find(f"{SVG}rect")
    assert ground is not None
    assert ground.get("fill") == "#fff"
    width = float(root.attrib["viewBox"].split()[2])
    assert (float(ground.attrib["width"]), width <= 540) == (width - 1, True)
    for part in ("title", "desc"):
        found = root.find(f"{SVG}{part}")
        assert found is not None
        assert found.text
    assert min(int(size) for size in re.findall(r'font-size="(\d+)"', text)) >= 14
    assert not re.search(r"<script|href|url\(|http(?!://www\.w3\.org/2000/svg)", text)


@each_figure
def test_a_figure_stands_in_a_page_with_words(name: str) -> None:
    """Some page shows it, and says in words what it shows."""
    pages = [page.read_text("utf-8") for page in ROOT.glob("docs/*/*.md")]
    shown = [found for page in pages for found in re.findall(rf"!\[([^\]]*)\]\(\.\./figures/{name}\.svg\)", page)]
    assert shown
    assert all(len(words.split()) > 15 for words in shown)


def test_truncation_shows_the_numbers_of_the_rfc() -> None:
    """RFC 4226 section 5.4: byte 19 is 5a, so four bytes from 10 on, and the code is 872921."""
    said = texts("truncation")
    mac = "1f8698690e02ca16618550ef7f19da8e945b555a"
    root = ElementTree.parse(FIGURES / "truncation.svg").getroot()
    shown = [each.text or "" for each in root.iter(f"{SVG}text") if "monospace" in each.get("font-family", "")]
    assert "".join(text for text in shown if len(text) == 2) == mac
    for number in ("0x50ef7f19", "872921", "low four bits: a = 10", "without the sign bit: 1357872921"):
        assert number in said


def test_the_lifetimes_are_those_of_the_rule() -> None:
    """`period * (1 + before + after)`, for each window that is drawn."""
    said = texts("lifetime")
    windows = [tuple(map(int, found)) for text in said for found in re.findall(r"^\((\d), (\d)\)$", text)]
    lifetimes = [int(found) for text in said for found in re.findall(r"^(\d+) seconds$", text)]
    assert lifetimes == [30 * (1 + before + after) for before, after in windows]
    assert Policy().window in windows
    assert Policy.strict().window in windows


def test_the_plot_has_axes_and_ends_where_the_policies_say() -> None:
    """Both axes are labelled, and the chances after a year are in the description, as `guess_probability` has them."""
    said = texts("guessing")
    for label in (
        "Chance of getting in, for whoever knows the password",
        "Time that nobody notices",
        "1 year",
        "100 %",
    ):
        assert label in said
    described = (FIGURES / "guessing.svg").read_text("utf-8").partition("<desc")[2].partition("</desc>")[0]
    for policy, logins in ((Policy(), 1), (Policy.strict(), 1), (Policy(), 0), (Policy(digits=8), 1)):
        assert f": {policy.guess_probability(days=365, logins_per_day=logins):.2%}" in described
    assert "a guess a second: 100.00%" in described


def test_the_calls_are_those_that_were_measured() -> None:
    """Each row that was kept stands in the plot with its median, under the title of its table."""
    said = texts("calls")
    titles = ("One code", "A wrong code in a window of three", "From base32 to a verdict", "A key URI")
    tables = [table for report in keeping.kept() for table in report.tables if table.title in titles]
    for table in tables:
        place = said.index(table.title)
        rows = [(row.name.replace("beside ", ""), row.ratio.middle) for row in table.rows if row.ratio]
        for name, middle in rows:
            place = said.index(name, place)
            assert float(said[place + 1]) == pytest.approx(middle, rel=0.1)
    assert [table.title for table in tables] == list(titles)


def test_the_stores_and_the_scale_have_axes_and_targets() -> None:
    """What is on an axis is said at it; each line and each target is named."""
    stores, scale = texts("stores"), texts("scale")
    assert {"SQLite", "PostgreSQL", "Redis", "threads", "log-in, Plaintext", "log-in, Keyring"} <= {*stores}
    assert {"SQLite", "PostgreSQL", "Redis", "users in the database", "workers, each a process"} <= {*scale}
    assert [text for text in scale if text.startswith("at most ")]
    assert "at least 0.67" in scale


@pytest.mark.parametrize("left", [True, False])
def test_what_was_not_measured_is_left_out(left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that was skipped is no reason not to draw the others; nor is it that nothing was kept."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from figures import speed_calls, speed_scale, speed_stores

    nothing = dict.fromkeys(("ratio", "base", "ours", "micros")) | {"skipped": "no server"}
    reports = [report.fields() for report in keeping.kept()] if left else []
    kept = json.loads(json.dumps(reports))
    for table in (table for report in kept for table in report["tables"]):
        table["rows"] = [row | nothing if "Postgre" in row["name"] or "pyotp" in row["name"] else row
                         for row in table["rows"]]  # fmt: skip
    monkeypatch.setattr(keeping, "MEASURED", tmp_path / "measured.json")
    keeping.MEASURED.write_text(json.dumps(kept), "utf-8")
    calls, stores, scale = (each.draw() for each in (speed_calls, speed_stores, speed_scale))
    assert (">libpass<" in calls, ">pyotp<" in calls) == (left, False)
    for drawn, words in ((stores, "SQLite, log-in"), (scale, "one: SQLite: ")):
        about = ElementTree.fromstring(drawn).findtext(f"{SVG}desc") or ""
        assert (words in about, "PostgreSQL" in about) == (left, False)
