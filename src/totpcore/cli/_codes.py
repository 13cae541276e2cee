"""`totpcore secret`, `code` and `verify`: what an app and a server compute, and nothing that has to be remembered.

Rules of this file:

1. A code stands alone on its line. `verify` never repeats the one that was typed.
2. Nothing is stored, so nothing here refuses a code that was spent. `verify` says so.
"""

import argparse
import sys
from typing import TYPE_CHECKING, Final

from ._parsing import DONE, REFUSED, Commands, Mistake, hidden, whole, window
from ._tokens import add_moment, add_token, chosen, now
from ._watching import watch

if TYPE_CHECKING:
    from .._guard import Hidden
    from ..otp import HOTP, TOTP

_CLOCK_SEARCH: Final = 10  # time steps each way: as far as `confirm` looks for a clock that is off
_COUNTER_SEARCH: Final = 100  # counters ahead: as far as a resynchronization looks
_STATELESS: Final = "Nothing is remembered: a server has to refuse the same code the second time.\n"


def add(commands: Commands) -> None:
    """Describe the commands."""
    secret = commands.add(
        "secret",
        _secret,
        "make a new shared secret, in base32",
        more="It comes from the random source of the operating system. 20, 32 and 64 bytes are the lengths of SHA1, "
        "SHA256 and SHA512.",
        example="totpcore secret\n(umask 077; totpcore secret > secret.txt)",
    )
    secret.add_argument(
        "--bytes", type=whole(16, 128), default=20, metavar="N", help="how many bytes, 16 to 128; without it, 20"
    )

    code = commands.add(
        "code",
        _code,
        "compute the code of now, of another time or of a counter",
        more="The secret, base32 or an otpauth URI, is read from standard input; a terminal asks for it and shows "
        "nothing. A URI brings its own parameters.",
        example="totpcore code < secret.txt\n"
        "totpcore code --secret-file secret.txt --watch\n"
        "echo GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ | totpcore code --at 59 --digits 8",
    )
    add_moment(code)
    add_token(code)
    code.add_argument(
        "--watch",
        action="store_true",
        default=None,
        help="go on until Ctrl-C: a line with a countdown, or in a pipe a line for each new code",
    )

    verify = commands.add(
        "verify",
        _verify,
        "tell whether a code is right: exit code 0, else 1",
        more="It remembers nothing: a server has to refuse a code that was spent, and to limit guesses, as "
        "totpcore.TwoFactor does. The secret is read as by `totpcore code`.",
        example="totpcore verify 123456 --secret-file secret.txt\n"
        "echo GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ | totpcore verify 287082 --at 59",
    )
    verify.add_argument("code", type=hidden, metavar="CODE", help="the code; spaces and hyphens in it do not count")
    add_moment(verify)
    verify.add_argument(
        "--window",
        type=window,
        metavar="P,F",
        help="time steps accepted before and after the current one; without it, 1,1",
    )
    verify.add_argument(
        "--look-ahead",
        type=whole(0, 100),
        metavar="N",
        help="counters accepted beyond the next one, which --counter names; without it, 10",
    )
    add_token(verify)


def _secret(given: argparse.Namespace) -> int:
    from ..secret import Secret  # noqa: PLC0415  # once it is to be made

    sys.stdout.write(f"{Secret.generate(given.bytes).base32}\n")
    return DONE


def _code(given: argparse.Namespace) -> int:
    from ..otp import HOTP  # noqa: PLC0415  # once it is to be computed

    if given.watch and given.at is not None:
        raise Mistake("--watch shows the codes of now, --at asks for another time: give one of them")
    token, counter, _ = chosen(given)
    if isinstance(token, HOTP):
        sys.stdout.write(f"{token.code(counter)}\n")
    elif given.watch:
        watch(token)
    else:
        sys.stdout.write(f"{token.code(now() if given.at is None else given.at)}\n")
    return DONE


def _verify(given: argparse.Namespace) -> int:
    from ..otp import HOTP, canonical_code  # noqa: PLC0415  # as above

    token, counter, uri = chosen(given)
    if given.look_ahead is not None and given.counter is None and uri is None:
        raise Mistake("--look-ahead needs --counter, the next one that is expected")
    if canonical_code(given.code, token.digits) is None:
        accepted, said = False, f"a code of this token has {token.digits} digits"
    elif isinstance(token, HOTP):
        accepted, said = _by_counter(token, given.code, counter, 10 if given.look_ahead is None else given.look_ahead)
    else:
        accepted, said = _by_time(token, given.code, now() if given.at is None else given.at, given.window or (1, 1))
    sys.stdout.write(f"{'accepted' if accepted else 'refused'}: {said}\n{_STATELESS if accepted else ''}")
    return DONE if accepted else REFUSED


def _by_time(token: "TOTP", typed: "Hidden[str]", at: float, allowed: tuple[int, int]) -> tuple[bool, str]:
    from ..otp import scan  # noqa: PLC0415  # as above

    match, step = token.match(typed.value, at, after=-1, window=allowed), token.counter(at)
    if match:
        return True, f"it is the code of {_steps(match.offset, token.period)}"
    found = scan(token, typed, step - _CLOCK_SEARCH, step + _CLOCK_SEARCH)
    if not found:
        return False, f"it is not the code of this time, nor of {_CLOCK_SEARCH} time steps before or after"
    *_, newest = found
    past, future = allowed
    return False, (
        f"it is the code of {_steps(newest - step, token.period)}, and the window is {past},{future}: "
        "it is old, or a clock is wrong"
    )


def _by_counter(token: "HOTP", typed: "Hidden[str]", counter: int, look_ahead: int) -> tuple[bool, str]:
    from ..otp import scan  # noqa: PLC0415  # as above

    match = token.match(typed.value, after=counter - 1, look_ahead=look_ahead)
    if match:
        return True, f"it is the code of counter {match.counter}; the next one expected is {match.counter + 1}"
    found = scan(token, typed, counter - _CLOCK_SEARCH, counter + _COUNTER_SEARCH)
    if not found:
        return False, f"it is not the code of counter {counter}, nor of {look_ahead} more"
    *_, newest = found
    why = "it has been spent or skipped" if newest < counter else f"only {look_ahead} beyond {counter} are allowed"
    return False, f"it is the code of counter {newest}, and {why}"


def _steps(offset: int, period: int) -> str:
    """Return in words which time step it is, seen from the current one."""
    if not offset:
        return "the current time step"
    steps = f"{abs(offset)} time step{'' if abs(offset) == 1 else 's'}"
    return f"{steps} ({abs(offset) * period} s) {'ago' if offset < 0 else 'ahead'}"
