"""A key URI: written for a token that is ready, and read from its text."""

from collections.abc import Callable, Iterator
from typing import Final

from totpcore import TOTP, KeyURI, Secret

from ..report import Row, Table
from .contenders import BASE32, KEY, Contender, Found, Step, beside, gives

ISSUER: Final = "ACME Co"
ACCOUNT: Final = "alice@example.com"
_WRITING: Final = (
    "ours checks both names (NFC, no colon, no control or invisible character, length once encoded, not Steam), and "
    "what apps are known to get wrong"
)
_READING: Final = (
    "ours refuses a parameter twice, a fragment, Steam, numbers out of range, and base32 by the position of what is "
    "wrong with it; and the token it returns is ready"
)


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="A key URI",
        about="The `otpauth` URI of a token that is ready, written; and one that totpcore has written, read into a "
        "token and names. The ratio is that of totpcore's time to the other's in the same round.",
        base="the other",
    )


def rows(found: Found) -> Iterator[Row]:
    """Compare."""
    yield beside(found, WRITING, PYOTP_WRITING, name="written, beside pyotp", at_most=1.0, note=_WRITING)
    yield beside(found, WRITING, LIBPASS_WRITING, name="written, beside libpass", at_most=1.0, note=_WRITING)
    yield beside(found, READING, PYOTP_READING, name="read, beside pyotp", at_most=1.0, note=_READING)
    yield beside(found, READING, LIBPASS_READING, name="read, beside libpass", at_most=1.0, note=_READING)


def _uri() -> KeyURI:
    return KeyURI(TOTP(Secret(KEY)), account=ACCOUNT, issuer=ISSUER)


def _written(write: Callable[[], str]) -> Step:
    """Return the call, once an app would read in its URI what is meant."""
    if KeyURI.parse(write()) != _uri():
        raise RuntimeError("not the right URI")
    return write


def _ours_written() -> Step:
    token = TOTP(Secret(KEY))
    return _written(lambda: KeyURI(token, account=ACCOUNT, issuer=ISSUER).text)


def _pyotp_written() -> Step:
    import pyotp

    token = pyotp.TOTP(BASE32)
    return _written(lambda: token.provisioning_uri(name=ACCOUNT, issuer_name=ISSUER))


def _libpass_written() -> Step:
    from passlib import totp as libpass

    token = libpass.TOTP(BASE32)

    def write() -> str:
        written: str = token.to_uri(ACCOUNT, ISSUER)
        return written

    return _written(write)


def _ours_read() -> Step:
    text = _uri().text
    return gives(_uri(), lambda: KeyURI.parse(text))


def _pyotp_read() -> Step:
    import pyotp

    text = _uri().text
    made = pyotp.parse_uri(text)
    gives((BASE32, ACCOUNT, ISSUER), lambda: (made.secret, made.name, made.issuer))
    return lambda: pyotp.parse_uri(text)


def _libpass_read() -> Step:
    from passlib import totp as libpass

    text = _uri().text
    made = libpass.TOTP.from_uri(text)
    gives((KEY, ACCOUNT, ISSUER), lambda: (made.key, made.label, made.issuer))
    return lambda: libpass.TOTP.from_uri(text)


WRITING: Final = Contender("URI written, totpcore", _ours_written)
PYOTP_WRITING: Final = Contender("URI written, pyotp", _pyotp_written, needs=("pyotp",))
LIBPASS_WRITING: Final = Contender("URI written, libpass", _libpass_written, needs=("libpass",))
READING: Final = Contender("URI read, totpcore", _ours_read)
PYOTP_READING: Final = Contender("URI read, pyotp", _pyotp_read, needs=("pyotp",))
LIBPASS_READING: Final = Contender("URI read, libpass", _libpass_read, needs=("libpass",))
CONTENDERS: Final = (WRITING, PYOTP_WRITING, LIBPASS_WRITING, READING, PYOTP_READING, LIBPASS_READING)
