"""Tests of `totpcore.django`, on a project whose settings are made here: Django wants them before its models."""

import stores.django_project  # noqa: F401
