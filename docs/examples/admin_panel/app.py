"""The parts, put together.

Rule 1. Second factors are in a store of their own: they can be guarded, backed up and moved apart from the users. Which
one is a setting: a file, PostgreSQL, Redis.
Rule 2. Where the store cannot be relied on, nobody is let in, and the page says whom to call.
"""

import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask, current_app, g, render_template
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from admin_panel import login, second_factor, session, staff
from admin_panel.session import Panel
from admin_panel.users import Users
from totpcore import Plaintext, RecordMissing, RecordUnreadable, Sealer, StoreError, TwoFactor
from totpcore.stores import from_url

# With `Plaintext` whoever reads the store, or a backup of it, can make every administrator's codes. In earnest, pass a
# `Keyring`: it encrypts each record. `python -m admin_panel` does where there are keys.
UNSEALED = Plaintext()


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
        from_url(store or f"sqlite:///{folder / 'second-factors.db'}", create=True),
        issuer="Example Panel",
        sealer=sealer,
        clock=clock,
        audit=users.record,
    )
    app = Flask(__name__)
    # No form here is longer than a page of text; more than this is refused before it is read.
    app.config.update(MAX_CONTENT_LENGTH=64 * 1024, SECURE_COOKIE=secure_cookie)
    app.extensions["panel"] = Panel(users, factor, clock)
    app.before_request(session.guard)
    app.after_request(session.harden)
    app.context_processor(_for_every_page)
    app.register_error_handler(HTTPException, _error)
    app.register_error_handler(StoreError, _stopped)
    for part in (login, second_factor, staff):
        app.register_blueprint(part.views)
    return app


def _for_every_page() -> dict[str, object]:
    found = g.get("session")
    full = found is not None and found.stage == session.FULL
    return {"user": g.get("user"), "full": full, "csrf": session.csrf, "notice": session.take_notice}


def _error(error: HTTPException) -> ResponseReturnValue:
    return render_template("error.html", heading=error.name, text=error.description), error.code or 500


def _stopped(error: StoreError) -> ResponseReturnValue:
    current_app.logger.error("The second factors are in trouble: %s", error)
    return render_template("stopped.html", lost=isinstance(error, RecordMissing | RecordUnreadable)), 503
