"""Sessions, kept on the server, and the table of who reaches what.

Rule 1. The cookie is a random word, and only its hash is kept. Every step up gets a new word, and the old one is dead.
Rule 2. A half session (password given, code not yet) ends after five minutes and reaches only the code and log-out.
Rule 3. A session is tied to the password and the second factor it was made under. When either changes, it ends.
Rule 4. Every change is a POST with a token that only pages of this very session hold.
Rule 5. What the tables in `panel_pages.access` do not open is closed.
Rule 6. A session remembers which set-up it began, by a mark that is worth nothing without the word in its cookie.
Rule 7. The form is read first. What a session may do is asked when all of it is here, however slowly it was sent.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, cast

from fastapi import Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from fastapi_panel.forms import Form, read_form
from fastapi_panel.users import Users
from panel_pages import access
from panel_pages.access import FULL, LIFETIME, Session, User, digest, tie
from totpcore import AsyncTwoFactor, Enforcement, Enrolment, Gate


@dataclass(frozen=True, slots=True)
class Panel:
    """What the views share."""

    users: Users
    factor: AsyncTwoFactor
    clock: Callable[[], float]
    secure_cookie: bool


@dataclass(slots=True)
class Visit:
    """One request: who asks, by which session, and what was typed."""

    request: Request
    panel: Panel
    view: str
    cookie: str = field(repr=False)
    new_cookie: str = field(default="", repr=False)
    looked: bool = False
    session: Session | None = None
    user: User | None = None
    form: Form = field(default_factory=Form, repr=False)
    enforcement: Enforcement | None = None
    nudge: bool = False
    confined: bool = False
    trouble: bool = False  # with a database: the page that says so asks none

    @property
    def me(self) -> User:
        """The administrator of this session, half or full."""
        return cast("User", self.user)

    @property
    def csrf(self) -> str:
        """The token of rule 4: whoever cannot read the cookie cannot make it."""
        return hmac.digest(self.cookie.encode(), b"csrf", "sha256").hex()


class Elsewhere(Exception):
    """The visitor is sent to another view."""

    def __init__(self, view: str) -> None:
        super().__init__(view)
        self.view = view


async def guard(request: Request) -> Visit:
    """Before each view: read the form, find the session, check the token, let nobody where they may not go."""
    changes = request.method not in {"GET", "HEAD", "OPTIONS"}
    form = await read_form(request) if changes else Form()  # rule 7; a body may take hours
    visit = await find(request)
    visit.form = form
    if changes and not (visit.cookie and hmac.compare_digest(form.get("csrf").encode(), visit.csrf.encode())):
        raise HTTPException(400)
    instead = _instead(visit)
    if instead is not None:
        raise Elsewhere(instead)
    return visit


Here = Annotated[Visit, Depends(guard)]


def visit_of(request: Request) -> Visit:
    """The visit of this request; of a guest's without a cookie as long as nobody has looked."""
    state = request.state
    if not hasattr(state, "visit"):
        route = request.scope.get("route")
        state.visit = Visit(request, cast("Panel", request.app.state.panel), getattr(route, "name", ""), cookie="")
    return cast("Visit", state.visit)


async def find(request: Request) -> Visit:
    """Look who asks, and what the house rule says of them."""
    visit = visit_of(request)
    visit.looked = True
    parts = visit.panel
    visit.cookie = request.cookies.get(cookie_name(parts), "")
    found = await parts.users.session(digest(visit.cookie))
    user = await parts.users.by_id(found.user) if found and access.goes_on(found, parts.clock()) else None
    if found and user and hmac.compare_digest(found.tie, tie(user, await parts.factor.status(user.id))):
        visit.session, visit.user = found, user
        await _gate(visit)
    elif found:
        await parts.users.end_session(found.hash, now=parts.clock())
    return visit


async def _gate(visit: Visit) -> None:
    """Ask what the house rule says of whoever is wholly in."""
    if visit.session is None or visit.session.stage != FULL or visit.me.temporary:
        return
    visit.enforcement = await visit.panel.users.enforcement()
    gate = await visit.panel.factor.gate(visit.me.id, visit.enforcement, expected=visit.me.two_factor)
    visit.nudge = gate is Gate.NUDGE
    visit.confined = gate is Gate.MUST_ENROL or visit.session.recovered == "replace"


