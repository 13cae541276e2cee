"""What is wrong with the settings, told before the site starts.

Rules of this file:

1. Each message names the setting, each hint says what to write there. None shows what stands there: it may be a key.
2. Nothing is asked of a database or a server.
"""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # as Django has it
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, reverse

from ..sealing import Plaintext
from ..stores import MemoryStore
from . import _standing as standing
from . import conf
from .apps import AUTHENTICATING, MIDDLEWARE

_KEY: Final = (
    "Where this site has run before, give it the key of then. For a new one run `python manage.py totpcore key`, put "
    'what it prints into the environment of the site, and write TOTPCORE_KEYS = os.environ["TOTPCORE_KEYS"]. Keep a '
    "copy where the backups of the database are not."
)
_RULE: Final = (
    'Write TOTPCORE_ENFORCEMENT = "encourage"; or "off", or "require"; or with a deadline in Unix seconds '
    "Enforcement(Rule.REQUIRE, deadline=1893456000), which are of totpcore. One with three digits more is in "
    "milliseconds: leave these out."
)
_STORE: Final = (
    "Leave TOTPCORE_STORE out to keep the records in the database of the site, or write a URL such as "
    '"redis://host:6379/0".'
)
_SESSIONS_ALONE: Final = (
    "They know no session, so nobody is asked for a code there. Write REST_FRAMEWORK = "
    '{"DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"]}; or give tokens out '
    "in views under second_factor_required alone, and silence totpcore.W007."
)
_TEMPLATES: Final = (
    'Let TEMPLATES have an engine whose "BACKEND" is "django.template.backends.django.DjangoTemplates", with '
    '"APP_DIRS": True.'
)
_CLOCK: Final = "Leave TOTPCORE_CLOCK out. It is for tests: a function that returns Unix seconds."


def check(**_given: object) -> list[CheckMessage]:
    """Return what is wrong."""
    return [*_values(), *_middleware(), *_surroundings(), *_sessions()]


def check_deployment(**_given: object) -> list[CheckMessage]:
    """Return what is wrong for a site in earnest: `manage.py check --deploy`."""
    found: list[CheckMessage] = []
    if isinstance(getattr(settings, "TOTPCORE_KEYS", None), Plaintext):
        message = "TOTPCORE_KEYS is Plaintext: whoever reads the database, or a backup, can make everybody's codes."
        found.append(Warning(message, hint=_KEY, id="totpcore.W003"))
    if _in_memory():
        message = "TOTPCORE_STORE is in memory: each worker has records of its own, and a restart loses them."
        found.append(Warning(message, hint=_STORE, id="totpcore.W005"))
    if getattr(settings, "TOTPCORE_CLOCK", None) is not None:
        message = "TOTPCORE_CLOCK is set: where it stands still, a code is good for ever."
        found.append(Warning(message, hint=_CLOCK, id="totpcore.W006"))
    return found


def _in_memory() -> bool:
    store: object = getattr(settings, "TOTPCORE_STORE", None)
    return isinstance(store, MemoryStore) or store == "memory:"


def _values() -> Iterator[CheckMessage]:
    asked: tuple[tuple[str, Callable[[], object], str], ...] = (
        ("E001", conf.issuer, 'Write TOTPCORE_ISSUER = "Example", the name of the site without a colon.'),
        ("E002", _keys, _KEY),
        ("E003", conf.enforcement, _RULE),
        ("E004", conf.database, "Leave TOTPCORE_DATABASE out, or write the name of a database of DATABASES."),
        ("E005", conf.where, _STORE),
        ("E006", conf.policy, "Leave TOTPCORE_POLICY out, or write totpcore.Policy(...)."),
        ("E007", conf.clock, _CLOCK),
    )
    for number, ask, hint in asked:
        try:
            ask()
        except ImproperlyConfigured as wrong:
            yield Error(str(wrong), hint=hint, id=f"totpcore.{number}")


def _keys() -> None:
    if _is_installed("cryptography") or not _are_keys():
        conf.sealer()


def _are_keys() -> bool:
    """Whether keys stand there, or a file of them, and not a sealer."""
    return isinstance(getattr(settings, "TOTPCORE_KEYS", ""), str | Path)


def _middleware() -> Iterator[CheckMessage]:
    if MIDDLEWARE not in settings.MIDDLEWARE:
        message = f"{MIDDLEWARE} is not in MIDDLEWARE: nobody is asked for a code."
        yield Error(message, hint=f"Add it right behind {AUTHENTICATING[0]}.", id="totpcore.E008")
        return
    late = standing.late()
    for name in late:
        yield Error(
            f"{MIDDLEWARE} stands in front of {name} in MIDDLEWARE.",
            hint=f"Move it behind {name}; or take it out, and the app puts it in its place.",
            id="totpcore.E009",
        )
    if late or not getattr(settings, "ROOT_URLCONF", None):
        return
    for needed in standing.missing_in_front():
        yield Warning(
            f"No {needed.__name__} stands in front of {MIDDLEWARE} in MIDDLEWARE.",
            hint=f"Add {needed.__module__}.{needed.__name__}, unless another one does its work.",
            id="totpcore.W004",
        )
    between = standing.between()
    if between:
        yield Warning(
            f"{', '.join(between)} in MIDDLEWARE may answer to somebody who has not given the code yet.",
            hint=f"Move {MIDDLEWARE} in front, or take it out, and the app puts it in its place. Where the others "
            "never answer by themselves, silence totpcore.W008.",
            id="totpcore.W008",
        )


def _surroundings() -> Iterator[CheckMessage]:
    if getattr(settings, "ROOT_URLCONF", None):  # a project of workers alone has none
        try:
            reverse("totpcore:overview")
        except NoReverseMatch:
            yield Error(
                "The pages of the second factor have no addresses.",
                hint='Write path("2fa/", include("totpcore.django.urls")) into the urlpatterns of your urls.py.',
                id="totpcore.E010",
            )
        if not standing.has_templates():
            message = "The pages of the second factor cannot be shown: their templates are not found."
            yield Error(message, hint=_TEMPLATES, id="totpcore.E012")
    if not _is_installed("cryptography") and _are_keys():
        hint = 'Run pip install "totpcore[django]".'
        yield Error("cryptography is not installed: records cannot be encrypted.", hint=hint, id="totpcore.E011")
    if not _is_installed("segno"):
        hint = 'Run pip install "totpcore[django]".'
        yield Warning("segno is not installed: set-up shows no QR code.", hint=hint, id="totpcore.W001")


def _sessions() -> Iterator[CheckMessage]:
    if standing.keeps_sessions_in_cookies():
        yield Warning(
            "Sessions are kept in cookies: one that was copied goes on after its owner has logged out.",
            hint='Write SESSION_ENGINE = "django.contrib.sessions.backends.db".',
            id="totpcore.W002",
        )
    ways = standing.ways_without_session()
    if ways:
        message = f"Django REST framework lets in by {', '.join(ways)}."
        yield Warning(message, hint=_SESSIONS_ALONE, id="totpcore.W007")


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
