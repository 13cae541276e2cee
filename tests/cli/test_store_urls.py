"""Where operators' commands find records and keys, and what they say where they do not; nothing is shown of either."""

import argparse
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cli.stores import NEW, NEW_ENTRY, OLD, OLD_ENTRY, PLAIN, House, Run, Said, is_one_line, keys_file, script
from servers import free_port
from servers.postgres import PostgresServer, as_url
from servers.redis import RedisServer
from totpcore import MemoryStore, Store, StoreError
from totpcore.cli import _stores
from totpcore.cli._parsing import Mistake
from totpcore.sealing import Keyring
from totpcore.stores import DurabilityWarning, from_url
from totpcore.stores.postgres import PostgresStore
from totpcore.stores.redis import RedisStore

pytest_plugins = ["cli.stores", "servers.fixtures", "servers.redis_fixtures"]

PASSWORD = "pass-word-47"
COMMANDS = (
    ("users",), ("status", "ada"), ("reset", "ada", "--actor", "grace", "--reason", "lost", "--yes"),
    ("raise-floor", "--all", "--yes"), ("reseal",),
)  # fmt: skip


def each(run: Run, *options: str) -> set[Said]:
    """What every command on a store says with these options."""
    return {run(*command, *options) for command in COMMANDS}


# ---- what has to be named ----


def test_without_a_store(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says how to name one; an empty name is none."""
    told = "totpcore: say where the records are: by --store URL, or in the environment variable TOTPCORE_STORE\n"
    assert each(run, "--store", "") == {Said(2, "", told)}
    monkeypatch.setenv("TOTPCORE_STORE", " ")
    assert each(run) == {Said(2, "", told)}
    monkeypatch.delenv("TOTPCORE_STORE")
    assert each(run) == {Said(2, "", told)}


def test_without_keys(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says how to name them, before a store is opened: in clear is a word to be typed by hand."""
    monkeypatch.setenv("TOTPCORE_KEYS", "")
    monkeypatch.setenv("TOTPCORE_STORE", "sqlite:///nope.db")
    where = "totpcore: say what opens the records: keys in TOTPCORE_KEYS or in --keys-file FILE"
    assert each(run) == {
        Said(2, "", f"{where}, or with --plaintext if they are not sealed\n"),
        Said(2, "", f"{where}\n"),  # of reseal
    }


def test_the_store_of_an_argument_goes_before(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the environment is not looked at then."""
    house.add("ada")
    monkeypatch.setenv("TOTPCORE_STORE", "sqlite:///nope.db")
    assert "1 user: 1 on" in run("users", "--store", "sqlite:///2fa.db").out


def test_keys_from_a_file(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """They go before those of the environment."""
    house.add("ada")
    monkeypatch.setenv("TOTPCORE_KEYS", NEW_ENTRY)
    assert run("users").code == 1
    keys_file(house, "# newest first", NEW_ENTRY, OLD_ENTRY)
    assert run("users", "--keys-file", "totp.keys").code == 0


def test_records_in_clear(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the word alone, which goes before the keys of the environment."""
    house.add("ada", sealer=PLAIN)
    assert "1 on" in run("users", "--plaintext").out
    monkeypatch.delenv("TOTPCORE_KEYS")
    assert "1 on" in run("users", "--plaintext").out


def test_one_kind_of_seal(house: House, run: Run) -> None:
    """Both at once are a slip."""
    said = run("users", "--plaintext", "--keys-file", "totp.keys")
    assert (said.code, said.out) == (2, "")
    assert is_one_line(said.err)


# ---- what is wrong with it ----


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("memory:", "memory: is empty, and gone when this command ends: name a file or a server"),
        (f"mysql://app:{PASSWORD}@db/app", "the URL of the store: must be one such as sqlite:///2fa.db for a file, "),
        (PASSWORD, "the URL of the store: must be one such as sqlite:///2fa.db for a file, "),
        ("2fa.db", "the URL of the store: must be one such as sqlite:///2fa.db for a file, "),
        ("sqlite:///2fa.db?mode=ro", "the URL of the store: must have no parameters where it names a file"),
        (
            f"postgresql://app:{PASSWORD}@db/app?connections=many",
            "the URL of the store: connections in the url must be a whole number",
        ),
        (f"postgresql://app:{PASSWORD}@db:port/app", ""),
        (f"redis://:{PASSWORD}@db:port/0", ""),
        ("sqlite:///keys\udc80.db", "the URL of the store: must not hold NUL or a lone surrogate"),
    ],
)
def test_a_url_that_names_no_store(house: House, run: Run, url: str, told: str) -> None:
    """One line, exit code 2, and nothing of the URL in it."""
    for said in each(run, "--store", url):
        assert (said.code, said.out) == (2, "")
        assert is_one_line(said.err)
        assert told in said.err
        assert PASSWORD not in said.err


