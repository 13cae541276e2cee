"""One administrator resets the second factor of another: who may, what is asked, what is done, what is handed over.

Rules of this file:

1. Nobody resets their own factor, and only a superuser resets a superuser.
2. Whoever resets types their own password for it: an open session alone takes over no colleague.
3. The password is reset with the factor, unless somebody unticks it. Otherwise whoever knows it would enrol first. It
   goes before the factor: that ends the sessions of that user, so that nothing of the old account outlives it.
4. Whatever goes wrong with one of many, the others are done, and nothing of what was done is hidden: each new password
   that was set is shown.
5. A new password is in the answer to one POST, which nothing may keep.
"""

import logging
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.contrib.auth import authenticate, update_session_auth_hash
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import router, transaction
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext, gettext_lazy

from ..audit import LOGGER_NAME
from ..errors import StoreError
from . import _pages as pages
from ._people import is_same, name_of
from ._request import must_be_there
from .conf import key_of, two_factor
from .models import forget

if TYPE_CHECKING:
    from .admin import SecondFactorUserAdmin

MOST_AT_ONCE: Final = 50  # each of them is a password to hand over in person

_PASSWORD_BYTES: Final = 12  # 96 random bits, 16 characters to type
_LONGEST_REASON: Final = 1000  # as `TwoFactor.reset` allows
_LONGEST_ACTOR: Final = 255


@dataclass(frozen=True, slots=True)
class Reset:
    """What was done for a user; the password is empty where it is the old one."""

    name: str
    password: str = field(repr=False)
    failed: bool = False  # the second factor is as it was, or nobody can tell


class ResetForm(forms.Form):
    """Why, and who asks for it."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=_LONGEST_REASON,
        widget=AdminTextareaWidget(attrs={"rows": 2}),
        help_text=gettext_lazy("Kept in the history and in the audit log. For example: phone lost, asked in person."),
    )
    own_password = forms.CharField(
        label=gettext_lazy("Your own password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=gettext_lazy("So that an open session alone is not enough."),
    )
    new_password = forms.BooleanField(
        label=gettext_lazy("Set a new password"),
        required=False,
        initial=True,
        help_text=gettext_lazy(
            "A random one, shown once, to be handed over in person. Without it, whoever knows the old password can set "
            "up the next second factor."
        ),
    )

    def __init__(self, request: HttpRequest, *, bound: bool) -> None:
        super().__init__(request.POST if bound else None)
        self._request = request

    def clean_own_password(self) -> None:
        """Check that it is the password of whoever asks, in the ways in which they log in. It is kept nowhere.

        Raises:
            ValidationError: If it is not.
        """
        actor = self._request.user
        known = authenticate(
            self._request, username=actor.get_username(), password=self.cleaned_data.pop("own_password")
        )
        if (
            known is None and isinstance(actor, AbstractBaseUser) and not actor.has_usable_password()
        ):  # who logs in by a single sign-on
            raise ValidationError(gettext("You have no password here. Ask somebody who has one. Nothing was changed."))
        if known is None or not is_same(known, actor):
            raise ValidationError(gettext("That is not your own password. Nothing was changed."))
        # Django hashes a password anew where its settings have changed since. That ends sessions, and not this one.
        if isinstance(actor, AbstractBaseUser) and not constant_time_compare(known.password, actor.password):
            must_be_there(self._request.session)
            update_session_auth_hash(self._request, known)


def obstacle(actor: AbstractBaseUser | AnonymousUser, user: AbstractBaseUser) -> str | None:
    """Return why `actor` may not reset `user`, in words to show; `None` if nothing stands in the way: rule 1."""
    if is_same(user, actor):
        return gettext("Your own second factor you change yourself, with a code.")
    if getattr(user, "is_superuser", False) and not getattr(actor, "is_superuser", False):
        return gettext("Only a superuser can reset a superuser.")
    return None


def answer(site: "SecondFactorUserAdmin", request: HttpRequest) -> TemplateResponse:
    """Show the form, or do what it asks for and show what has to be handed over.

    Raises:
        Http404: If a user is not there.
        PermissionDenied: If one of them may not be reset.
    """
    pages.hide(request)
    users = _chosen(site, request)
    for user in users:
        if not site.has_reset_second_factor_permission(request, user) or obstacle(request.user, user) is not None:
            raise PermissionDenied
    form = ResetForm(request, bound=request.method == "POST")
    vars(request)["current_app"] = site.admin_site.name  # whose addresses the page has
    context = {**site.admin_site.each_context(request), "opts": site.opts}
    if not form.is_valid():
        named = [(user, name_of(user)) for user in users]
        more = {"form": form, "users": named, "title": gettext("Reset the second factor")}
        return TemplateResponse(request, "totpcore/admin/reset.html", context | more)
    given = form.cleaned_data
    done = [_reset(site, request, user, given["reason"], new_password=given["new_password"]) for user in users]
    failed = any(one.failed for one in done)
    title = gettext("Not every second factor is reset") if failed else gettext("The second factor is reset")
    more = {"done": done, "failed": failed, "title": title}
    return TemplateResponse(request, "totpcore/admin/reset_done.html", context | more)


def _chosen(site: "SecondFactorUserAdmin", request: HttpRequest) -> list[AbstractBaseUser]:
    keys = request.GET.getlist("user")
    try:
        users = list(site.get_queryset(request).filter(pk__in=keys[:MOST_AT_ONCE]))
    except (ValueError, ValidationError):  # of what is no primary key
        users = []
    if not users or len(users) != len(keys):
        raise Http404
    return users


def _reset(
    site: "SecondFactorUserAdmin", request: HttpRequest, user: AbstractBaseUser, reason: str, *, new_password: bool
) -> Reset:
    password, failed = "", False
    try:
        # Who has none to log in with, such as somebody of a single sign-on, gets none.
        if new_password and user.has_usable_password():
            password = _set_password(user)
        two_factor().reset(key_of(user), actor=name_of(request.user)[:_LONGEST_ACTOR], reason=reason)
        forget(user)
    except Exception as trouble:  # noqa: BLE001  # a receiver of another app, or one bad row: rule 4
        failed = True
        _log("second factor of %s is not reset: %s", user, trouble)
    if password or not failed:
        try:
            site.log_change(request, user, _history(password=bool(password), failed=failed) % reason)
        except Exception as trouble:  # noqa: BLE001  # as above: what was done is shown all the same
            _log("the history of %s lacks a reset: %s", user, trouble)
    return Reset(name_of(user), password, failed)


def _set_password(user: AbstractBaseUser) -> str:
    """Return a new password, which is the user's now; if anything raises, the old one is."""
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    with transaction.atomic(using=router.db_for_write(type(user), instance=user)):
        user.set_password(password)
        user.save(update_fields=["password"])
    return password


def _log(told: str, user: AbstractBaseUser, trouble: Exception) -> None:
    """Log what went wrong, and where: other people's messages may hold what a row holds."""
    text = type(trouble).__name__ + (f": {trouble}" if isinstance(trouble, StoreError) else f" at {_place_of(trouble)}")
    logging.getLogger(LOGGER_NAME).error(told, key_of(user), text)


def _place_of(trouble: Exception) -> str:
    """Return the line that raised."""
    place, step = "", trouble.__traceback__
    while step is not None:
        place, step = f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}", step.tb_next
    return place


def _history(*, password: bool, failed: bool) -> str:
    if failed:
        return gettext("Password reset, second factor not: %s")
    return gettext("Second factor and password reset: %s") if password else gettext("Second factor reset: %s")
