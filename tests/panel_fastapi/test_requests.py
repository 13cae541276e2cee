"""What only the FastAPI panel can get wrong: requests that are cancelled, routes beside the guard, its task."""

import asyncio
import contextlib

import httpx
import psycopg
import pytest
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route, WebSocketRoute

from browser.site import PASSWORD, START, Account
from fastapi_panel import create_app, forms, login, make_store, second_factor, session, staff
from fastapi_panel.passwords import COST, check_password_hash, generate_password_hash
from fastapi_panel.users import Users
from need import need
from panel_fastapi.live import Live, Visitor
from panel_pages import access
from panel_pages.access import digest
from servers.postgres import PostgresServer, as_url
from totpcore import Event, EventKind
from totpcore.stores.postgres import AsyncPostgresStore

need("oathtool")

pytest_plugins = ["servers.fixtures"]

FORGET = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"


def test_a_new_door_is_closed_until_a_table_opens_it(live: Live, ada: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A view that somebody adds is for full sessions; one that begins them, once in the table, begins a half one."""

    async def by_mail(visit: session.Here) -> Response:
        user = await visit.panel.users.by_id(ada.id)
        assert user
        return await login.let_in(visit, user)

    live.app.get("/by-mail", name="door.by_mail")(by_mail)
    guest, half = live.visitor(), live.visitor()
    half.give_password(ada.login)
    assert guest.get("/by-mail").headers["Location"] == "/login"
    assert half.get("/by-mail").headers["Location"] == "/login/code"
    monkeypatch.setattr(access, "GUEST_REACHES", {*access.GUEST_REACHES, "door.by_mail"})
    assert guest.get("/by-mail").headers["Location"] == "/login/code"
    assert guest.get("/profile").headers["Location"] == "/login/code"
    guest.get("/login/code")
    assert guest.post("/login/code", code=ada.code(live.now())).headers["Location"] == "/"


@pytest.mark.parametrize("path", ["/login/code", "/login/recovery"])
def test_a_request_that_is_cancelled_while_the_code_is_checked(
    live: Live, half: Visitor, ada: Account, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The code is spent, the trail says so, and nobody is in: neither by the old cookie nor by the same code again."""
    code = ada.code(live.now()) if path.endswith("code") else ada.recovery_codes[0]
    swap = AsyncPostgresStore.swap

    async def cancel() -> None:
        begun, on = asyncio.Event(), asyncio.Event()

        async def slow(store: AsyncPostgresStore, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            begun.set()
            await on.wait()
            return await swap(store, user, old, new)

        with monkeypatch.context() as patch:
            patch.setattr(AsyncPostgresStore, "swap", slow)
            fields = {"csrf": half.token, "code": code}
            request = asyncio.create_task(half.client.post(path, data=fields))
            await begun.wait()
            request.cancel()
            await asyncio.sleep(0)
            on.set()
            with contextlib.suppress(asyncio.CancelledError):
                await request
        assert request.cancelled()

    word = half.cookie
    live.run(cancel())
    kinds = [(row["kind"], row["reason"]) for row in live.users.events(1)]
    assert kinds == [("verify" if path.endswith("code") else "recover", "ok")]
    assert half.cookie == word
    assert half.get("/").headers["Location"] == "/login/code"
    assert "has been used already" in half.post(path, code=code).text
    live.tick(60)
    half.get("/login/code")
    assert half.post("/login/code", code=ada.code(live.now())).headers["Location"] == "/"


def test_every_route_is_behind_the_guard(live: Live) -> None:
    """FastAPI guards the routes it was given, and no others: there are none but these and the files."""
    assert [route.path for route in live.app.routes if isinstance(route, Mount)] == ["/static"]
    assert not [route for route in live.app.routes if type(route) in {Route, WebSocketRoute}]
    views = [route for part in (login, second_factor, staff) for route in part.views.routes]
    assert len(views) == len([route for route in views if isinstance(route, APIRoute)]) == 25
    assert [dependency.dependency for dependency in live.app.router.dependencies] == [session.guard]
    owner = live.visitor()
    owner.log_in(live.add("ada", owner=True))
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"):
        assert owner.get(path).status_code == 404, path


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/"])
def test_only_the_files_are_served(live: Live, path: str) -> None:
    """No way out of their folder, and no list of them."""
    assert live.visitor().get(path).status_code in {404, 405}


def test_a_page_of_trouble_brings_its_headers(live: Live, half: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody expected is told without a word about it, hardened like every other answer."""

    async def broken(*_: object) -> None:
        raise OSError("no space left: 123456")

    monkeypatch.setattr(AsyncPostgresStore, "swap", broken)
    answer = half.post("/login/code", code="000000")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "no space left" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_links_hold_below_a_proxy(live: Live) -> None:
    """Where a proxy serves the panel under a prefix, every link and every redirect begins with it."""
    transport = httpx.ASGITransport(live.app, root_path="/panel")
    client = httpx.AsyncClient(transport=transport, base_url="http://panel")
    assert live.run(client.get("/panel/profile")).headers["Location"] == "/panel/login"
    page = live.run(client.get("/panel/login")).text
    assert 'href="/panel/static/panel.css"' in page
    assert live.run(client.get("/panel/static/panel.css")).status_code == 200


def test_no_redirect_leads_to_the_host_that_a_request_names(live: Live) -> None:
    """A slash too many, or one too few, is no page. What redirects there are name no host at all."""
    visitor = live.visitor()
    for path in ("/login/", "/profile/", "/static", "/profile/two-factor/"):
        for method in ("GET", "POST"):
            answer = live.run(visitor.client.request(method, path, headers={"Host": "elsewhere.example"}))
            assert "elsewhere" not in answer.headers.get("Location", ""), path
            assert answer.status_code in {400, 404}, path
    answer = live.run(visitor.client.get("/profile", headers={"Host": "elsewhere.example"}))
    assert answer.headers["Location"] == "/login"


def test_a_database_that_was_started_anew_is_found_again(live: Live, ada: Account) -> None:
    """The server has forgotten the connections that the panel keeps: each is looked at before it is used."""
    visitor = live.visitor()
    visitor.log_in(ada)

    async def at_once() -> None:
        await asyncio.gather(*[live.panel.users.all() for _ in range(6)])

    live.run(at_once())
    with psycopg.connect(live.database, autocommit=True) as db:
        db.execute(FORGET)
    for _ in range(8):
        assert visitor.get("/").status_code == 200


def test_a_database_that_is_away_lets_nobody_in(
    live: Live, ada: Account, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever page is asked for: try again, or call an owner. When it is back, sessions go on."""
    name = psycopg.conninfo.conninfo_to_dict(live.database)["dbname"]
    visitor = live.visitor()
    visitor.log_in(ada)
    live.run(live.panel.users.notify(digest(visitor.cookie), "left for the next page"))
    live.panel.users._pool.timeout = 0.3
    with psycopg.connect(postgres_server.conninfo(), autocommit=True) as db:
        db.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            db.execute(f"{FORGET} AND datname = '{name}'")
            for one in (visitor, live.visitor()):
                for path in ("/", "/login", "/nowhere"):
                    answer = one.get(path)
                    assert answer.status_code == 503, path
                    assert "cannot be reached just now" in answer.text
                    assert answer.headers["Cache-Control"] == "no-store"
        finally:
            db.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert "The users are in trouble" in caplog.text
    live.panel.users._pool.timeout = 30
    assert "left for the next page" in visitor.get("/").text


def test_the_store_is_made_by_no_worker(postgres_database: str) -> None:
    """A start on a database whose table is lost makes no empty one; `make_store` does, by hand."""
    app = create_app(as_url(postgres_database))

    def table() -> object:
        with psycopg.connect(postgres_database) as db:
            return (db.execute("SELECT to_regclass('totpcore')").fetchone() or (None,))[0]

    async def start() -> None:
        async with app.router.lifespan_context(app):
            assert table() is None

    asyncio.run(start())
    assert table() is None
    asyncio.run(make_store(as_url(postgres_database)))
    assert table() == "totpcore"


def test_an_event_that_cannot_be_kept_is_logged(
    live: Live, half: Visitor, ada: Account, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer stands, the next event is kept again, and the lost ones are in the log, accepted or not."""
    with psycopg.connect(live.database, autocommit=True) as db:
        db.execute("ALTER TABLE panel.audit RENAME TO away")
        assert half.post("/login/code", code=live.wrong_code(ada)).status_code == 422
        live.factor.reset("nobody", actor="console", reason="phone lost")
        live.run(live.panel.users._events.join())
        db.execute("ALTER TABLE panel.away RENAME TO audit")
    assert "kind=<EventKind.VERIFY" in caplog.text
    assert "phone lost" in caplog.text
    assert half.post("/login/code", code=ada.code(live.now())).headers["Location"] == "/"
    assert [row["reason"] for row in live.users.events(1)] == ["ok"]


def test_events_are_kept_before_the_panel_ends(live: Live, ada: Account) -> None:
    """What was told in the last moment is in the trail."""

    async def end() -> None:
        async with Users(live.database) as users:
            users.record(Event(kind=EventKind.RESET, user=ada.id, at=START, reason="the last word"))

    live.run(end())
    assert b"the last word" in live.kept()


def test_many_may_start_at_once(postgres_database: str) -> None:
    """Workers that start together on an empty database all find their tables."""
    app = create_app(as_url(postgres_database))

    async def start(_: int) -> None:
        other = create_app(as_url(postgres_database))
        async with other.router.lifespan_context(other):
            assert await other.state.panel.users.all() == []

    async def all_of_them() -> None:
        await asyncio.gather(*map(start, range(8)))

    assert app.state.panel
    asyncio.run(all_of_them())


def test_passwords_are_compared_with_their_own_cost(live: Live) -> None:
    """A hash brings its cost and its salt, so both can be changed; two of one password differ."""
    kept = [generate_password_hash(PASSWORD) for _ in range(2)]
    assert kept[0] != kept[1]
    assert kept[0].startswith(f"{COST}$")
    assert check_password_hash(kept[0], PASSWORD)
    assert check_password_hash(live.hash(PASSWORD), PASSWORD)
    assert not check_password_hash(kept[0], PASSWORD + "x")


def test_nothing_of_a_visit_is_shown_by_its_repr(live: Live, half: Visitor) -> None:
    """An error reporter that shows local variables shows neither cookie nor code nor password."""
    form = forms.Form({"code": "123456"})
    visit = session.Visit(Request({"type": "http"}), live.panel, "login.code", half.cookie, half.cookie, form=form)
    shown = repr(visit)
    assert "login.code" in shown
    assert half.cookie not in shown
    assert "123456" not in shown
