"""What a visitor reads: when a code is refused, and after a log-in.

Rule 1. Each message says what to do next. `Refused.reason` is for the audit log and never shown.
Rule 2. What was typed is never repeated.
"""

import math
from typing import Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..errors import ClockBehind, ClockOff, CodeReplayed, EnrolmentExpired, InvalidCode, Locked, Refused, Throttled
from .conf import policy

LOCKED: Final[Promise] = gettext_lazy(
    "Too many wrong codes in a row: the codes of your app are locked. Use a recovery code and set up your device anew, "
    "or ask another administrator to reset your second factor."
)


def explain(refusal: Refused, *, recovery: bool = False) -> str:
    """Return what to do next; `recovery` if a recovery code was asked for."""
    match refusal:
        case CodeReplayed():
            return _used(recovery=recovery)
        case ClockOff(seconds=seconds):
            return _clock_off(seconds)
        case InvalidCode(malformed=True):
            return _(
                "That is not a complete code, and did not count as a try. A code of the app has %(digits)d digits, a "
                "recovery code has 24 letters and digits."
            ) % {"digits": policy().digits}
        case InvalidCode(attempts_left=left):
            return f"{_wrong(recovery=recovery)} {_tries(left)}"
        case Throttled(retry_after=seconds):
            return ngettext(
                "Too many wrong codes. Wait %(seconds)d second before you type the next one.",
                "Too many wrong codes. Wait %(seconds)d seconds before you type the next one.",
                math.ceil(seconds),
            ) % {"seconds": math.ceil(seconds)}
        case Locked():
            return str(LOCKED)
        case ClockBehind():
            return _(
                "The clock of this server is behind the last code you used. Tell whoever runs it. Until it is right a "
                "recovery code works."
            )
        case EnrolmentExpired():
            return _(
                "This set-up has ended: it took too long or too many codes, it was begun anew elsewhere, or it is "
                "done already. Delete its entry from your app and start again."
            )
        case _:
            return _("Two-factor authentication is not on for this account. Log out and log in again.")


def _used(*, recovery: bool) -> str:
    if recovery:
        return _("This recovery code has been used already. Take the next one from your list.")
    return _(
        "This code has been used already. Wait up to %(seconds)d seconds for the next one in your app, and type that."
    ) % {"seconds": policy().period}


def _clock_off(seconds: int) -> str:
    ahead = _(
        "The clock of your device is about %(seconds)d seconds ahead. Switch on automatic date and time in its "
        "settings, then type the code that the app shows next."
    )
    behind = _(
        "The clock of your device is about %(seconds)d seconds behind. Switch on automatic date and time in its "
        "settings, then type the code that the app shows next."
    )
    return (ahead if seconds > 0 else behind) % {"seconds": abs(seconds)}


def _wrong(*, recovery: bool) -> str:
    if recovery:
        return _("This code is not right. Compare it with your list, sign by sign.")
    return _(
        "This code is not right. Type the newest code that your app shows for this site; a device with a wrong clock "
        "shows wrong codes."
    )


def _tries(left: int) -> str:
    if not left:
        return _("That was the last try for now.")
    return ngettext("%(count)d more try.", "%(count)d more tries.", left) % {"count": left}


def wrong_codes(failures: int) -> str:
    """Return the warning after a log-in that wrong codes came before."""
    return ngettext(
        "%(count)d wrong code since your last log-in. If that was not you, somebody knows your password: change it.",
        "%(count)d wrong codes since your last log-in. If that was not you, somebody knows your password: change it.",
        failures,
    ) % {"count": failures}


def codes_left(left: int) -> str:
    """Return what is said after a recovery code was used."""
    return ngettext(
        "That recovery code is used up; %(count)d is left.", "That recovery code is used up; %(count)d are left.", left
    ) % {"count": left}


def running_low() -> str:
    """Return what is said where few recovery codes are left."""
    return _("It is time to make new recovery codes.")


def unseen_codes() -> str:
    """Return what is said to somebody whose factor was brought along, with recovery codes that nobody has seen."""
    return _with_link(_("You have no recovery codes yet. Make them on the page of your second factor, and store them."))


def no_codes_left() -> str:
    """Return what is said to somebody whose recovery codes are all used up, or void."""
    return _with_link(_("You have no recovery codes left: without one, a lost device is a lost account."))


def _with_link(text: str) -> str:
    return format_html('{} <a href="{}">{}</a>', text, reverse("totpcore:overview"), _("Make new recovery codes"))
