"""Links from pages to files of the project, right on a code host and in the manual.

Rules of this file:

1. A page links a file by its relative path: `../examples/admin_panel/app.py`. A code host shows the file; here it gets
   a page of its own, highlighted. A folder's page lists what is in it.
2. The README, which is the first page on a code host, is the first page here.
3. Only what some page links to has a page, and what is in a folder that some page links to.
"""

import html
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

ROOT: Final = Path(__file__).parents[2]
PLACE: Final = "files"  # in the manual
LEXERS: Final = {".py": "python", ".toml": "toml", ".json": "json", ".html": "html+jinja", ".css": "css", ".js": "js"}
PICTURES: Final = frozenset({".png", ".ico", ".svg"})
UNSEEN: Final = frozenset({"__pycache__"})

Page = tuple[str, dict[str, str], str]


def setup(app: Sphinx) -> dict[str, bool]:
    """Take part in a build."""
    app.connect("doctree-read", lead, priority=100)  # before Sphinx takes such links for downloads
    app.connect("env-purge-doc", forget)
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": False, "parallel_write_safe": True}


def linked(env: BuildEnvironment) -> dict[str, set[str]]:
    """What each page links to, by paths from the root of the project."""
    known: dict[str, set[str]] = vars(env).setdefault("linked_files", {})  # there an extension keeps what it knows
    return known


def forget(_app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget the links of a page that is read anew."""
    linked(env).pop(docname, None)


def lead(app: Sphinx, doctree: nodes.document) -> None:
    """Give the links of a page to files and folders their target."""
    docname = app.env.docname
    found = linked(app.env).setdefault(docname, set())
    here = Path(app.env.doc2path(docname)).parent
    links = [*doctree.findall(addnodes.download_reference), *doctree.findall(addnodes.pending_xref)]
    for node in [link for link in links if link.get("reftype") == "myst" and not link.get("refdomain")]:
        file = Path(os.path.normpath(here / str(node["reftarget"])))
        if not file.exists() or not file.is_relative_to(ROOT):
            continue
        if file == ROOT / "README.md":
            target = app.builder.get_relative_uri(docname, str(app.config.root_doc))
        else:
            path = file.relative_to(ROOT).as_posix()
            found.add(path)
            if file.is_file():
                app.env.note_dependency(str(file))  # the page is read anew where the file has changed, or is gone
            target = app.builder.get_relative_uri(docname, page_of(path))
        node.replace_self(nodes.reference("", "", *node.children, internal=True, refuri=target))


def page_of(path: str) -> str:
    """The name of a file's page."""
    return f"{PLACE}/{path}"


def pages(app: Sphinx) -> Iterator[Page]:
    """Make the pages of the files and folders that pages link to."""
    wanted = {path for paths in linked(app.env).values() for path in paths}
    for folder in [path for path in wanted if (ROOT / path).is_dir()]:
        wanted.update(file.relative_to(ROOT).as_posix() for file in inside(ROOT / folder))
    for path in sorted(wanted):
        body = listing(app, path) if (ROOT / path).is_dir() else shown(app, path)
        title = f"<h1><code>{html.escape(path)}</code></h1>"
        yield page_of(path), {"title": html.escape(path), "body": f"{title}\n{body}"}, "page.html"


def inside(folder: Path) -> list[Path]:
    """The files that are in a folder, pictures aside."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not UNSEEN & set(file.parts)]
    return [file for file in files if file.suffix not in PICTURES and not file.name.startswith(".")]


def listing(app: Sphinx, path: str) -> str:
    """The body of a folder's page."""
    files = [file.relative_to(ROOT).as_posix() for file in inside(ROOT / path)]
    uris = [app.builder.get_relative_uri(page_of(path), page_of(file)) for file in files]
    lines = [
        f'<li><a class="reference internal" href="{uri}">{html.escape(os.path.relpath(file, path))}</a></li>'
        for file, uri in zip(files, uris, strict=True)
    ]
    return "<ul>\n{}\n</ul>".format("\n".join(lines))


def shown(app: Sphinx, path: str) -> str:
    """The body of a file's page."""
    text = (ROOT / path).read_text("utf-8")
    lexer = LEXERS.get(Path(path).suffix, "text")
    highlighter = getattr(app.builder, "highlighter")  # noqa: B009  # of the HTML builders, which alone collect pages
    return str(highlighter.highlight_block(text, lexer, linenos=False, lineanchors="line"))
