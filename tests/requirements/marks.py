"""Which tests name which requirements: read from the text of the tests, without importing them.

Rules of this file:

1. A marker is `@pytest.mark.requirement("id", …)` on a test, on a class of tests, or in a `pytest.param` of the test's
   own decorators. Its arguments are texts, so that it can be found by searching.
2. One that stands anywhere else, or that says something else, is not passed over: it is a `Stray`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NAME = "requirement"

Test = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Marker(NamedTuple):
    """The ids on a test, which is named as pytest names it, below `tests/`."""

    test: str
    ids: tuple[str, ...]


class Stray(NamedTuple):
    """A marker that says nothing about a test, and why."""

    place: str
    fault: str


def read(folder: Path) -> list[Marker | Stray]:
    """Every marker in the Python files below a folder."""
    files = sorted(folder.rglob("*.py"))
    return [found for file in files for found in scan(file.read_text("utf-8"), file.relative_to(folder).as_posix())]


def scan(source: str, file: str) -> Iterator[Marker | Stray]:
    """Every marker in the text of one file."""
    tree = ast.parse(source)
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_marker(node)]
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    owners = dict(_owners(tree, file))
    for use in uses:
        place, call = f"{file}:{use.lineno}", calls.get(id(use))
        given = [] if call is None else [*call.args, *(keyword.value for keyword in call.keywords)]
        ids = tuple(one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str))
        if not ids or len(ids) != len(given) or (call is not None and call.keywords):
            yield Stray(place, "it does not name its requirements by texts alone")
        elif id(use) not in owners:
            yield Stray(place, "it stands on no test")
        elif owners[id(use)][1]:
            yield Stray(place, "its test is never run")
        else:
            yield Marker(owners[id(use)][0], ids)


def _is_marker(node: ast.Attribute) -> bool:
    """Whether this is `pytest.mark.requirement`, or `mark.requirement`."""
    return f".{ast.unparse(node)}".endswith(f".mark.{NAME}")


def _owners(tree: ast.Module, file: str) -> Iterator[tuple[int, tuple[str, bool]]]:
    """For each node in the decorators of a test: the test's name, and whether it is never run."""
    if not Path(file).name.startswith("test_"):
        return
    for names, test in _tests(tree, ()):
        passed_over = any(_name(decorator) in ("skip", "xfail") for decorator in test.decorator_list)
        for decorator in test.decorator_list:
            for node in ast.walk(decorator):
                yield id(node), ("::".join((file, *names)), passed_over)


def _name(decorator: ast.expr) -> str:
    """The last name of a decorator. `skipif` is another: its condition says on which machines the test is run."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.attr if isinstance(called, ast.Attribute) else ""


def _tests(within: ast.Module | ast.ClassDef, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Test]]:
    """The tests, and the classes of tests, that pytest collects."""
    for node in within.body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield (*names, node.name), node
            yield from _tests(node, (*names, node.name))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield (*names, node.name), node
