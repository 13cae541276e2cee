"""Gates over the syntax of the package's source: each finds the lines that a review would look for.

Rules of this file:

1. A gate is a pure function of a syntax tree, so that it can be tried on a line that offends.
2. Where a gate has nothing to guard stands in `EXEMPT`, with the reason.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import PurePath

NETWORK = {
    "aiohttp", "asyncio", "ftplib", "http", "httpx", "imaplib", "poplib", "requests", "smtplib", "socket",
    "socketserver", "ssl", "telnetlib", "urllib", "urllib3", "webbrowser", "xmlrpc",
}  # fmt: skip
URI_SYNTAX = {"urllib.parse"}  # splits and quotes text; opens nothing
GUESSABLE = {"_random", "numpy", "random", "uuid"}
UNPICKLERS = {
    "_pickle", "cPickle", "copyreg", "ctypes", "dill", "imp", "jsonpickle", "marshal", "pickle", "shelve", "yaml",
}  # fmt: skip
DYNAMIC = {"__import__", "compile", "eval", "exec"}
# What a secret is called in this package. `len(...)` of one is no secret, and neither is a test for None.
SECRET_NAMES = {
    "canonical", "code", "codes", "digest", "expected", "inner", "key", "mac", "outer", "password", "plain", "raw",
    "salt", "secret", "token", "typed", "typed_next", "wanted",
}  # fmt: skip
# Public vectors, read from files of the package and compared by `selftest`, are neither secret nor typed by anybody.
EXEMPT = {"plain comparison of secrets": {"cli.py", "testing", "vectors"}, "int of unchecked text": {"vectors"}}

Gate = Callable[[ast.AST], Iterator[ast.AST]]


def asserts(tree: ast.AST) -> Iterator[ast.AST]:
    """`assert` and `__debug__`, which `-O` removes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Name) and node.id == "__debug__"):
            yield node


def imported(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every module of others that is imported, or name in it, and where."""
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
        if isinstance(node, ast.Compare) and ast.unparse(node.left) != "None":
            equal = any(isinstance(one, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for one in node.ops)
            if equal and any(map(is_secret, (node.left, *node.comparators))):
                yield node


def is_secret(node: ast.AST) -> bool:
    """Whether an expression is a secret by its name: `code`, `self._key`, `typed.value`, `secret.reveal()`."""
    match node:
        case ast.Name(id=name):
            return name.strip("_") in SECRET_NAMES
        case ast.Attribute(value=value, attr=name):
            return name.strip("_") in SECRET_NAMES or (name in {"value", "base32"} and is_secret(value))
        case ast.Call(func=ast.Attribute(value=value)) | ast.Subscript(value=value):
            return is_secret(value)
        case _:
            return False


GATES: dict[str, Gate] = {
    "assert": asserts,
    "guessable randomness": importing(*GUESSABLE),
    "pickle": importing(*UNPICKLERS),
    "eval": dynamic_code,
    "network": importing(*NETWORK),
    "int of unchecked text": unchecked_int,
    "plain comparison of secrets": plain_comparison,
}


def offences(gate: str, module: str, source: str) -> list[int]:
    """The lines of a module, named by its path in the package, that a gate does not let through."""
    if PurePath(module).parts[0] in EXEMPT.get(gate, ()):
        return []
    return [getattr(node, "lineno", 0) for node in GATES[gate](ast.parse(source))]
