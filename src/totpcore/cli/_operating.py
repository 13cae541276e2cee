"""`totpcore raise-floor` and `reseal`: what operators do to many, after a backup was restored or a key was made.

Rules of this file:

1. Where one of many cannot be done, the others are; it is named, with the reason, and the exit code is 1.
2. It can be stopped at any moment, and started again: what was done stays done.
"""

import argparse
import sys
from typing import TYPE_CHECKING

from . import _auditing, _stores
from ._asking import agreed
from ._parsing import DONE, REFUSED, Commands
from ._progress import Progress, complain

if TYPE_CHECKING:
    from ..sealing import Progress as Sealed
    from ..service import TwoFactor
    from ._stores import Opened


def add(commands: Commands) -> None:
    """Describe the commands."""
    floor = commands.add(
        "raise-floor",
        _raise_floor,
        "void what a restored backup has brought back",
        more="To be run after a backup was restored, before anybody can log in: it voids all "
        "codes up to now, all recovery codes, and set-ups that were under way. The "
        "apps work on; everybody makes new recovery codes. Exit code 1 where somebody "
        "could not be done, who is named with the reason.",
        example="totpcore raise-floor --all --yes --store sqlite:///2fa.db --keys-file totp.keys",
    )
    whose = floor.add_mutually_exclusive_group(required=True)
    whose.add_argument("users", nargs="*", default=[], metavar="USER", help="the ids of the users")
    whose.add_argument(
        "--all", action="store_true", help="everybody who has a record; events then only with --audit-log"
    )
    floor.add_argument("--yes", action="store_true", help="do not ask")
    floor.add_argument("--quiet", action="store_true", help="show no progress")
    _auditing.add_options(floor)
    _stores.add_options(floor)

    reseal = commands.add(
        "reseal",
        _reseal,
        "seal every record with the newest key",
        more="To be run once every host has the new key at the front of its keys. It can run "
        "beside log-ins, be stopped at any moment, and be started again. Exit code 1 "
        "where a record could not be opened: it is left as it is.",
        example="totpcore reseal --store sqlite:///2fa.db --keys-file totp.keys",
    )
    reseal.add_argument(
        "--from-plaintext", action="store_true", help="also seal records that are in clear; stop log-ins before"
    )
    reseal.add_argument("--quiet", action="store_true", help="show no progress")
    _stores.add_options(reseal, plaintext=False)


def _raise_floor(given: argparse.Namespace) -> int:
    from .._operators import printable  # noqa: PLC0415  # once the command was chosen

    with _auditing.log(given) as log, _stores.opened(given) as kept:
        users = kept.users() if given.all else list(dict.fromkeys(given.users))
        if not users:
            sys.stdout.write("Nobody has a record: there is nothing to do.\n")
            return DONE
        whom = f"all {len(users)} users" if given.all else ", ".join(map(printable, users))
        if not given.yes and not agreed(f"Void all recovery codes of {whom}, and set-ups that are under way?"):
            complain("nobody typed yes: nothing was changed")
            return REFUSED
        factor = kept.service(log if log.is_file or not given.all else None)
        failed = 0
        with Progress("looked at", total=len(users), quiet=given.quiet or not given.all) as progress:
            for done, user in enumerate(users, 1):
                reason = _raise_one(kept, factor, user, named=not given.all)
                if reason:
                    failed += 1
                    progress.say(f"{printable(user)}: {reason}")
                progress.show(done, f"{failed} not done" if failed else "")
        if failed:
            complain(f"{failed} of {len(users)} not done, named above: where the reason cannot be mended, reset them")
        if failed < len(users):
            sys.stdout.write(
                f"{len(users) - failed} done: codes up to now, recovery codes and set-ups under way are void.\n"
                "Everybody needs new recovery codes, which they make with a code of their app.\n"
            )
    return REFUSED if failed else DONE


def _raise_one(kept: "Opened", factor: "TwoFactor", user: str, *, named: bool) -> str:
    """Raise the floor of one user; where that cannot be done, return why."""
    from ..errors import RecordUnreadable, StateError, StoreContended  # noqa: PLC0415  # once the command was chosen

    if named and kept.store.load(user) is None:
        return "there is no record of this user"
    try:
        with _auditing.undivided():
            factor.raise_floor(user)
    except RecordUnreadable as error:
        return f"{error}; is its key among the keys?"
    except (StateError, StoreContended) as error:
        return str(error)
    return ""


def _reseal(given: argparse.Namespace) -> int:
    from .. import sealing  # noqa: PLC0415  # once the command was chosen
    from .._operators import printable  # noqa: PLC0415

    with _stores.opened(given) as kept, Progress("looked at", total=len(kept.users()), quiet=given.quiet) as progress:

        def show(now: "Sealed") -> None:
            unreadable = f", {now.unreadable} unreadable" if now.unreadable else ""
            progress.show(now.done, f"{now.resealed} sealed anew{unreadable}")

        previous = sealing.Plaintext() if given.from_plaintext else None
        end = sealing.reseal(kept.store, kept.sealer, previous=previous, progress=show)
    for user in end.unreadable_users:
        complain(f"{printable(user)}: the record does not open")
    sys.stdout.write(f"{end.done} looked at, {end.resealed} sealed anew, {end.unreadable} unreadable\n")
    if end.unreadable:
        if end.unreadable == end.done:
            sys.stdout.write("No record opens: are these the keys of this store?\n")
        else:
            sys.stdout.write("Keep the older keys until these open, or reset these users.\n")
        return REFUSED
    sys.stdout.write("The older keys can go, once no process is left that seals with them, and no backup needs them.\n")
    return DONE
