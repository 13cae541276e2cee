"""An admin panel that asks for a second factor: an example of how to embed totpcore.

Read `login.py` and `second_factor.py` first. With `TwoFactor(...)` in `app.py`, the gate in `session.py` and the
sentences in `panel_pages/messages.py` they are what a second factor takes. The rest is what every panel has. The same
panel in another dialect is `fastapi_panel`; both show the pages of `panel_pages`.

What it has not: a throttle of passwords. Wrong ones, at the log-in as in the two forms that ask for one's own password
(`/profile/password` and the reset of a colleague), are neither counted nor told in the audit trail.
"""

from admin_panel.app import create_app, make_store

__all__ = ["create_app", "make_store"]
