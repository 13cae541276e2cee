"""Somebody with a browser, and maybe a phone, at a site that was made for one test.

Rule 1. A browser is Django's test client. An exception in a view is a page 500 for it, as for any browser.
"""

from dataclasses import dataclass, field
from html import unescape
from typing import Protocol, cast

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from totpcore import TwoFactor
from totpcore.django.conf import key_of, two_factor
from totpcore.django.models import expect
from totpcore.testing import HandClock, Phone

PASSWORD = "correct horse battery staple"


@dataclass
class Visitor:
    """One user, one browser, and the phone once there is one."""

    house: "House"
    user: User
    phone: Phone | None = None
    codes: list[str] = field(default_factory=list)
    browser: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    @property
    def key(self) -> str:
        """The id that totpcore knows."""
        return key_of(self.user)

    def code(self) -> str:
        """What the phone shows, in a time step that nobody has used yet."""
        assert self.phone
        clock = self.house.clock
        clock.tick(30)
        while self.phone.code(clock()) == self.phone.code(clock() - 30):  # one in a million: both were spent at once
            clock.tick(30)
        return self.phone.code(clock())

    def wrong(self) -> str:
        """A code that no time step near has."""
        assert self.phone
        near = {self.phone.code(self.house.clock() + 30 * step) for step in range(-12, 13)}
        return next(code for code in (f"{number:06d}" for number in range(50)) if code not in near)

    def get(self, path: str, **headers: str) -> HttpResponse:
        """Open a page."""
        return cast("HttpResponse", self.browser.get(path, headers=headers))

    def post(self, path: str, **fields: str) -> HttpResponse:
        """Send a form."""
        return cast("HttpResponse", self.browser.post(path, fields))

    def gives_password(self, then: str = "/admin/") -> HttpResponse:
        """Log in at the admin's page."""
        return self.post("/admin/login/", username=self.user.username, password=PASSWORD, next=then)

    def logs_in(self, then: str = "/admin/") -> HttpResponse:
        """Log in with the password and, where there is a phone, its code."""
        answer = self.gives_password(then)
        return self.post("/2fa/code/", code=self.code(), next=then) if self.phone else answer

    def sets_up(self) -> HttpResponse:
        """Scan the QR code and type what the phone shows."""
        self.phone = scanned(self.post("/2fa/setup/"))
        answer = self.post("/2fa/confirm/", code=self.code())
        self.codes = recovery_codes(answer)
        return answer

    def is_let_in(self) -> bool:
        """Whether a page behind the log-in opens."""
        return self.get("/private").content == f"you are {self.user.username}".encode()

    def on_another_machine(self) -> "Visitor":
        """The same user with another browser."""
        return Visitor(self.house, self.user, self.phone, self.codes)


@dataclass
class House:
    """The site, and its time."""

    clock: HandClock

    @property
    def factor(self) -> TwoFactor:
        """The service that the site has."""
        return two_factor()

    def visitor(self, name: str = "alice", *, phone: bool = False, staff: bool = True) -> Visitor:
        """A new user, who may have set up a phone."""
        user = User.objects.create_user(name, password=PASSWORD, is_staff=staff, is_superuser=staff)
        visitor = Visitor(self, user)
        if phone:
            visitor.phone = Phone.scan(self.factor.enrol(visitor.key, account=name).uri)
            confirmed = self.factor.confirm(visitor.key, visitor.phone.code(self.clock()))
            visitor.codes = list(confirmed.recovery_codes)
            expect(user, codes_shown=True)
        return visitor


class Page(Protocol):
    """An answer, of whatever class."""

    status_code: int

    @property
    def content(self) -> bytes:
        """What it holds."""


def text(answer: Page) -> str:
    """What a page shows."""
    return answer.content.decode()


def scanned(answer: Page) -> Phone:
    """A phone that has scanned the QR code of a page, which holds the link as well."""
    assert answer.status_code == 200, text(answer)
    link = text(answer).partition('href="otpauth:')[2].partition('"')[0]
    return Phone.scan("otpauth:" + unescape(link))


def recovery_codes(answer: Page) -> list[str]:
    """The recovery codes that a page shows."""
    assert answer.status_code == 200, text(answer)
    return [line.partition("</code>")[0] for line in text(answer).split("<li><code>")[1:]]
