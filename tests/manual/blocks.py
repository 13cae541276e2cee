"""The blocks of code in the pages, and who runs each.

Rules of this file:

1. A block is found as Markdown has it, fenced or indented, also inside of a note.
2. A block that nobody runs, parses or answers for is a fault, and so is an answer for a block that is not there.
3. The words of a fault say what is missing.
"""

import ast
import doctest
import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from markdown_it import MarkdownIt

from manual import ROOT, known, name_of

BUILT: Final = frozenset({"toctree", "eval-rst", "image", "figure"})  # run by Sphinx, whose warnings are errors
NOTES: Final = frozenset({"note", "warning", "tip", "important", "admonition", "tab-set", "tab-item", "dropdown"})
SHELLS: Final = frozenset({"sh", "console", "bash"})
EXAMPLES: Final = ROOT / "docs/examples"

_ENVIRONMENT: Final = re.compile(
    r"(?:TOX_PARALLEL_LIVE=1 )?(?:\.venv/bin/)?tox run(?:-parallel)?(?: -e (?P<env>[\w.]+))?(?: -- .*)?"
)
_INSTALL: Final = re.compile(r"(?:python3 -m |\.venv/bin/)pip install (?P<what>.+)")
_PACKAGE: Final = re.compile(r'"?(?P<name>[A-Za-z][\w.-]*)(?:\[(?P<extras>[\w,]+)\])?"?')


