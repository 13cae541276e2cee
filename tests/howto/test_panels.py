"""docs/how-to/flask.md and fastapi.md: the commands of "Look at it first" start a panel that lets its owner in.

Rule 1. Commands are read out of the page. What is put in: a port, and where the PostgreSQL of the test is. What
installs packages is left out.
"""

import os
import re
import shlex
import subprocess
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import psycopg
import pytest

from pages.command import lines, started
from servers.postgres import PostgresServer, binaries
from totpcore.stores.postgres import PostgresStore

pytest_plugins = ["servers.fixtures"]

HOW_TO = Path(__file__).parents[2] / "docs/how-to"


def commands(page: str) -> list[str]:
    """Every command of a page."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (HOW_TO / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def owner_gets_in(address: str, password: str) -> bool:
    """Log in as a person would."""
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    with browser.open(f"{address}login", timeout=60) as page:
        token = re.search(r'name="csrf" value="(\w+)"', page.read().decode())
    fields = {"csrf": token[1] if token else "", "login": "ada", "password": password}
    with browser.open(f"{address}login", urlencode(fields).encode(), timeout=60) as page:
        return "Access granted" in page.read().decode()


def shown(command: str, folder: Path) -> tuple[str, str]:
    """Start what the command starts, and log in; what it printed first, and what its folder is called."""
    program, option, package, *arguments = shlex.split(command)
    assert (program, option) == ("python3", "-m")
    with started(package, folder, *arguments, "--port", "0") as process:
        address, name, password, *_ = lines(process)
        assert name.split()[-1] == "ada"
        assert owner_gets_in(address, password.split()[-1])
    return address, package


@pytest.fixture(autouse=True)
def without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the environment says where records are."""
    for name in ("TOTPCORE_STORE", "TOTPCORE_KEYS"):
        monkeypatch.delenv(name, raising=False)


def test_the_flask_panel_starts_as_the_page_says(tmp_path: Path) -> None:
    """The last command of the page prints what one needs, and it lets the owner in."""
    *_, folder, start = commands("flask.md")
    assert folder == "cd docs/examples"
    assert shown(start, tmp_path)[1] == "admin_panel"


def test_the_fastapi_panel_starts_as_the_page_says(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """With the role and the database that the page makes, which is all that the panel may do there."""
    user, database, *_, folder, start = commands("fastapi.md")
    assert folder == "cd docs/examples"
    found = binaries()
    assert found
    environment = {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(postgres_server.port), "PGUSER": "postgres"}
    try:
        for command in (user, database):
            program, *arguments = shlex.split(command)
            subprocess.run([found / program, *arguments], env=environment, check=True)
        url = f"postgresql://panel@127.0.0.1:{postgres_server.port}/panel"
        assert shown(start.replace("postgresql://panel@127.0.0.1/panel", url), tmp_path)[1] == "fastapi_panel"
        store = PostgresStore(url)
        assert len(list(store.users())) == 2, "records of two colleagues are beside the users"
        store.close()
        with psycopg.connect(url) as db:
            assert db.execute("SELECT count(*) FROM panel.users").fetchone() == (4,)
            assert db.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'panel'").fetchone() == (False,)
    finally:
        with psycopg.connect(postgres_server.conninfo(), autocommit=True) as db:
            db.execute("DROP DATABASE IF EXISTS panel WITH (FORCE)")
            db.execute("DROP ROLE IF EXISTS panel")
