"""Names in the reference: what a docstring mentions, and what a signature is made of, leads to where it is explained.

Rules of this file:

1. A single backtick in a docstring names something of totpcore's, or is code. The role `name` links the first and shows
   the second as it is.
2. A type of the standard library, of Django or of redis-py leads to its own documentation. Each is listed here, so that
   nothing is loaded to find it, and a type that is not listed fails the build.
3. What only totpcore makes, and an enumeration, shows no constructor.
4. The type of an attribute stands beside its name, and not on lines of its own.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxRole

PYTHON: Final = "https://docs.python.org/3/library"
STANDARD: Final[Mapping[str, str]] = {
    "collections.abc.AsyncIterator": "collections.abc.html#collections.abc.AsyncIterator",
    "collections.abc.Callable": "collections.abc.html#collections.abc.Callable",
    "collections.abc.Iterable": "collections.abc.html#collections.abc.Iterable",
    "collections.abc.Iterator": "collections.abc.html#collections.abc.Iterator",
    "collections.abc.Mapping": "collections.abc.html#collections.abc.Mapping",
    "collections.abc.Sequence": "collections.abc.html#collections.abc.Sequence",
    "contextlib.AbstractContextManager": "contextlib.html#contextlib.AbstractContextManager",
    "enum.StrEnum": "enum.html#enum.StrEnum",
    "os.PathLike": "os.html#os.PathLike",
    "pathlib.Path": "pathlib.html#pathlib.Path",
    "typing.Protocol": "typing.html#typing.Protocol",
}
DJANGO: Final = "https://docs.djangoproject.com/en/stable"
_USER: Final = "topics/auth/customizing/#django.contrib.auth.models.AbstractBaseUser"
OF_DJANGO: Final[Mapping[str, str]] = {
    "AbstractBaseUser": _USER,
    "ImproperlyConfigured": "ref/exceptions/#django.core.exceptions.ImproperlyConfigured",
    "django.contrib.admin.sites.AdminSite": "ref/contrib/admin/#django.contrib.admin.AdminSite",
    "django.contrib.auth.base_user.AbstractBaseUser": _USER,
    "django.http.request.HttpRequest": "ref/request-response/#django.http.HttpRequest",
    "django.test.client.Client": "topics/testing/tools/#django.test.Client",
    "models.BooleanField": "ref/models/fields/#django.db.models.BooleanField",
    "models.OneToOneField": "ref/models/fields/#django.db.models.OneToOneField",
}
REDIS: Final = "https://redis.readthedocs.io/en/stable/connections.html"
CLIENTS: Final = frozenset({"redis.Redis", "redis.RedisCluster", "redis.asyncio.Redis", "redis.asyncio.RedisCluster"})
BUILTIN: Final = frozenset({"Exception", "ImportError", "FileNotFoundError", "TypeError", "UserWarning", "ValueError"})
# Of types: whatever was given is given back, or handed on.
VARIABLES: Final = frozenset({"totpcore.django.decorators.V", "totpcore.migrate._moved.T"})
MADE_HERE: Final = frozenset({"totpcore.Enrolment"})

_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")


def setup(app: Sphinx) -> dict[str, bool]:
    """Take part in a build."""
    app.add_role("name", Mention())
    app.connect("missing-reference", missing)
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-process-docstring", typed, priority=900)  # after napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Mention(SphinxRole):
    """What stands between single backticks: a link if it is a name that is documented, otherwise code."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the node."""
        shown = nodes.literal(self.rawtext, self.text)
        if not _NAME.fullmatch(self.text):
            return [shown], []
        where = {"refdomain": "py", "reftype": "obj", "reftarget": self.text, "refdoc": self.env.docname}
        node = addnodes.pending_xref(self.rawtext, shown, refexplicit=True, mention=True, **where)
        for key in ("py:module", "py:class"):
            node[key] = self.env.ref_context.get(key)
        self.set_source_info(node)
        return [node], []


def missing(
    _app: Sphinx, _env: BuildEnvironment, node: addnodes.pending_xref, inner: nodes.TextElement
) -> nodes.Node | None:
    """Resolve what the manual itself does not explain."""
    target = str(node.get("reftarget", ""))
    if target in STANDARD:
        return nodes.reference("", "", inner, internal=False, refuri=f"{PYTHON}/{STANDARD[target]}")
    if target in BUILTIN:
        return nodes.reference("", "", inner, internal=False, refuri=f"{PYTHON}/exceptions.html#{target}")
    if target in OF_DJANGO:
        return nodes.reference("", "", inner, internal=False, refuri=f"{DJANGO}/{OF_DJANGO[target]}")
    if target in CLIENTS:
        return nodes.reference("", "", inner, internal=False, refuri=REDIS)
    return inner if node.get("mention") or target in VARIABLES else None


def signature(
    _app: Sphinx, _what: str, name: str, thing: object, _options: object, arguments: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Return a signature as it is shown."""
    is_enum = isinstance(thing, type) and issubclass(thing, Enum)
    return ("", None) if name in MADE_HERE or is_enum else (arguments, returns)


def typed(_app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """Make the types of attributes options of their directives, which napoleon writes as fields below."""
    types = {number: line for number, line in enumerate(lines) if line.startswith("   :type: ")}
    for number, line in reversed(types.items()):
        heads = [place for place in range(number) if lines[place].startswith(".. attribute:: ")]
        if heads:
            del lines[number]
            lines.insert(heads[-1] + 1, line)
