"""What tests of the Redis stores share: stores of both kinds, and what looks at a server."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Protocol, cast

import redis
import redis.asyncio

from totpcore import Plaintext, TwoFactor
from totpcore.stores.redis import AsyncRedisStore, RedisStore
from totpcore.testing import HandClock, Phone
from totpcore.testing._awaiting import EventLoop, Waiting


class AnyStore(Protocol):
    """What both stores are to a test, once the one for tasks stands behind an event loop."""

    def load(self, user: str, /) -> bytes | None: ...
    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool: ...
    def users(self) -> Iterator[str]: ...
    def load_many(self, users: Iterable[str], /) -> Mapping[str, bytes]: ...
    def close(self) -> None: ...


class Opens:
    """Opens stores of one kind, and closes them in the end."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.loop = EventLoop()
        self._closing = ExitStack()

    def __call__(self, server: object, **options: object) -> AnyStore:
        if self.kind == "threads":
            store = cast("AnyStore", RedisStore(server, **options))  # type: ignore[arg-type]  # the tests' slips too
        else:
            store = cast("AnyStore", Waiting(AsyncRedisStore(server, **options), self.loop))  # type: ignore[arg-type]  # too
        self._closing.callback(store.close)
        return store

    def client(self, url: str, *, decode_responses: bool = False, protocol: int = 2) -> object:
        """Return a client of redis-py's that goes with the kind."""
        if self.kind == "threads":
            client = redis.Redis.from_url(url, decode_responses=decode_responses, protocol=protocol)
            self._closing.callback(client.close)
            return client
        other = redis.asyncio.Redis.from_url(url, decode_responses=decode_responses, protocol=protocol)
        self._closing.callback(lambda: self.loop.run(other.aclose()))
        return other

    def end(self) -> None:
        """Close what was opened; more can be opened."""
        self._closing.close()
        self.loop.stop()


def calls(client: redis.Redis) -> dict[str, int]:
    """Return how often the server was asked what."""
    return {name.removeprefix("cmdstat_"): told["calls"] for name, told in client.info("commandstats").items()}


def a_life(store: AnyStore) -> tuple[TwoFactor, Phone, HandClock]:
    """Return a service on the store, and the phone of user 7 who was set up."""
    clock = HandClock(1_800_000_000)
    service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=clock)
    phone = Phone.scan(service.enrol("7", account="alice").uri)
    service.confirm("7", phone.code(clock()))
    clock.tick(30)
    return service, phone, clock


@contextmanager
def user_without(client: redis.Redis, *commands: str) -> Iterator[str]:
    """A user `limited`, with the password `sesame`, who may do everything but these commands."""
    client.acl_setuser(
        "limited", enabled=True, passwords="+sesame", keys="*", commands=["+@all", *(f"-{name}" for name in commands)]
    )
    yield "limited"
    client.acl_deluser("limited")