def test_a_file_that_is_missing(house: House, run: Run) -> None:
    """It is not made: an empty store would look like one where nobody has a second factor."""
    path = house.folder / "nope.db"
    told = f"totpcore: {path}: no such file. Is it the one that the application has?\n"
    assert each(run, "--store", "sqlite:///nope.db") == {Said(2, "", told)}
    assert not path.exists()


def test_a_file_that_is_none(house: House, run: Run) -> None:
    """Another program's file is left as it is."""
    other = house.folder / "other.db"
    other.write_text("no database at all, but long enough to look at" * 40)
    for said in each(run, "--store", "sqlite:///other.db"):
        assert (said.code, said.out) == (2, "")
        assert is_one_line(said.err)
    assert other.read_text().startswith("no database at all")


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        ("", 0o600, "totp.keys must have at least one key"),
        (f"x{OLD_ENTRY}x", 0o600, "entry 1 of totp.keys must be id:key"),
        (
            OLD_ENTRY,
            0o644,
            "--keys-file must be a file that its owner alone may read, as totp.keys is after `chmod 600`",
        ),
    ],
)
def test_a_file_of_keys_that_is_wrong(house: House, run: Run, content: str, mode: int, told: str) -> None:
    """One line, and nothing of what stands in it."""
    path = house.folder / "totp.keys"
    path.write_text(content)
    path.chmod(mode)
    for said in each(run, "--keys-file", "totp.keys"):
        assert (said.code, said.out) == (2, "")
        assert is_one_line(said.err)
        assert told in said.err
        assert OLD_ENTRY.partition(":")[2] not in said.err


def test_a_file_of_keys_that_is_missing(house: House, run: Run) -> None:
    """One line; neither the path, which may be a key by mistake, nor anything else that was typed is in it."""
    told = "totpcore: the file of --keys-file cannot be read: No such file or directory\n"
    assert each(run, "--keys-file", "c2VjcmV0") == {Said(2, "", told)}
    for said in each(run, "--keys-file", OLD_ENTRY):
        assert is_one_line(said.err)
        assert OLD_ENTRY not in said.err


