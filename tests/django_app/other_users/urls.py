"""The addresses of a site that has a second factor and one page for members."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


@login_required
def members(request: HttpRequest) -> HttpResponse:
    """Tell whom the view sees."""
    return HttpResponse(request.user.get_username())


urlpatterns = [path("2fa/", include("totpcore.django.urls")), path("members", members)]
