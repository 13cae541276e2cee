"""What `manage.py dumpdata` writes of django-otp and of django-allauth.

Rules of this file:

1. A dump may hold whatever else a project has: only what belongs to somebody as a second factor is a row.
2. What cannot come along, such as static devices and security keys, is a row all the same: whoever has nothing else
   has to be named. What was never confirmed is counted.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from ._parsing import Mistake
from ._rows import CODES, Entry, Found, Row, Settings, name_in, row_of
from ._tables import bounded, objects_of

if TYPE_CHECKING:
    from .._guard import Hidden
    from ..migrate import Moved

_DEVICES: Final = {"otp_totp.totpdevice": "TOTPDevice", "otp_hotp.hotpdevice": "HOTPDevice"}
_STATIC: Final = "otp_static.staticdevice"
_AUTHENTICATOR: Final = "mfa.authenticator"
_KINDS: Final = {"recovery_codes": CODES, "webauthn": "a security key or passkey"}
_ENCRYPTED: Final = "where the application encrypts them, totpcore.migrate.from_allauth takes its decrypt"


def django_otp(text: "Hidden[str]", _settings: Settings) -> Found:
    """Read the devices of django-otp."""
    from ..migrate import from_django_otp  # noqa: PLC0415

    rows, unconfirmed = list[Row](), 0
    for model, entry in _dumped(text):
        if model not in _DEVICES and not {"user", "confirmed"} <= entry.fields.value.keys():
            continue  # the codes of a static device, or no device at all
        if entry.fields.value.get("confirmed") is False:
            unconfirmed += 1
        elif model in _DEVICES:
            named = entry._replace(where=entry.where.replace(model, _DEVICES[model]))
            rows.append(row_of(named, lambda fields: from_django_otp(fields.value), _last_used(entry)))
        else:
            rows.append(Row(entry.where, entry.name, other=CODES if model == _STATIC else "devices of this kind"))
    return Found(rows, unconfirmed)


def allauth(text: "Hidden[str]", settings: Settings) -> Found:
    """Read the authenticators of django-allauth."""
    from ..migrate import from_allauth  # noqa: PLC0415

    read = partial(_authenticator, partial(from_allauth, digits=settings.digits, period=settings.period))
    rows = list[Row]()
    for model, entry in _dumped(text):
        if model != _AUTHENTICATOR:
            continue
        named = entry._replace(where=entry.where.replace(model, "Authenticator"))
        kind = entry.fields.value.get("type")
        if isinstance(kind, str) and kind in _KINDS:
            rows.append(Row(named.where, named.name, other=_KINDS[kind]))
        else:
            rows.append(row_of(named, read, _last_used(entry)))
    return Found(rows)


def _authenticator(read: "Callable[[Mapping[str, object]], Moved]", fields: "Hidden[dict[str, object]]") -> "Moved":
    from ..errors import InvalidSecret  # noqa: PLC0415

    try:
        return read(fields.value)
    except InvalidSecret as error:
        reason = str(error)
    raise Mistake(f"{reason}; {_ENCRYPTED}")


def _dumped(text: "Hidden[str]") -> Iterator[tuple[str, Entry]]:
    """Yield what was dumped, each with the name of its model."""
    from .._guard import Hidden  # noqa: PLC0415
    from .._operators import printable  # noqa: PLC0415

    for where, held, reason in bounded(objects_of(text)):
        model, fields = held.value.get("model"), Hidden(held.value.get("fields"))
        if reason or not isinstance(model, str) or not isinstance(fields.value, dict):
            raise Mistake(f"it must be what manage.py dumpdata writes, in JSON, and {where} is not")
        owner = fields.value.get("user")
        if isinstance(owner, list) and len(owner) == 1:  # with --natural-foreign, the name to log in with
            owner = owner[0]
        place = name_in(held.value.get("pk")) or where
        yield model, Entry(printable(f"{model} {place}"), name_in(owner), Hidden(fields.value))


def _last_used(entry: Entry) -> float:
    """Return when it was last used, in Unix seconds; 0.0 where that is not known."""
    given = entry.fields.value.get("last_used_at")
    try:
        at = datetime.fromisoformat(given if isinstance(given, str) else "")
    except ValueError:
        return 0.0
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
