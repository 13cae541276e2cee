"""A store of one's own: a file per user, in a folder on a local disk. For POSIX systems, which have `flock`.

Rule 1. Whoever swaps holds the lock of the folder, among threads and processes; whoever loads needs none, since a file
is replaced whole.
Rule 2. `True` is said once the file, and the folder that names it, are on the disk.
Rule 3. A folder that is not there is an error, and not a world in which nobody has a second factor.
Rule 4. Whatever the system raises leaves as a `StoreError`.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from totpcore import StoreError


class FolderStore:
    """A `totpcore.Store` on that folder."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self._folder = folder
        self._lock = folder / "lock"
        if create:
            folder.mkdir(mode=0o700, exist_ok=True)
            self._lock.touch(mode=0o600)
        with self._locked():
            pass  # rule 3, and a folder that nobody may lock is found out now

    def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`."""
        with _told():
            return self._read(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`."""
        with _told(), self._locked():
            if self._read(user) != old:
                return False
            self._write(user, new)
            return True

    def users(self) -> Iterator[str]:
        """Yield every user id that has a value. Optional: for lists, and for `reseal`."""
        with _told():
            names = sorted(self._folder.glob("*.record"))
        for name in names:
            with _told():
                content = name.read_bytes() if name.exists() else b""
            if content:
                yield content.partition(b"\0")[0].decode()

    def _path(self, user: str) -> Path:
        # A hash: an id may be longer than a file name, hold a slash, or differ from another in case.
        return self._folder / f"{hashlib.sha256(user.encode()).hexdigest()}.record"

    def _read(self, user: str) -> bytes | None:
        try:
            content = self._path(user).read_bytes()
        except FileNotFoundError:
            self._lock.stat()  # rule 3
            return None
        return content.partition(b"\0")[2]  # no user id holds NUL

    def _write(self, user: str, new: bytes | None) -> None:
        path = self._path(user)
        if new is None:
            path.unlink(missing_ok=True)
        else:
            fresh = path.with_suffix(".new")
            with fresh.open("wb") as file:
                file.write(user.encode() + b"\0" + new)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # rule 2: the name is in the folder
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)  # a child that was forked meanwhile has the same lock, and keeps it


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"the folder of the records failed: {error.strerror}") from error
