"""The parts, put together.

Rule 1. Second factors are in a store of their own: they can be guarded, backed up and moved apart from the users. Which
one is a setting; without it they have a table in the database of the users.
Rule 2. Where the store cannot be relied on, nobody is let in, and the page says whom to call.
Rule 3. FastAPI guards what it routes itself, and nothing else: its own pages about the interface are switched off, and
so are its redirects to an address with a slash more or less, which lead to whatever host a request names.
Rule 4. The store is made once, before the first start, and by no worker: in an empty one, in the place of one that is
lost, nobody has a second factor, and but for the flag in the user's row nobody would notice.
"""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import psycopg
from fastapi import Depends, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from fastapi_panel import login, second_factor, session, staff
from fastapi_panel.harden import Harden
from fastapi_panel.messages import page
from fastapi_panel.session import Elsewhere, Panel
from fastapi_panel.users import Users
from panel_pages import STATIC, messages
from totpcore import AsyncStore, AsyncTwoFactor, Plaintext, Sealer, StoreError
from totpcore.stores import async_from_url

# With `Plaintext` whoever reads the store, or a backup of it, can make every administrator's codes. In earnest, pass a
# `Keyring`: it encrypts each record. `python -m fastapi_panel` does where there are keys.
UNSEALED = Plaintext()
LOG = logging.getLogger(__name__)


async def make_store(database: str, store: str | None = None) -> None:
    """Make the table of the store that `create_app` opens, if it is one with a table, once: see rule 4."""
    async with closing(async_from_url(store or database)) as kept:
        if create_table := getattr(kept, "create_table", None):
            await create_table()


def create_app(
    database: str,
    *,
    store: str | None = None,
    sealer: Sealer = UNSEALED,
    clock: Callable[[], float] = time.time,
    secure_cookie: bool = False,
) -> FastAPI:
    """The panel, with its users in the PostgreSQL `database`, and the second factors in the store of that URL.

    Without a URL of a store they are in the same database. Behind TLS, set `secure_cookie`.
    """
    users, kept = Users(database), async_from_url(store or database)
    factor = AsyncTwoFactor(kept, issuer="Example Panel", sealer=sealer, clock=clock, audit=users.record)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with users, closing(kept):
            yield

    guarded = [Depends(session.guard)]
    app = FastAPI(lifespan=lifespan, openapi_url=None, redirect_slashes=False, dependencies=guarded)
    app.state.panel = Panel(users, factor, clock, secure_cookie)
    app.add_middleware(Harden)
    app.add_exception_handler(Elsewhere, _elsewhere)
    app.add_exception_handler(StoreError, _stopped)
    app.add_exception_handler(psycopg.OperationalError, _stopped)
    app.add_exception_handler(HTTPException, _error)
    app.add_exception_handler(Exception, _broken)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for part in (login, second_factor, staff):
        app.include_router(part.views)
    return app


@asynccontextmanager
async def closing(store: AsyncStore) -> AsyncIterator[AsyncStore]:
    """Close a store's connections in the end, if it has any."""
    try:
        yield store
    finally:
        if close := getattr(store, "close", None):
            await close()


async def _elsewhere(request: Request, error: Exception) -> Response:
    return session.away(request, cast("Elsewhere", error).view)


async def _stopped(request: Request, error: Exception) -> Response:
    which = "second factors" if isinstance(error, StoreError) else "users"
    LOG.error("The %s are in trouble: %s", which, error)
    visit = session.visit_of(request)
    visit.trouble = True
    return await page(visit, "stopped.html", status_code=503, **messages.stopped(error))


async def _error(request: Request, error: Exception) -> Response:
    status = cast("HTTPException", error).status_code
    visit = session.visit_of(request)
    if not visit.looked:  # there is no such page, it takes no such request, or no such form
        try:
            visit = await session.find(request)
        except (StoreError, psycopg.OperationalError) as trouble:
            return await _stopped(request, trouble)
    return await page(visit, "error.html", status_code=status, **messages.error(status))


async def _broken(request: Request, _: Exception) -> Response:
    visit = session.visit_of(request)
    visit.trouble = True
    return await page(visit, "error.html", status_code=500, **messages.error(500))
