"""The addresses of a site that lacks the line for the pages of the second factor."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
