"""What an administrator reads.

Rule 1. Each message says what to do next. `Refused.reason` is for the audit log and never shown.
Rule 2. What was typed is never repeated.
"""

import math
from http import HTTPStatus
from typing import Final

from panel_pages.fields import SHORTEST_PASSWORD
from totpcore import (
    ClockBehind,
    ClockOff,
    CodeReplayed,
    EnrolmentExpired,
    InvalidCode,
    Locked,
    RecordMissing,
    RecordUnreadable,
    Recovered,
    Refused,
    Throttled,
)

LOCKED: Final = """Too many wrong codes in a row: token codes are locked. Use a recovery code and set up your device
anew, or ask an owner of this panel to reset your second factor."""
IS_ON: Final = "Two-factor authentication is on. To move to another device, type a code under Replace device."
IS_OFF: Final = "Two-factor authentication is off. Your password alone opens this account now."
LOG_IN: Final = "User name or password is not right. Check both and try again."
NAMES: Final = (
    "A user name is 1 to 40 letters a to z, digits, dots and hyphens, and nobody else's. A name is not empty, and all "
    "of it can be seen."
)
OWN_PASSWORD: Final = "That is not your own password. Nothing was changed."  # noqa: S105
NEW_PASSWORD: Final = f"Choose a new password of at least {SHORTEST_PASSWORD} characters."
PASSWORD_CHANGED: Final = "Your password is changed, and all your other sessions have ended."  # noqa: S105
PROFILE_SAVED: Final = "Your profile is saved."
REASON: Final = "Say why, for the audit trail, in signs that can be seen."
RULE: Final = "Choose one of the three, and a day as year-month-day."
RULE_SAVED: Final = "The rule is saved."

HOST: Final = "The Host header of this request names no host."

ERRORS: Final = {
    400: "This form is out of date, perhaps because you logged in or out in another tab. Nothing was changed.",
    403: "Only an owner of this panel may do that.",
    404: "There is no such page. Perhaps somebody removed what it was about.",
    405: "This address takes a form, and is no page to open.",
    409: "Somebody reset this account just now. Log in with the password you are given.",
    413: "That is more text than any form here takes. Nothing was changed.",
}


def error(status: int) -> dict[str, str]:
    """Heading and text of the page of an error."""
    text = ERRORS.get(status, "Something went wrong on the server, which has noted it. Try again in a while.")
    return {"heading": HTTPStatus(status).phrase, "text": text}


def explain(refusal: Refused, *, recovery: bool = False) -> str:
    """What to do next; `recovery` if a recovery code was asked for."""
    match refusal:
        case CodeReplayed() if recovery:
            return "This recovery code has been used already. Take the next one from your list."
        case CodeReplayed():
            return "This code has been used already. Wait up to 30 seconds for the next one in your app, and type that."
        case ClockOff():
            way = "ahead" if refusal.seconds > 0 else "behind"
            return f"""The clock of your device is about {abs(refusal.seconds)} seconds {way}. Switch on automatic date
                and time in its settings, then type the code that the app shows next."""
        case InvalidCode(malformed=True):
            return """That is not a complete code, and did not count as a try. A token code has six digits, a recovery
                code has 24 letters and digits."""
        case InvalidCode():
            left = refusal.attempts_left
            tries = f"{left} more {'try' if left == 1 else 'tries'}." if left else "That was the last try for now."
            if recovery:
                return f"This code is not right. Compare it with your list, sign by sign. {tries}"
            return f"""This code is not right. Type the newest code that your app shows for this panel; a device with a
                wrong clock shows wrong codes. {tries}"""
        case Throttled():
            return f"Too many wrong codes. Wait {math.ceil(refusal.retry_after)} seconds before you type the next one."
        case Locked():
            return LOCKED
        case ClockBehind():
            return """The clock of this server is behind the last code you used. Ask an owner to correct it. Until then
                a recovery code works."""
        case EnrolmentExpired():
            return """This set-up has ended: it took more than ten minutes or too many codes, it was begun anew
                elsewhere, or it is done already. Delete its entry from your app and start again."""
        case _:
            return "Two-factor authentication is not on for this account. Log out and log in again."


def answer_to(refusal: Refused, template: str) -> tuple[str, int, dict[str, str]]:
    """The sentence, the status and the headers with which a form is shown once more."""
    text = explain(refusal, recovery=template == "recovery.html")
    if isinstance(refusal, Throttled):
        return text, 429, {"Retry-After": str(math.ceil(refusal.retry_after))}
    return text, 422, {}


def wrong_codes(failures: int) -> str:
    """What to read after a log-in where somebody tried before."""
    if not failures:
        return ""
    codes = "1 wrong code" if failures == 1 else f"{failures} wrong codes"
    return f"{codes} since your last log-in. If that was not you, somebody knows your password: change it."


def recovered(done: Recovered) -> str:
    """What to read after a log-in with a recovery code."""
    notice = f"That recovery code is used up; {done.codes_left} left. {wrong_codes(done.failures_before)}"
    return notice + (" It is time to make new ones." if done.running_low and not done.must_replace else "")


def stopped(trouble: Exception) -> dict[str, bool]:
    """What the page of a stopped log-in has to tell apart: a record that is lost, and a store that does not answer."""
    return {"lost": isinstance(trouble, RecordMissing | RecordUnreadable)}
