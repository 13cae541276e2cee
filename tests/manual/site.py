"""The manual as it is built: once for all tests, and what its pages hold."""

import posixpath
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from manual import DOCS
from need import miss

# Pages that Sphinx makes, and those of files that pages link to: they are no pages of the manual.
MADE: Final = ("files/", "genindex.html", "py-modindex.html", "search.html")
STEPS: Final = frozenset({"next", "prev", "index", "search", "canonical"})  # links that a browser does not load
LOADING: Final = {"link": "href", "script": "src", "img": "src", "source": "src", "iframe": "src", "video": "src"}


class Page(NamedTuple):
    """A page that was built.

    Attributes:
        path: Its path within the site.
        ids: What a link may lead to.
        links: Every link, as it stands.
        own: Those in the text itself, not in the frame around it.
        loads: What a browser loads to show the page.
    """

    path: str
    ids: frozenset[str]
    links: tuple[str, ...]
    own: tuple[str, ...]
    loads: tuple[str, ...]

    def target(self, link: str) -> tuple[str, str] | None:
        """The page within the site that a link leads to, and the place in it; `None` where it leads out of it."""
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            return None
        here = posixpath.join(posixpath.dirname(self.path), unquote(parts.path)) if parts.path else self.path
        return posixpath.normpath(here), unquote(parts.fragment)


class Site(NamedTuple):
    """The manual: where it is, what was said while it was built, and its pages by their paths."""

    folder: Path
    said: str
    code: int
    pages: dict[str, Page]

    @property
    def manual(self) -> list[str]:
        """The pages that somebody wrote."""
        return [path for path in self.pages if not path.startswith(MADE)]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids, self.links, self.own, self.loads = set[str](), list[str](), list[str](), list[str]()
        self._in_article = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._in_article += tag == "article"
        if "id" in found:
            self.ids.add(found["id"])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
            if self._in_article and "headerlink" not in found.get("class", ""):
                self.own.append(found["href"])
        if found.get(LOADING.get(tag, "-")) and found.get("rel") not in STEPS:
            self.loads.append(found[LOADING[tag]])

    def handle_endtag(self, tag: str) -> None:
        self._in_article -= tag == "article"


def read(path: str, text: str) -> Page:
    """Read a page."""
    reader = _Reader()
    reader.feed(text)
    return Page(path, frozenset(reader.ids), tuple(reader.links), tuple(reader.own), tuple(reader.loads))


def build(into: Path) -> Site:
    """Build the manual as `tox run -e docs` does, with every warning an error."""
    if any(find_spec(name) is None for name in ("sphinx", "furo", "myst_parser")):
        miss("needs Sphinx, furo and MyST")
    command = [sys.executable, "-m", "sphinx", "-n", "-W", "--keep-going", "-q", "-b", "html"]
    command += ["-d", str(into / "doctrees"), str(DOCS), str(into / "html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    folder = into / "html"
    files = [file for file in folder.rglob("*.html") if "_static" not in file.parts]
    found = [read(file.relative_to(folder).as_posix(), file.read_text("utf-8")) for file in files]
    return Site(folder, done.stdout + done.stderr, done.returncode, {page.path: page for page in found})


@cache
def anchors(page: Path) -> frozenset[str]:
    """What a code host lets a link to a page lead to: its headings, as they are slugged there."""
    slugs = list[str]()
    fenced = False
    for line in page.read_text("utf-8").splitlines():
        fenced ^= line.startswith("```")
        if not fenced and line.startswith("#"):
            words = line.lstrip("#").strip().lower().replace("`", "")
            slug = "".join(letter for letter in words if letter.isalnum() or letter in "-_ ").replace(" ", "-")
            slugs.append(f"{slug}-{slugs.count(slug)}" if slug in slugs else slug)
    return frozenset(slugs)
