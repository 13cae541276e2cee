"""An application for several workers: one code, by many requests at once, opens once.

Rule 1. The `TwoFactor` is made when this module is loaded, also where that is before the workers are forked.
Rule 2. Nothing about a second factor is kept in the process: a worker may be replaced between any two requests.

It shows what workers share, and its view is not to be copied: it asks for no password, takes the user from the form,
and says why it refuses. One to copy is in docs/how-to/flask.md.
"""

import os

from flask import Flask, request
from flask.typing import ResponseReturnValue

from howto.from_setting import second_factor
from totpcore import InvalidInput, Refused

app = Flask(__name__)
two_factor = second_factor()


@app.post("/code")
def code() -> ResponseReturnValue:
    """Say what comes of a code, and which worker says so."""
    try:
        two_factor.verify(request.form.get("user", ""), request.form.get("code", ""))
    except InvalidInput:
        return {"worker": os.getpid(), "said": "no user id"}, 400
    except Refused as refused:
        return {"worker": os.getpid(), "said": refused.reason}, 422
    return {"worker": os.getpid(), "said": "ok"}
