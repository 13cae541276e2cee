"""The seal: a format that names its key, and the keys that open it.

Rules of this file:

1. The first key seals, every key opens.
2. Sealed bytes are a header (the version, the length of the key's id, the id, the nonce), the ciphertext and its tag.
   The tag is over the header and the context too. The header tells its own length, so that no two pairs of a header
   and a context are the same bytes.
3. A record that does not open raises `RecordUnreadable`, by a name that says why: an operator who took a key away too
   early sees `UnknownKey`.
"""

import base64
import os
import secrets
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Self

from .._guard import Guarded, Hidden, type_error
from ..errors import RecordUnreadable
from . import _keys

VERSION: Final = 1
NONCE_BYTES: Final = 12


class UnknownKey(RecordUnreadable):
    """The record was sealed by a key that is not in the keyring, or by no key at all."""


class BrokenSeal(RecordUnreadable):
    """The record was changed, cut, lengthened, or sealed for another user."""


class Keyring(Guarded):
    """Seals records with AES-256-GCM, under keys of which the first seals and every one opens.

    Example:
        >>> keyring = Keyring({"2026": bytes(range(1, 33)), "2025": bytes(range(2, 34))})
        >>> keyring
        <Keyring: 2026, 2025>
        >>> sealed = keyring.seal(b"a record", b"alice")
        >>> keyring.open(sealed, b"alice")
        b'a record'
        >>> keyring.open(sealed, b"bob")
        Traceback (most recent call last):
        totpcore.sealing._keyring.BrokenSeal: the record was changed, or sealed for another user

    A keyring cannot be pickled or copied. Threads and forked processes may share one.
    """

    __slots__ = ("_keys", "_newest")
    _keys: Mapping[str, Hidden[bytes]]
    _newest: str

    def __init__(self, keys: Mapping[str, bytes] | Sequence[tuple[str, bytes]]) -> None:
        """Take the keys.

        Args:
            keys: The keys by their ids, newest first: a mapping, or pairs. A key is 32 random bytes; an id is 1 to 32
                of the characters A-Z a-z 0-9 . _ - and stands in clear in each record.

        Raises:
            InvalidParameters: If there is no key, a key has not 32 bytes or is all zero, an id has another form, or an
                id or a key comes twice.
            TypeError: If something has another type.
            ImportError: If `cryptography` is missing.
        """
        given: Hidden[object] = Hidden(keys)
        del keys
        from . import _aead  # noqa: F401, PLC0415  # a missing extra shows here, not at the first log-in

        object.__setattr__(self, "_keys", _keys.checked("keys", given))
        object.__setattr__(self, "_newest", next(iter(self._keys)))

    @classmethod
    def from_text(cls, text: str, *, name: str = "text") -> Self:
        """Read the keys out of a text, as a secret store or a setting gives it: `id:key` by commas, newest first.

        The key is in base64url. White space and line ends around each part are fine, padding may be there or not.

        Example:
            >>> text = f"{Keyring.generate_key('2026')},{Keyring.generate_key('2025')}"
            >>> Keyring.from_text(text)
            <Keyring: 2026, 2025>

        Args:
            text: The keys.
            name: What errors call the text, such as the name of the setting in which it stands.

        Raises:
            InvalidParameters: If the text is empty, an entry has another form, the keys are not those of a `Keyring`,
                or `name` has other characters than a name in Python.
            TypeError: If one of them is not a `str`.
            ImportError: If `cryptography` is missing.
        """
        given, called = Hidden(text), Hidden(name)
        del text, name
        return cls(_keys.from_text(given, called).value)

    @classmethod
    def from_env(cls, name: str = "TOTPCORE_KEYS") -> Self:
        """Read the keys out of an environment variable: `id:key` by commas, newest first, the key in base64url.

        White space and line ends around each part are fine, padding may be there or not.

        Raises:
            InvalidParameters: If the variable is missing or empty, an entry has another form, or the keys are not
                those of a `Keyring`.
            TypeError: If `name` is not a `str`.
            ImportError: If `cryptography` is missing.
        """
        given = Hidden(name)
        del name
        return cls(_keys.from_environment(given).value)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read the keys out of a file: `id:key`, one on a line or by commas, newest first, the key in base64url.

        Blank lines, and what stands behind a `#`, are skipped. A file of this process's own user has to be readable by
        that user alone; one of another user's, such as a secret that was mounted, is read as it is.

        Raises:
            InvalidParameters: If others than its owner may read the file, it is longer than 64 KiB, an entry has
                another form, or the keys are not those of a `Keyring`.
            OSError: If the file cannot be read.
            TypeError: If `path` is neither a `str` nor a path.
            ImportError: If `cryptography` is missing.
        """
        given = Hidden(path)
        del path
        return cls(_keys.from_file(given).value)

    @staticmethod
    def generate_key(key_id: str | None = None) -> str:
        """Make a new key, as the entry `id:key` that belongs at the front of the list.

        Example:
            >>> Keyring.generate_key("2026").partition(":")[0]
            '2026'

        Args:
            key_id: The id; `None` is eight random characters.

        Raises:
            InvalidParameters: If the id has another form.
            TypeError: If it is not a `str`.
        """
        given: Hidden[object] = Hidden(secrets.token_hex(4) if key_id is None else key_id)
        del key_id
        text = base64.urlsafe_b64encode(secrets.token_bytes(_keys.KEY_BYTES)).decode().rstrip("=")
        return f"{_keys.checked_id('key_id', given)}:{text}"

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the keys, newest first."""
        return tuple(self._keys)

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Return the plaintext sealed with the first key, bound to the context."""
        from ._aead import encrypt  # noqa: PLC0415  # the extra

        hidden = Hidden(plaintext)
        del plaintext
        if type(hidden.value) is not bytes:
            raise type_error("plaintext", "bytes", hidden.value)
        key_id, nonce = self._newest.encode(), os.urandom(NONCE_BYTES)
        header = bytes((VERSION, len(key_id))) + key_id + nonce
        return header + encrypt(self._keys[self._newest], context, nonce, hidden, Hidden(header))

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Return the plaintext.

        Raises:
            UnknownKey: If it was sealed by a key that is not here, or is not sealed in this format.
            BrokenSeal: If any bit of it, or the context, is another.
        """
        from ._aead import decrypt  # noqa: PLC0415  # the extra

        given = Hidden(sealed)
        del sealed
        parts = _split(given)
        key = None if parts is None else self._keys.get(parts.key_id)
        if parts is None or key is None:
            raise UnknownKey(f"the record was not sealed by any of the keys {', '.join(self._keys)}")
        opened = Hidden(decrypt(key, context, parts.nonce, parts.ciphertext, parts.header))
        if opened.value is None:
            raise BrokenSeal("the record was changed, or sealed for another user")
        return opened.value

    def is_newest(self, sealed: bytes, /) -> bool:
        """Whether the first key sealed this, as its header says. Whether that is true, only `open` can tell."""
        given = Hidden(sealed)
        del sealed
        parts = _split(given)
        return parts is not None and parts.key_id == self._newest

    def __repr__(self) -> str:
        # While the constructor refuses, a traceback may show an object that has no keys yet.
        return f"<Keyring: {', '.join(getattr(self, '_keys', ()))}>"


class _Parts(NamedTuple):
    """Sealed bytes, taken apart. Hidden, as what is not sealed at all is taken apart in the same way."""

    key_id: str
    nonce: bytes
    header: Hidden[bytes]
    ciphertext: Hidden[bytes]


def _split(sealed: Hidden[bytes]) -> _Parts | None:
    """Take sealed bytes apart; `None` where they have another version, or end in the header."""
    if type(sealed.value) is not bytes:
        raise type_error("sealed", "bytes", sealed.value)
    if sealed.value[:1] != bytes((VERSION,)):
        return None
    nonce_at = 2 + int.from_bytes(sealed.value[1:2], "big")
    end = nonce_at + NONCE_BYTES
    if len(sealed.value) < end:
        return None
    return _Parts(
        key_id=sealed.value[2:nonce_at].decode("ascii", "replace"),  # what it puts in is in no id
        nonce=sealed.value[nonce_at:end],
        header=Hidden(sealed.value[:end]),
        ciphertext=Hidden(sealed.value[end:]),
    )
