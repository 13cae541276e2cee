"""The state file of google-authenticator-libpam, `~/.google_authenticator`.

Rules of this file:

1. What the file means is what the PAM module makes of it: `HOTP_COUNTER` overrides `TOTP_AUTH`, and is the next one.
2. What the module passes over in silence is refused, because it may have meant other codes: an option that is not
   known, one that stands twice, a line that is no option and no scratch code.
3. A line is named by its number. Nothing of it is shown.
"""

import re
from typing import Final

from .._guard import Hidden
from ..errors import InvalidParameters
from ..otp import HOTP, LARGEST_COUNTER, TOTP
from ..secret import Secret
from ._moved import FARTHEST_AHEAD, Moved, secret_of, text_of

_LONGEST: Final = 65_536  # characters, as the module has it
_LARGEST_STEP: Final = 2**31 - 1  # an int there
_FARTHEST_SKEW: Final = 1_499  # time steps each way in which the module looks for the phone's clock
_SCRATCH_CODE: Final = re.compile("[1-9][0-9]{7}")
_READ: Final = {
    "DISALLOW_REUSE", "HOTP_COUNTER", "OTP_DISABLED", "STEP_SIZE", "TIME_SKEW", "TOTP_AUTH", "WINDOW_SIZE",
}  # fmt: skip
# Of log-ins that were tried, and from where: nothing of it is needed here.
_PASSED_OVER: Final = {"RATE_LIMIT", "RESETTING_TIME_SKEW", *(f"LAST{place}" for place in range(10))}

Options = dict[str, Hidden[str]]


def from_libpam(text: str) -> Moved:
    r'''Read what is in `~/.google_authenticator`.

    Example:
        >>> text = """GEZDGNBVGY3TQOJQGEZDGNBVGY
        ... " RATE_LIMIT 3 30 1111111111
        ... " WINDOW_SIZE 17
        ... " DISALLOW_REUSE 37037035 37037036
        ... " TOTP_AUTH
        ... 12345678
        ... """
        >>> moved = from_libpam(text)
        >>> moved.token.code(59), moved.spent
        ('970934', 37037036)

    Its codes have six digits and are of SHA-1. With `DISALLOW_REUSE` the module writes down each time step that it
    accepted; the newest one is the spent counter. Which one that is, is not known

    - without `DISALLOW_REUSE`, or before the first log-in under it;
    - with `TIME_SKEW`: a phone whose clock was off had it set by three codes, and the third let in without being
      written down.

    Then `spent` is -1, and `steps_ahead` is what `WINDOW_SIZE` (of its width, half lies ahead) and `TIME_SKEW` allowed.

    Scratch codes cannot come along: they have eight digits, far fewer than a recovery code has here. `adopt` issues
    new recovery codes. `RATE_LIMIT` and `LAST0` to `LAST9` are not looked at: here the throttle is `Policy`'s.

    Args:
        text: The content of the file.

    Raises:
        InvalidParameters: If an option is not known, stands twice or is out of range; if a line is of no kind that
            is known; if neither `TOTP_AUTH` nor `HOTP_COUNTER` stands there, or `OTP_DISABLED` does; if codes that are
            not on record may lie more than 10 time steps ahead; if there are more than 65,536 characters.
        InvalidSecret: If the first line is not base32 of 10 to 128 bytes.
        TypeError: If `text` is not a `str`.
    '''
    hidden = Hidden(text)
    del text
    if len(text_of("text", hidden).value) > _LONGEST:
        raise InvalidParameters(f"text must have at most {_LONGEST} characters")
    first, *others = map(Hidden, hidden.value.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    secret, options = secret_of("the first line", Hidden(first.value.strip(" \t"))), _options(others)
    if "OTP_DISABLED" in options:
        raise InvalidParameters("OTP_DISABLED must not stand there: this second factor was not in use")
    if "HOTP_COUNTER" in options:
        return Moved(token=HOTP(secret), spent=_number(options, "HOTP_COUNTER", 1, 1, LARGEST_COUNTER) - 1)
    if "TOTP_AUTH" not in options:
        raise InvalidParameters("TOTP_AUTH or HOTP_COUNTER must stand there: without them no code was accepted")
    return _time_based(secret, options)


def _time_based(secret: Secret, options: Options) -> Moved:
    """Return a `TOTP`, and what the options say of the codes that have been accepted."""
    token = TOTP(secret, period=_number(options, "STEP_SIZE", 30, 10, 60))
    window = _number(options, "WINDOW_SIZE", 3, 1, 100)
    skew = _number(options, "TIME_SKEW", 0, -_FARTHEST_SKEW, _FARTHEST_SKEW)
    ahead = window // 2 + max(skew, 0)  # an even window has the step more ahead; a phone behind may have been set right
    recorded = map(Hidden, options.get("DISALLOW_REUSE", Hidden("")).value.split(" "))
    steps = [_whole("DISALLOW_REUSE", step, 0, _LARGEST_STEP) for step in recorded if step.value]
    # Without a skew the newest is always among them: the module drops those that lie a window's width from a later one.
    spent = max(steps, default=-1) if "TIME_SKEW" not in options else -1
    if spent < 0 and ahead > FARTHEST_AHEAD:
        raise InvalidParameters(
            f"WINDOW_SIZE and TIME_SKEW allowed codes of up to {ahead} time steps ahead, and which were accepted is not"
            f" on record: more than {FARTHEST_AHEAD} cannot be voided, so enrol anew"
        )
    return Moved(token=token, spent=spent, drift=skew, steps_ahead=ahead)


def _options(lines: list[Hidden[str]]) -> Options:
    """Return the options by name; the first line has been the secret."""
    found: Options = {}
    for number, line in enumerate(lines, 2):
        if not line.value.startswith('" '):
            if line.value.strip(" \t") and not _SCRATCH_CODE.fullmatch(line.value.strip(" \t")):
                raise InvalidParameters(f"line {number} is neither an option nor a scratch code")
            continue
        name, _, value = map(Hidden, line.value[2:].replace("\t", " ").rstrip(" ").partition(" "))
        if name.value not in _READ | _PASSED_OVER:
            raise InvalidParameters(f"line {number} is an option that is not known")
        if name.value in found:
            raise InvalidParameters(f"the option {name.value} stands twice")
        found[name.value] = value
    return found


def _number(options: Options, name: str, default: int, low: int, high: int) -> int:
    """Return an option that is one number."""
    return _whole(name, Hidden(options.get(name, Hidden(str(default))).value.strip(" ")), low, high)


def _whole(name: str, written: Hidden[str], low: int, high: int) -> int:
    """Return a whole number in ASCII digits, perhaps after a minus sign."""
    digits = Hidden(written.value.removeprefix("-"))
    if 1 <= len(digits.value) <= 20 and not digits.value.strip("0123456789"):
        number = int(digits.value) if digits.value[0] == written.value[0] else -int(digits.value)
        if low <= number <= high:
            return number
    raise InvalidParameters(f"{name} must be a number from {low} to {high}")
