"""Where a visitor goes next.

Rules of this file:

1. To an address that came with the request only if it is one of this very site.
2. To log in: where the settings say, and at the admin's page where they say nothing that is there.
"""

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme


def wanted(request: HttpRequest) -> str:
    """Return the address of this site that the request says to go on to; empty if it says none."""
    given = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    fine = url_has_allowed_host_and_scheme(given, {request.get_host()}, require_https=request.is_secure())
    return given if fine else ""


def onward(request: HttpRequest, user: AbstractBaseUser) -> HttpResponseRedirect:
    """Return the way to where somebody wanted to go who is let in now."""
    home = _there(settings.LOGIN_REDIRECT_URL)
    if home is None and getattr(user, "is_staff", False):
        home = _there("admin:index")
    return HttpResponseRedirect(wanted(request) or home or reverse("totpcore:overview"))


def to_log_in(request: HttpRequest, next_page: str | None = None) -> HttpResponseRedirect:
    """Return the way to the log-in page, and from there to `next_page`, or back.

    Raises:
        PermissionDenied: If the site has no such page.
    """
    found = _there(settings.LOGIN_URL) or _there("admin:login")
    if found is None:
        raise PermissionDenied
    return redirect_to_login(request.get_full_path() if next_page is None else next_page, found)


def _there(choice: str | None) -> str | None:
    """Return the address of a view, a name or an address, if it leads anywhere."""
    if not choice:
        return None
    try:
        address = resolve_url(choice)
        parts = urlsplit(address)
        if not parts.netloc:
            resolve("/" + parts.path.removeprefix(get_script_prefix()).lstrip("/"))
    except (NoReverseMatch, Resolver404, ValueError):
        return None
    return address
