"""The administrators, their profiles, the house rule and the audit trail.

Rule 1. Whoever acts on somebody else types their own password for it: an open session alone takes over no colleague.
Rule 2. A factor is reset together with the password. Otherwise whoever knows the password would be the first to enrol.
Rule 3. A temporary password is in the answer to one POST, and opens nothing but the page that replaces it.
"""

from fastapi import APIRouter, HTTPException, Response

from fastapi_panel import session
from fastapi_panel.messages import page
from fastapi_panel.session import Here, Visit, away
from panel_pages import fields, messages
from panel_pages.access import User
from totpcore import Rule

views = APIRouter()


@views.get("/", name="staff.home")
async def home(visit: Here) -> Response:
    """Welcome."""
    return await page(visit, "home.html", status=await visit.panel.factor.status(visit.me.id))


@views.get("/help", name="staff.guide")
async def guide(visit: Here) -> Response:
    """Explain two-factor authentication in plain words."""
    return await page(visit, "help.html")


@views.get("/setup/staff/administrators", name="staff.administrators")
async def administrators(visit: Here) -> Response:
    """List everybody, with the state of their second factor."""
    everybody = await visit.panel.users.all()
    # `statuses` gives an error in the place of a status that cannot be read, so that one bad record hides nobody.
    statuses = await visit.panel.factor.statuses([user.id for user in everybody])
    return await page(visit, "administrators.html", everybody=everybody, statuses=statuses)


@views.get("/setup/staff/administrators/{user}", name="staff.administrator")
async def administrator(visit: Here, user: str) -> Response:
    """Offer to reset another administrator."""
    return await page(visit, "administrator.html", other=await _other(visit, user))


@views.post("/setup/staff/administrators/{user}/reset", name="staff.reset")
async def reset(visit: Here, user: str) -> Response:
    """Reset somebody's password and second factor."""
    other, reason = await _other(visit, user), fields.reason(visit.form.get("reason"))
    users = visit.panel.users
    if not await users.check_own_password(visit.me, visit.form.get("own_password")):
        return await _reset_page(visit, other, reason, messages.OWN_PASSWORD, "own_password")
    if reason is None:
        return await _reset_page(visit, other, reason, messages.REASON, "reason")
    # The password first: it ends every session of theirs, so that nothing of the old account outlives the old factor.
    password = await users.reset_password(other.id)
    await visit.panel.factor.reset(other.id, actor=visit.me.id, reason=reason)
    await users.expect_factor(other.id, expected=False)
    return await page(visit, "handover.html", login=other.login, name=other.name, password=password)


@views.get("/profile", name="staff.profile")
async def profile_page(visit: Here) -> Response:
    """Show one's own names, and the way to the second factor."""
    return await page(visit, "profile.html", status=await visit.panel.factor.status(visit.me.id))


@views.post("/profile", name="staff.profile")
async def profile(visit: Here) -> Response:
    """Change one's own names."""
    login, name = fields.login_name(visit.form.get("login")), fields.display_name(visit.form.get("name"))
    if not (login and name and await visit.panel.users.rename(visit.me.id, login, name)):
        status = await visit.panel.factor.status(visit.me.id)
        return await page(visit, "profile.html", status_code=422, status=status, error=messages.NAMES)
    await session.notify(visit, messages.PROFILE_SAVED)
    return away(visit.request, "staff.profile")


@views.get("/profile/password", name="staff.password")
async def password_page(visit: Here) -> Response:
    """Ask for a new password."""
    return await page(visit, "password.html")


@views.post("/profile/password", name="staff.password")
async def password(visit: Here) -> Response:
    """Change one's own password, which ends all other sessions."""
    own, new = visit.form.get("own_password"), visit.form.get("new_password")
    if not await visit.panel.users.check_own_password(visit.me, own):
        error, field = messages.OWN_PASSWORD, "own_password"
        return await page(visit, "password.html", status_code=422, error=error, field=field)
    if not fields.good_password(new, old=own):
        error, field = messages.NEW_PASSWORD, "new_password"
        return await page(visit, "password.html", status_code=422, error=error, field=field)
    if not await visit.panel.users.set_password(visit.me, new):
        raise HTTPException(409)
    await session.renew(visit, messages.PASSWORD_CHANGED)
    return away(visit.request, "staff.home")


@views.get("/setup/staff/two-factor-rule", name="staff.rule")
async def rule_page(visit: Here) -> Response:
    """Show the rule."""
    return await page(visit, "rule.html", enforcement=await visit.panel.users.enforcement(), Rule=Rule)


@views.post("/setup/staff/two-factor-rule", name="staff.rule")
async def rule(visit: Here) -> Response:
    """Encourage or require a second factor."""
    users = visit.panel.users
    try:
        await users.set_enforcement(fields.rule(visit.form.get("rule"), visit.form.get("deadline")))
    except ValueError:
        given = {"enforcement": await users.enforcement(), "Rule": Rule, "error": messages.RULE}
        return await page(visit, "rule.html", status_code=422, **given)
    await session.notify(visit, messages.RULE_SAVED)
    return away(visit.request, "staff.rule")


@views.get("/setup/staff/audit", name="staff.audit")
async def audit(visit: Here) -> Response:
    """Show what happened to second factors."""
    return await page(visit, "audit.html", events=await visit.panel.users.events(100))


async def _reset_page(visit: Visit, other: User, reason: str | None, error: str, field: str) -> Response:
    given = {"other": other, "reason": reason, "error": error, "field": field}
    return await page(visit, "administrator.html", status_code=422, **given)


async def _other(visit: Visit, user: str) -> User:
    other = await visit.panel.users.by_id(user)
    if other is None or other.id == visit.me.id:
        raise HTTPException(404)
    return other
