"""The addresses of a site that has the admin, the second factor and a few views of its own."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.db import transaction
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

from . import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("2fa/", include("totpcore.django.urls")),
    path("account/login/", auth.LoginView.as_view(template_name="admin/login.html"), name="login"),
    path("account/logout/", auth.LogoutView.as_view(), name="logout"),
    path(
        "account/reset/<uidb64>/<token>/",
        auth.PasswordResetConfirmView.as_view(post_reset_login=True, success_url="/private"),
        name="password_reset_confirm",
    ),
    path("account/password/", auth.PasswordChangeView.as_view(success_url="/open"), name="password"),
    path("jsi18n/", JavaScriptCatalog.as_view()),
    path("open", views.who),
    path("private", views.private),
    path("async", views.who_async),
    path("exempt", views.exempt),
    path("exempt-async", views.exempt_async),
    path("required", views.required),
    path("required-async", views.required_async),
    path("required-class", views.Required.as_view()),
    path("required-async-class", transaction.non_atomic_requests(views.RequiredAsync.as_view())),
    path("required-async-behind", transaction.non_atomic_requests(views.RequiredAsyncBehind.as_view())),
    path("api", views.Api.as_view()),
    path("sso", views.single_sign_on),
    path("broken", views.broken),
]
