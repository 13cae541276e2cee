"""A fingerprint of a module's code, by which the figures of a long run know whether they still belong to it."""

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import totpcore

ROOT: Final = Path(totpcore.__file__).parent


def fingerprint(source: str) -> str:
    """The code without its comments, docstrings and layout, in few characters."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    return hashlib.sha256(_shape(tree).encode()).hexdigest()[:16]


def _shape(part: object) -> str:
    """What `ast.dump` would tell, alike on every Python: it has come to leave out other fields, and to add some."""
    if isinstance(part, list):
        return f"[{','.join(map(_shape, part))}]"
    if not isinstance(part, ast.AST):
        return repr(part)
    fields = [(name, value) for name, value in ast.iter_fields(part) if value not in (None, [])]
    return f"{type(part).__name__}({','.join(f'{name}={_shape(value)}' for name, value in fields)})"


def fingerprint_of(module: str) -> str:
    """The fingerprint of a module as it stands."""
    return fingerprint((ROOT / f"{module}.py").read_text("utf-8"))


def fingerprints_of(modules: Iterable[str]) -> dict[str, str]:
    """The fingerprints of some modules, by name: kept beside the figures of a run, they tell which code it was of."""
    return {module: fingerprint_of(module) for module in modules}
