"""A second factor for the Django admin and for one's own views: an app to install. Needs `totpcore[django]`.

Rules of this package:

1. The password is Django's, at whatever view. The middleware asks `gate` what comes next, on every request.
2. A session says what was accepted in it, and never a code or a secret.
3. What cannot be decided is not let in: a page says that log-in is stopped.
"""

try:
    import django as _django  # noqa: F401  # asked for by name, so that what is missing in Django itself is told as it is
except ImportError as _missing:
    raise ImportError('totpcore.django needs Django: pip install "totpcore[django]"') from _missing
