"""How a secret, or a yes, is asked for.

Rules of this file:

1. A secret comes from standard input, from a prompt that shows nothing of it, or from a file; never from an argument.
2. It is one line of UTF-8, of a bounded length. What else comes is refused, in a line that shows nothing of it.
3. Who is asked is asked on standard error: what a command says on standard output can be piped on.
"""

import argparse
import getpass
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ._parsing import Mistake

if TYPE_CHECKING:
    from .._guard import Hidden

_MOST_BYTES: Final = 16_384  # a URI of 4096 characters, each of up to four bytes
_PROMPT: Final = "Secret (base32 or an otpauth URI; nothing is shown): "


def add_secret_file(command: argparse.ArgumentParser) -> None:
    """Describe where the secret comes from."""
    command.add_argument("--secret-file", metavar="FILE", help="read the secret from FILE, not from standard input")


def secret_text(file: str | None) -> "Hidden[str]":
    """Return what stands in the file, or else what comes on standard input, where nobody sees it typed.

    Raises:
        Mistake: If there is nothing, too much, more than a line, or no UTF-8.
    """
    from .._guard import Hidden  # noqa: PLC0415  # once a secret is asked for

    text = _prompted() if file is None and is_watched() else _decoded(_read(file))
    line = Hidden(text.value.strip())
    if not line.value:
        raise Mistake("there is no secret: give base32 or an otpauth URI on standard input, or in --secret-file")
    if len(line.value.splitlines()) > 1:
        raise Mistake("a secret is one line, and here are several: give one secret or one URI")
    if "\N{REPLACEMENT CHARACTER}" in line.value:
        raise Mistake("the secret is no UTF-8 text: give base32 or an otpauth URI")
    return line


def is_watched() -> bool:
    """Whether somebody sits at a terminal, and can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def agreed(question: str) -> bool:
    """Return whether somebody types yes.

    Raises:
        Mistake: If nobody is there to ask.
    """
    try:
        return answered(f"{question} Type yes: ") == "yes"
    except EOFError:
        raise Mistake("nobody is there to ask, and nothing was changed: with --yes it is done") from None


def answered(question: str) -> str:
    """Return the line that somebody types, without what is around it.

    Raises:
        EOFError: If nobody is there to ask.
    """
    with _line_ended():
        sys.stderr.write(question)
        sys.stderr.flush()
        line = b"" if sys.stdin is None else sys.stdin.buffer.readline(_MOST_BYTES)
        if not line:
            raise EOFError
        if not sys.stdin.isatty():  # in a terminal, whoever typed it has ended the line
            sys.stderr.write("\n")
    return line.decode("utf-8", "replace").strip()


def _read(file: str | None) -> "Hidden[bytes]":
    from .._guard import Hidden  # noqa: PLC0415  # as above

    try:
        if file is not None:
            with Path(file).open("rb") as source:
                raw = Hidden(source.read(_MOST_BYTES + 1))
        else:
            raw = Hidden(b"" if sys.stdin is None else sys.stdin.buffer.read(_MOST_BYTES + 1))
    except OSError as error:
        # Without the name: it is the secret itself, where somebody mistook the option for one that takes it.
        where = "standard input" if file is None else "the file of --secret-file"
        raise Mistake(f"{where} cannot be read: {error.strerror}") from None
    if len(raw.value) > _MOST_BYTES:
        raise Mistake(f"this is longer than any secret or URI, which has at most {_MOST_BYTES} bytes")
    return raw


def _decoded(raw: "Hidden[bytes]") -> "Hidden[str]":
    from .._guard import Hidden  # noqa: PLC0415  # as above

    # Replacing: an error would hold the bytes. With a byte order mark: some editors write one.
    return Hidden(raw.value.decode("utf-8-sig", "replace"))


def _prompted() -> "Hidden[str]":
    from .._guard import Hidden  # noqa: PLC0415  # as above

    try:
        with warnings.catch_warnings(), _line_ended():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return Hidden(getpass.getpass(_PROMPT))
    except getpass.GetPassWarning:
        raise Mistake("this terminal would show what is typed: give the secret in --secret-file") from None
    except EOFError:
        return Hidden("")
    except UnicodeDecodeError:
        return Hidden("\N{REPLACEMENT CHARACTER}")


@contextmanager
def _line_ended() -> Iterator[None]:
    """Leave the line of the question where nobody answers it."""
    try:
        yield
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write("\n")
        raise
