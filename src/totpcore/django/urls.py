"""The pages of the second factor: `path("2fa/", include("totpcore.django.urls"))`."""

from django.urls import URLPattern, path

from . import _own, views

app_name = "totpcore"
urlpatterns: list[URLPattern] = [
    path("", _own.overview, name="overview"),
    path("code/", views.code, name="code"),
    path("recovery/", views.recovery, name="recovery"),
    path("setup/", _own.setup, name="setup"),
    path("confirm/", _own.confirm, name="confirm"),
    path("replace/", _own.replace, name="replace"),
    path("recovery-codes/", _own.recovery_codes, name="recovery-codes"),
    path("disable/", _own.disable, name="disable"),
    path("help/", views.guide, name="help"),
    path("logout/", views.leave, name="logout"),
]
