"""For views of one's own.

Rule 1. `second_factor_required` decides for itself, also where the middleware is missing.
Rule 2. What is exempt sees nobody before the code was given: to it, half logged in is not logged in.
"""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from . import _pages as pages
from . import _ways as ways
from . import session
from ._people import is_same
from ._reach import EXEMPT
from .session import Stage

V = TypeVar("V", bound=Callable[..., object])


def second_factor_required(view: V) -> V:
    """Let a view be reached only in a session in which a code was accepted.

    Users without a second factor are sent to set one up. The view may be asynchronous.

    Example:
        Over a view::

            @second_factor_required
            def payroll(request): ...
    """
    if iscoroutinefunction(view):

        @wraps(view)
        async def guarded_async(request: HttpRequest, *args: object, **named: object) -> object:
            refusal = await sync_to_async(instead)(request)
            return await view(request, *args, **named) if refusal is None else refusal

        return cast("V", guarded_async)

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **named: object) -> object:
        return instead(request) or view(request, *args, **named)

    return cast("V", guarded)


def second_factor_exempt(view: V) -> V:
    """Let a view be reached in a half session too, which it sees as anonymous.

    Example:
        Over a view that anybody may open::

            @second_factor_exempt
            def opening_hours(request): ...
    """
    # Another function in its place: the view may be used elsewhere, where it is not exempt.
    if iscoroutinefunction(view):

        @wraps(view)
        async def exempt_async(request: HttpRequest, *args: object, **named: object) -> object:
            return await view(request, *args, **named)

        setattr(exempt_async, EXEMPT, True)
        return cast("V", exempt_async)

    @wraps(view)
    def exempt(request: HttpRequest, *args: object, **named: object) -> object:
        return view(request, *args, **named)

    setattr(exempt, EXEMPT, True)
    return cast("V", exempt)


def instead(request: HttpRequest) -> HttpResponseRedirect | None:
    """Return where somebody goes instead, in whose session no code was accepted."""
    found = session.of(request)
    # Whom a middleware, another decorator or the view's own framework has made of the user since, nobody or somebody
    # else by a password or a token that came along, has given no code in this session.
    if found.user is None or not (found.stage is Stage.HALF or is_same(found.user, request.user)):
        return ways.to_log_in(request)
    if found.verified and found.stage is Stage.FULL:
        return None
    if found.stage is Stage.HALF:
        return HttpResponseRedirect(reverse("totpcore:code"))
    pages.tell(request, messages.WARNING, _("That page needs a second factor. Set it up to open it."))
    return HttpResponseRedirect(reverse("totpcore:overview"))
