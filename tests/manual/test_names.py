"""Every public name is in the reference, once."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from manual.tables import REFERENCE

MODULES = (
    "totpcore",
    "totpcore.migrate",
    "totpcore.stores",
    "totpcore.sealing",
    "totpcore.testing",
    "totpcore.vectors",
)
STORES = ("totpcore.stores.postgres", "totpcore.stores.redis", "totpcore.stores.django")


def documented() -> dict[str, str]:
    """Every name that a directive of a page documents, with that page."""
    found = {}
    for file in sorted((REFERENCE / "api").glob("*.md")):
        for name in re.findall(r"^\.\. auto\w+:: ([\w.]+)$", file.read_text("utf-8"), re.MULTILINE):
            assert name not in found, f"{name} is documented twice"
            found[name] = file.stem
    return found


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_its_place(module: str) -> None:
    """Whatever a package exports is documented once, there or under the name by which it is known elsewhere."""
    # Django's app is another test's: its modules want settings before they can be imported.
    places = {id(resolved(name)) for name in documented() if not name.startswith("totpcore.django.")}
    exported = importlib.import_module(module).__all__
    assert [name for name in exported if id(resolved(f"{module}.{name}")) not in places] == []


@pytest.mark.parametrize("module", STORES)
def test_every_store_has_its_place(module: str) -> None:
    """What the module of a database defines under a public name is documented."""
    tree = ast.parse(Path(importlib.import_module(module).__file__ or "").read_text("utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    names = set(documented())
    assert {f"{module}.{name}" for name in defined if not name.startswith("_")} - names == set()


def resolved(name: str) -> object:
    """What a dotted name stands for."""
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)


def test_pages_of_names_have_an_example_first() -> None:
    """Each begins with a session, and says what it is not for."""
    for file in (REFERENCE / "api").glob("*.md"):
        headings = re.findall(r"^## (.*)$", file.read_text("utf-8"), re.MULTILINE)
        assert headings[0] == "Example", file.name
        assert headings[1].startswith("Purpose, and what"), file.name
