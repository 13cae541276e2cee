"""Everything that error reporters show of an exception, and what they could make of totpcore's frames.

Rules of this file:

1. Only totpcore's own frames count: what stands in a caller's frame, or in that of a store, a sealer or a clock of the
   caller's, is the caller's own.
2. The whole chain is followed, causes and contexts, those that `from None` suppresses and those in groups as well.
3. `deep` goes into containers element by element, as Sentry does with every `Sequence`; `reports` does what `traceback`
   does, which asks a local for its `repr`.
"""

import dataclasses
import inspect
import traceback
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final

import totpcore

PACKAGE: Final = str(Path(totpcore.__file__).parent)
_DEPTH: Final = 5


def is_ours(frame: FrameType) -> bool:
    """Whether the frame runs code of totpcore's, or code that `dataclass` wrote for it."""
    written = frame.f_code.co_filename == "<string>" and str(frame.f_globals.get("__name__")).startswith("totpcore")
    return written or frame.f_code.co_filename.startswith(PACKAGE)


def chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that it stands on."""
    waiting, seen = [error], set[int]()
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [one for one in (found.__cause__, found.__context__) if one is not None]
        if isinstance(found, BaseExceptionGroup):
            waiting += found.exceptions


def frames(error: BaseException) -> Iterator[FrameType]:
    """Totpcore's frames in the tracebacks of the whole chain."""
    for one in chain(error):
        step: TracebackType | None = one.__traceback__
        while step is not None:
            if is_ours(step.tb_frame):
                yield step.tb_frame
            step = step.tb_next


def said(error: BaseException) -> Iterator[str]:
    """What the exceptions themselves say."""
    for one in chain(error):
        yield from (str(one), repr(one), ascii(one), str(one.args), str(vars(one)))
        yield str(getattr(one, "__notes__", ""))
        yield "".join(traceback.format_exception_only(one))


def local_values(error: BaseException) -> Iterator[str]:
    """The locals of totpcore's frames, as their `repr` shows them: quick, for tests that look thousands of times."""
    for frame in frames(error):
        for name, value in frame.f_locals.items():
            yield f"{frame.f_code.co_qualname} {name} = {value!r}"


def surface(error: BaseException) -> Iterator[str]:
    """What an exception says and what its tracebacks show."""
    yield from said(error)
    yield from local_values(error)


def reports(error: BaseException) -> Iterator[str]:
    """What the standard library's reporters make of it: `traceback` with locals, and `inspect`'s frames."""
    for one in chain(error):
        report = traceback.TracebackException(type(one), one, one.__traceback__, capture_locals=True, compact=False)
        yield "".join(report.format_exception_only())
        for summary in report.stack:
            if summary.filename.startswith(PACKAGE):
                yield f"{summary} {summary.line} {summary.locals}"
        for record in inspect.getinnerframes(one.__traceback__) if one.__traceback__ else []:
            if is_ours(record.frame):
                yield f"{record.function} {record.code_context} {inspect.getargvalues(record.frame)}"


def deep(error: BaseException) -> Iterator[str]:
    """The locals of totpcore's frames, with containers and dataclasses taken apart."""
    for frame in frames(error):
        for name, value in frame.f_locals.items():
            yield from (f"{frame.f_code.co_qualname} {name}: {part}" for part in taken_apart(value, _DEPTH))


def taken_apart(value: object, depth: int) -> Iterator[str]:
    """A value as by a serializer that knows mappings, sequences, sets and dataclasses, and else asks for `repr`."""
    if depth == 0 or isinstance(value, str | bytes):
        yield repr(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from taken_apart(key, depth - 1)
            yield from taken_apart(inner, depth - 1)
    elif isinstance(value, Sequence | AbstractSet):
        for inner in value:
            yield from taken_apart(inner, depth - 1)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from taken_apart(getattr(value, field.name, None), depth - 1)
    else:
        yield repr(value)
