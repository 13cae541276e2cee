"""Users without a name, without permissions, and without a number."""

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Person(AbstractBaseUser):
    """Somebody who logs in with an e-mail address."""

    id: "models.UUIDField[uuid.UUID, uuid.UUID]" = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email: "models.EmailField[str, str]" = models.EmailField(unique=True)

    objects: "ClassVar[BaseUserManager[Person]]" = BaseUserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
