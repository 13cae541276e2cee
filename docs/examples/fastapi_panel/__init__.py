"""The panel of `admin_panel` in another dialect: FastAPI, `AsyncTwoFactor`, and PostgreSQL for everything.

Read `login.py` and `second_factor.py` first. With `AsyncTwoFactor(...)` in `app.py`, the gate in `session.py` and the
sentences in `panel_pages/messages.py` they are what a second factor takes. The rest is what every panel has.
"""

from fastapi_panel.app import create_app

__all__ = ["create_app"]
