"""Where the records are, and what opens them: `--store`, `--keys-file` and `--plaintext` of operators' commands.

Rules of this file:

1. A URL may hold a password: it is never shown, and one that has a password belongs in the environment, since
   arguments can be seen by others.
2. Records in clear are opened only where that was typed, by `--plaintext`: missing keys are never taken to mean it.
3. A store that a command has opened is closed by the time it ends, however it ends.
"""

import argparse
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, runtime_checkable

from ._parsing import Mistake
from ._progress import complain

if TYPE_CHECKING:
    from .._guard import Hidden
    from ..events import Event
    from ..policy import Policy
    from ..ports import Sealer, Store
    from ..service import TwoFactor

STORE: Final = "TOTPCORE_STORE"
KEYS: Final = "TOTPCORE_KEYS"

_CALL: Final = "create_table()"  # which stores name where their table is missing, and which nobody can type here
_LONGEST: Final = 86_400  # seconds, of any policy


class Opened(NamedTuple):
    """A store, and what opens its records."""

    store: "Store"
    sealer: "Sealer"

    def service(
        self,
        audit: "Callable[[Event], None] | None" = None,
        *,
        issuer: str = "totpcore",
        policy: "Policy | None" = None,
        clock: Callable[[], float] | None = None,
    ) -> "TwoFactor":
        """Return the calls on it. Without an `audit` their events are kept nowhere."""
        from ..policy import Policy  # noqa: PLC0415  # once the command was chosen
        from ..service import TwoFactor  # noqa: PLC0415

        # The application's policy is not known here. Under the widest numbers that one may have, a wait and a set-up
        # last as long as the record says, and a floor voids every code that the application would accept now.
        policy = policy or Policy(window=(0, 2), pending_seconds=_LONGEST, longest_wait=_LONGEST)
        told = audit or _nobody
        return TwoFactor(self.store, issuer=issuer, sealer=self.sealer, policy=policy, clock=clock, audit=told)

    def users(self) -> list[str]:
        """Return everybody who has a record, in order."""
        from ..errors import StoreError  # noqa: PLC0415  # once the command was chosen
        from ..ports import ListsUsers  # noqa: PLC0415

        if not isinstance(self.store, ListsUsers):
            raise Mistake("this store cannot list its users: name them one by one")
        found: list[object] = list(self.store.users())
        users = [user for user in found if isinstance(user, str)]
        if len(users) < len(found):
            raise StoreError("a user id in the store is no text: something else than totpcore has written there")
        return sorted(users)


def add_options(command: argparse.ArgumentParser, *, plaintext: bool = True, create: bool = False) -> None:
    """Describe `--store` and the keys; with `create` also `--create`."""
    where = command.add_argument_group(
        "where the records are, and what opens them",
        f"Without --store, the URL is what {STORE} says, where one with a password\n"
        f"belongs: others can see arguments. The keys are those of {KEYS}, or of\n"
        "--keys-file.",
    )
    where.add_argument(
        "--store",
        metavar="URL",
        help="such as sqlite:////srv/app/2fa.db, or sqlite:///2fa.db in this folder, "
        "postgresql://app@db/app, redis://cache:6379/0",
    )
    if create:
        where.add_argument("--create", action="store_true", help="make the file or the table, where it is missing")
    keys = where.add_mutually_exclusive_group() if plaintext else where
    keys.add_argument("--keys-file", metavar="FILE", help="read the keys from a file, newest first")
    if plaintext:
        keys.add_argument("--plaintext", action="store_true", help="the records are not sealed")


@contextmanager
def opened(given: argparse.Namespace) -> Iterator[Opened]:
    """Open what was named, and close it in the end.

    Raises:
        Mistake: If it is not said where the records are, or what opens them; if there is no such file or store.
        InvalidParameters: If the keys are none.
        ImportError: If what such a store needs is not installed.
        StoreError: If it has no table, or cannot be reached.
    """
    from ..errors import StoreError  # noqa: PLC0415  # once the command was chosen

    url = _url(given)
    sealer = _sealer(given)  # before a server is asked
    store = _store(given, url)
    try:
        yield Opened(store, sealer)
    except StoreError as error:
        said = str(error)
        if _CALL not in said:
            raise
        makes = "is it the database that the application has?" if _creates(given) is None else "--create makes it"
        raise StoreError(said.replace(f"{_CALL} makes it", makes)) from error
    finally:
        if isinstance(store, _Closes):
            store.close()


def _creates(given: argparse.Namespace) -> bool | None:
    """Return whether the store is to be made, where it is missing; `None` of a command that makes none."""
    creates: bool | None = getattr(given, "create", None)
    return creates


@runtime_checkable
class _Closes(Protocol):
    """A store that has connections."""

    def close(self) -> None:
        """Close them."""
        ...


def _nobody(event: "Event") -> None:
    """Take an event that nobody keeps."""


def _sealer(given: argparse.Namespace) -> "Sealer":
    from ..errors import InvalidParameters  # noqa: PLC0415  # once the command was chosen
    from ..sealing import Keyring, Plaintext  # noqa: PLC0415

    plaintext = getattr(given, "plaintext", None)
    if plaintext:
        return Plaintext()
    if given.keys_file is not None:
        try:
            return Keyring.from_file(given.keys_file)
        except InvalidParameters as error:
            raise Mistake(str(error).replace("path must", "--keys-file must", 1)) from None
        except OSError as error:
            raise Mistake(f"the file of --keys-file cannot be read: {error.strerror}") from None
    if not os.environ.get(KEYS, "").strip():
        clear = "" if plaintext is None else ", or with --plaintext if they are not sealed"
        raise Mistake(f"say what opens the records: keys in {KEYS} or in --keys-file FILE{clear}")
    return Keyring.from_env(KEYS)


def _url(given: argparse.Namespace) -> "Hidden[str]":
    from .._guard import Hidden  # noqa: PLC0415  # once the command was chosen

    url = Hidden((given.store if given.store is not None else os.environ.get(STORE, "")).strip())
    if not url.value:
        raise Mistake(f"say where the records are: by --store URL, or in the environment variable {STORE}")
    if url.value == "memory:":
        raise Mistake("memory: is empty, and gone when this command ends: name a file or a server")
    return url


def _store(given: argparse.Namespace, url: "Hidden[str]") -> "Store":
    from .. import stores  # noqa: PLC0415  # once the command was chosen
    from ..errors import InvalidParameters  # noqa: PLC0415

    create = _creates(given)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", stores.DurabilityWarning)
        try:
            store = stores.from_url(url.value, create=bool(create))
        except InvalidParameters as error:
            said = str(error).removeprefix("url ")
            if said.startswith("must be memory:"):  # a dozen follow, and the likeliest mistake is a mere path
                said = "must be one such as sqlite:///2fa.db for a file, postgresql://app@db/app, redis://cache:6379/0"
            raise Mistake(f"the URL of the store: {said}") from None
        except OSError as error:
            hides = "@" in url.value  # of a server's URL, typed behind three slashes
            if error.errno is not None:  # of the operating system, such as of a folder that is missing
                where = "the file of the store" if hides else error.filename
                raise Mistake(f"{where}: {error.strerror}") from None
            where = "the file of the store" if hides else str(error).partition(": no such file")[0]
            makes = "" if create is None else " --create makes an empty one"
            raise Mistake(f"{where}: no such file. Is it the one that the application has?{makes}") from None
    for warning in told:
        complain(str(warning.message))
    return store
