"""Opening stores by their URL: which store, with which arguments, and nothing shown of a URL that holds a password.

Rules of this file:

1. What is made of a URL is seen on stand-ins for the stores of PostgreSQL and Redis; that it works, on real servers.
"""

import asyncio
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from servers.postgres import PostgresServer, as_url
from servers.redis import RedisCluster, RedisPair, RedisServer
from silence.finder import Finder
from silence.surface import deep, reports, surface
from totpcore import InvalidParameters, MemoryStore, SQLiteStore, StoreError, stores
from totpcore.stores import InThreads, async_from_url, from_url

pytest_plugins = ["servers.fixtures"]

PASSWORD = "canary-of-a-password"
Parts = dict[str, object]


# ---- memory, files ----


def test_urls_open_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path has three slashes, an absolute one four; it is taken as it is written."""
    monkeypatch.chdir(tmp_path)
    assert isinstance(from_url("memory:"), MemoryStore)
    relative = from_url("sqlite:///fac%20tors.db", create=True)
    assert relative.swap("7", None, b"value")
    absolute = from_url(f"sqlite:///{tmp_path}/fac%20tors.db")
    assert isinstance(absolute, SQLiteStore)
    assert absolute.load("7") == b"value"
    assert repr(absolute) == "<SQLiteStore: fac%20tors.db>"


def test_urls_open_stores_that_await(tmp_path: Path) -> None:
    """What has no driver that awaits waits in threads."""
    SQLiteStore(tmp_path / "factors.db", create=True).swap("7", None, b"value")
    memory, file = async_from_url("memory:"), async_from_url(f"sqlite:///{tmp_path}/factors.db")
    assert [repr(store) for store in (memory, file)] == [
        "<InThreads: <MemoryStore: 0 users>>",
        "<InThreads: <SQLiteStore: factors.db>>",
    ]

    async def program() -> None:
        assert isinstance(file, InThreads)
        assert await file.load("7") == b"value"
        await file.close()

    asyncio.run(program())


@pytest.mark.parametrize("open_store", [from_url, async_from_url])
def test_a_missing_file_is_not_made(tmp_path: Path, open_store: Any) -> None:
    """By URL as by path."""
    with pytest.raises(FileNotFoundError):
        open_store(f"sqlite:///{tmp_path}/factors.db")
    assert list(tmp_path.iterdir()) == []


# ---- what is made of a URL ----


class StandIn:
    """What is asked of a store of PostgreSQL or Redis."""

    breaks: ClassVar[str] = ""
    made: ClassVar[list["StandIn"]] = []

    def __init__(self, kind: str, server: str, named: Parts) -> None:
        """Be made, or fail as with a server that does not answer."""
        self.given = (kind, server, named)
        self.calls: list[str] = []
        self.made.append(self)
        if self.breaks == "open":
            raise StoreError("the server does not answer")

    def create_table(self) -> None:
        """Make the table, or fail."""
        self.calls.append("create_table")
        if self.breaks == "create_table":
            raise StoreError("the role may not")

    def close(self) -> None:
        """Close."""
        self.calls.append("close")


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[StandIn]]:
    """Stand-ins for the modules of both servers."""
    for module, kinds in (
        ("postgres", ("PostgresStore", "AsyncPostgresStore")),
        ("redis", ("RedisStore", "AsyncRedisStore")),
    ):
        found = ModuleType(f"totpcore.stores.{module}")
        for kind in kinds:

            def made(server: str, kind: str = kind, **named: object) -> StandIn:
                return StandIn(kind, server, named)

            setattr(found, kind, made)
        monkeypatch.setitem(sys.modules, found.__name__, found)
    StandIn.made.clear()
    yield StandIn
    StandIn.made.clear()


POSTGRES_URLS: dict[str, tuple[str, Parts]] = {
    "postgresql://u:p%40@h:5433/d": ("postgresql://u:p%40@h:5433/d", {}),
    "postgres://h/d?schema=a&table=b": ("postgres://h/d", {"schema": "a", "table": "b"}),
    "postgresql://h/d?sslmode=require&table=a%20b%26%C3%A9&application_name=x%2C+y": (
        "postgresql://h/d?sslmode=require&application_name=x%2C+y", {"table": "a b&\u00e9"},
    ),
    "postgresql://h1,h2:2/d?target_session_attrs=any&&x=%zz": (
        "postgresql://h1,h2:2/d?target_session_attrs=any&&x=%zz", {},
    ),
    "postgresql:///d?host=/run/x&schema=s": ("postgresql:///d?host=/run/x", {"schema": "s"}),
    "postgresql://h/d?": ("postgresql://h/d", {}),
    "postgresql://h/d?schema": ("postgresql://h/d", {"schema": ""}),
    "postgresql://h/d?schema=a=b": ("postgresql://h/d", {"schema": "a=b"}),
    "postgresql://h/d?table=a&table=b": ("postgresql://h/d", {"table": "b"}),
    "postgresql://h/d?tables=a&Schema=b&options=-cschema%3Dc": (
        "postgresql://h/d?tables=a&Schema=b&options=-cschema%3Dc", {},
    ),
    "postgresql://h/d?prefix=p&wait_replicas=1": ("postgresql://h/d?prefix=p&wait_replicas=1", {}),
}  # fmt: skip
NAMES: Parts = {"schema": None, "table": "totpcore"}
PLAIN: Parts = {"prefix": "totpcore:", "wait_replicas": 0, "cluster": False}
REDIS_URLS: dict[str, tuple[str, Parts]] = {
    "redis://h": ("redis://h", PLAIN),
    "redis://:p%40@h:6380/2?socket_timeout=5&prefix=a%3A&ssl=x": (
        "redis://:p%40@h:6380/2?socket_timeout=5&ssl=x", PLAIN | {"prefix": "a:"},
    ),
    "rediss://h/0?wait_replicas=2&ssl_cert_reqs=required": (
        "rediss://h/0?ssl_cert_reqs=required", PLAIN | {"wait_replicas": 2},
    ),
    "unix:///run/redis.sock?db=1&prefix=": ("unix:///run/redis.sock?db=1", PLAIN | {"prefix": ""}),
    "valkey://h/1": ("valkey://h/1", PLAIN),
    "valkeys://h/1?wait_replicas=100": ("valkeys://h/1", PLAIN | {"wait_replicas": 100}),
    "redis+cluster://h:7000": ("redis://h:7000", PLAIN | {"cluster": True}),
    "rediss+cluster://h:7000?prefix=x": ("rediss://h:7000", PLAIN | {"cluster": True, "prefix": "x"}),
    "valkey+cluster://h": ("valkey://h", PLAIN | {"cluster": True}),
    "valkeys+cluster://h?wait_replicas=1": ("valkeys://h", PLAIN | {"cluster": True, "wait_replicas": 1}),
    "redis://:a+cluster://b@h": ("redis://:a+cluster://b@h", PLAIN),
    "redis://h?table=t&schema=s": ("redis://h?table=t&schema=s", PLAIN),
}  # fmt: skip


@pytest.mark.parametrize("url", POSTGRES_URLS)
def test_what_a_postgresql_url_says(url: str, stand_ins: type[StandIn]) -> None:
    """`schema` and `table` are taken out of it and decoded; all the rest is left as it is written, for libpq."""
    server, named = POSTGRES_URLS[url][0], NAMES | POSTGRES_URLS[url][1]
    from_url(url)
    async_from_url(url)
    assert [one.given for one in stand_ins.made] == [
        (kind, server, named) for kind in ("PostgresStore", "AsyncPostgresStore")
    ]


@pytest.mark.parametrize("url", REDIS_URLS)
@pytest.mark.parametrize("create", [False, True])
def test_what_a_redis_url_says(url: str, create: bool, stand_ins: type[StandIn]) -> None:
    """`prefix` and `wait_replicas` are taken out of it, and whether it is a cluster; there is nothing to create."""
    server, named = REDIS_URLS[url]
    from_url(url, create=create)
    async_from_url(url)
    assert [one.given for one in stand_ins.made] == [
        (kind, server, named) for kind in ("RedisStore", "AsyncRedisStore")
    ]


def test_what_a_url_does_not_say_is_as_the_store_has_it() -> None:
    """The defaults of a URL are those of the store's own arguments."""
    from totpcore.stores.postgres import AsyncPostgresStore, PostgresStore
    from totpcore.stores.redis import AsyncRedisStore, RedisStore

    kinds = {PostgresStore: NAMES, AsyncPostgresStore: NAMES, RedisStore: PLAIN, AsyncRedisStore: PLAIN}
    for kind, defaults in kinds.items():
        parameters = inspect.signature(kind).parameters
        assert {name: parameters[name].default for name in defaults} == defaults


