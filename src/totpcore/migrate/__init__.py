"""What other systems keep of a second factor, read for `TwoFactor.adopt`.

Rules of this package:

1. Plain data in, a token and its spent counter out: no other library is imported, no clock is read, nothing is stored.
2. What was spent there stays spent here. Where that is not known, it says so, and whoever calls passes the time of now.
3. A message names the field and what is allowed, never what stands in it.
"""

from ._allauth import from_allauth
from ._django_otp import from_django_otp
from ._libpam import from_libpam
from ._migration import from_migration
from ._moved import BadRow, Moved, read_each
from ._passlib import from_passlib
from ._pyotp import from_pyotp
from ._uris import from_uri

__all__ = [
    "BadRow",
    "Moved",
    "from_allauth",
    "from_django_otp",
    "from_libpam",
    "from_migration",
    "from_passlib",
    "from_pyotp",
    "from_uri",
    "read_each",
]
