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
from dataclasses import dataclass, replace
from typing import cast

from flask import Response, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from admin_panel.users import Users
from panel_pages import HEADERS, access
from panel_pages.access import FULL, LIFETIME, Session, User, digest, tie
from totpcore import Enrolment, Gate, TwoFactor


@dataclass(frozen=True, slots=True)
class Panel:
    """What the views share."""

    users: Users
    factor: TwoFactor
    clock: Callable[[], float]


def panel() -> Panel:
    """The parts of the running application."""
    return cast("Panel", current_app.extensions["panel"])


def me() -> User:
    """The administrator of this session, half or full."""
    return cast("User", g.user)


def csrf() -> str:
    """The token of rule 4: whoever cannot read the cookie cannot make it."""
    return hmac.digest(g.cookie.encode(), b"csrf", "sha256").hex()


def guard() -> ResponseReturnValue | None:
    """Before each request: read the form, find the session, check the token, let nobody where they may not go."""
    g.cookie, g.user, g.session = request.cookies.get(_cookie_name(), ""), None, None
    if request.endpoint == "static":
        return None
    changes = request.method not in {"GET", "HEAD", "OPTIONS"}
    try:
        sent = request.form.get("csrf", "") if changes else ""  # rule 7; a body may take hours, or be too long
    finally:
        _find()
    if changes and not (g.cookie and hmac.compare_digest(sent.encode(), csrf().encode())):
        abort(400)
    reaches, instead = _reach()
    # Without an endpoint there is no such page, or not with this method; Flask says so.
    if request.endpoint is None or request.endpoint in reaches:
        return None
    return redirect(url_for(instead))


def _find() -> None:
    parts, found = panel(), panel().users.session(digest(g.cookie))
    user = parts.users.by_id(found.user) if found and access.goes_on(found, parts.clock()) else None
    if found and user and hmac.compare_digest(found.tie, tie(user, parts.factor.status(user.id))):
        g.session, g.user = found, user
        _gate()
    elif found:
        parts.users.end_session(found.hash, now=parts.clock())


def _gate() -> None:
    """Ask what the house rule says of whoever is wholly in."""
    if g.session.stage != FULL or me().temporary:
        return
    g.enforcement = panel().users.enforcement()
    gate = panel().factor.gate(me().id, g.enforcement, expected=me().two_factor)
    g.nudge = gate is Gate.NUDGE
    g.confined = gate is Gate.MUST_ENROL or g.session.recovered == "replace"


def _reach() -> tuple[set[str], str]:
    """What this session reaches, and where it is sent if it asks for more."""
    if g.session is None:
        return access.GUEST_REACHES, "login.password"
    if g.session.stage != FULL:
        return access.HALF_REACHES, "login.code"
    if me().temporary:
        return access.PASSWORD_REACHES, "staff.password"
    if g.confined:
        return access.SET_UP_REACHES, "second_factor.overview"
    if request.endpoint in access.OWNER_ONLY and not me().owner:
        abort(403)
    return set(current_app.view_functions) - access.LOGGED_OUT_ONLY, "staff.home"


def begin(user: User, stage: str, *, tie: str, recovered: str = "", notice: str = "") -> None:
    """Give the visitor a new session in the place of the one that asked."""
    parts, word = panel(), secrets.token_urlsafe(32)
    parts.users.end_session(digest(g.cookie), now=parts.clock())
    expires = parts.clock() + LIFETIME[stage]
    g.session = Session(digest(word), user.id, stage, tie, expires, recovered, notice)
    g.user, g.cookie, g.new_cookie = user, word, word
    parts.users.add_session(g.session)


def end_all() -> str:
    """End every session of this user, and return the word that ties the one to come to what this one is tied to."""
    return f"{panel().users.end_sessions(me())}/{g.session.tie.partition('/')[2]}"


def renew(notice: str = "") -> None:
    """Begin anew after the visitor changed a credential: this session goes on, all others of this user end.

    If somebody else changed one at the same moment, so does this one: it is tied to one change and no more.
    """
    user = replace(panel().users.by_id(me().id) or me(), version=me().version + 1)
    begin(user, FULL, tie=tie(user, panel().factor.status(user.id)), notice=notice)


def begin_setup(enrolment: Enrolment) -> Enrolment:
    """Keep that this session began this set-up."""
    panel().users.mark_setup(g.session.hash, _mark(enrolment))
    return enrolment


def own_setup() -> Enrolment | None:
    """The secret that waits, if this session began with it.

    Somebody else who knows the password may have begun the set-up that waits now. Shown to its owner and confirmed, it
    would be a secret that both have.
    """
    enrolment = panel().factor.pending(me().id) if g.session.setup else None
    return enrolment if enrolment and hmac.compare_digest(g.session.setup, _mark(enrolment)) else None


def _mark(enrolment: Enrolment) -> str:
    return hmac.digest(g.cookie.encode(), b"setup" + enrolment.secret.reveal(), "sha256").hex()


def begin_as_guest() -> None:
    """Give a visitor without a cookie one, so that the log-in form has a token as well."""
    if not g.cookie:
        g.cookie = g.new_cookie = secrets.token_urlsafe(32)


def end() -> None:
    """Log out."""
    panel().users.end_session(digest(g.cookie), now=panel().clock())
    g.cookie = g.new_cookie = secrets.token_urlsafe(32)


def notify(notice: str) -> None:
    """Leave a message for the next page."""
    panel().users.notify(g.session.hash, notice)


def take_notice() -> str:
    """The message that was left for this page, once."""
    found = cast("Session | None", g.get("session"))
    if found is None or not found.notice:
        return ""
    notify("")
    return found.notice


def harden(response: Response) -> Response:
    """After each request: the headers, and the new cookie if there is one."""
    response.headers.update(HEADERS)
    # Nothing is stored, so there is nothing to compare with; without these no browser asks whether a file has changed.
    response.headers.pop("ETag", None)
    response.headers.pop("Last-Modified", None)
    if word := g.pop("new_cookie", None):
        secure = current_app.config["SECURE_COOKIE"]
        response.set_cookie(_cookie_name(), word, httponly=True, samesite="Lax", secure=secure, path="/")
    return response


def _cookie_name() -> str:
    return "__Host-panel" if current_app.config["SECURE_COOKIE"] else "panel"
