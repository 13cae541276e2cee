"""Redis or Valkey: a server of its own, with `appendfsync always`, and a new database number for each place.

The raw driver is redis-py, each client with a connection of its own: GET, and EVALSHA of the store's own script.
"""

from collections.abc import Sequence
from typing import Final

import redis

from servers.redis import RedisServer, installed
from totpcore.stores._redis_steps import SCRIPT
from totpcore.stores.redis import AsyncRedisStore, RedisStore

from .grounds import AsyncOpened, Ground, Opened, Place

_PREFIX: Final = "totpcore:"
_AT_ONCE: Final = 5_000  # users in one round trip, when a place is filled
_FILL: Final = "for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1]) end"
# What was loaded would otherwise be written anew in the midst of a measurement.
_CONFIG: Final = {"auto-aof-rewrite-percentage": "0"}


class Redis(Ground):
    """Redis."""

    key, name, target = "redis", "Redis", 0.7

    def missing(self) -> str | None:
        return None if installed() else "no redis-server or valkey-server"

    def version(self) -> str:
        server = self._server.facts("INFO", "server")
        return f"{server.get('valkey_version', server['redis_version'])}, appendonly yes, appendfsync always"

    def start(self) -> None:
        self._server = self.open.enter_context(RedisServer(config=_CONFIG))
        self._places = 0

    def place(self, size: int, value: bytes) -> Place:
        self._places += 1  # there are 16, and 0 is left alone
        return _Database(f"redis://127.0.0.1:{self._server.port}/{self._places}", size, value)


class _Database(Place):
    def __init__(self, url: str, size: int, value: bytes) -> None:
        super().__init__(size)
        self._url = url
        with redis.Redis.from_url(url) as raw:
            for start in range(0, size, _AT_ONCE):
                keys = [_PREFIX + user for user in self.users[start : start + _AT_ONCE]]
                raw.eval(_FILL, len(keys), *keys, value)

    def store(self, clients: int) -> Opened:  # noqa: ARG002  # it opens as many connections as it needs
        return RedisStore(self._url)

    def raw(self) -> Opened:
        return _Raw(redis.Redis.from_url(self._url, single_connection_client=True))

    async def async_store(self, clients: int) -> AsyncOpened:  # noqa: ARG002
        return AsyncRedisStore(self._url)

    async def async_raw(self, clients: int) -> Sequence[AsyncOpened]:
        opened = [redis.asyncio.Redis.from_url(self._url, single_connection_client=True) for _ in range(clients)]
        return [_AsyncRaw(raw, str(await raw.script_load(SCRIPT))) for raw in opened]


class _Raw:
    def __init__(self, raw: redis.Redis) -> None:
        self._raw = raw
        self._script = str(raw.script_load(SCRIPT))

    def load(self, user: str, /) -> bytes | None:
        return _value(self._raw.get(_PREFIX + user))

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        changed: object = self._raw.evalsha(self._script, 1, _PREFIX + user, _packed(old), _packed(new))
        return changed == 1

    def close(self) -> None:
        self._raw.close()


class _AsyncRaw:
    def __init__(self, raw: redis.asyncio.Redis, script: str) -> None:
        self._raw = raw
        self._script = script

    async def load(self, user: str, /) -> bytes | None:
        return _value(await self._raw.get(_PREFIX + user))

    async def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        changed: object = await self._raw.evalsha(self._script, 1, _PREFIX + user, _packed(old), _packed(new))
        return changed == 1

    async def close(self) -> None:
        await self._raw.aclose()


def _packed(value: bytes | None) -> bytes:
    """Return a value as the script takes it."""
    return b"-" if value is None else b"+" + value


def _value(answer: object) -> bytes | None:
    return answer if isinstance(answer, bytes) else None
