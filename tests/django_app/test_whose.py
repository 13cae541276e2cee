"""Whose a request is, and whose session came with it: a code was given by the one who is logged in, and nobody else."""

from collections.abc import Callable
from typing import cast

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, authenticate, login
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory, override_settings
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from django_app import urls, views
from django_app.visitors import PASSWORD, House, Visitor, text
from totpcore.django import session
from totpcore.django.apps import MIDDLEWARE
from totpcore.django.conf import key_of
from totpcore.django.decorators import second_factor_required
from totpcore.django.session import SINCE, Stage

ASKED = ["/required", "/required-async", "/required-class", "/required-async-class"]
BACKEND = "django.contrib.auth.backends.ModelBackend"
Answer = Callable[[HttpRequest], HttpResponse]


class Token:
    """Whom a token names, as some libraries have it: no user of the database."""

    is_authenticated = is_active = is_staff = True

    def __init__(self, key: int) -> None:
        self.pk = key

    def get_username(self) -> str:
        """Return a name."""
        return "token"


def by_header(get_response: Answer) -> Answer:
    """A middleware that takes a name along with the request for a log-in, as of HTTP Basic, or a token."""

    def middleware(request: HttpRequest) -> HttpResponse:
        name, token = request.headers.get("as"), request.headers.get("token")
        if name:
            request.user = AnonymousUser() if name == "nobody" else User.objects.get(username=name)
        if token:
            request.user = cast("User", Token(int(token)))
        return get_response(request)

    return middleware


def swallows(get_response: Answer) -> Answer:
    """A middleware that logs in, and goes on where something that was told of it fails."""

    def middleware(request: HttpRequest) -> HttpResponse:
        name = request.GET.get("as")
        if name:
            try:
                login(request, User.objects.get(username=name), backend=BACKEND)
            except RuntimeError:
                request.META["failed"] = True
        return get_response(request)

    return middleware


class Wrapped:
    """A request around Django's, as Django REST framework has it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.was_known = request.user.is_authenticated  # a framework asks, and Django keeps the answer
        name = request.headers.get("as")
        self._user = User.objects.get(username=name) if name else request.user

    @property
    def user(self) -> object:
        """Who it is from."""
        return self._user

    @user.setter
    def user(self, user: User) -> None:
        self._user = self._request.user = user

    def __getattr__(self, name: str) -> object:
        return getattr(self._request, name)


class WrappedApart(Wrapped):
    """One that does not tell Django's who logs in."""

    @property
    def user(self) -> object:
        """Who it is from."""
        return self._user

    @user.setter
    def user(self, user: User) -> None:
        self._user = user


