"""The shared secret: how it is made, written down, read back, and kept out of sight.

Rules of this file:

1. A `Secret` is 10 to 128 bytes and not all zero: HMAC pads keys with NUL bytes, so a key of zeros is the empty key.
2. It is shown by `reveal`, `base32` and `grouped`, and by nothing else.
3. Base32 is RFC 4648 section 6. What people do when they type a key by hand (lower case, spaces, hyphens) is
   forgiven; a character outside of the alphabet is refused by its position. `0`, `1` and `8` are never guessed.
"""

import base64
import hmac
import secrets
from typing import ClassVar, Final

from ._guard import FirstChecked, Guarded, Hidden, type_error, whole
from .errors import InvalidSecret

SHORTEST_BYTES: Final = 10
LONGEST_BYTES: Final = 128
STRONG_BYTES: Final = 16  # 128 bits: RFC 4226 section 4, R6

_LONGEST_TEXT: Final = 512  # 128 bytes are 205 characters: room for grouping, and no work on anything longer
_WRITTEN: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567 -"
_DIGITS: Final = str.maketrans(_WRITTEN[:32], "0123456789ABCDEFGHIJKLMNOPQRSTUV", _WRITTEN[32:])  # as `int` has them
UPPER: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")  # not U+017F, U+0131
_PADDING: Final = {0: 0, 2: 6, 4: 4, 5: 3, 7: 1}  # characters in the last group -> "=" that complete it


class Secret(Guarded):
    """The key that an authenticator app and the server share.

    Example:
        >>> secret = Secret.from_base32("gezd gnbv gy3t qojq gezd gnbv gy3t qojq")
        >>> secret
        <Secret: 20 bytes, hidden>
        >>> secret.reveal()
        b'12345678901234567890'

    Equality takes constant time. A `Secret` cannot be hashed, pickled or copied.
    """

    __slots__ = ("_raw",)
    _raw: bytes

    def __init__(self, raw: bytes) -> None:
        """Take the bytes of a secret.

        Raises:
            InvalidSecret: If there are fewer than 10 or more than 128 bytes, or all are zero.
            TypeError: If `raw` is not `bytes`.
        """
        hidden = Hidden(raw)
        del raw
        if type(hidden.value) is not bytes:
            raise type_error("raw", "bytes", hidden.value)
        if not SHORTEST_BYTES <= len(hidden.value) <= LONGEST_BYTES or not any(hidden.value):
            raise InvalidSecret(f"a secret must have {SHORTEST_BYTES} to {LONGEST_BYTES} bytes, not all of them zero")
        object.__setattr__(self, "_raw", hidden.value)

    @classmethod
    def generate(cls, nbytes: int = 20) -> "Secret":
        """Make a new secret from the operating system's random source (RFC 4226 section 7.5, RFC 6238 section 5.1).

        Args:
            nbytes: 16 to 128. 20, 32 and 64 are the lengths of the outputs of SHA-1, SHA-256 and SHA-512.

        Raises:
            InvalidParameters: If `nbytes` is out of range.
        """
        return cls(secrets.token_bytes(whole("nbytes", nbytes, STRONG_BYTES, LONGEST_BYTES)))

    @classmethod
    def from_base32(cls, text: str) -> "Secret":
        """Read a secret in base32 (RFC 4648 section 6).

        Spaces, hyphens and lower case are fine, so are correct padding and non-zero bits left over at the end, which
        widely used software emits.

        Raises:
            InvalidSecret: If a character is not in the alphabet, the length is impossible, the padding is wrong, or
                the bytes are not those of a `Secret`. It names the position, never the text.
            TypeError: If `text` is not a `str`.
        """
        hidden = Hidden(text)
        del text
        if type(hidden.value) is not str:
            raise type_error("text", "a str", hidden.value)
        return cls(decode_base32(hidden))

    def reveal(self) -> bytes:
        """Return the secret itself."""
        return self._raw

    @property
    def base32(self) -> str:
        """The secret in base32, upper case, without padding, as the Key URI format wants it."""
        return encode_base32(self._raw)

    @property
    def grouped(self) -> str:
        """The secret in base32, in groups of four, to type by hand."""
        plain = self.base32
        return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))

    @property
    def weak(self) -> bool:
        """Whether there are fewer than 128 bits (RFC 4226 section 4, R6)."""
        return len(self._raw) < STRONG_BYTES

    def __eq__(self, other: object) -> bool:
        return hmac.compare_digest(self._raw, other._raw) if isinstance(other, Secret) else NotImplemented

    __hash__: ClassVar[None]  # type: ignore[assignment]  # `__eq__` alone: a hash would be an oracle

    def __repr__(self) -> str:
        # While the constructor refuses, a traceback may show an object that has no bytes yet.
        return f"<Secret: {len(getattr(self, '_raw', b''))} bytes, hidden>"


class MadeOfSecret(FirstChecked):
    """The base of tokens: a bare key in the place of their `Secret` is refused and shown nowhere."""

    __slots__ = ()
    _first: ClassVar = ("secret", "of type Secret", (Secret,))


def encode_base32(raw: bytes) -> str:
    """Write bytes in base32 by RFC 4648 section 6, without padding."""
    return base64.b32encode(raw).decode().rstrip("=")


def decode_base32(text: Hidden[str]) -> bytes:
    """Decode base32 by RFC 4648 section 6, or raise `InvalidSecret`."""
    if len(text.value) > _LONGEST_TEXT:
        raise InvalidSecret(f"a base32 secret must have at most {_LONGEST_TEXT} characters")
    written = Hidden(text.value.upper() if text.value.isascii() else text.value.translate(UPPER))
    body = Hidden(written.value.rstrip("=- "))
    if body.value.strip(_WRITTEN):
        position = next(index for index in range(len(body.value)) if body.value[index] not in _WRITTEN)
        raise InvalidSecret(f"character {position + 1} is not in the base32 alphabet", position=position)
    digits = Hidden(body.value.translate(_DIGITS))
    needed = _PADDING.get(len(digits.value) % 8)
    if needed is None or not digits.value:
        raise InvalidSecret("base32 ends in the middle of a byte", position=len(body.value))
    if written.value.count("=") not in (0, needed):
        raise InvalidSecret("the padding does not complete the last group", position=len(body.value))
    # One number of 5 bits a digit, without the bits left over at the end: what `base64.b32decode` gives, in a fifth of
    # its time. Nothing but digits is left here, so `int` has nothing to forgive.
    return (int(digits.value, 32) >> 5 * len(digits.value) % 8).to_bytes(5 * len(digits.value) // 8, "big")
