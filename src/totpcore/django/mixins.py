"""For views of one's own that are classes."""

from collections.abc import Awaitable
from inspect import isawaitable
from typing import cast

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views import View

from .decorators import instead


class SecondFactorRequiredMixin(View):
    """Lets a view be reached only in a session in which a code was accepted. It stands first among the bases.

    Users without a second factor are sent to set one up. The view may be asynchronous.

    Example:
        In front of a view::

            class Payroll(SecondFactorRequiredMixin, ListView): ...
    """

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Send away whoever has given no code."""
        proceed = super().dispatch
        if not self.view_is_async:
            return instead(request) or proceed(request, *args, **kwargs)

        async def dispatched() -> HttpResponseBase:
            refusal = await sync_to_async(instead)(request)
            if refusal is not None:
                return refusal
            answer: HttpResponseBase | Awaitable[HttpResponseBase] = proceed(request, *args, **kwargs)
            return await answer if isawaitable(answer) else answer

        return cast("HttpResponseBase", dispatched())  # Django awaits it; the types of `View` know nothing of that
