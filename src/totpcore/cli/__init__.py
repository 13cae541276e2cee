"""The command `totpcore`, which is `python -m totpcore`.

Rules of this package:

1. Exit codes: 0 done or accepted, 1 refused, mismatch, or not done for everybody, 2 usage or bad input.
2. A secret is never an argument: it would stand in the process list and in the shell's history.
3. A command is a function from parsed arguments to an exit code. Its module describes it in `add`, and imports what it
   needs once the command was chosen.
4. What goes wrong is one line on standard error, with what to do. Ctrl-C and a closed pipe are quiet.
5. What is typed or stored may hold any character: what the terminal cannot write is written as an escape.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, TextIO

from . import _codes, _enrolling, _explaining, _importing, _looking, _operating, _resetting, _selftest, _uris
from ._parsing import WRONG, Commands, Mistake, Overview, Parser

STOPPED: Final = 130  # as shells tell of SIGINT
UNREAD: Final = 141  # and of SIGPIPE

_TOUR: Final = """\
Each command has a --help of its own, with an example. Exit codes: 0 done or
accepted, 1 refused or not done, 2 something is wrong with what was typed or
found.

The second factors of an application, with its store and its keys:
  export TOTPCORE_STORE=sqlite:////srv/app/2fa.db
  totpcore users --keys-file /srv/app/totp.keys
  totpcore status alice --keys-file /srv/app/totp.keys

A second factor, from the secret to the first code:
  (umask 077; totpcore secret > secret.txt)
  totpcore qr --issuer ACME --account alice@example.com < secret.txt
  totpcore verify 123456 < secret.txt
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Raises:
        SystemExit: If the arguments are wrong, with code 2; on `--help` and `--version`, with code 0.
    """
    from ..errors import TotpcoreError  # noqa: PLC0415  # once something is to be done

    if sys.stdout is None or sys.stderr is None:  # before anything is done that could then not be told
        _complain("standard output and standard error must be open")
        return WRONG
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return STOPPED
    except BrokenPipeError:  # of the output: what stores raise is theirs
        return UNREAD
    except (Mistake, TotpcoreError, OSError, ImportError) as error:
        _complain(_in_a_line(error))
        return WRONG
    finally:
        _give_up(sys.stdout)
        _give_up(sys.stderr)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        given, others = _parser().parse_known_args(arguments)
        if others:  # here, where it is known whose --help says what there is
            given.refuse("unrecognized arguments")
        code: int = given.run(given)
        return code
    finally:
        sys.stdout.flush()  # here, where it can be told that nobody reads; `--help` ends by an exception


def _give_up(stream: TextIO) -> None:
    """Let what cannot be written go nowhere: Python would try once more at its end, complain, and exit with 120."""
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _complain(line: str) -> None:
    """Write to standard error, if that can be: the exit code says the rest."""
    with suppress(OSError, AttributeError):
        sys.stderr.write(f"totpcore: {line}\n")
        sys.stderr.flush()


def _in_a_line(error: Exception) -> str:
    """Return what an error says. Drivers quote what they read: in further lines, or with whatever moves a cursor."""
    from .._operators import printable  # noqa: PLC0415  # as above

    if isinstance(error, OSError) and error.filename and error.strerror:
        return printable(f"{error.filename}: {error.strerror}")
    return printable(str(error).partition("\n")[0]) or type(error).__name__


def _parser() -> argparse.ArgumentParser:
    from .. import __version__  # noqa: PLC0415  # the face of the package imports most of it

    parser = Parser(
        prog="totpcore",
        description="Time-based and counter-based one-time codes, and the second factors in a store.",
        epilog=_TOUR,
        formatter_class=Overview,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"totpcore {__version__}")
    commands = Commands(parser)
    for part in (_codes, _uris, _explaining, _selftest, _looking, _enrolling, _resetting, _operating, _importing):
        part.add(commands)
    return parser
