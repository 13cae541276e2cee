"""A Django project with django-allauth: what people have set up there, written down by `manage.py dumpdata`.

    python tests/vectors/exports/dump_allauth.py 1800000000 > tests/vectors/exports/allauth.json

Rule 1. Everything is done by allauth and Django. Only the clock is set, and the secrets are always the same.
"""

import base64
import hashlib
import sys
from datetime import UTC, datetime
from unittest.mock import patch

import django
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

APPS = ("auth", "contenttypes", "sessions", "messages")


def secret(number: int) -> str:
    """A secret that nobody uses, in base32."""
    return base64.b32encode(hashlib.shake_128(f"totpcore example {number}".encode()).digest(20)).decode()


def main(now: int) -> None:
    """Set authenticators up, and dump."""
    settings.configure(
        INSTALLED_APPS=[*(f"django.contrib.{app}" for app in APPS), "allauth", "allauth.account", "allauth.mfa"],
        MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
        MFA_SUPPORTED_TYPES=["totp", "webauthn", "recovery_codes"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        SECRET_KEY="of nobody",
        USE_TZ=True,
    )
    timezone.now = lambda: datetime.fromtimestamp(now, UTC)
    django.setup()
    call_command("migrate", verbosity=0)
    from allauth.mfa.models import Authenticator
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal.auth import TOTP
    from django.contrib.auth.models import User

    alice, bob, carol = (
        User.objects.create(pk=number, username=name) for number, name in enumerate(("alice", "bob", "carol"), 7)
    )
    # Alice has an app, codes on paper, and a key; Bob has an app that he has used; Carol has nothing but a key.
    TOTP.activate(alice, secret(1))
    with patch("secrets.token_hex", lambda length: "ab" * length):
        RecoveryCodes.activate(alice)
    Authenticator.objects.create(user=alice, type="webauthn", data={"name": "key", "credential": {}})
    TOTP.activate(bob, secret(2)).instance.record_usage()
    Authenticator.objects.create(user=carol, type="webauthn", data={"name": "key", "credential": {}})
    call_command("dumpdata", "mfa", indent=2)


if __name__ == "__main__":
    main(int(sys.argv[1]))
