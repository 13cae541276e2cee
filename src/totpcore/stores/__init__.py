"""Where records are kept. Every store here meets `totpcore.testing.StoreContract`.

Rules of this package:

1. A store is two methods over bytes that it does not understand: `load`, and `swap` by value.
2. Each module needs only what it names: nothing of a driver is imported before its store is used.
"""

from typing import TYPE_CHECKING

from .._guard import exact, text
from ..errors import InvalidParameters
from ..ports import Store
from .memory import MemoryStore

if TYPE_CHECKING:
    from .sqlite import SQLiteStore

__all__ = ["MemoryStore", "SQLiteStore", "from_url"]

_SQLITE = "sqlite:///"
_MEMORY = "memory:"


def from_url(url: str, *, create: bool = False) -> Store:
    """Open a store by its URL.

    Example:
        >>> from_url("memory:")
        <MemoryStore: 0 users>

    Args:
        url: `sqlite:///relative/path.db`, `sqlite:////absolute/path.db`, or `memory:`.
        create: Whether a file that is missing is made.

    Raises:
        InvalidParameters: If the URL is of another kind. It is not shown: a URL may hold a password.
        FileNotFoundError: If the file is missing and `create` is false.
    """
    text("url", url, 1, 4096)
    exact("create", create, bool)
    if url == _MEMORY:
        return MemoryStore()
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        from .sqlite import SQLiteStore  # noqa: PLC0415  # loaded when used

        return SQLiteStore(url.removeprefix(_SQLITE), create=create)
    raise InvalidParameters(f"url must be {_MEMORY} or begin with {_SQLITE}")


def __getattr__(name: str) -> object:
    if name == "SQLiteStore":
        from .sqlite import SQLiteStore  # noqa: PLC0415  # loaded when used

        return SQLiteStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
