"""What the Redis stores use of redis-py. Needs `totpcore[redis]`.

Rules of this file:

1. Connections are used one by one, below the clients of redis-py, which by default send again what was not answered.
2. What a server says is not shown: Redis quotes the words of a command that it refuses, and they hold the record.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from ..errors import StoreError

try:
    import redis
    from redis.exceptions import MovedError
    from redis.exceptions import ResponseError as ResponseError  # noqa: PLC0414  # for the stores
except ImportError as _missing:
    raise ImportError('the Redis stores need redis: pip install "totpcore[redis]"') from _missing

Address = tuple[str, int]
Command = tuple[str | bytes | int, ...]

BROKEN: Final = (redis.ConnectionError, OSError)  # the connection has ended: another one may do
FAILED: Final = (redis.RedisError, OSError)  # all that a round trip raises
_OWN_WORDS: Final = (redis.ConnectionError, redis.TimeoutError)  # of redis-py; in kinds of these the server speaks


class Connection(Protocol):
    """A connection, for threads."""

    def pack_commands(self, commands: Iterable[Command], /) -> Sequence[bytes]: ...
    def send_packed_command(self, command: Sequence[bytes], /) -> None: ...
    def read_response(self) -> object: ...
    def connect(self) -> None: ...
    def disconnect(self) -> None: ...


class Pool(Protocol):
    """Connections, for threads."""

    def get_connection(self) -> Connection: ...
    def release(self, connection: Connection, /) -> None: ...
    def disconnect(self, inuse_connections: bool = ..., /) -> None: ...


class AsyncConnection(Protocol):
    """A connection, for an event loop."""

    def pack_commands(self, commands: Iterable[Command], /) -> Sequence[bytes]: ...
    async def send_packed_command(self, command: Sequence[bytes], /) -> None: ...
    async def read_response(self) -> object: ...
    async def connect(self) -> None: ...
    async def disconnect(self, nowait: bool = ...) -> None: ...


class AsyncPool(Protocol):
    """Connections, for an event loop."""

    async def get_connection(self) -> AsyncConnection: ...
    async def release(self, connection: AsyncConnection, /) -> None: ...
    async def disconnect(self, inuse_connections: bool = ..., /) -> None: ...


def trouble(error: object) -> StoreError:
    """Return the exception to raise, outside of the handler, where a round trip failed or its answer is an error."""
    if isinstance(error, OSError) or (isinstance(error, redis.RedisError) and type(error) in _OWN_WORDS):
        failed = StoreError(f"Redis cannot be reached, or does not answer: {error}")  # where and why
        failed.__cause__ = error
        return failed
    if isinstance(error, MovedError):
        return StoreError("the Redis server is a node of a cluster: pass cluster=True, or redis+cluster:// in a URL")
    code = re.match(r"[A-Z]{2,}\b", str(error)) if isinstance(error, ResponseError) else None
    known = f"{type(error).__name__} {code[0]}" if code else type(error).__name__
    return StoreError(f"Redis refused, or gave an answer that is none: {known}")
