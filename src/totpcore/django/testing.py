"""For the tests of a site: a session in which the second factor was given.

Rule 1. It goes by the settings, the store and the clock of the site under test, as a visitor would.
"""

from django.contrib.auth.base_user import AbstractBaseUser
from django.test import Client

from ..otp import TOTP
from ..secret import Secret
from . import conf, session
from .models import expect


def pass_second_factor(client: Client, user: AbstractBaseUser) -> None:
    """Log a user in and give the second factor; one is set up where there is none.

    Example:
        In a test case::

            pass_second_factor(self.client, self.staff)
            self.assertEqual(self.client.get("/admin/").status_code, 200)

    A `TestCase` has to name the store's database as well: `databases = {"default", "totpcore.default"}`.
    """
    factor, key = conf.two_factor(), conf.key_of(user)
    if not factor.status(key).code_required:
        factor.adopt(key, TOTP(Secret.generate()), spent=-1)
        expect(user, codes_shown=True)
    client.force_login(user)
    marked = client.session
    marked[session.TIE] = factor.status(key).generation
    marked.save()
