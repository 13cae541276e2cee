"""Logging in: the password, then the second factor.

Rule 1. After the password there is one question: `gate`. It also stops the log-in where a second factor should be and
is not.
Rule 2. Nothing but a return of `verify` or `recover` makes a full session out of a half one. A refusal is an exception.
Rule 3. The new session is tied to what held when the password was checked, so a reset that comes in between ends it.
"""

from fastapi import APIRouter, Response

from fastapi_panel import session
from fastapi_panel.messages import page, refused
from fastapi_panel.session import Here, Visit, away
from panel_pages import access, messages
from panel_pages.access import FULL, HALF, User
from totpcore import Gate, Refused, State

views = APIRouter()


@views.get("/login", name="login.password")
async def password_page(visit: Here) -> Response:
    """Ask for user name and password."""
    session.begin_as_guest(visit)
    return await page(visit, "login.html")


@views.post("/login", name="login.password")
async def password(visit: Here) -> Response:
    """Check them, and ask whether that is all."""
    user = await visit.panel.users.check_password(visit.form.get("login"), visit.form.get("password"))
    if user is None:
        return await page(visit, "login.html", status_code=422, error=messages.LOG_IN)
    return await let_in(visit, user)


async def let_in(visit: Visit, user: User) -> Response:
    """Begin a session for whoever has proved, by a password or by any other first step, that they are `user`.

    Every door to the panel ends here. `user` is as it was read for that proof.
    """
    factor, enforcement = visit.panel.factor, await visit.panel.users.enforcement()
    tie = access.tie(user, await factor.status(user.id))
    if await factor.gate(user.id, enforcement, expected=user.two_factor) is Gate.CHALLENGE:
        await session.begin(visit, user, HALF, tie=tie)
        return away(visit.request, "login.code")
    await session.begin(visit, user, FULL, tie=tie)
    return away(visit.request, "staff.home")


@views.get("/login/code", name="login.code")
async def code_page(visit: Here) -> Response:
    """Ask for the code of the authenticator app."""
    status = await visit.panel.factor.status(visit.me.id)
    return await page(visit, "code.html", locked=messages.LOCKED if status.state is State.LOCKED else "")


@views.post("/login/code", name="login.code")
async def code(visit: Here) -> Response:
    """Check the code."""
    try:
        accepted = await visit.panel.factor.verify(visit.me.id, visit.form.get("code"))
    except Refused as refusal:
        return await refused(visit, "code.html", refusal)
    notice = messages.wrong_codes(accepted.failures_before)
    await session.begin(visit, visit.me, FULL, tie=session.tied(visit), notice=notice)
    return away(visit.request, "staff.home")


@views.get("/login/recovery", name="login.recovery")
async def recovery_page(visit: Here) -> Response:
    """Ask for a recovery code instead."""
    return await page(visit, "recovery.html")


@views.post("/login/recovery", name="login.recovery")
async def recovery(visit: Here) -> Response:
    """Check the recovery code."""
    try:
        done = await visit.panel.factor.recover(visit.me.id, visit.form.get("code"))
    except Refused as refusal:
        return await refused(visit, "recovery.html", refusal)
    # For a while set-up asks for no code now. A session that somebody left open, or took over, must not reach it.
    tie = await session.end_all(visit)
    way = "replace" if done.must_replace else "yes"
    await session.begin(visit, visit.me, FULL, tie=tie, recovered=way, notice=messages.recovered(done))
    # Whoever needs a recovery code has most likely lost the device; the next page offers to set up another one.
    return away(visit.request, "second_factor.overview")


@views.post("/logout", name="login.logout")
async def logout(visit: Here) -> Response:
    """End the session."""
    await session.end(visit)
    return away(visit.request, "login.password")
