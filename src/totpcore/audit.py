"""The default audit sink: the standard library's `logging`."""

from .events import Event

LOGGER_NAME = "totpcore"


def log_event(event: Event) -> None:
    """Write an event to the logger `totpcore`: accepted calls at INFO, refused ones at WARNING.

    The fields are attributes of the log record too (`totpcore_kind`, `totpcore_user` and so on), for structured logs.
    """
    import logging  # noqa: PLC0415  # loaded when used

    logger, refused = logging.getLogger(LOGGER_NAME), event.actor is None and event.reason != "ok"
    level = logging.WARNING if refused else logging.INFO
    if not logger.isEnabledFor(level):
        return
    fields = {name: getattr(event, name) for name in event.__slots__}
    shown = " ".join(f"{name}={value!r}" for name, value in fields.items() if value is not None)
    logger.log(level, "two-factor %s", shown, extra={f"totpcore_{name}": value for name, value in fields.items()})


def log_broken_sink(event: Event) -> None:
    """Write that an audit sink raised, with its traceback. To be called while that exception is handled."""
    import logging  # noqa: PLC0415  # loaded when used

    logging.getLogger(LOGGER_NAME).exception("the audit sink raised on a %s event; the answer stands", event.kind.value)
