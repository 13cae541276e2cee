"""`totpcore reset`: the way in where a device is lost, and no code can be asked for.

Rules of this file:

1. It is done under the name of a person and for a reason, which the event holds.
2. Everything that can be wrong is found before anything is changed: the log is open, the user was looked at, and
   somebody said yes.
3. What is left to do by hand is told: totpcore knows neither passwords nor sessions.
"""

import argparse
import sys

from . import _auditing, _stores
from ._asking import agreed, answered, is_watched
from ._parsing import DONE, REFUSED, Commands, Mistake
from ._progress import complain


def add(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add(
        "reset",
        _reset,
        "remove the second factor of a user whose device is lost",
        more="No code is asked for, so be sure who asked you. Reset the password too, or whoever knows it can set up "
        "the next second factor. It also works where the record does not open. Exit code 1 where nothing was changed.",
        example="totpcore reset 7 --actor grace --reason 'phone lost, came by in person' \\\n"
        "    --store sqlite:///2fa.db --keys-file totp.keys",
    )
    command.add_argument("user", metavar="USER", help="the id of the user, as the application gives it to totpcore")
    command.add_argument("--actor", metavar="A", help="who does it, for the audit log; asked for where it is missing")
    command.add_argument("--reason", metavar="R", help="why, for the audit log; asked for where it is missing")
    command.add_argument("--yes", action="store_true", help="do not ask")
    _auditing.add_options(command)
    _stores.add_options(command)


def _reset(given: argparse.Namespace) -> int:
    from .._operators import printable  # noqa: PLC0415  # once the command was chosen

    if None in (given.actor, given.reason) and not is_watched():
        raise Mistake("--actor and --reason must say who does it and why, for the audit log: nothing was changed")
    user, name = given.user, printable(given.user)
    with _auditing.log(given) as log, _stores.opened(given) as kept:
        factor = kept.service(log)
        looked = _look(kept, user)
        if not looked:
            complain(f"there is no record of {name}: nothing was changed. `totpcore users` lists the ids")
            return REFUSED
        if None in (given.actor, given.reason) or not given.yes:
            sys.stderr.write(f"{looked}\n")
        actor = _asked("Who does it, for the audit log: ") if given.actor is None else given.actor
        reason = _asked("Why: ") if given.reason is None else given.reason
        question = f"Remove the second factor of {name}? Be sure who asked for it."
        if not given.yes and not agreed(question):
            complain("nobody typed yes: nothing was changed")
            return REFUSED
        with log.reset(user, actor=actor, reason=reason):
            factor.reset(user, actor=actor, reason=reason)
        sys.stdout.write(
            f"The second factor of {name} is removed. What is left to do, in the application:\n"
            "- give them a new password: whoever knows the old one can set up the next second factor;\n"
            "- clear its own flag that they have a second factor, and end their sessions.\n"
        )
    return DONE


def _look(kept: _stores.Opened, user: str) -> str:
    """Return what there is to lose, in a line; nothing where there is no record."""
    from .._operators import UNREADABLE, Line, printable  # noqa: PLC0415  # once the command was chosen

    line = Line.of(user, user, kept.service().statuses([user])[user])
    if kept.store.load(user) is None:
        return ""
    _, state, count, used, *_ = line.cells
    if line.state == UNREADABLE:
        return f"{printable(user)}: {state}: be sure that its key is lost, and not only missing here"
    left = f", {count} recovery code{'s' * (count != '1')} left, last used {used}" if line.is_asked else ""
    return f"{printable(user)}: {state}{left}"


def _asked(question: str) -> str:
    """Return what somebody types, which has to be something."""
    try:
        typed = answered(question)
    except EOFError:
        typed = ""
    if not typed:
        raise Mistake("the audit log needs who does it and why: nothing was changed")
    return typed
