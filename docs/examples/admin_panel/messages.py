"""What an administrator reads when a code is refused.

Rule 1. Each message says what to do next. `Refused.reason` is for the audit log and never shown.
Rule 2. What was typed is never repeated.
"""

import math

from flask import render_template
from flask.typing import ResponseReturnValue

from totpcore import ClockBehind, ClockOff, CodeReplayed, EnrolmentExpired, InvalidCode, Locked, Refused, Throttled

LOCKED = """Too many wrong codes in a row: token codes are locked. Use a recovery code and set up your device anew, or
ask an owner of this panel to reset your second factor."""


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
            return """This set-up has ended: it took more than ten minutes or too many codes, or it is done already.
                Delete its entry from your app and start again."""
        case _:
            return "Two-factor authentication is not on for this account. Log out and log in again."


def refused(template: str, refusal: Refused, **context: object) -> ResponseReturnValue:
    """The page of a form once more, with the reason."""
    status, headers = 422, {}
    if isinstance(refusal, Throttled):
        status, headers = 429, {"Retry-After": str(math.ceil(refusal.retry_after))}
    error = explain(refusal, recovery=template == "recovery.html")
    return render_template(template, error=error, **context), status, headers
