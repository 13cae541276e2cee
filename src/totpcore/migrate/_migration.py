"""An export of Google Authenticator: `otpauth-migration` URIs, each in a QR code of its own.

Rules of this file:

1. Read only: nothing here writes such a URI.
2. What is not whole is refused as a whole: a URI that is damaged, a QR code that is missing or there twice. What is
   whole and cannot be used is one bad row, and the others go through.
3. Where an app may have shown a code, it counts as spent.
4. Nothing of an account is in a message.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Final

from .._guard import Hidden, has_lone_surrogate, type_error, whole
from ..errors import InvalidParameters, InvalidURI
from ..otp import HOTP, LARGEST_COUNTER, TOTP, Algorithm
from ..secret import Secret
from ._moved import BadRow, Moved, read_each
from ._protobuf import Message

_LONGEST: Final = 262_144  # characters in all: about three thousand accounts
_MOST_BATCHES: Final = 100  # of about ten accounts each
_AHEAD: Final = 1  # time steps: an export does not say who verified the codes, and most accept one ahead
_BASE64: Final = re.compile("[A-Za-z0-9+/]+={0,2}")

# The fields of a payload, and of an account, by their numbers.
_ACCOUNTS, _VERSION, _BATCH_SIZE, _BATCH_INDEX, _BATCH_ID = range(1, 6)
_SECRET, _NAME, _ISSUER, _ALGORITHM, _DIGITS, _TYPE, _COUNTER = range(1, 8)

_VERSIONS: Final = (0, 1, 2)  # 0 where it does not say
_ALGORITHMS: Final = {0: Algorithm.SHA1, 1: Algorithm.SHA1, 2: Algorithm.SHA256, 3: Algorithm.SHA512}
_MD5: Final = 4
_DIGIT_COUNTS: Final = {0: 6, 1: 6, 2: 8}
_IS_HOTP: Final = {0: False, 1: True, 2: False}


def from_migration(uris: Iterable[str]) -> list[Moved | BadRow]:
    """Read one export of Google Authenticator, all its QR codes.

    Example:
        >>> data = "CikKFDEyMzQ1Njc4OTAxMjM0NTY3ODkwEgVhbGljZRoEQUNNRSABKAEwAhACGAEgAA%3D%3D"
        >>> [moved] = from_migration([f"otpauth-migration://offline?data={data}"])
        >>> moved.account, moved.issuer, moved.token.code(59)
        ('alice', 'ACME', '287082')

    Such an export has no field for the period: it is 30 seconds. The app does not know which of its codes were
    accepted, so for TOTP `spent` is -1. Of HOTP, `spent` is the counter of the export itself: Google's open source
    for both Android and iOS adds one before it shows a code, so that this counter belongs to the last code shown.
    That the app of today still does so is not documented; if it does not, one code is refused and the next one taken.

    Args:
        uris: The text of each QR code of the export, in any order.

    Returns:
        A token for each account, in the order of the app, numbered from 1; a `BadRow` for one that cannot be used.

    Raises:
        InvalidURI: If a text is no such URI, its data is damaged or holds no account; if a QR code is missing, there
            twice, or of another export; if there are more than 262,144 characters in all.
        TypeError: If `uris` is not an iterable of `str`, or is itself a `str`.
    """
    hidden = Hidden(uris)
    del uris
    if isinstance(hidden.value, str) or not isinstance(hidden.value, Iterable):
        raise type_error("uris", "an iterable of str, one for each QR code", hidden.value)
    payloads = list(_payloads(hidden))
    if not payloads:
        raise InvalidURI("uris must hold a URI")
    batches = _whole_export(payloads)
    return list(read_each(_moved, [account for batch in batches for account in _accounts(batch)]))


def _payloads(uris: Hidden[Iterable[str]]) -> Iterator[Message]:
    """Yield what each URI holds."""
    left = _LONGEST
    for uri in map(Hidden, uris.value):
        if type(uri.value) is not str:
            raise type_error("each of uris", "a str", uri.value)
        left -= len(uri.value)
        if left < 0:
            raise InvalidURI(f"the URIs must have at most {_LONGEST} characters in all")
        yield _payload(Hidden(uri.value.strip()))


def _payload(uri: Hidden[str]) -> Message:
    """Return what a URI holds."""
    from urllib.parse import unquote  # noqa: PLC0415  # loaded when used

    location, _, query = map(Hidden, uri.value.partition("?"))
    if location.value.lower() != "otpauth-migration://offline":
        raise InvalidURI("each URI must begin with otpauth-migration://offline?data=")
    given = [part for part in map(Hidden, query.value.split("&")) if part.value.startswith("data=")]
    if len(given) != 1:
        raise InvalidURI("each URI must have the parameter data, once")
    # `unquote` leaves `+` as it is. It is of the alphabet, and some exports have it raw.
    data = Hidden(unquote(given[0].value.removeprefix("data=")))
    letters = Hidden(data.value.rstrip("="))
    if not _BASE64.fullmatch(data.value) or len(letters.value) % 4 == 1:
        raise InvalidURI("data must be base64")
    return Message(Hidden(base64.b64decode(letters.value + "=" * (-len(letters.value) % 4), validate=True)))


def _whole_export(payloads: list[Message]) -> list[Message]:
    """Return the batches of one export in their order, all of them."""
    if any(payload.number("version", _VERSION) not in _VERSIONS for payload in payloads):
        raise InvalidURI("version must be 1 or 2: another may mean something else")
    exports = {(payload.number("batch_size", _BATCH_SIZE) or 1, _batch_id(payload)) for payload in payloads}
    if len(exports) != 1:
        raise InvalidURI("the URIs must be of one export: read each export by itself")
    [(size, _)] = exports
    batches: dict[int, Message] = {}
    for payload in payloads:
        index = payload.number("batch_index", _BATCH_INDEX)
        if not 0 <= index < size <= _MOST_BATCHES:
            raise InvalidURI(f"batch_size must be from 1 to {_MOST_BATCHES}, and batch_index from 0 to one less")
        if index in batches:
            raise InvalidURI(f"QR code {index + 1} of {size} is there twice")
        batches[index] = payload
    missing = [str(index + 1) for index in range(size) if index not in batches]
    if missing:
        raise InvalidURI(f"of {size} QR codes, these are missing: {', '.join(missing)}")
    return [batches[index] for index in range(size)]


def _batch_id(payload: Message) -> int:
    """Return the number that all batches of an export share. It has 32 bits, however many are written."""
    return payload.number("batch_id", _BATCH_ID) % 2**32


def _accounts(batch: Message) -> list[Message]:
    """Return the accounts of a batch."""
    accounts = [Message(account) for account in batch.runs("an account", _ACCOUNTS)]
    if not accounts:
        raise InvalidURI("each URI must hold an account, and one holds none")
    return accounts


def _moved(account: Message) -> Moved:
    """Return an account as a token."""
    algorithm, digits = account.number("algorithm", _ALGORITHM), account.number("digits", _DIGITS)
    kind, counter = account.number("type", _TYPE), account.number("counter", _COUNTER)
    if algorithm == _MD5:
        raise InvalidParameters("algorithm is MD5, of which totpcore makes no codes")
    if algorithm not in _ALGORITHMS or digits not in _DIGIT_COUNTS or kind not in _IS_HOTP:
        raise InvalidParameters("algorithm, digits or type is none that Google Authenticator is known to write")
    secret = Secret(account.run("secret", _SECRET).value)
    name, issuer = _names(_text(account, "name", _NAME), _text(account, "issuer", _ISSUER))
    hashed, length = _ALGORITHMS[algorithm], _DIGIT_COUNTS[digits]
    if _IS_HOTP[kind]:
        token, spent = HOTP(secret, digits=length, algorithm=hashed), whole("counter", counter, 0, LARGEST_COUNTER)
        return Moved(token=token, spent=spent, account=name or None, issuer=issuer or None)
    return Moved(
        token=TOTP(secret, digits=length, algorithm=hashed),
        steps_ahead=_AHEAD,
        account=name or None,
        issuer=issuer or None,
    )


def _text(account: Message, name: str, field: int) -> str:
    """Return a text. An error of `decode` would hold the bytes that it stumbled over."""
    written = account.run(name, field).value.decode(errors="surrogateescape")
    if has_lone_surrogate(written):
        raise InvalidParameters(f"{name} must be UTF-8")
    return written


def _names(name: str, issuer: str) -> tuple[str, str]:
    """Return account and issuer. A name may begin with the issuer and a colon, also where that is all that says it."""
    if issuer and name.startswith(f"{issuer}:"):
        name = name[len(issuer) + 1 :]
    elif not issuer and ":" in name:
        issuer, name = name.split(":", 1)
    return name.strip(), issuer.strip()
