"""How far a command has come, and what it has to complain of: on standard error, which results never mix with.

Rules of this file:

1. On a terminal, progress is one line that is redrawn, at most ten times a second, and wiped once all is done. What
   is done sooner shows none. Elsewhere it is a line every so many, for a log. Where the work was stopped, the last line
   says how far it came.
2. Whatever else is to be said meanwhile goes through `say`, so that the line is not torn.
"""

import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

_EVERY: Final = 1000  # of whatever is counted: a line, where nobody watches
_PAUSE: Final = 0.1  # seconds between two pictures


def complain(line: str) -> None:
    """Write a line to standard error, under the name of the program."""
    sys.stderr.write(f"totpcore: {line}\n")
    sys.stderr.flush()


class Progress:
    """How far it has come.

    Example:
        ::

            with Progress("sealed anew", total=len(users), quiet=given.quiet) as progress:
                for done, user in enumerate(users, 1):
                    ...
                    progress.show(done)
    """

    def __init__(
        self, does: str, *, total: int | None = None, quiet: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Say what is done to each, such as "looked at", and how many there are, where that is known."""
        self._does, self._of = does, "" if total is None else f" of {total}"
        self._quiet, self._clock = quiet, clock
        self._stream = sys.stderr
        self._redraws = self._stream.isatty()
        self._last, self._drawn, self._next = "", "", clock() + _PAUSE

    def show(self, done: int, more: str = "") -> None:
        """Tell how many are done, and more about them: at the right moments, however often this is called."""
        if self._quiet:
            return
        self._last = line = f"{done}{self._of} {self._does}{f', {more}' if more else ''}"
        if not self._redraws:
            if done % _EVERY == 0:
                self._write(f"{line}\n")
        elif (now := self._clock()) >= self._next:
            self._next = now + _PAUSE
            self._draw(line)

    def say(self, line: str) -> None:
        """Complain of something: above the line that is redrawn."""
        self._wipe()
        complain(line)

    def _draw(self, line: str) -> None:
        shown = line[: shutil.get_terminal_size().columns - 1]  # in the last column, a terminal begins a new line
        self._write(f"\r{shown.ljust(len(self._drawn))}")
        self._drawn = shown

    def _wipe(self) -> None:
        if self._drawn:
            self._write(f"\r{' ' * len(self._drawn)}\r")
            self._drawn, self._next = "", self._clock()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self._wipe()
        elif self._last and self._redraws:
            self._draw(self._last)
            self._write("\n")
        elif self._last and kind is not KeyboardInterrupt:
            self._write(f"{self._last}\n")
