"""The entry *Your second factor* in the index and the side bar of an admin.

Rules of this file:

1. Every member of the staff sees it, whatever else they may do there: each has a second factor of their own, or none.
2. It is a way to one's own page, and no more: no row is shown, added, changed or deleted, whoever asks.
3. Who has not given the code yet does not see it, and neither does anybody where the page has no address.
"""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, path, reverse

from . import session
from .models import Expectation, YourSecondFactor
from .session import Stage

if TYPE_CHECKING:
    _EntryAdmin = admin.ModelAdmin[YourSecondFactor]
else:
    _EntryAdmin = admin.ModelAdmin  # it is generic in the stubs alone


def own_page(request: HttpRequest) -> str:
    """Return the address of the page of one's own second factor; empty where the line in urls.py is missing."""
    try:
        return reverse("totpcore:overview", urlconf=getattr(request, "urlconf", None))
    except NoReverseMatch:  # as a system check tells
        return ""


class YourSecondFactorAdmin(_EntryAdmin):
    """Shows the entry, and leads from it to one's own page."""

    def get_urls(self) -> list[URLPattern]:
        """Have one address, which the entry needs."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        return [path("", self.admin_site.admin_view(self.changelist_view), name=name)]

    def changelist_view(
        self,
        request: HttpRequest,
        extra_context: dict[str, object] | None = None,  # noqa: ARG002  # as Django has it
    ) -> HttpResponse:
        """Lead on; where there is nowhere to go, back."""
        return HttpResponseRedirect(own_page(request) or reverse("admin:index", current_app=self.admin_site.name))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the entry is shown."""
        if not self.admin_site.has_permission(request) or not hasattr(request, "session"):
            return False
        return session.of(request).stage in {Stage.CONFINED, Stage.FULL} and bool(own_page(request))

    def has_view_permission(self, request: HttpRequest, obj: Expectation | None = None) -> bool:
        """The list may be opened, as it leads on; no row may."""
        return obj is None and self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002  # as Django has it
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Expectation | None = None) -> bool:  # noqa: ARG002
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Expectation | None = None) -> bool:  # noqa: ARG002
        """Nobody by this way. A user who is deleted takes the row along, which is an `Expectation` there."""
        return False
