"""One's own second factor: set-up, recovery codes, another device, off.

Rules of this file:

1. A secret or a recovery code is only ever in the answer to a POST, never at an address of its own, nor kept.
2. Each change of a confirmed factor takes a code, which totpcore spends in the same step.
3. A secret that waits is shown again to the session in which it was made, and to no other: somebody who knows the
   password could have looked at it before, and would share what its owner confirms.
4. First totpcore changes the factor, then the flag follows, then this session; every other one ends by its tie.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps

from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from .._guard import Hidden
from ..answers import Enrolment
from ..errors import AlreadyEnrolled, EnrolmentExpired, Refused, Throttled
from ..recovery import RecoveryCodes
from . import _pages as pages
from . import _ways as ways
from . import conf, session
from ._people import name_of
from .messages import explain
from .models import Expectation, expect, expectation, forget, mark_codes_shown

OwnView = Callable[[HttpRequest, AbstractBaseUser, str], HttpResponse]


def again(
    request: HttpRequest, template: str, refusal: Refused, context: Mapping[str, object], *, recovery: bool = False
) -> HttpResponse:
    """Return the page of a form once more, with the reason."""
    status, headers = 422, {}
    if isinstance(refusal, Throttled):
        status, headers = 429, {"Retry-After": str(math.ceil(refusal.retry_after))}
    given = {**context, "error": explain(refusal, recovery=recovery)}
    return pages.show(request, template, given, status=status, headers=headers)


def _own(*methods: str) -> Callable[[OwnView], pages.View]:
    """Make a page of a view for somebody who is let in, or confined to set-up. A form's address, opened, leads back."""

    def guard(view: OwnView) -> pages.View:
        @pages.guarded("GET", "HEAD", "POST")
        @wraps(view)
        def page(request: HttpRequest) -> HttpResponse:
            user = session.of(request).user
            # What a middleware behind ours made anonymous, as of somebody who is suspended, is nobody's request.
            if user is None or not request.user.is_authenticated:
                return ways.to_log_in(request, reverse("totpcore:overview"))
            if request.method not in methods:
                return HttpResponseRedirect(reverse("totpcore:overview"))
            return view(request, user, conf.key_of(user))

        return page

    return guard


@_own("GET", "HEAD")
def overview(request: HttpRequest, user: AbstractBaseUser, key: str) -> HttpResponse:
    """Show the state, and what can be done about it."""
    return pages.show(request, "overview", _state(request, user, key))


@_own("POST")
def setup(request: HttpRequest, user: AbstractBaseUser, key: str) -> HttpResponse:
    """Show the QR code: of the set-up that this session began, else of a new one."""
    factor = conf.two_factor()
    enrolment = _mine(request, key)
    try:
        if enrolment is None and factor.status(key).code_required and not session.of(request).recovered:
            raise AlreadyEnrolled
        enrolment = enrolment or factor.enrol(key, account=conf.account_of(user))
    except AlreadyEnrolled:
        text = _("Two-factor authentication is on. To move to another device, type a code under Replace device.")
        pages.tell(request, messages.INFO, text)
        return HttpResponseRedirect(reverse("totpcore:overview"))
    return _setup_page(request, enrolment)


@_own("POST")
def replace(request: HttpRequest, user: AbstractBaseUser, key: str) -> HttpResponse:
    """Begin the set-up of another device; the old one works until the new one is confirmed."""
    try:
        enrolment = conf.two_factor().replace(key, request.POST.get("code", ""), account=conf.account_of(user))
    except Refused as refusal:
        return _overview_again(request, user, key, "replace", refusal)
    return _setup_page(request, enrolment)


@_own("POST")
def confirm(request: HttpRequest, user: AbstractBaseUser, key: str) -> HttpResponse:
    """Turn the factor on, once the app has shown a right code."""
    factor = conf.two_factor()
    if _mine(request, key) is None:  # so that codes of another set-up are not counted in this one
        return _overview_again(request, user, key, "setup", EnrolmentExpired())
    try:
        confirmed = factor.confirm(key, request.POST.get("code", ""))
    except Refused as refusal:
        enrolment = _mine(request, key)
        if enrolment is None:
            return _overview_again(request, user, key, "setup", EnrolmentExpired())
        return _setup_page(request, enrolment, refusal)
    keep_expected(user, codes_shown=False)
    session.mark_verified(request, user, factor.status(key).generation)
    return _codes_page(request, user, confirmed.recovery_codes, _("Two-factor authentication is on"))


