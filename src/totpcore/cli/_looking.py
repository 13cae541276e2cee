"""`totpcore key`, `users` and `status`: what operators need first, and look at.

Rules of this file:

1. A user is named by the id that the application gives to totpcore; what they are called is in its own user table.
2. Where one of many does not open, the others are shown; the exit code is 1.
3. Records are loaded some hundreds at a time: a store may hold a hundred thousand.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from . import _stores
from ._files import text_named
from ._parsing import DONE, REFUSED, Commands, Mistake
from ._progress import Progress, complain

if TYPE_CHECKING:
    from .._operators import Line
    from ._stores import Opened

_BATCH: Final = 500  # records that are loaded at once


def add(commands: Commands) -> None:
    """Describe the commands."""
    key = commands.add(
        "key",
        _key,
        "make a new key, which seals the records",
        more="It is an entry of TOTPCORE_KEYS, or a line of the file of --keys-file: "
        "put it at the front, keep the older ones behind it, and run `totpcore reseal`. "
        "Whoever has it, and the records, can make everybody's codes.",
        example="(umask 077; totpcore key --id 2026 > totp.keys)",
    )
    key.add_argument("--id", metavar="ID", help="what it is called in each record; default: eight random characters")

    users = commands.add(
        "users",
        _users,
        "list the second factors in a store, and count them",
        more="The store knows those who have begun to set one up, and nobody else. With --ids "
        "the list is of those that you name, and the share is of all of them. "
        "A user is an id here, as the application gives it to totpcore. Exit code 1 where a record does not open.",
        example="totpcore users --store sqlite:///2fa.db --keys-file totp.keys\n"
        "totpcore users --ids staff.txt --csv --store sqlite:///2fa.db --keys-file totp.keys > report.csv",
    )
    users.add_argument(
        "--ids", metavar="FILE", help="list those whose ids stand in FILE, one on a line; -: standard input"
    )
    form = users.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="write JSON, with the totals")
    form.add_argument("--csv", action="store_true", help="write CSV")
    _stores.add_options(users)

    status = commands.add(
        "status",
        _status,
        "look at the second factor of one user",
        more="Exit code 1 where the record does not open.",
        example="totpcore status 7 --store sqlite:///2fa.db --keys-file totp.keys",
    )
    status.add_argument("user", metavar="USER", help="the id of the user, as the application gives it to totpcore")
    status.add_argument("--json", action="store_true", help="write JSON")
    _stores.add_options(status)


def _key(given: argparse.Namespace) -> int:
    from ..errors import InvalidParameters  # noqa: PLC0415  # once the command was chosen
    from ..sealing import Keyring  # noqa: PLC0415

    try:
        sys.stdout.write(f"{Keyring.generate_key(given.id)}\n")
    except InvalidParameters as error:
        raise Mistake(str(error).replace("key_id", "--id", 1)) from None
    return DONE


def _users(given: argparse.Namespace) -> int:
    from .. import _operators as operators  # noqa: PLC0415  # once the command was chosen

    with _stores.opened(given) as kept:
        users = kept.users() if given.ids is None else _named_in(given.ids)
        # Only for whoever waits: what lists users by the hour would mail its lines.
        with Progress("read", total=len(users), quiet=not sys.stderr.isatty()) as progress:
            lines = list(_lines(kept, users, progress))
    if given.json:
        sys.stdout.write(f"{operators.as_json(lines)}\n")
    elif given.csv:
        _write(operators.as_csv(lines))
    else:
        _write(operators.as_table(lines))
        sys.stdout.write(f"\n{operators.Totals.of(lines)}\n")
        if given.ids is None and lines:
            sys.stdout.write(
                "Whoever has not begun to set one up is not in the store: with --ids they are counted too.\n"
            )
    unreadable = sum(line.state == operators.UNREADABLE for line in lines)
    if unreadable == 0:
        return DONE
    if unreadable == len(lines):
        complain(f"not opened: {unreadable} of {unreadable} records; are these the keys of this store?")
    else:
        complain(f"not opened: {unreadable} of {len(lines)} records; `totpcore status USER` says why")
    return REFUSED


def _status(given: argparse.Namespace) -> int:
    from .. import _operators as operators  # noqa: PLC0415  # once the command was chosen
    from ..answers import State  # noqa: PLC0415
    from ..errors import RecordUnreadable  # noqa: PLC0415

    with _stores.opened(given) as kept:
        found = kept.service().statuses([given.user])[given.user]
    line = operators.Line.of(given.user, given.user, found)
    if given.json:
        sys.stdout.write(f"{operators.one_as_json(line)}\n")
    else:
        _write(operators.as_sheet(line))
    if isinstance(found, RecordUnreadable):
        complain(f"{found}; is its key among the keys? Where it is lost, `totpcore reset` is all that helps")
        return REFUSED
    if found.state is State.OFF:
        complain("nothing is set up under this id; `totpcore users` lists those that there are")
    return DONE


def _lines(kept: "Opened", users: list[str], progress: Progress) -> "Iterator[Line]":
    from .._operators import lines_of  # noqa: PLC0415  # once the command was chosen

    factor = kept.service()
    for start in range(0, len(users), _BATCH):
        batch = users[start : start + _BATCH]
        yield from lines_of({user: user for user in batch}, factor.statuses(batch))
        progress.show(start + len(batch))


def _named_in(path: str) -> list[str]:
    """Return the ids in a file, each once."""
    from .._core import check_user  # noqa: PLC0415  # once the command was chosen
    from ..errors import InvalidParameters  # noqa: PLC0415

    lines = text_named("--ids", path).value.split("\n")
    for number, line in enumerate(lines, 1):
        try:
            check_user(line.strip() or "blank")
        except InvalidParameters:
            raise Mistake(f"line {number} of --ids is no id: 1 to 255 characters, without NUL") from None
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _write(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
