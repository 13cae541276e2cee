"""The parts, put together.

Rule 1. Second factors are in a store of their own: they can be guarded, backed up and moved apart from the users. Which
one is a setting: a file, PostgreSQL, Redis.
Rule 2. Where the store cannot be relied on, nobody is let in, and the page says whom to call.
Rule 3. The store is made once, before the first start. A panel that finds none does not start: in an empty one, in the
place of one that is lost, nobody has a second factor, and but for the flag in the user's row nobody would notice.
"""

import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask, Response, current_app, g, render_template, request, url_for
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from admin_panel import login, second_factor, session, staff
from admin_panel.session import Panel
from admin_panel.users import Users
from panel_pages import FILTERS, STATIC, TEMPLATES, messages
from panel_pages.access import FULL
from totpcore import Plaintext, Sealer, StoreError, TwoFactor
from totpcore.stores import from_url

# With `Plaintext` whoever reads the store, or a backup of it, can make every administrator's codes. In earnest, pass a
# `Keyring`: it encrypts each record. `python -m admin_panel` does where there are keys.
UNSEALED = Plaintext()


def make_store(folder: Path, store: str | None = None) -> None:
    """Make the store that `create_app` opens, once: see rule 3."""
    made = from_url(store or _beside_the_users(folder), create=True)
    if close := getattr(made, "close", None):
        close()


def create_app(
    folder: Path,
    *,
    store: str | None = None,
    sealer: Sealer = UNSEALED,
    clock: Callable[[], float] = time.time,
    secure_cookie: bool = False,
) -> Flask:
    """The panel, with its users in `folder`, and the second factors in the store of that URL; without one, beside them.

    Behind TLS, set `secure_cookie`.
    """
    users = Users(folder / "users.db")
    factor = TwoFactor(
        from_url(store or _beside_the_users(folder)),
        issuer="Example Panel",
        sealer=sealer,
        clock=clock,
        audit=users.record,
    )
    app = Flask(__name__, template_folder=TEMPLATES, static_folder=STATIC)
    # No form here is longer than a page of text; more than this is refused before it is read.
    app.config.update(MAX_CONTENT_LENGTH=64 * 1024, SECURE_COOKIE=secure_cookie)
    app.extensions["panel"] = Panel(users, factor, clock)
    app.before_request(session.guard)
    app.after_request(session.harden)
    app.context_processor(_for_every_page)
    app.jinja_env.filters.update(FILTERS)
    app.register_error_handler(HTTPException, _error)
    app.register_error_handler(StoreError, _stopped)
    for part in (login, second_factor, staff):
        app.register_blueprint(part.views)
    return app


def _beside_the_users(folder: Path) -> str:
    return f"sqlite:///{folder / 'second-factors.db'}"


def _for_every_page() -> dict[str, object]:
    found = g.get("session")
    full = found is not None and found.stage == FULL
    enforcement = g.get("enforcement")
    return {
        "static": lambda file: url_for("static", filename=file),
        "csrf": session.csrf(),
        "user": g.get("user"),
        "full": full,
        "notice": session.take_notice(),
        "confined": g.get("confined", False),
        "nudge": g.get("nudge", False) and request.blueprint != "second_factor",
        "deadline": enforcement and enforcement.deadline,
        "recovered": found.recovered if found else "",
    }


def _error(error: HTTPException) -> ResponseReturnValue:
    if request_ctx.url_adapter is None:  # no host, no addresses, and no page, which is full of them
        return Response(messages.HOST, 400, mimetype="text/plain")
    status = error.code or 500
    return render_template("error.html", **messages.error(status)), status


def _stopped(error: StoreError) -> ResponseReturnValue:
    current_app.logger.error("The second factors are in trouble: %s", error)
    return render_template("stopped.html", **messages.stopped(error)), 503
