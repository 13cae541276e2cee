"""Delete, look at and reset people on a site whose users are numbers, and where some are more than users."""

import io
import re
import sys
from pathlib import Path

import django
from django.conf import settings

FOLDER, NOW, PASSWORD = Path(sys.argv[1]), 1_800_000_000, "correct horse"

settings.configure(
    ALLOWED_HOSTS=["testserver"],
    AUTH_USER_MODEL="numbered_users.Person",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "db.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        *(
            f"django.contrib.{name}"
            for name in ("admin", "auth", "contenttypes", "messages", "sessions", "staticfiles")
        ),
        "totpcore.django",
        "numbered_users",
    ],
    LANGUAGE_CODE="de",
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    MIGRATION_MODULES=dict.fromkeys(("admin", "totpcore_django")),  # their users have no migrations either
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF="numbered_users.urls",
    SECRET_KEY="of no use",
    STATIC_URL="static/",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    TOTPCORE_CLOCK=lambda: NOW,
    TOTPCORE_ENFORCEMENT="off",
    TOTPCORE_ISSUER="ACME",
    TOTPCORE_KEYS="2026:" + "A" * 42 + "E",
    USE_THOUSAND_SEPARATOR=True,
)
django.setup()


def main() -> None:
    """Walk, and say how far that came."""
    from django.core.management import call_command
    from django.test import Client

    from totpcore import TOTP, Secret
    from totpcore.django.conf import key_of, two_factor
    from totpcore.django.models import expect
    from totpcore.stores.django import DjangoStore

    from .models import Clerk, Courier, Manager, Person

    call_command("migrate", verbosity=0, run_syncdb=True)
    DjangoStore().create_table()
    factor = two_factor()

    def enrol(user: Person) -> None:
        factor.adopt(key_of(user), TOTP(Secret.generate()), spent=-1)
        expect(user, codes_shown=True)

    def is_on(key: str) -> bool:
        return factor.status(key).code_required

    def command(*words: str) -> str:
        out = io.StringIO()
        call_command("totpcore", *words, stdout=out)
        return out.getvalue()

    root = Person.objects.create(number=1000, is_superuser=True)
    root.set_password(PASSWORD)
    root.save()
    ada = Person.objects.create(number=2000)
    enrol(ada)

    # A child's primary key is somebody else's.
    first, second = (Courier.objects.create(number=number) for number in (3000, 4000))
    assert (first.pk, second.pk) == (root.pk, ada.pk) == (1, 2)
    assert [key_of(first), key_of(second)] == ["3", "4"]
    enrol(second)
    second.delete()
    assert is_on(key_of(ada))
    assert not is_on("4"), "who goes with the child leaves no record"

    # A user who stays keeps the second factor; one who is deleted by another name does not.
    clerk = Clerk.objects.create(number=5000)
    enrol(clerk)
    clerk.delete(keep_parents=True)
    assert is_on(key_of(Person.objects.get(number=5000)))
    Manager.objects.get(number=5000).delete()
    assert not Person.objects.filter(number=5000).exists()
    assert list(DjangoStore().users()) == [key_of(ada)]

    # The admin and the commands show numbers as they are.
    browser = Client()
    browser.force_login(root)
    enrol(first)
    assert b'class="field-second_factor">an<' in browser.get("/admin/numbered_users/courier/").content
    for choice, shown in (("yes", 1), ("no", 0)):
        page = browser.get("/admin/numbered_users/courier/", {"second_factor": choice}).content.decode()
        assert page.count("field-second_factor") == shown, choice
    assert command("users").splitlines()[2].split()[:2] == ["2000", "on"]
    assert "2000" in command("status", "2000")
    reset = f"/admin/numbered_users/person/reset-second-factor/?user={ada.pk}"
    assert b"<li>2000</li>" in browser.get(reset).content
    done = browser.post(reset, {"reason": "lost", "own_password": PASSWORD, "new_password": "on"}).content.decode()
    assert re.search(r'<th scope="row">2000</th>\s*<td><code class="new-password"', done)
    assert not is_on(key_of(ada))
    assert "manage.py changepassword 3000" in command("reset", "3000", "--actor", "root", "--reason", "lost", "--yes")
    assert not is_on(key_of(first))
    sys.stdout.write("walked\n")


if __name__ == "__main__":
    main()
