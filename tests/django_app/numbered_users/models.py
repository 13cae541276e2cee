"""Users whose name is a number; some of them are more, with a table of its own for that."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Person(AbstractBaseUser, PermissionsMixin):  # type: ignore[misc]  # as Django says to; its stubs differ
    """Somebody with a number."""

    number: "models.IntegerField[int, int]" = models.IntegerField(unique=True)
    is_staff: "models.BooleanField[bool, bool]" = models.BooleanField(default=True)

    objects: "ClassVar[BaseUserManager[Person]]" = BaseUserManager()

    USERNAME_FIELD = "number"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return str(self.number)


class Manager(Person):
    """The same, by another name."""

    class Meta:
        """No table."""

        proxy = True


class Clerk(Person):
    """Somebody with a desk, who has the primary key of the person."""

    desk: "models.CharField[str, str]" = models.CharField(max_length=9, default="")


class Courier(Person):
    """Somebody with a round, who is known by that: the primary key is a number of its own."""

    round: "models.AutoField[int, int]" = models.AutoField(primary_key=True)
    person: "models.OneToOneField[Person, Person]" = models.OneToOneField(
        Person, on_delete=models.CASCADE, parent_link=True
    )
