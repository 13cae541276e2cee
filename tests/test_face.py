"""The public face: every name once, nothing else, documented, typed, cheap to import, the same in text and in code."""

import ast
import dataclasses
import doctest
import importlib
import importlib.metadata
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest

import totpcore
from stores import django_project  # noqa: F401  # it makes Django's settings, before modules of totpcore.django come
from totpcore import errors, stores, testing

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(totpcore.__path__, "totpcore.")
    if not module.name.endswith("__main__")
)

TWO_FACTOR = {
    "": "(store, *, issuer, sealer, policy, clock=None, audit=None)",
    ".gate": "(self, user, enforcement, *, expected=None)",
    ".verify": "(self, user, code)",
    ".recover": "(self, user, code)",
    ".enrol": "(self, user, *, account)",
    ".replace": "(self, user, code, *, account)",
    ".pending": "(self, user)",
    ".confirm": "(self, user, code)",
    ".renew_recovery_codes": "(self, user, code)",
    ".disable": "(self, user, code)",
    ".resync": "(self, user, code, next_code)",
    ".status": "(self, user)",
    ".statuses": "(self, users)",
    ".reset": "(self, user, *, actor, reason)",
    ".adopt": "(self, user, token, *, spent, allow_weak=False)",
    ".raise_floor": "(self, user)",
}
SIGNATURES = {
    "hotp": "(key, counter, *, digits=6, algorithm)",
    "totp": "(key, at, *, period=30, t0=0, digits=6, algorithm)",
    "Secret": "(raw)",
    "Secret.generate": "(nbytes=20)",
    "Secret.from_base32": "(text)",
    "TOTP": "(secret, *, digits=6, period=30, t0=0, algorithm)",
    "TOTP.code": "(self, at)",
    "TOTP.counter": "(self, at)",
    "TOTP.seconds_left": "(self, at)",
    "TOTP.match": "(self, code, at, *, after, window=(1, 1))",
    "HOTP": "(secret, *, digits=6, algorithm)",
    "HOTP.code": "(self, counter)",
    "HOTP.match": "(self, code, *, after, look_ahead=10)",
    "HOTP.resync": "(self, codes, *, after, look_ahead=100)",
    "KeyURI": "(token, *, account, issuer=None, counter=0)",
    "KeyURI.parse": "(text)",
    **{f"TwoFactor{call}": signature for call, signature in TWO_FACTOR.items()},
    **{f"AsyncTwoFactor{call}": signature for call, signature in TWO_FACTOR.items()},
    "Policy": "(*, digits=6, period=30, algorithm, window=(1, 1), look_ahead=10, secret_bytes=None, "
    "pending_seconds=600, free_attempts=5, first_wait=30, longest_wait=3600, lock_after=100, recovery_codes=10, "
    "recovery_low=3)",
    "Policy.guess_probability": "(self, *, days, logins_per_day)",
    "Enforcement": "(rule, *, deadline=None)",
    "SQLiteStore": "(path, *, create=False, wait_seconds=60)",
    "stores.InThreads": "(store, *, threads=8)",
    "stores.from_url": "(url, *, create=False)",
    "stores.async_from_url": "(url)",
}


def test_all_is_sorted_complete_and_true() -> None:
    """`__all__` names each public object once, sorted as ruff sorts it, and nothing else is in the package."""
    named = totpcore.__all__
    assert len(named) == len(set(named))
    for name in named:
        assert getattr(totpcore, name).__module__.startswith("totpcore.")
    others = {name for name in vars(totpcore) if not name.startswith("_")} - set(named)
    assert {name for name in others if not inspect.ismodule(getattr(totpcore, name))} <= {"TYPE_CHECKING"}


def test_every_exception_is_exported() -> None:
    """Whatever totpcore raises can be caught by a name of its face."""
    raised = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert raised <= set(totpcore.__all__)


