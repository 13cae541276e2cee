"""`manage.py totpcore`: what operators do.

Rules of this file:

1. `key` comes before there are settings, so no command waits for the system checks. What is wrong is told in one line,
   with what to do.
2. Whoever stops a command, or reads no further, sees no traceback. What was done stays done.
"""

import os
import sys
from collections.abc import Callable
from inspect import signature
from typing import Final, Literal

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from ....errors import TotpcoreError
from ....sealing import Keyring
from ... import _moving as moving
from ... import _operating as operating

_STOPPED: Final = 130  # as shells tell of SIGINT


class Command(BaseCommand):
    """The command."""

    help: str = "Second factors: make a key, look at users, reset one, and what comes after a backup or a new key."
    requires_system_checks: list[str] | tuple[str, ...] | Literal["__all__"] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe what can be typed."""
        commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

        def add(name: str, work: Callable[..., None], text: str) -> CommandParser:
            command: CommandParser = commands.add_parser(name, help=text, description=text)
            command.set_defaults(work=work)
            return command

        key = add("key", _key, "Make a new key, to stand at the front of TOTPCORE_KEYS.")
        key.add_argument("--id", dest="key_id", metavar="ID", help="default: eight random characters")

        users = add("users", operating.users, "List the second factors of active staff, and how many have one.")
        users.add_argument("--all", action="store_true", dest="everybody", help="of every user, and not of staff alone")
        form = users.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", dest="as_json", help="write JSON")
        form.add_argument("--csv", action="store_true", dest="as_csv", help="write CSV")

        status = add("status", operating.status, "Look at the second factor of one user.")
        _name(status)
        status.add_argument("--json", action="store_true", dest="as_json", help="write JSON")

        reset = add("reset", operating.reset, "Remove the second factor of a user whose device is lost.")
        _name(reset)
        reset.add_argument("--actor", required=True, help="who does it, for the audit log")
        reset.add_argument("--reason", required=True, help="why, for the audit log")
        reset.add_argument("--yes", action="store_true", help="do not ask")

        floor = add("raise-floor", operating.raise_floor, "After a backup was restored: void all that it brought back.")
        whose = floor.add_mutually_exclusive_group(required=True)
        whose.add_argument("users", nargs="*", default=[], metavar="USER", help="their user names")
        whose.add_argument("--all", action="store_true", dest="everybody", help="every record that there is")
        floor.add_argument("--yes", action="store_true", help="do not ask")

        text = "Make the table of the records, where `migrate` may not, or TOTPCORE_DATABASE has changed since."
        add("create-table", operating.create_table, text)

        add("reseal", operating.reseal, "Seal every record with the newest key; can be stopped, and started again.")

        move = add("import-django-otp", moving.import_django_otp, "Take over the devices of django-otp.")
        move.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        move.add_argument("--allow-weak", action="store_true", help="also take secrets of fewer than 128 bits")

    def handle(self, *_args: object, work: Callable[..., None], **options: object) -> None:
        """Do it.

        Raises:
            CommandError: If it could not be done.
            SystemExit: If it was stopped, or nobody reads what it writes.
        """
        try:
            work(self.stdout.write, **{name: options[name] for name in list(signature(work).parameters)[1:]})
            self.stdout.flush()
        except KeyboardInterrupt:
            raise SystemExit(_STOPPED) from None
        except BrokenPipeError:
            # Python would write what is left at its end, and complain that nobody reads.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        except (TotpcoreError, ImproperlyConfigured, ImportError, OSError) as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            said = str(error).partition("\n")[0]  # PostgreSQL quotes rows in the lines that follow
            raise CommandError(f"The database failed: {said}. Has `manage.py migrate` been run?") from None


def _name(command: CommandParser) -> None:
    command.add_argument("user", metavar="USER", help="the user name")
    command.add_argument("--pk", action="store_true", help="USER is the primary key")


def _key(write: Callable[[str], object], *, key_id: str | None) -> None:
    write(Keyring.generate_key(key_id))
