"""What stands in for time and for a person's phone."""

from .._guard import Hidden, exact
from ..keyuri import KeyURI
from ..otp import TOTP


class HandClock:
    """A clock that stands still until it is moved.

    Example:
        >>> clock = HandClock(1_800_000_000)
        >>> clock.tick(30)
        >>> clock()
        1800000030
    """

    __slots__ = ("now",)
    now: float

    def __init__(self, start: float) -> None:
        self.now = start

    def __call__(self) -> float:
        """Return the time, in Unix seconds."""
        return self.now

    def tick(self, seconds: float) -> None:
        """Move the clock; backwards where `seconds` is negative."""
        self.now += seconds


class Phone:
    """An authenticator app.

    Example:
        >>> phone = Phone.scan("otpauth://totp/ACME:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ACME&digits=8")
        >>> phone.code(59)
        '94287082'
    """

    __slots__ = ("_next", "uri")
    uri: KeyURI

    def __init__(self, uri: KeyURI) -> None:
        given = Hidden(uri)
        del uri
        self.uri = exact("uri", given.value, KeyURI)
        self._next = self.uri.counter

    @classmethod
    def scan(cls, uri: str) -> "Phone":
        """Read the URI out of a QR code.

        Raises:
            InvalidURI: If it is none.
        """
        hidden = Hidden(uri)
        del uri
        return cls(KeyURI.parse(hidden.value))

    def code(self, at: float) -> str:
        """Return what the app shows at that moment. A counter-based token goes one on each time it is asked."""
        token = self.uri.token
        if isinstance(token, TOTP):
            return token.code(at)
        self._next += 1
        return token.code(self._next - 1)
