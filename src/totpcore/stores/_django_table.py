"""The table of a `DjangoStore`, as a model that no application has to install.

Rules of this file:

1. The key is the SHA-256 of the user id, in hexadecimal. MySQL and MariaDB compare text by a collation that folds case
   and drops trailing spaces, and index no text of any length; a hash is the same on every database, and tells ids
   apart code point by code point. The id itself stands beside it, for whoever asks for `users()`.
2. The model is in a registry of its own: no migration and no other application knows of it. Its table has a fixed name,
   so that an application to be installed can take it over.
3. No signal shows the bytes to a receiver: Django sends none when it saves a model that is marked as made by itself.
"""

from functools import cache
from hashlib import sha256
from typing import Final

from django.apps.registry import Apps
from django.db import Error, models
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE: Final = "totpcore"


@cache
def record() -> type[models.Model]:
    """Return the model. It is made when it is first needed, as Django allows none before its settings are there."""

    class Record(models.Model):
        key: "models.CharField[str, str]" = models.CharField(max_length=64, primary_key=True)
        user: "models.TextField[str, str]" = models.TextField()
        value: "models.BinaryField[bytes, bytes]" = models.BinaryField()

        class Meta:
            apps = Apps()
            app_label = "totpcore"
            db_table = TABLE
            auto_created = True  # rule 3

    return Record


def key_of(user: str) -> str:
    """Return what a user's record is found by."""
    return sha256(user.encode()).hexdigest()


def exists(connection: BaseDatabaseWrapper) -> bool:
    """Whether the table is there."""
    return TABLE in connection.introspection.table_names()


def create(connection: BaseDatabaseWrapper) -> None:
    """Make the table where there is none. Another process may do the same at the same moment."""
    if exists(connection):
        return
    try:
        with connection.schema_editor() as editor:
            editor.create_model(record())
    except Error:
        if not exists(connection):
            raise
