"""What a session may do, and the marks in it that say so.

Rules of this file:

1. A session in which a code was accepted is tied to the generation of the factor. When that changes, by a set-up, a
   reset or the end of the factor, the session ends.
2. A session with the password alone is a half one where a factor is on, however it came to be: it ends five minutes
   after it was first seen, by the clock of the service.
3. Each log-in drops what was accepted before. Each step up gets a new session key and a new CSRF token.
4. The marks hold no secret and no code.
5. What was found out holds for who was logged in then. The session says who that is, and nobody has to tell.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.contrib.auth import logout
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.crypto import constant_time_compare

from ..answers import Gate, Recovered
from . import conf
from ._request import must_be_there, set_user, unwrapped, user_of, whose
from .models import expectation

HALF_SECONDS: Final = 300

TIE: Final = "_totpcore_tie"  # the generation under which a code was accepted here
SINCE: Final = "_totpcore_since"  # when a half session was first seen
RECOVERED: Final = "_totpcore_recovered"  # came in by a recovery code: until when set-up takes no further one
MUST_REPLACE: Final = "_totpcore_must_replace"  # and has to set up, since the codes of the app are locked
SETUP: Final = "_totpcore_setup"  # the set-up that began here: a keyed fingerprint of its secret
TOLD: Final = "_totpcore_told"  # was asked to set up a factor
_ALL: Final = (TIE, SINCE, RECOVERED, MUST_REPLACE, SETUP, TOLD)

_FOUND: Final = "second_factor"  # of a request
_WHOSE: Final = "_totpcore_whose"  # of a request: who was logged in when that was found out


class Stage(StrEnum):
    """How far a session has come.

    Attributes:
        NONE: Nobody is logged in.
        HALF: The password was right, the code has not been given.
        CONFINED: A factor has to be set up, or set up anew, before anything else.
        FULL: Let in.
    """

    NONE = "none"
    HALF = "half"
    CONFINED = "confined"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """What the middleware found out about a request; it is `request.second_factor`.

    Attributes:
        stage: How far the session has come.
        user: Who it is; also where `request.user` is anonymous, as on the code page.
        verified: Whether a code was accepted in this session.
        nudge: Whether to ask for a factor to be set up.
        recovered: Whether a recovery code opened this session, so lately that set-up takes no further code.
        ended: Whether a session was ended just now, since it was too old or its factor has changed.
    """

    stage: Stage = Stage.NONE
    user: AbstractBaseUser | None = None
    verified: bool = False
    nudge: bool = False
    recovered: bool = False
    ended: bool = False


def of(request: HttpRequest) -> SecondFactor:
    """Return what the middleware found out about a request; anew where a log-in or a log-out came in between.

    Raises:
        ImproperlyConfigured: If somebody is logged in who is no user of `AUTH_USER_MODEL`.
        StoreError: If the store cannot be relied on.
    """
    request = unwrapped(request)
    found: SecondFactor | None = vars(request).get(_FOUND)
    if found is not None and is_settled(request):
        return found
    # Something behind the middleware may have logged them out since, for views that wait alone, or that await alone.
    if found is not None and found.user is not None and whose(request) is None:
        set_user(request, AnonymousUser())
    return settle(request, _find(request))


def settle(request: HttpRequest, found: SecondFactor) -> SecondFactor:
    """Let this hold for a request, until somebody logs in or out."""
    vars(request)[_FOUND], vars(request)[_WHOSE] = found, whose(request)
    return found


def is_settled(request: HttpRequest) -> bool:
    """Whether what was found out holds still: nobody has logged in or out since, in whatever way."""
    return _FOUND in vars(request) and vars(request).get(_WHOSE) == whose(request)


def mark_verified(
    request: HttpRequest, user: AbstractBaseUser, generation: str | None, *, recovered: Recovered | None = None
) -> None:
    """Make a full session of the one that asked, tied to `generation`; `None` where the factor is off now.

    Raises:
        SessionInterrupted: If it was ended meanwhile.
    """
    session = request.session
    must_be_there(session)
    session.cycle_key()
    rotate_token(request)
    unmark(request)
    if generation is not None:
        session[TIE] = generation
    if recovered is not None:
        session[RECOVERED] = conf.now() + conf.policy().pending_seconds
        session[MUST_REPLACE] = recovered.must_replace
    set_user(request, user)


def unmark(request: HttpRequest) -> None:
    """Drop all that was accepted in a session. What it may do is asked anew."""
    for name in _ALL:
        request.session.pop(name, None)
    vars(unwrapped(request)).pop(_FOUND, None)


def drop_marks(*, request: HttpRequest | None = None, **_more: object) -> None:
    """After a log-in, whoever made it: the code was for the one before."""
    if getattr(request, "session", None) is not None and request is not None:
        unmark(request)


def _find(request: HttpRequest) -> SecondFactor:
    pk = whose(request)
    # Whom a middleware in front has made anonymous is nobody, unless somebody has logged in since.
    if pk is None or (isinstance(request.user, AnonymousUser) and vars(request).get(_WHOSE, pk) == pk):
        return SecondFactor()
    user = user_of(request, pk)
    if isinstance(user, AnonymousUser):
        return SecondFactor()
    tie: object = request.session.get(TIE)
    return _unverified(request, user) if tie is None else _verified(request, user, str(tie))


def _verified(request: HttpRequest, user: AbstractBaseUser, tie: str) -> SecondFactor:
    factor, key = conf.two_factor(), conf.key_of(user)
    status = factor.status(key)
    if not (status.code_required and status.generation and constant_time_compare(tie, status.generation)):
        if not status.code_required:
            factor.gate(key, expected=expectation(user) is not None)  # raises where the store has lost the record
        return _end(request)
    session = request.session
    stage = Stage.CONFINED if session.get(MUST_REPLACE) else Stage.FULL
    recovered: bool = conf.now() < session.get(RECOVERED, 0)
    return SecondFactor(stage=stage, user=user, verified=True, recovered=recovered)


def _unverified(request: HttpRequest, user: AbstractBaseUser) -> SecondFactor:
    session, expected = request.session, expectation(user) is not None
    gate = conf.two_factor().gate(conf.key_of(user), conf.enforcement_for(user), expected=expected)
    if gate is Gate.CHALLENGE:
        now: float = conf.now()
        since: float = session.setdefault(SINCE, now)
        # A clock that was set back ends it as well.
        return SecondFactor(stage=Stage.HALF, user=user) if since <= now < since + HALF_SECONDS else _end(request)
    if SINCE in session:  # a reset has overtaken the log-in, which began under the old factor
        return _end(request)
    stage = Stage.CONFINED if gate is Gate.MUST_ENROL else Stage.FULL
    return SecondFactor(stage=stage, user=user, nudge=gate is Gate.NUDGE)


def _end(request: HttpRequest) -> SecondFactor:
    logout(request)
    set_user(request, AnonymousUser())
    return SecondFactor(ended=True)
