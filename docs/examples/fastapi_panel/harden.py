"""Around each request: no more of a form than there should be, the headers, and the new cookie if there is one.

Rule 1. Redirects, files and errors have the headers too, so this is no dependency of views but a middleware.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fastapi_panel.forms import limited
from fastapi_panel.session import Visit, cookie_name
from panel_pages import HEADERS


class Harden:
    """The middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                # Nothing is stored, so there is nothing to compare with; without these no browser asks again.
                del headers["ETag"], headers["Last-Modified"]
                visit: Visit | None = state.get("visit")
                if visit and visit.new_cookie:
                    headers.append("Set-Cookie", _set_cookie(visit))
            await send(message)

        await self.app(scope, limited(receive), hardened)


def _set_cookie(visit: Visit) -> str:
    secure = "; Secure" if visit.panel.secure_cookie else ""
    return f"{cookie_name(visit.panel)}={visit.new_cookie}; Path=/; HttpOnly; SameSite=Lax{secure}"
