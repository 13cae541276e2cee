"""The smallest view that there is something to test of: it asks for the code, the password was checked before.

It is not one to copy. Its half state is in a signed cookie, which does not end, and its form has no token. What it
takes to be safe is in docs/how-to/half-authenticated.md, and in the example panels.

Rule 1. Whoever makes the application passes the `TwoFactor`, so that a test passes one with a clock of its own.
Rule 2. Nothing but a return of `verify` opens the session.
"""

import secrets

from flask import Flask, redirect, request, session
from flask.typing import ResponseReturnValue

from totpcore import Locked, Refused, Throttled, TwoFactor


def create_app(two_factor: TwoFactor) -> Flask:
    """Return the application."""
    app = Flask(__name__)
    app.secret_key = secrets.token_bytes()

    @app.post("/login/code")
    def code() -> ResponseReturnValue:
        user = session.get("half")
        if user is None:
            return "Log in first.", 403
        try:
            accepted = two_factor.verify(user, request.form.get("code", ""))
        except Throttled as refused:
            return "Too many wrong codes.", 429, {"Retry-After": str(int(refused.retry_after) + 1)}
        except Locked:
            return "The codes of your app are locked. Use a recovery code.", 422
        except Refused:
            return "That code is not right.", 422
        session.clear()
        session["user"] = user
        return redirect(f"/?wrong_codes_before={accepted.failures_before}")

    return app
