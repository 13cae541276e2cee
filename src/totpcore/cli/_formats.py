"""What the files of other systems hold: each format, read into rows.

Rules of this file:

1. A row is read by `totpcore.migrate`, which knows what the other system means. Here it is found, and whose it is.
2. A file that holds another format is refused as a whole, and the message says which it looks like.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ._dumps import allauth, django_otp
from ._files import INPUT, text_of, texts_of
from ._parsing import Mistake
from ._rows import Entry, Fields, Found, Row, Settings, number_in, row_of, text_in
from ._tables import bounded, entries_of, is_json, lines_of

if TYPE_CHECKING:
    from .._guard import Hidden
    from ..migrate import Moved

_OF_PYOTP: Final = ("digits", "interval", "digest", "counter", "spent", "valid_window")
_OF_PASSLIB: Final = ("last_counter",)

# What only files of this format hold; of two that fit, the first.
_IN_JSON: Final = (
    ("django-otp", re.compile(r'"model"\s*:\s*"otp_')),
    ("allauth", re.compile(r'"model"\s*:\s*"mfa\.')),
    ("passlib", re.compile(r'\\?"type\\?"\s*:\s*\\?"totp\\?"')),
    ("pyotp", re.compile(r'"secret"\s*:')),
)
_IN_TEXT: Final = (
    ("migration", re.compile(r"otpauth-migration:", re.IGNORECASE)),
    ("uri", re.compile(r"(apple-)?otpauth:", re.IGNORECASE)),
    ("libpam", re.compile(r'[A-Za-z2-7= -]+\r?\n" [A-Z]')),
    ("passlib", re.compile(r'"?(user"?,"?)?totp\b')),
    ("pyotp", re.compile(r'"?(user"?,"?)?secret\b')),
)


def read(name: str, path: str, settings: Settings) -> Found:
    """Read a file, or a folder, of a format.

    Raises:
        Mistake: If it is empty, too large, no text, of another format, or holds nothing of that kind.
        OSError: If it cannot be read.
    """
    try:
        if name == "libpam" and path != INPUT and Path(path).is_dir():
            found = Found([_of_libpam(entry) for entry in texts_of(path)])
        else:
            text = text_of(path)
            looks = _looks_like(text)
            if looks not in ("", name):
                raise Mistake(f"it looks like {looks}")
            found = _READ[name](text, settings)
    except Mistake as error:
        raise Mistake(f"FILE was not read as {name}: {error}") from None
    if not found.rows and not found.unconfirmed:
        raise Mistake(f"FILE was not read as {name}: it holds no second factor of that kind")
    return found


def _looks_like(text: "Hidden[str]") -> str:
    """Return the format that a file most likely has; nothing where that cannot be told."""
    if is_json(text):
        return next((name for name, sign in _IN_JSON if sign.search(text.value)), "")
    start = len(text.value) - len(text.value.lstrip())
    return next((name for name, sign in _IN_TEXT if sign.match(text.value, start)), "")


def _pyotp(text: "Hidden[str]", _settings: Settings) -> Found:
    return Found([row_of(entry, _from_pyotp) for entry in entries_of(text, "secret", _OF_PYOTP)])


def _from_pyotp(fields: "Hidden[Fields]") -> "Moved":
    from .._guard import whole  # noqa: PLC0415
    from ..errors import InvalidSecret  # noqa: PLC0415
    from ..migrate import from_pyotp  # noqa: PLC0415
    from ..otp import LARGEST_COUNTER  # noqa: PLC0415

    spent = number_in(fields, "spent", -1)
    try:
        moved = from_pyotp(
            text_in(fields, "secret"),
            digits=number_in(fields, "digits", 6),
            interval=number_in(fields, "interval", 30),
            digest=text_in(fields, "digest", "SHA1"),
            counter=number_in(fields, "counter", None),
            valid_window=number_in(fields, "valid_window", 0),
        )
    except InvalidSecret as error:
        reason = str(error).replace("text must", "secret must", 1)
    else:
        return replace(moved, spent=max(moved.spent, whole("spent", spent, -1, LARGEST_COUNTER)))
    raise Mistake(reason)


def _passlib(text: "Hidden[str]", _settings: Settings) -> Found:
    return Found([row_of(entry, _from_passlib) for entry in entries_of(text, "totp", _OF_PASSLIB, alone="type")])


def _from_passlib(fields: "Hidden[Fields]") -> "Moved":
    from .._guard import Hidden, type_error  # noqa: PLC0415
    from ..migrate import from_passlib  # noqa: PLC0415

    source = Hidden(fields.value["totp"])
    if not isinstance(source.value, str | dict):
        raise type_error("totp", "a text or an object", source.value)
    if ('"enckey"' if isinstance(source.value, str) else "enckey") in source.value:
        raise Mistake("it is encrypted: totpcore.migrate.from_passlib takes decrypt_key of the application's AppWallet")
    return from_passlib(source.value, last_counter=number_in(fields, "last_counter", -1))


def _uri(text: "Hidden[str]", _settings: Settings) -> Found:
    from .._guard import Hidden  # noqa: PLC0415
    from ..migrate import from_uri  # noqa: PLC0415

    entries = (Entry(where, None, Hidden({"uri": line.value})) for where, line in bounded(lines_of(text)))
    rows = (row_of(entry, lambda fields: from_uri(text_in(fields, "uri"))) for entry in entries)
    return Found([row._replace(name=row.moved.account) if row.moved else row for row in rows])


def _migration(text: "Hidden[str]", _settings: Settings) -> Found:
    from ..errors import InvalidInput  # noqa: PLC0415
    from ..migrate import BadRow, from_migration  # noqa: PLC0415

    try:
        export = from_migration(line.value for _, line in lines_of(text))
    except InvalidInput as error:
        raise Mistake(str(error)) from None
    return Found(
        [
            Row(f"account {number}", None, reason=one.reason)
            if isinstance(one, BadRow)
            else Row(f"account {number}", one.account, one)
            for number, one in enumerate(export, 1)
        ]
    )


def _libpam(text: "Hidden[str]", _settings: Settings) -> Found:
    from .._guard import Hidden  # noqa: PLC0415

    return Found([_of_libpam(Entry("the file", None, Hidden({"text": text.value})))])


def _of_libpam(entry: Entry) -> Row:
    from ..migrate import from_libpam  # noqa: PLC0415

    return row_of(entry, lambda fields: from_libpam(text_in(fields, "text")))


_READ: Final[dict[str, Callable[["Hidden[str]", Settings], Found]]] = {
    "pyotp": _pyotp,
    "uri": _uri,
    "passlib": _passlib,
    "django-otp": django_otp,
    "allauth": allauth,
    "libpam": _libpam,
    "migration": _migration,
}
