"""What the source must not contain, read from its syntax, so that a review need not look for it.

Each gate is tried on a line that offends before it is trusted on the package.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import totpcore

ROOT = Path(totpcore.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

NETWORK = {
    "ftplib", "http", "imaplib", "poplib", "smtplib", "socket", "socketserver", "ssl", "telnetlib", "urllib", "xmlrpc",
}  # fmt: skip
URI_SYNTAX = {"urllib.parse"}  # splits and quotes text; opens nothing
GUESSABLE = {"random", "uuid"}
UNPICKLERS = {"copyreg", "dill", "marshal", "pickle", "shelve", "yaml"}
DYNAMIC = {"__import__", "compile", "eval", "exec"}
# What a secret is called in this package. `len(...)` of one is no secret, and neither is a test for None.
SECRET_NAMES = {
    "canonical", "code", "codes", "digest", "inner", "key", "mac", "outer", "raw", "salt", "secret", "typed",
    "typed_next",
}  # fmt: skip
# Where a gate has nothing to guard: public vectors, read from files of the package and compared by `selftest`.
EXEMPT = {"plain comparison of secrets": {"cli.py", "testing", "vectors"}, "int of unchecked text": {"vectors"}}

Gate = Callable[[ast.AST], Iterator[ast.AST]]


def asserts(tree: ast.AST) -> Iterator[ast.AST]:
    """`assert` and `__debug__`, which `-O` removes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Name) and node.id == "__debug__"):
            yield node


def imported(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every module that is imported by name, with where."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def importing(*names: str) -> Gate:
    """A gate against modules, or what is in them."""

    def gate(tree: ast.AST) -> Iterator[ast.AST]:
        for node, name in imported(tree):
            if name.split(".")[0] in names and not any(
                name == fine or name.startswith(fine + ".") for fine in URI_SYNTAX
            ):
                yield node

    return gate


def dynamic_code(tree: ast.AST) -> Iterator[ast.AST]:
    """Text that becomes code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DYNAMIC:
            yield node


def unchecked_int(tree: ast.AST) -> Iterator[ast.AST]:
    """`int(text)` in a function that has not bounded the length and the ASCII digits of that very text.

    `int` takes `'+1 '`, `'1_0'` and the digits of every script. `int.from_bytes` is another thing.
    """
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            parts = list(ast.walk(function))
            stripped = {ast.unparse(node) for node in parts if isinstance(node, ast.Call)}
            for node in parts:
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id == "int"
                    and node.args
                ):
                    text = ast.unparse(node.args[0])
                    if not {f"{text}.strip('0123456789')", f"len({text})"} <= stripped and not is_number(node.args[0]):
                        yield node


def is_number(node: ast.AST) -> bool:
    """Whether an expression is arithmetic, or a call of a function of numbers, so that no text can be in it."""
    return isinstance(node, ast.BinOp) or (
        isinstance(node, ast.Call) and ast.unparse(node.func) in {"math.floor", "math.ceil", "divmod"}
    )


def plain_comparison(tree: ast.AST) -> Iterator[ast.AST]:
    """`==`, `!=` or `in` on something that is called like a secret: its time tells how much was right."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for operator, right in zip(node.ops, node.comparators, strict=True):
                if isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn) and (
                    is_secret(node.left) or (is_secret(right) and not isinstance(node.left, ast.Constant))
                ):
                    yield node


def is_secret(node: ast.AST) -> bool:
    """Whether an expression is a secret by its name: `code`, `self._key`, `typed.value`, `secret.reveal()`."""
    match node:
        case ast.Name(id=name):
            return name.strip("_") in SECRET_NAMES
        case ast.Attribute(value=value, attr=name):
            return name.strip("_") in SECRET_NAMES or (name in {"value", "base32"} and is_secret(value))
        case ast.Call(func=ast.Attribute(value=value, attr="reveal")) | ast.Subscript(value=value):
            return is_secret(value)
        case _:
            return False


GATES: dict[str, tuple[Gate, str]] = {
    "assert": (asserts, "assert code"),
    "guessable randomness": (importing(*GUESSABLE), "import random"),
    "pickle": (importing(*UNPICKLERS), "from pickle import loads"),
    "eval": (dynamic_code, "eval(text)"),
    "network": (importing(*NETWORK), "import urllib.request"),
    "int of unchecked text": (unchecked_int, "def read(text):\n    return int(text)"),
    "plain comparison of secrets": (plain_comparison, "ok = typed.value == expected"),
}


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_package_passes_every_gate(file: Path, name: str) -> None:
    """No module has what the gate is against."""
    if file.relative_to(ROOT).parts[0] in EXEMPT.get(name, ()):
        return
    gate, _ = GATES[name]
    assert [f"{file.name}:{getattr(node, 'lineno', 0)}" for node in gate(ast.parse(file.read_text("utf-8")))] == []


@pytest.mark.parametrize("name", GATES)
def test_every_gate_finds_an_offender(name: str) -> None:
    """A gate that lets everything through is found out."""
    gate, offender = GATES[name]
    assert list(gate(ast.parse(offender)))


@pytest.mark.parametrize(
    "line",
    [
        "codes == other",
        "self._key != key",
        "secret.reveal() == wanted",
        "typed in spent",
        "canonical.value == plain",
        "raw[0] == 1",
    ],
)
def test_comparisons_of_secrets_are_recognised_by_name(line: str) -> None:
    """However the secret is reached."""
    assert list(plain_comparison(ast.parse(line)))


@pytest.mark.parametrize("line", ["len(code) == 6", "code is None", "hmac.compare_digest(code, other)", "digits == 6"])
def test_what_shows_nothing_of_a_secret_is_no_comparison_of_it(line: str) -> None:
    """Lengths, `None` and the constant-time comparison are let through."""
    assert not list(plain_comparison(ast.parse(line)))


@pytest.mark.parametrize(
    ("body", "offends"),
    [
        ("return int(t)", True),
        ("if t.strip('0123456789'):\n        raise ValueError\n    return int(t)", True),
        ("if len(t) > 20 or t.strip('0123456789'):\n        raise ValueError\n    return int(t)", False),
        ("if len(s) > 20 or s.strip('0123456789'):\n        raise ValueError\n    return int(t)", True),
        ("return int.from_bytes(t)", False),
        ("return int(t // 30)", False),
    ],
)
def test_int_needs_both_bounds_on_the_same_text(body: str, offends: bool) -> None:
    """A bound on the length alone, on the digits alone, or on another text, is none."""
    assert bool(list(unchecked_int(ast.parse(f"def read(t, s):\n    {body}")))) is offends
