"""Set up a second factor and log in with it, on a site with other users, two databases, and no admin."""

import sys
import time
from html import unescape
from pathlib import Path

import django
from django.conf import settings

FOLDER, CLOCK = Path(sys.argv[1]), [1_800_000_000]


def database(name: str) -> dict[str, object]:
    """The settings of an SQLite file."""
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / name, "ATOMIC_REQUESTS": True}


settings.configure(
    ALLOWED_HOSTS=["testserver"],
    AUTH_USER_MODEL="other_users.Person",
    DATABASES={"default": database("default.sqlite3"), "factors": database("factors.sqlite3")},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.staticfiles",
        "totpcore.django",
        "other_users",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    ROOT_URLCONF="other_users.urls",
    SECRET_KEY="of no use",
    STATIC_URL="static/",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    TOTPCORE_CLOCK=lambda: CLOCK[0],
    TOTPCORE_DATABASE="factors",
    TOTPCORE_ENFORCEMENT="require",
    TOTPCORE_ISSUER="ACME",
    TOTPCORE_KEYS="2026:" + "A" * 42 + "E",
)
django.setup()


def main() -> None:
    """Walk, and say how far that came."""
    from django.core.management import call_command
    from django.test import Client

    from totpcore.django.conf import two_factor
    from totpcore.stores.django import DjangoStore
    from totpcore.testing import Phone

    from .models import Person

    call_command("migrate", verbosity=0, run_syncdb=True)
    assert not (FOLDER / "default.totpcore.sqlite3").exists()
    call_command("migrate", verbosity=0, database="factors", run_syncdb=True)
    assert (FOLDER / "factors.totpcore.sqlite3").exists()
    call_command("check")

    person = Person.objects.create(email="alice@example.com")
    browser = Client()
    browser.force_login(person)
    assert browser.get("/members").content == b"alice@example.com"  # the rule is for staff, and here is none
    page = browser.post("/2fa/setup/").content.decode()
    phone = Phone.scan("otpauth:" + unescape(page.partition('href="otpauth:')[2].partition('"')[0]))
    assert phone.uri.account == "alice@example.com"
    assert browser.post("/2fa/confirm/", {"code": phone.code(CLOCK[0])}).content.count(b"<li><code>") == 10
    assert list(DjangoStore("factors").users()) == [str(person.pk)]

    CLOCK[0] += 60  # two steps: one in a million has the same code in the next, and spends both
    browser = Client()
    browser.force_login(person)
    assert browser.get("/members")["Location"] == "/2fa/code/?next=%2Fmembers"
    assert b"totpcore/plain.css" in browser.get("/2fa/code/").content
    near = {phone.code(CLOCK[0] + 30 * step) for step in (-1, 0, 1)}
    wrong = next(code for code in ("000000", "111111", "222222", "333333") if code not in near)
    assert browser.post("/2fa/code/", {"code": wrong}).status_code == 422
    assert browser.post("/2fa/code/", {"code": phone.code(CLOCK[0]), "next": "/members"})["Location"] == "/members"
    assert browser.get("/members").content == b"alice@example.com"
    assert two_factor().status(str(person.pk)).codes_left == 10
    person.delete()
    assert list(DjangoStore("factors").users()) == []
    sys.stdout.write(f"walked {time.strftime('%Y', time.gmtime(CLOCK[0]))}\n")


if __name__ == "__main__":
    main()
