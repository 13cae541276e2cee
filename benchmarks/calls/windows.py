"""A wrong code in a window of three time steps, so that everybody has to compute all three."""

import hmac
from collections.abc import Iterator
from typing import Final

from totpcore import TOTP, Secret

from ..report import Row, Table
from .contenders import AT, BASE32, KEY, STEP, WRONG, Contender, Found, Step, beside, gives, refuses


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="A wrong code in a window of three",
        about="`TOTP.match` of a token that is ready and a code that is wrong, with one time step each way, beside "
        "three times `hmac.digest`, and beside other libraries with the same window. The ratio is that of totpcore's "
        "time to the other's in the same round.",
        base="the other",
    )


def rows(found: Found) -> Iterator[Row]:
    """Compare."""
    yield beside(found, OURS, BARE, name="beside three hmac.digest", at_most=1.35)
    for name, (contender, note) in OTHERS.items():
        yield beside(found, OURS, contender, name=f"beside {name}", at_most=1.0, note=note)


def _ours() -> Step:
    token = TOTP(Secret(KEY))
    return refuses(lambda code: token.match(code, AT, after=-1, window=(1, 1)) is not None)


def _bare() -> Step:
    one, two, three = ((AT // STEP + offset).to_bytes(8, "big") for offset in (-1, 0, 1))
    digest = hmac.digest

    def macs() -> tuple[bytes, bytes, bytes]:
        return digest(KEY, one, "sha1"), digest(KEY, two, "sha1"), digest(KEY, three, "sha1")

    return gives((hmac.digest(KEY, one, "sha1"), hmac.digest(KEY, two, "sha1"), hmac.digest(KEY, three, "sha1")), macs)


def _pyotp() -> Step:
    import pyotp

    token = pyotp.TOTP(BASE32)
    return refuses(lambda code: token.verify(code, for_time=AT, valid_window=1))


def _libpass() -> Step:
    from passlib import totp as libpass
    from passlib.exc import TokenError

    token = libpass.TOTP(BASE32)

    def verdict(code: str) -> bool:
        try:
            token.match(code, AT, window=STEP)
        except TokenError:
            return False
        return True

    return refuses(verdict)


def _django_otp() -> Step:
    from django_otp import oath

    def token() -> oath.TOTP:  # a match moves its drift, so each of the codes that prove it has one of its own
        made = oath.TOTP(KEY)
        made.time = AT
        return made

    refuses(lambda code: token().verify(int(code), tolerance=1))
    ready = token()
    return gives(False, lambda: ready.verify(int(WRONG), tolerance=1))


OURS: Final = Contender("window, totpcore", _ours)
BARE: Final = Contender("window, hmac", _bare)
OTHERS: Final[dict[str, tuple[Contender, str]]] = {
    "pyotp": (Contender("window, pyotp", _pyotp, needs=("pyotp",)), ""),
    "libpass": (Contender("window, libpass", _libpass, needs=("libpass",)), ""),
    "django-otp": (
        Contender("window, django-otp", _django_otp, needs=("django-otp",)),
        "`django_otp.oath.TOTP` alone, which does not compare in constant time",
    ),
}
CONTENDERS: Final = (OURS, BARE, *(contender for contender, _ in OTHERS.values()))
