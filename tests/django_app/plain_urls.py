"""The addresses of a site that has the second factor, and neither the admin nor a page to log in."""

from django.urls import include, path

urlpatterns = [path("2fa/", include("totpcore.django.urls"))]
