"""Views of a site's own, and its own tests."""

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.test import AsyncClient, Client, RequestFactory, override_settings

from django_app.visitors import House, text
from totpcore import Gate
from totpcore.django import session
from totpcore.django.apps import MIDDLEWARE
from totpcore.django.decorators import instead
from totpcore.django.models import expectation, forget
from totpcore.django.session import Stage
from totpcore.django.testing import pass_second_factor

PATHS = ["/required", "/required-async", "/required-class", "/required-async-class"]


@pytest.mark.parametrize("path", PATHS)
def test_a_view_may_ask_for_a_second_factor(house: House, path: str) -> None:
    """Of whoever is logged in without one, it asks to set one up; a passer-by logs in."""
    alice, bob = house.visitor(phone=True), house.visitor("bob", staff=False)
    assert alice.get(path)["Location"] == f"/admin/login/?next={path}"
    alice.gives_password()
    assert alice.get(path)["Location"].startswith("/2fa/code/")
    alice.post("/2fa/code/", code=alice.code())
    assert text(alice.get(path)) == "you are alice"
    bob.browser.force_login(bob.user)
    assert bob.get(path)["Location"] == "/2fa/"
    assert "That page needs a second factor" in text(bob.get("/2fa/"))
    bob.sets_up()
    assert text(bob.get(path)) == "you are bob"


@pytest.mark.parametrize("way", ["log out", "flush", "make anonymous"])
@pytest.mark.parametrize("path", PATHS)
def test_who_was_logged_out_on_the_way_is_nobody(house: House, path: str, way: str) -> None:
    """By a middleware behind ours, as for a session that was idle for long: such a view asks to log in."""
    alice = house.visitor(phone=True)
    alice.logs_in()
    assert text(alice.get(path)) == "you are alice"
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, "django_app.views.sends_away"]):
        other = alice.on_another_machine()
        other.browser.cookies = alice.browser.cookies
        assert other.get(path, way=way)["Location"] == f"/admin/login/?next={path}"
        assert other.get("/2fa/", way=way)["Location"] == "/admin/login/?next=/2fa/"
        assert text(other.get("/open")) == ("you are alice" if way == "make anonymous" else "you are nobody")


def test_such_a_view_decides_without_the_middleware(house: House) -> None:
    """Where it is called in another way."""
    alice = house.visitor(phone=True)
    alice.browser.force_login(alice.user)
    request = HttpRequest()
    request.session, request.user = alice.browser.session, alice.user
    answer = instead(request)
    assert answer is not None
    assert answer["Location"] == "/2fa/code/"


def test_in_an_event_loop_too(house: House) -> None:
    """Under ASGI the middleware works in a thread, and awaits what is behind it."""
    alice = house.visitor(phone=True)

    async def walk() -> list[str]:
        browser = AsyncClient()
        await browser.aforce_login(alice.user)
        seen = [(await browser.get("/async"))["Location"], (await browser.get("/nowhere"))["Location"]]
        seen.append((await browser.get("/exempt-async")).content.decode())
        seen.append((await browser.post("/2fa/code/", {"code": alice.code(), "next": "/async"}))["Location"])
        seen.append((await browser.get("/async")).content.decode())
        seen.append((await browser.get("/required-async")).content.decode())
        seen.append((await browser.get("/required-async-class")).content.decode())
        seen.append((await browser.get("/required-async-behind")).content.decode())
        seen.append(str((await browser.post("/required-async-class")).status_code))
        return seen

    assert async_to_sync(walk)() == [
        "/2fa/code/?next=%2Fasync",
        "/2fa/code/?next=%2Fnowhere",
        "you are nobody",
        "/async",
        *["you are alice"] * 4,
        "405",
    ]


@pytest.mark.parametrize("stage", ["half", "verified"])
def test_a_session_that_has_ended_is_nobodys_for_views_that_await(house: House, stage: str) -> None:
    """Also where somebody in front of the middleware has asked who it was, as `RemoteUserMiddleware` does."""
    alice = house.visitor(phone=True)
    listed = list(settings.MIDDLEWARE)
    listed.insert(listed.index(MIDDLEWARE), "django_app.views.peeks")

    async def walk() -> str:
        browser = AsyncClient()
        await browser.aforce_login(alice.user)
        assert (await browser.get("/async"))["Location"].startswith("/2fa/code/")
        if stage == "verified":
            await browser.post("/2fa/code/", {"code": alice.code()})
            assert (await browser.get("/async")).content == b"you are alice"
            await sync_to_async(house.factor.reset)(alice.key, actor="root", reason="lost")
            await sync_to_async(forget)(alice.user)
        house.clock.tick(301)
        return (await browser.get("/async")).content.decode()

    with override_settings(MIDDLEWARE=listed):
        assert async_to_sync(walk)() == "you are nobody"


def test_who_was_logged_out_by_a_program_that_awaits_is_nobody(house: House) -> None:
    """For views that await as well; Django 5.2 itself does not tell them."""
    alice = house.visitor(phone=True)

    async def walk() -> list[str]:
        browser = AsyncClient()
        await browser.aforce_login(alice.user)
        await browser.post("/2fa/code/", {"code": alice.code()})
        seen = [(await browser.get("/async")).content.decode()]
        awaiting = ["django_app.views.peeks", "django_app.views.sends_away_awaiting"]
        with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, *awaiting]):
            other = AsyncClient()
            other.cookies = browser.cookies
            seen.append((await other.get("/async")).content.decode())
        return seen

    assert async_to_sync(walk)() == ["you are alice", "you are nobody"]


@pytest.mark.parametrize("phone", [True, False])
def test_the_helper_for_tests(house: House, phone: bool) -> None:
    """Logs in and gives the second factor, which it sets up where there is none."""
    alice = house.visitor(phone=phone)
    client = Client()
    with override_settings(TOTPCORE_ENFORCEMENT="require"):
        pass_second_factor(client, alice.user)
        assert client.get("/required").content == b"you are alice"
        assert client.get("/admin/").status_code == 200
    assert expectation(alice.user) is not None
    assert house.factor.gate(alice.key) is Gate.CHALLENGE


def test_what_a_view_can_read(house: House) -> None:
    """How far a session has come, and who it is."""
    alice = house.visitor(phone=True)
    request = RequestFactory().get("/")
    request.session, request.user = alice.browser.session, AnonymousUser()
    assert session.of(request).stage is Stage.NONE
    alice.browser.force_login(alice.user)
    request = RequestFactory().get("/")
    request.session, request.user = alice.browser.session, alice.user
    assert session.of(request).stage is Stage.HALF
    assert session.of(request) is session.of(request)
    assert not session.of(request).verified
