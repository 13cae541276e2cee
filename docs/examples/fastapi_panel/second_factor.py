"""One's own second factor: set-up, recovery codes, another device, off.

Rule 1. A secret or a recovery code is only ever in the answer to a POST, never at an address of its own, nor kept.
Rule 2. Each change of a confirmed factor takes a code, which totpcore spends in the same step.
Rule 3. A secret that waits is shown again to the session in which it was made, and to no other.
Rule 4. First totpcore changes the factor, then the flag in the user's row follows. If the machine stops in
between, a flag too many stops the log-in and a flag too few changes nothing: `gate` asks for the code all the same.
Rule 5. Recovery codes count as shown when their page is made, and not before: the other pages tell of unseen ones.
"""

from collections.abc import Sequence

from fastapi import APIRouter, Response

from fastapi_panel import session
from fastapi_panel.messages import page, refused
from fastapi_panel.session import Here, Visit, away
from panel_pages import messages
from totpcore import AlreadyEnrolled, Enrolment, EnrolmentExpired, Refused

views = APIRouter(prefix="/profile/two-factor")


@views.get("", name="second_factor.overview")
async def overview(visit: Here) -> Response:
    """Show the state, and what can be done about it."""
    return await page(visit, "two_factor.html", status_code=200, **await _state(visit))


@views.post("/setup", name="second_factor.setup")
async def setup(visit: Here) -> Response:
    """Show the QR code: of the set-up that this session began, else of a new one."""
    factor, me = visit.panel.factor, visit.me
    try:
        enrolment = await session.own_setup(visit)
        if enrolment is None:
            # After a recovery code set-up takes no further one for a while: in the session that typed it.
            if (await factor.status(me.id)).code_required and not session.recovered(visit):
                raise AlreadyEnrolled
            enrolment = await session.begin_setup(visit, await factor.enrol(me.id, account=me.login))
    except AlreadyEnrolled:
        await session.notify(visit, messages.IS_ON)
        return away(visit.request, "second_factor.overview")
    return await _setup_page(visit, enrolment)


@views.post("/replace", name="second_factor.replace")
async def replace(visit: Here) -> Response:
    """Begin the set-up of another device; the old one works until the new one is confirmed."""
    try:
        enrolment = await visit.panel.factor.replace(visit.me.id, visit.form.get("code"), account=visit.me.login)
    except Refused as refusal:
        return await _again(visit, "replace", refusal)
    return await _setup_page(visit, await session.begin_setup(visit, enrolment))


@views.post("/confirm", name="second_factor.confirm")
async def confirm(visit: Here) -> Response:
    """Turn the factor on, once the app has shown a right code."""
    if await session.own_setup(visit) is None:  # a code for this set-up is no try at another one
        return await _again(visit, "setup", EnrolmentExpired())
    try:
        confirmed = await visit.panel.factor.confirm(visit.me.id, visit.form.get("code"))
    except Refused as refusal:
        enrolment = await session.own_setup(visit)
        if enrolment is None:
            return await _again(visit, "setup", EnrolmentExpired())
        return await _setup_page(visit, enrolment, refusal)
    await visit.panel.users.expect_factor(visit.me.id, expected=True)
    await session.renew(visit)
    return await _codes_page(visit, confirmed.recovery_codes, just_on=True)


@views.post("/recovery-codes", name="second_factor.recovery_codes")
async def recovery_codes(visit: Here) -> Response:
    """Make new recovery codes; the old ones end."""
    try:
        codes = await visit.panel.factor.renew_recovery_codes(visit.me.id, visit.form.get("code"))
    except Refused as refusal:
        return await _again(visit, "recovery_codes", refusal)
    await visit.panel.users.note_codes(visit.me.id, shown=False)
    return await _codes_page(visit, codes)


@views.post("/disable", name="second_factor.disable")
async def disable(visit: Here) -> Response:
    """Turn the factor off."""
    try:
        await visit.panel.factor.disable(visit.me.id, visit.form.get("code"))
    except Refused as refusal:
        return await _again(visit, "disable", refusal)
    await visit.panel.users.expect_factor(visit.me.id, expected=False)
    await session.renew(visit, messages.IS_OFF)
    return away(visit.request, "staff.profile")


async def _setup_page(visit: Visit, enrolment: Enrolment, refusal: Refused | None = None) -> Response:
    if refusal:
        return await refused(visit, "setup.html", refusal, enrolment=enrolment)
    return await page(visit, "setup.html", enrolment=enrolment)


async def _codes_page(visit: Visit, codes: Sequence[str], *, just_on: bool = False) -> Response:
    made = await page(visit, "recovery_codes.html", codes=codes, just_on=just_on)
    await visit.panel.users.note_codes(visit.me.id, shown=True)
    return made


async def _again(visit: Visit, form: str, refusal: Refused) -> Response:
    return await refused(visit, "two_factor.html", refusal, form=form, **await _state(visit))


async def _state(visit: Visit) -> dict[str, object]:
    status = await visit.panel.factor.status(visit.me.id)
    return {"status": status, "begun": await session.own_setup(visit) is not None}
