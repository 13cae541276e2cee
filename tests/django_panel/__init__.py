"""Browser tests of the example project's admin; Django's settings come before its models."""

import stores.django_project  # noqa: F401