def test_keys_of_the_environment_that_are_wrong(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are named by their place, and not shown."""
    monkeypatch.setenv("TOTPCORE_KEYS", f"{NEW_ENTRY},{OLD_ENTRY}x")
    for said in each(run):
        assert said == (
            2, "",
            "totpcore: entry 2 of TOTPCORE_KEYS must be id:key, with the key as 43 characters of base64url\n",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "module", "told"),
    [
        ("postgresql://app@db/app", "psycopg", 'pip install "totpcore[postgres]"'),
        ("redis://db/0", "redis", 'pip install "totpcore[redis]"'),
    ],
)
def test_without_a_driver(
    house: House, run: Run, monkeypatch: pytest.MonkeyPatch, *, url: str, module: str, told: str
) -> None:
    """One line that says what to install."""
    for name in [
        name for name in sys.modules if name.startswith(("totpcore.stores.postgres", "totpcore.stores.redis"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.startswith("totpcore.stores._redis")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    said = run("users", "--store", url)
    assert (said.code, said.out) == (2, "")
    assert is_one_line(said.err)
    assert told in said.err


@pytest.mark.parametrize("kind", ["postgresql", "redis"])
def test_a_server_that_does_not_answer(house: House, kind: str) -> None:
    """One line, exit code 2, and nothing of the password; also of what the driver would say on its own."""
    where = f"{kind}://app:{PASSWORD}@127.0.0.1:{free_port()}/0?wait_seconds=1"
    said = script(house, "users", "--store", where)
    assert (said.code, said.out) == (2, "")
    assert is_one_line(said.err)
    assert PASSWORD not in said.err


def test_an_option_to_make_what_is_missing(house: House) -> None:
    """For a command that may begin a store, `create` makes it, and where it was not given, the message names it."""
    parser = argparse.ArgumentParser()
    _stores.add_options(parser, create=True)
    given = ["--plaintext", "--store", "sqlite:///new.db"]
    with pytest.raises(Mistake, match=r"new\.db: no such file\. .*\? --create makes an empty one$"):
        _open(parser.parse_args(given))
    _open(parser.parse_args([*given, "--create"]))
    assert (house.folder / "new.db").exists()
    with pytest.raises(Mistake, match=r"^.*no/such/new\.db: No such file or directory$"):
        _open(parser.parse_args(["--plaintext", "--store", "sqlite:///no/such/new.db", "--create"]))


def test_a_table_that_is_missing(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stores say of a call is said of the option, or where there is none, of what is likely wrong; the rest is."""
    told = ""

    class Failing:
        """A store that has something to say."""

        def load(self, user: str, /) -> bytes | None:
            raise StoreError(told)

        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            raise StoreError(told)

    monkeypatch.setattr("totpcore.stores.from_url", lambda *_given, **_named: Failing())
    Path("one.csv").write_text("user,secret\n7,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n")
    told = "there is no table t: create_table() makes it"
    likely = "is it the database that the application has?"
    assert run("status", "ada") == (2, "", f"totpcore: there is no table t: {likely}\n")
    said = run("import", "pyotp", "one.csv")
    assert said == (2, "", "totpcore: there is no table t: --create makes it: nothing was changed\n")
    told = "the server is gone"
    assert run("status", "ada") == (2, "", "totpcore: the server is gone\n")


def _open(given: argparse.Namespace) -> None:
    with _stores.opened(given) as kept:
        assert kept.users() == []


# ---- what becomes of it ----


class Watched(MemoryStore):
    """A store that tells whether it was closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_the_store_is_closed(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a command, and where one fails in the midst."""
    store = Watched()
    monkeypatch.setattr("totpcore.stores.from_url", lambda _url, **_named: store)
    run("users")
    assert store.closed == 1
    monkeypatch.setattr(Watched, "users", _fails)
    assert run("users") == (2, "", "totpcore: no\n")
    assert store.closed == 2


def _fails(_store: Store) -> list[str]:
    raise OSError("no")


def test_a_warning_is_one_line(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a store warns of when it is opened, without the place in the source; the command goes on."""

    def warns(url: str, *, create: bool) -> Store:
        warnings.warn("appendonly is off", DurabilityWarning, stacklevel=2)
        return MemoryStore()

    monkeypatch.setattr("totpcore.stores.from_url", warns)
    said = run("users")
    assert (said.code, said.err) == (0, "totpcore: appendonly is off\n")


def test_nothing_of_a_url_is_in_a_traceback(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a store raises what nobody expects, the command's own frames hold the URL covered."""

    def raises(url: str, *, create: bool) -> Store:
        del url
        raise RuntimeError

    monkeypatch.setattr("totpcore.stores.from_url", raises)
    monkeypatch.setenv("TOTPCORE_STORE", f"redis://:{PASSWORD}@db/0")
    parser = argparse.ArgumentParser()
    _stores.add_options(parser)
    with pytest.raises(RuntimeError) as raised:
        _open(parser.parse_args([]))
    frames = [entry.frame.f_locals for entry in raised.traceback if str(entry.path).endswith("_stores.py")]
    assert frames
    assert PASSWORD not in repr(frames)


# ---- on servers ----


def whole(house: House) -> None:
    """Every command, through the script, on whatever store the house has; each leaves nothing but what it says."""
    house.add("ada", "bob", "carol")
    assert script(house, "users").out.splitlines()[-2] == "3 users: 3 on; 100 % have a second factor"
    assert json.loads(script(house, "status", "ada", "--json").out)["codes_left"] == 10
    said = script(house, "reset", "ada", "--actor", "grace", "--reason", "lost", "--yes", "--audit-log", "audit.log")
    assert (said.code, said.err) == (0, "")
    assert json.loads((house.folder / "audit.log").read_text())["actor"] == "grace"
    assert house.store.load("ada") is None
    assert script(house, "raise-floor", "--all", "--yes").out.startswith("2 done")
    assert house.service().status("bob").codes_left == 0
    said = script(house, "reseal", "--quiet", keys=f"{NEW_ENTRY},{OLD_ENTRY}")
    assert said.out.startswith("2 looked at, 2 sealed anew, 0 unreadable\n")
    assert all(NEW.is_newest(house.held(user)) for user in ("bob", "carol"))
    assert script(house, "users", keys=NEW_ENTRY).code == 0


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_server: PostgresServer, postgres_database: str) -> Iterator[House]:
    """A house whose store is in PostgreSQL, where a password is asked for."""
    store = PostgresStore(postgres_database)
    store.create_table()
    with psycopg.connect(postgres_database, autocommit=True) as direct:
        direct.execute("DROP ROLE IF EXISTS with_password")
        direct.execute(f"CREATE ROLE with_password LOGIN PASSWORD '{PASSWORD}'")
        direct.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON totpcore TO with_password")
    url = as_url(postgres_database).replace("//postgres@", f"//with_password:{PASSWORD}@")
    yield House(tmp_path, store, url)
    store.close()
    with psycopg.connect(postgres_database, autocommit=True) as direct:
        direct.execute("DROP OWNED BY with_password")
        direct.execute("DROP ROLE with_password")


def test_all_of_it_on_postgresql(on_postgres: House) -> None:
    """With a password in the URL, which the environment holds."""
    whole(on_postgres)


def test_trouble_on_postgresql(on_postgres: House, postgres_server: PostgresServer) -> None:
    """A wrong password, and a database without the table: one line each, and nothing of the password."""
    right = on_postgres.url
    on_postgres.url = right.replace(PASSWORD, f"{PASSWORD}-wrong")
    wrong = script(on_postgres, "users", "--store", f"{on_postgres.url}?wait_seconds=2")
    on_postgres.url = f"{right.rpartition('/')[0]}/postgres?wait_seconds=2"
    empty = script(on_postgres, "users")
    for said in (wrong, empty):
        assert (said.code, said.out) == (2, "")
        assert is_one_line(said.err)
        assert PASSWORD not in said.err
    assert postgres_server.port != 0


@pytest.fixture
def on_redis(tmp_path: Path, server: RedisServer) -> Iterator[House]:
    """A house whose store is in Redis."""
    store = from_url(server.url)
    assert isinstance(store, RedisStore)
    yield House(tmp_path, store, server.url)
    store.close()


def test_all_of_it_on_redis(on_redis: House) -> None:
    """A server that loses nothing warns of nothing."""
    whole(on_redis)


def test_a_server_that_may_forget_is_warned_of(on_redis: House, server: RedisServer) -> None:
    """In lines of the program's, beside the result."""
    server.ask("CONFIG", "SET", "appendfsync", "everysec")
    said = script(on_redis, "users")
    assert said.code == 0
    assert is_one_line(said.err)
    assert "appendfsync" in said.err


def test_a_server_that_is_killed_in_the_midst(house: House, run: Run, server: RedisServer) -> None:
    """Of what was done something is there, the rest as it was; one line says what is wrong, and a new run goes on."""
    store = from_url(f"{server.url}?wait_seconds=1")
    assert isinstance(store, RedisStore)
    there = House(house.folder, store, f"{server.url}?wait_seconds=1")
    there.add(*(f"u{number}" for number in range(9)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOTPCORE_STORE", there.url)
        patch.setenv("TOTPCORE_KEYS", f"{NEW_ENTRY},{OLD_ENTRY}")
        swap, swaps = RedisStore.swap, list[str]()

        def killed(store: RedisStore, user: str, *values: bytes | None) -> bool:
            swaps.append(user)
            if len(swaps) == 4:
                server.kill()
            return swap(store, user, *values)

        with pytest.MonkeyPatch.context() as trouble:
            trouble.setattr(RedisStore, "swap", killed)
            said = run("reseal")
        assert (said.code, said.out) == (2, "")
        first, second = said.err.splitlines()
        assert first == "3 of 9 looked at, 3 sealed anew"
        assert second.startswith("totpcore: Redis cannot be reached")
        server.start()
        assert sum(NEW.is_newest(there.held(f"u{number}")) for number in range(9)) == 3
        assert run("reseal").out.startswith("9 looked at, 6 sealed anew, 0 unreadable\n")
    assert Keyring.from_text(NEW_ENTRY).is_newest(there.held("u8"))
    assert not OLD.is_newest(there.held("u8"))
    store.close()
