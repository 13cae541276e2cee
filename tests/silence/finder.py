"""Looks for canaries in whatever a program wrote.

Rules of this file:

1. A canary is known by a name. What the finder says names the canary and the form, and never shows either.
2. Bytes in base32 and base64 are looked for at every alignment: a secret inside of something longer is encoded with
   its neighbours. Only the characters that do not depend on them are compared.
3. Six digits turn up by chance. As they stand they are looked for outside of memory addresses and long hexadecimal
   words only; in every other form, and for everything longer, the whole text is searched.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

_CHANCE: Final = re.compile(r"0x[0-9a-fA-F]{6,}|[0-9a-f]{32,}")
_SHORT: Final = 8  # characters; what is shorter is looked for with rule 3

Forms = Iterator[tuple[str, str]]


class Leak(NamedTuple):
    """What was found: which canary, and how it was written."""

    canary: str
    form: str


class Leaked(AssertionError):
    """Something secret was found where it must not be."""


def forms_of_bytes(raw: bytes) -> Forms:
    """The ways in which the bytes of a secret could be written, by name."""
    yield "raw", raw.decode("latin-1")
    yield "raw, reversed", raw[::-1].decode("latin-1")
    yield "replaced", raw.decode("utf-8", "backslashreplace")
    yield "repr", repr(raw)[2:-1]
    yield "repr of a str", repr(raw.decode("latin-1"))[1:-1]
    yield "ascii of a str", ascii(raw.decode("latin-1"))[1:-1]
    yield "\\x escapes", "".join(f"\\x{byte:02x}" for byte in raw)
    yield "\\u escapes", "".join(f"\\u{byte:04x}" for byte in raw)
    for form, separator in (("hex", ""), ("hex, colons", ":"), ("hex, spaces", " "), ("hex, hyphens", "-")):
        plain = raw.hex(separator) if separator else raw.hex()
        yield form, plain
        yield f"{form}, upper case", plain.upper()
    yield "hex, reversed", raw[::-1].hex()
    yield "hex, reversed, upper case", raw[::-1].hex().upper()
    yield from _base32(raw)
    yield from _base64(raw)
    yield "base64, reversed", base64.b64encode(raw[::-1]).decode().rstrip("=")
    yield "percent", quote(raw, safe="")
    yield "percent, everything", "".join(f"%{byte:02X}" for byte in raw)
    yield "percent, everything, lower case", "".join(f"%{byte:02x}" for byte in raw)
    yield "list", ", ".join(map(str, raw))
    yield "list, compact", ",".join(map(str, raw))
    yield "integer", str(int.from_bytes(raw, "big"))
    yield "integer, little-endian", str(int.from_bytes(raw, "little"))


def forms_of_text(text: str) -> Forms:
    """The ways in which a code could be written, by name."""
    raw = text.encode()
    yield "as it is", text
    bare = text.replace("-", "")
    yield "without hyphens", bare
    yield "lower case", text.lower()
    yield "without hyphens, lower case", bare.lower()
    yield "spaces", text.replace("-", " ")
    if text.isdigit():
        yield "two groups", f"{text[:3]} {text[3:]}"
    else:
        yield "reversed", bare[::-1]
    yield "hex", raw.hex()
    yield "hex, upper case", raw.hex().upper()
    yield "hex, without hyphens", bare.encode().hex()
    yield "UTF-16", text.encode("utf-16-le").decode("latin-1")
    yield "entities", "".join(f"&#{byte};" for byte in raw)
    yield "percent, everything", "".join(f"%{byte:02X}" for byte in raw)
    yield "\\x escapes", "".join(f"\\x{byte:02x}" for byte in raw)
    yield "list", ", ".join(map(str, raw))
    yield "list of characters", ", ".join(map(repr, text))
    yield from _base64(raw)
    if bare != text:
        yield from ((f"{form}, without hyphens", written) for form, written in _base64(bare.encode()))


def _base32(raw: bytes) -> Forms:
    padded = base64.b32encode(raw).decode()
    plain = padded.rstrip("=")
    yield "base32", plain
    yield "base32, padded", padded
    for form, separator in (("base32, grouped", " "), ("base32, hyphens", "-")):
        yield form, separator.join(plain[start : start + 4] for start in range(0, len(plain), 4))
    yield "base32, lower case", plain.lower()
    yield "base32, percent", quote(padded, safe="")
    for before in range(5):
        yield f"base32, after {before} bytes", _inner(raw, before, base64.b32encode, bits=5)


def _base64(raw: bytes) -> Forms:
    for form, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
        yield form, encode(raw).decode().rstrip("=")
        for before in range(3):
            yield f"{form}, after {before} bytes", _inner(raw, before, encode, bits=6)


def _inner(raw: bytes, before: int, encode: Callable[[bytes], bytes], *, bits: int) -> str:
    """The characters that the bytes alone decide, where others stand before and behind them."""
    first, last = -(-before * 8 // bits), (before + len(raw)) * 8 // bits
    return encode(bytes(before) + raw).decode()[first:last]


class Finder:
    """Knows the canaries in all their forms, and looks for them.

    Example:
        >>> finder = Finder({"secret": b"12345678901234567890", "code": "755224"})
        >>> finder.find("a log line with 755224 in it")
        [Leak(canary='code', form='as it is')]
    """

    def __init__(self, canaries: Mapping[str, bytes | str]) -> None:
        self._forms: dict[str, Leak] = {}
        self._short: dict[str, Leak] = {}
        self.add(canaries)

    def add(self, canaries: Mapping[str, bytes | str]) -> None:
        """Look for these too."""
        for name, canary in canaries.items():
            for form, written in forms_of_bytes(canary) if isinstance(canary, bytes) else forms_of_text(canary):
                if len(written) < min(6, len(canary)):
                    raise ValueError(f"the form {form!r} of {name!r} is too short to be looked for")
                (self._short if len(written) < _SHORT else self._forms).setdefault(written, Leak(name, form))

    def find(self, *written: object) -> list[Leak]:
        """What of it is in here: text, bytes, or anything else by its `str` and `repr`."""
        text = "\n".join(_texts(written))
        masked = _CHANCE.sub(" ", text)
        found = [leak for form, leak in self._forms.items() if form in text]
        return list(dict.fromkeys(found + [leak for form, leak in self._short.items() if form in masked]))

    def check(self, where: str, *written: object) -> None:
        """Raise where anything is found; the message names where, what, and in which form.

        Raises:
            Leaked: If a canary is in it.
        """
        found = self.find(*written)
        if found:
            raise Leaked(f"{where}: {', '.join(f'{leak.canary} ({leak.form})' for leak in found[:5])}")


def _texts(written: Iterable[object]) -> Iterator[str]:
    for one in written:
        if isinstance(one, bytes | bytearray):
            yield one.decode("latin-1")
        elif isinstance(one, str):
            yield one
        else:
            yield str(one)
            yield repr(one)
