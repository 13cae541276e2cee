"""A logging handler that keeps all that a record has, on every logger, at DEBUG."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from silence.surface import said

FORM = logging.Formatter("%(name)s %(levelname)s %(pathname)s %(funcName)s %(message)s")
NUMBERS = {"created", "msecs", "relativeCreated", "thread", "process", "asctime"}


def attributes_of(record: logging.LogRecord) -> str:
    """Everything on a record but the numbers that `logging` measures itself: six digits turn up in them by chance."""
    return str({name: value for name, value in vars(record).items() if name not in NUMBERS})


class Everything(logging.Handler):
    """Keeps all that a record has: its text, its arguments, its extras, its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.kept += [FORM.format(record), attributes_of(record)]
        if record.exc_info and record.exc_info[1]:
            self.kept += list(said(record.exc_info[1]))


@contextmanager
def listening() -> Iterator[Everything]:
    """The root logger, and every logger that there is, at DEBUG meanwhile."""
    root, handler = logging.getLogger(), Everything()
    loggers = [root, *(one for one in logging.Logger.manager.loggerDict.values() if isinstance(one, logging.Logger))]
    before = [(one, one.level, one.disabled) for one in loggers]
    for one in loggers:
        one.setLevel(logging.DEBUG)
        one.disabled = False
    root.addHandler(handler)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
        for one, level, disabled in before:
            one.setLevel(level)
            one.disabled = disabled
