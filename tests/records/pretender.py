"""A value whose type says that it is equal to any other type: only `is` tells it from an `int`, `bytes` or a `str`."""


class SaysItIsAnything(type):
    """The type of such a type."""

    def __eq__(cls, other: object) -> bool:
        return True

    __hash__ = type.__hash__


class Pretender(metaclass=SaysItIsAnything):
    """No number, no bytes and no text."""
