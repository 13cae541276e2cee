"""Taking over what was read of another system, user by user.

Rules of this file:

1. It can be run again: who has a second factor here is left alone, and only those that are missing are moved.
2. What was spent there is spent here, and where that is not known, all that can have been spent by now is. A secret
   that stands in several rows of a user was spent in each.
3. What cannot be moved is named, by its row, its user and the reason; the others go through. So is whoever has nothing
   that can come along: here the password would be all that is asked of them.
4. Of two rows of one user the one used last is taken, or where that is not known the first; the others are named. Of
   several services none is taken: one of them may be another's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from . import _auditing
from ._labels import is_hidden, label, renamed
from ._rows import CODES, Row

if TYPE_CHECKING:
    from ..migrate import Moved
    from ..service import TwoFactor

_BATCH: Final = 500  # users whose records are loaded at once
_NOTHING_ELSE: Final = "until they set up a second factor here, the password is all that is asked of them"


@dataclass
class Moving:
    """Where second factors go, and what has become of them so far.

    Attributes:
        factor: Where they go.
        clock: Returns Unix seconds: that of the service.
        ahead: How many time steps ahead of its clock the other system accepted codes, at the least.
        allow_weak: Whether secrets of fewer than 128 bits are taken.
        amiss: Is told, in a line, what is wrong with somebody's.
        well: Is told, in a line, what was done with somebody's.
        show: Is given how many users were looked at.
        moved: How many users were moved.
        left: How many have a second factor here, and were left.
        refused: How many rows, or users, could not be moved.
    """

    factor: "TwoFactor"
    clock: Callable[[], float]
    ahead: int
    allow_weak: bool
    amiss: Callable[[str], object]
    well: Callable[[str], object]
    show: Callable[[int], object]
    moved: int = 0
    left: int = 0
    refused: int = 0

    def refuse(self, row: Row, reason: str) -> None:
        """Name a row that cannot be moved."""
        self.refused += 1
        self.amiss(f"{label(row)}: {reason}")

    def all_of(self, users: Mapping[str, list[Row]]) -> None:
        """Move the rows of users, given by their ids here. Where it stops in the midst, the figures are right.

        Raises:
            StoreError: If the store fails.
        """
        from ..errors import RecordUnreadable  # noqa: PLC0415

        rest, done = iter(users), 0
        while batch := list(islice(rest, _BATCH)):
            for user, status in self.factor.statuses(batch).items():
                if isinstance(status, RecordUnreadable):
                    self.refuse(users[user][0], "the record here does not open: see `totpcore status`")
                elif status.code_required:
                    self._leave(user, users[user][0])
                else:
                    self._move(user, users[user])
                done += 1
                self.show(done)

    def _leave(self, user: str, row: Row) -> None:
        self.left += 1
        self.well(f"{label(row)}: {renamed(row, user)}left, since there is a second factor here")

    def _move(self, user: str, rows: list[Row]) -> None:
        """Move the best row of a user that can be moved, and name the others."""
        from ..errors import AlreadyEnrolled, InvalidInput, RecordUnreadable, StoreContended  # noqa: PLC0415

        judged = rows if self.allow_weak else list(map(_without_weak, rows))
        for row in judged:
            if row.reason:
                self.refuse(row, row.reason)
        left = [row for row in judged if not row.reason]
        if len({row.moved.issuer for row in left if row.moved and row.moved.issuer}) > 1:
            self.refuse(left[0], "the rows of this user are of several issuers: leave only yours in the file")
            return
        for row in sorted(left, key=lambda row: -row.used):  # which keeps the order of those that are alike
            if row.moved is None:
                continue
            left = [other for other in left if other is not row]
            try:
                self._adopt(user, row, row.moved, judged)
            except InvalidInput as error:
                self.refuse(row, str(error))
                continue  # the next best is better than nothing
            except AlreadyEnrolled:  # meanwhile
                self._leave(user, row)
            except (RecordUnreadable, StoreContended) as error:
                self.refuse(row, str(error))
            else:
                self._name(left, row)
            return
        if not any(row.reason or row.moved for row in judged):
            kinds = ", ".join(dict.fromkeys(row.other for row in judged))
            self.refuse(judged[0], f"{kinds} cannot come along: {_NOTHING_ELSE}")

    def _adopt(self, user: str, row: Row, moved: "Moved", rows: list[Row]) -> None:
        from .._operators import drift_told  # noqa: PLC0415
        from ..policy import Policy  # noqa: PLC0415

        known = (self._widened(other.moved) for other in rows if other.moved)
        spent = self._widened(moved).spent_by(self.clock(), beside=known)
        with _auditing.undivided():
            self.factor.adopt(user, moved.token, spent=spent, allow_weak=True)
            self.moved += 1
        self.well(f"{label(row)}: {renamed(row, user)}{_described(moved)}")
        off = drift_told(moved.token, moved.drift, Policy().window)  # the application's own is not known here
        if off:
            self.amiss(f"{label(row)}: {off}")

    def _widened(self, moved: "Moved") -> "Moved":
        return replace(moved, steps_ahead=max(moved.steps_ahead, self.ahead))

    def _name(self, others: list[Row], taken: Row) -> None:
        """Name what is left of a user's, beside the row that was taken."""
        for row in others:
            if row.moved is not None:
                why = "was used last" if taken.used > row.used else "comes first"
                last = f"{taken.where or label(taken)} {why}"
                self.amiss(f"{label(row)}: not moved: a user has one second factor here, and {last}")
            elif row.other != CODES:  # of these it is said once, for everybody
                self.amiss(f"{label(row)}: {row.other} cannot come along")


def _without_weak(row: Row) -> Row:
    if row.moved is None or not row.moved.token.secret.weak:
        return row
    return row._replace(
        moved=None, reason="its secret has fewer than 128 bits: let them set up anew, or pass --allow-weak"
    )


def _described(moved: "Moved") -> str:
    from .._operators import printable  # noqa: PLC0415
    from ..otp import TOTP  # noqa: PLC0415

    token = moved.token
    kind = f"{token.period} s" if isinstance(token, TOTP) else f"counter-based, next {moved.spent + 1}"
    service = f", of {printable(moved.issuer)}" if moved.issuer and not is_hidden(moved.issuer) else ""
    return f"{token.digits} digits, {kind}, {token.algorithm}{service}"
