"""An alias of a `DjangoStore`'s own in `django.db.connections`, beside the application's.

Rules of this file:

1. It follows the application's: the same server and database, under whatever name a test runner gives it. On SQLite,
   where a request that has written locks its whole file, it is a file of its own beside the application's.
2. Autocommit, whatever the application's alias does, and kept open from one request to the next.
3. Django knows it as one of the application's: it closes it where it closes those, and a `TestCase` that names it rolls
   it back. One that first appears in the midst of a test class is hidden until that is over, since Django would
   stumble over it.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..errors import InvalidParameters

WAIT_SECONDS: Final = 60  # for a lock
_NOT_INHERITED: Final = ("isolation_level", "pool", "transaction_mode", "timeout")


class Beside(dict[str, object]):
    """The settings of our alias. Its NAME is derived from the application's at the moment it is asked for: rule 1."""

    def __init__(self, base: str, theirs: dict[str, object], vendor: str) -> None:
        given = theirs["OPTIONS"]
        options = {**given} if isinstance(given, dict) else {}
        for name in _NOT_INHERITED:
            options.pop(name, None)
        if vendor == "sqlite":
            options |= {"timeout": WAIT_SECONDS, "transaction_mode": "IMMEDIATE"}
        elif vendor == "postgresql":
            options["server_side_binding"] = True  # otherwise its errors quote the values
        super().__init__(
            {
                **theirs,
                "ATOMIC_REQUESTS": False,
                "AUTOCOMMIT": True,
                "CONN_MAX_AGE": None,
                "CONN_HEALTH_CHECKS": False,  # a round trip in each request; a load is tried again instead
                "OPTIONS": options,
                "TEST": {"CHARSET": None, "COLLATION": None, "MIGRATE": False, "MIRROR": base, "NAME": None},
            }
        )
        self.base = base
        self.theirs = theirs
        self.vendor = vendor

    def __getitem__(self, name: str) -> object:
        if name != "NAME":
            return super().__getitem__(name)
        if self.vendor != "sqlite":
            return self.theirs["NAME"]
        return f"file:{alias_beside(self.base)}?mode=memory&cache=shared" if self.path is None else self.uri

    @property
    def path(self) -> Path | None:
        """Return our SQLite file; `None` where there is none, as on another database or in memory."""
        name = self.theirs["NAME"]
        if self.vendor != "sqlite" or name == ":memory:" or (isinstance(name, str) and "mode=memory" in name):
            return None
        theirs = Path(unquote(urlsplit(name).path) if isinstance(name, str) and name.startswith("file:") else str(name))
        return theirs.absolute().with_name(f"{theirs.stem}.totpcore{theirs.suffix}")

    @property
    def uri(self) -> str:
        return f"{self.path.as_uri()}?mode=rw" if self.path else ""  # never make a file by the way


class _Databases(dict[str, object]):
    """Django's settings of its databases, and ours: rule 3."""

    late: Final = set[str]()

    def __iter__(self) -> Iterator[str]:
        if not _is_in_a_test_class():
            self.late.clear()
        return iter([alias for alias in self.keys() if alias not in self.late])


def _is_in_a_test_class() -> bool:
    """Whether Django's test cases have put their guard in the place of what opens a connection."""
    return BaseDatabaseWrapper.ensure_connection.__qualname__.startswith("SimpleTestCase.")


def alias_beside(base: str) -> str:
    """Return the name of our alias beside the application's."""
    return f"totpcore.{base}"


_registering: Final = threading.Lock()


def register(base: str) -> str:
    """Return our alias beside the application's, and make it where there is none yet.

    Raises:
        InvalidParameters: If the application has no such alias.
    """
    alias = alias_beside(base)
    with _registering:
        databases = connections.settings
        if not isinstance(databases.get(alias), Beside):
            if base not in databases or connections[base].vendor == "unknown":  # of the backend that is none
                known = ", ".join(repr(name) for name in databases if not isinstance(databases[name], Beside))
                raise InvalidParameters(f"alias must be one of settings.DATABASES, with an ENGINE: {known}")
            if _is_in_a_test_class():
                _Databases.late.add(alias)
            # Another dictionary in its place, as other threads may be going through this one.
            ours = Beside(base, databases[base], connections[base].vendor)
            connections.settings = _Databases({**databases, alias: ours})
    return alias