class Api(View):
    """A view that is given such a request."""

    wrapper: type[Wrapped] = Wrapped

    def dispatch(self, request: HttpRequest, *_args: object, **_named: object) -> HttpResponseBase:
        """Wrap it."""
        handler: Callable[[HttpRequest], HttpResponseBase] = getattr(self, (request.method or "").lower())
        return handler(cast("HttpRequest", self.wrapper(request)))

    @method_decorator(second_factor_required)
    def get(self, request: HttpRequest) -> HttpResponse:
        """Tell whom it sees."""
        return views.who(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Log in."""
        user = authenticate(username=request.POST["name"], password=PASSWORD)
        login(request, user, backend=BACKEND)
        return HttpResponse("welcome")


urlpatterns = [
    path("wrapped", Api.as_view()),
    path("apart", Api.as_view(wrapper=WrappedApart)),
    path("", include(urls)),
]


def site(*names: str, front: bool = False) -> override_settings:
    """A site with these middlewares behind the app's, or in front of it."""
    listed = list(settings.MIDDLEWARE)
    place = listed.index(MIDDLEWARE) + (not front)
    listed[place:place] = [f"{__name__}.{name}" for name in names]
    return override_settings(MIDDLEWARE=listed, ROOT_URLCONF=__name__)


# ---- somebody else's request in a session ----


@pytest.mark.parametrize("path", [*ASKED, "/wrapped"])
@pytest.mark.parametrize("front", [False, True])
def test_a_code_counts_for_nobody_who_came_along(house: House, path: str, front: bool) -> None:
    """Who gave a code themselves opens nothing for a name, a password or a token that is sent along."""
    with site("by_header", front=front):
        mallory, ada = house.visitor("mallory", phone=True), house.visitor("ada", phone=True)
        mallory.logs_in()
        assert text(mallory.get(path)) == "you are mallory"
        assert text(mallory.get(path, **{"as": "mallory"})) == "you are mallory"
        assert mallory.get(path, **{"as": "ada"})["Location"] == f"/admin/login/?next={path}"
        for key in (ada.key, mallory.key):
            assert mallory.get(path, token=key)["Location"] == f"/admin/login/?next={path}"


def test_a_view_behind_a_wrapper_asks_as_any_other(house: House) -> None:
    """To log in, to give the code, to set up: with a message that Django's own request keeps."""
    with site():
        alice, bob = house.visitor(phone=True), house.visitor("bob")
        assert alice.get("/wrapped")["Location"] == "/admin/login/?next=/wrapped"
        alice.gives_password()
        assert alice.get("/wrapped")["Location"].startswith("/2fa/code/")
        bob.logs_in()
        assert bob.get("/wrapped")["Location"] == "/2fa/"
        assert "That page needs a second factor" in text(bob.get("/2fa/"))


def test_a_session_is_confined_whoever_came_along(house: House) -> None:
    """In front of the middleware: a half session is half, a full one is full, and each is asked for its own code."""
    with site("by_header", front=True):
        alice, bob = house.visitor(phone=True), house.visitor("bob")
        alice.gives_password()
        assert alice.get("/open", **{"as": "bob"})["Location"].startswith("/2fa/code/")
        alice.post("/2fa/code/", code=alice.code())
        assert text(alice.get("/open", **{"as": "bob"})) == "you are bob"
        assert text(alice.get("/open", token=bob.key)) == "you are token"
        assert alice.is_let_in()


@pytest.mark.parametrize("path", ASKED)
def test_a_session_that_has_ended_is_nobodys_whoever_came_along(house: House, path: str) -> None:
    """Its password was changed since: who is named by the request goes on without it, and no further."""
    with site("by_header", front=True):
        alice = house.visitor(phone=True)
        house.visitor("bob", phone=True)
        alice.logs_in()
        alice.user.set_password("quite another password")
        alice.user.save()
        assert text(alice.get("/open", **{"as": "bob"})) == "you are bob"
        assert alice.get(path, **{"as": "bob"})["Location"] == f"/admin/login/?next={path}"
        assert not alice.is_let_in()


def test_nobody_is_urged_in_somebody_elses_name(house: House) -> None:
    """Who has no second factor is asked to set one up where the request is their own."""
    with site("by_header", front=True), override_settings(TOTPCORE_ENFORCEMENT="encourage"):
        alice = house.visitor()
        house.visitor("bob")
        alice.logs_in()
        alice.get("/open", **{"as": "bob"})
        assert session.TOLD not in alice.browser.session
        alice.get("/open")
        assert session.TOLD in alice.browser.session


@pytest.mark.parametrize("rule", ["off", "require"])
def test_who_was_made_anonymous_in_front_is_a_visitor(house: House, rule: str) -> None:
    """As somebody who is suspended: what is open to all is open to them, and no page sends them round in circles."""
    with site("by_header", front=True), override_settings(TOTPCORE_ENFORCEMENT=rule):
        alice = house.visitor(phone=rule == "off")
        alice.gives_password()
        assert text(alice.get("/open", **{"as": "nobody"})) == "you are nobody"
        for path in ("/2fa/", "/2fa/code/", "/required"):
            assert alice.get(path, **{"as": "nobody"})["Location"].startswith("/admin/login/")
        assert alice.get("/admin/login/", **{"as": "nobody"}).status_code == 200


# ---- a log-in that nobody tells of ----


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a receiver that comes first fail, so that the app is not told who logs in."""

    def fail(request: HttpRequest, **_told: object) -> None:
        if "as" in request.GET:
            raise RuntimeError

    kept = list(user_logged_in.receivers)
    monkeypatch.setattr(user_logged_in, "receivers", [])
    user_logged_in.connect(fail, weak=False)
    user_logged_in.receivers.extend(kept)
    user_logged_in.sender_receivers_cache.clear()


@pytest.mark.usefixtures("deaf")
@pytest.mark.parametrize("path", ["/private", "/open", "/nowhere", *ASKED])
@pytest.mark.parametrize("had", ["nothing", "a session", "a log-in"])
def test_a_log_in_that_is_not_told_is_asked_too(house: House, path: str, had: str) -> None:
    """At once: what was found out before was about somebody else, or nobody."""
    with site("swallows"):
        mallory, ada = house.visitor("mallory", phone=True, staff=False), house.visitor("ada", phone=True)
        if had == "a session":
            mallory.browser.session.save()
        if had == "a log-in":
            mallory.browser.force_login(mallory.user)
            mallory.post("/2fa/code/", code=mallory.code())
            assert mallory.is_let_in()
        for _ in range(2):
            assert mallory.get(f"{path}?as=ada")["Location"].startswith("/2fa/code/?next=")
        assert mallory.browser.session[SESSION_KEY] == ada.key


def test_middleware_that_answers_after_such_a_log_in(house: House, deaf: None) -> None:
    """No view was asked, so the answer is not let out."""
    listed = [*settings.MIDDLEWARE, f"{__name__}.swallows", f"{__name__}.answers"]
    with override_settings(MIDDLEWARE=listed, ROOT_URLCONF=__name__):
        ada = house.visitor("ada", phone=True)
        assert ada.get("/open?as=ada")["Location"].startswith("/2fa/code/")


def answers(_get_response: Answer) -> Answer:
    """A middleware that answers by itself."""
    return lambda request: HttpResponse(f"for {request.user.get_username()}")


@pytest.mark.parametrize("path", ["/wrapped", "/apart"])
def test_the_five_minutes_begin_behind_a_wrapper_too(house: House, path: str) -> None:
    """A view that logs in by the request around Django's begins them as any other."""
    with site():
        alice = house.visitor(phone=True)
        assert text(alice.post(path, name="alice")) == "welcome"
        assert alice.browser.session[SINCE] == house.clock()
        house.clock.tick(301)
        assert alice.get("/private")["Location"].startswith("/accounts/login/")
        alice.gives_password()
        alice.post("/2fa/code/", code=alice.code())
        house.clock.tick(60)
        assert text(alice.post(path, name="alice")) == "welcome"
        assert alice.browser.session[SINCE] == house.clock()
        assert alice.get("/private")["Location"].startswith("/2fa/code/"), "the code was for the log-in before"


# ---- users of another class ----


class Customer:
    """Somebody of another table, with a number that a user has too."""

    is_authenticated = is_active = True
    is_anonymous = is_staff = False

    def __init__(self, key: int) -> None:
        self.pk = self.id = key

    def get_username(self) -> str:
        """Return a name."""
        return "customer"


class Customers(BaseBackend):
    """Their log-in."""

    def get_user(self, user_id: int) -> User | None:
        """Return one, whatever the number."""
        return cast("User", Customer(user_id))


def as_customer(visitor: Visitor) -> None:
    """Log somebody in who is no user."""
    held = visitor.browser.session
    held[SESSION_KEY], held[BACKEND_SESSION_KEY] = visitor.key, f"{__name__}.Customers"
    held.save()
    visitor.browser.cookies["sessionid"] = held.session_key or ""


def test_users_of_another_class_have_no_record(house: House) -> None:
    """Their numbers are other people's: they would share a second factor with somebody, so none of them is let in."""
    alice = house.visitor(phone=True)
    with override_settings(AUTHENTICATION_BACKENDS=[BACKEND, f"{__name__}.Customers"], ROOT_URLCONF=__name__):
        as_customer(alice)
        alice.browser.raise_request_exception = True
        for path in ("/open", "/2fa/", "/2fa/code/"):
            with pytest.raises(ImproperlyConfigured, match=r"AUTH_USER_MODEL, and [\w.]+Customer is none"):
                alice.get(path)


def test_no_id_is_made_of_them() -> None:
    """By whoever asks."""
    with pytest.raises(ImproperlyConfigured, match="AUTH_USER_MODEL"):
        key_of(cast("User", Customer(1)))


# ---- what a view reads ----


def test_what_was_found_out_holds_for_who_was_logged_in(house: House) -> None:
    """It is looked up anew when the session says another name, and not else."""
    alice, bob = house.visitor(), house.visitor("bob", phone=True)
    alice.browser.force_login(alice.user)
    request = RequestFactory().get("/")
    request.session, request.user = alice.browser.session, alice.user
    first = session.of(request)
    assert (first.stage, first.user) == (Stage.FULL, alice.user)
    assert session.of(request) is first
    assert session.of(cast("HttpRequest", Wrapped(request))) is first
    request.session[SESSION_KEY] = bob.key
    request.session[HASH_SESSION_KEY] = bob.user.get_session_auth_hash()
    found = session.of(request)
    assert (found.stage, found.user) == (Stage.HALF, bob.user)
