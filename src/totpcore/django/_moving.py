"""Taking over the devices of django-otp, for `manage.py totpcore import-django-otp`.

Rules of this file:

1. It can be run again: who has a second factor here is left, and only those that are missing are moved.
2. A device that cannot be moved is named by its number and the reason; the others go through. So is whoever has
   devices of other kinds alone: here the password would be all that is asked of them.
3. What was spent there is spent here. Recovery codes cannot come along: nobody has seen those of the adopted factor,
   so everybody is asked to make new ones.
4. django-otp's models are asked for by name, and never imported.
5. A rehearsal does the same on a store of its own, which is thrown away.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.management.base import CommandError
from django.db.models import Model

from .._guard import Hidden
from .._operators import drift_told, printable
from ..errors import InvalidInput, RecordUnreadable
from ..migrate import Moved, from_django_otp
from ..otp import TOTP
from ..sealing import Plaintext
from ..service import TwoFactor
from ..stores.memory import MemoryStore
from . import conf, models
from ._people import name_of

Write = Callable[[str], object]

_KINDS: Final = (("otp_totp", "TOTPDevice"), ("otp_hotp", "HOTPDevice"))
_BASE: Final = ("django_otp.models", "Device")  # what all kinds inherit from


class _Device(NamedTuple):
    """A confirmed device that can be moved."""

    title: str
    moved: Moved
    used: float  # when it was last used, 0.0 where that is not known
    number: int

    @property
    def rank(self) -> tuple[float, bool, int]:
        """The highest of a user's is taken: the one used last, or if that is not known time-based, and new."""
        return self.used, isinstance(self.moved.token, TOTP), self.number


class _Read(NamedTuple):
    """What django-otp has, by the primary keys of the users."""

    good: dict[object, list[_Device]]
    bad: dict[object, list[str]]
    others: dict[object, list[str]]  # of kinds that cannot come along
    unconfirmed: int


class _Count:
    """What came of it."""

    moved = left = refused = 0


def import_django_otp(write: Write, *, dry_run: bool, allow_weak: bool) -> None:
    """Take over the confirmed TOTP and HOTP devices."""
    read, count = _read(allow_weak=allow_weak), _Count()
    users = get_user_model()._default_manager.in_bulk([*read.good, *read.bad, *read.others])
    statuses = conf.two_factor().statuses([conf.key_of(user) for user in users.values()])
    factor = _rehearsal() if dry_run else conf.two_factor()
    for user in users.values():
        name, status = printable(name_of(user)), statuses[conf.key_of(user)]
        if isinstance(status, RecordUnreadable):
            count.refused += 1
            write(f"{name}: the record here cannot be read: reset it, and run this again")
        elif status.code_required:
            count.left += 1
            if not dry_run and models.expectation(user) is None:  # it was stopped in the midst, the last time
                models.expect(user, codes_shown=False)
        else:
            _move(write, factor, user, read, count, dry_run=dry_run)
    write(f"{count.moved} {'would be ' if dry_run else ''}moved, {count.left} already here")
    if read.unconfirmed:
        write(f"{read.unconfirmed} left that were never confirmed")
    if count.moved and not dry_run:
        write("Recovery codes (static tokens) cannot come along: whoever was moved is asked to make new ones.")
        write("Delete django-otp's devices when all is well: they hold the secrets in clear.")
    if count.refused:
        raise CommandError(f"{count.refused} could not be moved, named above. The others went through.")


def _move(
    write: Write, factor: TwoFactor, user: AbstractBaseUser, read: _Read, count: _Count, *, dry_run: bool
) -> None:
    """Move the best device of a user, and say so."""
    name = printable(name_of(user))
    for reason in read.bad.get(user.pk, []):
        count.refused += 1
        write(f"{name}: {reason}")
    good = sorted(read.good.get(user.pk, []), key=lambda device: device.rank)
    if not good:
        if user.pk not in read.bad:
            count.refused += 1
            devices = ", ".join(read.others[user.pk])
            write(f"{name}: {devices} cannot come along: until they set up a factor here, the password alone lets in")
        return
    device = good.pop()
    try:
        spent = device.moved.spent_by(conf.now(), beside=(other.moved for other in good))
        factor.adopt(conf.key_of(user), device.moved.token, spent=spent, allow_weak=True)
    except InvalidInput as error:
        count.refused += 1
        write(f"{name}: {device.title}: {error}")
        return
    if not dry_run:
        models.expect(user, codes_shown=False)
    count.moved += 1
    left = ", ".join(other.title for other in good)
    write(f"{name}: {device.title}{f', and not {left}' if left else ''}")
    off = drift_told(device.moved.token, device.moved.drift, conf.policy().window)
    if off:
        write(f"{name}: {off}")


def _read(*, allow_weak: bool) -> _Read:
    kinds = [(label, name) for label, name in _KINDS if label in apps.app_configs]
    if not kinds:
        raise CommandError(
            "django-otp is not in INSTALLED_APPS: keep django_otp.plugins.otp_totp, and otp_hotp where it was in use, "
            "until this is done."
        )
    read, unconfirmed = _Read({}, {}, _others(), 0), 0
    for label, name in kinds:
        for row in map(Hidden, apps.get_model(label, name)._default_manager.order_by("pk").values().iterator()):
            user, title = row.value["user_id"], f"{name} {row.value['id']}"
            if not row.value["confirmed"]:
                unconfirmed += 1
                continue
            try:
                moved = from_django_otp(row.value)
            except (InvalidInput, TypeError) as error:
                read.bad.setdefault(user, []).append(f"{title}: {error}")
                continue
            if moved.token.secret.weak and not allow_weak:
                weak = f"{title}: its secret has fewer than 128 bits: set up anew, or pass --allow-weak"
                read.bad.setdefault(user, []).append(weak)
                continue
            used = row.value.get("last_used_at")
            when = used.timestamp() if used is not None else 0.0
            read.good.setdefault(user, []).append(_Device(title, moved, when, row.value["id"]))
    return read._replace(unconfirmed=unconfirmed)


def _others() -> dict[object, list[str]]:
    """Return the confirmed devices of every other kind, of whatever app."""
    found: dict[object, list[str]] = {}
    for model in apps.get_models():
        if _is_other(model):
            rows = model._default_manager.filter(confirmed=True).order_by("pk").values_list("user_id", "pk")
            for user, number in rows.iterator():
                found.setdefault(user, []).append(f"{model.__name__} {number}")
    return found


def _is_other(model: type[Model]) -> bool:
    bases = [(base.__module__, base.__name__) for base in model.__mro__]
    known = [apps.get_model(label, name) for label, name in _KINDS if label in apps.app_configs]
    return _BASE in bases and not model._meta.proxy and not issubclass(model, tuple(known))


def _rehearsal() -> TwoFactor:
    return TwoFactor(MemoryStore(), issuer=conf.issuer(), sealer=Plaintext(), clock=conf.now, audit=lambda _event: None)