def _instead(visit: Visit) -> str | None:
    """The view that the visitor is sent to, if the one they asked for is not for this session."""
    if visit.session is None:
        reaches, instead = access.GUEST_REACHES, "login.password"
    elif visit.session.stage != FULL:
        reaches, instead = access.HALF_REACHES, "login.code"
    elif visit.me.temporary:
        reaches, instead = access.PASSWORD_REACHES, "staff.password"
    elif visit.confined:
        reaches, instead = access.SET_UP_REACHES, "second_factor.overview"
    elif visit.view in access.OWNER_ONLY and not visit.me.owner:
        raise HTTPException(403)
    else:
        return "staff.home" if visit.view in access.LOGGED_OUT_ONLY else None
    return None if visit.view in reaches else instead


async def begin(visit: Visit, user: User, stage: str, *, tie: str, recovered: str = "", notice: str = "") -> None:
    """Give the visitor a new session in the place of the one that asked."""
    parts, word = visit.panel, secrets.token_urlsafe(32)
    await parts.users.end_session(digest(visit.cookie), now=parts.clock())
    expires = parts.clock() + LIFETIME[stage]
    visit.session = Session(digest(word), user.id, stage, tie, expires, recovered, notice)
    await parts.users.add_session(visit.session)
    visit.user = user
    visit.cookie = visit.new_cookie = word


async def end_all(visit: Visit) -> str:
    """End every session of this user, and return the word that ties the one to come to what this one is tied to."""
    return f"{await visit.panel.users.end_sessions(visit.me)}/{tied(visit).partition('/')[2]}"


def tied(visit: Visit) -> str:
    """What this session is tied to."""
    return cast("Session", visit.session).tie


def recovered(visit: Visit) -> str:
    """Whether a recovery code opened this session: no text, "yes", or "replace"."""
    return cast("Session", visit.session).recovered


async def renew(visit: Visit, notice: str = "") -> None:
    """Begin anew after the visitor changed a credential: this session goes on, all others of this user end.

    If somebody else changed one at the same moment, so does this one: it is tied to one change and no more.
    """
    user = replace(await visit.panel.users.by_id(visit.me.id) or visit.me, version=visit.me.version + 1)
    await begin(visit, user, FULL, tie=tie(user, await visit.panel.factor.status(user.id)), notice=notice)


async def begin_setup(visit: Visit, enrolment: Enrolment) -> Enrolment:
    """Keep that this session began this set-up."""
    await visit.panel.users.mark_setup(cast("Session", visit.session).hash, _mark(visit, enrolment))
    return enrolment


async def own_setup(visit: Visit) -> Enrolment | None:
    """The secret that waits, if this session began with it.

    Somebody else who knows the password may have begun the set-up that waits now. Shown to its owner and confirmed, it
    would be a secret that both have.
    """
    began = cast("Session", visit.session).setup
    enrolment = await visit.panel.factor.pending(visit.me.id) if began else None
    return enrolment if enrolment and hmac.compare_digest(began, _mark(visit, enrolment)) else None


def _mark(visit: Visit, enrolment: Enrolment) -> str:
    return hmac.digest(visit.cookie.encode(), b"setup" + enrolment.secret.reveal(), "sha256").hex()


def begin_as_guest(visit: Visit) -> None:
    """Give a visitor without a cookie one, so that the log-in form has a token as well."""
    if not visit.cookie:
        visit.cookie = visit.new_cookie = secrets.token_urlsafe(32)


async def end(visit: Visit) -> None:
    """Log out."""
    await visit.panel.users.end_session(digest(visit.cookie), now=visit.panel.clock())
    visit.cookie = visit.new_cookie = secrets.token_urlsafe(32)


async def notify(visit: Visit, notice: str) -> None:
    """Leave a message for the next page."""
    await visit.panel.users.notify(cast("Session", visit.session).hash, notice)


async def take_notice(visit: Visit) -> str:
    """The message that was left for this page, once."""
    if visit.session is None or visit.trouble or not visit.session.notice:
        return ""
    await notify(visit, "")
    return visit.session.notice


def path_of(request: Request, view: str, **parts: str) -> str:
    """The address of a view on this server."""
    above = request.scope.get("app_root_path", request.scope.get("root_path", ""))
    return f"{above}{request.app.url_path_for(view, **parts)}"


def away(request: Request, view: str) -> Response:
    """Send the visitor to another view."""
    return RedirectResponse(path_of(request, view), 302)


def cookie_name(panel: Panel) -> str:
    """What the cookie is called: behind TLS so that no other host may set it."""
    return "__Host-panel" if panel.secure_cookie else "panel"
