"""One's own second factor: set-up, recovery codes, another device, off.

Rule 1. A secret or a recovery code is only ever in the answer to a POST, never at an address of its own, nor kept.
Rule 2. Each change of a confirmed factor takes a code, which totpcore spends in the same step.
Rule 3. A secret that waits is shown again to the session in which it was made, and to no other.
Rule 4. First totpcore changes the factor, then the flag in the user's row follows. If the machine stops in
between, a flag too many stops the log-in and a flag too few changes nothing: `gate` asks for the code all the same.
Rule 5. Recovery codes count as shown when their page is made, and not before: the other pages tell of unseen ones.
"""

from collections.abc import Sequence

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin_panel import session
from admin_panel.messages import refused
from admin_panel.session import me, panel
from panel_pages import messages
from totpcore import AlreadyEnrolled, Enrolment, EnrolmentExpired, Refused

views = Blueprint("second_factor", __name__, url_prefix="/profile/two-factor")


@views.get("")
def overview() -> ResponseReturnValue:
    """Show the state, and what can be done about it."""
    return render_template("two_factor.html", **_state())


@views.post("/setup")
def setup() -> ResponseReturnValue:
    """Show the QR code: of the set-up that this session began, else of a new one."""
    factor = panel().factor
    try:
        enrolment = session.own_setup()
        if enrolment is None:
            # After a recovery code set-up takes no further one for a while: in the session that typed it.
            if factor.status(me().id).code_required and not g.session.recovered:
                raise AlreadyEnrolled
            enrolment = session.begin_setup(factor.enrol(me().id, account=me().login))
    except AlreadyEnrolled:
        session.notify(messages.IS_ON)
        return redirect(url_for("second_factor.overview"))
    return _setup_page(enrolment)


@views.post("/replace")
def replace() -> ResponseReturnValue:
    """Begin the set-up of another device; the old one works until the new one is confirmed."""
    try:
        enrolment = panel().factor.replace(me().id, request.form.get("code", ""), account=me().login)
    except Refused as refusal:
        return _again("replace", refusal)
    return _setup_page(session.begin_setup(enrolment))


@views.post("/confirm")
def confirm() -> ResponseReturnValue:
    """Turn the factor on, once the app has shown a right code."""
    if session.own_setup() is None:  # a code for this set-up is no try at another one
        return _again("setup", EnrolmentExpired())
    try:
        confirmed = panel().factor.confirm(me().id, request.form.get("code", ""))
    except Refused as refusal:
        enrolment = session.own_setup()
        return _setup_page(enrolment, refusal) if enrolment else _again("setup", EnrolmentExpired())
    panel().users.expect_factor(me().id, expected=True)
    session.renew()
    return _codes_page(confirmed.recovery_codes, just_on=True)


@views.post("/recovery-codes")
def recovery_codes() -> ResponseReturnValue:
    """Make new recovery codes; the old ones end."""
    try:
        codes = panel().factor.renew_recovery_codes(me().id, request.form.get("code", ""))
    except Refused as refusal:
        return _again("recovery_codes", refusal)
    panel().users.note_codes(me().id, shown=False)
    return _codes_page(codes)


@views.post("/disable")
def disable() -> ResponseReturnValue:
    """Turn the factor off."""
    try:
        panel().factor.disable(me().id, request.form.get("code", ""))
    except Refused as refusal:
        return _again("disable", refusal)
    panel().users.expect_factor(me().id, expected=False)
    session.renew(messages.IS_OFF)
    return redirect(url_for("staff.profile"))


def _setup_page(enrolment: Enrolment, refusal: Refused | None = None) -> ResponseReturnValue:
    if refusal:
        return refused("setup.html", refusal, enrolment=enrolment)
    return render_template("setup.html", enrolment=enrolment)


def _codes_page(codes: Sequence[str], *, just_on: bool = False) -> ResponseReturnValue:
    page = render_template("recovery_codes.html", codes=codes, just_on=just_on)
    panel().users.note_codes(me().id, shown=True)
    return page


def _again(form: str, refusal: Refused) -> ResponseReturnValue:
    return refused("two_factor.html", refusal, form=form, **_state())


def _state() -> dict[str, object]:
    return {"status": panel().factor.status(me().id), "begun": session.own_setup() is not None}
