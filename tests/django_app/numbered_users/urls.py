"""The addresses of a site with an admin and a second factor."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("2fa/", include("totpcore.django.urls"))]
