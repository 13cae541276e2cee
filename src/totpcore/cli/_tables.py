"""Files of rows: CSV and JSON, as fields by their names.

Rules of this file:

1. CSV (RFC 4180), JSON and JSON lines are told apart by what is in the file, not by its name.
2. A file that is wrong as a whole is refused as a whole. So are columns that are not known: `period` where `interval`
   belongs would be wrong codes later.
3. What stands in a field is in no message, and what may hold a secret is `Hidden`.
4. Rows are counted as they come: a row takes far more memory than the file.
"""

import csv
import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TypeVar

from ._parsing import Mistake
from ._rows import Entry, Fields, name_in

if TYPE_CHECKING:
    from .._guard import Hidden

T = TypeVar("T")

_MOST: Final = 500_000  # rows of a file


def entries_of(text: "Hidden[str]", needed: str, others: tuple[str, ...], *, alone: str = "") -> Iterator[Entry]:
    """Yield the rows of a file whose fields are `user`, the needed one, and perhaps others.

    In JSON these are objects, in a list or on lines; or one object that maps users to the needed field, or to an
    object of all fields. An object with the field `alone` is the needed one by itself, and nobody's.

    Raises:
        Mistake: If the columns are not these, or what begins like JSON is none.
    """
    from .._guard import Hidden  # noqa: PLC0415

    known = {needed, *others}
    entries = _in_json(text, needed, alone) if is_json(text) else _in_csv(text, needed, others)
    for entry in bounded(entries):
        if entry.reason or (needed in entry.fields.value and known.issuperset(entry.fields.value)):
            yield entry
        else:
            yield Entry(entry.where, entry.name, Hidden({}), f"it must have {_columns(needed, others)}")


def bounded(rows: Iterator[T]) -> Iterator[T]:
    """Yield the rows.

    Raises:
        Mistake: If there are more than half a million.
    """
    for number, row in enumerate(rows):
        if number == _MOST:
            raise Mistake(f"it has more than {_MOST} rows: split it")
        yield row


def is_json(text: "Hidden[str]") -> bool:
    """Whether a file begins like JSON, or JSON lines."""
    return text.value.lstrip()[:1] in ("[", "{")


def objects_of(text: "Hidden[str]") -> "Iterator[tuple[str, Hidden[Fields], str]]":
    """Yield the objects of a JSON list, of JSON lines, or a single one, each with its place and what is wrong with it.

    Raises:
        Mistake: If the whole is no JSON.
    """
    from .._guard import Hidden  # noqa: PLC0415

    _, first = next(lines_of(text))
    if first.value != text.value.strip() and _is_object(first):
        for where, line in lines_of(text):
            try:
                yield _object(where, Hidden(json_of(line)))
            except Mistake:
                yield where, Hidden({}), "it is no JSON"
        return
    whole = Hidden(json_of(text))
    rows = whole.value if isinstance(whole.value, list) else [whole.value]
    for number, row in enumerate(map(Hidden, rows), 1):
        yield _object(f"entry {number}", row)


def lines_of(text: "Hidden[str]") -> "Iterator[tuple[str, Hidden[str]]]":
    """Yield the lines that hold something, by their numbers. A line ends at LF or CRLF, and at no other sign."""
    from .._guard import Hidden  # noqa: PLC0415

    for number, line in enumerate(map(Hidden, io.StringIO(text.value, newline="\n")), 1):
        if line.value.strip():
            yield f"line {number}", Hidden(line.value.strip())


def json_of(text: "Hidden[str]") -> object:
    """Return what a JSON text holds.

    Raises:
        Mistake: If it is no JSON, is nested too deeply, or a name stands twice in an object: readers disagree which of
            the two counts.
    """
    try:
        made: object = json.loads(text.value, object_pairs_hook=_once)
    except Mistake as error:
        reason = str(error)
    except json.JSONDecodeError as error:
        reason = f"it is no JSON: see line {error.lineno}"
    except (ValueError, RecursionError):
        reason = "it is no JSON that can be read: a number is too long, or it is nested too deeply"
    else:
        return made
    raise Mistake(reason)  # out of the handler: the decoder's error holds the text


def cells_of(text: "Hidden[str]") -> "Iterator[tuple[str, Hidden[list[str]] | None]]":
    """Yield the lines of a CSV text that hold something, by their numbers; `None` for what is no CSV."""
    from .._guard import Hidden  # noqa: PLC0415

    reader, before = csv.reader(io.StringIO(text.value, newline=""), strict=True), 0
    while True:
        try:
            cells = Hidden(next(reader))
        except StopIteration:
            return
        except csv.Error:
            cells = None
        if cells is None or any(cell.strip() for cell in cells.value):
            yield f"line {before + 1}", cells
        before = reader.line_num


def _in_csv(text: "Hidden[str]", needed: str, others: tuple[str, ...]) -> Iterator[Entry]:
    from .._guard import Hidden  # noqa: PLC0415

    head = Hidden[list[str]]([])  # where it was forgotten, this is the first row
    for where, cells in cells_of(text):
        width = len(head.value)
        if cells is None:
            yield Entry(where, None, Hidden({}), "a quotation mark is not closed, or stands where none belongs")
        elif not width:
            head = Hidden([cell.strip().lower() for cell in cells.value])
            named, known = Hidden({*head.value}), {"user", needed, *others}
            if needed not in named.value or len(named.value) < len(head.value) or named.value - known:
                raise Mistake(f"the first line must name the columns: user, {_columns(needed, others)}")
        elif len(cells.value) != width:
            yield Entry(where, None, Hidden({}), f"it has {len(cells.value)} cells, and the first line has {width}")
        else:
            fields = Hidden[Fields](dict(zip(head.value, cells.value, strict=True)))
            yield Entry(where, name_in(fields.value.pop("user", None)), fields)


def _in_json(text: "Hidden[str]", needed: str, alone: str) -> Iterator[Entry]:
    from .._guard import Hidden  # noqa: PLC0415

    for where, held, reason in bounded(objects_of(text)):
        if reason or "user" in held.value or needed in held.value:
            yield Entry(where, name_in(held.value.pop("user", None)), held, reason)
        elif alone in held.value:
            yield Entry(where, None, Hidden({needed: held.value}))
        else:
            for number, name in enumerate(held.value, 1):
                yield Entry(f"entry {number}", name_in(name), _fields_of(Hidden(held.value[name]), needed))


def _fields_of(value: "Hidden[object]", needed: str) -> "Hidden[Fields]":
    from .._guard import Hidden  # noqa: PLC0415

    if isinstance(value.value, dict) and needed in value.value:
        return Hidden(value.value)
    return Hidden({needed: value.value})


def _object(where: str, held: "Hidden[object]") -> "tuple[str, Hidden[Fields], str]":
    from .._guard import Hidden  # noqa: PLC0415

    return (where, Hidden(held.value), "") if isinstance(held.value, dict) else (where, Hidden({}), "it is no object")


def _is_object(line: "Hidden[str]") -> bool:
    try:
        return isinstance(json_of(line), dict)
    except Mistake:
        return False


def _once(pairs: list[tuple[str, object]]) -> Fields:
    from .._guard import Hidden  # noqa: PLC0415

    count, made = len(pairs), Hidden(dict(pairs))
    del pairs
    if len(made.value) != count:
        raise Mistake("a name stands twice in one JSON object")
    return made.value


def _columns(needed: str, others: tuple[str, ...]) -> str:
    return f"{needed}, and perhaps {', '.join(others)}; no others"
