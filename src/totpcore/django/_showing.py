"""What the admin of the users shows of second factors: a column, a filter, a field. Nothing is changed here.

Rules of this file:

1. A page of the list costs one `load_many`, however many users stand on it.
2. One bad record hides nobody: it is a word in the column.
3. Recovery codes that nobody has seen are none that somebody could use.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from ..answers import State, Status
from ..errors import RecordUnreadable
from ._entry import own_page
from ._people import is_same
from .conf import key_of, two_factor
from .models import Expectation, unseen_codes

if TYPE_CHECKING:
    from django.contrib.admin.options import _FieldsetSpec, _ListFilterT
    from django.utils.functional import _StrOrPromise

    _UsersAdmin = admin.ModelAdmin[AbstractBaseUser]
else:
    _UsersAdmin = admin.ModelAdmin  # it is generic in the stubs alone

T = TypeVar("T")

_COLUMN: Final = "second_factor"
_FIELD: Final = "second_factor_details"
_SEEN: Final = "_totpcore_seen"  # of a user whose record was loaded with those of the page
_LINK: Final = "_totpcore_link"  # of a user who is shown to somebody: where that somebody may go from there

_WORDS: Final = {
    State.OFF: gettext_lazy("off"),
    State.PENDING: gettext_lazy("being set up"),
    State.ON: gettext_lazy("on"),
    State.LOCKED: gettext_lazy("locked"),
}


class _Seen(NamedTuple):
    """What there is to show of a user."""

    status: Status | RecordUnreadable
    unseen: bool  # nobody has seen the recovery codes


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
        # By the key of the users: a model that inherits from theirs may have a primary key of its own.
        having = {f"{get_user_model()._meta.pk.name}__in": Expectation.objects.values("pk")}
        return queryset.filter(**having) if self.value() == "yes" else queryset.exclude(**having)


class ShowsSecondFactor(_UsersAdmin):
    """The part of the mixin that shows."""

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
            users = {key_of(user): user for user in listed.result_list}
            for key, seen in _seen(users).items():
                setattr(users[key], _SEEN, seen)
        return listed

    @admin.display(description=gettext_lazy("2FA"))
    def second_factor(self, user: AbstractBaseUser) -> str:
        """Return the word of the column."""
        status, unseen = _seen_of(user)
        if isinstance(status, RecordUnreadable):
            return gettext("unreadable")
        if unseen and status.code_required:
            return gettext("%(state)s, no codes yet") % {"state": _WORDS[status.state]}
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
            setattr(user, _LINK, self.second_factor_link(request, user))
        return user

    @admin.display(description=gettext_lazy("Second factor"))
    def second_factor_details(self, user: AbstractBaseUser) -> SafeString:
        """Return the content of the field: the state, the recovery codes left, since when, and a link."""
        status, unseen = _seen_of(user)
        address, other = getattr(user, _LINK, ("", False))
        label = gettext("Manage")
        if other:
            label = gettext("Reset")
        elif isinstance(status, Status) and not status.code_required:
            label = gettext("Enable")
        link = format_html('<p><a class="button" href="{}">{}</a></p>', address, label) if address else ""
        return format_html("<p>{}</p>{}", _sentence(status, unseen=unseen), link)

    def second_factor_link(self, request: HttpRequest, user: AbstractBaseUser) -> tuple[str, bool]:
        """Return where somebody may go from a user's form, and whether that is a reset; empty if nowhere."""
        return (own_page(request) if is_same(user, request.user) else ""), False


def _with(added: T, given: Iterable[T]) -> list[T]:
    there = list(given)
    return there if added in there else [*there, added]


def _seen(users: Iterable[str]) -> dict[str, _Seen]:
    wanted = list(users)
    unseen = unseen_codes(wanted)
    return {user: _Seen(status, user in unseen) for user, status in two_factor().statuses(wanted).items()}


def _seen_of(user: AbstractBaseUser) -> _Seen:
    loaded: _Seen | None = getattr(user, _SEEN, None)
    return _seen([key_of(user)])[key_of(user)] if loaded is None else loaded


def _codes_left(status: Status) -> str:
    left = status.codes_left
    return ngettext("%(count)d recovery code left", "%(count)d recovery codes left", left) % {"count": left}


def _sentence(status: Status | RecordUnreadable, *, unseen: bool) -> str:
    if isinstance(status, RecordUnreadable):
        return gettext("unreadable: log-in is stopped until a reset")
    words = str(_WORDS[status.state])
    if not status.code_required or status.enrolled_at is None:
        return words
    since = datetime.fromtimestamp(status.enrolled_at, UTC)
    shown = date_format(timezone.localtime(since) if settings.USE_TZ else timezone.make_naive(since), "DATETIME_FORMAT")
    codes = gettext("no recovery codes yet") if unseen else _codes_left(status)
    parts = {"state": words, "since": shown, "codes": codes}
    return gettext("%(state)s since %(since)s, %(codes)s") % parts
