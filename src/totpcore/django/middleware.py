"""The middleware that asks, on every request, how far its session has come.

Rules of this file:

1. It decides twice: before anything behind it may answer, also to an address that does not exist, and again at the
   view, for a log-in or other addresses that came in between.
2. A session that may not go on is sent to the page where it can, and a program that wants no page is told so.
3. Where it cannot decide, nobody is let in; out, everybody.
"""

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from ..errors import StoreError
from . import _body as body
from . import _pages as pages
from . import session
from ._reach import Reach, is_form, leaves, match_of, reach
from ._request import set_user
from .session import Stage


class SecondFactorMiddleware(MiddlewareMixin):
    """Confines sessions that are half open. It belongs behind `AuthenticationMiddleware`, and puts itself there."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Decide before anything behind this middleware may answer."""
        if not hasattr(request, "session") or not hasattr(request, "user"):
            raise ImproperlyConfigured(
                "SecondFactorMiddleware must stand behind SessionMiddleware and AuthenticationMiddleware in MIDDLEWARE"
            )
        if request.method == "POST" and is_form(match_of(request)):
            pages.hide(request)
            body.read(request)
        return self._confine(request)

    def process_view(
        self, request: HttpRequest, _view: Callable[..., object], _args: object, _kwargs: object
    ) -> HttpResponse | None:
        """Decide again, if somebody logged in since, or the addresses are others than they were."""
        refusal = self._confine(request)
        vars(request)["_totpcore_at_view"] = refusal is None
        if refusal is None and session.of(request).nudge:
            pages.nudge(request)
        return refusal

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Show why log-in is stopped, where a view met trouble with the store."""
        return pages.stopped(request, exception) if isinstance(exception, StoreError) else None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """After a log-in, let the five minutes of a half session begin."""
        if session.is_settled(request):
            return response
        # The view that logs somebody in answers for itself. Where there was none, as behind `RemoteUserMiddleware` at
        # an address that a later middleware answers, it is confined like any other.
        refusal = self._confine(request)
        return response if refusal is None or vars(request).get("_totpcore_at_view") else refusal

    def _confine(self, request: HttpRequest) -> HttpResponse | None:
        try:
            found = session.of(request)
        except StoreError as trouble:
            if not leaves(match_of(request)):
                return pages.stopped(request, trouble)
            session.settle(request, session.SecondFactor())
            return None
        if found.stage in {Stage.NONE, Stage.FULL}:
            return None
        way = reach(request, match_of(request), found.stage)
        if way is Reach.CLOSED:
            return _sent(request, found.stage)
        if way is Reach.ANONYMOUS:
            set_user(request, AnonymousUser())
        return None


def _sent(request: HttpRequest, stage: Stage) -> HttpResponse:
    """Return the way to where a session can go on."""
    response: HttpResponse
    if not request.accepts("text/html"):
        response = HttpResponseForbidden(_("A second factor is required."), content_type="text/plain; charset=utf-8")
    else:
        page = "totpcore:code" if stage is Stage.HALF else "totpcore:overview"
        address = reverse(page, urlconf=getattr(request, "urlconf", None))
        read = request.method in {"GET", "HEAD"}
        if read and stage is Stage.HALF:
            address += "?" + urlencode({"next": request.get_full_path()})
        response = HttpResponseRedirect(address)
        if not read:
            response.status_code = 303  # the page is read, whatever the method was
    add_never_cache_headers(response)
    return response
