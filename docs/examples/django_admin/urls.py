"""The addresses of a new Django project, and those of the second factor."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("2fa/", include("totpcore.django.urls")),  # the second factor
]
