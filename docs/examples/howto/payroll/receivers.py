"""What follows from the second factor's events."""

# page: begin
from django.contrib.auth.models import User
from django.dispatch import receiver

from totpcore import Event, EventKind
from totpcore.django.signals import second_factor_event


@receiver(second_factor_event)
def tell_the_owner(event: Event, **_more: object) -> None:
    """Tell somebody by mail that their second factor was reset, and by whom."""
    if event.kind is EventKind.RESET:
        text = f"{event.actor} has reset it. If you did not ask for that, call us at once."
        User.objects.get(pk=event.user).email_user("Your second factor was reset", text)


# page: end
