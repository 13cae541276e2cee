"""The panel on each store, by one setting: an administrator's whole life, without a browser for speed."""

from pathlib import Path

import pytest

from admin_panel import create_app
from need import need
from pages.command import lines, started
from pages.life import live_through
from panel.live import START, Live
from servers.postgres import as_url
from totpcore import TOTP, Plaintext, Secret, SQLiteStore
from totpcore.sealing import Keyring
from totpcore.testing import HandClock

pytest_plugins = ["servers.fixtures"]

KEYS = Keyring({"2026": bytes(range(32))})


@pytest.fixture(params=["file", "postgres", "redis", "redis cluster"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The one setting."""
    match request.param:
        case "postgres":
            return as_url(request.getfixturevalue("postgres_database"))
        case "redis":
            return f"redis://127.0.0.1:{request.getfixturevalue('redis_server').port}/0?prefix={tmp_path.name}:"
        case "redis cluster":
            port = request.getfixturevalue("redis_cluster").nodes[0].port
            return f"redis+cluster://127.0.0.1:{port}?prefix={tmp_path.name}:"
        case _:
            return f"sqlite:///{tmp_path / 'elsewhere.db'}"


@pytest.mark.parametrize("sealer", [Plaintext(), KEYS], ids=["plain", "sealed"])
def test_the_whole_life_on_each_store(store_url: str, sealer: Plaintext | Keyring, tmp_path: Path) -> None:
    """From set-up to the reset by an owner; nothing is kept beside the store that was chosen."""
    need("oathtool")
    live_through(Live(tmp_path, HandClock(START), store=store_url, sealer=sealer))
    assert not (tmp_path / "second-factors.db").exists()


def test_a_store_that_is_missing_is_not_made_anew(tmp_path: Path) -> None:
    """A panel that lost its store does not start with an empty one, in which nobody has a second factor."""
    live = Live(tmp_path, HandClock(START))
    live.add("ada")
    file = tmp_path / "second-factors.db"
    file.unlink()
    with pytest.raises(FileNotFoundError):
        create_app(tmp_path)
    with started("admin_panel", tmp_path, "--port", "0", "--data", str(tmp_path)) as process:
        printed, errors = process.communicate(timeout=60)
    assert (printed, process.returncode) == ("", 1)
    assert len(errors.splitlines()) == 1
    assert "second-factors.db" in errors
    assert not file.exists()


def test_the_command_takes_both_settings_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`TOTPCORE_STORE` and `TOTPCORE_KEYS`: records are there, sealed; what is wrong is one line, without a secret."""
    entry = Keyring.generate_key("first")
    monkeypatch.setenv("TOTPCORE_STORE", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    monkeypatch.setenv("TOTPCORE_KEYS", entry)
    with started("admin_panel", tmp_path, "--port", "0", "--data", str(tmp_path)) as process:
        assert lines(process)
        process.terminate()
    store = SQLiteStore(tmp_path / "elsewhere.db")
    users = list(store.users())
    assert users
    assert all(b"first" in (store.load(user) or b"") for user in users)
    monkeypatch.setenv("TOTPCORE_KEYS", entry[:-5])
    with started("admin_panel", tmp_path, "--port", "0", "--data", str(tmp_path)) as process:
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert len(said.splitlines()) == 1
    assert entry[8:20] not in said


def test_trouble_with_the_store_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A key that was taken away too early: nobody is let in, the visitor reads whom to call, the log says why."""
    live = Live(tmp_path, HandClock(START), sealer=KEYS)
    live.add("ada")
    ada = live.panel.users.all()[0].id
    live.factor.adopt(ada, TOTP(Secret.generate()), spent=-1)
    live.panel.users.expect_factor(ada, expected=True)
    without = Live(tmp_path, HandClock(START), sealer=Keyring({"2027": bytes(range(1, 33))}))
    answer = without.visitor().give_password("ada")
    assert answer.status_code == 503
    assert "UnknownKey" not in answer.text
    assert "second factors are in trouble" in caplog.text
    assert "UnknownKey" in caplog.text
