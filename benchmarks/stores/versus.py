"""Beside django-otp: a whole log-in by `TOTPDevice.verify_token`, with throttling, on the same servers.

The device is loaded with `select_for_update` in a transaction, as `django_otp.verify_token` does. On SQLite, which
has no such lock, the transaction is an IMMEDIATE one: a deferred one would fail as soon as two log in at once. Its
clock is set by hand, as totpcore's is; nothing else of it is touched.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from types import SimpleNamespace
from typing import Final
from unittest.mock import patch

from totpcore import Plaintext

from ..crews import Step, Threads, crew_of, take_turns
from ..report import Row, Table
from ..steps import SECRET, Hand, LogIn, put, record, records
from .effort import Effort
from .grounds import Ground

CLIENTS: Final = (1, 8, 32)
CONTENDERS: Final = ("DjangoStore", "the store without Django")
TARGET: Final = 1.0
_USERS: Final = 1_000
_now = threading.local()


def table() -> Table:
    """Return the table, without rows."""
    return Table(
        title="Beside django-otp",
        about="A whole log-in by `TOTPDevice.verify_token` with throttling, in `transaction.atomic` with "
        "`select_for_update`, and by `TwoFactor.verify` with `Plaintext`, as django-otp encrypts nothing. The ratio is "
        "that of totpcore's speed to django-otp's in the same round.",
        base="django-otp",
    )


def name_of(ground: Ground, clients: int, contender: str) -> str:
    """Return the name of a row."""
    return f"{ground.name}, {crew_of(clients, 'threads')}: {contender}"


def set_up(grounds: Iterable[Ground]) -> None:
    """Configure Django, once in a process, with a database on each of the grounds that Django knows."""
    import django
    from django.conf import settings
    from django.core.management import call_command

    databases = {ground.key: ground.django() for ground in grounds if ground.with_django}
    settings.configure(
        DATABASES={"default": {}, **databases},
        INSTALLED_APPS=[
            "django.contrib.contenttypes", "django.contrib.auth", "django_otp", "django_otp.plugins.otp_totp",
        ],
        USE_TZ=True,
    )  # fmt: skip
    django.setup()
    for alias in databases:
        call_command("migrate", database=alias, verbosity=0)
    # Its module asks `time.time()`; each client has a clock of its own.
    patch("django_otp.plugins.otp_totp.models.time", SimpleNamespace(time=lambda: float(_now.clock()))).start()


def rows(ground: Ground, effort: Effort) -> Iterator[Row]:
    """Measure on a ground."""
    from django.db import connections

    from totpcore.stores.django import DjangoStore

    in_django, place = DjangoStore(ground.key, create=True), ground.place(_USERS, record())
    devices = _devices(ground.key)
    for clients in CLIENTS:
        users, own, devices = [f"versus {number}" for number in range(clients)], devices[:clients], devices[clients:]
        with Threads(clients) as crew, ExitStack() as opened:
            opened.callback(crew.each, connections.close_all)
            store = opened.enter_context(closing(place.store(clients)))
            steps: list[Sequence[Step]] = [[_OtpLogIn(ground.key, device) for device in own]]
            for each in (in_django, store):
                put(each, records(users, Plaintext()))
                steps.append([LogIn(each, user, Plaintext(), Hand()) for user in users])
            base, *all_ours = take_turns([partial(crew.rate, each, effort.seconds) for each in steps], effort.rounds)
        for contender, ours in zip(CONTENDERS, all_ours, strict=True):
            name = name_of(ground, clients, contender)
            yield Row.of_rates(name, ours, base, clients=clients, at_least=TARGET)
    connections.close_all()


class _OtpLogIn:
    """A whole log-in by django-otp."""

    __slots__ = ("_alias", "_atomic", "_device", "_hand", "_of")

    def __init__(self, alias: str, device: int) -> None:
        from django.db import transaction
        from django_otp.plugins.otp_totp.models import TOTPDevice

        self._alias, self._device, self._hand = alias, device, Hand()
        self._atomic = partial(transaction.atomic, using=alias)
        self._of = TOTPDevice.objects.using(alias).select_for_update

    def __call__(self) -> None:
        code = self._hand.fresh()
        _now.clock = self._hand.clock
        with self._atomic():
            if self._of().get(pk=self._device).verify_token(code) is not True:
                raise RuntimeError("django-otp refused")


def _devices(alias: str) -> list[int]:
    """Give so many users a device each, and return the keys of the devices."""
    from django.contrib.auth.models import User
    from django_otp.plugins.otp_totp.models import TOTPDevice

    users = User.objects.using(alias).bulk_create([User(username=f"user {number}") for number in range(_USERS)])
    made = [TOTPDevice(user=user, name="phone", key=SECRET.reveal().hex()) for user in users]
    return [device.pk for device in TOTPDevice.objects.using(alias).bulk_create(made)]