class Block(NamedTuple):
    """A block of code.

    Attributes:
        page: The page, by its path from the root of the project.
        line: Where it begins.
        info: What stands behind the fence; `indented` where there is none.
        text: What is in it.
    """

    page: str
    line: int
    info: str
    text: str

    @property
    def first(self) -> str:
        """The first line: by it a block is named in the registry."""
        return next((line.strip() for line in self.text.splitlines() if line.strip()), "")

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Every block of a page."""
    return list(_blocks(name_of(page), page.read_text("utf-8"), 0))


def _blocks(page: str, text: str, offset: int) -> Iterator[Block]:
    for token in MarkdownIt("commonmark").parse(text):
        line = offset + (token.map or [0])[0] + 1
        if token.type == "code_block":
            yield Block(page, line, "indented", token.content)
        elif token.type == "fence":
            directive = re.match(r"\{([\w-]+)\}", token.info)
            if directive is not None and directive[1] in NOTES:
                yield from _blocks(page, token.content, line)
            else:
                yield Block(page, line, token.info.strip(), token.content)


def fault_of(block: Block) -> str | None:
    """What is wrong with a block, if anything is."""
    if block.page in known.WALKED:
        return None
    directive = re.match(r"\{([\w-]+)\}\s*(.*)", block.info)
    if directive is None:
        return _fault_of_code(block, block.info.partition(" ")[0])
    if directive[1] in BUILT:
        return None
    if directive[1] == "literalinclude":
        return _fault_of_file((ROOT / block.page).parent / directive[2].strip())
    if directive[1] == "code-block":
        return _fault_of_code(block, directive[2].strip())
    return f"nobody knows what {{{directive[1]}}} does"


def _fault_of_code(block: Block, language: str) -> str | None:
    if block.first in known.BLOCKS.get(block.page, {}):
        return None
    if language in SHELLS:
        unknown = [command for command in commands_of(block.text, language) if not _is_known(block.page, command)]
        return f"no test knows the command {unknown[0]!r}: put it into tests/manual/known.py" if unknown else None
    if ">>>" in block.text:
        return _fault_of_session(block.text)
    try:
        if language == "json":
            json.loads(block.text)
            return None
        if language == "toml":
            tomllib.loads(block.text)
            return None
    except ValueError as error:
        return f"it is no {language}: {error}"
    return f"nothing runs it: include it from a file that a test runs, or name it in tests/manual/known.py ({language})"


def _fault_of_session(text: str) -> str | None:
    examples = doctest.DocTestParser().get_examples(text)
    if not text.lstrip().startswith(">>>"):
        return "something stands before the first >>>, and is not run"
    if any(doctest.SKIP in example.options for example in examples):
        return "an example is skipped"
    return None


def commands_of(text: str, language: str) -> list[str]:
    """The commands of a block, each on one line: what is joined by a backslash or by `&&` is taken apart."""
    lines = text.replace("\\\n", " ").splitlines()
    if language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    commands = [part.strip() for line in lines for part in line.split(" && ")]
    return [" ".join(command.split()) for command in commands if command and not command.startswith("#")]


def _is_known(page: str, command: str) -> bool:
    if command in known.COMMANDS.get(page, {}):
        return True
    if environment := _ENVIRONMENT.fullmatch(command):
        return environment["env"] in {None, *_project()["tool"]["tox"]["env"]}
    if install := _INSTALL.fullmatch(command):
        return all(_is_installable(what) for what in install["what"].split())
    return False


def _is_installable(what: str) -> bool:
    """Whether something is a package that a page may name: totpcore with extras that it has, or one that it uses."""
    package, project = _PACKAGE.fullmatch(what), _project()["project"]
    if package is None:
        return False
    extras = {extra for extra in (package["extras"] or "").split(",") if extra}
    if package["name"] == "totpcore":
        return extras <= set(project["optional-dependencies"])
    used = {name for names in project["optional-dependencies"].values() for name in names}
    return package["name"] in known.PACKAGES or any(name.startswith(package["name"]) for name in used)


@cache
def _project() -> dict[str, dict[str, dict[str, dict[str, list[str]]]]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


# ---- files that pages include ----


def _fault_of_file(file: Path) -> str | None:
    file = file.resolve()
    if not file.is_file():
        return f"{file.name} is not there"
    if file.is_relative_to(ROOT / "src") or file.is_relative_to(ROOT / "tests"):
        return None
    if not file.is_relative_to(EXAMPLES):
        return f"{file.name} is neither an example nor a source"
    path = file.relative_to(ROOT).as_posix()
    if path in known.FILES or is_used(file):
        return None
    return f"no test uses {path}: import it in one, or name it in tests/manual/known.py"


def is_used(file: Path) -> bool:
    """Whether tests import an example, whatever is between them, or name it: to run it, or to hand it to a server."""
    if file.suffix == ".py" and module_name(file) in used_modules():
        return True
    if "templates" in file.parts or "static" in file.parts:
        return file.relative_to(EXAMPLES).parts[0] in used_modules()
    return any(file.name in text for text in _test_texts())


def module_name(file: Path) -> str:
    """The name by which an example is imported."""
    parts = file.relative_to(EXAMPLES).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _test_texts() -> tuple[str, ...]:
    return tuple(file.read_text("utf-8") for file in (ROOT / "tests").rglob("*.py") if "manual" not in file.parts)


@cache
def used_modules() -> frozenset[str]:
    """The examples that tests use: by an import, or by their name in a text, as for `python -m` or in settings."""
    known_modules = {module_name(file): file for file in EXAMPLES.rglob("*.py")}
    found = set[str]()
    waiting = [name for text in _test_texts() for name in _named(text, "") if name in known_modules]
    waiting += [module_name(ROOT / path) for path in known.FILES]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            if f"{name}.__main__" in known_modules:
                waiting.append(f"{name}.__main__")
            package = name if known_modules[name].name == "__init__.py" else name.rpartition(".")[0]
            waiting += [one for one in _named(known_modules[name].read_text("utf-8"), package) if one in known_modules]
    return frozenset(found)


def _named(text: str, package: str) -> Iterator[str]:
    """What a module imports, and what texts in it are like names of modules."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join(part for part in (*above, node.module or "") if part)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 100:
            parts = node.value.partition(":")[0].split(".")  # `module:name`, as servers are told
            yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))
