"""An admin panel that asks for a second factor: an example of how to embed totpcore.

Read `login.py` and `second_factor.py` first. With `TwoFactor(...)` in `app.py`, the gate in `session.py` and the
sentences in `messages.py` they are what a second factor takes. The rest is what every panel has.
"""

from admin_panel.app import create_app

__all__ = ["create_app"]
