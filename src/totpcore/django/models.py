"""The application's own flag: of whom a second factor is expected.

Rules of this file:

1. A lost, emptied or swapped store never turns a second factor off in silence: where this row stands and the store
   holds nothing, `gate` raises `RecordMissing`.
2. First totpcore changes the factor, then this row follows. If the machine stops in between, a row too many stops the
   log-in, and a row too few changes nothing: `gate` asks for the code all the same.
3. It is read where it is written: a replica that lags would stop a log-in, or not.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, router
from django.utils.translation import gettext_lazy as _

from ._people import pk_of

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class Expectation(models.Model):
    """A user who has a second factor. Without one there is no row.

    Attributes:
        user: The user.
        codes_shown: Whether this user has seen the recovery codes; not so after a factor was brought along.
    """

    user: "models.OneToOneField[AbstractBaseUser, AbstractBaseUser]" = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    codes_shown: "models.BooleanField[bool, bool]" = models.BooleanField(default=False)

    objects: "ClassVar[models.Manager[Expectation]]" = models.Manager()

    class Meta:
        """Nobody edits it by hand, so there are no permissions for it."""

        default_permissions: tuple[str, ...] = ()
        verbose_name: "_StrOrPromise" = _("expected second factor")
        verbose_name_plural: "_StrOrPromise" = _("expected second factors")

    def __str__(self) -> str:
        return str(self.pk)


class YourSecondFactor(Expectation):
    """What the admin lists as the way to one's own page; it needs a model for that.

    Not `Expectation` itself: a user whose row the admin may not delete could not be deleted there either.
    """

    class Meta:
        """No table, no permissions."""

        proxy = True
        default_permissions: tuple[str, ...] = ()
        verbose_name: "_StrOrPromise" = _("your second factor")
        verbose_name_plural: "_StrOrPromise" = _("your second factor")


def _rows() -> "models.QuerySet[Expectation]":
    return Expectation.objects.using(router.db_for_write(Expectation))


def expectation(user: AbstractBaseUser) -> Expectation | None:
    """Return the row of a user, `None` if no second factor is expected."""
    return _rows().filter(pk=pk_of(user)).first()


def unseen_codes(keys: Iterable[str]) -> set[str]:
    """Return those, of these primary keys as text, whose recovery codes nobody has seen."""
    return set(map(str, _rows().filter(pk__in=list(keys), codes_shown=False).values_list("pk", flat=True)))


def expect(user: AbstractBaseUser, *, codes_shown: bool) -> Expectation:
    """Keep that this user has a second factor now."""
    row, _made = _rows().update_or_create(pk=pk_of(user), defaults={"codes_shown": codes_shown})
    return row


def mark_codes_shown(user: AbstractBaseUser) -> None:
    """Keep that this user has been shown the recovery codes, if they still have a second factor."""
    _rows().filter(pk=pk_of(user)).update(codes_shown=True)


def forget(user: AbstractBaseUser) -> None:
    """Keep that this user has none any more."""
    _rows().filter(pk=pk_of(user)).delete()
