"""Whose a row of another system is here: names there, user ids in the store.

Rules of this file:

1. A name is the user id, unless `--map` says another one; then a name that does not stand there is nobody's.
2. A row that is nobody's is named, with the reason. No name of one user is guessed from another: whoever called
   themselves "alice " there is not alice here.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ._files import text_named
from ._parsing import Mistake
from ._rows import Row
from ._tables import cells_of


class Whose(NamedTuple):
    """The rows by the ids of their users here, and those of which that is not known, with the reason."""

    users: dict[str, list[Row]]
    nobodys: list[tuple[Row, str]]


def whose_rows(rows: Sequence[Row], *, user: str | None, ids: Mapping[str, str] | None) -> Whose:
    """Find out whose each row is.

    Args:
        rows: The rows.
        user: The id of the user, where all are of one.
        ids: The ids by the names in the other system; `None` where these are the ids.

    Raises:
        Mistake: If they are not all of one user, where an id is given; or this is no user id.
    """
    if user is not None:
        _check("--user", user)
        names = {row.name for row in rows}
        if len(names) > 1 or (None in names and len(rows) > 1):
            raise Mistake("--user is for a FILE of one user, and this one has several")
    whose = Whose({}, [])
    for row in rows:
        try:
            whose.users.setdefault(_id_of(row, ids) if user is None else user, []).append(row)
        except Mistake as error:
            whose.nobodys.append((row, row.reason or str(error)))
    return whose


def ids_in(path: str) -> dict[str, str]:
    """Return the ids by the names in the other system, out of the file of `--map`.

    Raises:
        Mistake: If it is no text; if a line is not a name and an id, or a name stands there with two ids.
        OSError: If the file cannot be read.
    """
    ids: dict[str, str] = {}
    for where, cells in cells_of(text_named("--map", path)):
        if cells is None or len(cells.value) != 2 or not cells.value[0].strip():
            raise Mistake(f"{where} of --map must be a name and a user id, with a comma between")
        name, user = cells.value[0], cells.value[1].strip()
        if ids.setdefault(name, _check(f"the id in {where} of --map", user)) != user:
            raise Mistake(f"{where} of --map has a name that stands there before, with another id")
    return ids


def _id_of(row: Row, ids: Mapping[str, str] | None) -> str:
    if row.name is None:
        raise Mistake("it does not say whose it is; --user ID does, where there is only one")
    if ids is None:
        if unicodedata.normalize("NFC", row.name.strip()) != row.name:
            raise Mistake("the name begins or ends with a space, or is not in NFC: --map says whose it is")
        return _check("the name, without --map,", row.name)
    if row.name not in ids:
        raise Mistake("the name is not in the file of --map")
    return ids[row.name]


def _check(name: str, user: str) -> str:
    from .._core import check_user  # noqa: PLC0415
    from ..errors import InvalidParameters  # noqa: PLC0415

    try:
        return check_user(user)
    except InvalidParameters as error:
        raise Mistake(str(error).replace("user", name, 1)) from None
