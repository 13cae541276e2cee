"""A Django project with django-otp: people log in there, and `manage.py dumpdata` writes down what it kept.

    python tests/vectors/exports/dump_django_otp.py 1800000000 > tests/vectors/exports/django-otp.json

Rule 1. Everything is done by django-otp and Django. Only the clock is set, and the keys are always the same.
"""

import hashlib
import sys
import time
from datetime import UTC, datetime
from typing import Protocol

import django
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

APPS = ("totp", "hotp", "static", "email")


def key(number: int, length: int = 20) -> str:
    """A key that nobody uses, in hexadecimal."""
    return hashlib.shake_128(f"totpcore example {number}".encode()).hexdigest(length)


class Shows(Protocol):
    """What django-otp computes codes with."""

    time: float

    def token(self) -> int:
        """Return the code of that time."""
        ...


def shown(phone: Shows, now: int) -> int:
    """Return the code that a phone shows."""
    phone.time = now
    return phone.token()


class Device(Protocol):
    """A device of django-otp."""

    def verify_token(self, token: object, /) -> bool:
        """Whether it is accepted; it is spent then."""
        ...


def log_in(device: Device, code: object) -> None:
    """Log in by a code, or end: also where asserts are off."""
    if not device.verify_token(code):
        sys.exit("django-otp has not accepted a code")


def main(now: int) -> None:
    """Set devices up, log in, and dump."""
    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django_otp",
            *(f"django_otp.plugins.otp_{app}" for app in APPS),
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        SECRET_KEY="of nobody",
        USE_TZ=True,
    )
    timezone.now = lambda: datetime.fromtimestamp(now, UTC)
    time.time = lambda: float(now)
    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User
    from django_otp.oath import TOTP, hotp
    from django_otp.plugins.otp_email.models import EmailDevice
    from django_otp.plugins.otp_hotp.models import HOTPDevice
    from django_otp.plugins.otp_static.models import StaticDevice
    from django_otp.plugins.otp_totp.models import TOTPDevice

    alice, bob, carol, dave, erin, frank, grace = (
        User.objects.create(pk=number, username=name)
        for number, name in enumerate(("alice", "bob", "carol", "dave", "erin", "frank", "grace"), 7)
    )
    # Alice has lost her first phone; the second one is used.
    TOTPDevice.objects.create(user=alice, name="old", key=key(1))
    phone = TOTPDevice.objects.create(user=alice, name="new", key=key(2, 32), digits=8, step=60)
    log_in(phone, shown(TOTP(phone.bin_key, 60, 0, 8), now))
    codes = StaticDevice.objects.create(user=alice, name="backup")
    codes.token_set.create(token="y4kq2m7w")
    # Bob has a token that counts.
    counts = HOTPDevice.objects.create(user=bob, name="token", key=key(3))
    log_in(counts, hotp(counts.bin_key, 5))
    # Carol's phone is two minutes ahead, which the server has learned over time.
    ahead = TOTPDevice.objects.create(user=carol, name="ahead", key=key(4), drift=4)
    log_in(ahead, shown(TOTP(ahead.bin_key, 30, 0, 6, 4), now))
    # Dave has a short key, Erin has only codes on paper, Frank gets a mail, and Grace never came to an end.
    TOTPDevice.objects.create(user=dave, name="short", key=key(5, 10))
    StaticDevice.objects.create(user=erin, name="backup")
    EmailDevice.objects.create(user=frank, name="mail", email="frank@example.com")
    TOTPDevice.objects.create(user=grace, name="begun", key=key(6), confirmed=False)
    call_command("dumpdata", *(f"otp_{app}" for app in APPS), indent=2)


if __name__ == "__main__":
    main(int(sys.argv[1]))
