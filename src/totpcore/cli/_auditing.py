"""Where the events of a command go: each change that it makes is one.

Rules of this file:

1. With `--audit-log FILE` an event is a line of JSON in the file. Without it, it is a line on standard error, which
   whoever runs the command sees, and what collects its output; but of commands that show the same by themselves, or
   change thousands, it is kept nowhere.
2. The file is opened before anything is changed: where that fails, nothing was. A line is written at once and whole,
   behind what others have written.
3. What cannot be written where it belongs is written where somebody may see it, and the command fails: no change goes
   unlogged. Where it is not known whether a change was made, that is written.
4. Ctrl-C waits until a change is made and written down. A second one does not.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from ._parsing import Mistake
from ._progress import complain

if TYPE_CHECKING:
    from io import FileIO

    from ..events import Event

_NEW: Final = 0o600  # of a file that is made: names and reasons are nobody else's business


def add_options(command: argparse.ArgumentParser, *, instead: str = ", and not to standard error") -> None:
    """Describe `--audit-log`: where events go without it."""
    command.add_argument("--audit-log", metavar="FILE", help=f"append what was done to FILE, as JSON lines{instead}")


class Log:
    """Takes events, and says whether there is a file for them."""

    def __init__(self, file: "FileIO | None") -> None:
        self._file = file
        self._told = 0
        self.failed = ""

    @property
    def is_file(self) -> bool:
        """Whether the events go to a file."""
        return self._file is not None

    def __call__(self, event: "Event") -> None:
        """Write an event down."""
        self._told += 1
        if self._file is not None and not self.failed:
            line = f"{json.dumps(asdict(event))}\n".encode()
            try:
                if self._file.write(line) == len(line):
                    return
                raise OSError("it is full")
            except OSError as error:
                said = error.strerror or error
                self.failed = f"the file of --audit-log could not be written: {said}. Its lines stand above"
        try:
            complain(as_line(event))
        except OSError:
            sys.stdout.write(f"{as_line(event)}\n")
            self.failed = "standard error could not be written. Its lines stand on standard output"

    @contextmanager
    def reset(self, user: str, *, actor: str, reason: str) -> Iterator[None]:
        """Reset a user in the block. Where it stops without an answer, such as of a server, it may be done: say so."""
        from ..errors import StoreContended, StoreError  # noqa: PLC0415
        from ..events import Event, EventKind  # noqa: PLC0415

        try:
            with undivided():
                yield
        except StoreContended:  # nothing was changed
            raise
        except (StoreError, OSError, KeyboardInterrupt):
            if not self._told:
                unsure = f"{reason} (no answer came: it is done, or not)"
                self(Event(kind=EventKind.RESET, user=user, at=time.time(), reason=unsure, actor=actor))
            raise


def as_line(event: "Event") -> str:
    """Return an event as a line for people, in which nothing that somebody typed moves a cursor."""
    from .._operators import utc  # noqa: PLC0415

    who = f" actor={event.actor!r} reason={event.reason!r}" if event.actor is not None else ""
    return f"{utc(event.at)} {event.kind.value} user={event.user!r}{who}"


@contextmanager
def log(given: argparse.Namespace) -> Iterator[Log]:
    """Open the file that was named, if one was.

    Raises:
        Mistake: If it cannot be opened.
        OSError: If an event could not be written where it belongs. It is raised at the end.
    """
    with ExitStack() as stack:
        file = None
        if given.audit_log is not None:
            try:
                file = stack.enter_context(open(given.audit_log, "ab", buffering=0, opener=_opener))
            except OSError as error:
                said = f"the file of --audit-log cannot be opened: {error.strerror}"
                raise Mistake(f"nothing was changed: {said}") from None
        kept = Log(file)
        yield kept
    if kept.failed:
        raise OSError(f"it is done, but {kept.failed}")


@contextmanager
def undivided() -> Iterator[None]:
    """Let Ctrl-C wait for the end of a change, so that none is made and not told."""
    of_python = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not ignored, as beside `nohup`
    if not of_python or threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = list[int]()

    def wait(number: int, _frame: object) -> None:
        asked.append(number)
        if len(asked) > 1:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if asked:
        raise KeyboardInterrupt


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, _NEW)
