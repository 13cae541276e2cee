"""How Sphinx builds the manual: `tox run -e docs`.

Rules of this file:

1. Nothing is loaded from the network, neither to build the pages nor to read them.
2. A name that leads nowhere is an error: the build is `-n -W`, and there is no list of exceptions.
3. The version is the package's own.
"""

import inspect
import sys
from pathlib import Path

import django
from django.conf import settings
from docutils import nodes
from sphinx.application import Sphinx

import totpcore

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
# What Django's models and admin need before they can be imported. No key and no database is asked for.
APPS = ["admin", "auth", "contenttypes", "messages", "sessions"]
settings.configure(INSTALLED_APPS=[*(f"django.contrib.{app}" for app in APPS), "totpcore.django"], USE_TZ=True)
django.setup()

project = "totpcore"
author = "the authors of totpcore"
version = release = totpcore.__version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "files", "names", "sources"]
root_doc = "index"
exclude_patterns = ["_build", "_ext", "examples", "figures"]
nitpicky = True

# ---- Markdown: what a code host shows too ----

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4  # a link to a heading is `page.md#its-words`, as on a code host

# ---- the reference, from the docstrings ----

default_role = "name"  # of `names`: a single backtick leads to what it names, where that is documented
autodoc_typehints = "signature"
autoclass_content = "both"  # what a constructor takes and raises, below what the class is
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
maximum_signature_line_length = 88
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False

# ---- the pages ----

html_theme = "furo"
html_title = f"totpcore {release}"
html_static_path = ["_static"]
html_css_files = ["print.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True, "source_edit_link": "", "source_view_link": ""}
pygments_style = "default"
pygments_dark_style = "github-dark"


def setup(app: Sphinx) -> None:
    """Take part in a build."""
    app.connect("autodoc-process-docstring", headed)
    app.connect("doctree-read", without_last_line)


def headed(_app: Sphinx, what: str, _name: str, thing: object, _options: object, lines: list[str]) -> None:
    """Give what a constructor does a heading of its own: it stands below what the class is."""
    told = inspect.getdoc(getattr(thing, "__init__", None)) if what == "class" else None
    if told is not None and lines[:1] == told.splitlines()[:1]:
        lines[:0] = [".. rubric:: Constructor", ""]


def without_last_line(_app: Sphinx, doctree: nodes.document) -> None:
    """Shorten each block of code to its last line that says something: only doctest needs the empty one."""
    for block in doctree.findall(nodes.literal_block):
        if not isinstance(block.children[0], nodes.Element):
            block.rawsource = block.astext().rstrip()
            block.children = [nodes.Text(block.rawsource)]
