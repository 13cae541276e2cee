"""The second factor in the admin of the users: what it shows, and a reset; and how it gets there.

Rules of this file:

1. What a `ModelAdmin` of the application's own says stays as it is; this is added to it. Who uses the mixin by hand is
   left alone.
2. Whoever may change a user may reset their second factor, and a `ModelAdmin` may say otherwise: by one permission,
   which the action, the page, what it does and the link to it ask for alike.
"""

from collections.abc import Iterable
from typing import Final

from django.apps import apps
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.translation import gettext, gettext_lazy

from . import _resetting as resetting
from ._entry import YourSecondFactorAdmin
from ._people import is_same, name_of
from ._reach import FORM
from ._showing import ShowsSecondFactor
from .models import YourSecondFactor

_ACTION: Final = "reset_second_factor"


class SecondFactorUserAdmin(ShowsSecondFactor):
    """A mixin for the `ModelAdmin` of the users.

    Example:
        For an admin site of one's own; on `admin.site` it is in place by itself::

            @admin.register(User, site=my_site)
            class MyUserAdmin(SecondFactorUserAdmin, UserAdmin): ...

    Whoever may change a user may reset their second factor, which sets a new password too. To say otherwise, override
    `has_reset_second_factor_permission`.
    """

    def __init__(self, model: type[AbstractBaseUser], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        if self.actions is not None and _ACTION not in self.actions:  # `None` is an admin without actions
            vars(self)["actions"] = [*self.actions, _ACTION]

    def second_factor_link(self, request: HttpRequest, user: AbstractBaseUser) -> tuple[str, bool]:
        """Return the way to one's own page, or to the reset of somebody else where that is allowed."""
        if is_same(user, request.user):
            return super().second_factor_link(request, user)
        allowed = self.has_reset_second_factor_permission(request, user)
        allowed = allowed and resetting.obstacle(request.user, user) is None
        return (self._reset_address([user]) if allowed else ""), True

    def has_reset_second_factor_permission(self, request: HttpRequest, obj: AbstractBaseUser | None = None) -> bool:
        """Whether somebody may reset the second factor of a user, which sets a new password too, or of any at all."""
        return self.has_change_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks before a reset."""
        view = self.admin_site.admin_view(self.reset_second_factor_view)
        # Under ATOMIC_REQUESTS, what is raised afterwards would bring the old password back, and not the old factor.
        for alias in settings.DATABASES:
            view = transaction.non_atomic_requests(using=alias)(view)
        setattr(view, FORM, True)
        return [path("reset-second-factor/", view, name=self._reset_name()), *super().get_urls()]

    @admin.action(
        permissions=[_ACTION], description=gettext_lazy("Reset the second factor of selected %(verbose_name_plural)s")
    )
    def reset_second_factor(self, request: HttpRequest, queryset: "QuerySet[AbstractBaseUser]") -> HttpResponse | None:
        """Lead to the page that asks before a reset, with those of the selected who can be reset."""
        users = list(queryset[: resetting.MOST_AT_ONCE + 1])
        if len(users) > resetting.MOST_AT_ONCE:
            most = gettext("Please select at most %(count)d at once.") % {"count": resetting.MOST_AT_ONCE}
            self.message_user(request, most, messages.ERROR)
            return None
        allowed = []
        for user in users:
            obstacle = resetting.obstacle(request.user, user)
            if obstacle is None and self.has_reset_second_factor_permission(request, user):
                allowed.append(user)
            else:
                told = obstacle or gettext("You have no permission to reset this user.")
                self.message_user(request, f'"{name_of(user)}": {told}', messages.WARNING)
        return HttpResponseRedirect(self._reset_address(allowed)) if allowed else None

    def reset_second_factor_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a reason and one's own password, reset, and show what has to be handed over."""
        return resetting.answer(self, request)

    def _reset_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_reset_second_factor"

    def _reset_address(self, users: Iterable[AbstractBaseUser]) -> str:
        query = QueryDict(mutable=True)
        query.setlist("user", [str(user.pk) for user in users])
        return f"{reverse(f'{self.admin_site.name}:{self._reset_name()}')}?{query.urlencode()}"


def install(site: admin.AdminSite = admin.site) -> None:
    """Put the mixin on the registered admin of the users, and the entry *Your second factor* into the index.

    The app does so for `admin.site`, and leaves other sites alone.

    That is done when the site's addresses are made: then, wherever this app stands in `INSTALLED_APPS`, everybody's
    `admin.py` has been read, and a `ModelAdmin` that comes later has no page anyway.
    """
    if not apps.is_installed("django.contrib.admin"):
        return
    make_urls = site.get_urls
    if make_urls.__module__ == __name__:  # the apps were loaded anew, as in tests
        return

    def urls_with_second_factor() -> "list[URLPattern | URLResolver]":
        _put_on(site)
        return make_urls()

    site.get_urls = urls_with_second_factor  # type: ignore[method-assign]  # on this one site


def _put_on(site: admin.AdminSite) -> None:
    if not site.is_registered(YourSecondFactor):
        site.register(YourSecondFactor, YourSecondFactorAdmin)
    users = get_user_model()
    if not site.is_registered(users):
        return
    kind = type(site.get_model_admin(users))
    if not issubclass(kind, SecondFactorUserAdmin):
        site.unregister(users)
        site.register(users, type(kind.__name__, (SecondFactorUserAdmin, kind), {"__module__": kind.__module__}))
