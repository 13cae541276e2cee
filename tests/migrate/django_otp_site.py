"""A project with django-otp: its devices, a log-in with each, and the rows that are left.

Rules of this file:

1. Its clock stands still, as the tests of the comparison have it: the module asks `time.time`.
2. What is told is what its users could read: the rows by the names of their fields, and what a phone shows.
3. With arguments it is the `manage.py` of the project, whose database is then in the folder.
"""

import json
import sys
from datetime import datetime
from types import SimpleNamespace
from unittest.mock import patch

import django
from django.conf import settings
from django.core.management import call_command, execute_from_command_line
from django.db.models import Model

APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_otp"]
PLUGINS = ["totp", "hotp", "static"]


def project(database: str) -> None:
    """Configure it."""
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        INSTALLED_APPS=[*APPS, *(f"django_otp.plugins.otp_{name}" for name in PLUGINS)],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
    )
    django.setup()


def main(*, now: int, key: str, database: str = ":memory:") -> dict[str, object]:
    """Do it, and return what there is afterwards."""
    project(database)
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User
    from django_otp.oath import hotp
    from django_otp.plugins.otp_hotp.models import HOTPDevice
    from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
    from django_otp.plugins.otp_totp.models import TOTPDevice

    patch("django_otp.plugins.otp_totp.models.time", SimpleNamespace(time=lambda: float(now))).start()
    user = User.objects.create(username="alice")
    raw = bytes.fromhex(key)
    shown = [f"{hotp(raw, now // 30 + step):06d}" for step in range(100)]
    counted = [f"{hotp(raw, counter):06d}" for counter in range(100)]
    time_based = TOTPDevice.objects.create(user=user, name="phone", key=key)
    counter_based = HOTPDevice.objects.create(user=user, name="card", key=key)
    static = StaticDevice.objects.create(user=user, name="backup")
    static.token_set.add(StaticToken(token=StaticToken.random_token()), bulk=False)
    token = static.token_set.get().token
    return {
        "HOTPDevice": {
            "accepted": counter_based.verify_token(counted[3]),
            "again": counter_based.verify_token(counted[3]),
            "row": row_of(counter_based),
            "code": counted[3],
            "next": counted[4],
            "codes": counted,
        },
        "TOTPDevice": {
            "accepted": time_based.verify_token(shown[0]),
            "again": time_based.verify_token(shown[0]),
            "row": row_of(time_based),
            "code": shown[0],
            "next": shown[1],
            "codes": shown,
        },
        "StaticDevice": {"row": row_of(static), "code": token},
        "unconfirmed": {"row": row_of(TOTPDevice.objects.create(user=user, name="new", key=key, confirmed=False))},
    }


def row_of(device: Model) -> dict[str, object]:
    """Return a device as its table has it."""
    row = type(device)._default_manager.filter(pk=device.pk).values().get()
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


if __name__ == "__main__" and sys.argv[1:]:
    project("site.sqlite3")
    execute_from_command_line(sys.argv)
elif __name__ == "__main__":
    sys.stdout.write(json.dumps(main(**json.load(sys.stdin))))
