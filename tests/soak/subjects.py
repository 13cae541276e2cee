"""The stores that are soaked, and the modules that the figures are of."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from fingerprints import ROOT, fingerprint, fingerprints_of

from .sites import Site, django, files, postgres, redis, sqlalchemy

_EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples"


class Subject(NamedTuple):
    """A store to soak.

    Attributes:
        site: Makes its surroundings, and takes them away.
        code: Its modules are those in whose names one of these words is.
        serves: The service that goes with it.
        clients_die: Whether a client can be killed, and leave the records.
        servers_die: Whether it has a server that can be killed.
        example: Its module, where it is an example.
    """

    site: Callable[[], AbstractContextManager[Site]]
    code: tuple[str, ...]
    serves: str = "service"
    clients_die: bool = True
    servers_die: bool = True
    example: str | None = None

    @property
    def deaths(self) -> dict[str, bool]:
        """Who can be killed."""
        return {"clients": self.clients_die, "servers": self.servers_die}

    def fingerprints(self) -> dict[str, str]:
        """Return the fingerprints of the modules that its figures are of."""
        names = [file.stem for file in sorted((ROOT / "stores").glob("*.py"))]
        own = [f"stores/{name}" for name in names if any(word in name for word in self.code)]
        return fingerprints_of([self.serves, "_shell", "_core", *own])

    def example_fingerprint(self) -> str | None:
        """Return the fingerprint of the example."""
        return fingerprint((_EXAMPLES / self.example).read_text("utf-8")) if self.example else None


_SQLITE: Final = ("sqlite", "_connections")
_DJANGO: Final = ("django", "_connections", "_postgres_words")

SUBJECTS: Final[Mapping[str, Subject]] = MappingProxyType(
    {
        "memory": Subject(files.memory, ("memory",), clients_die=False, servers_die=False),
        "sqlite": Subject(files.sqlite, _SQLITE, servers_die=False),
        "in_threads": Subject(files.in_threads, (*_SQLITE, "threaded"), "aio", servers_die=False),
        "postgres": Subject(postgres.postgres, ("postgres",)),
        "async_postgres": Subject(postgres.async_postgres, ("postgres",), "aio"),
        "redis": Subject(redis.redis, ("redis",)),
        "async_redis": Subject(redis.async_redis, ("redis",), "aio"),
        "redis_cluster": Subject(redis.cluster, ("redis",)),
        "redis_replica": Subject(redis.replicated, ("redis",)),
        "django_sqlite": Subject(django.on_sqlite, _DJANGO, servers_die=False),
        "django_postgres": Subject(django.on_postgres, _DJANGO),
        "sqlalchemy_recipe": Subject(sqlalchemy.recipe, (), example="sqlalchemy_store.py"),
    }
)
