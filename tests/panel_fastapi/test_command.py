"""The command that starts the FastAPI panel, as a person runs it, and the stores it takes."""

import socket
from pathlib import Path

import psycopg
import pytest

from browser.site import START
from need import need
from pages.command import Command, lines, started
from pages.life import live_through
from panel_fastapi.live import Live
from servers.postgres import as_url
from totpcore import Plaintext, SQLiteStore
from totpcore.sealing import Keyring
from totpcore.stores.postgres import PostgresStore
from totpcore.testing import HandClock

pytest_plugins = ["servers.fixtures"]

KEYS = Keyring({"2026": bytes(range(32))})


@pytest.fixture
def database(postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database, and no setting in the environment."""
    for name in ("TOTPCORE_STORE", "TOTPCORE_KEYS"):
        monkeypatch.delenv(name, raising=False)
    return as_url(postgres_database)


@pytest.fixture
def command(database: str) -> tuple[str, ...]:
    """The panel, and where its data is."""
    return "fastapi_panel", "--database", database


class TestCommand(Command):
    """What it prints, and how it ends."""

    tells = False


def test_a_store_that_is_missing_is_not_made_anew(database: str, tmp_path: Path) -> None:
    """Where there are users, a start makes no empty table, in which nobody has a second factor."""
    arguments = ("--port", "0", "--database", database)
    with started("fastapi_panel", tmp_path, *arguments) as process:
        assert "Password" in " ".join(lines(process))
    with psycopg.connect(database, autocommit=True) as db:
        db.execute("DROP TABLE totpcore")
        with started("fastapi_panel", tmp_path, *arguments) as process:
            assert lines(process)
        assert db.execute("SELECT to_regclass('totpcore')").fetchone() == (None,)


def test_command_takes_its_settings_from_the_environment(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`TOTPCORE_STORE` alone is enough; with `TOTPCORE_KEYS` the records are sealed."""
    monkeypatch.setenv("TOTPCORE_STORE", database)
    monkeypatch.setenv("TOTPCORE_KEYS", Keyring.generate_key("first"))
    with started("fastapi_panel", tmp_path, "--port", "0") as process:
        assert "Password" in " ".join(lines(process))
    store = PostgresStore(database)
    users = list(store.users())
    assert users
    assert all(b"first" in (store.load(user) or b"") for user in users)
    store.close()


@pytest.mark.parametrize(
    ("store", "arguments", "ends"),
    [
        ("", (), (2, "--database postgresql://user@host/name")),
        ("redis://127.0.0.1:1/0", (), (2, "A PostgreSQL database is missing")),
        ("", ("--database", "postgresql://ada:hidden@127.0.0.1:1/x"), (1, "127.0.0.1")),
        ("nonsense:", ("--database", "postgresql://ada:hidden@127.0.0.1:1/x"), (1, "url must be")),
        ("", ("--database", "postgresql://ada:hidden@/x?nonsense=1"), (1, "libpq")),
    ],
)
def test_what_is_missing_is_one_line(
    store: str, arguments: tuple[str, ...], ends: tuple[int, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No database, one that does not answer, a URL that is none: a line says so, and shows no password."""
    monkeypatch.setenv("TOTPCORE_STORE", store)
    monkeypatch.delenv("TOTPCORE_KEYS", raising=False)
    with started("fastapi_panel", tmp_path, *arguments) as process:
        printed, errors = process.communicate(timeout=60)
    assert (printed, process.returncode) == ("", ends[0])
    assert len(errors.splitlines()) == 1
    assert ends[1] in errors
    assert "hidden" not in errors


def test_command_evades_a_port_that_is_taken(database: str, tmp_path: Path) -> None:
    """A port that was asked for and is taken is an error of one line; without `--port` it takes another one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started("fastapi_panel", tmp_path, "--database", database, "--port", str(port)) as process:
            printed, errors = process.communicate(timeout=60)
        assert (printed, process.returncode) == ("", 1)
        assert len(errors.splitlines()) == 1
    arguments = ("--database", database)
    with started("fastapi_panel", tmp_path, *arguments) as first, started("fastapi_panel", tmp_path, *arguments) as two:
        assert lines(first)[0] != lines(two)[0]


@pytest.fixture(params=["the users' database", "memory", "file", "redis", "redis cluster"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """The one setting."""
    match request.param:
        case "memory":
            return "memory:"
        case "file":
            SQLiteStore(tmp_path / "elsewhere.db", create=True).close()
            return f"sqlite:///{tmp_path / 'elsewhere.db'}"
        case "redis":
            return f"redis://127.0.0.1:{request.getfixturevalue('redis_server').port}/0?prefix={tmp_path.name}:"
        case "redis cluster":
            port = request.getfixturevalue("redis_cluster").nodes[0].port
            return f"redis+cluster://127.0.0.1:{port}?prefix={tmp_path.name}:"
        case _:
            return None


@pytest.mark.parametrize("sealer", [Plaintext(), KEYS], ids=["plain", "sealed"])
def test_the_whole_life_on_each_store(
    store_url: str | None, sealer: Plaintext | Keyring, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From set-up to the reset by an owner; where another store was chosen, the users' database has no table for it."""
    need("oathtool")
    monkeypatch.setattr(f"{Live.module}.generate_password_hash", Live.hash)
    live = Live(database, HandClock(START), store=store_url, sealer=sealer)
    live_through(live)
    live.stop()
    with psycopg.connect(database) as db:
        (table,) = db.execute("SELECT to_regclass('totpcore')").fetchone() or ()
    assert (table is None) is (store_url is not None)
