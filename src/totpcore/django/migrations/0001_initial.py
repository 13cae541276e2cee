"""The flag of a user who has a second factor, and the table of the records."""

from collections.abc import Sequence
from typing import ClassVar

from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.models.deletion import CASCADE

from ...stores.django import DjangoStore
from .. import conf


def make(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make the table of the records, in the database that is to hold them."""
    alias = conf.database()
    if schema_editor.connection.alias == alias:
        DjangoStore(alias).create_table()


class Migration(migrations.Migration):
    """Going back leaves the records: an empty store would let everybody in by the password alone."""

    initial: ClassVar[bool | None] = True
    dependencies: ClassVar[Sequence[tuple[str, str]]] = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations: ClassVar[Sequence[Operation]] = [
        migrations.CreateModel(
            name="Expectation",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("codes_shown", models.BooleanField(default=False)),
            ],
            options={
                "default_permissions": (),
                "verbose_name": "expected second factor",
                "verbose_name_plural": "expected second factors",
            },
        ),
        migrations.CreateModel(
            name="YourSecondFactor",
            fields=[],
            options={
                "proxy": True,
                "default_permissions": (),
                "verbose_name": "your second factor",
                "verbose_name_plural": "your second factor",
                "indexes": [],
                "constraints": [],
            },
            bases=("totpcore_django.expectation",),
        ),
        migrations.RunPython(make, migrations.RunPython.noop),
    ]
