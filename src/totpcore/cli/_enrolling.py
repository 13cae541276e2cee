"""`totpcore enrol`: a second factor for a user from a terminal, such as the first administrator's.

Rules of this file:

1. It is on once a code of the app was right, as on a page. Whoever stops before has changed nothing that lasts.
2. It is for a terminal, whose user scans what it shows: key and recovery codes go into no pipe, file or log.
3. Recovery codes are shown once.
"""

import argparse
import sys
from typing import TYPE_CHECKING, Final

from . import _auditing, _stores
from ._asking import answered, is_watched
from ._parsing import DONE, REFUSED, Commands, Mistake
from ._progress import complain
from ._uris import draw

if TYPE_CHECKING:
    from ..answers import Enrolment
    from ..service import TwoFactor

_QUESTION: Final = "Code that the app shows: "
_ON: Final = """
The second factor is on. Recovery codes, each for one log-in without the phone:

{}
They are not shown again: print them, or write them down. Where the application
keeps a flag of who has a second factor, set it.
"""


def add(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add(
        "enrol",
        _enrol,
        "set up the second factor of a user at this terminal",
        more="For the first administrator, or where there is no page for it. It shows a QR code to scan, asks for a "
        "code of the app, and shows the recovery codes: this is the only time. Exit code 1 where it was not confirmed, "
        "or there is a second factor already.",
        example="totpcore enrol 7 --issuer ACME --account alice@example.com \\\n"
        "    --store sqlite:///2fa.db --keys-file totp.keys",
    )
    command.add_argument("user", metavar="USER", help="the id of the user, as the application gives it to totpcore")
    command.add_argument("--issuer", metavar="I", required=True, help="which service it is for, as the app shows it")
    command.add_argument("--account", metavar="A", required=True, help="who it is for, as the app shows it")
    _auditing.add_options(command, instead="")
    _stores.add_options(command, create=True)


def _enrol(given: argparse.Namespace) -> int:
    from ..errors import AlreadyEnrolled  # noqa: PLC0415  # once the command was chosen
    from ..policy import Policy  # noqa: PLC0415

    if not (is_watched() and sys.stdout.isatty()):
        raise Mistake("this is for a terminal: the key and the recovery codes belong in no pipe and no file")
    with _auditing.log(given) as log, _stores.opened(given) as kept:
        # Without a file no events: standard error is this very terminal, and shows what is done.
        factor = kept.service(log if log.is_file else None, issuer=given.issuer, policy=Policy())
        try:
            _show(factor.enrol(given.user, account=given.account))
        except AlreadyEnrolled:
            complain("there is a second factor already: its user replaces it, or `totpcore reset` removes it")
            return REFUSED
        while (done := _confirm(factor, given.user)) is None:
            pass
    return DONE if done else REFUSED


def _show(enrolment: "Enrolment") -> None:
    """Show what an app takes: a picture, where it can be drawn, and the key."""
    from .._guard import Hidden  # noqa: PLC0415  # as above

    does = "Scan this with an authenticator app, or type the key:"
    try:
        draw(Hidden(enrolment.qr_terminal()), instead="")
    except (ImportError, Mistake) as why:
        complain(f"there is no QR code: {why}")
        does = "Type this key into an authenticator app, as a time-based one:"
    sys.stdout.write(f"\n{does}\n\n  {enrolment.manual_key}\n\n")
    sys.stdout.flush()


def _confirm(factor: "TwoFactor", user: str) -> bool | None:
    """Ask for a code. Return whether it is on; `None` where that is to be asked again."""
    from .._guard import Hidden  # noqa: PLC0415  # as above
    from ..errors import ClockOff, EnrolmentExpired, InvalidCode  # noqa: PLC0415

    try:
        typed = Hidden(answered(_QUESTION))
        with _auditing.undivided():  # once it is on, nothing else shows these recovery codes
            sys.stdout.write(
                _ON.format("".join(f"  {code}\n" for code in factor.confirm(user, typed.value).recovery_codes))
            )
            sys.stdout.flush()
    except EOFError:
        complain("it was not confirmed: nothing has changed, and the key above is void in ten minutes")
        return False
    except EnrolmentExpired:
        complain("this set-up has ended, after ten minutes or too many wrong codes: run it again")
        return False
    except ClockOff as off:
        way = "ahead of" if off.seconds > 0 else "behind"
        complain(f"the phone is {abs(off.seconds)} s {way} this machine: set its date and time to automatic")
        return None
    except InvalidCode as wrong:
        why = "a code has six digits" if wrong.malformed else "that is not the code of now"
        complain(f"{why}: type the one that the app shows")
        return None
    return True
