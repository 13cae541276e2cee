"""`totpcore import` into stores that have a server."""

from pathlib import Path

import pytest

from cli.stores import House, many, script
from servers.postgres import as_url
from servers.redis import RedisServer
from totpcore.stores.postgres import PostgresStore
from totpcore.stores.redis import RedisStore

pytest_plugins = ["cli.stores", "servers.fixtures"]


def test_a_table_in_postgresql(tmp_path: Path, postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run makes none, and says what would be done once it is there; without it nothing is moved."""
    monkeypatch.chdir(tmp_path)
    store = PostgresStore(postgres_database)
    house, file = House(tmp_path, store, as_url(postgres_database)), many(400)
    assert script(house, "import", "pyotp", file, "--dry-run", "--create").out.splitlines()[-2].startswith("400 would")
    for option in ([], ["--dry-run"]):
        said = script(house, "import", "pyotp", file, *option)
        assert (said.code, said.out) == (2, "")
        assert 'there is no table "totpcore": --create makes it' in said.err
    assert script(house, "import", "pyotp", file, "--create").out.startswith("400 moved")
    assert script(house, "import", "pyotp", file).out.startswith("0 moved, 400 already here")
    store.close()


def test_redis(tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has nothing to be made."""
    monkeypatch.chdir(tmp_path)
    redis_server.flush()
    store = RedisStore(redis_server.url)
    house, file = House(tmp_path, store, redis_server.url), many(400)
    assert script(house, "import", "pyotp", file, "--dry-run").out.splitlines()[-2].startswith("400 would")
    assert list(store.users()) == []
    assert script(house, "import", "pyotp", file).out.startswith("400 moved")
    store.close()
