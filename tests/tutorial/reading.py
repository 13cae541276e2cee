"""What the pages of the tutorial tell a reader to do, in their order.

Rule 1. A `literalinclude` is a new file, or with `:pyobject:` a function for the end of a file. A `diff` changes lines
of a file. `sh` is typed into a terminal, and `text` is what that printed. A picture is what the screen shows.
Rule 2. A block of another kind is an error: whoever adds one says here what a reader does with it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "tutorial"
STEPS = ROOT / "docs" / "examples" / "tutorial"
AT_THE_END = ", at the end"


@dataclass(frozen=True)
class NewFile:
    """A file of this content."""

    name: str
    content: str


@dataclass(frozen=True)
class AtTheEnd:
    """Lines to go to the end of a file, two lines below what is there."""

    name: str
    lines: str


@dataclass(frozen=True)
class Change:
    """Lines of a file that others come in the place of."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Command:
    """Something for the terminal."""

    text: str


@dataclass(frozen=True)
class Output:
    """What the last command printed."""

    text: str


@dataclass(frozen=True)
class Shown:
    """A picture of the screen."""

    name: str


Deed = NewFile | AtTheEnd | Change | Command | Output | Shown


@dataclass(frozen=True)
class Step:
    """What is between two headings."""

    heading: str
    deeds: list[Deed]


def pages() -> list[Path]:
    """The pages in the order of the table of contents."""
    index = FOLDER / "index.md"
    listed = re.search(r"```\{toctree\}\n(?::[^\n]*\n)*\n(.*?)```", index.read_text("utf-8"), re.DOTALL)
    assert listed, "the first page lists the others"
    return [index, *(FOLDER / f"{name}.md" for name in listed[1].split())]


def steps() -> list[Step]:
    """The numbered steps, and before them the empty folder."""
    found = [step for page in pages() for step in _steps(page)]
    return [step for step in found if step.deeds]


def _steps(page: Path) -> Iterator[Step]:
    parts = re.split(r"^## (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    yield Step("", list(_deeds(parts[0], page)))
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        yield Step(heading, list(_deeds(text, page)))


_BLOCK = re.compile(r"^```(?P<kind>\S+)(?: (?P<argument>[^\n]*))?\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_PICTURE = re.compile(r"!\[[^]]+\]\(\.\./pictures/(?P<picture>[a-z-]+)\.png\)")


def _deeds(text: str, page: Path) -> Iterator[Deed]:
    for match in re.finditer(f"{_BLOCK.pattern}|{_PICTURE.pattern}", text, re.MULTILINE | re.DOTALL):
        if match["picture"]:
            yield Shown(match["picture"])
            continue
        options = dict(re.findall(r"^:([a-z-]+):(?: (.*))?$", match["body"], re.MULTILINE))
        if (deed := _deed(match["kind"], match["argument"] or "", match["body"], options, page)) is not None:
            yield deed


def _deed(kind: str, argument: str, body: str, options: dict[str, str], page: Path) -> Deed | None:
    name = options.get("caption", "")
    match kind:
        case "{toctree}":
            return None
        case "sh":
            return Command(body)
        case "text":
            return Output(body)
        case "{literalinclude}" if "pyobject" in options:
            assert name.endswith(AT_THE_END), name
            return AtTheEnd(name.removesuffix(AT_THE_END), function(page.parent / argument, options["pyobject"]))
        case "{literalinclude}":
            return NewFile(name, (page.parent / argument).read_text("utf-8"))
        case "{code-block}" if argument == "diff" and options.get("class") == "legend":
            return None
        case "{code-block}" if argument == "diff":
            lines = body.split("\n\n", 1)[1].splitlines(keepends=True)
            assert all(line[0] in " +-" for line in lines), body
            before, after = ("".join(line[1:] for line in lines if line[0] in kinds) for kinds in (" -", " +"))
            return Change(name, before, after)
    raise AssertionError(f"{page.name}: what does a reader do with {kind} {argument}?")


def function(file: Path, name: str) -> str:
    """A function with its decorators, as Sphinx includes it."""
    text = file.read_text("utf-8")
    found = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == name)
    first = min([found.lineno, *(decorator.lineno for decorator in found.decorator_list)])
    return "".join(text.splitlines(keepends=True)[first - 1 : found.end_lineno])


def state(number: int) -> dict[str, str]:
    """The files that a reader has after a step: those of each step so far, the newest of each name."""
    folders = [STEPS / f"step{step}" for step in range(1, number + 1)]
    return {
        file.relative_to(folder).as_posix(): file.read_text("utf-8")
        for folder in folders
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix in {".py", ".html", ".css"}
    }
