"""The entry *Your second factor* in the index and the side bar of the admin."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import Client, RequestFactory, override_settings

from django_app.office import Browser, Office
from django_app.visitors import House
from totpcore.django import conf, models
from totpcore.django._entry import YourSecondFactorAdmin
from totpcore.django.admin import install
from totpcore.django.models import YourSecondFactor
from totpcore.django.session import SecondFactor, Stage, settle
from totpcore.django.testing import pass_second_factor

ENTRY = "/admin/totpcore_django/yoursecondfactor/"
LINK = f'<a href="{ENTRY}">Your second factor</a>'


@pytest.fixture
def office(house: House) -> Office:
    """A site without people."""
    return Office(house)


def test_staff_without_any_permission_find_their_way(office: Office) -> None:
    """In the index, in the section of the app, and from there to their own page."""
    ada = office.visitor(office.add("ada"))
    index = ada.get("/admin/").content.decode()
    assert LINK in index
    assert re.search(r'<a href="/admin/totpcore_django/" class="section"[^>]*>\s*Second factor\s*</a>', index)
    assert LINK in ada.get("/admin/totpcore_django/").content.decode()
    answer = ada.get(ENTRY)
    assert (answer.status_code, answer["Location"]) == (302, "/2fa/")
    assert ada.get("/admin/auth/user/").status_code == 403, "what else is there they still may not see"


def test_side_bar_has_it_on_every_page(office: Office) -> None:
    """Also on one's own page, and for somebody who gave the code."""
    client = Client()
    grace = office.add("grace", superuser=True)
    pass_second_factor(client, grace)
    for path in ("/admin/auth/user/", "/2fa/"):
        assert LINK in client.get(path).content.decode(), path


@pytest.mark.parametrize("superuser", [False, True])
def test_nobody_adds_changes_deletes_or_looks_at_a_row(office: Office, superuser: bool) -> None:
    """There are no such pages, no links to them, and no permissions for them."""
    office.enrol(office.add("bob"))
    ada = office.add("ada", superuser=superuser)
    visitor = office.visitor(ada)
    for path in ("add/", "1/change/", "1/delete/", "1/history/", "1/"):
        assert visitor.get(f"{ENTRY}{path}").status_code == 404, path
    assert visitor.post(ENTRY, {"action": "delete_selected", "_selected_action": "1", "post": "yes"}).status_code == 302
    assert models.Expectation.objects.count() == 1
    index = visitor.get("/admin/").content.decode()
    assert f"{ENTRY}add/" not in index
    assert f'href="{ENTRY}" class="viewlink"' in index
    request = _request(ada, Stage.FULL)
    found = YourSecondFactorAdmin(YourSecondFactor, admin.site)
    assert found.get_model_perms(request) == {"add": False, "change": False, "delete": False, "view": True}
    row = models.Expectation.objects.get()
    assert not any(
        may(request, row)
        for may in (found.has_view_permission, found.has_change_permission, found.has_delete_permission)
    )
    assert not Permission.objects.filter(content_type__app_label="totpcore_django").exists()


def test_a_user_who_has_a_second_factor_can_be_deleted(office: Office) -> None:
    """The entry is no reason against it."""
    bob, root = office.add("bob"), office.add("root", superuser=True)
    office.enrol(bob)
    visitor = office.visitor(root)
    path = f"/admin/auth/user/{bob.pk}/delete/"
    assert "Are you sure" in visitor.get(path).content.decode()
    assert visitor.post(path, {"post": "yes"})["Location"] == "/admin/auth/user/"
    assert not User.objects.filter(pk=bob.pk).exists()
    assert not models.Expectation.objects.exists()


def test_a_confined_session_is_led_to_where_it_can_go(office: Office) -> None:
    """From the one page of the admin that it reaches."""
    ada = office.visitor(office.add("ada"))
    with override_settings(TOTPCORE_ENFORCEMENT="require"):
        assert LINK in ada.get("/admin/password_change/").content.decode()
        answer = ada.get(ENTRY)
        assert (answer.status_code, answer["Location"]) == (302, "/2fa/")


def test_a_half_session_is_asked_for_the_code(house: House) -> None:
    """At the address of the entry as at every other; and no page that it reaches shows the entry."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    for page in ("code", "recovery", "help"):
        assert b"Your second factor" not in alice.get(f"/2fa/{page}/").content
    assert alice.get(ENTRY)["Location"].startswith("/2fa/code/")


def _request(user: User, stage: Stage) -> HttpRequest:
    """A request as the middleware leaves it."""
    request = RequestFactory().get("/")
    request.user, request.session = user, SessionStore()
    request.session[SESSION_KEY] = str(user.pk)
    settle(request, SecondFactor(stage=stage, user=user))
    return request


def test_who_sees_it(office: Office) -> None:
    """Staff who are let in, or confined; nobody else, whoever lists the apps."""
    ada, eve = office.add("ada", superuser=True), office.add("eve", staff=False)

    def listed(request: HttpRequest) -> bool:
        apps = [app["app_label"] for app in admin.site.get_app_list(request)]
        return "totpcore_django" in apps

    assert listed(_request(ada, Stage.FULL))
    assert listed(_request(ada, Stage.CONFINED))
    assert not listed(_request(ada, Stage.HALF))
    assert not listed(_request(ada, Stage.NONE))
    assert not listed(_request(eve, Stage.FULL))
    bare = RequestFactory().get("/")
    bare.user = ada
    assert not listed(bare), "there is no session of which anything is known"
    ada.is_active = False
    assert not listed(_request(ada, Stage.FULL))


def test_without_our_addresses_there_is_none(office: Office) -> None:
    """As a system check tells; who opens the address comes to the index."""
    ada = office.visitor(office.add("ada", superuser=True))
    with override_settings(ROOT_URLCONF="django_app.urls_without_pages"):
        assert b"Your second factor" not in ada.get("/admin/").content
        assert ada.get(ENTRY)["Location"] == "/admin/"


def test_another_site_is_left_alone(office: Office) -> None:
    """Until somebody installs it there; what somebody registered stays."""
    site = admin.AdminSite("mine")
    site.register(User, UserAdmin)
    assert site.urls[0]
    assert not site.is_registered(YourSecondFactor)
    install(site)
    assert site.urls[0]
    assert isinstance(site.get_model_admin(YourSecondFactor), YourSecondFactorAdmin)
    other = admin.AdminSite("other")

    class Mine(YourSecondFactorAdmin):
        pass

    other.register(YourSecondFactor, Mine)
    install(other)
    assert other.urls[0]
    assert isinstance(other.get_model_admin(YourSecondFactor), Mine)


def test_the_list_of_users_and_the_entry_are_two_things(office: Office) -> None:
    """Who may see the users finds both."""
    clerk = office.add("clerk")
    clerk.user_permissions.add(Permission.objects.get(codename="view_user"))
    index = Browser(clerk).get("/admin/").content.decode()
    assert LINK in index
    assert '<a href="/admin/auth/user/">Users</a>' in index
    assert conf.two_factor().status(conf.key_of(clerk)).state == "off"
