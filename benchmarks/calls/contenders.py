"""A contender: a call that is timed, and what proves beforehand that it does what is said of it.

Rules of this file:

1. What is timed has been proved in the same process: a benchmark of failures would be fast.
2. A peer is imported by its contender alone. One that is missing is named, and nothing else needs it.
3. The moment and its codes are those of RFC 6238, appendix B; of its eight digits the last six.
"""

import ctypes.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Final

from totpcore import totp

from ..report import Ratio, Row

Step = Callable[[], object]
Found = Mapping[str, Sequence[float]]  # the seconds that a call took, round by round, by the name of the contender

KEY: Final = b"12345678901234567890"
BASE32: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
AT: Final = 1_111_111_109
STEP: Final = 30
RIGHT: Final = "081804"
NEXT: Final = "050471"  # the code of 1 111 111 111
BEFORE: Final = totp(KEY, AT - STEP)
WRONG: Final = "123456"

# What can be missing, as it is called where it is installed from, and the module that shows whether it is there.
PEERS: Final = {
    "pyperf": "pyperf", "pyotp": "pyotp", "libpass": "passlib", "cryptography": "cryptography", "otpauth": "otpauth",
    "oath": "oath", "mintotp": "mintotp", "django-otp": "django_otp", "argon2-cffi": "argon2", "bcrypt": "bcrypt",
}  # fmt: skip
LIBOATH: Final = "liboath"


@dataclass(frozen=True, slots=True)
class Contender:
    """A call that is timed.

    Attributes:
        name: Its name, for the process that times it.
        make: Imports what the call needs, proves that it does what it should, and returns it.
        needs: The peers that it needs.
    """

    name: str
    make: Callable[[], Step]
    needs: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """Return what the machine lacks for it."""
        return next((f"no {name}" for name in ("pyperf", *self.needs) if not _is_there(name)), None)


def _is_there(name: str) -> bool:
    return (ctypes.util.find_library("oath") if name == LIBOATH else find_spec(PEERS[name])) is not None


def gives(answer: object, step: Step) -> Step:
    """Return the call, once it has given the answer that it should."""
    if step() != answer:
        raise RuntimeError("not the right answer")
    return step


def refuses(verdict: Callable[[str], bool]) -> Step:
    """Return the call that is shown a wrong code, once the codes of all three time steps were right."""
    for code, wanted in ((RIGHT, True), (NEXT, True), (BEFORE, True), (WRONG, False)):
        if verdict(code) is not wanted:
            raise RuntimeError("not the right verdict")
    return partial(verdict, WRONG)


def beside(
    found: Found, ours: Contender, base: Contender, *, name: str, at_most: float | None = None, note: str = "",
    calls: int = 1,
) -> Row:  # fmt: skip
    """Return the row of two contenders; `calls` is how many of the base's calls do what one of ours does."""
    missing = ours.missing() or base.missing()
    if missing is not None:
        return Row(name=name, skipped=missing)
    own, other = found[ours.name], [seconds * calls for seconds in found[base.name]]
    return Row(
        name=name,
        ratio=Ratio.of(own, other),
        at_most=at_most,
        base=1 / median(other) if median(other) < 1 else None,
        ours=1 / median(own),
        micros=median(own) * 1e6,
        note=note,
    )
