"""The token that a command is about: a secret and what the options say of it, or a URI, which says all by itself.

Rules of this file:

1. An option that contradicts the URI is a mistake, and so are options of both kinds of token at once: whichever won,
   the codes would be wrong in silence.
2. What is wrong with the options is said before a secret is asked for.
"""

import argparse
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from ._asking import add_secret_file, secret_text
from ._parsing import LARGEST_COUNTER, Mistake, algorithm, moment, whole

if TYPE_CHECKING:
    from .._guard import Hidden
    from ..keyuri import KeyURI
    from ..otp import HOTP, TOTP

_OF_TIME: Final = ("at", "period", "window", "watch")
_OF_COUNTER: Final = ("counter", "hotp", "look_ahead")


class Chosen(NamedTuple):
    """A token, and which of its codes is meant.

    Attributes:
        token: The token.
        counter: Of an HOTP token: the one that was given, else that of the URI, else 0.
        uri: What was read, where it was a URI.
    """

    token: "TOTP | HOTP"
    counter: int
    uri: "KeyURI | None"


def add_token(command: argparse.ArgumentParser) -> None:
    """Describe what a token is made of."""
    add_secret_file(command)
    command.add_argument("--digits", type=whole(6, 8), metavar="N", help="6, 7 or 8; without it, 6")
    command.add_argument(
        "--period", type=whole(10, 300), metavar="S", help="seconds in a time step, 10 to 300; without it, 30"
    )
    command.add_argument("--algorithm", type=algorithm, metavar="HASH", help="SHA1, SHA256 or SHA512; without it, SHA1")


def add_moment(command: argparse.ArgumentParser) -> None:
    """Describe which code is meant."""
    either = command.add_mutually_exclusive_group()
    either.add_argument(
        "--at", type=moment, metavar="T", help="Unix seconds, or ISO 8601 with an offset or Z; without it, now"
    )
    either.add_argument(
        "--counter", type=whole(0, LARGEST_COUNTER), metavar="N", help="the counter of a counter-based token"
    )


def chosen(given: argparse.Namespace) -> Chosen:
    """Ask for a secret or a URI, and return the token that it makes with the options.

    Raises:
        Mistake: If options contradict each other, or the URI; if what comes is no secret.
        InvalidURI: If it is a URI that totpcore does not read.
    """
    of_time, of_counter = _first_of(given, _OF_TIME), _first_of(given, _OF_COUNTER)
    if of_time and of_counter:
        raise Mistake(f"{of_time} is for time-based codes, {of_counter} for counter-based ones: give one of them")
    text = secret_text(given.secret_file)
    if ":" in text.value:
        return _from_uri(text, given, of_time, of_counter)
    return _from_secret(text, given, of_counter)


def now() -> float:
    """Return the time, in Unix seconds."""
    return time.time()


def _from_uri(text: "Hidden[str]", given: argparse.Namespace, of_time: str, of_counter: str) -> Chosen:
    from ..keyuri import KeyURI  # noqa: PLC0415  # once a URI was given
    from ..otp import HOTP  # noqa: PLC0415

    uri = KeyURI.parse(text.value)
    if isinstance(uri.token, HOTP) and of_time:
        raise Mistake(f"{of_time} contradicts the URI, which is of a counter-based token: leave it out")
    if of_counter and not isinstance(uri.token, HOTP):
        raise Mistake(f"{of_counter} contradicts the URI, which is of a time-based token: leave it out")
    for name in ("digits", "period", "algorithm"):
        asked, says = getattr(given, name), getattr(uri.token, name, None)
        if asked is not None and asked != says:
            raise Mistake(f"--{name} contradicts the URI, which says {says}: leave it out")
    return Chosen(uri.token, uri.counter if given.counter is None else given.counter, uri)


def _from_secret(text: "Hidden[str]", given: argparse.Namespace, of_counter: str) -> Chosen:
    from ..errors import InvalidSecret  # noqa: PLC0415  # once a secret was given
    from ..otp import HOTP, TOTP, Algorithm  # noqa: PLC0415
    from ..secret import Secret  # noqa: PLC0415

    try:
        secret = Secret.from_base32(text.value)
    except InvalidSecret as error:
        raise Mistake(f"this is no secret in base32, and no otpauth URI: {error}") from None
    digits, name = given.digits or 6, given.algorithm or Algorithm.SHA1
    if of_counter:
        return Chosen(HOTP(secret, digits=digits, algorithm=name), given.counter or 0, None)
    return Chosen(TOTP(secret, digits=digits, period=given.period or 30, algorithm=name), 0, None)


def _first_of(given: argparse.Namespace, names: tuple[str, ...]) -> str:
    """Return the first of these options that was given, or an empty text."""
    return next((f"--{name.replace('_', '-')}" for name in names if getattr(given, name, None) is not None), "")
