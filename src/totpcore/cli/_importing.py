"""`totpcore import`: second factors out of another system's files.

Rules of this file:

1. The file is read and understood as a whole before the store is opened: where it is another than was said, nothing
   was changed.
2. Each user is a step of its own. Wherever it is stopped, what was done stays done, and a new start goes on from there.
3. A rehearsal does the same on records that it keeps to itself.
4. What is left to do by hand is told. No line shows a secret.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from . import _auditing, _stores
from ._files import INPUT
from ._parsing import DONE, REFUSED, Commands, Mistake, whole
from ._progress import Progress

if TYPE_CHECKING:
    from ._adopting import Moving
    from ._rows import Found, Row

FORMATS: Final = ("pyotp", "uri", "passlib", "django-otp", "allauth", "libpam", "migration")

_FILES: Final = """\
pyotp       CSV whose first line names its columns: user, secret (base32, or
            an otpauth URI), and where it matters digits, interval, digest,
            valid_window, counter (of HOTP, the next), spent (the last
            accepted); or JSON that maps users to secrets
uri         one otpauth URI a line; the user is the account in it; of HOTP,
            the counter in it has to be the next one, as of now
passlib     CSV whose first line is user,totp or user,totp,last_counter; or
            JSON that maps users to what TOTP.to_json() wrote
django-otp  manage.py dumpdata otp_totp otp_hotp otp_static; to stay in
            Django, there is manage.py totpcore import-django-otp
allauth     manage.py dumpdata mfa
libpam      one .google_authenticator with --user; or a folder of such files,
            named by their users; or a folder of homes
migration   one otpauth-migration URI a line: all QR codes of one export
It is UTF-8, of at most 64 MiB and 500,000 rows: split what is larger."""


def add(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add(
        "import",
        _import,
        "take over second factors from another system",
        more="Stop log-ins there before FILE is made. Codes that were spent there are refused here. Who has a second "
        "factor here is left alone, so it can be stopped and run again; but not once people log in here, or whoever "
        "was reset gets the lost phone back. Exit code 1 where something could not be moved: it is named, "
        "and the others go through.",
        example="totpcore import pyotp secrets.csv --dry-run --store sqlite:///2fa.db --keys-file totp.keys\n"
        "totpcore import pyotp secrets.csv --store sqlite:///2fa.db --keys-file totp.keys",
    )
    what = command.add_argument_group("what FILE is", _FILES)
    what.add_argument("format", metavar="FORMAT", choices=FORMATS, help=f"one of {', '.join(FORMATS)}")
    what.add_argument("file", metavar="FILE", help="the file, or of libpam a folder; -: standard input")
    whose = command.add_mutually_exclusive_group()
    whose.add_argument("--user", metavar="ID", help="whose it is, where FILE is of one user")
    whose.add_argument(
        "--map",
        metavar="FILE",
        help="CSV without a head: a name there, the user id here; without it, the names are the ids",
    )
    command.add_argument("--digits", type=whole(6, 8), metavar="N", help="of allauth: MFA_TOTP_DIGITS; default: 6")
    command.add_argument("--period", type=whole(10, 300), metavar="S", help="of allauth: MFA_TOTP_PERIOD; default: 30")
    command.add_argument(
        "--ahead",
        type=whole(0, 10),
        default=1,
        metavar="N",
        help="how many time steps ahead of its clock the other system accepted codes; default: 1",
    )
    command.add_argument("--allow-weak", action="store_true", help="also take secrets of fewer than 128 bits")
    command.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    command.add_argument("--quiet", action="store_true", help="show no progress")
    _auditing.add_options(command, instead="")
    _stores.add_options(command, create=True)


def _import(given: argparse.Namespace) -> int:
    return take_over(given, time.time)


def take_over(given: argparse.Namespace, clock: Callable[[], float]) -> int:
    """Do what was typed, by a clock that returns Unix seconds."""
    from ..policy import Policy  # noqa: PLC0415  # once the command was chosen
    from ._adopting import Moving  # noqa: PLC0415
    from ._formats import read  # noqa: PLC0415
    from ._rehearsing import rehearsed  # noqa: PLC0415
    from ._rows import Settings  # noqa: PLC0415
    from ._whose import ids_in, whose_rows  # noqa: PLC0415

    if given.format != "allauth" and (given.digits, given.period) != (None, None):
        raise Mistake("--digits and --period are for allauth: files of the others say them")
    found = read(given.format, given.file, Settings(given.digits or 6, given.period or 30))
    whose = whose_rows(found.rows, user=given.user, ids=None if given.map is None else ids_in(given.map))
    if given.dry_run:
        given.audit_log = None
    with ExitStack() as stack:
        log = stack.enter_context(_auditing.log(given))
        kept = stack.enter_context(rehearsed(given) if given.dry_run else _stores.opened(given))
        quiet = given.quiet or given.dry_run  # whose lines it would tear
        progress = stack.enter_context(Progress("looked at", total=len(whose.users), quiet=quiet))
        moving = Moving(
            # Nobody sees the recovery codes that are made: one alone is told to be running low.
            factor=kept.service(
                log if log.is_file else None, policy=Policy(recovery_codes=1, recovery_low=1), clock=clock
            ),
            clock=clock,
            ahead=given.ahead,
            allow_weak=given.allow_weak,
            amiss=progress.say,
            well=_write if given.dry_run else _pass_over,
            show=lambda done: progress.show(done, f"{moving.moved} moved"),
        )
        for row, reason in whose.nobodys:
            moving.refuse(row, reason)
        _move(moving, whose.users, dry_run=given.dry_run)
    _sum_up(moving, found, given)
    return REFUSED if moving.refused else DONE


def _move(moving: "Moving", users: "Mapping[str, list[Row]]", *, dry_run: bool) -> None:
    from ..errors import StoreError  # noqa: PLC0415

    try:
        moving.all_of(users)
    except BrokenPipeError:  # of the output
        raise
    except (StoreError, OSError) as error:
        said = str(error).partition("\n")[0]
        nothing = dry_run or not moving.moved
        done = "nothing was changed" if nothing else f"{moving.moved} were moved; run it again to go on"
        raise StoreError(f"{said}: {done}") from None


def _sum_up(moving: "Moving", found: "Found", given: argparse.Namespace) -> None:
    """Say what came of it, and what is left to do by hand."""
    moved = f"{moving.moved} would be moved" if given.dry_run else f"{moving.moved} moved"
    _write(f"{moved}, {moving.left} already here, {moving.refused} not moved")
    if found.unconfirmed:
        _write(f"{found.unconfirmed} left that were never confirmed")
    if given.dry_run:
        _write("Nothing was changed.")
        return
    if moving.moved:
        _write(
            "Recovery codes cannot come along; the one that is counted here was shown to nobody. "
            "Lead everybody who was moved to make new ones, with a code."
        )
        _write("Where the application keeps a flag of who has a second factor, set it for them.")
    what = "What came in" if given.file == INPUT else "FILE"
    _write(f"{what} holds the secrets in clear: destroy it when all is well, and what the other system keeps.")


def _pass_over(_told: object) -> None:
    """Take what nobody asked to be told."""


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
