"""From a name in the reference to the line of the source that defines it.

Rules of this file:

1. The line is in the page that `files` makes of the whole module: an auditor reads on from there.
2. What has no line of its own, a field or a value, has no link.
"""

import importlib
import inspect
from collections.abc import Callable
from functools import reduce
from pathlib import Path

from docutils import nodes
from files import linked, page_of
from sphinx import addnodes
from sphinx.application import Sphinx

import totpcore


def setup(app: Sphinx) -> dict[str, bool]:
    """Take part in a build."""
    app.connect("doctree-read", lead)
    return {"parallel_read_safe": False, "parallel_write_safe": True}


def lead(app: Sphinx, doctree: nodes.document) -> None:
    """Put a link to its source beside each name."""
    docname = app.env.docname
    for head in doctree.findall(addnodes.desc_signature):
        place = place_of(str(head.get("module", "")), str(head.get("fullname", "")))
        if place is not None:
            path, line = place
            linked(app.env).setdefault(docname, set()).add(path)
            target = f"{app.builder.get_relative_uri(docname, page_of(path))}#line-{line}"
            shown = nodes.inline("", "[source]", classes=["viewcode-link"])  # the theme knows this class
            head.append(nodes.reference("", "", shown, internal=True, refuri=target))


def place_of(module: str, name: str) -> tuple[str, int] | None:
    """The file, by its path from the root of the project, and the line in which something is defined."""
    try:
        found = thing(module, name)
        file, (_, line) = Path(inspect.getsourcefile(found) or ""), inspect.getsourcelines(found)
    except (AttributeError, OSError, TypeError, ValueError):
        return None
    package = Path(totpcore.__file__).parent
    return (f"src/totpcore/{file.relative_to(package).as_posix()}", line) if file.is_relative_to(package) else None


def thing(module: str, name: str) -> Callable[..., object]:
    """Return what a name stands for; of a property, what computes it."""
    found: object = reduce(getattr, name.split("."), importlib.import_module(module))
    if isinstance(found, property):
        found = found.fget
    if not callable(found):
        raise TypeError(f"{name} is neither a class nor a function")
    inner: Callable[..., object] = inspect.unwrap(found)
    return inner
