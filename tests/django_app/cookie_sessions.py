"""Sessions of a site's own, which are kept in cookies."""

from django.contrib.sessions.backends import signed_cookies


class SessionStore(signed_cookies.SessionStore):
    """One."""
