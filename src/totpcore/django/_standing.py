"""How the app stands in a project: what is in front of the middleware, and what goes by beside it.

Rules of this file:

1. Facts, for the system checks, which tell them.
2. Nothing is asked of a database or a server. Other people's modules are imported; what is wrong with one of them,
   Django tells when it makes its handler.
"""

from typing import Final

from django.apps import apps
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.backends import signed_cookies
from django.contrib.sessions.middleware import SessionMiddleware
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.module_loading import import_string

from .apps import MIDDLEWARE, says_who

_SESSIONS: Final = "django.contrib.sessions.middleware.SessionMiddleware"
# Django's own answer nothing private by themselves, and django-otp's says no more than whether its devices were used.
_HARMLESS: Final = ("django.", "django_otp.")
_BY_SESSION: Final = "rest_framework.authentication.SessionAuthentication"
_BY_DEFAULT: Final = ("rest_framework.authentication.BasicAuthentication",)  # beside sessions


def late() -> list[str]:
    """Return what the middleware has to stand behind, and does not."""
    return [name for name in _split()[1] if name == _SESSIONS or says_who(name)]


def missing_in_front() -> list[type]:
    """Return which of Django's two middlewares has neither itself nor a child in front of ours."""
    in_front = [_class_of(name) for name in _split()[0]]
    needed = (SessionMiddleware, AuthenticationMiddleware)
    return [one for one in needed if not any(issubclass(other, one) for other in in_front)]


def between() -> list[str]:
    """Return what stands behind those who say who a request is from, in front of ours, and may answer to anybody."""
    in_front = _split()[0]
    behind = max((place + 1 for place, name in enumerate(in_front) if says_who(name)), default=len(in_front))
    return [name for name in in_front[behind:] if not name.startswith(_HARMLESS)]


def ways_without_session() -> list[str]:
    """Return how Django REST framework lets in, other than by a session."""
    if not apps.is_installed("rest_framework"):
        return []
    given = getattr(settings, "REST_FRAMEWORK", None) or {}
    by_session, ways = _class_of(_BY_SESSION), list[str]()
    for way in given.get("DEFAULT_AUTHENTICATION_CLASSES", _BY_DEFAULT):
        found: object = _class_of(way) if isinstance(way, str) else way
        if not (isinstance(found, type) and issubclass(found, by_session)):
            ways.append(str(way))
    return ways


def keeps_sessions_in_cookies() -> bool:
    """Whether the sessions are all in their cookies."""
    return issubclass(_class_of(f"{settings.SESSION_ENGINE}.SessionStore"), signed_cookies.SessionStore)


def has_templates() -> bool:
    """Whether the templates of the pages are found."""
    try:
        get_template("totpcore/code.html")
    except TemplateDoesNotExist:
        return False
    return True


def _split() -> tuple[list[str], list[str]]:
    """Return what is listed in front of our middleware, and from it on."""
    listed = list(settings.MIDDLEWARE)
    place = listed.index(MIDDLEWARE)
    return listed[:place], listed[place:]


def _class_of(name: str) -> type:
    try:
        found: object = import_string(name)
    except Exception:  # noqa: BLE001  # rule 2
        return object
    return found if isinstance(found, type) else object
