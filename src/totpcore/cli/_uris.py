"""`totpcore uri` and `qr`: what an app scans.

Rules of this file:

1. The image holds the secret: a file of it is its owner's alone, and takes no other file's place unless that is said.
2. What apps are known to do wrong with a URI is told in a line on standard error. The URI is made all the same.
3. A URI that was given is drawn as it says; an option that says otherwise is a mistake.
"""

import argparse
import os
import re
import shutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ._parsing import DONE, LARGEST_COUNTER, Commands, Mistake, whole
from ._tokens import add_token, chosen

if TYPE_CHECKING:
    from .._guard import Hidden
    from ..keyuri import KeyURI

_STDOUT: Final = "-"
_COLOUR: Final = re.compile("\x1b\\[[0-9;]*m")


def add(commands: Commands) -> None:
    """Describe the commands."""
    uri = commands.add(
        "uri",
        _uri,
        "write the otpauth URI that an authenticator app reads",
        more="The secret is read as by `totpcore code`. The URI holds it. What some apps do wrong with such a URI is "
        "told on standard error.",
        example="totpcore uri --issuer ACME --account alice@example.com < secret.txt",
    )
    _add_names(uri)

    qr = commands.add(
        "qr",
        _qr,
        "draw the URI as a QR code, in the terminal or in a file",
        more="The secret, or a whole URI, is read as by `totpcore code`. The image holds it: show it once, and keep no "
        'file of it. Needs pip install "totpcore[qr]".',
        example="totpcore qr --issuer ACME --account alice@example.com < secret.txt\n"
        "totpcore uri --issuer ACME --account alice@example.com < secret.txt |\n"
        "  totpcore qr --svg qr.svg",
    )
    _add_names(qr)
    either = qr.add_mutually_exclusive_group()
    either.add_argument("--svg", metavar="FILE", help="write an SVG file, readable to you alone; - is standard output")
    either.add_argument("--png", metavar="FILE", help="the same as PNG")
    qr.add_argument("--force", action="store_true", help="replace FILE, where it exists")


def _add_names(command: argparse.ArgumentParser) -> None:
    command.add_argument("--issuer", metavar="I", help="which service it is for; needed unless a URI says it")
    command.add_argument("--account", metavar="A", help="who it is for; needed unless a URI says it")
    command.add_argument("--hotp", action="store_true", default=None, help="a counter-based token")
    command.add_argument(
        "--counter", type=whole(0, LARGEST_COUNTER), metavar="N", help="its next counter; without it, 0"
    )
    add_token(command)


def _uri(given: argparse.Namespace) -> int:
    sys.stdout.write(f"{_key_uri(given).text}\n")
    return DONE


def _qr(given: argparse.Namespace) -> int:
    from .. import qr  # noqa: PLC0415  # an extra's, and only if it is to be drawn
    from .._guard import Hidden  # noqa: PLC0415

    uri = Hidden(_key_uri(given).text)
    if given.png == _STDOUT and sys.stdout.isatty():
        raise Mistake("standard output is a terminal, which shows no PNG: name a file, or leave --png out")
    if given.svg is not None:
        _write(given.svg, Hidden(qr.svg_file(uri.value).encode()), force=given.force)
    elif given.png is not None:
        _write(given.png, Hidden(qr.png(uri.value)), force=given.force)
    else:
        draw(Hidden(qr.terminal(uri.value)))
    return DONE


def _key_uri(given: argparse.Namespace) -> "KeyURI":
    """Return the URI that was given, or that the options make, and tell what apps do wrong with it."""
    from ..errors import InvalidParameters  # noqa: PLC0415  # once a URI is to be made
    from ..keyuri import KeyURI  # noqa: PLC0415

    token, counter, uri = chosen(given)
    if uri is not None:
        _check_names(uri, given)
    elif given.issuer is None or given.account is None:
        raise Mistake("--issuer and --account are needed: an app shows them beside the code")
    issuer, account = (given.issuer, given.account) if uri is None else (uri.issuer, uri.account)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            made = KeyURI(token, account=account, issuer=issuer, counter=counter)
        except InvalidParameters as error:
            if uri is None:
                raise
            made = uri  # other people's names are theirs
            _warn(str(error))
    for warning in caught:
        _warn(str(warning.message))
    if token.secret.weak:
        _warn("the secret has fewer than 128 bits, which RFC 4226 asks for at least: make a new one, if you can")
    return made


def _check_names(uri: "KeyURI", given: argparse.Namespace) -> None:
    for name in ("issuer", "account", "counter"):
        asked = getattr(given, name)
        if asked is not None and asked != getattr(uri, name):
            raise Mistake(f"--{name} contradicts the URI, which says another: leave it out")


def _warn(concern: str) -> None:
    sys.stderr.write(f"totpcore: warning: {concern}\n")


def draw(picture: "Hidden[str]", *, instead: str = ", or use --svg or --png") -> None:
    """Write the picture, unless it would be something else on this terminal.

    Raises:
        Mistake: If it would be: the text says why, and `instead` what helps beside another terminal.
    """
    try:
        picture.value.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        raise Mistake(f"this terminal's encoding has no block characters: use one in UTF-8{instead}") from None
    lines = picture.value.splitlines()
    width, room = len(_COLOUR.sub("", lines[0])), shutil.get_terminal_size()
    if sys.stdout.isatty() and width > room.columns:
        raise Mistake(f"the QR code needs {width} columns, and here are {room.columns}: widen the terminal{instead}")
    sys.stdout.write(picture.value)
    if sys.stdout.isatty() and len(lines) >= room.lines:
        sys.stdout.flush()
        needs = f"the QR code needs {len(lines) + 1} lines, and here are {room.lines}"
        _warn(f"{needs}: make the terminal higher{instead}")


def _write(name: str, image: "Hidden[bytes]", *, force: bool) -> None:
    if name == _STDOUT:
        sys.stdout.buffer.write(image.value)
        return
    path = Path(name)
    if force and (path.is_symlink() or path.is_file()):
        path.unlink()  # and not written over: it may be readable to others, or a link to something else
    try:
        with open(path, "xb", opener=_for_its_owner) as file:  # `Path.open` takes no opener
            file.write(image.value)
    except FileExistsError:
        raise Mistake(
            "what stands there is no file, so --force does not replace it"
            if force
            else "the file exists already: with --force it is replaced"
        ) from None


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
