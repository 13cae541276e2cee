"""A Django project for the tests: of `DjangoStore`, by an application of one model and a few views, and of the app.

Rule 1. Django's settings are made once in a process; each test puts databases, and what else it is about, in the place
of these.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.conf import settings
from django.db import connections
from psycopg.conninfo import conninfo_to_dict

from totpcore import Plaintext

Databases = dict[str, dict[str, object]]

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["testserver", "localhost"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "totpcore.django",
            "stores.django_project",
        ],
        LOGGING_CONFIG=None,
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF="stores.django_project.urls",
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
        TOTPCORE_ENFORCEMENT="off",
        TOTPCORE_ISSUER="ACME",
        TOTPCORE_KEYS=Plaintext(),
    )
    django.setup()


def on_sqlite(path: Path | str, **more: object) -> dict[str, object]:
    """Return the settings of an SQLite database."""
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": path, **more}


def on_postgres(conninfo: str, **more: object) -> dict[str, object]:
    """Return the settings of a PostgreSQL database."""
    parts = conninfo_to_dict(conninfo)
    where = {"NAME": parts["dbname"], "USER": parts["user"], "HOST": parts["host"], "PORT": str(parts["port"])}
    return {"ENGINE": "django.db.backends.postgresql", **where, **more}


@contextmanager
def application(*, tables: bool = True, **databases: dict[str, object]) -> Iterator[None]:
    """Let the application have these databases, with its tables in `default`, and close all in the end."""
    from .models import Note

    before = connections.settings
    _replace(connections.configure_settings(dict(databases)))
    try:
        if tables:
            with connections["default"].schema_editor() as editor:
                editor.create_model(Note)
        yield
    finally:
        _replace(before)


def _replace(databases: Databases) -> None:
    """Put other databases in the place of those that there are, which this thread closes."""
    for alias in list(connections):
        connection = connections[alias]
        connection.close()
        if connection.connection is not None:
            connection.connection.close()  # in memory, Django leaves it open
        del connections[alias]
    settings.DATABASES = databases
    connections.settings = databases
