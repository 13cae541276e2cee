"""The comparison in the documentation: which question stands where, and how it is written.

Rule 1. What is between two markers in a page is written from answers, and from nothing else.
"""

import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from servers.postgres import PostgresServer

from .facts import NOT_SO, Library

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs/explanation/comparison.md"
README: Final = ROOT / "README.md"
LIBRARIES: Final = {
    "totpcore": "of_totpcore:Totpcore",
    "pyotp": "of_pyotp:Pyotp",
    "libpass": "of_libpass:Libpass",
    "django-otp": "of_django_otp:DjangoOTP",
    "cryptography": "of_cryptography:Cryptography",
}
ON_POSTGRES: Final = "race_on_postgresql"
TABLES: Final = {
    "codes": [
        "replay", "another_process", ON_POSTGRES, "race_on_sqlite", "guessing", "window", "spaces", "comparison",
        "refusal",
    ],
    "secrets": ["at_rest", "recovery", "shortest", "zeros", "base32", "shown"],
    "around": [
        "uri", "reads_uri", "counter_based", "hashes", "life", "devices", "types", "needs", "import_time",
    ],
}  # fmt: skip
QUESTIONS: Final = [question for questions in TABLES.values() for question in questions]
IN_README: Final = ["replay", ON_POSTGRES, "guessing", "comparison", "at_rest", "recovery", "life", "devices", "needs"]

Answers = Mapping[str, str | list[str]]


def load(name: str) -> type[Library]:
    """Return the class that asks a library."""
    module, _, class_name = LIBRARIES[name].partition(":")
    found: type[Library] = getattr(import_module(f"comparison.{module}"), class_name)
    return found


def missing(name: str) -> str | None:
    """Return the distribution of a library, where it is not installed."""
    try:
        version(name)
    except PackageNotFoundError:
        return name
    return None


def ask(name: str, *questions: str, postgres: str | None = None) -> dict[str, str | list[str]]:
    """Put questions to a library, in a process of its own; without one, all that need no PostgreSQL."""
    # As a program runs them: without what a test run may have set, such as PYTHONOPTIMIZE.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = kept | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), *sys.path]), "PYTHONDONTWRITEBYTECODE": "1"
    }  # fmt: skip
    if postgres is not None:
        environment["COMPARISON_POSTGRES"] = postgres
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "comparison", "ask", name, folder, *questions],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name} {' '.join(questions)}\n{done.stderr}")
    answers: dict[str, str | list[str]] = json.loads(done.stdout)
    return answers


def asked(question: str) -> str:
    """Return a question as the page puts it."""
    return (inspect.getdoc(getattr(Library, question)) or "").removesuffix(".")


def short(answer: str | list[str]) -> str:
    """Return what stands in the README of an answer."""
    return re.split(r"[:;]", str(answer))[0]


def cell(answer: str | list[str]) -> str:
    """Return an answer as a cell."""
    return str(answer)


def table(questions: list[str], answers: Mapping[str, Answers], *, shortened: bool = False) -> str:
    """Return a table of Markdown."""
    rows = [
        ["", *(f"**{name}**" if name == "totpcore" else name for name in LIBRARIES)],
        ["---"] * (1 + len(LIBRARIES)),
    ]
    written = short if shortened else cell
    rows += [[asked(question), *(written(answers[name][question]) for name in LIBRARIES)] for question in questions]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def better(answers: Mapping[str, Answers]) -> str:
    """Return the list of what the others do better."""
    parts = []
    for name in LIBRARIES:
        if said := answers[name]["better"]:
            parts += [f"**{name}**", *(_wrapped(f"- {sentence}") for sentence in said)]
    return "\n".join(f"\n{part}\n" if part.startswith("**") else part for part in parts).strip()


def versions() -> str:
    """Return the sentence that names what was compared."""
    named = [f"{name} {version(name)}" for name in LIBRARIES if name != "totpcore"]
    return f"Compared with {', '.join(named[:-1])} and {named[-1]}."


def between(text: str, marker: str) -> str:
    """Return what stands between the markers of that name."""
    start, end = _place(text, marker)
    return text[start:end].strip()


def put(text: str, marker: str, content: str) -> str:
    """Return the text with other content between the markers of that name."""
    start, end = _place(text, marker)
    return f"{text[:start]}\n{content}\n{text[end:]}"


def _place(text: str, marker: str) -> tuple[int, int]:
    opening = f"<!-- generated: {marker} -->"
    start = text.index(opening) + len(opening)
    return start, text.index("<!-- end -->", start)


def write() -> None:
    """Ask all of them, and write the pages anew."""
    with PostgresServer() as server:
        answers = {
            name: ask(name) | ask(name, ON_POSTGRES, postgres=server.create_database()) for name in LIBRARIES
        }  # fmt: skip
    if NOT_SO in (told := json.dumps(answers, indent=1)):
        raise ValueError("\n".join(line for line in told.splitlines() if NOT_SO in line))
    text = put(PAGE.read_text("utf-8"), "versions", versions())
    for name, questions in TABLES.items():
        text = put(text, name, table(questions, answers))
    PAGE.write_text(put(text, "better", better(answers)), "utf-8")
    README.write_text(put(README.read_text("utf-8"), "comparison", table(IN_README, answers, shortened=True)), "utf-8")


def _wrapped(text: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, 120, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False))
