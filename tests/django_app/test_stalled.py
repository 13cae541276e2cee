"""Forms whose last byte takes its time, and forms that break: what was true when they began counts for nothing."""

import io
import logging
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth import SESSION_KEY, login
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import mail
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, override_settings
from django.utils.log import AdminEmailHandler

from django_app.test_trouble import ADMINISTRATORS
from django_app.visitors import PASSWORD, House, Visitor, scanned, text
from totpcore import State, TwoFactor
from totpcore.django import _request as asking
from totpcore.django.apps import MIDDLEWARE
from totpcore.django.models import expectation
from totpcore.django.session import TIE

FORM = "application/x-www-form-urlencoded"


class Stalled(io.BytesIO):
    """A body whose first read waits until something has happened."""

    def __init__(self, body: bytes, meanwhile: Callable[[], object]) -> None:
        super().__init__(body)
        self._meanwhile: list[Callable[[], object]] = [meanwhile]

    def read(self, size: int | None = -1, /) -> bytes:
        """Wait, and read."""
        while self._meanwhile:
            self._meanwhile.pop()()
        return super().read(size)


def stalled(visitor: Visitor, path: str, meanwhile: Callable[[], object], **fields: str) -> HttpResponse:
    """Send a form, and let something happen before its body is there."""
    body = urlencode(fields).encode()
    sent = {"CONTENT_TYPE": FORM, "CONTENT_LENGTH": str(len(body)), "wsgi.input": Stalled(body, meanwhile)}
    place, _, query = path.partition("?")
    answer = visitor.browser.request(REQUEST_METHOD="POST", PATH_INFO=place, QUERY_STRING=query, **sent)
    return cast("HttpResponse", answer)


