"""Protobuf's wire format, read as far as an export of accounts needs it.

Rules of this file:

1. A length is compared with what is there before anything is taken: what a message claims to hold costs nothing.
2. Each byte is read once. What is not whole, or of a kind that is not known, is refused as a whole.
3. A field that is asked for stands once and is of the type that is asked for, else it is refused. Others are passed
   over, whatever they are.
"""

from typing import Final

from .._guard import Hidden
from ..errors import InvalidURI

_VARINT: Final = 0
_LENGTH: Final = 2
_WIDTHS: Final = {1: 8, 5: 4}  # bytes of the types of fixed width, which are only passed over
_LARGEST_FIELD: Final = 2**29 - 1

Value = int | Hidden[bytes] | None  # a number, a run of bytes, or something of fixed width


class Message:
    """A message, by the numbers of its fields."""

    __slots__ = ("_fields",)

    def __init__(self, message: Hidden[bytes]) -> None:
        """Take a message apart.

        Raises:
            InvalidURI: If it is not whole.
        """
        self._fields: dict[int, list[Value]] = {}
        place, end = 0, len(message.value)
        while place < end:
            tag, place = _varint(message, place)
            field, kind = tag >> 3, tag & 7
            if not 1 <= field <= _LARGEST_FIELD or kind not in (_VARINT, _LENGTH, *_WIDTHS):
                raise _damage("a field is of a kind that is not known")
            value: Value = None
            if kind == _VARINT:
                value, place = _varint(message, place)
            else:
                length, place = (_WIDTHS[kind], place) if kind in _WIDTHS else _varint(message, place)
                if length > end - place:
                    raise _damage("it ends in the middle of a field")
                if kind == _LENGTH:
                    value = Hidden(message.value[place : place + length])
                place += length
            self._fields.setdefault(field, []).append(value)

    def number(self, name: str, field: int) -> int:
        """Return a whole number, 0 where it does not stand there. Negative ones are written as their complement."""
        value = self._only(name, field, 0)
        if not isinstance(value, int):
            raise _damage(f"{name} is no number")
        return value - 2**64 if value >= 2**63 else value

    def run(self, name: str, field: int) -> Hidden[bytes]:
        """Return a run of bytes, empty where it does not stand there."""
        return _run(name, self._only(name, field, Hidden(b"")))

    def runs(self, name: str, field: int) -> list[Hidden[bytes]]:
        """Return every run of bytes of that number."""
        return [_run(name, value) for value in self._fields.get(field, [])]

    def _only(self, name: str, field: int, default: Value) -> Value:
        """Return what stands there once."""
        values = self._fields.get(field, [default])
        if len(values) > 1:
            raise _damage(f"{name} stands twice")
        return values[0]


def _run(name: str, value: Value) -> Hidden[bytes]:
    if not isinstance(value, Hidden):
        raise _damage(f"{name} is no run of bytes")
    return value


def _varint(message: Hidden[bytes], place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, the lowest first, and the place behind it."""
    number = 0
    for shift in range(0, 70, 7):
        if place == len(message.value):
            raise _damage("it ends in the middle of a number")
        byte, place = message.value[place], place + 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80 and number < 2**64:
            return number, place
    raise _damage("a number has more than 64 bits")


def _damage(what: str) -> InvalidURI:
    return InvalidURI(f"the data is damaged: {what}")
