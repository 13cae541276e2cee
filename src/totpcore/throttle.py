"""The tally of consecutive wrong codes, and the wait that follows from it.

Rules of this file:

1. A tally counts consecutive failures of one kind of code; only an acceptance of that kind clears it
   (SP 800-63B-4 section 3.2.2).
2. The first few wrong codes are free. From then on each one doubles the wait before the next is answered, up to a
   longest wait (RFC 4226 section 7.3, SP 800-63B-4 section 3.2.2).
3. The tally is part of the user's record and is stored before the refusal is spoken. It is bound to no session, no
   address and no process.
"""

from typing import Final, NamedTuple

CLOCKS_DIFFER: Final = 60  # seconds, at most, among hosts that share a store; further apart, codes do not match either


class Tally(NamedTuple):
    """Consecutive failures, and the moment from which the next code is answered."""

    failures: int = 0
    until: float = 0.0

    def wait(self, now: float, longest: float) -> float:
        """Return the seconds until the next code is answered, 0.0 if that is now.

        Much more than the longest wait is left only where the clock had jumped ahead and was set back. It is over then,
        and the next wrong code begins one by the right time: otherwise the jump would lock the user out for as long.
        """
        wait = float(self.until - now)
        return min(wait, float(longest)) if 0 < wait <= longest + CLOCKS_DIFFER else 0.0


def wait_after(failures: int, free: int, first_wait: float, longest_wait: float) -> float:
    """Return the seconds to wait after so many failures in a row."""
    if failures < free:
        return 0.0
    doublings = min(failures - free, 64)  # beyond that every wait has long been the longest
    return min(float(longest_wait), float(first_wait) * (1 << doublings))
