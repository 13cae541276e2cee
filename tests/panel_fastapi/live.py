"""The FastAPI panel, running, and its visitors.

Rule 1. The panel, a server for browsers and the visitors' requests run on one event loop in a thread of its own; the
tests wait for it, so that they read like those of the Flask panel.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TypeVar, cast

import httpx
import psycopg
import pytest
import uvicorn
from fastapi.routing import APIRoute

from fastapi_panel import create_app, login, make_store, second_factor, staff
from fastapi_panel.app import UNSEALED
from fastapi_panel.passwords import generate_password_hash
from fastapi_panel.session import Panel
from fastapi_panel.users import Users as PanelUsers
from pages import live as pages
from totpcore import AsyncTwoFactor, Sealer, TwoFactor
from totpcore.testing._awaiting import EventLoop, Waiting

T = TypeVar("T")


class Live(pages.Live):
    """A panel with its users in this database."""

    module = "fastapi_panel.users"
    service = AsyncTwoFactor

    def __init__(
        self, database: str, clock: Callable[[], float], *, store: str | None = None, sealer: Sealer = UNSEALED
    ) -> None:
        self.loop = EventLoop()
        self.run(make_store(database, store))
        self.app = create_app(database, store=store, sealer=sealer, clock=clock)
        self.database = database
        self.clock = clock
        self.panel: Panel = self.app.state.panel
        self.users = cast("pages.Users", Users(self.panel.users, self.loop))
        self.factor = cast("TwoFactor", Waiting(self.panel.factor, self.loop))
        self.url = ""
        self._ending = AsyncExitStack()
        self.run(self._ending.enter_async_context(self.app.router.lifespan_context(self.app)))

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Wait for something on the panel's event loop."""
        return self.loop.run(work)

    def serve(self) -> None:
        """Listen on a free port."""
        config = uvicorn.Config(self.app, port=0, log_level="warning", access_log=False, lifespan="off")
        self.run(self._serve(uvicorn.Server(config)))

    async def _serve(self, server: uvicorn.Server) -> None:
        async def stop() -> None:
            server.should_exit = True
            await serving

        serving = asyncio.create_task(server.serve())
        self._ending.push_async_callback(stop)
        while not server.started:
            await asyncio.sleep(0.01)
        self.url = "http://127.0.0.1:{1}".format(*server.servers[0].sockets[0].getsockname())

    def stop(self) -> None:
        """End all of it."""
        self.run(self._ending.aclose())
        self.loop.stop()

    def visitor(self) -> "Visitor":
        return Visitor(self)

    def addresses(self, method: str) -> list[tuple[str, set[str]]]:
        routes = [route for part in (login, second_factor, staff) for route in part.views.routes]
        methods: dict[str, set[str]] = {}
        for route in routes:
            assert isinstance(route, APIRoute)
            methods.setdefault(route.path, set()).update(route.methods or ())
        return [(path, found) for path, found in methods.items() if method in found]

    @staticmethod
    def hash(password: str) -> str:
        return generate_password_hash(password, cost=2)

    def after_call(self, patch: pytest.MonkeyPatch, name: str, action: Callable[[], object]) -> None:
        asked: Callable[..., Awaitable[object]] = getattr(AsyncTwoFactor, name)

        async def overtaken(*given: object, **named: object) -> object:
            patch.setattr(AsyncTwoFactor, name, asked)
            answer = await asked(*given, **named)
            await asyncio.to_thread(action)
            return answer

        patch.setattr(AsyncTwoFactor, name, overtaken)

    def spoil(self, user: str) -> None:
        with psycopg.connect(self.database, autocommit=True) as db:
            done = db.execute("UPDATE totpcore SET value = '\\x00ff' WHERE user_id = %s", (user,)).rowcount
            assert done == 1

    def kept(self) -> bytes:
        with psycopg.connect(self.database) as db:
            tables = ("users", "sessions", "house_rule", "audit")
            return repr([db.execute(f"SELECT * FROM panel.{table}").fetchall() for table in tables]).encode()

    def set_secure(self, secure: bool) -> None:
        self.app.state.panel = replace(self.panel, secure_cookie=secure)


class Users(Waiting):
    """The panel's users, waited for, and `record`, which waits for nothing."""

    def __init__(self, users: PanelUsers, loop: EventLoop) -> None:
        super().__init__(users, loop)
        self.record = users.record


class Visitor(pages.Visitor):
    """Somebody who visits it. Requests go to the application directly, as if a server had taken them."""

    def __init__(self, live: Live) -> None:
        self.live: Live = live
        transport = httpx.ASGITransport(live.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://panel")

    @property
    def cookie(self) -> str:
        return next((cookie.value or "" for cookie in self.client.cookies.jar if cookie.name == "panel"), "")

    def plant(self, word: str) -> None:
        self.client.cookies.clear()
        self.client.cookies.set("panel", word, domain="panel.local", path="/")

    def _ask(self, method: str, path: str, fields: Mapping[str, str]) -> httpx.Response:
        data = dict(fields) if method != "GET" else None
        return self.live.run(self.client.request(method, path, data=data))
