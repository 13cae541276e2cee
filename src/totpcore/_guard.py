"""What stands at every entry: checks of what a developer passes, and a cover for what nobody may see.

Rules of this file:

1. A check returns the value it was given or raises at once, naming the argument and what is allowed.
   No message holds a value that could be a secret or a code.
2. `bool` is not a number here: `True` is a slip, never a counter of 1.
3. An entry point puts what it was given under `Hidden` and deletes the bare name before it calls anything that can
   raise. A traceback that prints locals, as error reporters do, then shows nothing in totpcore's frames.
"""

import math
from typing import ClassVar, Final, Generic, NoReturn, Self, TypeVar

from .errors import InvalidParameters

T = TypeVar("T")

LATEST: Final = 253_402_300_799  # the last second of the year 9999: a clock that shows more is broken


class Guarded:
    """The base of values that hold a secret: they cannot be changed, pickled or copied."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret and refuses to be pickled or copied")

    def __getstate__(self) -> NoReturn:  # what serializers beside pickle ask for; `object` would give the slots
        raise TypeError(f"{type(self).__name__} holds a secret and gives no state")


class Hidden(Guarded, Generic[T]):
    """A value that no `repr`, `str`, `format`, pickle or copy shows."""

    __slots__ = ("value",)
    value: T

    def __init__(self, value: T) -> None:
        object.__setattr__(self, "value", value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: hidden>"


class FirstChecked:
    """The base of dataclasses whose first argument is, or holds, a secret: another type is refused before `__init__`.

    The `__init__` that `dataclass` writes has its arguments as locals, which rule 3 cannot delete: where a key is
    passed bare, a traceback would show it.
    """

    __slots__ = ()
    _first: ClassVar[tuple[str, str, tuple[type, ...]]]  # the argument's name, what is allowed, its types

    def __new__(cls, *given: object, **named: object) -> Self:
        name, allowed, kinds = cls._first
        if given or name in named:  # without it, as `copy` calls this and as `__init__` will refuse, it is fine
            first = Hidden(given[0] if given else named[name])
            del given, named
            if not isinstance(first.value, kinds):
                # A subclass with an `__init__` of its own takes what it likes, and shows it in a frame of its own.
                written = next(base for base in cls.__mro__ if "__init__" in vars(base))
                if "__dataclass_fields__" in vars(written):
                    raise type_error(name, allowed, first.value)
        return super().__new__(cls)


def type_error(name: str, allowed: str, value: object) -> TypeError:
    """Return a `TypeError` that names the argument, what is allowed, and the type that came instead."""
    return TypeError(f"{name} must be {allowed}, not {type(value).__name__}")


def whole(name: str, value: int, low: int, high: int) -> int:
    """Return `value`, an `int` from `low` to `high`."""
    if type(value) is not int:
        raise type_error(name, "an int", value)
    if not low <= value <= high:
        raise InvalidParameters(f"{name} must be from {low} to {high}")
    return value


def number(name: str, value: float, *, low: float = 0, high: float = math.inf) -> float:
    """Return `value`, an `int` or `float`, finite and from `low` to `high`."""
    if type(value) is not int and type(value) is not float:
        raise type_error(name, "an int or a float", value)
    if not (low <= value <= high and value < math.inf):  # so written, NaN fails: it compares false with everything
        raise InvalidParameters(
            f"{name} must be a finite number from {low}" + (f" to {high}" if high < math.inf else " on")
        )
    return value


def text(name: str, value: str, low: int, high: int) -> str:
    """Return `value`, a `str` of `low` to `high` characters without NUL and without a lone surrogate."""
    if type(value) is not str:
        raise type_error(name, "a str", value)
    if not low <= len(value) <= high:
        raise InvalidParameters(f"{name} must have {low} to {high} characters")
    if "\0" in value or has_lone_surrogate(value):
        raise InvalidParameters(f"{name} must not hold NUL or a lone surrogate")
    return value


def has_lone_surrogate(value: str) -> bool:
    """Whether there is half a character in it, which no encoding can write."""
    return not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)


def exact(name: str, value: object, kind: type[T]) -> T:
    """Return `value`, an instance of `kind`."""
    if isinstance(value, kind):
        return value
    error = type_error(name, f"of type {kind.__name__}", value)
    del value  # a secret, perhaps, where a `Secret` belongs
    raise error


def has_methods(name: str, value: object, *methods: str) -> None:
    """Check that `value` is an object, not a class, with these methods."""
    if isinstance(value, type) or not all(callable(getattr(value, method, None)) for method in methods):
        raise type_error(name, f"an object with the methods {' and '.join(methods)}", value)