@_own("POST")
def recovery_codes(request: HttpRequest, user: AbstractBaseUser, key: str) -> HttpResponse:
    """Make new recovery codes; the old ones end."""
    try:
        codes = conf.two_factor().renew_recovery_codes(key, request.POST.get("code", ""))
    except Refused as refusal:
        return _overview_again(request, user, key, "recovery-codes", refusal)
    keep_expected(user, codes_shown=False)
    return _codes_page(request, user, codes, _("New recovery codes"))


@_own("POST")
def disable(request: HttpRequest, user: AbstractBaseUser, key: str) -> HttpResponse:
    """Turn the factor off."""
    try:
        conf.two_factor().disable(key, request.POST.get("code", ""))
    except Refused as refusal:
        return _overview_again(request, user, key, "disable", refusal)
    forget(user)
    session.mark_verified(request, user, None)
    text = _("Two-factor authentication is off. Your password alone opens this account now.")
    pages.tell(request, messages.WARNING, text)
    return HttpResponseRedirect(reverse("totpcore:overview"))


def keep_expected(user: AbstractBaseUser, *, codes_shown: bool) -> Expectation:
    """Keep that a factor is on, unless it was taken off at the same moment: a flag alone would stop the log-in."""
    row = expect(user, codes_shown=codes_shown)
    if not conf.two_factor().status(conf.key_of(user)).code_required:
        forget(user)
    return row


def _state(request: HttpRequest, user: AbstractBaseUser, key: str) -> dict[str, object]:
    row = expectation(user)
    return {
        "title": _("Two-factor authentication"),
        "status": conf.two_factor().status(key),
        "begun": _mine(request, key) is not None,
        "codes_unseen": row is not None and not row.codes_shown,
    }


def _overview_again(
    request: HttpRequest, user: AbstractBaseUser, key: str, form: str, refusal: Refused
) -> HttpResponse:
    return again(request, "overview", refusal, {**_state(request, user, key), "form": form})


def _mine(request: HttpRequest, key: str) -> Enrolment | None:
    """Return the secret that waits, if it was made in this session."""
    mark: object = request.session.get(session.SETUP)
    enrolment = conf.two_factor().pending(key) if mark else None
    return enrolment if enrolment and constant_time_compare(str(mark), _fingerprint(enrolment)) else None


def _fingerprint(enrolment: Enrolment) -> str:
    """Return a mark of a set-up: keyed by `SECRET_KEY`, of 128 random bits and more, it tells nothing of the secret."""
    return salted_hmac("totpcore.django", enrolment.secret.reveal(), algorithm="sha256").hexdigest()


def _setup_page(request: HttpRequest, enrolment: Enrolment, refusal: Refused | None = None) -> HttpResponse:
    request.session[session.SETUP] = _fingerprint(enrolment)
    context: dict[str, object] = {
        "title": _("Set up two-factor authentication"),
        "enrolment": enrolment,
        "qr": _drawn(enrolment),
        "ends": datetime.fromtimestamp(enrolment.expires_at, UTC),
    }
    return again(request, "setup", refusal, context) if refusal else pages.show(request, "setup", context)


def _drawn(enrolment: Enrolment) -> Hidden[str]:
    """Return the QR code, empty without segno: the key to type is there all the same."""
    try:
        return Hidden(mark_safe(enrolment.qr_svg()))  # noqa: S308  # totpcore's own drawing, with no text of a visitor
    except ImportError:
        return Hidden("")


def _codes_page(request: HttpRequest, user: AbstractBaseUser, codes: RecoveryCodes, title: str) -> HttpResponse:
    context = {"title": title, "codes": codes, "issuer": conf.issuer(), "account": name_of(user)}
    page = pages.show(request, "recovery_codes", context, bare=True)
    mark_codes_shown(user)  # not before: whatever fails above, the user is told at the next log-in that there are none
    return page
