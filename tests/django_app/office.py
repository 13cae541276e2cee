"""The people of a site, for the tests of the admin, of the commands and of the moving."""

from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from browser.codes import wrong_code
from browser.site import Account
from django_app.visitors import PASSWORD, House
from totpcore import InvalidCode, TwoFactor
from totpcore.django import models
from totpcore.stores.django import DjangoStore
from totpcore.testing import Phone


class Browser:
    """A browser, with the type of what it gets."""

    def __init__(self, user: User) -> None:
        self.client = Client()
        self.client.force_login(user)

    def get(self, path: str, query: dict[str, str] | None = None) -> HttpResponse:
        """Open a page."""
        return cast("HttpResponse", self.client.get(path, query))

    def post(self, path: str, fields: Mapping[str, object]) -> HttpResponse:
        """Send a form."""
        return cast("HttpResponse", self.client.post(path, fields))


class Office:
    """Who works at a site, and who does not."""

    def __init__(self, house: House) -> None:
        self.clock = house.clock
        self._house = house

    @property
    def factor(self) -> TwoFactor:
        """The service that the site has."""
        return self._house.factor

    def add(self, name: str, *, staff: bool = True, superuser: bool = False) -> User:
        """Somebody with a password only."""
        return User.objects.create_user(name, password=PASSWORD, is_staff=staff or superuser, is_superuser=superuser)

    def enrol(self, user: User) -> Account:
        """Turn their second factor on; the code it was confirmed with is a minute old."""
        enrolment = self.factor.enrol(str(user.pk), account=user.username)
        codes = self.factor.confirm(str(user.pk), Phone.scan(enrolment.uri).code(self.clock())).recovery_codes
        models.expect(user, codes_shown=True)
        self.clock.tick(60)
        return Account(str(user.pk), user.username, enrolment.secret.base32, tuple(codes))

    def wrong_code(self, account: Account) -> str:
        """A code that is wrong now and for some minutes."""
        return wrong_code(account.key, self.clock())

    def lock(self, account: Account) -> None:
        """Let somebody who knows the password type a hundred wrong codes."""
        for _ in range(100):
            self.clock.tick(3600)
            with suppress(InvalidCode):
                self.factor.verify(account.id, self.wrong_code(account))

    def spoil(self, user: User) -> None:
        """Write nonsense in the place of a record."""
        store = DjangoStore()
        assert store.swap(str(user.pk), store.load(str(user.pk)), b"nonsense")

    def visitor(self, user: User) -> Browser:
        """A browser in which somebody without a second factor has logged in."""
        return Browser(user)
