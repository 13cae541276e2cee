"""Who a request is from, and whose session came with it.

Rules of this file:

1. Who a request is from is set for `request.user` and for `request.auser` alike: Django's own functions set the one.
2. Who is logged in is what the session says. The request may be somebody else's, by a password or a token that came
   with it, and a middleware may have made it nobody's.
"""

from django.contrib.auth import SESSION_KEY, get_user, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest


def unwrapped(request: HttpRequest) -> HttpRequest:
    """Return Django's own request, where a view was given another around it, as by Django REST framework."""
    inner: HttpRequest = getattr(request, "_request", request)
    return inner


def set_user(request: HttpRequest, user: AbstractBaseUser | AnonymousUser) -> None:
    """Say who a request is from, to views that wait and to views that await."""

    async def auser() -> AbstractBaseUser | AnonymousUser:
        return user

    request.user, request.auser = user, auser
    for name in ("_cached_user", "_acached_user"):  # where Django keeps whom it found in the session
        vars(request).pop(name, None)


def has_gone(session: SessionBase) -> bool:
    """Whether a session was ended on the server since it was looked up. One that is all in its cookie cannot be."""
    key = session.session_key
    return key is not None and not session.exists(key) and not type(session)(key).load()


def must_be_there(session: SessionBase) -> None:
    """Stop here if a session was ended meanwhile: with a new key, Django would make it anew.

    Raises:
        SessionInterrupted: If it was.
    """
    if has_gone(session):
        raise SessionInterrupted("The session was ended while this request was under way.")


def whose(request: HttpRequest) -> str | None:
    """Return the primary key of who is logged in, as the session has it."""
    session = request.session
    # What has no cookie and was not written to is not looked at: each answer to such a visitor stays cacheable.
    if session.session_key is None and not session.modified:
        return None
    pk: str | None = session.get(SESSION_KEY)
    return pk


def user_of(request: HttpRequest, pk: str) -> AbstractBaseUser | AnonymousUser:
    """Return the user who is logged in."""
    user = request.user
    return user if isinstance(user, get_user_model()) and str(user.pk) == pk else get_user(request)
