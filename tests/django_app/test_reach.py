"""What a half session reaches is known by what it is: names are anybody's."""

from collections.abc import Callable
from functools import wraps

import pytest
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.test import override_settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.static import serve

from django_app.test_trouble import Away
from django_app.views import who
from django_app.visitors import PASSWORD, House, text
from totpcore.django import admin as ours

NAMES = ("logout", "password_change", "password_change_done", "login", "jsi18n", "index")


class Users(UserAdmin):  # type: ignore[type-arg]  # it is generic in the stubs alone
    """A `ModelAdmin` whose views have names that an `AdminSite` has too."""

    def get_urls(self) -> list[URLPattern]:
        """Add them."""
        wrapped = [path(f"mine/{name}/", self.admin_site.admin_view(self.kick), name=name) for name in NAMES]
        bare = [path(f"bare/{name}/", self.kick, name=name) for name in NAMES]
        called = [path(f"called/{name}/", self.admin_site.admin_view(self.logout), name=name) for name in NAMES]
        return [*wrapped, *bare, *called, *super().get_urls()]

    def kick(self, request: HttpRequest) -> HttpResponse:
        """Do what only somebody who is let in may do."""
        return who(request)

    def logout(self, request: HttpRequest) -> HttpResponse:
        """Log somebody else out."""
        return who(request)


class Site(admin.AdminSite):
    """A site of one's own, which adds views by such names, and has changed some of Django's."""

    def get_urls(self) -> "list[URLPattern | URLResolver]":
        """Add one."""
        return [path(f"more/{name}/", self.admin_view(self.more), name=name) for name in NAMES] + super().get_urls()

    def more(self, request: HttpRequest) -> HttpResponse:
        """Do what only somebody who is let in may do."""
        return who(request)

    def logout(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> TemplateResponse:
        """Log out, in one's own way."""
        return super().logout(request, {**(extra_context or {}), "title": "Goodbye"})


def counted(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A wrapper around a view, as for a captcha."""

    @wraps(view)
    def inner(request: HttpRequest) -> HttpResponse:
        response = view(request)
        response["Counted"] = "1"
        return response

    return inner


def logout(request: HttpRequest) -> HttpResponse:
    """A view of an app of one's own."""
    return who(request)


site = Site("mine")
site.register(User, Users)
ours.install(site)
site.login = counted(site.login)  # type: ignore[method-assign]  # as its users do, for a log-in page of another kind

urlpatterns = [
    path("admin/", site.urls),
    path("2fa/", include("totpcore.django.urls")),
    path("other/", include(([path(f"{name}/", logout, name=name) for name in NAMES], "admin"))),
    path("static/<path:path>", serve, {"document_root": "/nowhere"}),
    path("private", who),
]


@pytest.mark.parametrize("stage", ["half", "confined"])
@pytest.mark.parametrize(
    "place",
    [*(f"/admin/auth/user/{name}/{{}}/" for name in ("mine", "bare", "called")), "/admin/more/{}/", "/other/{}/"],
)
@override_settings(ROOT_URLCONF=__name__)
def test_a_name_opens_nothing(house: House, place: str, stage: str) -> None:
    """Of a view of a `ModelAdmin`, of one that a site adds, or of an app that calls itself `admin`."""
    alice = house.visitor(phone=stage == "half")
    with override_settings(TOTPCORE_ENFORCEMENT="require"):
        alice.browser.force_login(alice.user)
        for name in NAMES:
            for answer in (alice.get(place.format(name)), alice.post(place.format(name))):
                assert answer["Location"].startswith("/2fa/"), name


@override_settings(ROOT_URLCONF=__name__)
def test_what_an_admin_site_has_is_open_still(house: House) -> None:
    """Its log-out and its log-in, also where somebody has put others in their place; its catalogue; its password."""
    alice = house.visitor(phone=True)
    alice.browser.force_login(alice.user)
    assert alice.get("/admin/jsi18n/")["Location"].endswith("/login/?next=/admin/jsi18n/"), "as a visitor"
    assert alice.get("/static/x").status_code == 404
    again = alice.post("/admin/login/", username="alice", password=PASSWORD, next="/private")
    assert (again["Location"], again["Counted"]) == ("/private", "1")
    assert "<h1>Goodbye</h1>" in text(alice.post("/admin/logout/"))
    assert text(alice.get("/private")) == "you are nobody"
    bob = house.visitor("bob")
    with override_settings(TOTPCORE_ENFORCEMENT="require"):
        bob.browser.force_login(bob.user)
        for name in ("password_change/", "password_change/done/"):
            assert bob.get(f"/admin/{name}").status_code == 200


@override_settings(ROOT_URLCONF=__name__)
def test_trouble_opens_nothing_by_a_name(house: House) -> None:
    """Where the store is away, what logs out is open, and nothing else of that name."""
    alice = house.visitor(phone=True)
    alice.logs_in()
    with override_settings(TOTPCORE_STORE=Away()):
        for place in ("/admin/auth/user/mine/logout/", "/admin/more/logout/", "/other/logout/"):
            assert alice.post(place).status_code == 503, place
        assert "<h1>Goodbye</h1>" in text(alice.post("/admin/logout/"))
