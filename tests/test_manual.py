"""The manual holds: it is built without a warning, leads everywhere, loads nothing, and every block of code is run."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from manual import DOCS, ROOT, blocks, known, name_of, pages
from manual.site import Site, anchors, build
from need import need
from totpcore.sealing import Keyring
from totpcore.stores import from_url

pytest_plugins = ["browser.fixtures"]

each_page = pytest.mark.parametrize("page", pages(), ids=name_of)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The manual, built once."""
    return build(tmp_path_factory.mktemp("manual"))


# ---- as it is built ----


def test_it_is_built_without_a_warning(site: Site) -> None:
    """Every name, link and type resolves, and every page is in a table of contents."""
    assert (site.code, site.said) == (0, "")


def test_every_page_is_there(site: Site) -> None:
    """What is a page in the sources is a page of the manual, and the other way round."""
    written = {page.relative_to(DOCS).with_suffix(".html").as_posix() for page in pages()[1:]}
    assert set(site.manual) == written


def test_every_page_is_two_clicks_away(site: Site) -> None:
    """From the first page, by links in the text itself."""
    near, reached = {"index.html"}, {"index.html"}
    for _ in range(2):
        targets = [site.pages[path].target(link) for path in near for link in site.pages[path].own]
        near = {target[0] for target in targets if target is not None} & set(site.pages)
        reached |= near
    assert set(site.manual) - reached == set()


def test_every_link_within_holds(site: Site) -> None:
    """Each leads to a page that is there, and to a place that is in it."""
    for page in site.pages.values():
        for link in page.links:
            target = page.target(link)
            if target is not None:
                path, place = target
                assert (site.folder / path).is_file(), f"{page.path}: {link}"
                assert not place or path not in site.pages or place in site.pages[path].ids, f"{page.path}: {link}"


def test_nothing_is_loaded_from_elsewhere(site: Site) -> None:
    """No script, style, picture or font of a page is on another machine."""
    for page in site.pages.values():
        for source in page.loads:
            target = page.target(source)
            assert target is not None, f"{page.path}: {source}"
            assert (site.folder / target[0]).is_file(), f"{page.path}: {source}"
    for style in site.folder.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//|@import", style.read_text("utf-8")), style


def test_no_page_holds_a_path_of_the_machine_that_built_it(site: Site) -> None:
    """A manual that is built elsewhere is the same."""
    for path in site.pages:
        assert str(ROOT) not in (site.folder / path).read_text("utf-8"), path


def test_pages_fit_a_phone_and_ask_for_nothing(site: Site, new_page: Callable[[], Page]) -> None:
    """Each page is no wider than a screen of 390 pixels, loads files alone, and has no fault that a browser tells."""
    need("chromium")
    page = new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    asked: list[str] = []
    told: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    for path in site.manual:
        page.goto((site.folder / path).as_uri(), wait_until="load")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert told == []


# ---- as it is written ----


@each_page
def test_links_to_places_hold_on_a_code_host(page: Path) -> None:
    """A link to a heading is the heading's words, as code hosts and Sphinx both make them."""
    for path, place in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text("utf-8")):
        if "://" not in path:
            assert place in anchors(page.parent / path if path else page), f"{path}#{place}"


@each_page
def test_no_block_of_code_is_unrun(page: Path) -> None:
    """Each is a session, an included file that a test uses, a command that a test knows, or data that is compared."""
    faults = [f"{block.place}: {fault}" for block in blocks.blocks_of(page) if (fault := blocks.fault_of(block))]
    assert faults == []


