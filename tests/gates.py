"""Gates over the syntax of the package's source: each finds the lines that a review would look for.

Rules of this file:

1. A gate is a pure function of a syntax tree, so that it can be tried on a line that offends.
2. Where a gate has nothing to guard stands in `EXEMPT`, with the reason.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import PurePath

NETWORK = {
    "aiohttp", "asyncio", "ftplib", "http", "httpx", "imaplib", "poplib", "psycopg", "redis", "requests", "smtplib",
    "socket", "socketserver", "ssl", "telnetlib", "urllib", "urllib3", "webbrowser", "xmlrpc",
}  # fmt: skip
URI_SYNTAX = {"urllib.parse"}  # splits and quotes text; opens nothing
GUESSABLE = {"_random", "numpy", "random", "uuid"}
UNPICKLERS = {
    "_pickle", "cPickle", "copyreg", "ctypes", "dill", "imp", "jsonpickle", "marshal", "pickle", "shelve", "yaml",
}  # fmt: skip
DYNAMIC = {"__import__", "compile", "eval", "exec"}
# All that the package imports, beside itself. Whatever is not here has to be looked at before it is.
KNOWN = {
    "argparse", "asgiref", "asyncio", "atexit", "base64", "collections", "concurrent", "contextlib", "cryptography",
    "csv", "dataclasses", "datetime", "django", "enum", "functools", "getpass", "hashlib", "hmac",
    "importlib.resources", "importlib.util", "inspect", "io", "itertools", "json", "logging", "math",
    "multiprocessing", "operator", "os", "pathlib", "psycopg", "psycopg_pool", "queue", "re", "redis", "secrets",
    "segno", "select", "shlex", "shutil", "signal", "sqlite3", "stat", "sys", "textwrap", "threading", "time",
    "types", "typing", "unicodedata", "urllib.parse", "warnings", "weakref",
}  # fmt: skip
COMPARES = {"__contains__", "__eq__", "__ne__", "count", "endswith", "eq", "find", "index", "ne", "startswith"}
SHOWS_NOTHING = {"bool", "callable", "hasattr", "id", "isinstance", "len", "type"}
# What a secret is called in this package. `len(...)` of one is no secret, and neither is a test for None.
SECRET_NAMES = {
    "canonical", "code", "codes", "digest", "expected", "inner", "key", "mac", "outer", "password", "plain", "raw",
    "salt", "secret", "token", "typed", "typed_next", "wanted",
}  # fmt: skip
# Public vectors, read from files of the package and compared by `selftest`, are neither secret nor typed by anybody.
# What a store holds is compared with another spelling of itself in `_record.py`. `raw` is a connection to SQLite.
# The package loads its own modules by the names in its table. What `secret.py` gives to `int` is in an alphabet.
# Waiting for a store, and talking to its server, is what these are for; the others open no connection.
EXEMPT = {
    "network": {"aio.py", "stores", "testing"},
    "plain comparison of secrets": {"_record.py", "cli/_selftest.py", "stores/sqlite.py", "testing", "vectors"},
    "int of unchecked text": {"secret.py", "vectors"},
    "unknown modules": {"__init__.py"},
}

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
        match node:
            case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="builtins" | "__builtins__"), attr=name):
                if name in DYNAMIC:
                    yield node


def unknown_modules(tree: ast.AST) -> Iterator[ast.AST]:
    """A module that is not on the list."""
    for node, name in imported(tree):
        if not any(name == known or name.startswith(known + ".") for known in KNOWN):
            yield node


def unchecked_int(tree: ast.AST, bounded: frozenset[str] = frozenset()) -> Iterator[ast.AST]:
    """`int(text)` where the function has not bounded the length and the ASCII digits of that very text.

    `int` takes `'+1 '`, `'1_0'` and the digits of every script. `int.from_bytes` is another thing.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            calls = {ast.unparse(inner) for inner in ast.walk(node) if isinstance(inner, ast.Call)}
            yield from unchecked_int(node, frozenset(calls))
            continue
        match node:
            case ast.Call(func=ast.Name(id="int"), args=[first, *_]) if not is_number(first):
                text = ast.unparse(first)
                if not {f"{text}.strip('0123456789')", f"len({text})"} <= bounded:
                    yield node
            case ast.Call(func=ast.Name(id="map"), args=[ast.Name(id="int"), *_]):
                yield node
        yield from unchecked_int(node, bounded)


def is_number(node: ast.AST) -> bool:
    """Whether an expression is arithmetic that no text knows, or a call of a function of numbers."""
    match node:
        case ast.BinOp(op=ast.FloorDiv() | ast.Div() | ast.Sub()):
            return True
        case ast.Call(func=function):
            return ast.unparse(function) in {"math.floor", "math.ceil", "divmod"}
        case _:
            return False


def plain_comparison(tree: ast.AST) -> Iterator[ast.AST]:
    """`==`, `!=`, `in` and the like on something that is called like a secret: its time tells how much was right."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, ops=operators, comparators=others) if ast.unparse(left) != "None":
                equal = any(isinstance(one, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for one in operators)
                if equal and any(map(is_secret, (left, *others))):
                    yield node
            case ast.Call(func=ast.Attribute(value=value, attr=name), args=arguments) if name in COMPARES:
                if any(map(is_secret, (value, *arguments))):
                    yield node


def is_secret(node: ast.AST) -> bool:
    """Whether an expression is, or holds, a secret by its name: `code`, `self._key`, `typed.value`, `str(code)`."""
    match node:
        case ast.Name(id=name):
            return name.strip("_") in SECRET_NAMES
        case ast.Attribute(value=value, attr=name):
            return name.strip("_") in SECRET_NAMES or (name in {"value", "base32"} and is_secret(value))
        case ast.Call(func=ast.Name(id=name)) if name in SHOWS_NOTHING:
            return False
        case ast.Call(func=ast.Attribute(value=value), args=arguments):
            return any(map(is_secret, (value, *arguments)))
        case ast.Call(args=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return any(map(is_secret, parts))
        case ast.JoinedStr(values=parts):
            return any(map(is_secret, parts))
        case ast.Subscript(value=value) | ast.FormattedValue(value=value) | ast.Starred(value=value):
            return is_secret(value)
        case ast.BinOp(left=left, right=right):
            return is_secret(left) or is_secret(right)
        case _:
            return False


GATES: dict[str, Gate] = {
    "assert": asserts,
    "guessable randomness": importing(*GUESSABLE),
    "pickle": importing(*UNPICKLERS),
    "eval": dynamic_code,
    "network": importing(*NETWORK),
    "unknown modules": unknown_modules,
    "int of unchecked text": unchecked_int,
    "plain comparison of secrets": plain_comparison,
}


def offences(gate: str, module: str, source: str) -> list[int]:
    """The lines of a module, named by its path in the package, that a gate does not let through."""
    if {module, PurePath(module).parts[0]} & EXEMPT.get(gate, set()):
        return []
    return [getattr(node, "lineno", 0) for node in GATES[gate](ast.parse(source))]
