"""What can be typed after `totpcore`, and how it is read.

Rules of this file:

1. A mistake is one line on standard error that says what is allowed, and exit code 2.
2. No message shows what was typed: whoever types a secret where none belongs finds it in no log.
"""

import argparse
import sys
import textwrap
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from .._guard import Hidden
    from ..otp import Algorithm

DONE: Final = 0
REFUSED: Final = 1
WRONG: Final = 2

LARGEST_COUNTER: Final = 2**64 - 1  # an 8-byte counter: RFC 4226 section 5.1
_LONGEST_TEXT: Final = 64
_WIDTH: Final = 78  # of the descriptions, which argparse wraps only together with the examples

Run = Callable[[argparse.Namespace], int]


class Mistake(Exception):
    """What whoever runs the command can mend. Its text is one line that says how; it shows nothing that was typed."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and hold nothing that was typed."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        sys.stderr.write(f"{self.prog}: {_without_what_was_typed(message)}. See {self.prog} --help\n")
        sys.exit(WRONG)


class Overview(argparse.RawDescriptionHelpFormatter):
    """Lists the commands, with room for names that are indented, which older Pythons do not count."""

    def add_argument(self, action: argparse.Action) -> None:
        """Take the names into account."""
        super().add_argument(action)
        self._action_max_length += self._indent_increment


class Commands:
    """The commands, as they are described one after the other."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._added = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)

    def add(self, name: str, run: Run, does: str, *, example: str, more: str = "") -> argparse.ArgumentParser:
        """Describe a command: what it does, in a clause and in more words, and an example or several lines of them."""
        command = self._added.add_parser(
            name,
            help=does,
            description=textwrap.fill(f"{does[0].upper()}{does[1:]}. {more}".strip(), _WIDTH),
            epilog="example:\n" + "\n".join(f"  {line}" for line in example.splitlines()),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.set_defaults(run=run, refuse=command.error)
        return command


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return what reads a whole number from `low` to `high`, in ASCII digits."""
    return partial(_whole, low=low, high=high)


def moment(text: str) -> float:
    """Read Unix seconds, or a time in ISO 8601 that says its offset."""
    from .._guard import LATEST  # noqa: PLC0415  # of totpcore, once something is to be read

    seconds, _, fraction = text.partition(".")
    plain = 0 < len(text) <= _LONGEST_TEXT and seconds and not (seconds + fraction).strip("0123456789")
    at = float(text) if plain else _from_iso(text)
    if not 0 <= at <= LATEST:
        raise argparse.ArgumentTypeError("must lie in the years 1970 to 9999")
    return at


def window(text: str) -> tuple[int, int]:
    """Read how many time steps before and after the current one are accepted: `1,1`."""
    steps = {"0": 0, "1": 1, "2": 2}
    past, comma, future = text.partition(",")
    if not comma or past not in steps or future not in steps:
        raise argparse.ArgumentTypeError("must be the time steps before and after the current one, 0 to 2 each, as 1,1")
    return steps[past], steps[future]


def algorithm(text: str) -> "Algorithm":
    """Read the name of a hash, in any case."""
    from ..errors import InvalidParameters  # noqa: PLC0415  # as above
    from ..otp import Algorithm  # noqa: PLC0415

    try:
        return Algorithm(text)
    except InvalidParameters:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(Algorithm)}") from None


def hidden(text: str) -> "Hidden[str]":
    """Cover what somebody typed that is nobody else's business."""
    from .._guard import Hidden  # noqa: PLC0415  # as above

    return Hidden(text)


def _whole(text: str, low: int, high: int) -> int:
    if not 1 <= len(text) <= 20 or text.strip("0123456789") or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}")
    return int(text)


def _from_iso(text: str) -> float:
    try:
        at = datetime.fromisoformat(text[:_LONGEST_TEXT])
    except ValueError:
        raise argparse.ArgumentTypeError(
            "must be Unix seconds, or ISO 8601 with an offset, as 2026-11-28T12:00:00Z"
        ) from None
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError("must say its offset: Z for UTC, or as +01:00")
    return at.timestamp()


def _without_what_was_typed(message: str) -> str:
    """Return argparse's message in words that hold nothing but the program's own."""
    name, _, says = message.partition(": ")
    if message.startswith("unrecognized arguments"):
        return "an argument too many, or an option that is not known here; a secret is never an argument"
    if says.startswith("invalid choice"):
        choices = says.rpartition("(choose from ")[2].rstrip(")").replace("'", "")
        return f"{name}: must be one of {choices}"
    if says.startswith("ignored explicit argument"):
        return f"{name}: takes no value"
    if says.startswith("invalid "):
        return f"{name}: cannot be read"
    return message
