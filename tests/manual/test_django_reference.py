"""What the reference lists of the Django app is what the app has. It is read, not started: no settings are needed."""

import ast
import re
from collections.abc import Iterator

import pytest

from manual import ROOT
from manual.tables import page, rows, section, words
from manual.test_names import documented

APP = ROOT / "src/totpcore/django"
PAGE = page("api/django")


def source(name: str) -> str:
    """The text of a module of the app."""
    return (APP / name).read_text("utf-8")


def listed(heading: str) -> list[str]:
    """The names in the first column of the table under a heading."""
    return [word for row in rows(section(PAGE, heading)) for word in words(row[0])]


def test_every_setting() -> None:
    """The settings are those that the app asks for."""
    asked = {name for file in APP.rglob("*.py") for name in re.findall(r"\bTOTPCORE_[A-Z]+", file.read_text("utf-8"))}
    assert sorted(listed("## Settings")) == sorted(asked)


def test_every_system_check() -> None:
    """The checks are those that the app makes, in order."""
    made = set(re.findall(r'"(?:totpcore\.)?([EW]\d{3})"', source("checks.py")))
    assert listed("## System checks") == [f"totpcore.{number}" for number in sorted(made)]


def test_every_address() -> None:
    """The addresses are those of `urls.py`."""
    assert sorted(listed("## Addresses")) == sorted(re.findall(r'name="([\w-]+)"', source("urls.py")))


def test_every_command() -> None:
    """The commands are those of `manage.py totpcore`, and what they may be told is there."""
    text = source("management/commands/totpcore.py")
    assert listed("## Commands") == re.findall(r'\badd\(\s*"([\w-]+)"', text)
    for option in re.findall(r"`(--[\w-]+)`", section(PAGE, "## Commands").partition("\n| `")[2]):
        assert f'"{option}"' in text, option


def defined(name: str) -> Iterator[str]:
    """The public functions and classes of a module, by their full names."""
    for node in ast.parse(source(f"{name}.py")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield f"totpcore.django.{name}.{node.name}"


@pytest.mark.parametrize("name", ["decorators", "mixins", "testing"])
def test_what_is_for_views_and_tests(name: str) -> None:
    """Whatever a developer's own code is given is documented."""
    inner = {"totpcore.django.decorators.instead"}  # of which both are made
    assert set(defined(name)) - inner <= set(documented())
