"""Imports point down, and the lower floors know no clock, no disk, no network and no event loop."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import totpcore

ROOT = Path(totpcore.__file__).parent

FLOORS = (
    {"errors", "ports", "events"},
    {"_guard"},
    {"secret"},
    {"otp"},
    {"_urireading", "recovery", "throttle"},
    {"keyuri"},
    {"_record"},
    {"policy", "answers"},
    {"_states"},
    {"_spending"},
    {"_transitions"},
    {"_core"},
    {"_shell"},
    {"service"},
    {"aio"},
)
PURE = set[str]().union(*FLOORS[:11])
OUTER_WALL = {"stores", "sealing", "qr", "vectors", "audit", "cli", "migrate", "_operators"}
# `testing` rests on the wall as its users' tests do, `django` as an application does; `__main__` is `cli`, and
# `__init__` the face.
ABOVE_ALL = {"testing", "django", "__main__", "__init__"}
LAZY_OUTWARD = {("answers", "qr"), ("_shell", "audit")}
# An extra's library is imported only by what needs it: the modules whose path begins so.
EXTRAS = {
    "segno": ("qr.py",), "cryptography": ("sealing/_aead.py",),
    "django": ("django/", "stores/django.py", "stores/_django_"), "asgiref": ("django/",),
    "psycopg": ("stores/postgres.py", "stores/_postgres_"), "psycopg_pool": ("stores/postgres.py", "stores/_postgres_"),
    "redis": ("stores/redis.py", "stores/_redis_"),
}  # fmt: skip
FORBIDDEN = {
    "asyncio", "datetime", "http", "importlib", "io", "logging", "os", "pathlib", "random", "selectors", "shutil",
    "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib.request", "uuid",
}  # fmt: skip


def part_of(file: Path) -> str:
    """Return the module or package directly below totpcore that a file belongs to."""
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def waits(node: ast.AST) -> bool:
    """Whether what is imported within is not imported with the module."""
    return isinstance(node, ast.FunctionDef) or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")


def imports(file: Path) -> Iterator[tuple[str, bool]]:
    """Yield what a file imports, by its absolute name, and whether that waits: in a function, or is for types alone."""
    package = ("totpcore", *file.relative_to(ROOT).parts[:-1])
    tree = ast.parse(file.read_text("utf-8"))
    inside = {child for node in ast.walk(tree) if waits(node) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            names = [f"{module}.{alias.name}" for alias in node.names] if module in {"totpcore", base} else [module]
            yield from ((name, node in inside) for name in names)


FILES = sorted(ROOT.rglob("*.py"))
PARTS = {part_of(file) for file in FILES}


def test_every_module_has_a_floor() -> None:
    """A new module is placed, or this test says so."""
    assert set[str]().union(*FLOORS, OUTER_WALL, ABOVE_ALL) == PARTS


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_down(file: Path) -> None:
    """Modules import from lower floors only; those on one floor do not know each other, nor the outer wall inside."""
    part = part_of(file)
    if part in ABOVE_ALL:
        return
    floor = next((number for number, modules in enumerate(FLOORS) if part in modules), len(FLOORS))
    below = set[str]().union(*FLOORS[:floor]) | {part}
    for name, lazily in imports(file):
        if not name.startswith("totpcore."):
            continue
        target = name.split(".")[1]
        if part == "cli" and target != "cli":  # it starts what the others do, once a command is chosen
            assert lazily, f"{part} must import {target} inside of a function"
        else:
            assert target in below or (lazily and (part, target) in LAZY_OUTWARD), f"{part} imports {target}"


def test_nothing_rests_on_the_django_app() -> None:
    """It is an application of totpcore: the package knows nothing of it."""
    for file in FILES:
        if part_of(file) != "django":
            assert not [name for name, _ in imports(file) if name.startswith("totpcore.django")], file


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_but_the_standard_library(file: Path) -> None:
    """The package has no dependency; an extra's library is imported only in the one module that needs it."""
    for name, _ in imports(file):
        top = name.split(".")[0]
        if top not in {"totpcore", *sys.stdlib_module_names}:
            assert file.relative_to(ROOT).as_posix().startswith(EXTRAS.get(top, ()))


@pytest.mark.requirement("R4226-7.5-4")
@pytest.mark.parametrize("part", sorted(PURE))
def test_the_lower_floors_are_pure(part: str) -> None:
    """Below the core there is no clock, disk, network or event loop; `secrets` is for named constructors `generate`."""
    file = ROOT / f"{part}.py"
    for name, _ in imports(file):
        assert FORBIDDEN.isdisjoint({name, name.split(".")[0]}), f"{part} imports {name}"
    tree = ast.parse(file.read_text("utf-8"))
    allowed = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "generate"
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "secrets":
            assert node in allowed, f"{part} draws randomness outside of generate, on line {node.lineno}"


def test_the_audit_path_is_short_enough_to_read() -> None:
    """The shell and the RFC page are under 150 lines of code each, `errors` to `_core` under 1 400 together."""
    shells = {"_shell", "service", "aio"}
    counts = {part: lines_of_code(ROOT / f"{part}.py") for part in PURE | {"_core"} | shells}
    assert counts["otp"] < 150
    assert {part for part in shells if counts[part] >= 150} == set()
    assert sum(counts.values()) - sum(counts[part] for part in shells) < 1400


def lines_of_code(file: Path) -> int:
    """Count the lines that are not blank, comment or docstring."""
    source = file.read_text("utf-8")
    counted = {
        number
        for number, line in enumerate(source.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#")
    }
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            counted -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(counted)
