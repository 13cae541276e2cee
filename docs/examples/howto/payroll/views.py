"""Views outside of the admin.

Rule 1. What is worth a code says so itself, and not by where it stands in `urls.py`.
"""

# page: begin
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.generic import View

from totpcore.django.decorators import second_factor_exempt, second_factor_required
from totpcore.django.mixins import SecondFactorRequiredMixin


def front_page(request: HttpRequest) -> HttpResponse:
    """For everybody, but not between the password and the code."""
    return HttpResponse(f"Welcome, {request.user}.")


@second_factor_required
def salaries(request: HttpRequest) -> HttpResponse:
    """For whoever gave a code in this session. Users without a second factor are sent to set one up."""
    return HttpResponse(f"The salaries, {request.user}.")


class Payslips(SecondFactorRequiredMixin, View):
    """The same as a class; the mixin stands first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return HttpResponse(f"The payslips, {request.user}.")


@login_required
def holidays(request: HttpRequest) -> HttpResponse:
    """For whoever is logged in: with the code where they have a second factor, without where they have none."""
    return HttpResponse(f"The holidays, {request.user}.")


@second_factor_exempt
def opening_hours(request: HttpRequest) -> HttpResponse:
    """For everybody, also between the password and the code; nobody is logged in yet there."""
    return HttpResponse(f"Nine to five, {request.user}.")


# page: end