def test_create_makes_the_table(stand_ins: type[StandIn]) -> None:
    """Only where it is asked for."""
    from_url("postgresql://h/d")
    from_url("postgresql://h/d", create=True)
    assert [one.calls for one in stand_ins.made] == [[], ["create_table"]]


def test_where_the_table_cannot_be_made_nothing_is_left_open(
    stand_ins: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is the store's own, and its connections are closed."""
    monkeypatch.setattr(StandIn, "breaks", "create_table")
    with pytest.raises(StoreError, match="may not"):
        from_url("postgresql://h/d", create=True)
    assert [one.calls for one in stand_ins.made] == [["create_table", "close"]]


# ---- what is refused ----


@pytest.mark.parametrize("open_store", [from_url, async_from_url])
@pytest.mark.parametrize("url", [
    "", " ", "memory", "memory:x", "memory://", "sqlite:///", "sqlite://factors.db", "postgresql://", "redis://",
    "redis+cluster://", "unix://", "POSTGRESQL://h/d", f"postgresql:{PASSWORD}@h/d", f"mysql://u:{PASSWORD}@h/d",
    f" postgresql://u:{PASSWORD}@h/d", f"host=h password={PASSWORD}", f"postgresql+psycopg://u:{PASSWORD}@h/d",
    f"unix+cluster:///{PASSWORD}", f"postgresql://u:{PASSWORD}@h/d\0", f"redis://:{PASSWORD}\ud800@h",
], ids=ascii)  # fmt: skip
def test_other_urls_are_refused_and_not_shown(url: str, open_store: Any) -> None:
    """The message tells what is allowed, and nothing of a URL is in it or in a frame, for it may hold a password."""
    with pytest.raises(InvalidParameters, match="url must") as refused:
        open_store(url)
    check_silent(refused.value)


def test_the_message_names_what_is_allowed() -> None:
    """All the beginnings."""
    with pytest.raises(InvalidParameters) as refused:
        from_url("mysql://h/d")
    assert str(refused.value) == (
        "url must be memory:, or begin with sqlite:///, postgresql://, postgres://, redis://, rediss://, unix://, "
        "valkey://, valkeys://, redis+cluster://, rediss+cluster://, valkey+cluster://, valkeys+cluster://"
    )


@pytest.mark.parametrize("open_store", [from_url, async_from_url])
@pytest.mark.parametrize("url", [None, 7, Path("factors.db"), b"redis://:canary-of-a-password@h"])
def test_a_url_is_a_str(url: Any, open_store: Any) -> None:
    """The message names the argument and the type, and does not show it."""
    with pytest.raises(TypeError, match=r"url must be a str, not \w+$") as refused:
        open_store(url)
    check_silent(refused.value)


@pytest.mark.parametrize("number", ["", "-1", "+1", "1.0", "one", " 1", "1_0", "\u0661", "10000", "%31%30%30%30%30"])
@pytest.mark.parametrize("open_store", [from_url, async_from_url])
def test_wait_replicas_is_a_whole_number(number: str, open_store: Any, stand_ins: type[StandIn]) -> None:
    """Of four digits at most, and nothing that Python alone would read as one."""
    with pytest.raises(InvalidParameters, match="wait_replicas in the url must be a whole number") as refused:
        open_store(f"redis://:{PASSWORD}@h?wait_replicas={number}")
    assert stand_ins.made == []
    check_silent(refused.value)


@pytest.mark.parametrize("open_store", [from_url, async_from_url])
def test_a_file_has_no_parameters(tmp_path: Path, open_store: Any) -> None:
    """They would be part of the name of another file, which is new and empty."""
    with pytest.raises(InvalidParameters, match="no parameters"):
        open_store(f"sqlite:///{tmp_path}/factors.db?timeout=5")
    with pytest.raises(InvalidParameters, match="no parameters"):
        from_url(f"sqlite:///{tmp_path}/factors.db?timeout=5", create=True)
    assert list(tmp_path.iterdir()) == []


NUMBERS: dict[str, tuple[str, Parts]] = {
    "postgresql://h/d?connections=3&wait_seconds=5&behind_pooler=1": (
        "postgresql://h/d", NAMES | {"connections": 3, "wait_seconds": 5, "behind_pooler": True},
    ),
    "postgresql://h/d?x=1&behind_pooler=0": ("postgresql://h/d?x=1", NAMES | {"behind_pooler": False}),
    "redis+cluster://h?wait_seconds=2": ("redis://h", PLAIN | {"cluster": True, "wait_seconds": 2}),
}  # fmt: skip


@pytest.mark.parametrize("url", NUMBERS)
def test_numbers_of_a_url(url: str, stand_ins: type[StandIn]) -> None:
    """Those that are there are taken out of it and passed on; the others are the store's own."""
    from_url(url)
    async_from_url(url)
    assert [one.given[1:] for one in stand_ins.made] == [NUMBERS[url]] * 2


@pytest.mark.parametrize("number", ["2", "yes", ""])
def test_behind_pooler_is_no_or_yes(number: str, stand_ins: type[StandIn]) -> None:
    """0 or 1, and nothing that would silently be one of the two."""
    with pytest.raises(InvalidParameters, match="behind_pooler in the url"):
        from_url(f"postgresql://h/d?behind_pooler={number}")
    assert stand_ins.made == []


def test_create_is_true_or_false(stand_ins: type[StandIn]) -> None:
    """The message names the argument, whatever the store."""
    for url in ("memory:", f"postgresql://u:{PASSWORD}@h/d"):
        with pytest.raises(TypeError, match="create") as refused:
            from_url(url, create="yes")  # type: ignore[arg-type]  # what a developer may pass
        check_silent(refused.value)
    assert stand_ins.made == []


def check_silent(error: BaseException) -> None:
    """No reporter finds the password, in what was raised or in a frame of totpcore's."""
    Finder({"password": PASSWORD}).check("url", *surface(error), *reports(error), *deep(error))


@pytest.mark.parametrize("breaks", ["open", "create_table"])
@pytest.mark.parametrize("url", [
    f"postgresql://u:{PASSWORD}@h/d?schema=s&sslmode=require", f"redis://u:{PASSWORD}@h?prefix=p",
    f"redis+cluster://u:{PASSWORD}@h", f"postgresql://h/d?table=t&password={PASSWORD}",
])  # fmt: skip
def test_a_store_that_fails_shows_no_password(
    url: str, breaks: str, stand_ins: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does any frame that leads to it."""
    monkeypatch.setattr(StandIn, "breaks", breaks)
    if breaks == "open":
        with pytest.raises(StoreError) as raised:
            async_from_url(url)
        check_silent(raised.value)
    if breaks == "open" or "postgresql" in url:
        with pytest.raises(StoreError) as raised:
            from_url(url, create=True)
        check_silent(raised.value)
    assert len(stand_ins.made) >= (breaks == "open")


@pytest.mark.parametrize("open_store", [from_url, async_from_url])
@pytest.mark.parametrize(
    ("url", "driver", "extra"),
    [
        (f"postgresql://u:{PASSWORD}@h/d", "psycopg", "postgres"),
        (f"postgresql://u:{PASSWORD}@h/d", "psycopg_pool", "postgres"),
        (f"redis://u:{PASSWORD}@h/0", "redis", "redis"),
        (f"redis+cluster://u:{PASSWORD}@h/0", "redis", "redis"),
    ],
)
def test_without_its_driver_the_error_names_the_extra(
    url: str, driver: str, extra: str, open_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to install; the URL is not shown."""
    for name in list(sys.modules):
        if name.startswith((f"totpcore.stores.{extra}", f"totpcore.stores._{extra}", f"{driver}.")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(ImportError, match=rf'pip install "totpcore\[{extra}\]"') as raised:
        open_store(url)
    check_silent(raised.value)


def test_what_needs_no_driver_loads_none() -> None:
    """The names of the package that are loaded when they are used are those of stores, and no others."""
    assert stores.InThreads is InThreads
    assert stores.SQLiteStore is SQLiteStore
    with pytest.raises(AttributeError, match="PostgresStores"):
        stores.PostgresStores  # noqa: B018


# ---- on real servers ----


def test_a_table_in_postgresql(postgres_database: str) -> None:
    """Without the table it is a `StoreError`; with `create` it is made; both kinds of store find the same records."""
    url = as_url(postgres_database)
    without = from_url(url)
    with pytest.raises(StoreError):
        without.load("7")
    without.close()  # type: ignore[attr-defined]  # of a `PostgresStore`
    store = from_url(url, create=True)
    assert store.swap("7", None, b"value")
    store.close()  # type: ignore[attr-defined]

    async def program() -> None:
        awaits = async_from_url(url)
        assert await awaits.load("7") == b"value"
        await awaits.close()  # type: ignore[attr-defined]

    asyncio.run(program())


def test_a_named_table_in_a_named_schema(postgres_server: PostgresServer, postgres_database: str) -> None:
    """Names of any letters, percent-encoded, beside what libpq reads: here a Unix socket and an application's name."""
    import psycopg

    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute('CREATE SCHEMA "an app\u00e9"')
    database = as_url(postgres_database).rpartition("/")[2]
    url = (
        f"postgresql://postgres@/{database}?host={postgres_server.folder}&port={postgres_server.port}"
        "&schema=an%20app%C3%A9&application_name=of%20this%20test&table=a%26b"
    )
    store = from_url(url, create=True)
    assert store.swap("7", None, b"value")
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        assert connection.execute('SELECT value FROM "an app\u00e9"."a&b"').fetchone() == (b"value",)
        found = connection.execute("SELECT DISTINCT application_name FROM pg_stat_activity").fetchall()
        assert ("of this test",) in found
    store.close()  # type: ignore[attr-defined]  # of a `PostgresStore`
    with pytest.raises(InvalidParameters, match="schema"):
        from_url(as_url(postgres_database) + "?schema=")


def test_keys_in_redis(redis_server: RedisServer) -> None:
    """With the prefix that is asked for; both kinds of store find the same records, by Valkey's name too."""
    redis_server.flush()
    store = from_url(f"{redis_server.url}?prefix=app%3A2fa%3A&socket_timeout=20")
    assert store.swap("7", None, b"value")
    assert redis_server.ask("GET", "app:2fa:7") == "value"
    store.close()  # type: ignore[attr-defined]  # of a `RedisStore`

    async def program() -> None:
        awaits = async_from_url(redis_server.url.replace("redis:", "valkey:") + "?prefix=app%3A2fa%3A")
        assert await awaits.load("7") == b"value"
        await awaits.close()  # type: ignore[attr-defined]

    asyncio.run(program())


def test_keys_on_a_cluster(redis_cluster: RedisCluster) -> None:
    """Any of its nodes leads to all of them."""
    redis_cluster.flush()
    store = from_url(redis_cluster.url.replace("redis:", "redis+cluster:"))
    assert [store.swap(str(number), None, b"x") for number in range(20)] == [True] * 20
    store.close()  # type: ignore[attr-defined]  # of a `RedisStore`

    async def program() -> None:
        awaits = async_from_url(redis_cluster.url.replace("redis:", "redis+cluster:"))
        assert [await awaits.load(str(number)) for number in range(20)] == [b"x"] * 20
        await awaits.close()  # type: ignore[attr-defined]

    asyncio.run(program())


def test_wait_replicas_is_obeyed(redis_pair: RedisPair, redis_server: RedisServer) -> None:
    """With a replica a swap is true; where there is none it is no success."""
    redis_pair.flush()
    store = from_url(redis_pair.url + "?wait_replicas=1")
    assert store.swap("7", None, b"value") is True
    assert redis_pair.replica.ask("GET", "totpcore:7") == "value"
    store.close()  # type: ignore[attr-defined]  # of a `RedisStore`
    with pytest.raises(InvalidParameters, match="wait_replicas"):
        from_url(redis_server.url + "?wait_replicas=101")


def test_a_server_that_is_not_there() -> None:
    """`from_url` asks the server at once; nothing shows the password, down to the frames of the driver's callers."""
    with pytest.raises(StoreError) as raised:
        from_url(f"redis://:{PASSWORD}@127.0.0.1:1/0")
    check_silent(raised.value)
