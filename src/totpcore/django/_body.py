"""What was typed is read before anybody asks who typed it.

Rules of this file:

1. Whoever sends a form may hold back its last byte for as long as they like: over a log-out, or over a new password. So
   the form is read first, and the session is looked up after that.
2. Where something in front of the middleware has looked it up before, it is looked up again.
3. Where the form cannot be read, nobody is logged in, and no view is asked.
"""

from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import BadRequest
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict

from . import session
from ._request import has_gone, set_user


def read(request: HttpRequest) -> None:
    """Wait for what was typed.

    Raises:
        BadRequest: If the connection broke. What else is wrong with a form raises what Django has for it.
    """
    try:
        len(request.POST)
    except Exception as trouble:
        vars(request).update(_post=QueryDict(), _files=MultiValueDict())  # or reporters would try once more, and fail
        set_user(request, AnonymousUser())
        session.settle(request, session.SecondFactor())
        if isinstance(trouble, OSError):  # which Django would report to the administrators, with a traceback
            raise BadRequest("The form could not be read.") from None
        raise
    if request.session.accessed:
        _look_again(request)


def _look_again(request: HttpRequest) -> None:
    """Let nobody be logged in whose session was ended, or whose password was changed, since it was looked up."""
    held = request.session
    if held.get(SESSION_KEY) is None:
        return
    if not held.modified:  # else what was written would be lost
        request.session = type(held)(held.session_key)
    if has_gone(held) or isinstance(get_user(request), AnonymousUser):
        request.session.flush()
        set_user(request, AnonymousUser())
