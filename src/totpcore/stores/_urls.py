"""Which URLs name a store.

Rule 1. A URL is never shown, not in a traceback with locals either: it may hold a password.
"""

from typing import Final

from .._guard import Hidden, has_lone_surrogate, type_error
from ..errors import InvalidParameters

MEMORY: Final = "memory:"
SQLITE: Final = "sqlite:///"
POSTGRES: Final = ("postgresql://", "postgres://")
REDIS: Final = ("redis://", "rediss://", "unix://", "valkey://", "valkeys://")
CLUSTER: Final = ("redis+cluster://", "rediss+cluster://", "valkey+cluster://", "valkeys+cluster://")


def kind_of(url: Hidden[str]) -> str:
    """Return what a URL begins with, where that names a store.

    Raises:
        InvalidParameters: If it names none.
        TypeError: If it is no text.
    """
    if type(url.value) is not str:
        raise type_error("url", "a str", url.value)
    if "\0" in url.value or has_lone_surrogate(url.value):
        raise InvalidParameters("url must not hold NUL or a lone surrogate")
    if url.value == MEMORY:
        return MEMORY
    kinds = (SQLITE, *POSTGRES, *REDIS, *CLUSTER)
    kind = next((kind for kind in kinds if url.value.startswith(kind) and url.value != kind), None)
    if kind is None:
        raise InvalidParameters(f"url must be {MEMORY}, or begin with {', '.join(kinds)}")
    return kind
