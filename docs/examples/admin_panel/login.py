"""Logging in: the password, then the second factor.

Rule 1. After the password there is one question: `gate`. It also stops the log-in where a second factor should be and
is not.
Rule 2. Nothing but a return of `verify` or `recover` makes a full session out of a half one. A refusal is an exception.
Rule 3. The new session is tied to what held when the password was checked, so a reset that comes in between ends it.
Rule 4. Only a POST acts. Flask leads HEAD to every view that takes GET, and no token is asked of it.
"""

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_panel import session
from admin_panel.messages import refused
from admin_panel.session import me, panel
from panel_pages import access, messages
from panel_pages.access import FULL, HALF, User
from totpcore import Gate, Refused, State

views = Blueprint("login", __name__)


@views.route("/login", methods=["GET", "POST"])
def password() -> ResponseReturnValue:
    """Ask for user name and password."""
    if request.method != "POST":
        session.begin_as_guest()
        return render_template("login.html")
    user = panel().users.check_password(request.form.get("login", ""), request.form.get("password", ""))
    if user is None:
        return render_template("login.html", error=messages.LOG_IN), 422
    return let_in(user)


def let_in(user: User) -> ResponseReturnValue:
    """Begin a session for whoever has proved, by a password or by any other first step, that they are `user`.

    Every door to the panel ends here. `user` is as it was read for that proof.
    """
    factor, enforcement = panel().factor, panel().users.enforcement()
    tie = access.tie(user, factor.status(user.id))
    if factor.gate(user.id, enforcement, expected=user.two_factor) is Gate.CHALLENGE:
        session.begin(user, HALF, tie=tie)
        return redirect(url_for("login.code"))
    session.begin(user, FULL, tie=tie)
    return redirect(url_for("staff.home"))


@views.route("/login/code", methods=["GET", "POST"])
def code() -> ResponseReturnValue:
    """Ask for the code of the authenticator app."""
    if request.method != "POST":
        locked = panel().factor.status(me().id).state is State.LOCKED
        return render_template("code.html", locked=messages.LOCKED if locked else "")
    try:
        accepted = panel().factor.verify(me().id, request.form.get("code", ""))
    except Refused as refusal:
        return refused("code.html", refusal)
    session.begin(me(), FULL, tie=g.session.tie, notice=messages.wrong_codes(accepted.failures_before))
    return redirect(url_for("staff.home"))


@views.route("/login/recovery", methods=["GET", "POST"])
def recovery() -> ResponseReturnValue:
    """Ask for a recovery code instead."""
    if request.method != "POST":
        return render_template("recovery.html")
    try:
        done = panel().factor.recover(me().id, request.form.get("code", ""))
    except Refused as refusal:
        return refused("recovery.html", refusal)
    # For a while set-up asks for no code now. A session that somebody left open, or took over, must not reach it.
    tie = session.end_all()
    way = "replace" if done.must_replace else "yes"
    session.begin(me(), FULL, tie=tie, recovered=way, notice=messages.recovered(done))
    # Whoever needs a recovery code has most likely lost the device; the next page offers to set up another one.
    return redirect(url_for("second_factor.overview"))


@views.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session."""
    session.end()
    return redirect(url_for("login.password"))
