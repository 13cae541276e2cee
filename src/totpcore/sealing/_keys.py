"""Reading and checking the keys of a `Keyring`.

Rules of this file:

1. A key is 32 bytes, not all zero. Its id is 1 to 32 of the characters A-Z a-z 0-9 . _ - and no secret. Neither comes
   twice: an id that meant two keys would open at random, and a key under two ids is a rotation that did not happen.
2. A message names where the list is from and the place in it. It shows neither what stands there nor a part of it:
   where something is wrong, a key may stand in the place of an id, of a name or of a path.
3. Nothing that was given stands bare in a frame that can raise.
"""

import base64
import hmac
import os
import re
import stat
from collections.abc import Mapping, Sequence
from typing import Final

from .._guard import Hidden, type_error
from ..errors import InvalidParameters

KEY_BYTES: Final = 32

_LONGEST_FILE: Final = 65_536  # bytes: hundreds of keys, and a wrong path that leads to a disk image ends early
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
# 43 characters have two bits more than 32 bytes. Where these are not zero, the text is not as it was written.
_ENTRY: Final = re.compile(r"\s*([A-Za-z0-9._-]{1,32})\s*:\s*([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])=?\s*")
_FORM: Final = "id:key, with the key as 43 characters of base64url"


def checked_id(name: str, key_id: Hidden[object]) -> str:
    """Return the id of a key."""
    if type(key_id.value) is not str:
        raise type_error(name, "a str", key_id.value)
    if not _ID.fullmatch(key_id.value):
        raise InvalidParameters(f"{name} must have 1 to 32 of the characters A-Z a-z 0-9 . _ -")
    return key_id.value


def checked(source: str, given: Hidden[object]) -> dict[str, Hidden[bytes]]:
    """Return the keys by their ids, in the order in which they were given."""
    kept: dict[str, Hidden[bytes]] = {}
    for place, pair in enumerate(_pairs(source, given), 1):
        key_id = checked_id(f"id {place} of {source}", Hidden(pair.value[0]))
        key = _checked_key(f"key {place} of {source}", Hidden(pair.value[1]))
        if key_id in kept:
            raise InvalidParameters(f"id {place} of {source} must not be that of an earlier key")
        if any(hmac.compare_digest(key.value, earlier.value) for earlier in kept.values()):
            raise InvalidParameters(f"key {place} of {source} must not be an earlier key under another id")
        kept[key_id] = key
    if not kept:
        raise InvalidParameters(f"{source} must have at least one key")
    return kept


def _pairs(source: str, given: Hidden[object]) -> list[Hidden[tuple[object, object]]]:
    # By `map`, which has no variable that a traceback could show.
    if isinstance(given.value, Mapping):
        return list(map(Hidden, given.value.items()))
    if not isinstance(given.value, Sequence) or isinstance(given.value, str):
        raise type_error(source, "a mapping from ids to keys, or a sequence of such pairs", given.value)
    pairs = list(map(Hidden, given.value))
    for place, pair in enumerate(pairs, 1):
        if type(pair.value) is not tuple or len(pair.value) != 2:
            raise type_error(f"pair {place} of {source}", "a tuple of an id and a key", pair.value)
    return pairs


def _checked_key(name: str, key: Hidden[object]) -> Hidden[bytes]:
    if type(key.value) is not bytes:
        raise type_error(name, "bytes", key.value)
    if len(key.value) != KEY_BYTES or not any(key.value):
        raise InvalidParameters(f"{name} must have exactly {KEY_BYTES} bytes, not all of them zero")
    return Hidden(key.value)


def from_text(text: Hidden[str], name: Hidden[str]) -> Hidden[list[tuple[str, bytes]]]:
    """Read the keys out of a text, which messages call by a name."""
    if type(name.value) is not str:
        raise type_error("name", "a str", name.value)
    if not _NAME.fullmatch(name.value):
        raise InvalidParameters("name must be what the text is called, in letters, digits and _, not the text")
    if type(text.value) is not str:
        raise type_error(name.value, "a str", text.value)
    if not text.value.strip():
        raise InvalidParameters(f"{name.value} must not be empty: {_FORM}, newest first, by commas")
    return _read(name.value, Hidden(text.value.split(",")))


def from_environment(name: Hidden[str]) -> Hidden[list[tuple[str, bytes]]]:
    """Read the keys out of an environment variable."""
    if type(name.value) is not str:
        raise type_error("name", "a str", name.value)
    if not _NAME.fullmatch(name.value):
        raise InvalidParameters("name must be the name of an environment variable, not its value")
    text = Hidden(os.environ.get(name.value, ""))
    if not text.value.strip():
        raise InvalidParameters(f"the environment variable {name.value} must be set: {_FORM}, newest first, by commas")
    return _read(name.value, Hidden(text.value.split(",")))


def from_file(path: Hidden[str | os.PathLike[str]]) -> Hidden[list[tuple[str, bytes]]]:
    """Read the keys out of a file."""
    if not isinstance(path.value, str | os.PathLike):
        raise type_error("path", "a str or a path", path.value)
    if _ENTRY.match(str(path.value)):
        raise InvalidParameters("path must be the path of a file, not what stands in it")
    lines = [Hidden(line.split("#")[0].strip()) for line in _content(path).value.removeprefix("\ufeff").splitlines()]
    entries = [Hidden(line.value.removesuffix(",").split(",")) for line in lines if line.value]
    return _read(os.path.basename(path.value), Hidden([entry for line in entries for entry in line.value]))  # noqa: PTH119


def _content(path: Hidden[str | os.PathLike[str]]) -> Hidden[str]:
    # Not by `pathlib`, which would load `urllib.parse` into every program that imports totpcore.
    with open(path.value, "rb") as file:  # noqa: PTH123
        status = os.fstat(file.fileno())  # of what is open, not of what may be at the path by now
        # Where the file is another user's, that user or a mount decides who reads it, and this process can only because
        # it may be read by others than its owner.
        if os.name == "posix" and status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & 0o077:
            raise InvalidParameters(
                f"path must be a file that its owner alone may read, as {os.path.basename(path.value)} is after "  # noqa: PTH119
                "`chmod 600`, or where it is mounted with mode 0400"
            )
        raw = Hidden(file.read(_LONGEST_FILE + 1))
    if len(raw.value) > _LONGEST_FILE:
        raise InvalidParameters(f"path must be a file of at most {_LONGEST_FILE} bytes")
    return Hidden(raw.value.decode("utf-8", "replace"))  # not strictly: `UnicodeDecodeError` would hold the keys


def _read(source: str, entries: Hidden[list[str]]) -> Hidden[list[tuple[str, bytes]]]:
    """Read entries `id:key`. An empty one is refused: it may stand where a variable was forgotten."""
    found = list(map(Hidden, map(_ENTRY.fullmatch, entries.value)))
    pairs: Hidden[list[tuple[str, bytes]]] = Hidden([])
    for place, match in enumerate(found, 1):
        if match.value is None:
            raise InvalidParameters(f"entry {place} of {source} must be {_FORM}")
        pairs.value.append((match.value[1], base64.urlsafe_b64decode(match.value[2] + "=")))
    checked(source, Hidden(pairs.value))  # here, so that a message names the source and not an argument
    return pairs
