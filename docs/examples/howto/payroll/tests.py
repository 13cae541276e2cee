"""The tests of the app, as `manage.py test` runs them."""

# ruff: noqa: RUF012  # as Django has it
# page: begin
from django.contrib.auth.models import User
from django.core import mail
from django.test import TestCase

from totpcore.django.conf import key_of, two_factor
from totpcore.django.testing import pass_second_factor


class SalariesTest(TestCase):
    """Who sees the salaries."""

    databases = {"default", "totpcore.default"}

    def setUp(self) -> None:
        """Make somebody to log in as."""
        self.user = User.objects.create_user("ada", "ada@example.com", is_staff=True)

    def test_after_the_code(self) -> None:
        """Whoever gave a code sees them."""
        pass_second_factor(self.client, self.user)
        self.assertContains(self.client.get("/salaries/"), "The salaries, ada.")

    def test_after_the_password_alone(self) -> None:
        """Whoever has a second factor and has not given a code is led to the page that asks for it."""
        pass_second_factor(self.client, self.user)
        self.client.force_login(self.user)
        self.assertRedirects(self.client.get("/salaries/"), "/2fa/code/?next=/salaries/")

    def test_without_a_second_factor(self) -> None:
        """Whoever has none is led to set one up."""
        self.client.force_login(self.user)
        self.assertRedirects(self.client.get("/salaries/"), "/2fa/")

    def test_a_reset_is_told(self) -> None:
        """By mail, with the name of the administrator who did it."""
        pass_second_factor(self.client, self.user)
        two_factor().reset(key_of(self.user), actor="grace", reason="a lost phone")
        assert "grace has reset it" in mail.outbox[0].body


# page: end
class OtherViewsTest(TestCase):
    """The other views of the app."""

    databases = {"default", "totpcore.default"}

    def setUp(self) -> None:
        """Make two people, one of whom has a second factor."""
        self.user = User.objects.create_user("ada", is_staff=True)
        self.customer = User.objects.create_user("eve")

    def test_no_decorator(self) -> None:
        """Open to everybody but whoever still owes the code."""
        self.assertContains(self.client.get("/"), "Welcome, AnonymousUser.")
        self.client.force_login(self.customer)
        self.assertContains(self.client.get("/"), "Welcome, eve.")
        pass_second_factor(self.client, self.user)
        self.assertContains(self.client.get("/"), "Welcome, ada.")
        self.client.force_login(self.user)
        self.assertRedirects(self.client.get("/"), "/2fa/code/?next=/")

    def test_classes(self) -> None:
        """The mixin does what the decorator does."""
        self.client.force_login(self.customer)
        self.assertRedirects(self.client.get("/payslips/"), "/2fa/")
        pass_second_factor(self.client, self.user)
        self.assertContains(self.client.get("/payslips/"), "The payslips, ada.")

    def test_login_required(self) -> None:
        """Open without a code to whoever has no second factor, and to nobody else."""
        self.client.force_login(self.customer)
        self.assertContains(self.client.get("/holidays/"), "The holidays, eve.")
        pass_second_factor(self.client, self.user)
        self.client.force_login(self.user)
        self.assertRedirects(self.client.get("/holidays/"), "/2fa/code/?next=/holidays/")

    def test_exempt(self) -> None:
        """Between the password and the code it is open, and sees nobody."""
        pass_second_factor(self.client, self.user)
        self.client.force_login(self.user)
        self.assertContains(self.client.get("/opening-hours/"), "Nine to five, AnonymousUser.")
