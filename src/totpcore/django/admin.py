"""The second factor in the admin of the users: a column, a filter, a field, and a reset; and how it gets there.

Rules of this file:

1. What a `ModelAdmin` of the application's own says stays as it is; this is added to it. Who uses the mixin by hand is
   left alone.
2. A page of the list costs one `load_many`, however many users stand on it.
3. One bad record hides nobody: it is a word in the column, and can be reset like any other.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from django.apps import apps
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from ..answers import State, Status
from ..errors import RecordUnreadable
from . import _resetting as resetting
from ._entry import YourSecondFactorAdmin, own_page
from .conf import key_of, two_factor
from .models import Expectation, YourSecondFactor

if TYPE_CHECKING:
    from django.contrib.admin.options import _FieldsetSpec, _ListFilterT
    from django.utils.functional import _StrOrPromise

    _UsersAdmin = admin.ModelAdmin[AbstractBaseUser]
else:
    _UsersAdmin = admin.ModelAdmin  # it is generic in the stubs alone

T = TypeVar("T")

_COLUMN: Final = "second_factor"
_FIELD: Final = "second_factor_details"
_ACTION: Final = "reset_second_factor"
_STATUS: Final = "_totpcore_status"  # of a user whose record was loaded with those of the page
_LINK: Final = "_totpcore_link"  # of a user who is shown to somebody: where that somebody may go from there

_WORDS: Final = {
    State.OFF: gettext_lazy("off"),
    State.PENDING: gettext_lazy("being set up"),
    State.ON: gettext_lazy("on"),
    State.LOCKED: gettext_lazy("locked"),
}


class SecondFactorFilter(admin.SimpleListFilter):
    """Who is expected to have a second factor: a column of the database, which needs no record to be opened."""

    title: "_StrOrPromise" = gettext_lazy("2FA")
    parameter_name: str | None = "second_factor"

    def lookups(self, _request: HttpRequest, _model_admin: object) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("yes", gettext("has a second factor")), ("no", gettext("has none"))]

    def queryset(self, _request: HttpRequest, queryset: "QuerySet[AbstractBaseUser]") -> "QuerySet[AbstractBaseUser]":
        """Return those who were chosen."""
        if self.value() not in ("yes", "no"):
            return queryset
        having = Expectation.objects.values("pk")
        return queryset.filter(pk__in=having) if self.value() == "yes" else queryset.exclude(pk__in=having)


class SecondFactorUserAdmin(_UsersAdmin):
    """A mixin for the `ModelAdmin` of the users.

    Example:
        For an admin site of one's own; on `admin.site` it is in place by itself::

            @admin.register(User, site=my_site)
            class MyUserAdmin(SecondFactorUserAdmin, UserAdmin): ...
    """

    def __init__(self, model: type[AbstractBaseUser], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        if self.actions is not None and _ACTION not in self.actions:  # `None` is an admin without actions
            vars(self)["actions"] = [*self.actions, _ACTION]

    # ---- the list ----

    def get_list_display(self, request: HttpRequest) -> "list[str | Callable[[AbstractBaseUser], str | bool]]":
        """Add the column."""
        return _with(_COLUMN, super().get_list_display(request))

    def get_list_filter(self, request: HttpRequest) -> "list[_ListFilterT]":
        """Add the filter."""
        return _with(SecondFactorFilter, super().get_list_filter(request))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Load the records of the page at once."""
        listed = super().get_changelist_instance(request)
        if request.method != "POST":
            users = list(listed.result_list)
            statuses = two_factor().statuses([key_of(user) for user in users])
            for user in users:
                setattr(user, _STATUS, statuses[key_of(user)])
        return listed

    @admin.display(description=gettext_lazy("2FA"))
    def second_factor(self, user: AbstractBaseUser) -> str:
        """Return the word of the column."""
        status = _status_of(user)
        if isinstance(status, RecordUnreadable):
            return gettext("unreadable")
        if status.code_required and status.running_low:
            few = ngettext("%(state)s, %(count)d code left", "%(state)s, %(count)d codes left", status.codes_left)
            return few % {"state": _WORDS[status.state], "count": status.codes_left}
        return str(_WORDS[status.state])

    # ---- one user ----

    def get_readonly_fields(self, request: HttpRequest, obj: AbstractBaseUser | None = None) -> list[str]:
        """Add the field, unless the user is not there yet."""
        fields = super().get_readonly_fields(request, obj)
        return list(fields) if obj is None else _with(_FIELD, fields)

    def get_fieldsets(self, request: HttpRequest, obj: AbstractBaseUser | None = None) -> "_FieldsetSpec":
        """Add the field in a part of its own, unless it stands somewhere already."""
        fieldsets = list(super().get_fieldsets(request, obj))
        if obj is None or _FIELD in flatten_fieldsets(fieldsets):
            return fieldsets
        return [*fieldsets, (gettext("Two-factor authentication"), {"fields": (_FIELD,)})]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> AbstractBaseUser | None:
        """Remember with the user where the administrator may go from the form."""
        user = super().get_object(request, object_id, from_field)
        if user is not None:
            setattr(user, _LINK, self._link(request, user))
        return user

    @admin.display(description=gettext_lazy("Second factor"))
    def second_factor_details(self, user: AbstractBaseUser) -> SafeString:
        """Return the content of the field: the state, the recovery codes left, since when, and a link."""
        status = _status_of(user)
        address, other = getattr(user, _LINK, ("", False))
        label = gettext("Manage")
        if other:
            label = gettext("Reset")
        elif isinstance(status, Status) and not status.code_required:
            label = gettext("Enable")
        link = format_html('<p><a class="button" href="{}">{}</a></p>', address, label) if address else ""
        return format_html("<p>{}</p>{}", _sentence(status), link)

    def _link(self, request: HttpRequest, user: AbstractBaseUser) -> tuple[str, bool]:
        """Return an address, and whether it is for resetting somebody else; an empty address where none is open."""
        if user.pk == request.user.pk:
            return own_page(request), False
        allowed = self.has_change_permission(request, user) and resetting.obstacle(request.user, user) is None
        return (self._reset_address([user]) if allowed else ""), True

    # ---- the reset ----

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks before a reset."""
        view = self.admin_site.admin_view(self.reset_second_factor_view)
        # Under ATOMIC_REQUESTS, what is raised afterwards would bring the old password back, and not the old factor.
        for alias in settings.DATABASES:
            view = transaction.non_atomic_requests(using=alias)(view)
        return [path("reset-second-factor/", view, name=self._reset_name()), *super().get_urls()]

    @admin.action(
        permissions=["change"], description=gettext_lazy("Reset the second factor of selected %(verbose_name_plural)s")
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
            if obstacle is None and self.has_change_permission(request, user):
                allowed.append(user)
            else:
                told = obstacle or gettext("You have no permission to change this user.")
                self.message_user(request, f'"{user.get_username()}": {told}', messages.WARNING)
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


def _with(added: T, given: Iterable[T]) -> list[T]:
    there = list(given)
    return there if added in there else [*there, added]


def _status_of(user: AbstractBaseUser) -> Status | RecordUnreadable:
    loaded: Status | RecordUnreadable | None = getattr(user, _STATUS, None)
    return two_factor().statuses([key_of(user)])[key_of(user)] if loaded is None else loaded


def _codes_left(status: Status) -> str:
    left = status.codes_left
    return ngettext("%(count)d recovery code left", "%(count)d recovery codes left", left) % {"count": left}


def _sentence(status: Status | RecordUnreadable) -> str:
    if isinstance(status, RecordUnreadable):
        return gettext("unreadable: log-in is stopped until a reset")
    words = str(_WORDS[status.state])
    if not status.code_required or status.enrolled_at is None:
        return words
    since = datetime.fromtimestamp(status.enrolled_at, UTC)
    shown = date_format(timezone.localtime(since) if settings.USE_TZ else timezone.make_naive(since), "DATETIME_FORMAT")
    parts = {"state": words, "since": shown, "codes": _codes_left(status)}
    return gettext("%(state)s since %(since)s, %(codes)s") % parts
