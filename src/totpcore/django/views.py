"""The pages at the door: the code, the recovery code, the explanation, and log-out.

Rules of this file:

1. Nothing but a return of `verify` or `recover` makes a full session of a half one. A refusal is an exception.
2. The new session is tied to what held before the code was checked, so a reset that comes in between ends it.
3. A recovery code opens the set-up of another device to the session in which it was typed, and to no other.
"""

from functools import wraps

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from ..answers import Recovered, State
from ..errors import Refused
from . import _pages as pages
from . import _ways as ways
from . import conf, session
from ._own import OwnView, again, keep_expected
from .messages import LOCKED, codes_left, no_codes_left, running_low, unseen_codes, wrong_codes
from .models import expectation
from .session import Stage


def _half(view: OwnView) -> pages.View:
    """Make a page of a view for somebody who is half logged in. Everybody else is sent on."""

    @pages.guarded("GET", "HEAD", "POST")
    @wraps(view)
    def page(request: HttpRequest) -> HttpResponse:
        found = session.of(request)
        if found.user is None or found.stage is not Stage.HALF:
            return _not_here(request)
        return view(request, found.user, conf.key_of(found.user))

    return page


@_half
def code(request: HttpRequest, user: AbstractBaseUser, key: str) -> HttpResponse:
    """Ask for the code of the authenticator app."""
    factor = conf.two_factor()
    status = factor.status(key)
    page: dict[str, object] = {"title": _("Code of your app"), REDIRECT_FIELD_NAME: ways.wanted(request)}
    if request.method != "POST":
        return pages.show(request, "code", {**page, "locked": LOCKED if status.state is State.LOCKED else ""})
    try:
        accepted = factor.verify(key, request.POST.get("code", ""))
    except Refused as refusal:
        return again(request, "code", refusal, page)
    _let_in(request, user, status.generation, failures=accepted.failures_before, no_codes=not status.codes_left)
    return ways.onward(request, user)


@_half
def recovery(request: HttpRequest, user: AbstractBaseUser, key: str) -> HttpResponse:
    """Ask for a recovery code instead."""
    factor = conf.two_factor()
    generation = factor.status(key).generation
    page: dict[str, object] = {"title": _("Recovery code"), REDIRECT_FIELD_NAME: ways.wanted(request)}
    if request.method != "POST":
        return pages.show(request, "recovery", page)
    try:
        done = factor.recover(key, request.POST.get("code", ""))
    except Refused as refusal:
        return again(request, "recovery", refusal, page, recovery=True)
    _let_in(request, user, generation, failures=done.failures_before, recovered=done)
    pages.tell(request, messages.INFO, codes_left(done.codes_left))
    if done.running_low and not done.must_replace:
        pages.tell(request, messages.WARNING, running_low() if done.codes_left else no_codes_left())
    # Whoever needs a recovery code has most likely lost the device; this page offers to set up another one.
    return HttpResponseRedirect(reverse("totpcore:overview"))


@pages.guarded("GET", "HEAD")
def guide(request: HttpRequest) -> HttpResponse:
    """Explain two-factor authentication in plain words."""
    page = {"title": _("Two-factor authentication, explained"), REDIRECT_FIELD_NAME: ways.wanted(request)}
    return pages.show(request, "help", page)


@pages.guarded("POST")
def leave(request: HttpRequest) -> HttpResponse:
    """Log out."""
    logout(request)
    return ways.to_log_in(request, "")


def _let_in(
    request: HttpRequest,
    user: AbstractBaseUser,
    generation: str | None,
    *,
    failures: int,
    recovered: Recovered | None = None,
    no_codes: bool = False,
) -> None:
    session.mark_verified(request, user, generation, recovered=recovered)
    row = expectation(user)
    if row is None:  # the machine had stopped between the factor and the flag, before recovery codes were shown
        row = keep_expected(user, codes_shown=recovered is not None)
    if not row.codes_shown:
        pages.tell(request, messages.WARNING, unseen_codes())
    elif no_codes:
        pages.tell(request, messages.WARNING, no_codes_left())
    if failures:
        pages.tell(request, messages.WARNING, wrong_codes(failures))


def _not_here(request: HttpRequest) -> HttpResponse:
    """Return the way for somebody who is not half logged in, or not any more."""
    found = session.of(request)
    if found.user is not None:
        return ways.onward(request, found.user)
    if found.ended:
        pages.tell(request, messages.INFO, _("Your log-in took too long, or has ended. Please log in again."))
    return ways.to_log_in(request, ways.wanted(request))
