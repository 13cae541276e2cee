"""Reading what somebody named: one file, standard input, or a folder of one file for each user.

Rules of this file:

1. What is read is bounded. All of it is in memory at once, since of two rows of one user the better is taken.
2. In a folder every file is its user's to write: what is a link, a pipe or a device is not read. Nor is in a home what
   belongs to somebody else: by a hard link, one user would have another's.
3. An error names the file, and nothing that is in it.
"""

import io
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from ._parsing import Mistake
from ._rows import Entry, Fields

if TYPE_CHECKING:
    from .._guard import Hidden

INPUT: Final = "-"
HOME_FILE: Final = ".google_authenticator"  # as the PAM module calls it

LARGEST: Final = 64 * 1024 * 1024  # bytes: what `dumpdata` writes for 150 000 users
LARGEST_OF_ONE: Final = 64 * 1024  # bytes: google-authenticator-libpam reads no larger one

_ROOT: Final = 0
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


def text_of(path: str, called: str = "FILE") -> "Hidden[str]":
    """Return what is in a file, or comes in on standard input.

    Raises:
        Mistake: If it is empty, larger than 64 MiB, or not UTF-8.
        OSError: If it cannot be read.
    """
    if path == INPUT:
        return _read(io.BytesIO() if sys.stdin is None else sys.stdin.buffer, LARGEST)
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # a `Path` would make another name of some
            return _read(file, LARGEST)
    except OSError as error:  # without the name: it may be a secret, where somebody mistook what belongs there
        raise OSError(f"{called} cannot be read: {error.strerror}") from None


def text_named(option: str, path: str) -> "Hidden[str]":
    """Return what is in the file that an option names; what is wrong with it is told under the option's name.

    Raises:
        Mistake: If it is empty, larger than 64 MiB, or not UTF-8.
        OSError: If it cannot be read.
    """
    called = f"the file of {option}"
    try:
        return text_of(path, called)
    except Mistake as error:
        raise Mistake(f"{called} was not read: {error}") from None


def texts_of(folder: str) -> Iterator[Entry]:
    """Yield the files of a folder by the names of their users, with the field `text`.

    Either each file is named by its user; or each folder in it is a user's home, and the file in that has the name that
    the PAM module gives it.

    Raises:
        OSError: If the folder cannot be read.
    """
    from .._guard import Hidden  # noqa: PLC0415

    try:
        found = sorted(Path(folder).iterdir())
    except OSError as error:
        raise OSError(f"FILE cannot be read: {error.strerror}") from None
    for path in found:
        home = path.is_dir()
        file = path / HOME_FILE if home else path
        if path.name.startswith("."):
            continue
        fields, reason = Hidden[Fields]({}), ""
        try:
            fields.value["text"] = _text_of_one(file, path.stat().st_uid if home else _ROOT).value
        except Mistake as error:
            reason = str(error)
        except FileNotFoundError:  # a home without one
            continue
        except OSError as error:
            reason = f"it cannot be read: {error.strerror}"
        yield Entry("", path.name, fields, reason)


def _text_of_one(file: Path, owner: int) -> "Hidden[str]":
    if file.is_symlink():
        raise Mistake("it is a link, which is not followed")
    # A link that was put there meanwhile is not followed either, and a pipe is not waited for.
    opened = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(opened, "rb") as stream:  # noqa: PTH123  # of a descriptor
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode):
            raise Mistake("it is no file")
        if found.st_uid != owner != _ROOT:  # in a folder of root's, root has put it
            raise Mistake("it belongs to somebody else than the home that it is in")
        return _read(stream, LARGEST_OF_ONE)


def _read(stream: IO[bytes], largest: int) -> "Hidden[str]":
    from .._guard import Hidden  # noqa: PLC0415

    held = Hidden(stream.read(largest + 1))
    if len(held.value) > largest:
        raise Mistake(f"it is larger than {largest // 1024} KiB: is it the right one? If so, split it")
    if held.value.startswith(_UTF16):
        raise Mistake("it is UTF-16, as some shells write it: save it as UTF-8")
    try:
        text = Hidden(held.value.decode("utf-8-sig"))
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    else:
        if text.value.strip():
            return text
        reason = "it is empty"
    raise Mistake(reason)
