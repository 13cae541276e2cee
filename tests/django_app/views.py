"""Views of a site's own: open, behind a log-in, exempt, that ask for a second factor, that await, that fail."""

from collections.abc import Awaitable, Callable

from asgiref.sync import markcoroutinefunction
from django.contrib.auth import alogout, login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views import View

from totpcore.django.decorators import second_factor_exempt, second_factor_required
from totpcore.django.mixins import SecondFactorRequiredMixin


def who(request: HttpRequest) -> HttpResponse:
    """Tell whom the view sees."""
    return HttpResponse(f"you are {request.user.get_username() or 'nobody'}")


@transaction.non_atomic_requests  # Django has none for a view that awaits
async def who_async(request: HttpRequest) -> HttpResponse:
    """Tell whom an asynchronous view sees."""
    return HttpResponse(f"you are {(await request.auser()).get_username() or 'nobody'}")


private = login_required(who)
exempt = second_factor_exempt(who)
exempt_async = second_factor_exempt(who_async)
required = second_factor_required(who)
required_async = second_factor_required(who_async)


class Answering(View):
    """A base as of another library, which knows nothing of views that await."""

    def dispatch(self, request: HttpRequest, *_args: object, **_named: object) -> HttpResponseBase:
        """Answer at once."""
        return who(request)


class Required(SecondFactorRequiredMixin, View):
    """Asks for a second factor."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Tell whom it sees."""
        return who(request)


class RequiredAsync(SecondFactorRequiredMixin, View):
    """Asks for a second factor, and awaits."""

    async def get(self, request: HttpRequest) -> HttpResponse:
        """Tell whom it sees."""
        return await who_async(request)


class RequiredAsyncBehind(SecondFactorRequiredMixin, Answering):
    """The same, behind a base that answers without awaiting."""

    async def get(self, request: HttpRequest) -> HttpResponse:
        """Nobody comes here."""
        raise NotImplementedError


class Api(View):
    """A view as of a web API: any method, no page."""

    def dispatch(self, request: HttpRequest, *_args: object, **_named: object) -> HttpResponse:
        """Answer what only somebody who is logged in may know."""
        return HttpResponse(f"{request.method} {request.user.get_username()}")


def single_sign_on(request: HttpRequest) -> HttpResponse:
    """Log somebody in without a password, as what comes back from another server does."""
    login(request, User.objects.get(username=request.GET["user"]), backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse("welcome")


LOADED: list[str] = []  # modules that were imported to see what is in them


class MyAuthentication(AuthenticationMiddleware):
    """One of a site's own, in the place of Django's."""


def sends_away(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware that lets nobody be logged in, in the way that a header says."""

    def middleware(request: HttpRequest) -> HttpResponse:
        way = request.headers.get("way")
        if way == "log out":
            logout(request)
        elif way == "flush":
            request.session.flush()
        elif way == "make anonymous":
            request.user = AnonymousUser()
        return get_response(request)

    return middleware


def peeks(get_response: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> object:
    """A middleware that asks who it is, in the way of a program that awaits, before ours has decided."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        await request.auser()
        return await get_response(request)

    return markcoroutinefunction(middleware)


def sends_away_awaiting(get_response: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> object:
    """A middleware that logs everybody out, in the way of a program that awaits."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        await alogout(request)
        return await get_response(request)

    return markcoroutinefunction(middleware)


sends_away_awaiting.async_capable, sends_away_awaiting.sync_capable = True, False  # type: ignore[attr-defined]  # as below
peeks.async_capable, peeks.sync_capable = True, False  # type: ignore[attr-defined]  # as Django marks a function


def broken(request: HttpRequest) -> HttpResponse:
    """Fail."""
    raise RuntimeError
