"""From the base32 text of a secret to the verdict on a code: what a server does that keeps no tokens ready."""

import base64
from collections.abc import Iterator
from typing import Final

from totpcore import TOTP, Secret

from ..report import Row, Table
from .contenders import AT, BASE32, STEP, Contender, Found, Step, beside, refuses


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="From base32 to a verdict",
        about="The secret is read from base32, a token made of it, and a wrong code looked at with one time step each "
        "way. The ratio is that of totpcore's time to the other's in the same round.",
        base="the other",
    )


def rows(found: Found) -> Iterator[Row]:
    """Compare."""
    for name, (contender, note) in OTHERS.items():
        yield beside(found, OURS, contender, name=f"beside {name}", at_most=1.0, note=note)


def _ours() -> Step:
    return refuses(lambda code: TOTP(Secret.from_base32(BASE32)).match(code, AT, after=-1, window=(1, 1)) is not None)


def _pyotp() -> Step:
    import pyotp

    return refuses(lambda code: pyotp.TOTP(BASE32).verify(code, for_time=AT, valid_window=1))


def _libpass() -> Step:
    from passlib import totp as libpass
    from passlib.exc import TokenError

    def verdict(code: str) -> bool:
        try:
            libpass.TOTP(BASE32).match(code, AT, window=STEP)
        except TokenError:
            return False
        return True

    return refuses(verdict)


def _cryptography() -> Step:
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor import InvalidToken
    from cryptography.hazmat.primitives.twofactor import totp as cryptography

    def verdict(code: str) -> bool:
        token, typed = cryptography.TOTP(base64.b32decode(BASE32), 6, SHA1(), STEP), code.encode()
        for at in (AT - STEP, AT, AT + STEP):
            try:
                token.verify(typed, at)
            except InvalidToken:
                continue
            return True
        return False

    return refuses(verdict)


OURS: Final = Contender("verdict, totpcore", _ours)
OTHERS: Final[dict[str, tuple[Contender, str]]] = {
    "pyotp": (Contender("verdict, pyotp", _pyotp, needs=("pyotp",)), ""),
    "libpass": (Contender("verdict, libpass", _libpass, needs=("libpass",)), ""),
    "cryptography": (
        Contender("verdict, cryptography", _cryptography, needs=("cryptography",)),
        "it has no window: it is asked for each of the three time steps; base32 is the standard library's",
    ),
}
CONTENDERS: Final = (OURS, *(contender for contender, _ in OTHERS.values()))
