"""The administrators, their profiles, the house rule and the audit trail.

Rule 1. Whoever acts on somebody else types their own password for it: an open session alone takes over no colleague.
Rule 2. A factor is reset together with the password. Otherwise whoever knows the password would be the first to enrol.
Rule 3. A temporary password is in the answer to one POST, and opens nothing but the page that replaces it.
"""

import re
import time
from datetime import UTC, date, datetime

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_panel import session
from admin_panel.session import me, panel
from admin_panel.users import User
from totpcore import Enforcement, Rule

views = Blueprint("staff", __name__)

LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}", re.ASCII)
SHORTEST_PASSWORD = 12
NAMES = "A user name is 1 to 40 letters a to z, digits, dots and hyphens, and nobody else's. A name may not be empty."
OWN_PASSWORD = "That is not your own password. Nothing was changed."  # noqa: S105


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
    other, reason = _other(user), request.form.get("reason", "").strip()[:200]
    users = panel().users
    if not users.check_password(me().login, request.form.get("own_password", "")):
        return render_template("administrator.html", other=other, error=OWN_PASSWORD, field="own_password"), 422
    if not reason:
        error = "Say why, for the audit trail."
        return render_template("administrator.html", other=other, error=error, field="reason"), 422
    # The password first: it ends every session of theirs, so that nothing of the old account outlives the old factor.
    password = users.reset_password(other.id)
    panel().factor.reset(other.id, actor=me().id, reason=reason)
    users.expect_factor(other.id, expected=False)
    return render_template("handover.html", login=other.login, name=other.name, password=password)


@views.route("/profile", methods=["GET", "POST"])
def profile() -> ResponseReturnValue:
    """Edit one's own names, and show the way to the second factor."""
    status = panel().factor.status(me().id)
    if request.method == "GET":
        return render_template("profile.html", status=status)
    login, name = _names()
    if not (login and name and panel().users.rename(me().id, login, name)):
        return render_template("profile.html", status=status, error=NAMES, field="login"), 422
    session.notify("Your profile is saved.")
    return redirect(url_for("staff.profile"))


@views.route("/profile/password", methods=["GET", "POST"])
def password() -> ResponseReturnValue:
    """Change one's own password, which ends all other sessions."""
    if request.method == "GET":
        return render_template("password.html")
    if not panel().users.check_password(me().login, request.form.get("own_password", "")):
        return render_template("password.html", error=OWN_PASSWORD, field="own_password"), 422
    new = request.form.get("new_password", "")
    if len(new) < SHORTEST_PASSWORD or new == request.form.get("own_password"):
        error = f"Choose a new password of at least {SHORTEST_PASSWORD} characters."
        return render_template("password.html", error=error, field="new_password"), 422
    if not panel().users.set_password(me(), new):
        abort(409, "Somebody reset this account just now. Log in with the password you are given.")
    session.renew("Your password is changed, and all your other sessions have ended.")
    return redirect(url_for("staff.home"))


@views.route("/setup/staff/two-factor-rule", methods=["GET", "POST"])
def rule() -> ResponseReturnValue:
    """Encourage or require a second factor."""
    users = panel().users
    if request.method == "GET":
        return render_template("rule.html", enforcement=users.enforcement(), Rule=Rule)
    try:
        chosen = Rule[request.form.get("rule", "")]
        deadline = _end_of_day(request.form.get("deadline", "")) if chosen is Rule.REQUIRE else None
        users.set_enforcement(Enforcement(chosen, deadline=deadline))
    except (KeyError, ValueError):
        error = "Choose one of the three, and a day as year-month-day."
        return render_template("rule.html", enforcement=users.enforcement(), Rule=Rule, error=error), 422
    session.notify("The rule is saved.")
    return redirect(url_for("staff.rule"))


@views.get("/setup/staff/audit")
def audit() -> ResponseReturnValue:
    """Show what happened to second factors."""
    return render_template("audit.html", events=panel().users.events(100))


@views.app_template_filter()
def utc(at: float) -> str:
    """A time as administrators read it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


@views.app_template_filter()
def day(at: float) -> str:
    """The day of a deadline."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def _end_of_day(day: str) -> float | None:
    """The deadline of "by" a day, which includes that day."""
    return datetime.combine(date.fromisoformat(day), datetime.max.time(), UTC).timestamp() if day else None


def _names() -> tuple[str | None, str | None]:
    login, name = request.form.get("login", "").strip().lower(), request.form.get("name", "").strip()[:80]
    return login if LOGIN.fullmatch(login) else None, name or None


def _other(user: str) -> User:
    other = panel().users.by_id(user)
    if other is None or other.id == me().id:
        abort(404)
    return other