def looks(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware in front, which asks who it is before the form is read."""

    def middleware(request: HttpRequest) -> HttpResponse:
        assert request.user.is_authenticated or request.path == "/admin/login/"
        return get_response(request)

    return middleware


def writes(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware in front, which notes in the session that somebody has sent a form."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.method == "POST":
            request.session["seen"] = 1
        return get_response(request)

    return middleware


def logs_in_anew(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware in front, which logs in, as one for a single sign-on does."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "anew" in request.GET:
            login(request, User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
        return get_response(request)

    return middleware


def in_front(name: str) -> override_settings:
    """A site that has one of these right in front of the app's middleware."""
    listed = list(settings.MIDDLEWARE)
    if name:
        listed.insert(listed.index(MIDDLEWARE), f"{__name__}.{name}")
    return override_settings(MIDDLEWARE=listed)


def logs_out(visitor: Visitor) -> Callable[[], object]:
    """Their log-out, in another tab."""
    elsewhere = visitor.on_another_machine()
    elsewhere.browser.cookies["sessionid"] = visitor.browser.cookies["sessionid"].value
    return lambda: elsewhere.post("/account/logout/")


def changes_password(visitor: Visitor) -> Callable[[], object]:
    """Their new password, on another machine."""

    def change() -> None:
        user = User.objects.get(pk=visitor.user.pk)
        user.set_password("quite another password")
        user.save()

    return change


def is_suspended(visitor: Visitor) -> Callable[[], object]:
    """The end of their account."""
    return lambda: User.objects.filter(pk=visitor.user.pk).update(is_active=False)


ENDS = pytest.mark.parametrize("ends", [logs_out, changes_password, is_suspended])
FRONT = pytest.mark.parametrize("front", ["", "looks", "writes"])


# ---- over the end of a session ----


@ENDS
@FRONT
def test_no_factor_is_turned_on_over_the_end_of_a_session(
    house: House, ends: Callable[[Visitor], Callable[[], object]], front: str
) -> None:
    """Whoever has a session that is about to end keeps neither it nor a factor of their own."""
    thief = house.visitor()
    with in_front(front):
        thief.logs_in()
        thief.phone = scanned(thief.post("/2fa/setup/"))
        answer = stalled(thief, "/2fa/confirm/", ends(thief), code=thief.code())
        assert answer["Location"] == "/admin/login/?next=/2fa/"
        assert not thief.is_let_in()
    assert house.factor.status(thief.key).state is State.PENDING
    assert expectation(thief.user) is None
    assert not any(SESSION_KEY in session.get_decoded() for session in Session.objects.all() if ends is logs_out)


@ENDS
@FRONT
def test_no_code_opens_a_session_that_has_ended(
    house: House, ends: Callable[[Visitor], Callable[[], object]], front: str
) -> None:
    """The right code is not looked at, and can be used still."""
    alice = house.visitor(phone=True)
    with in_front(front):
        alice.gives_password()
        code = alice.code()
        assert stalled(alice, "/2fa/code/", ends(alice), code=code)["Location"].startswith("/admin/login/")
        assert not alice.is_let_in()
    assert house.factor.verify(alice.key, code).user == alice.key


@ENDS
@FRONT
def test_nobody_is_reset_over_the_end_of_a_session(
    house: House, ends: Callable[[Visitor], Callable[[], object]], front: str
) -> None:
    """The page in the admin does as the app's own."""
    root, ada = house.visitor("root"), house.visitor("ada", phone=True)
    with in_front(front):
        root.logs_in()
        path = f"/admin/auth/user/reset-second-factor/?user={ada.key}"
        fields = {"reason": "lost", "own_password": PASSWORD, "new_password": "on"}
        assert stalled(root, path, ends(root), **fields)["Location"].startswith("/admin/login/")
    assert house.factor.status(ada.key).code_required
    assert User.objects.get(username="ada").check_password(PASSWORD)


@FRONT
def test_a_form_that_takes_its_time_is_none_the_worse(house: House, front: str) -> None:
    """Where nothing has changed meanwhile; what a middleware in front has written is kept."""
    alice = house.visitor(phone=True)
    with in_front(front):
        alice.gives_password()
        done = stalled(alice, "/2fa/code/", lambda: None, code=alice.code(), next="/private")
        assert done["Location"] == "/private"
        assert alice.is_let_in()
        assert alice.browser.session.get("seen") == (1 if front == "writes" else None)


def test_a_log_in_within_the_request_is_none_the_worse(house: House) -> None:
    """By a middleware in front: the session that it made is there, and asks for the code."""
    alice = house.visitor(phone=True)
    with in_front("logs_in_anew"):
        alice.gives_password()
        done = stalled(alice, "/2fa/code/?anew=1", lambda: None, code=alice.code(), next="/private")
        assert done["Location"] == "/private"
        assert alice.is_let_in()


def test_a_visitor_whose_session_was_looked_up_stays_nobody(house: House) -> None:
    """Who is not logged in is sent to log in, whatever they had in their session."""
    alice = house.visitor(phone=True)
    alice.browser.session.save()
    with in_front("writes"):
        assert alice.post("/2fa/code/", code="1")["Location"].startswith("/admin/login/")


# ---- between the decision and the new session key ----


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file"])
def test_a_session_that_was_ended_is_not_made_anew(
    house: House, monkeypatch: pytest.MonkeyPatch, engine: str, tmp_path: Path
) -> None:
    """Django gives a session that was flushed meanwhile a new key, and with it a new life."""
    with override_settings(SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}", SESSION_FILE_PATH=tmp_path):
        alice = house.visitor(phone=True)
        alice.gives_password()
        key = alice.browser.cookies["sessionid"].value
        verify = TwoFactor.verify

        def and_logged_out(factor: TwoFactor, user: str, code: str) -> object:
            import_module(settings.SESSION_ENGINE).SessionStore(key).flush()
            return verify(factor, user, code)

        with monkeypatch.context() as raced:
            raced.setattr(TwoFactor, "verify", and_logged_out)
            assert alice.post("/2fa/code/", code=alice.code()).status_code == 400
        assert not alice.is_let_in()
        alice.logs_in()
        assert alice.is_let_in()


def test_a_session_in_its_cookie_goes_on(house: House) -> None:
    """It is nowhere on the server, and cannot be ended: the code is accepted, as a check warns."""
    with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"), in_front("looks"):
        alice = house.visitor(phone=True)
        alice.logs_in()
        assert alice.is_let_in()
        assert TIE in alice.browser.session


def test_a_password_that_is_hashed_anew_revives_no_session(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reset gives the session of the administrator a new key then, unless it has ended."""
    root, ada = house.visitor("root"), house.visitor("ada", phone=True)
    root.logs_in()
    monkeypatch.setattr(asking, "has_gone", lambda _session: True)
    path = f"/admin/auth/user/reset-second-factor/?user={ada.key}"
    hashers = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", "django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=hashers):
        assert root.post(path, reason="lost", own_password=PASSWORD, new_password="on").status_code == 400
    assert house.factor.status(ada.key).code_required


# ---- forms that break ----


class Broken(io.BytesIO):
    """A body in whose midst the connection breaks."""

    def read(self, _size: int | None = -1, /) -> bytes:
        """Fail."""
        raise OSError("canary")


def tells(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware in front, which puts on each page whom it is for, as a page for errors may."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["For"] = request.user.get_username() or "nobody"
        return response

    return middleware


@pytest.mark.parametrize("path", ["/2fa/code/", "/2fa/confirm/", "/admin/auth/user/reset-second-factor/?user=1"])
@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(
    "form",
    [
        (FORM, None),
        (FORM, b"code=canary&x=" + b"x" * 3_000_000),
        (FORM, b"code=canary&" + b"&".join(b"x%d=1" % number for number in range(1001))),
        ("application/x-www-form-urlencoded; charset=latin1", b"code=canary"),
        ("multipart/form-data; boundary=", b"canary"),
        ("multipart/form-data; boundary=x", None),
    ],
    ids=["connection", "size", "fields", "charset", "boundary", "parts"],
)
def test_a_form_that_cannot_be_read_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch, path: str, debug: bool, form: tuple[str, bytes | None]
) -> None:
    """By a page 400 that knows nobody, before any view is asked; what was typed is nowhere."""
    handler = AdminEmailHandler(include_html=True, email_backend="django.core.mail.backends.locmem.EmailBackend")
    for name in ("django.request", "django.security"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [handler])
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    kind, body = form
    place, _, query = path.partition("?")
    size = str(len(body)) if isinstance(body, bytes) else "20"
    sent = {"CONTENT_TYPE": kind, "CONTENT_LENGTH": size, "wsgi.input": Broken() if body is None else io.BytesIO(body)}
    with in_front("tells"), override_settings(DEBUG=debug, ADMINS=ADMINISTRATORS):
        alice = house.visitor(phone=True)
        alice.gives_password()
        before = alice.browser.cookies["sessionid"].value
        answer = alice.browser.request(REQUEST_METHOD="POST", PATH_INFO=place, QUERY_STRING=query, **sent)
        assert answer.status_code == 400
        assert answer["For"] == "nobody"
        assert "canary" not in text(answer)
        assert not any("canary" in sent.message().as_string() for sent in mail.outbox)
        assert alice.browser.cookies["sessionid"].value == before
        assert alice.get("/private")["Location"].startswith("/2fa/code/")


def test_what_somebody_in_front_has_read_is_no_form(house: House) -> None:
    """As Django has it: the fields are empty then."""
    alice = house.visitor(phone=True)
    with in_front("reads"):
        alice.gives_password()
        assert alice.post("/2fa/code/", code=alice.code()).status_code == 422


def reads(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware in front, which reads the body of a page of the app's for itself."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path == "/2fa/code/":
            request.read()
        return get_response(request)

    return middleware


def test_in_an_event_loop_too(house: House) -> None:
    """What is too much is refused, and what is right goes on."""
    alice = house.visitor(phone=True)

    async def walk() -> list[int]:
        browser = AsyncClient(raise_request_exception=False)
        await browser.aforce_login(alice.user)
        much = await browser.post("/2fa/code/", urlencode({"code": "x" * 3_000_000}), content_type=FORM)
        right = await browser.post("/2fa/code/", {"code": alice.code()})
        return [much.status_code, right.status_code]

    assert async_to_sync(walk)() == [400, 302]
