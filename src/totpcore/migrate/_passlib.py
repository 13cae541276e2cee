"""What passlib, or libpass, writes of a `TOTP`.

Rule 1. passlib keeps nothing of the codes that were used; an application may have kept the last counter.
Rule 2. What passlib leaves out, because it is the default, is added here. Its version has to be the one that is known.
"""

from collections.abc import Callable, Mapping
from typing import Final

from .._guard import Hidden, type_error, whole
from ..errors import InvalidParameters, InvalidSecret
from ..otp import LARGEST_COUNTER, TOTP
from ..secret import Secret
from ._moved import (
    FARTHEST_AHEAD,
    Moved,
    algorithm_of,
    decrypted,
    field_of,
    json_of,
    mapping_of,
    number_of,
    secret_of,
    text_of,
)

_VERSION: Final = 1
_LEFT_OUT: Final[Mapping[str, object]] = {"alg": "SHA1", "digits": 6, "period": 30, "label": "", "issuer": ""}

Decrypt = Callable[[dict[str, object]], bytes | tuple[bytes, bool]]


def from_passlib(
    source: str | Mapping[str, object], *, decrypt: Decrypt | None = None, last_counter: int = -1, window: int = 30
) -> Moved:
    """Read what `to_json` or `to_dict` of a `passlib.totp.TOTP` wrote.

    Example:
        >>> moved = from_passlib('{"digits":8,"key":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","type":"totp","v":1}')
        >>> moved.token.code(59)
        '94287082'
        >>> moved.spent, moved.spent_by(59)
        (-1, 2)

    passlib's `match` returns the counter, and leaves it to the application to keep it and to pass it the next time. If
    yours did, pass it here. If not, all codes up to now, and those that `window` let in ahead of their time, count as
    spent; whoever logs in at once waits for the next one.

    An encrypted key needs the function that opens it, `decrypt_key` of the application's `AppWallet`. passlib's
    encryption does not notice a wrong secret of the application: it makes another key of it, and no code of the phone
    is right. So compare one code before you move everybody.

    Args:
        source: The text, or the dict.
        decrypt: Takes the dict under `enckey`, and returns the key, or a tuple that begins with it.
        last_counter: The last counter that was accepted there, -1 if that is not known.
        window: The largest `window` that was passed to `match`, with a positive `skew` added: seconds, 0 to ten steps.

    Raises:
        InvalidParameters: If `source` is not what passlib writes, a number is out of range, or the hash another.
        InvalidSecret: If the key is not base32, shorter than 10 bytes, or all zero; if it is encrypted, and `decrypt`
            is missing or raises.
        TypeError: If something has another type.
    """
    hidden, opener = Hidden(source), Hidden(decrypt)
    del source, decrypt
    fields = Hidden[Mapping[str, object]]({**_LEFT_OUT, **_mapping(hidden).value})
    version = fields.value.get("v")
    if fields.value.get("type") != "totp" or type(version) is not int or version != _VERSION:
        raise InvalidParameters(f"source must be what passlib writes of a TOTP: type totp, and v {_VERSION}")
    period = number_of(fields, "period", 10, 300)
    label, issuer = (text_of(name, field_of(fields, name)) for name in ("label", "issuer"))
    return Moved(
        token=TOTP(
            _secret(fields, opener),
            digits=number_of(fields, "digits", 6, 8),
            period=period,
            algorithm=algorithm_of("alg", field_of(fields, "alg")),
        ),
        spent=whole("last_counter", last_counter, -1, LARGEST_COUNTER),
        # passlib looks at the whole of the step in which the second lies that is `window` ahead: rounded up.
        steps_ahead=-(-whole("window", window, 0, FARTHEST_AHEAD * period) // period),
        account=label.value or None,
        issuer=issuer.value or None,
    )


def _mapping(source: Hidden[str | Mapping[str, object]]) -> Hidden[Mapping[str, object]]:
    if type(source.value) is str:
        return mapping_of("source", json_of("source", Hidden(source.value)))
    if not isinstance(source.value, Mapping):
        raise type_error("source", "a str or a mapping", source.value)
    return Hidden(source.value)


def _secret(fields: Hidden[Mapping[str, object]], opener: Hidden[Decrypt | None]) -> Secret:
    if ("key" in fields.value) is ("enckey" in fields.value):
        raise InvalidParameters("source must have one of the fields key and enckey")
    if "key" in fields.value:
        return secret_of("key", Hidden(fields.value["key"]))
    if opener.value is None:
        raise InvalidSecret("enckey is encrypted: pass decrypt_key of the application's AppWallet as decrypt")
    sealed = mapping_of("enckey", Hidden(fields.value["enckey"]))
    opened = decrypted("enckey", Hidden(opener.value), Hidden(dict(sealed.value)))
    raw = Hidden(opened.value[0] if isinstance(opened.value, tuple) and opened.value else opened.value)
    if type(raw.value) is not bytes:
        raise type_error("what decrypt returns", "bytes, or a tuple that begins with them", raw.value)
    return Secret(raw.value)
