"""The administrators, their profiles, the house rule and the audit trail.

Rule 1. Whoever acts on somebody else types their own password for it: an open session alone takes over no colleague.
Rule 2. A factor is reset together with the password. Otherwise whoever knows the password would be the first to enrol.
Rule 3. A temporary password is in the answer to one POST, and opens nothing but the page that replaces it.
Rule 4. Only a POST acts. Flask leads HEAD to every view that takes GET, and no token is asked of it.
"""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_panel import session
from admin_panel.session import me, panel
from panel_pages import fields, messages
from panel_pages.access import User
from totpcore import Rule

views = Blueprint("staff", __name__)


@views.get("/")
def home() -> ResponseReturnValue:
    """Welcome."""
    return render_template("home.html", status=panel().factor.status(me().id))


@views.get("/help")
def guide() -> ResponseReturnValue:
    """Explain two-factor authentication in plain words."""
    return render_template("help.html")


@views.get("/setup/staff/administrators")
def administrators() -> ResponseReturnValue:
    """List everybody, with the state of their second factor."""
    everybody = panel().users.all()
    # `statuses` gives an error in the place of a status that cannot be read, so that one bad record hides nobody.
    statuses = panel().factor.statuses([user.id for user in everybody])
    return render_template("administrators.html", everybody=everybody, statuses=statuses)


@views.get("/setup/staff/administrators/<user>")
def administrator(user: str) -> ResponseReturnValue:
    """Offer to reset another administrator."""
    return render_template("administrator.html", other=_other(user))


@views.post("/setup/staff/administrators/<user>/reset")
def reset(user: str) -> ResponseReturnValue:
    """Reset somebody's password and second factor."""
    other, reason = _other(user), fields.reason(request.form.get("reason", ""))
    users = panel().users
    if not users.check_own_password(me(), request.form.get("own_password", "")):
        return _reset_page(other, reason, messages.OWN_PASSWORD, "own_password")
    if reason is None:
        return _reset_page(other, reason, messages.REASON, "reason")
    # The password first: it ends every session of theirs, so that nothing of the old account outlives the old factor.
    password = users.reset_password(other.id)
    panel().factor.reset(other.id, actor=me().id, reason=reason)
    users.expect_factor(other.id, expected=False)
    return render_template("handover.html", login=other.login, name=other.name, password=password)


@views.route("/profile", methods=["GET", "POST"])
def profile() -> ResponseReturnValue:
    """Edit one's own names, and show the way to the second factor."""
    status = panel().factor.status(me().id)
    if request.method != "POST":
        return render_template("profile.html", status=status)
    login = fields.login_name(request.form.get("login", ""))
    name = fields.display_name(request.form.get("name", ""))
    if not (login and name and panel().users.rename(me().id, login, name)):
        return render_template("profile.html", status=status, error=messages.NAMES), 422
    session.notify(messages.PROFILE_SAVED)
    return redirect(url_for("staff.profile"))


@views.route("/profile/password", methods=["GET", "POST"])
def password() -> ResponseReturnValue:
    """Change one's own password, which ends all other sessions."""
    if request.method != "POST":
        return render_template("password.html")
    own, new = request.form.get("own_password", ""), request.form.get("new_password", "")
    if not panel().users.check_own_password(me(), own):
        return render_template("password.html", error=messages.OWN_PASSWORD, field="own_password"), 422
    if not fields.good_password(new, old=own):
        return render_template("password.html", error=messages.NEW_PASSWORD, field="new_password"), 422
    if not panel().users.set_password(me(), new):
        abort(409)
    session.renew(messages.PASSWORD_CHANGED)
    return redirect(url_for("staff.home"))


@views.route("/setup/staff/two-factor-rule", methods=["GET", "POST"])
def rule() -> ResponseReturnValue:
    """Encourage or require a second factor."""
    users = panel().users
    if request.method != "POST":
        return render_template("rule.html", enforcement=users.enforcement(), Rule=Rule)
    try:
        users.set_enforcement(fields.rule(request.form.get("rule", ""), request.form.get("deadline", "")))
    except ValueError:
        return render_template("rule.html", enforcement=users.enforcement(), Rule=Rule, error=messages.RULE), 422
    session.notify(messages.RULE_SAVED)
    return redirect(url_for("staff.rule"))


@views.get("/setup/staff/audit")
def audit() -> ResponseReturnValue:
    """Show what happened to second factors."""
    return render_template("audit.html", events=panel().users.events(100))


def _reset_page(other: User, reason: str | None, error: str, field: str) -> ResponseReturnValue:
    return render_template("administrator.html", other=other, reason=reason, error=error, field=field), 422


def _other(user: str) -> User:
    other = panel().users.by_id(user)
    if other is None or other.id == me().id:
        abort(404)
    return other