@pytest.mark.parametrize(
    ("info", "text", "fault"),
    [
        ("python", "print(1)", "nothing runs it"),
        ("python", "import this\n>>> 1\n1", "before the first"),
        ("python", ">>> 1  # doctest: +SKIP\n1", "skipped"),
        ("python", ">>> 1\n1", None),
        ("indented", "x = 1", "nothing runs it"),
        ("sh", "rm -rf everything", "no test knows"),
        ("sh", "tox run -e 3.11 -- -k recovery", None),
        ("sh", "tox run -e nothing", "no test knows"),
        ("console", "$ tox run-parallel\nwhatever it says", None),
        ("sh", 'python3 -m pip install "totpcore[qr,sealing]"', None),
        ("sh", 'python3 -m pip install "totpcore[nothing]"', "no test knows"),
        ("json", "{", "no json"),
        ("toml", "a = 1", None),
        ("text", "whatever", "nothing runs it"),
        ("{toctree}", "index", None),
        ("{nothing}", "x", "nobody knows"),
        ("{literalinclude} docs/examples/sqlalchemy_store.py", "", None),
        ("{literalinclude} docs/examples/nothing.py", "", "is not there"),
        ("{literalinclude} LICENSE", "", "neither"),
    ],
)
def test_what_counts_as_run(info: str, text: str, fault: str | None) -> None:
    """The checker itself tells what is run from what is not."""
    found = blocks.fault_of(blocks.Block("README.md", 1, info, text))
    assert found is None if fault is None else fault in str(found)


def test_blocks_are_found_wherever_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a note, in a list, and without a fence."""
    page = tmp_path / "page.md"
    text = "    indented\n\n- a list\n\n  ```sh\n  one\n  ```\n\n````{note}\n```json\n{}\n```\n````\n"
    page.write_text(text, "utf-8")
    monkeypatch.setattr(blocks, "name_of", lambda _: "page.md")
    found = [(block.line, block.info, block.first) for block in blocks.blocks_of(page)]
    assert found == [(1, "indented", "indented"), (5, "sh", "one"), (10, "json", "{}")]


def test_the_registry_is_no_longer_than_it_has_to_be() -> None:
    """What it answers for is there, and the test that it names exists."""
    for answers in (known.COMMANDS, known.BLOCKS):
        for name, answered in answers.items():
            found = blocks.blocks_of(ROOT / name)
            there = {block.first for block in found}
            there |= {command for block in found for command in blocks.commands_of(block.text, block.info)}
            assert set(answered) <= there, name
    registers = (*known.COMMANDS.values(), *known.BLOCKS.values(), known.FILES, known.WALKED)
    for answer in [answer for register in registers for answer in register.values()]:
        if answer.startswith("tests/") and "::" in answer:
            file, _, test = answer.partition("::")
            tree = ast.parse((ROOT / file).read_text("utf-8"))
            assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, answer
    assert all((ROOT / path).is_file() for path in (*known.FILES, *known.WALKED))


def test_the_command_that_makes_a_key(tmp_path: Path) -> None:
    """The how-to's command leaves a file that a keyring reads, and that nobody else may."""
    block = next(block for block in blocks.blocks_of(DOCS / "how-to/sealing.md") if block.first == "umask 077")
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    subprocess.run(["sh", "-ec", block.text], cwd=tmp_path, check=True, env=environment)
    assert Keyring.from_file(tmp_path / "totp.keys").ids == ("2026-08",)
    assert (tmp_path / "totp.keys").stat().st_mode & 0o777 == 0o600


def test_urls_in_pages_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address of a store that stands alone in a block is one that `from_url` hands to its store."""
    opened = []
    monkeypatch.setattr("totpcore.stores.postgres.PostgresStore", lambda *given, **named: opened.append((given, named)))
    monkeypatch.setattr("totpcore.stores.redis.RedisStore", lambda *given, **named: opened.append((given, named)))
    for name, answered in known.BLOCKS.items():
        for url in [url for url, test in answered.items() if test.endswith("::test_urls_in_pages_are_read")]:
            assert url in (ROOT / name).read_text("utf-8")
            from_url(url)
    assert [named for _, named in opened] == [
        {"schema": "second_factors", "table": "totpcore"},
        {"prefix": "totpcore:", "cluster": False, "wait_replicas": 1},
    ]
