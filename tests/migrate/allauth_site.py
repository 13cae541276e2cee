"""A project with django-allauth: its authenticators, a log-in, and the rows that are left.

Rules of this file:

1. Its clock stands still: the module asks `time.time`, in whose place is another.
2. What is told is what its users could read: the rows by the names of their fields, and what a phone shows.
3. With arguments it is the `manage.py` of the project, whose database is then in the folder.
"""

import json
import sys
from datetime import datetime
from types import SimpleNamespace
from unittest.mock import patch

import django
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import call_command, execute_from_command_line

APPS = ["auth", "contenttypes", "sessions", "messages"]
ALLAUTH = ["allauth", "allauth.account", "allauth.mfa"]


def project(database: str, *, sealed_with: str = "", **numbers: int) -> None:
    """Configure it, with settings `MFA_TOTP_…`, and an adapter that encrypts where there is a key."""
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        INSTALLED_APPS=[*(f"django.contrib.{app}" for app in APPS), *ALLAUTH],
        MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
        MFA_SUPPORTED_TYPES=["totp", "webauthn", "recovery_codes"],
        MFA_ADAPTER=f"{__name__}.Sealing" if sealed_with else "allauth.mfa.adapter.DefaultMFAAdapter",
        SECRET_KEY="of a project that ends with this process",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
        **{f"MFA_TOTP_{name.upper()}": number for name, number in numbers.items()},
    )
    django.setup()


def main(*, now: int, secret: str, sealed_with: str, database: str = ":memory:", **numbers: int) -> dict[str, object]:
    """Do it, and return what there is afterwards."""
    project(database, sealed_with=sealed_with, **numbers)
    call_command("migrate", verbosity=0)
    from allauth.mfa.adapter import DefaultMFAAdapter
    from allauth.mfa.models import Authenticator
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal import auth
    from django.contrib.auth.models import User
    from django.core.cache import cache

    class Sealing(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
        """An adapter that encrypts, as allauth's documentation has it."""

        def encrypt(self, text: str) -> str:
            return Fernet(sealed_with).encrypt(text.encode()).decode()

        def decrypt(self, encrypted_text: str) -> str:
            return Fernet(sealed_with).decrypt(encrypted_text.encode()).decode()

    setattr(sys.modules[__name__], Sealing.__name__, Sealing)
    user = User.objects.create(username="alice")
    wrapped, codes = auth.TOTP.activate(user, secret), RecoveryCodes.activate(user)
    Authenticator.objects.create(user=user, type="webauthn", data={"name": "key", "credential": {}})
    patch.object(auth, "time", SimpleNamespace(time=lambda: float(now))).start()
    counter = now // numbers["period"]
    shown = [auth.format_hotp_value(auth.hotp_value(secret, counter + step)) for step in range(100)]
    ahead = shown[numbers["tolerance"]]
    told = {"accepted": [wrapped.validate_code(shown[0]), wrapped.validate_code(ahead) or ahead == shown[0]]}
    wrapped.instance.record_usage()
    told["again"] = [wrapped.validate_code(shown[0]), wrapped.validate_code(ahead)]
    cache.clear()  # as a restart does, with the cache that Django has where nobody sets another
    told["once forgotten"] = [wrapped.validate_code(shown[0]), wrapped.validate_code(ahead)]
    rows = [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
        for row in Authenticator.objects.order_by("pk").values()
    ]
    return {**told, "rows": rows, "codes": shown, "ahead": ahead, "recovery codes": codes.get_unused_codes()}


if __name__ == "__main__" and sys.argv[1:]:
    project("site.sqlite3")
    execute_from_command_line(sys.argv)
elif __name__ == "__main__":
    sys.stdout.write(json.dumps(main(**json.load(sys.stdin))))
