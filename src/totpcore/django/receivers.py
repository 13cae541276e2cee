"""What follows from what others do.

Rule 1. A user who was deleted leaves no record: the next one may get the same primary key.
Rule 2. The record goes after the deletion is committed. Trouble with the store is logged then, and undoes nothing.
"""

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from . import conf


def user_deleted(*, instance: AbstractBaseUser, using: str, **_more: object) -> None:
    """After a user was deleted, remove the record, once that is committed."""
    key = conf.key_of(instance)  # now: Django takes it away from the instance

    def remove_record() -> None:
        if conf.has_record(key):
            conf.two_factor().reset(key, actor="totpcore.django", reason="user was deleted")

    transaction.on_commit(remove_record, using=using, robust=True)
