"""One code of a token that is ready: what an app's screen costs, and the floor under everything else."""

import hmac
from collections.abc import Iterator
from functools import partial
from typing import Final

from totpcore import TOTP, Secret

from ..report import Row, Table
from . import liboath
from .contenders import AT, BASE32, KEY, LIBOATH, RIGHT, STEP, Contender, Found, Step, beside, gives


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="One code",
        about="`TOTP.code` of a token that is ready, beside `hmac.digest` of the same key and counter, and beside "
        "other libraries, each with its token ready and in its own way. The ratio is that of totpcore's time to the "
        "other's in the same round.",
        base="the other",
    )


def rows(found: Found) -> Iterator[Row]:
    """Compare."""
    yield beside(found, OURS, BARE, name="beside hmac.digest alone", at_most=1.3)
    for name, (contender, note) in OTHERS.items():
        yield beside(found, OURS, contender, name=f"beside {name}", at_most=1.0, note=note)
    yield beside(found, OURS, IN_C, name="beside liboath", note="a library in C, called through ctypes")


def _ours() -> Step:
    return gives(RIGHT, partial(TOTP(Secret(KEY)).code, AT))


def _bare() -> Step:
    counter = (AT // STEP).to_bytes(8, "big")
    mac = hmac.digest(KEY, counter, "sha1")
    word = int.from_bytes(mac[mac[-1] & 15 :][:4], "big") & 0x7FFF_FFFF
    if f"{word % 10**6:06d}" != RIGHT:
        raise RuntimeError("not the HMAC of the right code")
    return partial(hmac.digest, KEY, counter, "sha1")


def _pyotp() -> Step:
    import pyotp

    return gives(RIGHT, partial(pyotp.TOTP(BASE32).at, AT))


def _libpass() -> Step:
    from passlib import totp as libpass

    token = libpass.TOTP(BASE32)
    return gives(RIGHT, lambda: token.generate(AT).token)


def _cryptography() -> Step:
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor import totp as cryptography

    return gives(RIGHT.encode(), partial(cryptography.TOTP(KEY, 6, SHA1(), STEP).generate, AT))


def _otpauth() -> Step:
    import otpauth

    token = otpauth.TOTP(KEY)
    return gives(RIGHT, lambda: token.string_code(token.generate(AT)))


def _oath() -> Step:
    import oath

    return gives(RIGHT, partial(oath.totp, KEY.hex(), t=AT))


def _mintotp() -> Step:
    import mintotp

    return gives(RIGHT, partial(mintotp.hotp, BASE32, AT // STEP))


OURS: Final = Contender("code, totpcore", _ours)
BARE: Final = Contender("code, hmac", _bare)
IN_C: Final = Contender("code, liboath", liboath.code, needs=(LIBOATH,))
OTHERS: Final[dict[str, tuple[Contender, str]]] = {
    "pyotp": (Contender("code, pyotp", _pyotp, needs=("pyotp",)), ""),
    "libpass": (Contender("code, libpass", _libpass, needs=("libpass",)), "it prepares the key too"),
    "cryptography": (Contender("code, cryptography", _cryptography, needs=("cryptography",)), ""),
    "otpauth": (Contender("code, otpauth", _otpauth, needs=("otpauth",)), ""),
    "oath": (Contender("code, oath", _oath, needs=("oath",)), "it has no token: its function is given the key"),
    "mintotp": (Contender("code, mintotp", _mintotp, needs=("mintotp",)), "by its `hotp`: its `totp` reads the clock"),
}
CONTENDERS: Final = (OURS, BARE, *(contender for contender, _ in OTHERS.values()), IN_C)
