"""Where records are kept. Every store here meets `totpcore.testing.StoreContract`, or `AsyncStoreContract`.

Rules of this package:

1. A store is two methods over bytes that it does not understand: `load`, and `swap` by value.
2. Each module needs only what it names: nothing of a driver is imported before its store is used.
3. A URL is never shown, not in a traceback with locals either: it may hold a password.
"""

from typing import TYPE_CHECKING, NotRequired, TypedDict

from .._guard import Hidden, exact
from ..errors import InvalidParameters
from ..ports import AsyncStore, Store
from ._durability import DurabilityWarning
from ._urls import CLUSTER, MEMORY, POSTGRES, SQLITE, kind_of
from .memory import MemoryStore

if TYPE_CHECKING:
    from .sqlite import SQLiteStore
    from .threaded import InThreads

__all__ = ["DurabilityWarning", "InThreads", "MemoryStore", "SQLiteStore", "async_from_url", "from_url"]


def from_url(url: str, *, create: bool = False) -> Store:
    """Open a store by its URL.

    Example:
        >>> from_url("memory:")
        <MemoryStore: 0 users>

    Args:
        url: One of these:

            - `memory:`
            - `sqlite:///relative/path.db`, `sqlite:////absolute/path.db`
            - `postgresql://user:password@host/database`, as libpq reads it; with `schema`, `table`, `connections`,
              `wait_seconds` and `behind_pooler` (1 is yes) among its parameters where they are not those of
              `PostgresStore`
            - `redis://host:port/0`, `rediss://` with TLS, `unix://` with a path, as redis-py reads it, or
              `redis+cluster://host:port` for a cluster; with `prefix`, `wait_replicas` and `wait_seconds` among its
              parameters where they are not those of `RedisStore`. `valkey` may stand for `redis`.
        create: Whether a file or a table that is missing is made.

    Raises:
        InvalidParameters: If the URL is of another kind, or one of its parameters is not allowed.
        FileNotFoundError: If the file is missing and `create` is false.
        ImportError: If the library that the store needs is not installed.
        StoreError: If the server does not answer.
    """
    given = Hidden(url)
    del url
    kind = kind_of(given)
    exact("create", create, bool)
    if kind == MEMORY:
        return MemoryStore()
    if kind == SQLITE:
        from .sqlite import SQLiteStore  # noqa: PLC0415  # loaded when used

        if "?" in given.value:  # it would be part of the name, of a new and empty file
            raise InvalidParameters("url must have no parameters where it names a file")
        return SQLiteStore(given.value.removeprefix(SQLITE), create=create)
    if kind in POSTGRES:
        from .postgres import PostgresStore  # noqa: PLC0415  # loaded when used

        conninfo, named = _postgres(given)
        store = PostgresStore(conninfo.value, **named)
        if create:
            try:
                store.create_table()
            except BaseException:
                store.close()
                raise
        return store
    from .redis import RedisStore  # noqa: PLC0415  # loaded when used

    server, words = _redis(given, kind)
    return RedisStore(server.value, **words)


def async_from_url(url: str) -> AsyncStore:
    """Open a store for `AsyncTwoFactor` by its URL. A server is asked for nothing before the store is used.

    Example:
        >>> async_from_url("memory:")
        <InThreads: <MemoryStore: 0 users>>

    Args:
        url: As for `from_url`. What has no driver that awaits, a file or the memory, waits in threads.

    Raises:
        InvalidParameters: If the URL is of another kind, or one of its parameters is not allowed.
        FileNotFoundError: If the file is missing.
        ImportError: If the library that the store needs is not installed.
    """
    given = Hidden(url)
    del url
    kind = kind_of(given)
    if kind in (MEMORY, SQLITE):
        from .threaded import InThreads  # noqa: PLC0415  # loaded when used

        return InThreads(from_url(given.value))
    if kind in POSTGRES:
        from .postgres import AsyncPostgresStore  # noqa: PLC0415  # loaded when used

        conninfo, named = _postgres(given)
        return AsyncPostgresStore(conninfo.value, **named)
    from .redis import AsyncRedisStore  # noqa: PLC0415  # loaded when used

    server, words = _redis(given, kind)
    return AsyncRedisStore(server.value, **words)


class _Postgres(TypedDict):
    schema: str | None
    table: str
    connections: NotRequired[int]
    wait_seconds: NotRequired[int]
    behind_pooler: NotRequired[bool]


class _Redis(TypedDict):
    prefix: str
    cluster: bool
    wait_replicas: int
    wait_seconds: NotRequired[int]


def _postgres(url: Hidden[str]) -> tuple[Hidden[str], _Postgres]:
    conninfo, found = _without(url, *_Postgres.__annotations__)
    named: _Postgres = {"schema": found.get("schema"), "table": found.get("table", "totpcore")}
    if "connections" in found:
        named["connections"] = _whole("connections", found["connections"])
    if "wait_seconds" in found:
        named["wait_seconds"] = _whole("wait_seconds", found["wait_seconds"])
    if "behind_pooler" in found:
        if found["behind_pooler"] not in ("0", "1"):
            raise InvalidParameters("behind_pooler in the url must be 0 or 1")
        named["behind_pooler"] = found["behind_pooler"] == "1"
    return conninfo, named


def _redis(url: Hidden[str], kind: str) -> tuple[Hidden[str], _Redis]:
    server, found = _without(url, "prefix", "wait_replicas", "wait_seconds")
    named: _Redis = {
        "prefix": found.get("prefix", "totpcore:"),
        "cluster": kind in CLUSTER,
        "wait_replicas": _whole("wait_replicas", found.get("wait_replicas", "0")),
    }
    if "wait_seconds" in found:
        named["wait_seconds"] = _whole("wait_seconds", found["wait_seconds"])
    return Hidden(kind.replace("+cluster", "") + server.value.removeprefix(kind)), named


def _whole(name: str, digits: str) -> int:
    if not 1 <= len(digits) <= 4 or digits.strip("0123456789"):
        raise InvalidParameters(f"{name} in the url must be a whole number")
    return int(digits)


def _without(url: Hidden[str], *names: str) -> tuple[Hidden[str], dict[str, str]]:
    """Return the URL without the parameters of these names, which are totpcore's, and these."""
    from urllib.parse import unquote  # noqa: PLC0415  # loaded when used

    place, mark, query = url.value.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&")]
    rest = "&".join("".join(pair) for pair in pairs if pair[0] not in names)
    ours = {name: unquote(value) for name, _, value in pairs if name in names}
    return Hidden(place + (mark + rest if rest else "")), ours


def __getattr__(name: str) -> object:
    if name == "SQLiteStore":
        from .sqlite import SQLiteStore  # noqa: PLC0415  # loaded when used

        return SQLiteStore
    if name == "InThreads":
        from .threaded import InThreads  # noqa: PLC0415  # loaded when used

        return InThreads
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