def test_the_tree_of_exceptions() -> None:
    """Each exception stands where the contract puts it."""

    def tree(kind: type) -> dict[str, object]:
        children: list[type] = type.__subclasses__(kind)
        return {child.__name__: tree(child) for child in children if child.__module__ == errors.__name__}

    assert tree(totpcore.TotpcoreError) == {
        "Refused": {
            "InvalidCode": {"CodeReplayed": {}, "ClockOff": {}},
            "ClockBehind": {},
            "Throttled": {},
            "Locked": {},
            "NotEnrolled": {},
            "EnrolmentExpired": {},
        },
        "StateError": {"AlreadyEnrolled": {}},
        "InvalidInput": {"InvalidSecret": {}, "InvalidURI": {}, "InvalidParameters": {}},
        "StoreError": {"StoreContended": {}, "RecordUnreadable": {}, "RecordMissing": {}},
    }
    assert issubclass(totpcore.InvalidInput, ValueError)


@pytest.mark.requirement("R4226-4-R3", "R4226-E.3-1", "R6238-3-R1", "A5-6.4.6", "A5-6.5.8")
@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_do_not_change(name: str) -> None:
    """Programs are written against these; what is optional stays optional, what is by keyword stays so."""
    owner: object = totpcore
    for part in name.split("."):
        owner = getattr(owner, part)
    assert callable(owner)
    shown: list[str] = []
    for parameter in inspect.signature(owner).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        plain = type(parameter.default) in (int, bool, tuple, type(None))
        shown.append(f"{parameter.name}={parameter.default}" if plain else parameter.name)
    assert f"({', '.join(shown)})" == SIGNATURES[name]


def test_unknown_names_are_attribute_errors() -> None:
    """The lazy names do not swallow typing slips, and are what the modules have that they are loaded from."""
    for module in (totpcore, stores):
        with pytest.raises(AttributeError, match="SqliteStore"):
            module.SqliteStore  # noqa: B018
        assert module.SQLiteStore is totpcore.SQLiteStore
    assert importlib.import_module("totpcore.aio").AsyncTwoFactor is totpcore.AsyncTwoFactor
    assert importlib.import_module("totpcore.stores.threaded").InThreads is stores.InThreads


@pytest.mark.parametrize("module", [stores, testing], ids=lambda module: module.__name__)
def test_the_faces_of_packages(module: types.ModuleType) -> None:
    """`__all__` of the packages below names each public object once, sorted, and nothing else is in them."""
    named = module.__all__
    assert named == sorted(set(named))
    for name in named:  # a type alias has no documentation of its own
        assert inspect.getdoc(getattr(module, name)) or name.endswith("Factory")
    others = {name for name in vars(module) if not name.startswith("_")} - set(named)
    others = {name for name in others if not inspect.ismodule(getattr(module, name))}
    assert {
        name for name in others if str(getattr(getattr(module, name), "__module__", "")) == module.__name__
    } == set()


def test_importing_is_cheap() -> None:
    """What only some programs need is loaded when it is used."""
    heavy = "sqlite3 logging argparse urllib.parse segno multiprocessing asyncio tempfile importlib.resources"
    heavy += " concurrent.futures psycopg redis django cryptography"
    loaded = loaded_by("from totpcore import HOTP, TOTP, KeyURI, MemoryStore, Plaintext, TwoFactor")
    assert "totpcore.service" in loaded
    assert not set(heavy.split()) & loaded


def test_a_name_is_loaded_when_it_is_used() -> None:
    """`import totpcore` loads nothing else of it; a program that makes codes loads no lifecycle."""
    assert {name for name in loaded_by("import totpcore") if name.startswith("totpcore.")} == set()
    assert {name for name in loaded_by("from totpcore import TOTP, Secret") if name.startswith("totpcore.")} == {
        "totpcore._guard", "totpcore.errors", "totpcore.otp", "totpcore.secret",
    }  # fmt: skip


