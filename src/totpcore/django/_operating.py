"""What operators do to second factors, for `manage.py totpcore`.

Rules of this file:

1. A user is named by the name they log in with, or by the primary key, which also finds a record whose user is gone.
2. What changes something tells what is left to do by hand.
3. Where one of many cannot be done, the others are; it is named, and the command fails at its end.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple, Protocol, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from .. import _operators as operators
from .. import sealing
from ..errors import RecordUnreadable, StateError
from ..ports import ListsUsers, Store
from ..service import TwoFactor
from ..stores.django import DjangoStore
from . import conf, models
from ._people import name_of

Write = Callable[[str], object]

_BATCH = 500  # records that are loaded at once
_EVERY = 1000  # users: a line of progress


class _Found(NamedTuple):
    """A user id in the store, and who that is; nobody, where the user was deleted."""

    key: str
    name: str
    user: AbstractBaseUser | None


def users(write: Write, *, everybody: bool, as_json: bool, as_csv: bool) -> None:
    """List the second factors of active staff, or of everybody."""
    factor, lines = conf.two_factor(), list[operators.Line]()
    people = get_user_model()._default_manager.order_by("pk")
    page = list(people[:_BATCH])
    while page:
        names = {conf.key_of(user): name_of(user) for user in page if everybody or _is_asked(user)}
        lines += _lines(names, factor)
        page = list(people.filter(pk__gt=page[-1].pk)[:_BATCH])
    if as_json:
        write(operators.as_json(lines))
    elif as_csv:
        _write_all(write, operators.as_csv(lines))
    else:
        _write_all(write, operators.as_table(lines))
        write(f"\n{operators.Totals.of(lines)}")


def status(write: Write, *, user: str, pk: bool, as_json: bool) -> None:
    """Look at one user."""
    found = _find(user, pk=pk)
    (line,) = _lines({found.key: found.name}, conf.two_factor())
    if as_json:
        write(operators.one_as_json(line))
    else:
        _write_all(write, operators.as_sheet(line))


def reset(write: Write, *, user: str, pk: bool, actor: str, reason: str, yes: bool) -> None:
    """Remove the second factor of a user, without a code."""
    factor, found = conf.two_factor(), _find(user, pk=pk)
    name = operators.printable(found.name)
    if not yes:
        _ask(f"Remove the second factor of {name}? Be sure who asked for it.")
    if found.user is None and not conf.has_record(found.key):
        raise CommandError(f"There is neither a user {name} nor a record of one.")
    factor.reset(found.key, actor=actor, reason=reason)
    if found.user is None:
        write(f"The record {name}, which is no user's, is removed.")
        return
    models.forget(found.user)
    write(f"The second factor of {name} is removed. Sessions that were opened by it end.")
    write("Give them a new password too: whoever knows the old one can set up the next second factor.")
    write(f"    manage.py changepassword {'-- ' if name.startswith('-') else ''}{shlex.quote(name)}")


def raise_floor(write: Write, *, users: list[str], everybody: bool, yes: bool) -> None:
    """Void codes up to now, all recovery codes and what is pending, after a backup was restored."""
    factor, failed, done = conf.two_factor(), 0, 0
    keys = _listing().users() if everybody else iter([_find(name, pk=False).key for name in users])
    if not yes:
        whom = "everybody" if everybody else ", ".join(map(operators.printable, users))
        _ask(f"Void all recovery codes of {whom}, and the set-ups that wait? It is for after a restored backup.")
    for key in keys:
        try:
            factor.raise_floor(key)
            done += 1
        except (StateError, RecordUnreadable) as error:
            failed += 1
            write(f"{operators.printable(_name_of(key))}: {error}")
    write(f"{done} done: codes up to now, recovery codes and set-ups that were pending are void.")
    write("Whoever has a second factor needs new recovery codes; the overview page makes them.")
    if failed:
        raise CommandError(f"{failed} could not be done, named above: reset them, and let them set up anew.")


def create_table(write: Write) -> None:
    """Make the table of the records, which `migrate` does unless a database router forbids it."""
    store = conf.store()
    if not isinstance(store, DjangoStore):
        raise CommandError("TOTPCORE_STORE names another store, whose own means make what it needs.")
    store.create_table()
    write(f"The table of the records is there, in the database {conf.database()}.")


def reseal(write: Write) -> None:
    """Seal every record with the newest key."""

    def tell(progress: sealing.Progress) -> None:
        if progress.done % _EVERY == 0:
            write(f"{progress.done} looked at, {progress.resealed} sealed anew")

    end = sealing.reseal(_listing(), conf.sealer(), progress=tell)
    write(f"{end.done} looked at, {end.resealed} sealed anew, {end.unreadable} unreadable")
    if end.unreadable:
        _write_all(write, (f"unreadable: {operators.printable(_name_of(key))}" for key in end.unreadable_users))
        raise CommandError(
            f"{end.unreadable} could not be opened: keep the old keys until they can, or reset these users."
        )
    write("The older keys can go from TOTPCORE_KEYS, once no process is left that seals with them.")


def _lines(names: Mapping[str, str], factor: TwoFactor) -> Iterator[operators.Line]:
    """Yield a line for each. Recovery codes that nobody has seen are none that somebody could use."""
    unseen = models.unseen_codes(names)
    for line in operators.lines_of(names, factor.statuses(names)):
        yield replace(line, codes_left=0) if line.id in unseen else line


def _write_all(write: Write, lines: Iterator[str]) -> None:
    for line in lines:
        write(line)


def _ask(question: str) -> None:
    """Go on only where somebody types yes."""
    try:
        agreed = input(f"{question} Type yes: ") == "yes"
    except EOFError:
        raise CommandError("Nobody is there to ask: nothing was changed. With --yes it is done.") from None
    if not agreed:
        raise CommandError("Nothing was changed.")


def _is_asked(user: AbstractBaseUser) -> bool:
    return bool(user.is_active and getattr(user, "is_staff", False))


def _find(named: str, *, pk: bool) -> _Found:
    model = get_user_model()
    if pk:
        return _of_key(_key_from(named))
    try:
        user = model._default_manager.get(**{str(model.USERNAME_FIELD): named})
    except (model.DoesNotExist, ValueError, ValidationError):  # a name may be a number, and this is none
        raise CommandError(
            f"There is no user {operators.printable(named)}. With --pk, USER is the primary key."
        ) from None
    return _Found(conf.key_of(user), name_of(user), user)


def _key_from(text: str) -> str:
    try:
        return str(get_user_model()._meta.pk.to_python(text))
    except ValidationError:
        raise CommandError(f"{operators.printable(text)} is no primary key of a user.") from None


def _of_key(key: str) -> _Found:
    user = get_user_model()._default_manager.filter(pk=key).first()
    return _Found(key, key if user is None else name_of(user), user)


def _name_of(key: str) -> str:
    try:
        return _of_key(key).name
    except (ValueError, ValidationError):  # a record of another program's, in the same store
        return key


class _Listing(Store, ListsUsers, Protocol):
    """A store that can say whom it knows."""


def _listing() -> _Listing:
    store = conf.store()
    if not isinstance(store, ListsUsers):
        raise CommandError("TOTPCORE_STORE must be a store that lists its users, by a method users.")
    return cast(_Listing, store)
