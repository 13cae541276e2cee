"""What other code may listen to.

Rule 1. A receiver gets the event after it has happened and cannot undo it; what a receiver raises is logged, and the
answer stands.
"""

from typing import Final

from django.dispatch import Signal

second_factor_event: Final = Signal()
"""Sent with `event`, a `totpcore.Event`, beside the line in the log.

Example:
    In a module that is imported when the site starts::

        @receiver(second_factor_event)
        def tell_the_owner(event, **_more):
            if event.kind is EventKind.RESET:
                send_mail(...)
"""
