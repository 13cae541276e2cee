"""Who a user is here.

Rules of this file:

1. A user is known by the primary key of `AUTH_USER_MODEL`, which never changes; a log-in name may. A model that
   inherits from it may have a primary key of its own, and that number is somebody else's.
2. Users of another class, as a second log-in backend may have them, have no record: their numbers are other people's.
3. A log-in name may be a number. It is shown as text.
"""

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


def pk_of(user: AbstractBaseUser) -> object:
    """Return the primary key in the table of `AUTH_USER_MODEL`.

    Raises:
        ImproperlyConfigured: If it is a user of another class.
    """
    model = get_user_model()
    if not isinstance(user, model):
        kind = f"{type(user).__module__}.{type(user).__qualname__}"
        raise ImproperlyConfigured(
            f"totpcore.django has second factors for users of AUTH_USER_MODEL, and {kind} is none: their primary keys "
            "would be taken for one another's"
        )
    key: object = getattr(user, model._meta.pk.attname)
    return key


def is_same(user: AbstractBaseUser, other: "AbstractBaseUser | AnonymousUser") -> bool:
    """Whether `other`, whoever that is, is this user."""
    return isinstance(other, get_user_model()) and pk_of(other) == pk_of(user)


def name_of(user: "AbstractBaseUser | AnonymousUser") -> str:
    """Return the log-in name."""
    return str(user.get_username())