def test_the_table_of_names_is_complete() -> None:
    """Each name of the face is loaded from the module that makes it; editors are told of all of them beforehand."""
    for name in totpcore.__all__:
        home = totpcore._HOMES[name]
        assert getattr(importlib.import_module(f"totpcore.{home}"), name) is getattr(totpcore, name)
    assert set(totpcore._HOMES) - set(totpcore.__all__) == {name.split(".")[0] for name in totpcore._NAMES}
    code = "import totpcore; print(sorted(set(totpcore.__all__) - set(dir(totpcore))), totpcore.stores.MemoryStore)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, env=ALONE)
    assert done.stdout == "[] <class 'totpcore.stores.memory.MemoryStore'>\n"


ALONE = {"PYTHONPATH": str(Path(totpcore.__file__).parents[1])}


def loaded_by(code: str) -> set[str]:
    """The modules that a program loads, beside those that are there already."""
    code = f"import sys; before = set(sys.modules); {code}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, check=True, text=True, env=ALONE)
    return set(done.stdout.split())


@pytest.mark.requirement("R4226-6-1")
@pytest.mark.parametrize("name", ["totpcore", *MODULES])
def test_examples_in_docstrings_run(name: str, tmp_path: Path) -> None:
    """Every `>>>` in the package gives what it says."""
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"folder": tmp_path}, raise_on_error=False)
    assert result.failed == 0


@pytest.mark.parametrize("name", totpcore.__all__)
def test_every_public_object_is_documented(name: str) -> None:
    """Names, and the public methods of classes, have docstrings that end as sentences."""
    thing = getattr(totpcore, name)
    documented = [thing]
    if isinstance(thing, type):
        methods = {key: value for key, value in vars(thing).items() if not key.startswith("_")}
        kinds = (types.FunctionType, property, classmethod)
        documented += [value for value in methods.values() if isinstance(value, kinds)]
    for one in documented:
        text = inspect.getdoc(one)
        assert text, f"{one} has no docstring"
        assert re.search(r"[.:`…]$", text.splitlines()[0]), f"{one}: {text.splitlines()[0]}"


def test_raises_entries_begin_with_if() -> None:
    """A `Raises` entry gives the condition."""
    for name in MODULES:
        source = Path(inspect.getfile(importlib.import_module(name))).read_text("utf-8")
        for node in ast.walk(ast.parse(source)):
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                and (text := ast.get_docstring(node))
                and "Raises:" in text
            ):
                entries = re.findall(r"^    (\w+): (\w+)", text.split("Raises:")[1].split("\n\n")[0], re.MULTILINE)
                assert entries
                assert {first for _, first in entries} == {"If"}, f"{name}: {text}"


def test_values_are_frozen() -> None:
    """A value type cannot be changed after it was made."""
    classes = [value for value in vars(totpcore).values() if isinstance(value, type)]
    for value in filter(dataclasses.is_dataclass, classes):
        assert vars(value)["__dataclass_params__"].frozen, value
        assert "__slots__" in vars(value), value


def test_typed_and_without_dependencies() -> None:
    """The package ships `py.typed`, needs nothing at run time, and its version comes from one place."""
    assert (Path(totpcore.__file__).parent / "py.typed").exists()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["dependencies"] == []
    assert "version" in project["project"]["dynamic"]
    assert set(project["project"]["optional-dependencies"]) == {"qr", "sealing", "postgres", "redis", "django", "all"}
    assert importlib.metadata.version("totpcore") == totpcore.__version__


def test_the_type_assertions_name_the_whole_face() -> None:
    """`tests/typing/public_types.py` is checked by mypy and pyright; every call of the lifecycle is in it."""
    source = (ROOT / "tests/typing/public_types.py").read_text("utf-8")
    for name in vars(totpcore.TwoFactor):
        if not name.startswith("_"):
            assert f"await two_factor.{name}(" in source
            if name not in {"disable", "reset", "raise_floor"}:
                assert f"assert_type(two_factor.{name}(" in source or f"= two_factor.{name}(" in source
