"""What PostgreSQL tells beside its answers, for every store on it, whichever driver brings it.

Rules of this file: no driver is imported, and nothing is passed on that may quote a row.
"""

from typing import Final, Protocol

from ..errors import StoreError

_QUOTING: Final = ("22", "P0")  # classes of errors: of data, and what a trigger says


class Notice(Protocol):
    """What psycopg hands to who listens to notices."""

    @property
    def severity_nonlocalized(self) -> str | None: ...
    @property
    def sqlstate(self) -> str | None: ...


def quotes_a_row(sqlstate: str | None) -> bool:
    """Whether the first line of such an error, too, holds what was stored or sent."""
    return (sqlstate or "").startswith(_QUOTING)


def note_warning(warned: list[str], notice: Notice) -> None:
    """Take a warning down, by its SQLSTATE: what it says may be a trigger's, with the row in it."""
    if notice.severity_nonlocalized == "WARNING":
        warned.append(notice.sqlstate or "")


def check_commit(warned: list[str]) -> None:
    """Judge the warnings that came with a change.

    Raises:
        StoreError: If there is one. So PostgreSQL tells that it has committed, and given up to wait for a standby.
    """
    if warned:
        raise StoreError(
            "committed here with a warning, and maybe not on the standby that it was to reach: a swap was made, "
            f"and can be lost with this server (SQLSTATE {warned[0]})"
        )
