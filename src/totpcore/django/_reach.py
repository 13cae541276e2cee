"""The table of who reaches what.

Rules of this file:

1. A half session reaches the code and the recovery code, one that is confined the set-up and the change of a password,
   both the explanation and log-out. What the table does not open is closed, and so is what does not exist.
2. Where a visitor without any session could go as well, they go as such a one: `request.user` is anonymous there.
3. A view is known by what it is, not by its address or its name: the admin's own are methods of an `AdminSite`, and a
   `ModelAdmin` may call a view of its own `logout` as well.
"""

from enum import StrEnum
from inspect import unwrap
from typing import Final

from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeDoneView, PasswordChangeView
from django.contrib.staticfiles.views import serve as serve_static
from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, resolve
from django.views.i18n import JavaScriptCatalog, JSONCatalog
from django.views.static import serve

from .session import Stage

NAMESPACE: Final = "totpcore"
EXEMPT: Final = "totpcore_second_factor_exempt"
FORM: Final = "totpcore_form"  # of a view: what is typed there is nobody's to see

_OURS: Final = {
    Stage.HALF: {"code", "recovery", "help", "logout"},
    Stage.CONFINED: {"overview", "setup", "confirm", "replace", "help", "logout"},
}
_THEIRS: Final = {Stage.HALF: {"logout"}, Stage.CONFINED: {"logout", "password_change", "password_change_done"}}
_CLASSES: Final[dict[Stage, tuple[type, ...]]] = {
    Stage.HALF: (LogoutView,),
    Stage.CONFINED: (LogoutView, PasswordChangeView, PasswordChangeDoneView),
}


class Reach(StrEnum):
    """Whether a view is reached, and as whom."""

    CLOSED = "closed"
    ANONYMOUS = "anonymous"
    OPEN = "open"


def match_of(request: HttpRequest) -> ResolverMatch | None:
    """Return which view a request is for, also before Django has asked; `None` if there is no such address."""
    if request.resolver_match is not None:
        return request.resolver_match
    try:
        return resolve(request.path_info, getattr(request, "urlconf", None))
    except Resolver404:
        return None


def is_form(match: ResolverMatch | None) -> bool:
    """Whether a view is one of this app to which codes or passwords are sent."""
    return match is not None and getattr(match.func, FORM, False) is True


def reach(request: HttpRequest, match: ResolverMatch | None, stage: Stage) -> Reach:
    """Return whether a session at this stage, `HALF` or `CONFINED`, reaches a view."""
    if match is None:
        return Reach.CLOSED
    if _is_ours(match):
        if match.url_name not in _OURS[stage]:
            return Reach.CLOSED
        return Reach.ANONYMOUS if stage is Stage.HALF else Reach.OPEN
    theirs = _name_in_admin(match)
    if theirs in _THEIRS[stage] or _is_view_of(match, *_CLASSES[stage]):
        return Reach.OPEN
    # Somebody who logs in in another tab does not type the code of the one who had logged in before.
    logs_in = theirs == "login" or _is_view_of(match, LoginView)
    catalogue = theirs == "i18n_javascript" or _is_view_of(match, JavaScriptCatalog, JSONCatalog)
    asset = catalogue or match.func in {serve, serve_static}
    if asset or (logs_in and request.method == "POST") or getattr(match.func, EXEMPT, False):
        return Reach.ANONYMOUS
    return Reach.CLOSED


def leaves(match: ResolverMatch | None) -> bool:
    """Whether a view is one that logs out."""
    if match is None:
        return False
    named = match.url_name if _is_ours(match) else _name_in_admin(match)
    return named == "logout" or _is_view_of(match, LogoutView)


def _is_ours(match: ResolverMatch) -> bool:
    return match.app_names[-1:] == [NAMESPACE]


def _name_in_admin(match: ResolverMatch) -> str:
    """Return which method of an `AdminSite` a view is, whatever is wrapped around it; empty if it is none."""
    view = unwrap(match.func, stop=lambda one: hasattr(one, "__self__"))
    # Not asked by class: where the admin is not installed, its classes cannot be imported.
    is_site = hasattr(getattr(view, "__self__", None), "admin_view")
    return str(getattr(view, "__name__", "")) if is_site else ""


def _is_view_of(match: ResolverMatch, *classes: type) -> bool:
    found: object = getattr(match.func, "view_class", None)
    return isinstance(found, type) and issubclass(found, classes)
