"""The app, and what it does when the site starts.

Rules of this file:

1. The middleware is put behind Django's own where the settings do not list it: forgotten, there would be no second
   factor at all. Where it is listed, it stays where it is.
2. `settings.MIDDLEWARE` is read when a handler is made, after the apps are ready; in tests it may be overridden, and is
   seen to again.
3. A URL in `TOTPCORE_STORE` may hold a password. Django's page about an error, with `DEBUG`, shows each setting whose
   name does not say that it is secret; so it is put under a cover there.
"""

from typing import TYPE_CHECKING, Final

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.core import checks as django_checks
from django.core.signals import setting_changed
from django.db.models.signals import post_delete
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

MIDDLEWARE: Final = "totpcore.django.middleware.SecondFactorMiddleware"
# Those that say who a request is from: it has to be known, and nothing may answer in between.
AUTHENTICATING: Final = (
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.RemoteUserMiddleware",
    "django.contrib.auth.middleware.PersistentRemoteUserMiddleware",
)


class TotpcoreConfig(AppConfig):
    """`totpcore.django` in `INSTALLED_APPS`."""

    name = "totpcore.django"
    label = "totpcore_django"
    verbose_name: "_StrOrPromise" = _("Second factor")

    def ready(self) -> None:
        """Connect the parts."""
        from . import checks, conf, receivers, session  # noqa: PLC0415  # models come first

        put_middleware(setting="MIDDLEWARE")
        cover_store(setting="TOTPCORE_STORE")
        setting_changed.connect(put_middleware, dispatch_uid=f"{self.label}.middleware")
        setting_changed.connect(cover_store, dispatch_uid=f"{self.label}.store")
        setting_changed.connect(conf.forget_service, dispatch_uid=f"{self.label}.service")
        user_logged_in.connect(session.drop_marks, dispatch_uid=f"{self.label}.log-in")
        users = get_user_model()._meta.concrete_model
        for model in apps.get_models():
            # Proxies too: Django sends the signal for the class that was used. A child by multi-table inheritance is
            # none: its primary key may be another user's, and the user may stay. Who goes with it is told as well.
            if model._meta.concrete_model is users:
                post_delete.connect(receivers.user_deleted, sender=model, dispatch_uid=f"{self.label}.{model}")
        if apps.is_installed("django.contrib.admin"):
            from .admin import install  # noqa: PLC0415  # it loads the admin's models

            install()
        django_checks.register(checks.check, django_checks.Tags.security)
        django_checks.register(checks.check_deployment, django_checks.Tags.security, deploy=True)


def says_who(name: str) -> bool:
    """Whether a middleware inherits from one of Django's that say who a request is from. It is imported for that."""
    from django.contrib.auth import middleware  # noqa: PLC0415  # models come first

    try:
        found: object = import_string(name)
    except Exception:  # noqa: BLE001  # whatever it is, Django tells it when it makes its handler
        return False
    kinds = (middleware.AuthenticationMiddleware, middleware.RemoteUserMiddleware)
    return isinstance(found, type) and issubclass(found, kinds)


def put_middleware(*, setting: str, **_more: object) -> None:
    """Put the middleware in its place, where it is not listed."""
    listed = list(settings.MIDDLEWARE)
    if setting != "MIDDLEWARE" or MIDDLEWARE in listed:
        return
    # Other people's modules are imported, before all apps are ready, only where Django's own are not listed.
    who = [name for name in listed if name in AUTHENTICATING] or [name for name in listed if says_who(name)]
    behind = max((place + 1 for place, name in enumerate(listed) if name in who), default=len(listed))
    settings.MIDDLEWARE = [*listed[:behind], MIDDLEWARE, *listed[behind:]]


class CoveredURL(str):
    """A URL that is shown nowhere by accident."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<CoveredURL: hidden>"


def cover_store(*, setting: str, **_more: object) -> None:
    """Cover the URL of the store, where one is set."""
    given: object = getattr(settings, "TOTPCORE_STORE", None)
    if setting == "TOTPCORE_STORE" and type(given) is str:
        settings.TOTPCORE_STORE = CoveredURL(given)
