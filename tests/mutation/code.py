"""The code that is mutated, and a fingerprint by which results know whether they still belong to it."""

import ast
import hashlib
from pathlib import Path
from typing import Final

import totpcore

ROOT: Final = Path(totpcore.__file__).parent
MODULES: Final = (
    "_guard", "secret", "otp", "_urireading", "recovery", "throttle", "keyuri", "_record", "policy", "answers",
    "_states", "_spending", "_transitions", "_core",
)  # fmt: skip


def fingerprint(source: str) -> str:
    """The code without its comments, docstrings and layout, in few characters."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


def fingerprint_of(module: str) -> str:
    """The fingerprint of a module as it stands."""
    return fingerprint((ROOT / f"{module}.py").read_text("utf-8"))
