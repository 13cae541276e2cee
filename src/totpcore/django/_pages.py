"""What all pages of the app share: how they are shown, guarded, and kept out of caches and error reports.

Rules of this file:

1. The admin's own look where the admin is there. Nothing of the admin but its look before the session is a full one.
2. Each page is fresh, in no frame, and stored nowhere. What was typed is in no error report, with `DEBUG` neither.
3. A request for a page is no transaction: what totpcore has stored stays, whatever becomes of the page.
"""

import logging
from collections.abc import Callable, ItemsView, Mapping
from datetime import UTC, datetime
from functools import wraps
from types import FrameType
from typing import Final

from django.apps import apps
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, resolve, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.debug import SafeExceptionReporterFilter
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from ..audit import LOGGER_NAME
from ..errors import RecordMissing, RecordUnreadable
from . import conf, session
from ._people import is_same
from ._reach import FORM
from ._request import set_user
from .session import Stage

View = Callable[[HttpRequest], HttpResponse]


class _ShowsNothing(SafeExceptionReporterFilter):
    """Of the request nothing that was typed, of the frames no variable. Django's own filter is off with `DEBUG`."""

    def is_active(self, request: HttpRequest | None) -> bool:  # noqa: ARG002  # as Django has it
        return True

    def get_traceback_frame_variables(
        self,
        request: HttpRequest | None,  # noqa: ARG002  # as Django has it
        tb_frame: FrameType,  # noqa: ARG002  # as Django has it
    ) -> ItemsView[str, object]:
        return dict[str, object]().items()


_SHOWS_NOTHING: Final = _ShowsNothing()


def hide(request: HttpRequest) -> None:
    """Keep what was typed out of the page and the mail about an error."""
    vars(request)["sensitive_post_parameters"] = "__ALL__"
    request.exception_reporter_filter = _SHOWS_NOTHING


def guarded(*methods: str) -> Callable[[View], View]:
    """Make a page of a view, for these methods."""

    def guard(view: View) -> View:
        @wraps(view)
        def page(request: HttpRequest) -> HttpResponse:
            hide(request)
            response = checked(request)
            add_never_cache_headers(response)
            response["Referrer-Policy"] = "same-origin"
            response["X-Frame-Options"] = "DENY"
            return response

        setattr(page, FORM, True)
        checked = csrf_protect(require_http_methods(methods)(view))
        for alias in settings.DATABASES:
            page = transaction.non_atomic_requests(using=alias)(page)
        return login_not_required(page)  # each asks for itself, and the code page is for those who are half logged in

    return guard


def show(
    request: HttpRequest,
    template: str,
    context: Mapping[str, object],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    bare: bool = False,
) -> HttpResponse:
    """Return a page; `bare` without ways to leave it, where it shows what is shown once."""
    known = session.SecondFactor() if bare else session.of(request)
    given = {**_look(request, known.stage), "second_factor": known, "period": conf.policy().period, **context}
    response = render(request, f"totpcore/{template}.html", given, status=status)
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def _look(request: HttpRequest, stage: Stage) -> dict[str, object]:
    """Return what the template above all pages needs."""
    if not apps.is_installed("django.contrib.admin"):
        return {"look": "totpcore/plain.html"}
    try:
        index = resolve(reverse("admin:index"))
    except NoReverseMatch:
        return {"look": "totpcore/plain.html"}
    from django.contrib import admin  # noqa: PLC0415  # only where it is installed

    site: admin.AdminSite = getattr(index.func, "admin_site", admin.site)
    if stage is Stage.FULL and site.has_permission(request):
        return {**site.each_context(request), "look": "admin/base_site.html"}
    return {"site_title": site.site_title, "site_header": site.site_header, "look": "admin/base_site.html"}


def stopped(request: HttpRequest, trouble: Exception) -> HttpResponse:
    """Return the page that nobody is let in, and write why to the log."""
    logging.getLogger(LOGGER_NAME).error("log-in is stopped: %s: %s", type(trouble).__name__, trouble)
    hide(request)  # an error page is mailed with what was typed, and the view that would have covered that never ran
    set_user(request, AnonymousUser())
    session.settle(request, session.SecondFactor())
    lost = isinstance(trouble, RecordMissing | RecordUnreadable)
    title = _("Log-in is stopped") if lost else _("Try again later")
    response = show(request, "stopped", {"title": title, "lost": lost}, status=503)
    add_never_cache_headers(response)
    return response


def nudge(request: HttpRequest) -> None:
    """Ask for a second factor to be set up, once after each log-in."""
    user = session.of(request).user
    if user is None or not is_same(user, request.user):
        return
    if session.TOLD in request.session or not apps.is_installed("django.contrib.messages"):
        return
    request.session[session.TOLD] = True
    deadline = conf.enforcement_for(user).deadline
    text = _("Please protect your account with a second factor.")
    if deadline is not None:
        day = date_format(localtime(datetime.fromtimestamp(deadline, UTC)), "DATETIME_FORMAT")
        text = _("Please protect your account with a second factor: from %(day)s on it is required.") % {"day": day}
    link = format_html('{} <a href="{}">{}</a>', text, reverse("totpcore:overview"), _("Set it up now"))
    tell(request, messages.WARNING, link)


def tell(request: HttpRequest, level: int, text: str) -> None:
    """Leave a message for the next page, where the site has messages."""
    messages.add_message(request, level, text, fail_silently=True)
