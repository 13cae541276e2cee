"""What is needed to ask django-otp: its database, codes, and how its waits add up."""

import os
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import requires
from pathlib import Path
from typing import TYPE_CHECKING, Final

from totpcore import hotp

from .facts import KEY, STEP

if TYPE_CHECKING:
    from django_otp.plugins.otp_totp.models import TOTPDevice

APPS: Final = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_hotp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_email",
]
YEAR: Final = timedelta(days=365).total_seconds()


def code_now(offset: int = 0) -> str:
    """Return the code of the time step in which its clock stands."""
    return hotp(KEY, STEP + offset)


def waits(device: "TOTPDevice", failures: int) -> float:
    """Return the seconds that a device asks for after so many wrong codes in a row."""
    from django.utils import timezone

    device.throttling_failure_count = failures
    device.throttling_failure_timestamp = timezone.now()
    _allowed, more = device.verify_is_allowed()
    return float((more["locked_until"] - device.throttling_failure_timestamp).total_seconds())


def tries(wait: Callable[[int], float], seconds: float) -> int:
    """Return how many codes are looked at within so many seconds."""
    count, elapsed = 0, 0.0
    while elapsed < seconds:
        count += 1
        elapsed += wait(count)
    return count


def database(folder: Path) -> dict[str, object]:
    """Return the settings of the database: on the server of the environment, else in a file of the folder."""
    conninfo = os.environ.get("COMPARISON_POSTGRES")
    if conninfo is None:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "db.sqlite3", "OPTIONS": {"timeout": 60}}
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(conninfo)
    where = {"NAME": parts["dbname"], "USER": parts["user"], "HOST": parts["host"], "PORT": str(parts["port"])}
    return {"ENGINE": "django.db.backends.postgresql", **where}


def oldest_django(distribution: str) -> tuple[int, ...]:
    """Return the oldest Django that a distribution allows."""
    from packaging.requirements import Requirement

    found = next(each for line in requires(distribution) or () if (each := Requirement(line)).name.lower() == "django")
    return tuple(int(part) for specifier in found.specifier for part in specifier.version.split("."))
